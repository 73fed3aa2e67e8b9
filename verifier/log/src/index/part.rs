//! Pages as files: those that one index added, together in a few parts.
//!
//! A page alone would be a file of a kilobyte, and a batch of a hundred keys hundreds of them. So pages stand together with those that were added with
//! them, and each branch says which part has the pages that it names. Nobody has to believe that: a page is the one of its name, wherever it was found.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use twinbuild_subject::Sha256;

use super::page::named_by;
use super::{Pages, Update, empty_root};

/// The bytes of the largest part.
pub const MAX_PART_BYTES: usize = 32 << 10;
/// How many parts are held at once.
const MOST_PARTS: usize = 256;
/// The length of a page.
const LENGTH_BYTES: usize = 2;

/// A part of the pages that an index added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartName {
    /// The log's entry that has the index.
    pub entry: u64,
    /// Which of its parts, from 0 on. The root is the first page of the first.
    pub part: u32,
}

/// Its path below the log's address: `index/`, the thousands of the entry, `/`, the last three digits, `-`, and the part.
impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index/{}/{:03}-{}", self.entry / 1000, self.entry % 1000, self.part)
    }
}

/// A part, as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called.
    pub name: PartName,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Where parts are.
pub trait Parts {
    /// Why a part could not be read.
    type Error: std::error::Error + 'static;

    /// The bytes of a part. What is there is not trusted, and need not be read beyond [`MAX_PART_BYTES`] and one more.
    ///
    /// # Errors
    /// The part is not there or cannot be read.
    fn read(&self, part: &PartName) -> Result<Vec<u8>, Self::Error>;
}

/// Why a page could not be had from parts.
#[derive(Debug, thiserror::Error)]
pub enum PartError<E: std::error::Error + 'static> {
    /// A part is missing or cannot be read.
    #[error(transparent)]
    Unreadable(E),
    /// A part is none.
    #[error("{part}: {reason}, which is no part of an index")]
    Format {
        /// Which.
        part: PartName,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The place where a page is to be has another one.
    #[error("{part} does not have it at byte {offset}")]
    NotThere {
        /// In which part.
        part: PartName,
        /// Where.
        offset: u16,
    },
    /// No page that was read names it.
    #[error("no page that was read says where it is")]
    Unknown,
}

/// Where a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    part: PartName,
    /// Of its length, in bytes.
    offset: u16,
}

impl Place {
    /// Entry, part and offset.
    const BYTES: usize = 8 + 4 + 2;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.part.entry.to_be_bytes());
        bytes.extend_from_slice(&self.part.part.to_be_bytes());
        bytes.extend_from_slice(&self.offset.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (entry, rest) = bytes.split_first_chunk()?;
        let (part, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let part = PartName { entry: u64::from_be_bytes(*entry), part: u32::from_be_bytes(*part) };
        Some((Self { part, offset: u16::from_be_bytes(*offset) }, rest))
    }
}

/// The pages of one index, read from parts; each part is read once, unless there are very many.
pub struct PartPages<P> {
    parts: P,
    read: RefCell<HashMap<PartName, Vec<u8>>>,
    /// Where pages are, as far as it was said.
    places: RefCell<HashMap<Sha256, Place>>,
    pages: RefCell<HashMap<Sha256, Vec<u8>>>,
}

impl<P: Parts> PartPages<P> {
    /// Those of the index that an entry has, with its root.
    pub fn new(parts: P, root: &Sha256, entry: u64) -> Self {
        let place = Place { part: PartName { entry, part: 0 }, offset: 0 };
        let places = RefCell::new(HashMap::from([(*root, place)]));
        Self { parts, read: RefCell::default(), places, pages: RefCell::default() }
    }

    /// The parts of the index that an update makes of this one, for the entry that is to have it, in the order in which they are to be written.
    ///
    /// # Errors
    /// [`PartError`]
    pub fn parts(&self, update: &Update, entry: u64) -> Result<Vec<Part>, PartError<P::Error>> {
        let mut pages: Vec<(Sha256, Vec<u8>)> = update.pages.iter().rev().cloned().collect();
        // An index that changed nothing has its root all the same.
        if pages.is_empty() && update.root != empty_root() {
            pages.push((update.root, self.read(&update.root)?));
        }
        let mut new: HashMap<Sha256, Place> = HashMap::new();
        let (mut part, mut length) = (PartName { entry, part: 0 }, 0);
        for (name, page) in &pages {
            let own = LENGTH_BYTES + page.len() + named_by(page).len() * Place::BYTES;
            if length + own > MAX_PART_BYTES {
                part.part += 1;
                length = 0;
            }
            new.insert(*name, Place { part, offset: u16::try_from(length).unwrap_or(u16::MAX) });
            length += own;
        }
        let places = self.places.borrow();
        let mut parts: BTreeMap<PartName, Vec<u8>> = BTreeMap::new();
        for (name, page) in &pages {
            let place = new.get(name).ok_or(PartError::Unknown)?;
            let bytes = parts.entry(place.part).or_default();
            let length = u16::try_from(page.len()).unwrap_or(u16::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(page);
            for named in named_by(page) {
                new.get(&named).or_else(|| places.get(&named)).ok_or(PartError::Unknown)?.write(bytes);
            }
        }
        // The root last: what it names is there then.
        Ok(parts.into_iter().rev().map(|(name, bytes)| Part { name, bytes }).collect())
    }

    /// The page at a place, of which nothing is known yet, and where those are that it names.
    fn page_at(&self, place: Place) -> Result<Vec<u8>, PartError<P::Error>> {
        let mut read = self.read.borrow_mut();
        if read.len() >= MOST_PARTS && !read.contains_key(&place.part) {
            read.clear();
        }
        let bytes = match read.entry(place.part) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(free) => free.insert(self.parts.read(&place.part).map_err(PartError::Unreadable)?),
        };
        let wrong = |reason| PartError::Format { part: place.part, reason };
        if bytes.len() > MAX_PART_BYTES {
            return Err(wrong("it is too long"));
        }
        let at = bytes.get(usize::from(place.offset)..).and_then(<[u8]>::split_first_chunk);
        let page = at.and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        let (page, mut rest) = page.ok_or_else(|| wrong("a page is cut off"))?;
        let mut places = self.places.borrow_mut();
        for named in named_by(page) {
            let (place, behind) = Place::read(rest).ok_or_else(|| wrong("a place is cut off"))?;
            places.entry(named).or_insert(place);
            rest = behind;
        }
        Ok(page.to_vec())
    }
}

impl<P: Parts> Pages for PartPages<P> {
    type Error = PartError<P::Error>;

    fn read(&self, page: &Sha256) -> Result<Vec<u8>, Self::Error> {
        if let Some(bytes) = self.pages.borrow().get(page) {
            return Ok(bytes.clone());
        }
        let place = self.places.borrow().get(page).copied().ok_or(PartError::Unknown)?;
        let bytes = self.page_at(place)?;
        if Sha256::of(&bytes) != *page {
            return Err(PartError::NotThere { part: place.part, offset: place.offset });
        }
        self.pages.borrow_mut().insert(*page, bytes.clone());
        Ok(bytes)
    }
}
