//! Pages in parts, as they are kept in files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use twinbuild_log::index::{
    self, IndexError, MAX_PART_BYTES, PartError, PartName, PartPages, Parts, Update, empty_root, lookup, root_of,
};
use twinbuild_subject::Sha256;

use crate::index::{Map, key, numbered, value};
use crate::memory::Missing;

/// Parts in memory, and which of them were read.
#[derive(Debug, Default)]
struct Memory {
    parts: BTreeMap<PartName, Vec<u8>>,
    read: RefCell<Vec<PartName>>,
}

impl Parts for &Memory {
    type Error = Missing;

    fn read(&self, part: &PartName) -> Result<Vec<u8>, Missing> {
        self.read.borrow_mut().push(*part);
        self.parts.get(part).cloned().ok_or(Missing)
    }
}

impl Memory {
    fn pages(&self, root: &Sha256, entry: u64) -> PartPages<&Self> {
        PartPages::new(self, root, entry)
    }

    /// Adds an update of the index of an entry as that of another.
    fn update(&mut self, (root, entry): (Sha256, u64), changes: &Map, new: u64) -> Update {
        let pages = self.pages(&root, entry);
        let update = index::update(&pages, &root, changes).unwrap();
        let parts = pages.parts(&update, new).unwrap();
        self.parts.extend(parts.into_iter().map(|part| (part.name, part.bytes)));
        update
    }

    /// An index of so many keys, in batches of 100, and the entry that has it.
    fn grown(count: u64) -> (Self, Sha256, u64) {
        let (mut memory, mut root, mut entry) = (Self::default(), empty_root(), 0);
        for first in (0..count).step_by(100) {
            let changes = (first..count.min(first + 100)).map(|number| (key(number), value(number))).collect();
            let new = entry + 101;
            root = memory.update((root, entry), &changes, new).root;
            entry = new;
        }
        (memory, root, entry)
    }
}

#[test]
fn what_is_kept_in_parts_is_found_in_few_of_them() {
    let (memory, root, entry) = Memory::grown(10_000);
    assert_eq!(root, root_of(&numbered(10_000)));
    assert!(memory.parts.len() <= 100 * 5, "{} parts of 100 batches", memory.parts.len());
    assert!(memory.parts.values().all(|part| part.len() <= MAX_PART_BYTES));
    for number in (0..20_000).step_by(373) {
        memory.read.borrow_mut().clear();
        let pages = memory.pages(&root, entry);
        let (found, proof) = lookup(&pages, &root, &key(number)).unwrap();
        assert_eq!(found, (number < 10_000).then(|| value(number)));
        assert_eq!(proof.verify(&root, &key(number)), Ok(found));
        let read = memory.read.borrow();
        assert!(read.len() <= proof.pages().len(), "{read:?}");
        assert_eq!(read[0], PartName { entry, part: 0 }, "the root is first");
        assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), read.len(), "each is read once");
    }
}

#[test]
fn the_vector_of_the_documentation_holds() {
    let mut memory = Memory::default();
    let map: Map = (0..16).chain([0x80]).map(|first| (Sha256::from_bytes([first; 32]), value(0))).collect();
    let first = memory.update((empty_root(), 0), &map, 1_234);
    let (name, part) = memory.parts.iter().next().unwrap();
    assert_eq!((memory.parts.len(), name.to_string().as_str()), (1, "index/1/234-0"));
    let at = |offset: usize, length: usize| &part[offset..offset + length];
    let place = |offset: u16| [&[0, 0, 0, 0, 0, 0, 0x04, 0xd2, 0, 0, 0, 0], offset.to_be_bytes().as_slice()].concat();
    assert_eq!((at(0, 3), at(515, 28)), (&[0x02, 0x01, 3][..], [place(618), place(543)].concat().as_slice()));
    assert_eq!((at(543, 3), at(618, 3)), (&[0, 73, 2][..], &[0x04, 0x81, 2][..]));
    assert_eq!(part.len(), 618 + 2 + 1 + 16 * 72);
    // An index that changes nothing has its root, and says where the rest is.
    let same = memory.update((first.root, 1_234), &Map::new(), 2_000);
    assert_eq!(
        (same.root, same.pages.len(), memory.parts[&PartName { entry: 2_000, part: 0 }].len()),
        (first.root, 0, 543)
    );
    let pages = memory.pages(&first.root, 2_000);
    assert_eq!(lookup(&pages, &first.root, &Sha256::from_bytes([3; 32])).unwrap().0, Some(value(0)));
    // That of no keys needs none.
    assert!(
        memory
            .pages(&empty_root(), 0)
            .parts(&index::update(&memory.pages(&empty_root(), 0), &empty_root(), &Map::new()).unwrap(), 0)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn each_bit_of_a_part_that_is_read_leaves_the_truth_or_an_error() {
    let (memory, root, entry) = Memory::grown(300);
    let last = PartName { entry, part: 0 };
    let honest = memory.parts[&last].clone();
    let mut altered = Memory { parts: memory.parts.clone(), ..Memory::default() };
    // All of the root's, and of the rest some.
    for byte in (0..800).chain((800..honest.len()).step_by(31)) {
        altered.parts.get_mut(&last).unwrap()[byte] ^= 1 << (byte % 8);
        for number in [3, 299, 1_000] {
            let expected = (number < 300).then(|| value(number));
            let found = lookup(&altered.pages(&root, entry), &root, &key(number));
            assert!(found.is_err() || found.is_ok_and(|(found, _)| found == expected), "byte {byte}");
        }
        altered.parts.get_mut(&last).unwrap()[byte] ^= 1 << (byte % 8);
    }
    for (part, reason) in [
        (honest[..100].to_vec(), "a page is cut off"),
        (honest[..1].to_vec(), "a page is cut off"),
        (Vec::new(), "a page is cut off"),
        (honest[..520].to_vec(), "a place is cut off"),
        (vec![2; MAX_PART_BYTES + 1], "too long"),
    ] {
        let mut altered = Memory { parts: memory.parts.clone(), ..Memory::default() };
        altered.parts.insert(last, part);
        let error = lookup(&altered.pages(&root, entry), &root, &key(3)).unwrap_err();
        let IndexError::Unreadable { source: error @ PartError::Format { .. }, .. } = error else {
            panic!("{reason}: {error}");
        };
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    }
    let mut without = memory;
    without.parts.insert(last, vec![0; 2]);
    let error = lookup(&without.pages(&root, entry), &root, &key(3)).unwrap_err();
    assert!(
        matches!(error, IndexError::Unreadable { source: PartError::NotThere { part, offset: 0 }, .. } if part == last),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn an_index_in_parts_is_the_index(batches in prop::collection::vec(prop::collection::vec((0..600_u64, any::<u8>()), 0..80), 1..8)) {
        let (mut memory, mut map, mut root, mut entry) = (Memory::default(), Map::new(), empty_root(), 0);
        for batch in batches {
            let changes: Map = batch.iter().map(|(number, entry)| (key(*number), value(u64::from(*entry)))).collect();
            map.extend(changes.iter().map(|(key, value)| (*key, *value)));
            let new = entry + 1 + batch.len() as u64;
            root = memory.update((root, entry), &changes, new).root;
            entry = new;
        }
        prop_assert_eq!(root, root_of(&map));
        let pages = memory.pages(&root, entry);
        for number in 0..600 {
            prop_assert_eq!(lookup(&pages, &root, &key(number)).unwrap().0, map.get(&key(number)).copied());
        }
    }
}
