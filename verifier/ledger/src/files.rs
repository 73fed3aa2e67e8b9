//! Where the files of a ledger are: a folder, or a web server. None of them is trusted.

use twinbuild_log::index::{MAX_PART_BYTES, PartError, PartName, PartPages, Parts};
use twinbuild_log::{Tile, Tiles};

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

/// The pages of an index in a ledger.
pub(crate) type LedgerPages<'a> = PartPages<LogFiles<'a>>;
/// Why a page of an index in a ledger could not be had.
pub type PagesError = PartError<FilesError>;

/// The files as the log's.
#[derive(Clone, Copy)]
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

impl Parts for LogFiles<'_> {
    type Error = FilesError;

    fn read(&self, part: &PartName) -> Result<Vec<u8>, FilesError> {
        self.needed(part.to_string(), MAX_PART_BYTES)
    }
}
