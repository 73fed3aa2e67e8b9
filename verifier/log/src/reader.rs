//! Proofs and entries from tiles that may be anyone's: nothing comes out that the tree head does not vouch for.

use std::fmt;
use std::ops::Range;

use twinbuild_subject::Sha256;

use crate::bundle::{self, BundleError};
use crate::shape::{self, Consistency, Node};
use crate::tile::{self, FULL, LEVELS, Level, Tile};
use crate::tree::{TreeError, TreeHead, leaf_hash, node_hash, root};

/// Where the files of a log are.
pub trait Tiles {
    /// Why a file could not be read.
    type Error: std::error::Error + 'static;

    /// The bytes of a tile or entry bundle, whose path below the log's address is `tile` as text. What is there is not trusted, and need not
    /// be read beyond [`Tile::max_bytes`] and one more.
    ///
    /// # Errors
    /// The file is not there or cannot be read.
    fn read(&self, tile: &Tile) -> Result<Vec<u8>, Self::Error>;
}

impl<T: Tiles> Tiles for &T {
    type Error = T::Error;

    fn read(&self, tile: &Tile) -> Result<Vec<u8>, Self::Error> {
        (*self).read(tile)
    }
}

/// Why the files of a log do not give what is asked for.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E: std::error::Error + 'static> {
    /// A file is missing or cannot be read.
    #[error("{tile} cannot be read")]
    Unreadable {
        /// Which.
        tile: Tile,
        /// What the place where the files are said.
        source: E,
    },
    /// A tile of hashes with another number of bytes than its hashes have.
    #[error("{tile} has {found} bytes, and {expected} are expected")]
    Size {
        /// Which.
        tile: Tile,
        /// How many it has.
        found: usize,
        /// How many it has to have.
        expected: usize,
    },
    /// A full tile that is not the one that the tree head vouches for.
    #[error("{tile} is altered: its hashes give {found}, and the tile above it has {expected}")]
    Altered {
        /// Which.
        tile: Tile,
        /// The hash over its hashes.
        found: Sha256,
        /// The hash that the level above has for it.
        expected: Sha256,
    },
    /// One of the partial tiles is not the one that the tree head vouches for; only all together lead to the root.
    #[error(
        "{} do not lead to the root {expected} of {size} entries but to {found}: one of them is altered",
        Listed(tiles)
    )]
    Edge {
        /// All partial tiles, lowest level first.
        tiles: Vec<Tile>,
        /// The size of the tree.
        size: u64,
        /// The root that they give.
        found: Sha256,
        /// The root of the tree head.
        expected: Sha256,
    },
    /// A bundle that does not consist of the entries that are to be there.
    #[error("{tile} is no bundle of its entries")]
    Bundle {
        /// Which.
        tile: Tile,
        /// What is wrong with it.
        source: BundleError,
    },
    /// An entry that is not the one that the tree head vouches for.
    #[error("{tile} is altered: its entry {index} has the hash {found}, and the tree has {expected}")]
    Entry {
        /// The bundle.
        tile: Tile,
        /// The entry's index in the log.
        index: u64,
        /// The hash of what is there.
        found: Sha256,
        /// The hash in the tile of level 0.
        expected: Sha256,
    },
    /// What is asked for cannot be: the tree head is impossible, or the index or the older size lies beyond it.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Paths of tiles in a sentence.
struct Listed<'a>(&'a [Tile]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, tile) in self.0.iter().enumerate() {
            write!(f, "{}{tile}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Reads a log as it is at one tree head.
///
/// The partial tiles, at most one a level, are read when it is opened: together they have to give the root. Every full tile is held against
/// its hash in the tile above before anything in it is used, and every entry against its hash. The last full tile of each level is kept, so
/// that what is read in order is read once; that is at most 128 KiB.
///
/// Where a partial tile cannot be read, the full one that took its place is asked for, and cut off.
#[derive(Debug)]
pub struct Reader<T> {
    tiles: T,
    head: TreeHead,
    /// The hashes of each level's partial tile; none where the level has no hash that is not in a full tile.
    edge: Vec<Vec<Sha256>>,
    /// The full tile of each level that was verified last.
    last: Vec<Option<(u64, Vec<Sha256>)>>,
}

impl<T: Tiles> Reader<T> {
    /// Reads the partial tiles of the tree of `head`, which came from a checkpoint that was verified.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`], [`ReadError::Size`], [`ReadError::Edge`], and [`ReadError::Tree`] where no tree has that head.
    pub fn open(tiles: T, head: TreeHead) -> Result<Self, ReadError<T::Error>> {
        head.check()?;
        let mut reader = Self { tiles, head, edge: Vec::new(), last: vec![None; usize::from(LEVELS)] };
        let mut partial = Vec::new();
        for level in 0..LEVELS {
            let tile = Tile::partial(Level::Hashes(level), head.size);
            reader.edge.push(tile.map_or_else(|| Ok(Vec::new()), |tile| reader.hashes(&tile))?);
            partial.extend(tile);
        }
        let found = root_of_edge(&reader.edge);
        if found != head.root {
            return Err(ReadError::Edge { tiles: partial, size: head.size, found, expected: head.root });
        }
        Ok(reader)
    }

    /// The tree head that vouches for everything.
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The entry at `index`.
    ///
    /// # Errors
    /// [`TreeError::NoSuchEntry`], or what is wrong with a tile or the bundle.
    pub fn entry(&mut self, index: u64) -> Result<Vec<u8>, ReadError<T::Error>> {
        let no_such_entry = TreeError::NoSuchEntry { index, size: self.head.size };
        let end = index.checked_add(1).ok_or(no_such_entry.clone())?;
        Ok(self.entries(index..end)?.pop().ok_or(no_such_entry)?)
    }

    /// The entries of `range`. All are in memory at once: up to 64 KiB each. Each bundle is read once.
    ///
    /// # Errors
    /// [`TreeError::NoSuchEntry`], or what is wrong with a tile or a bundle.
    pub fn entries(&mut self, range: Range<u64>) -> Result<Vec<Vec<u8>>, ReadError<T::Error>> {
        let size = self.head.size;
        if range.end > size {
            return Err(TreeError::NoSuchEntry { index: range.end - 1, size }.into());
        }
        let mut entries = Vec::new();
        let mut next = range.start;
        while let Some(tile) = Tile::in_tree(Level::Entries, next / u64::from(FULL), size).filter(|_| next < range.end)
        {
            let first = tile.index() * u64::from(FULL);
            let bundle = self.bundle(&tile)?;
            for (index, entry) in (first..range.end).zip(split(&tile, &bundle)?) {
                if index >= next {
                    entries.push(entry.to_vec());
                }
            }
            next = first.saturating_add(u64::from(FULL));
        }
        Ok(entries)
    }

    /// The hash of the entry at `index`.
    ///
    /// # Errors
    /// [`TreeError::NoSuchEntry`], or what is wrong with a tile.
    pub fn leaf(&mut self, index: u64) -> Result<Sha256, ReadError<T::Error>> {
        self.check_index(index)?;
        self.node(Node { height: 0, index })
    }

    /// The proof that the entry at `index` is in the tree, for [`verify_inclusion`](crate::verify_inclusion).
    ///
    /// # Errors
    /// [`TreeError::NoSuchEntry`], or what is wrong with a tile.
    pub fn inclusion(&mut self, index: u64) -> Result<Vec<Sha256>, ReadError<T::Error>> {
        self.check_index(index)?;
        shape::inclusion(index, self.head.size).into_iter().map(|range| self.subtree(range)).collect()
    }

    /// The proof that the tree has that of its first `old` entries in it, for [`verify_consistency`](crate::verify_consistency).
    ///
    /// # Errors
    /// [`TreeError::Shrunk`] where the tree has fewer entries, or what is wrong with a tile.
    pub fn consistency(&mut self, old: u64) -> Result<Vec<Sha256>, ReadError<T::Error>> {
        if old > self.head.size {
            return Err(TreeError::Shrunk { old, new: self.head.size }.into());
        }
        if old == 0 || old == self.head.size {
            return Ok(Vec::new());
        }
        let ranges = Consistency::between(old, self.head.size).ranges();
        ranges.into_iter().map(|range| self.subtree(range)).collect()
    }

    /// The bundle of the entries that are not in a full one.
    pub(crate) fn last_bundle(&mut self) -> Result<Vec<u8>, ReadError<T::Error>> {
        Tile::partial(Level::Entries, self.head.size).map_or_else(|| Ok(Vec::new()), |tile| self.bundle(&tile))
    }

    /// The hashes of each level's partial tile.
    pub(crate) fn into_edge(self) -> Vec<Vec<Sha256>> {
        self.edge
    }

    fn check_index(&self, index: u64) -> Result<(), TreeError> {
        let size = self.head.size;
        if index < size { Ok(()) } else { Err(TreeError::NoSuchEntry { index, size }) }
    }

    /// The hash over the entries of `range`, which is a range of a proof.
    fn subtree(&mut self, range: Range<u64>) -> Result<Sha256, ReadError<T::Error>> {
        let mut peaks = shape::peaks(range).into_iter().rev();
        let Some(smallest) = peaks.next() else { return Ok(root(&[])) };
        let mut hash = self.node(smallest)?;
        for peak in peaks {
            hash = node_hash(&self.node(peak)?, &hash);
        }
        Ok(hash)
    }

    fn node(&mut self, node: Node) -> Result<Sha256, ReadError<T::Error>> {
        let (level, index, leaves) = tile::holding(node);
        let hashes = self.verified(level, index)?;
        Ok(root(&hashes[leaves]))
    }

    /// The hashes of the tile at `index` of `level`: the partial one, or a full one that its hash above vouches for.
    fn verified(&mut self, level: u8, index: u64) -> Result<&[Sha256], ReadError<T::Error>> {
        let size = self.head.size;
        let tile = Tile::in_tree(Level::Hashes(level), index, size)
            .ok_or(TreeError::NoSuchEntry { index: index.saturating_mul(u64::from(FULL)), size })?;
        let slot = usize::from(level);
        if !tile.is_full() {
            return Ok(&self.edge[slot]);
        }
        if self.last[slot].as_ref().is_none_or(|(last, _)| *last != index) {
            // A full tile has a hash in the level above, and the topmost level has no full tile: this ends.
            let expected = self.node(Node { height: tile::HEIGHT * (u32::from(level) + 1), index })?;
            let hashes = self.hashes(&tile)?;
            let found = root(&hashes);
            if found != expected {
                return Err(ReadError::Altered { tile, found, expected });
            }
            self.last[slot] = Some((index, hashes));
        }
        Ok(self.last[slot].as_ref().map_or(&[], |(_, hashes)| hashes))
    }

    /// A bundle, each of its entries held against its hash.
    fn bundle(&mut self, tile: &Tile) -> Result<Vec<u8>, ReadError<T::Error>> {
        let leaves = self.verified(0, tile.index())?.to_vec();
        let bundle = self.read(tile)?;
        let first = tile.index() * u64::from(FULL);
        for ((index, entry), expected) in (first..).zip(split(tile, &bundle)?).zip(leaves) {
            let found = leaf_hash(entry);
            if found != expected {
                return Err(ReadError::Entry { tile: *tile, index, found, expected });
            }
        }
        Ok(bundle)
    }

    /// The hashes of a tile, not verified.
    fn hashes(&self, tile: &Tile) -> Result<Vec<Sha256>, ReadError<T::Error>> {
        let bytes = self.read(tile)?;
        let expected = tile.max_bytes();
        if bytes.len() != expected {
            return Err(ReadError::Size { tile: *tile, found: bytes.len(), expected });
        }
        Ok(bytes.as_chunks().0.iter().copied().map(Sha256::from_bytes).collect())
    }

    /// The bytes of a tile or bundle, not verified.
    fn read(&self, tile: &Tile) -> Result<Vec<u8>, ReadError<T::Error>> {
        let source = match self.tiles.read(tile) {
            Ok(bytes) => return Ok(bytes),
            Err(source) => source,
        };
        // A log may remove partial tiles once the full one is there (tlog-tiles, "Partial Tiles").
        let whole = if tile.is_full() { None } else { self.tiles.read(&tile.full()).ok() };
        let mut bytes = whole.ok_or(ReadError::Unreadable { tile: *tile, source })?;
        let end = match tile.level() {
            Level::Entries => bundle::prefix(&bytes, tile.width()).len(),
            Level::Hashes(_) => tile.max_bytes(),
        };
        bytes.truncate(end);
        Ok(bytes)
    }
}

fn split<'a, E: std::error::Error + 'static>(tile: &Tile, bundle: &'a [u8]) -> Result<Vec<&'a [u8]>, ReadError<E>> {
    bundle::entries(bundle, tile.width()).map_err(|source| ReadError::Bundle { tile: *tile, source })
}

/// The root of the tree whose partial tiles have these hashes, lowest level first.
pub(crate) fn root_of_edge(edge: &[Vec<Sha256>]) -> Sha256 {
    let mut right: Option<Sha256> = None;
    for hashes in edge {
        // What a partial tile holds are perfect subtrees, largest first; all of lower levels lies to the right of them.
        let mut end = hashes.len();
        while end > 0 {
            let start = end - (1 << end.trailing_zeros());
            let left = root(&hashes[start..end]);
            right = Some(right.map_or(left, |right| node_hash(&left, &right)));
            end = start;
        }
    }
    right.unwrap_or_else(|| root(&[]))
}
