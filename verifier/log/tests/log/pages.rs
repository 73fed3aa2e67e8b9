//! Pages of an index that nobody should believe.

use std::collections::BTreeMap;

use proptest::prelude::*;
use twinbuild_log::index::{IndexError, PageError, lookup, update};
use twinbuild_subject::Sha256;

use crate::index::{Map, key, numbered, value};
use crate::memory::{Missing, Pages};

#[test]
fn a_missing_or_altered_page_is_named() {
    let (pages, root) = Pages::of(&numbered(1_000));
    let (_, proof) = lookup(&pages, &root, &key(3)).unwrap();
    for page in proof.pages() {
        let name = Sha256::of(page);
        let mut missing = pages.clone();
        missing.pages.remove(&name);
        let error = lookup(&missing, &root, &key(3)).unwrap_err();
        assert!(matches!(error, IndexError::Unreadable { page, .. } if page == name));
        assert!(error.to_string().contains(&name.to_string()));
        let error = update(&missing, &root, &Map::from([(key(3), value(9))])).unwrap_err();
        assert!(matches!(error, IndexError::Unreadable { page, .. } if page == name));
        let mut altered = pages.clone();
        altered.pages.get_mut(&name).unwrap()[1] ^= 1;
        for error in [
            lookup(&altered, &root, &key(3)).unwrap_err(),
            update(&altered, &root, &Map::from([(key(3), value(9))])).unwrap_err(),
        ] {
            let source = match error {
                IndexError::Page { page, source } if page == name => source,
                other => panic!("{other}"),
            };
            assert!(matches!(source, PageError::Altered { expected, .. } if expected == name));
        }
    }
}

fn record(key: &Sha256) -> Vec<u8> {
    [&key.as_bytes()[..], &[7; 40]].concat()
}

fn bucket(keys: &[Sha256]) -> Vec<u8> {
    [vec![2], keys.iter().flat_map(record).collect()].concat()
}

fn branch(slots: [Option<&[u8]>; 16]) -> Vec<u8> {
    let mut page = vec![3];
    for slot in slots {
        page.extend(slot.map_or([0; 32], |page| *Sha256::of(page).as_bytes()));
    }
    page
}

/// Pages of an index that is not one, each with the name of its bytes.
#[test]
fn pages_that_no_index_has_are_refused() {
    let key = |first: u8| Sha256::from_bytes([first; 32]);
    let here = bucket(&[key(0x00)]);
    let there = bucket(&[key(0x80)]);
    let (a, b) = (Some(here.as_slice()), Some(there.as_slice()));
    let deep = branch([a, None, None, None, None, None, None, None, b, b, b, b, b, b, b, b]);
    let full: Vec<_> = (0..17).map(key).collect();
    let none = bucket(&[]);
    let refused = |pages: &[&[u8]]| {
        let root = Sha256::of(pages[0]);
        let store =
            Pages { pages: pages.iter().map(|page| (Sha256::of(page), page.to_vec())).collect(), ..Pages::default() };
        let by_update = update(&store, &root, &Map::from([(key(0x00), value(1))])).map(drop);
        let by_lookup = lookup(&store, &root, &key(0x00)).map(drop);
        let source = |error: IndexError<Missing>| match error {
            IndexError::Page { source, .. } => source,
            other => panic!("{other}"),
        };
        let (by_lookup, by_update) = (source(by_lookup.unwrap_err()), source(by_update.unwrap_err()));
        assert_eq!(by_lookup, by_update);
        by_lookup
    };
    assert_eq!(refused(&[&[]]), PageError::Kind { kind: 0, bytes: 0 });
    assert_eq!(refused(&[&[0]]), PageError::Kind { kind: 0, bytes: 1 });
    assert_eq!(refused(&[&[4; 73]]), PageError::Kind { kind: 4, bytes: 73 });
    assert_eq!(refused(&[&here[..72]]), PageError::Kind { kind: 2, bytes: 72 });
    assert_eq!(refused(&[&[&here[..], &[0]].concat()]), PageError::Kind { kind: 2, bytes: 74 });
    assert_eq!(refused(&[&bucket(&full)]), PageError::Kind { kind: 2, bytes: 1 + 17 * 72 });
    assert_eq!(refused(&[&deep[..512]]), PageError::Kind { kind: 3, bytes: 512 });
    assert_eq!(refused(&[&[&deep[..], &[0; 32]].concat()]), PageError::Kind { kind: 3, bytes: 545 });
    assert_eq!(refused(&[&bucket(&[key(2), key(1)])]), PageError::Order { position: 1 });
    assert_eq!(refused(&[&bucket(&[key(1), key(2), key(2)])]), PageError::Order { position: 2 });
    assert_eq!(refused(&[&branch([None; 16])]), PageError::Slot { slot: 0 });
    assert_eq!(refused(&[&branch([a; 16])]), PageError::Slot { slot: 0 });
    let mut three = [b; 16];
    three[..3].fill(a);
    assert_eq!(refused(&[&branch(three)]), PageError::Slot { slot: 0 });
    let mut askew = [None; 16];
    askew[1..3].fill(a);
    assert_eq!(refused(&[&branch(askew)]), PageError::Slot { slot: 1 });
    let mut twice = [None; 16];
    (twice[0], twice[4]) = (a, a);
    assert_eq!(refused(&[&branch(twice)]), PageError::Slot { slot: 0 });
    let mut halves = [b; 16];
    halves[..8].fill(b);
    halves[8..].fill(a);
    assert_eq!(refused(&[&branch(halves), &here, &there]), PageError::Misplaced);
    halves[..8].fill(Some(&none));
    assert_eq!(refused(&[&branch(halves), &none, &here]), PageError::Misplaced);
    halves[..8].fill(Some(&deep));
    assert_eq!(refused(&[&branch(halves), &deep, &here]), PageError::Deep);
    // A branch for each four bits of a key, and one more.
    let mut page = deep;
    let mut chain = vec![page.clone()];
    for _ in 0..64 {
        let mut slots = [None; 16];
        slots[0] = Some(page.as_slice());
        page = branch(slots);
        chain.insert(0, page.clone());
    }
    let chain: Vec<_> = chain.iter().map(Vec::as_slice).collect();
    assert_eq!(refused(&chain), PageError::Deep);
}

proptest! {
    #[test]
    fn any_bytes_are_a_page_or_refused(mut bytes: Vec<u8>, kind in 2..4_u8, length in prop::sample::select(vec![1_usize, 73, 513, 1153])) {
        bytes.resize(length, 0);
        bytes[0] = kind;
        let root = Sha256::of(&bytes);
        let pages = Pages { pages: BTreeMap::from([(root, bytes)]), ..Pages::default() };
        if let Err(error) = lookup(&pages, &root, &key(1)) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = update(&pages, &root, &Map::from([(key(1), value(1))]));
    }
}
