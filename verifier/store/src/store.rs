//! The store: where things lie, and who may use the network.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::http::Client;
use crate::run::Run;
use crate::{StoreError, Transport};

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// What is not held is downloaded.
    Online,
    /// What is not held is a typed error.
    Offline,
}

/// A directory of verified things. Cheap to clone; clones share one run folder and one connection pool.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) root: PathBuf,
    pub(crate) network: Network,
    pub(crate) transport: Transport,
    pub(crate) client: OnceLock<Client>,
    pub(crate) run: Run,
}

impl Store {
    /// Opens the store in `directory`, and makes it where there is none. What killed processes left behind is removed.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the directory cannot be made or written to; [`StoreError::StorageFull`].
    pub fn open(directory: impl AsRef<Path>, network: Network) -> Result<Self, StoreError> {
        Self::open_with(directory, network, Transport::default())
    }

    /// Opens the store with other rules for the network than the default ones.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(directory: impl AsRef<Path>, network: Network, transport: Transport) -> Result<Self, StoreError> {
        let given = directory.as_ref();
        create_folder(given)?;
        let root = fs::canonicalize(given).map_err(|error| StoreError::io("find", given, error))?;
        for folder in ["blobs/sha256", "documents", "records", "layers", "locks", "tmp"] {
            create_folder(&root.join(folder))?;
        }
        let run = Run::begin(&root)?;
        Ok(Self { inner: Arc::new(Inner { root, network, transport, client: OnceLock::new(), run }) })
    }

    /// The directory, absolute and without symbolic links.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.inner.root
    }

    /// Whether the network may be used.
    #[must_use]
    pub fn network(&self) -> Network {
        self.inner.network
    }

    /// Writes a small file whole: to a temporary one, flushed, then renamed.
    pub(crate) fn write_whole(&self, path: &Path, parts: &[&[u8]]) -> Result<(), StoreError> {
        let temporary = self.inner.run.fresh_path();
        let need = parts.iter().map(|part| part.len() as u64).sum();
        let written = create_file(&temporary).and_then(|mut file| {
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()
        });
        if let Err(error) = written {
            // What failed to be written is of no use; the run folder would take it away later.
            let _ = fs::remove_file(&temporary);
            return Err(StoreError::io("write", path, error).needing(Some(need)));
        }
        publish_file(&temporary, path)
    }
}

/// Makes a folder and those above it, 0755 less the umask.
pub(crate) fn create_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(|error| StoreError::io("make the folder", path, error))
}

/// A new file, 0644 less the umask.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)
}

/// Renames a finished temporary file to its place, and makes the place's folder if there is none.
pub(crate) fn publish_file(temporary: &Path, path: &Path) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    fs::rename(temporary, path).map_err(|error| StoreError::io("move a finished file to", path, error))
}

/// Whether `name` may be a file name of the store.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".:_+-".contains(&b);
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.bytes().all(plain)
}
