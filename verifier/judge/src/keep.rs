//! Keeping what a run made, for a reader.

use std::fs;
use std::path::{Path, PathBuf};

use twinbuild_rebuild::{Ended, Twin};
use twinbuild_recipe::{Reason, Recipe};
use twinbuild_verdict::Verdict;

use crate::JudgeError;

/// A folder that a run's artifacts, logs, recipe and verdict are copied to.
#[derive(Debug, Clone)]
pub(crate) struct Keep {
    folder: Option<PathBuf>,
}

impl Keep {
    /// Makes the folder, if one is asked for.
    pub(crate) fn new(folder: Option<&Path>) -> Result<Self, JudgeError> {
        if let Some(folder) = folder {
            fs::create_dir_all(folder).map_err(JudgeError::io(format!("making the folder {}", folder.display())))?;
        }
        Ok(Self { folder: folder.map(Path::to_owned) })
    }

    /// What is kept in a folder below, which is made when it is needed.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self { folder: self.folder.as_ref().map(|folder| folder.join(name)) }
    }

    /// Keeps a copy of the file at `path` as `name`.
    pub(crate) fn copy(&self, path: &Path, name: &str) -> Result<(), JudgeError> {
        self.with(name, |target| fs::copy(path, target).map(drop))
    }

    /// Keeps the recipe, with the lock of its requirements.
    pub(crate) fn recipe(&self, recipe: &Recipe, reasons: &[Reason]) -> Result<(), JudgeError> {
        self.with("recipe.toml", |target| fs::write(target, recipe.to_toml(reasons)))
    }

    /// Keeps what a twin built and printed.
    pub(crate) fn twin(&self, twin: &Twin) -> Result<(), JudgeError> {
        self.with(&format!("{}.log", twin.name), |target| fs::write(target, &twin.log.bytes))?;
        match &twin.ended {
            Ended::Built(artifact) => self.copy(&artifact.path, &format!("{}/{}", twin.name, artifact.file_name)),
            Ended::Failed(_) | Ended::AtLimit(_) => Ok(()),
        }
    }

    /// Removes what was kept of twins, before others are built by another recipe.
    pub(crate) fn forget_twins(&self) -> Result<(), JudgeError> {
        self.forget(&["first", "second", "first.log", "second.log"])
    }

    fn forget(&self, names: &[&str]) -> Result<(), JudgeError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        for name in names {
            let path = folder.join(name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(JudgeError::io(format!("removing {}", path.display()))(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts what was kept below in the place of what was kept here of another source.
    pub(crate) fn take_over(&self, below: &Self) -> Result<(), JudgeError> {
        self.forget_twins()?;
        self.forget(&["source", "recipe.toml"])?;
        let (Some(folder), Some(below)) = (&self.folder, &below.folder) else { return Ok(()) };
        let doing = || format!("moving what was kept in {}", below.display());
        for entry in fs::read_dir(below).map_err(JudgeError::io(doing()))? {
            let entry = entry.map_err(JudgeError::io(doing()))?;
            fs::rename(entry.path(), folder.join(entry.file_name())).map_err(JudgeError::io(doing()))?;
        }
        fs::remove_dir(below).map_err(JudgeError::io(doing()))
    }

    /// Keeps the verdict.
    pub(crate) fn verdict(&self, verdict: &Verdict) -> Result<(), JudgeError> {
        let text = serde_json::to_string_pretty(verdict)
            .map_err(|error| JudgeError::Internal { what: format!("the verdict cannot be written: {error}") })?;
        self.with("verdict.json", |target| fs::write(target, text + "\n"))
    }

    fn with(&self, name: &str, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), JudgeError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let target = folder.join(name);
        let parent = target.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| write(&target))
            .map_err(JudgeError::io(format!("keeping {}", target.display())))
    }
}
