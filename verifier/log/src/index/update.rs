//! An index that grows: which pages new values add.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use twinbuild_subject::Sha256;

use super::page::{CAPACITY, Page, Place, Record, SLOTS, Slots, slot};
use super::{IndexError, Pages, Value, empty_root, read};

/// What new values make of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The root of the map with them.
    pub root: Sha256,
    /// The pages, by name, that it has and the map before did not have, in the order in which they are to be written: each after those that it names.
    /// Nothing changes below the old root.
    pub pages: Vec<(Sha256, Vec<u8>)>,
    /// The pages that the map before had and this one has not. They are needed for as long as somebody asks for the old root.
    pub replaced: BTreeSet<Sha256>,
}

/// Puts `changes` into the map under `root`: keys that are new to it, and new values of keys that it has. Nothing is taken out.
///
/// # Errors
/// [`IndexError`]: a page that is needed is missing or not the one of its name.
pub fn update<P: Pages>(
    pages: &P,
    root: &Sha256,
    changes: &BTreeMap<Sha256, Value>,
) -> Result<Update, IndexError<P::Error>> {
    let changes: Vec<Record> = changes.iter().map(|(key, value)| (*key, *value)).collect();
    let mut writer = Writer::new(pages);
    let root = match changes.first() {
        Some((first, _)) => writer.change(root, &Place::root(first), &changes)?,
        None => *root,
    };
    let mut replaced = &writer.read - &writer.made;
    replaced.remove(&empty_root());
    let new = writer.new.into_iter().filter(|(name, _)| !writer.read.contains(name)).collect();
    Ok(Update { root, pages: new, replaced })
}

/// The root of a map, from all of it.
#[must_use]
pub fn root_of(map: &BTreeMap<Sha256, Value>) -> Sha256 {
    let records: Vec<Record> = map.iter().map(|(key, value)| (*key, *value)).collect();
    Writer::new(&()).make(0, &records)
}

/// A part of a branch, as slots, and the keys that belong there.
type Part<'a> = (Range<usize>, &'a [Record]);

struct Writer<'a, P> {
    pages: &'a P,
    read: BTreeSet<Sha256>,
    made: BTreeSet<Sha256>,
    new: Vec<(Sha256, Vec<u8>)>,
}

impl<'a, P> Writer<'a, P> {
    fn new(pages: &'a P) -> Self {
        Self { pages, read: BTreeSet::new(), made: BTreeSet::new(), new: Vec::new() }
    }

    /// The page at `depth` of these keys and no others.
    fn make(&mut self, depth: usize, records: &[Record]) -> Sha256 {
        if records.len() <= CAPACITY {
            return self.put(&Page::Bucket(records.to_vec()));
        }
        let mut slots = Box::<Slots>::default();
        self.fill(&mut slots, 0..SLOTS, depth, records);
        self.put(&Page::Branch(slots))
    }

    /// Makes a part of the branch at `depth` that of these keys and no others.
    fn fill(&mut self, slots: &mut Slots, part: Range<usize>, depth: usize, records: &[Record]) {
        if records.len() > CAPACITY && part.len() > 1 {
            for (half, records) in halves((part, records), depth) {
                self.fill(slots, half, depth, records);
            }
        } else {
            let page = (!records.is_empty()).then(|| self.make(depth + 1, records));
            slots[part].fill(page);
        }
    }

    fn put(&mut self, page: &Page) -> Sha256 {
        let bytes = page.to_bytes();
        let name = Sha256::of(&bytes);
        if self.made.insert(name) {
            self.new.push((name, bytes));
        }
        name
    }
}

impl<P: Pages> Writer<'_, P> {
    /// The page `name` with `changes`, which all belong to its place; there is at least one.
    fn change(&mut self, name: &Sha256, place: &Place, changes: &[Record]) -> Result<Sha256, IndexError<P::Error>> {
        match self.read(name, place)? {
            Page::Bucket(records) => Ok(self.make(place.depth(), &merged(records, changes))),
            Page::Branch(slots) => self.change_branch(slots, place, changes),
        }
    }

    fn change_branch(
        &mut self,
        mut slots: Box<Slots>,
        place: &Place,
        changes: &[Record],
    ) -> Result<Sha256, IndexError<P::Error>> {
        self.change_slots(&mut slots, 0..SLOTS, place, changes)?;
        Ok(self.put(&Page::Branch(slots)))
    }

    /// Puts `changes` into a part of a branch: into its one page or its halves.
    fn change_slots(
        &mut self,
        slots: &mut Slots,
        part: Range<usize>,
        place: &Place,
        changes: &[Record],
    ) -> Result<(), IndexError<P::Error>> {
        let Some((first, _)) = changes.first() else { return Ok(()) };
        let page = slots[part.start];
        if slots[part.clone()].iter().any(|other| *other != page) {
            for (half, changes) in halves((part, changes), place.depth()) {
                self.change_slots(slots, half, place, changes)?;
            }
            return Ok(());
        }
        let Some(name) = page else {
            self.fill(slots, part, place.depth(), changes);
            return Ok(());
        };
        let below = place.below(first, part.clone());
        match self.read(&name, &below)? {
            Page::Bucket(records) => self.fill(slots, part, place.depth(), &merged(records, changes)),
            // A branch has one slot: `Place::page` refuses others.
            Page::Branch(inner) => slots[part.start] = Some(self.change_branch(inner, &below, changes)?),
        }
        Ok(())
    }

    fn read(&mut self, name: &Sha256, place: &Place) -> Result<Page, IndexError<P::Error>> {
        let bytes = read(self.pages, name)?;
        let page = place.page(name, &bytes).map_err(|source| IndexError::Page { page: *name, source })?;
        self.read.insert(*name);
        Ok(page)
    }
}

/// Both by key; where both have one, the value of `changes`.
fn merged(records: Vec<Record>, changes: &[Record]) -> Vec<Record> {
    let all: BTreeMap<_, _> = records.into_iter().chain(changes.iter().copied()).collect();
    all.into_iter().collect()
}

/// The halves of a part of a branch at `depth`, whose keys are sorted.
fn halves((part, records): Part<'_>, depth: usize) -> [Part<'_>; 2] {
    let middle = part.start + part.len() / 2;
    let (lower, upper) = records.split_at(records.partition_point(|(key, _)| slot(key, depth) < middle));
    [(part.start..middle, lower), (middle..part.end, upper)]
}
