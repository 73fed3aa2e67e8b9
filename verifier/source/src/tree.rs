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
    /// The files below the top folder, by path and content.
    pub(crate) files: Vec<(MemberPath, Sha256)>,
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

    /// Each regular file below the top folder, by its path there, with its digest; in the order of the archive.
    #[must_use]
    pub fn files(&self) -> &[(MemberPath, Sha256)] {
        &self.files
    }

    /// The content of the regular file `name` right below the top folder; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than 16 MiB.
    pub fn root_file(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        const LIMIT_BYTES: u64 = 16 << 20;
        if !self.files.iter().any(|(path, _)| path.as_bytes() == name.as_bytes()) {
            return Ok(None);
        }
        let mut content = Vec::new();
        File::open(self.folder.join(&self.top).join(name))?.take(LIMIT_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LIMIT_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{name} of the source is over 16 MiB")));
        }
        Ok(Some(content))
    }
}
