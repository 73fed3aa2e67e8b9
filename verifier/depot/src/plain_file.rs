//! A regular file that is read from its beginning.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::DepotError;

/// How much is read at once, in bytes.
pub(crate) const BUFFER_BYTES: usize = 128 << 10;

/// Opened so that neither a link is followed, at the end of its path, nor a pipe waited for.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A regular file, and no link to one, that is open.
pub(crate) struct PlainFile {
    file: File,
    path: PathBuf,
}

impl PlainFile {
    /// Opens the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, DepotError> {
        let opened = Self::opened(rustix::fs::open(path, FLAGS, Mode::empty()), path)?;
        opened.ok_or_else(|| DepotError::Io {
            doing: "open",
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// Opens `name` in the folder that is open as `folder`, at `path`; `None` where there is no such file.
    pub(crate) fn open_in(folder: &OwnedFd, name: &str, path: &Path) -> Result<Option<Self>, DepotError> {
        Self::opened(rustix::fs::openat(folder, name, FLAGS, Mode::empty()), path)
    }

    fn opened(opened: Result<OwnedFd, Errno>, path: &Path) -> Result<Option<Self>, DepotError> {
        let failed = |source| DepotError::Io { doing: "open", path: path.to_owned(), source };
        let not_plain = || DepotError::NotPlain { path: path.to_owned() };
        let file = match opened {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) => return Ok(None),
            // A link; a socket, or a device that nothing drives.
            Err(Errno::LOOP | Errno::NXIO) => return Err(not_plain()),
            Err(error) => return Err(failed(error.into())),
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(not_plain());
        }
        Ok(Some(Self { file, path: path.to_owned() }))
    }

    /// Its size, in bytes, as the system says.
    pub(crate) fn size_bytes(&self) -> Result<u64, DepotError> {
        let failed = |source| DepotError::Io { doing: "look at", path: self.path.clone(), source };
        self.file.metadata().map(|metadata| metadata.len()).map_err(failed)
    }

    /// Reads what comes next into `buffer`; nothing at the end.
    pub(crate) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Result<&'a [u8], DepotError> {
        loop {
            match self.file.read(buffer) {
                Ok(read) => return Ok(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(DepotError::Io { doing: "read", path: self.path.clone(), source }),
            }
        }
    }

    /// Reads up to `limit_bytes` of what comes next, and fewer only at the end.
    pub(crate) fn read_up_to(&mut self, limit_bytes: u64) -> Result<Vec<u8>, DepotError> {
        let mut bytes = Vec::new();
        let read = (&self.file).take(limit_bytes).read_to_end(&mut bytes);
        read.map_err(|source| DepotError::Io { doing: "read", path: self.path.clone(), source })?;
        Ok(bytes)
    }
}
