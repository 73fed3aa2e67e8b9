//! A source tree on disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use twinbuild_subject::{MemberPath, Sha256};

/// The tree of one source.
#[derive(Debug, Clone)]
pub struct SourceTree {
    /// The folder that holds the top folder.
    pub(crate) folder: PathBuf,
    /// The name of the top folder, such as `six-1.16.0`.
    pub(crate) top: String,
    /// The folder of the project below the top folder; empty where it is the top folder.
    pub(crate) subdirectory: String,
    /// The files below the top folder, by path and content.
    pub(crate) files: Vec<(MemberPath, Sha256)>,
    /// What a checkout has beside its files, where it is one.
    pub(crate) repository: Option<Repository>,
}

/// The repository of a checkout.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The folder that holds `.git` and nothing else: a repository of the one commit.
    pub(crate) folder: PathBuf,
    /// The folder that holds the commit and its tag objects as they are.
    pub(crate) texts: PathBuf,
}

impl Repository {
    /// The folder that holds `.git` and nothing else: a repository of the one commit, its tag, and what these name. It has neither
    /// hooks nor settings.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that holds the commit and its tag objects as they are: the only bytes of the repository that no file of the
    /// checkout has.
    #[must_use]
    pub fn texts(&self) -> &Path {
        &self.texts
    }
}

impl SourceTree {
    /// The folder that holds the top folder and nothing else.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the top folder, which is one plain path component.
    #[must_use]
    pub fn top(&self) -> &str {
        &self.top
    }

    /// The folder of the project below the one that holds the top folder: the top folder, or a folder in it.
    #[must_use]
    pub fn project(&self) -> String {
        if self.subdirectory.is_empty() { self.top.clone() } else { format!("{}/{}", self.top, self.subdirectory) }
    }

    /// What a checkout has beside its files; `None` for what is no checkout.
    #[must_use]
    pub fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    /// Each regular file below the top folder, by its path there, with its digest; in the order of the archive.
    #[must_use]
    pub fn files(&self) -> &[(MemberPath, Sha256)] {
        &self.files
    }

    /// Whether there is a regular file `name` right below the project's folder.
    #[must_use]
    pub fn has_root_file(&self, name: &str) -> bool {
        let path = if self.subdirectory.is_empty() { name.to_owned() } else { format!("{}/{name}", self.subdirectory) };
        self.files.iter().any(|(own, _)| own.as_bytes() == path.as_bytes())
    }

    /// The content of the regular file `name` right below the project's folder; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than 16 MiB.
    pub fn root_file(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        const LIMIT_BYTES: u64 = 16 << 20;
        if !self.has_root_file(name) {
            return Ok(None);
        }
        let mut content = Vec::new();
        File::open(self.folder.join(self.project()).join(name))?.take(LIMIT_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LIMIT_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{name} of the source is over 16 MiB")));
        }
        Ok(Some(content))
    }
}
