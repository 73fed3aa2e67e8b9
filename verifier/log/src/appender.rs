//! A log that grows: which files a batch of entries adds.

use twinbuild_subject::Sha256;

use crate::bundle::{self, EntryTooLong};
use crate::reader::{ReadError, Reader, Tiles, root_of_edge};
use crate::tile::{FULL, LEVELS, Level, Tile};
use crate::tree::{TreeHead, leaf_hash, root};

/// What a batch of entries adds to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The log with the batch.
    pub head: TreeHead,
    /// The files that it has and the log did not have, in the order in which they are to be written: entries, then hashes of entries, then upwards. No
    /// file changes; what was partial gets another name with each width. A checkpoint of `head` is written after all of them.
    pub files: Vec<(Tile, Vec<u8>)>,
}

/// Why a batch cannot be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// An entry is too long.
    #[error("entry {position} of the batch cannot be logged")]
    Entry {
        /// Which of the batch, from 0 on.
        position: usize,
        /// How long it is.
        source: EntryTooLong,
    },
    /// The log would have 2^64 entries.
    #[error("the log is full at {size} entries")]
    Full {
        /// How many it has.
        size: u64,
    },
}

/// The right edge of a log: all that is needed of it to append to it, at most 8 partial tiles and one bundle.
#[derive(Debug, Clone)]
pub struct Appender {
    head: TreeHead,
    /// The hashes of each level that are not in a full tile yet.
    edge: Vec<Vec<Sha256>>,
    /// The entries that are not in a full bundle yet, as a bundle.
    bundle: Vec<u8>,
}

impl Default for Appender {
    fn default() -> Self {
        Self::new()
    }
}

impl Appender {
    /// The edge of a log without entries.
    #[must_use]
    pub fn new() -> Self {
        Self { head: TreeHead::empty(), edge: vec![Vec::new(); usize::from(LEVELS)], bundle: Vec::new() }
    }

    /// The edge of the log of `head`, read and verified.
    ///
    /// # Errors
    /// Those of [`Reader::open`], and what is wrong with the last bundle.
    pub fn open<T: Tiles>(tiles: T, head: TreeHead) -> Result<Self, ReadError<T::Error>> {
        let mut reader = Reader::open(tiles, head)?;
        let bundle = reader.last_bundle()?;
        Ok(Self { head, edge: reader.into_edge(), bundle })
    }

    /// The log with all batches so far.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Appends `entries`, each of at most 65,535 bytes. The next batch follows these; where the files could not be written, this edge is that of a log that is
    /// not there, and is to be dropped.
    ///
    /// # Errors
    /// [`AppendError`]; then nothing was appended.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Batch, AppendError> {
        let full = AppendError::Full { size: self.head.size };
        u64::try_from(entries.len()).ok().and_then(|added| self.head.size.checked_add(added)).ok_or(full)?;
        let mut next = self.clone();
        let mut files = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            let entry = entry.as_ref();
            bundle::push(&mut next.bundle, entry).map_err(|source| AppendError::Entry { position, source })?;
            next.head.size += 1;
            next.push(leaf_hash(entry), &mut files);
        }
        next.head.root = root_of_edge(&next.edge);
        next.partial(self.head.size, &mut files);
        files.sort_unstable_by_key(|(tile, _)| *tile);
        *self = next;
        Ok(Batch { head: self.head, files })
    }

    /// Adds a hash to level 0, and each tile that it fills to `files`.
    fn push(&mut self, leaf: Sha256, files: &mut Vec<(Tile, Vec<u8>)>) {
        let mut hash = leaf;
        let size = self.head.size;
        for (level, hashes) in (0..LEVELS).zip(&mut self.edge) {
            hashes.push(hash);
            if hashes.len() < usize::from(FULL) {
                return;
            }
            if level == 0 {
                let entries = std::mem::take(&mut self.bundle);
                files.extend(Tile::last_full(Level::Entries, size).map(|tile| (tile, entries)));
            }
            files.extend(Tile::last_full(Level::Hashes(level), size).map(|tile| (tile, bytes(hashes))));
            hash = root(hashes);
            hashes.clear();
        }
    }

    /// Adds those partial tiles to `files` that the tree of `old_size` entries did not have.
    fn partial(&self, old_size: u64, files: &mut Vec<(Tile, Vec<u8>)>) {
        let new =
            |level| Tile::partial(level, self.head.size).filter(|tile| Some(*tile) != Tile::partial(level, old_size));
        files.extend(new(Level::Entries).map(|tile| (tile, self.bundle.clone())));
        for (level, hashes) in (0..LEVELS).zip(&self.edge) {
            files.extend(new(Level::Hashes(level)).map(|tile| (tile, bytes(hashes))));
        }
    }
}

fn bytes(hashes: &[Sha256]) -> Vec<u8> {
    hashes.iter().flat_map(Sha256::as_bytes).copied().collect()
}
