//! Where the files of a ledger are: a folder, or a web server. None of them is trusted.

use std::cell::RefCell;
use std::collections::BTreeMap;

use twinbuild_log::index::{self, MAX_PAGE_BYTES, Pages};
use twinbuild_log::{Tile, Tiles};
use twinbuild_subject::Sha256;

use crate::Folder;

/// The files of a ledger.
pub trait Files {
    /// A file by its path below the ledger's address; `None` where there is none.
    ///
    /// # Errors
    /// [`FilesError`]: it cannot be told, or it is larger than `limit_bytes`.
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FilesError>;
}

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It is not there.
    #[error("{name} is missing")]
    Missing {
        /// Its path.
        name: String,
    },
    /// It could not be read.
    #[error("{name} cannot be read: {reason}")]
    Unreadable {
        /// Its path.
        name: String,
        /// Why, for a reader.
        reason: String,
    },
}

impl Files for Folder {
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FilesError> {
        let read = Self::read(self, name, limit_bytes);
        read.map_err(|error| FilesError::Unreadable { name: name.to_owned(), reason: chain(&error) })
    }
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// The files as the log's.
pub(crate) struct LogFiles<'a>(pub(crate) &'a dyn Files);

impl LogFiles<'_> {
    fn needed(&self, name: String, limit_bytes: usize) -> Result<Vec<u8>, FilesError> {
        let limit_bytes = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
        self.0.read(&name, limit_bytes)?.ok_or(FilesError::Missing { name })
    }
}

impl Tiles for LogFiles<'_> {
    type Error = FilesError;

    fn read(&self, tile: &Tile) -> Result<Vec<u8>, FilesError> {
        self.needed(tile.to_string(), tile.max_bytes())
    }
}

impl Pages for LogFiles<'_> {
    type Error = FilesError;

    fn read(&self, page: &Sha256) -> Result<Vec<u8>, FilesError> {
        self.needed(index::path(page), MAX_PAGE_BYTES)
    }
}

/// The pages of an index, each of which is read once: the ways of many keys begin with the same ones.
pub(crate) struct ReadPages<'a> {
    files: &'a LogFiles<'a>,
    read: RefCell<BTreeMap<Sha256, Vec<u8>>>,
}

impl<'a> ReadPages<'a> {
    pub(crate) fn new(files: &'a LogFiles<'a>) -> Self {
        Self { files, read: RefCell::default() }
    }
}

impl Pages for ReadPages<'_> {
    type Error = FilesError;

    fn read(&self, page: &Sha256) -> Result<Vec<u8>, FilesError> {
        if let Some(bytes) = self.read.borrow().get(page) {
            return Ok(bytes.clone());
        }
        let bytes = Pages::read(self.files, page)?;
        self.read.borrow_mut().insert(*page, bytes.clone());
        Ok(bytes)
    }
}
