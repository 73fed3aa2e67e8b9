//! Recipes that are given in part, because inference cannot know all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use pep440_rs::Version;
use twinbuild_environment::Ground;
use twinbuild_recipe::{Inference, RecipeError, RecipeOverride, WheelEvidence};
use twinbuild_registry::{Platform, Project};
use twinbuild_subject::{DistributionFileName, PackageName, Request, Sha256};
use twinbuild_verdict::{Outcome, OverrideRecord, Verdict};

use crate::JudgeError;
use crate::judge::Judge;
use crate::subject::{Prepared, registry_error};
use crate::walk::{Step, end};

/// Where a recipe came from that was inferred, but for what was given.
const ORIGIN: &str = "override";
/// The folder of the ecosystem.
const ECOSYSTEM: &str = "pypi";
/// An override is a few lines.
const LIMIT_BYTES: u64 = 64 << 10;

/// What is given of recipes, by project.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    by_project: BTreeMap<PackageName, Vec<OverrideFile>>,
}

/// One file of them.
#[derive(Debug, Clone)]
pub struct OverrideFile {
    /// The project that it is for.
    pub project: PackageName,
    /// Its path below the folder of all: `pypi/NAME/FILE.toml`.
    pub file: String,
    /// Its digest.
    pub sha256: Sha256,
    /// What it says.
    pub content: RecipeOverride,
}

/// Why overrides cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OverridesError {
    /// A file could not be read.
    #[error("reading {} failed", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something stands there that is no override.
    #[error("{} is not expected there: {expected}", path.display())]
    Unexpected {
        /// The file or folder.
        path: PathBuf,
        /// What is expected.
        expected: &'static str,
    },
    /// A file is no override.
    #[error("{} cannot be used", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecipeError,
    },
}

impl Overrides {
    /// Reads all files `pypi/NAME/*.toml` below `folder`.
    ///
    /// # Errors
    /// [`OverridesError`], also where something else lies there: what is not understood is not passed over.
    pub fn read(folder: &Path) -> Result<Self, OverridesError> {
        let mut by_project = BTreeMap::new();
        for entry in entries(&folder.join(ECOSYSTEM))? {
            let unexpected = |expected| OverridesError::Unexpected { path: entry.clone(), expected };
            let name = name_of(&entry);
            let project = name.parse::<PackageName>().ok().filter(|project| project.as_str() == name);
            let project = project.ok_or_else(|| unexpected("a folder is, with the normalized name of a project"))?;
            let files: Result<Vec<_>, _> = entries(&entry)?.iter().map(|path| read(&project, path)).collect();
            by_project.insert(project, files?);
        }
        Ok(Self { by_project })
    }

    /// All files, by project.
    pub fn files(&self) -> impl Iterator<Item = &OverrideFile> {
        self.by_project.values().flatten()
    }

    /// The one for a release.
    fn of(&self, project: &PackageName, version: &Version) -> Result<Option<&OverrideFile>, JudgeError> {
        let mut found = self.by_project.get(project).into_iter().flatten().filter(|file| file.content.is_for(version));
        match (found.next(), found.next()) {
            (Some(one), Some(other)) => {
                let message = format!("{} and {} are both for {project} {version}", one.file, other.file);
                Err(JudgeError::Usage { message })
            }
            (one, _) => Ok(one),
        }
    }
}

fn read(project: &PackageName, path: &Path) -> Result<OverrideFile, OverridesError> {
    let unexpected = |expected| OverridesError::Unexpected { path: path.to_owned(), expected };
    if path.extension().is_none_or(|end| end != "toml") {
        return Err(unexpected("a file NAME.toml is"));
    }
    let io_error = |source| OverridesError::Io { path: path.to_owned(), source };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(io_error)?;
    file.take(LIMIT_BYTES + 1).read_to_string(&mut text).map_err(io_error)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LIMIT_BYTES {
        return Err(unexpected("a file of at most 64 KiB is"));
    }
    let content =
        RecipeOverride::from_toml(&text).map_err(|source| OverridesError::Recipe { path: path.to_owned(), source })?;
    let file = format!("{ECOSYSTEM}/{project}/{}", name_of(path));
    Ok(OverrideFile { project: project.clone(), file, sha256: Sha256::of(text.as_bytes()), content })
}

/// What lies in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, OverridesError> {
    let io_error = |source| OverridesError::Io { path: folder.to_owned(), source };
    let listed = fs::read_dir(folder).map_err(io_error)?;
    let mut entries: Vec<PathBuf> =
        listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(io_error)?;
    entries.sort();
    Ok(entries)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Judge {
    /// A judge of the same choices that infers all of each recipe.
    #[must_use]
    pub fn without_overrides(&self) -> Self {
        self.with_options(|options| options.overrides = Overrides::default())
    }

    /// The newest release that an override is for and that can be rebuilt: with a wheel for this platform, and an sdist.
    ///
    /// # Errors
    /// [`JudgeError`] where the index cannot be asked.
    pub fn newest_for(&self, file: &OverrideFile) -> Result<Option<Request>, JudgeError> {
        let project = self.pypi.project(&file.project).map_err(registry_error)?;
        let fitting = project.versions.iter().rev().filter(|version| file.content.is_for(version));
        Ok(fitting.filter_map(|version| rebuildable(&project, version)).next())
    }

    /// What the wheel says of its making; where that names no known tool, and an override does, then that one.
    pub(crate) fn with_given_generator(
        &self,
        prepared: &Prepared,
        evidence: WheelEvidence,
    ) -> Result<WheelEvidence, JudgeError> {
        let given = self.options.overrides.of(prepared.name.name(), prepared.name.version())?;
        Ok(match (&evidence.generator, given.and_then(|file| file.content.generator())) {
            (Err(_), Some(generator)) => WheelEvidence { generator: Ok(generator), ..evidence },
            _ => evidence,
        })
    }

    /// The inferred recipe, and what is given of it.
    pub(crate) fn with_override(
        &self,
        prepared: &Prepared,
        inference: Inference,
    ) -> Result<Step<(Inference, &'static str)>, JudgeError> {
        let Some(file) = self.options.overrides.of(prepared.name.name(), prepared.name.version())? else {
            return Ok(Step::Next((inference, "inferred")));
        };
        let refused = |error: RecipeError| JudgeError::Usage { message: format!("{}: {error}", file.file) };
        let inference = file.content.apply(inference).map_err(refused)?;
        let wanted = &inference.recipe.interpreter;
        if !Ground::offer(&self.options.hosts).interpreters.contains(wanted) {
            let detail = format!("{} asks for CPython {}, which is not on offer", file.file, wanted.version);
            return Ok(end(Outcome::Unsupported, "interpreter", None, detail));
        }
        Ok(Step::Next((inference, ORIGIN)))
    }

    /// Writes into a verdict what of its recipe was given.
    pub(crate) fn record_override(&self, prepared: &Prepared, verdict: &mut Verdict) -> Result<(), JudgeError> {
        // A recipe that was given as a whole takes nothing from elsewhere.
        let Some(record) = verdict.recipe.as_mut().filter(|record| record.origin == ORIGIN) else { return Ok(()) };
        record.given = match &prepared.replayed {
            Some(replayed) => replayed.given(),
            None => {
                let file = self.options.overrides.of(prepared.name.name(), prepared.name.version())?;
                file.map(|OverrideFile { file, sha256, content, .. }| OverrideRecord {
                    file: file.clone(),
                    sha256: *sha256,
                    reason: content.reason().to_owned(),
                })
            }
        };
        Ok(())
    }
}

/// The wheel of a release that can be rebuilt here from its sdist.
fn rebuildable(project: &Project, version: &Version) -> Option<Request> {
    let release = project.release(version).ok()?;
    release.sdist()?;
    let file = release.choose(None, Platform::host()?).ok()?;
    let file_name = file.file_name.clone();
    let is_wheel = matches!(file_name, DistributionFileName::Wheel(_));
    is_wheel.then(|| Request { name: project.name.clone(), version: version.clone(), file_name: Some(file_name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "format = 1\nversions = \"<2\"\nreason = \"it is known\"\n[interpreter]\nversion = \"3.9\"\n";

    fn write(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn files_are_found_by_project_and_version() {
        let newer = TEXT.replace("<2", ">=3");
        let folder = write(&[("pypi/a-b/old.toml", TEXT), ("pypi/a-b/new.toml", &newer), ("pypi/c/x.toml", TEXT)]);
        let overrides = Overrides::read(folder.path()).unwrap();
        let file = |name: &str, version: &str| {
            let found = overrides.of(&name.parse().unwrap(), &version.parse().unwrap()).unwrap();
            found.map(|file| file.file.clone())
        };
        assert_eq!(file("A.b", "1.0").as_deref(), Some("pypi/a-b/old.toml"));
        assert_eq!(file("a-b", "3.1").as_deref(), Some("pypi/a-b/new.toml"));
        assert_eq!((file("a-b", "2.5"), file("d", "1")), (None, None));
        assert_eq!(overrides.files().count(), 3);
    }

    #[test]
    fn two_for_one_release_are_a_usage_error() {
        let folder = write(&[("pypi/a/x.toml", TEXT), ("pypi/a/y.toml", &TEXT.replace("<2", "<1.5"))]);
        let overrides = Overrides::read(folder.path()).unwrap();
        let of = |version: &str| overrides.of(&"a".parse().unwrap(), &version.parse().unwrap());
        assert!(of("1.7").unwrap().is_some());
        let error = of("1.0").unwrap_err().to_string();
        assert!(error.contains("x.toml") && error.contains("y.toml"), "{error}");
    }

    #[test]
    fn what_is_not_understood_is_not_passed_over() {
        for (path, text, expected) in [
            ("pypi/A_b/x.toml", TEXT, "normalized name"),
            ("pypi/a/x.tml", TEXT, "NAME.toml"),
            ("pypi/a/x.toml", "format = 1\n", "cannot be used"),
            ("npm/a/x.toml", TEXT, "pypi"),
        ] {
            let error = Overrides::read(write(&[(path, text)]).path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{path}: {error}");
        }
    }
}
