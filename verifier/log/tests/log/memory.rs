//! A log and an index in memory, which count what is read.

use std::cell::Cell;
use std::collections::BTreeMap;

use twinbuild_log::{Appender, Batch, Tile, Tiles, TreeHead, index};
use twinbuild_subject::Sha256;

/// No such file.
#[derive(Debug, thiserror::Error)]
#[error("not there")]
pub(crate) struct Missing;

/// The files of a log, by path.
#[derive(Debug, Default, Clone)]
pub(crate) struct Files {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) reads: Cell<usize>,
}

impl Files {
    /// A log of `count` entries, appended at once.
    pub(crate) fn of(count: u64) -> (Self, TreeHead) {
        let entries: Vec<_> = (0..count).map(entry).collect();
        let mut files = Self::default();
        let batch = Appender::new().append(&entries).unwrap();
        let head = batch.head;
        files.write(batch);
        (files, head)
    }

    /// Writes the files of a batch. None is there already.
    pub(crate) fn write(&mut self, batch: Batch) {
        for (tile, bytes) in batch.files {
            assert!(self.files.insert(tile.to_string(), bytes).is_none(), "{tile} is written twice");
        }
    }
}

impl Tiles for Files {
    type Error = Missing;

    fn read(&self, tile: &Tile) -> Result<Vec<u8>, Missing> {
        self.reads.set(self.reads.get() + 1);
        self.files.get(&tile.to_string()).cloned().ok_or(Missing)
    }
}

/// The entry at `index` of the logs of these tests.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// The pages of an index.
#[derive(Debug, Default, Clone)]
pub(crate) struct Pages {
    pub(crate) pages: BTreeMap<Sha256, Vec<u8>>,
    pub(crate) reads: Cell<usize>,
}

impl index::Pages for Pages {
    type Error = Missing;

    fn read(&self, page: &Sha256) -> Result<Vec<u8>, Missing> {
        self.reads.set(self.reads.get() + 1);
        self.pages.get(page).cloned().ok_or(Missing)
    }
}
