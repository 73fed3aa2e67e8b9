//! A result that is being laid out on this machine.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use twinbuild_subject::Sha256Hasher;

use crate::{DepotError, Manifest, ManifestFile, OtherContent, OtherFile, ResultName};

/// A folder beside the one that is to be made, which it becomes once it is whole. It is removed where it does not.
pub(crate) struct Arrival {
    temporary: TempDir,
    into: PathBuf,
}

/// A file of it, which is checked as it comes.
pub(crate) struct ArrivingFile<'a> {
    name: &'a ResultName,
    promised: &'a ManifestFile,
    path: PathBuf,
    file: File,
    hasher: Sha256Hasher,
}

impl Arrival {
    /// Begins to make `into`, which is not there yet; its folder is made where there is none.
    pub(crate) fn begin(into: &Path) -> Result<Self, DepotError> {
        let into = std::path::absolute(into).map_err(|source| DepotError::Io {
            doing: "find",
            path: into.to_owned(),
            source,
        })?;
        if into.symlink_metadata().is_ok() {
            return Err(DepotError::Occupied { path: into });
        }
        // Only the root has none, and that is there.
        let beside = into.parent().unwrap_or(&into);
        let made = fs::create_dir_all(beside)
            .and_then(|()| tempfile::Builder::new().prefix(".unfinished-").tempdir_in(beside));
        match made {
            Ok(temporary) => Ok(Self { temporary, into }),
            Err(source) => Err(DepotError::Io { doing: "make a folder in", path: beside.to_owned(), source }),
        }
    }

    /// Begins a file.
    pub(crate) fn file<'a>(
        &self,
        name: &'a ResultName,
        promised: &'a ManifestFile,
    ) -> Result<ArrivingFile<'a>, DepotError> {
        let path = self.temporary.path().join(promised.path.as_str());
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(&path));
        let file = made.map_err(|source| DepotError::Io { doing: "make", path: path.clone(), source })?;
        Ok(ArrivingFile { name, promised, path, file, hasher: Sha256Hasher::new() })
    }

    /// Makes the folder, now that all files have come.
    pub(crate) fn finish(self, manifest: &Manifest) -> Result<(), DepotError> {
        for folder in manifest.empty_folders() {
            let path = self.temporary.path().join(folder.as_str());
            fs::create_dir_all(&path).map_err(|source| DepotError::Io { doing: "make the folder", path, source })?;
        }
        fs::rename(self.temporary.path(), &self.into).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                DepotError::Occupied { path: self.into.clone() }
            }
            _ => DepotError::Io { doing: "make", path: self.into.clone(), source: error },
        })?;
        // Nothing is at its former path any more that it could remove.
        let _ = self.temporary.keep();
        Ok(())
    }
}

impl ArrivingFile<'_> {
    /// Takes what came next.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), DepotError> {
        self.hasher.update(bytes);
        if self.hasher.size_bytes() > self.promised.size {
            return Err(self.other(OtherContent::Longer));
        }
        self.file.write_all(bytes).map_err(|source| DepotError::Io { doing: "write", path: self.path.clone(), source })
    }

    /// Says whether it is what was promised, now that all has come.
    pub(crate) fn finish(self) -> Result<(), DepotError> {
        let (sha256, size_bytes) = (self.hasher.clone().finish(), self.hasher.size_bytes());
        if sha256 == self.promised.sha256 && size_bytes == self.promised.size {
            return Ok(());
        }
        Err(self.other(OtherContent::Other { sha256, size_bytes }))
    }

    fn other(&self, found: OtherContent) -> DepotError {
        DepotError::OtherFile(Box::new(OtherFile {
            name: self.name.clone(),
            path: self.promised.path.clone(),
            expected: self.promised.sha256,
            expected_bytes: self.promised.size,
            found,
        }))
    }
}
