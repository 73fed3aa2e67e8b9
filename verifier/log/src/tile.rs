//! Tiles: the files that a log consists of (C2SP tlog-tiles). A tile has up to 256 hashes of one level of the tree, and each hash
//! is that of a whole tile of the level below.

use std::fmt;
use std::str::FromStr;

use crate::shape::Node;

/// The levels of the tree that are inside of one tile.
pub(crate) const HEIGHT: u32 = 8;

/// The hashes, or entries, of a full tile.
pub(crate) const FULL: u16 = 1 << HEIGHT;

/// The levels of hashes that a log of fewer than 2^64 entries can have.
pub(crate) const LEVELS: u8 = 8;

/// The bytes of the longest entry: its length is written in 16 bits.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// What a tile holds. Entries sort before hashes, and lower levels before higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Entries; such a tile is called an entry bundle.
    Entries,
    /// Hashes of entries at level 0; at each level above, of full tiles of the one below. At most 7.
    Hashes(u8),
}

impl Level {
    /// How many hashes, or entries, of this level a tree of `size` entries has.
    fn count(self, size: u64) -> u64 {
        match self {
            Self::Entries => size,
            Self::Hashes(level) => size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0),
        }
    }

    fn full_tiles(self, size: u64) -> u64 {
        self.count(size) / u64::from(FULL)
    }
}

/// Where a tile is in the tree. Its [`Display`](fmt::Display) form is its path below the log's address, such as `tile/0/x001/x234/067.p/12`.
/// Tiles sort in the order in which they are to be written: what a tile vouches for comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: Level,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile at `index` of `level` as a tree of `size` entries has it: full, or partial if it is the last of its level. None where the tree has
    /// none there.
    #[must_use]
    pub fn in_tree(level: Level, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(u64::from(FULL))?;
        let rest = level.count(size).checked_sub(first).filter(|rest| *rest > 0)?;
        let width = u16::try_from(rest).map_or(FULL, |rest| rest.min(FULL));
        Some(Self { level, index, width })
    }

    /// The tile at the end of `level` in a tree of `size` entries, where that is partial.
    pub(crate) fn partial(level: Level, size: u64) -> Option<Self> {
        Self::in_tree(level, level.full_tiles(size), size)
    }

    /// The last full tile of `level` in a tree of `size` entries.
    pub(crate) fn last_full(level: Level, size: u64) -> Option<Self> {
        Self::in_tree(level, level.full_tiles(size).checked_sub(1)?, size)
    }

    /// What it holds.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The how manieth of its level it is, from 0 on.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has: 1 to 256.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it has 256 hashes or entries, and so never changes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// The tile that it becomes, or became, in a tree that is large enough. It starts with all that this one has.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: FULL, ..self }
    }

    /// The most bytes that the file can have: exactly 32 for each hash, up to 65,537 for each entry.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        let each = match self.level {
            Level::Entries => 2 + MAX_ENTRY_BYTES,
            Level::Hashes(_) => 32,
        };
        usize::from(self.width) * each
    }
}

/// All tiles of a tree of `size` entries, in the order in which they are to be written.
pub fn tiles(size: u64) -> impl Iterator<Item = Tile> {
    let levels = std::iter::once(Level::Entries).chain((0..LEVELS).map(Level::Hashes));
    levels.flat_map(move |level| {
        (0..level.count(size).div_ceil(u64::from(FULL))).filter_map(move |index| Tile::in_tree(level, index, size))
    })
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Entries => write!(f, "tile/entries/")?,
            Level::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Text that is not the path of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not the path of a tile: tile/L/N, or tile/entries/N, and .p/W behind it with W from 1 to 255, is expected"
)]
pub struct TilePathError {
    /// The text that was found, cut off after 80 characters.
    pub found: String,
}

impl FromStr for Tile {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // There is one spelling of each path, and it is the one that we write.
        parse(text)
            .filter(|tile| tile.to_string() == text)
            .ok_or_else(|| TilePathError { found: text.chars().take(80).collect() })
    }
}

fn parse(text: &str) -> Option<Tile> {
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let level = match level {
        "entries" => Level::Entries,
        level => Level::Hashes(level.parse().ok()?),
    };
    let (path, width) = match rest.split_once(".p/") {
        Some((path, width)) => (path, width.parse().ok().filter(|width| (1..FULL).contains(width))?),
        None => (rest, FULL),
    };
    let mut index: u64 = 0;
    for group in path.split('/') {
        let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(group)?;
    }
    let largest = Tile::in_tree(level, index, u64::MAX)?;
    (width <= largest.width).then_some(Tile { width, ..largest })
}

/// Where the hash of a perfect subtree comes from: the tile's level and index, and which of its hashes are the leaves of that subtree.
pub(crate) fn holding(node: Node) -> (u8, u64, std::ops::Range<usize>) {
    let level = u8::try_from(node.height / HEIGHT).unwrap_or(LEVELS);
    let inside = node.height % HEIGHT;
    let index = node.index >> (HEIGHT - inside);
    let first = usize::try_from((node.index << inside) % u64::from(FULL)).unwrap_or(0);
    (level, index, first..first + (1 << inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(size: u64) -> Vec<String> {
        tiles(size).map(|tile| tile.to_string()).collect()
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |level, index, size| Tile::in_tree(level, index, size).unwrap().to_string();
        assert_eq!(tile(Level::Hashes(0), 1_234_067, u64::MAX), "tile/0/x001/x234/067");
        assert_eq!(tile(Level::Hashes(3), 0, 256 << 24), "tile/3/000");
        assert_eq!(tile(Level::Entries, 1000, 256_012), "tile/entries/x001/000.p/12");
        assert_eq!(tile(Level::Hashes(7), 0, u64::MAX), "tile/7/000.p/255");
    }

    #[test]
    fn the_examples_of_the_specification_hold() {
        // tlog-tiles, "Partial Tiles": trees of 70,000 and of 256 entries.
        let tiles: Vec<_> = tiles(70_000).filter(|tile| tile.level() != Level::Entries).collect();
        let count = |level, full| {
            let level = Level::Hashes(level);
            tiles.iter().filter(|tile| tile.level() == level && tile.is_full() == full).count()
        };
        assert_eq!([(0, true), (1, true), (2, true)].map(|(level, full)| count(level, full)), [273, 1, 0]);
        let partial: Vec<_> = tiles.iter().filter(|tile| !tile.is_full()).map(ToString::to_string).collect();
        assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        assert_eq!(paths(256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(paths(1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(paths(0), [""; 0]);
    }

    #[test]
    fn a_path_reads_as_the_tile_that_wrote_it() {
        for size in [1, 255, 256, 257, 70_000, 300_000] {
            for tile in tiles(size) {
                assert_eq!(tile.to_string().parse(), Ok(tile));
            }
        }
    }

    #[test]
    fn other_spellings_of_a_path_are_refused() {
        for path in [
            "",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/000/",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x1/000",
            "tile/0/+00",
            "tile/00/000",
            "tile/+0/000",
            "tile/8/000",
            "tile/63/000",
            "tile/256/000",
            "tile/data/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/7/001",
            "tile/7/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/0/../000",
        ] {
            assert!(path.parse::<Tile>().is_err(), "{path}");
        }
    }

    #[test]
    fn a_subtree_comes_from_one_tile() {
        let node = |height, index| holding(Node { height, index });
        assert_eq!(node(0, 0), (0, 0, 0..1));
        assert_eq!(node(0, 257), (0, 1, 1..2));
        assert_eq!(node(7, 1), (0, 0, 128..256));
        assert_eq!(node(8, 1), (1, 0, 1..2));
        assert_eq!(node(9, 129), (1, 1, 2..4));
        assert_eq!(node(63, 1), (7, 0, 128..256));
    }
}
