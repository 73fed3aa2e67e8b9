//! Pages as bytes, and which of them an index can have.

use std::ops::Range;

use twinbuild_subject::Sha256;

use super::Value;

/// The first byte of a bucket. The log's own hashes are over bytes that begin with 0x00 and 0x01.
const BUCKET: u8 = 0x02;

/// The first byte of a branch.
const BRANCH: u8 = 0x03;

/// The keys that one bucket can have.
pub(super) const CAPACITY: usize = 16;

/// The slots of a branch.
pub(super) const SLOTS: usize = 16;

/// How often a key of 32 bytes can be divided by four bits.
const MAX_DEPTH: usize = 64;

/// Key, digest and entry.
const RECORD_BYTES: usize = 32 + 32 + 8;

/// The bytes of the largest page, a full bucket.
pub const MAX_PAGE_BYTES: usize = 1 + CAPACITY * RECORD_BYTES;

pub(super) type Record = (Sha256, Value);
pub(super) type Slots = [Option<Sha256>; SLOTS];

/// A page of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// Keys and their values, by key.
    Bucket(Vec<Record>),
    /// The page of each slot.
    Branch(Box<Slots>),
}

/// Why bytes are not a page of an index, or not the one that belongs there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The bytes have another hash than the page's name.
    #[error("its bytes have the hash {found}, and {expected} is expected")]
    Altered {
        /// Their SHA-256.
        found: Sha256,
        /// The page's name.
        expected: Sha256,
    },
    /// No kind of page begins like this or has that many bytes.
    #[error("{bytes} bytes that begin with {kind:#04x} are no page")]
    Kind {
        /// The first byte; 0 where there is none.
        kind: u8,
        /// How many there are.
        bytes: usize,
    },
    /// The keys of a bucket do not ascend.
    #[error("key {position} of the bucket does not come after the one before it")]
    Order {
        /// Which, from 0 on.
        position: usize,
    },
    /// A page stands in slots that are not a half, quarter, eighth or sixteenth of their branch, or in all of them.
    #[error("slot {slot} of the branch is of no part of it that can be one page")]
    Slot {
        /// The first slot with that page.
        slot: usize,
    },
    /// A bucket has a key that does not belong to its slots, or none at all.
    #[error("the bucket is not that of its slots: it has no keys, or one that belongs elsewhere")]
    Misplaced,
    /// A branch in more than one slot, or deeper than keys are long.
    #[error("a branch stands where only a bucket can be")]
    Deep,
}

impl Page {
    /// The page of the map without keys.
    pub(super) const EMPTY: [u8; 1] = [BUCKET];

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bucket(records) => {
                let mut bytes = Self::EMPTY.to_vec();
                for (key, value) in records {
                    bytes.extend_from_slice(key.as_bytes());
                    bytes.extend_from_slice(value.digest.as_bytes());
                    bytes.extend_from_slice(&value.entry.to_be_bytes());
                }
                bytes
            }
            Self::Branch(slots) => {
                let mut bytes = vec![BRANCH];
                for slot in slots.iter() {
                    bytes.extend_from_slice(&slot.map_or([0; 32], |page| *page.as_bytes()));
                }
                bytes
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, PageError> {
        let kind = || PageError::Kind { kind: bytes.first().copied().unwrap_or(0), bytes: bytes.len() };
        let (first, rest) = bytes.split_first().ok_or_else(kind)?;
        match *first {
            BUCKET if bytes.len() <= MAX_PAGE_BYTES => parse_bucket(rest).ok_or_else(kind)?,
            BRANCH => parse_branch(rest).ok_or_else(kind)?,
            _ => Err(kind()),
        }
    }
}

fn parse_bucket(bytes: &[u8]) -> Option<Result<Page, PageError>> {
    let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let mut parsed: Vec<Record> = Vec::with_capacity(records.len());
    for (position, record) in records.iter().enumerate() {
        let (key, value) = record.split_first_chunk()?;
        let (digest, entry) = value.split_first_chunk()?;
        let key = Sha256::from_bytes(*key);
        if parsed.last().is_some_and(|(before, _)| *before >= key) {
            return Some(Err(PageError::Order { position }));
        }
        let entry = u64::from_be_bytes(entry.try_into().ok()?);
        parsed.push((key, Value { digest: Sha256::from_bytes(*digest), entry }));
    }
    Some(Ok(Page::Bucket(parsed)))
}

fn parse_branch(bytes: &[u8]) -> Option<Result<Page, PageError>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    let hashes: &[[u8; 32]; SLOTS] = hashes.try_into().ok().filter(|_| rest.is_empty())?;
    let slots = hashes.map(|hash| (hash != [0; 32]).then(|| Sha256::from_bytes(hash)));
    let mut part = covered(&slots, 0);
    loop {
        let page = slots[part.start];
        let is_a_part = part.len().is_power_of_two() && part.start.is_multiple_of(part.len());
        let stands_alone = slots[part.end..].iter().all(|other| *other != page);
        if part.len() == SLOTS || page.is_some() && !(is_a_part && stands_alone) {
            return Some(Err(PageError::Slot { slot: part.start }));
        }
        if part.end == SLOTS {
            break;
        }
        part = covered(&slots, part.end);
    }
    Some(Ok(Page::Branch(Box::new(slots))))
}

/// The pages that bytes name which may be a branch, in the order of their slots, each once; none where they cannot be one.
pub(super) fn named_by(bytes: &[u8]) -> Vec<Sha256> {
    let Some((&BRANCH, rest)) = bytes.split_first() else { return Vec::new() };
    let (hashes, rest) = rest.as_chunks::<32>();
    if hashes.len() != SLOTS || !rest.is_empty() {
        return Vec::new();
    }
    let mut named: Vec<Sha256> =
        hashes.iter().filter(|hash| **hash != [0; 32]).map(|hash| Sha256::from_bytes(*hash)).collect();
    named.dedup();
    named
}

/// The slots around `slot` that have the same page.
pub(super) fn covered(slots: &Slots, slot: usize) -> Range<usize> {
    let same = |other: &&Option<Sha256>| **other == slots[slot];
    let before = slots[..slot].iter().rev().take_while(same).count();
    let after = slots[slot..].iter().take_while(same).count();
    slot - before..slot + after
}

/// The four bits of a key at a depth below 64: which slot of the page there is its own.
pub(super) fn slot(key: &Sha256, depth: usize) -> usize {
    let byte = usize::from(key.as_bytes()[depth / 2]);
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// Where in the tree a page is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// How many branches are above it.
    depth: usize,
    /// A key whose way leads there.
    key: Sha256,
    /// The slots of the branch above that it stands in.
    slots: Range<usize>,
}

impl Place {
    /// That of the root, on the way of `key`.
    pub(super) fn root(key: &Sha256) -> Self {
        Self { depth: 0, key: *key, slots: 0..SLOTS }
    }

    /// That of the page in `slots` of the branch at this place, on the way of a key there.
    pub(super) fn below(&self, key: &Sha256, slots: Range<usize>) -> Self {
        Self { depth: self.depth + 1, key: *key, slots }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The page that `bytes` are, if `name` is theirs and an index can have it here.
    pub(super) fn page(&self, name: &Sha256, bytes: &[u8]) -> Result<Page, PageError> {
        let found = Sha256::of(bytes);
        if found != *name {
            return Err(PageError::Altered { found, expected: *name });
        }
        let page = Page::parse(bytes)?;
        match &page {
            Page::Bucket(records) => {
                let is_empty = records.is_empty() && self.depth > 0;
                if is_empty || records.iter().any(|(key, _)| !self.is_on_the_way_of(key)) {
                    return Err(PageError::Misplaced);
                }
            }
            Page::Branch(_) => {
                let is_wide = self.depth > 0 && self.slots.len() > 1;
                if is_wide || self.depth >= MAX_DEPTH {
                    return Err(PageError::Deep);
                }
            }
        }
        Ok(page)
    }

    fn is_on_the_way_of(&self, key: &Sha256) -> bool {
        let Some(above) = self.depth.checked_sub(1) else { return true };
        (0..above).all(|depth| slot(key, depth) == slot(&self.key, depth)) && self.slots.contains(&slot(key, above))
    }
}
