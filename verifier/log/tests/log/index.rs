//! The index: what it holds, and what its proofs show.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use twinbuild_log::index::{MAX_PAGE_BYTES, Proof, ProofError, Value, empty_root, lookup, root_of, update};
use twinbuild_subject::Sha256;

use crate::memory::Pages;

pub(crate) type Map = BTreeMap<Sha256, Value>;

pub(crate) fn key(number: u64) -> Sha256 {
    Sha256::of(&number.to_be_bytes())
}

pub(crate) fn value(entry: u64) -> Value {
    Value { digest: Sha256::of(format!("statement {entry}").as_bytes()), entry }
}

/// The key that comes next, or before, in order.
fn neighbour(key: &Sha256, is_next: bool) -> Sha256 {
    let mut bytes = *key.as_bytes();
    for byte in bytes.iter_mut().rev() {
        let (changed, carry) = if is_next { byte.overflowing_add(1) } else { byte.overflowing_sub(1) };
        *byte = changed;
        if !carry {
            break;
        }
    }
    Sha256::from_bytes(bytes)
}

impl Pages {
    /// Updates the index and removes what the old one alone had.
    fn apply(&mut self, root: &Sha256, changes: &Map) -> Sha256 {
        let update = update(self, root, changes).unwrap();
        for (name, bytes) in &update.pages {
            assert_eq!(Sha256::of(bytes), *name);
            assert!(bytes.len() <= MAX_PAGE_BYTES);
        }
        self.pages.extend(update.pages);
        for page in &update.replaced {
            self.pages.remove(page).unwrap();
        }
        update.root
    }

    pub(crate) fn of(map: &Map) -> (Self, Sha256) {
        let mut pages = Self::default();
        let root = pages.apply(&empty_root(), map);
        (pages, root)
    }
}

pub(crate) fn numbered(count: u64) -> Map {
    (0..count).map(|number| (key(number), value(number))).collect()
}

/// Keys that share all but their last bytes, so that they part deep in the tree.
fn alike(count: u16) -> Map {
    let key = |number: u16| {
        let mut bytes = [0xab; 32];
        bytes[30..].copy_from_slice(&number.to_be_bytes());
        Sha256::from_bytes(bytes)
    };
    (0..count).map(|number| (key(number), value(number.into()))).collect()
}

#[test]
fn the_empty_map_has_a_root_and_proofs() {
    assert_eq!(empty_root(), Sha256::of(&[2]));
    assert_eq!(empty_root(), root_of(&Map::new()));
    let (pages, root) = Pages::of(&Map::new());
    assert_eq!((pages.pages.len(), root), (0, empty_root()));
    let (found, proof) = lookup(&pages, &root, &key(1)).unwrap();
    assert_eq!((found, pages.reads.get()), (None, 0));
    assert_eq!(proof.verify(&root, &key(1)), Ok(None));
    assert_eq!(proof.to_string(), "twinbuild.dev/index-proof@v1\nAg==\n");
}

#[test]
fn the_vectors_of_the_documentation_hold() {
    let one = Map::from([(Sha256::from_bytes([0x11; 32]), Value { digest: Sha256::from_bytes([0x22; 32]), entry: 3 })]);
    let (pages, root) = Pages::of(&one);
    let mut page = vec![2];
    page.extend([0x11; 32]);
    page.extend([0x22; 32]);
    page.extend([0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(pages.pages, BTreeMap::from([(root, page)]));
    assert_eq!(root.to_string(), "0cba73a70f06b62c01f746de9db2d34ed818326bee64f6da0586d6be39174006");

    // Seventeen keys: sixteen in the lower half of the slots, and 0x80.. alone in the upper.
    let many: Map = (0..16).chain([0x80]).map(|first| (Sha256::from_bytes([first; 32]), value(0))).collect();
    let (pages, root) = Pages::of(&many);
    assert_eq!(
        (pages.pages.len(), root.to_string().as_str()),
        (3, "d739bcbd2535692a4a04e0d41fc0b049ba5d7ec8e140602e54cb0bf5dc6671dc")
    );
    let branch = &pages.pages[&root];
    assert_eq!((branch.len(), branch[0]), (513, 3));
    let slots: Vec<_> = branch[1..].chunks(32).collect();
    assert!(slots[..8].iter().all(|slot| *slot == slots[0]));
    assert!(slots[8..].iter().all(|slot| *slot == slots[8]));
    assert_eq!(pages.pages[&Sha256::from_bytes(slots[0].try_into().unwrap())].len(), 1 + 16 * 72);
    assert_eq!(pages.pages[&Sha256::from_bytes(slots[8].try_into().unwrap())].len(), 1 + 72);
}

#[test]
fn a_lookup_takes_few_pages() {
    for (count, most) in [(16, 1), (1_000, 4), (30_000, 5)] {
        let (pages, root) = Pages::of(&numbered(count));
        let mut found = 0;
        for number in (0..2 * count).step_by(97) {
            pages.reads.set(0);
            let expected = (number < count).then(|| value(number));
            assert_eq!(lookup(&pages, &root, &key(number)).unwrap().0, expected);
            found = found.max(pages.reads.get());
        }
        assert!(found <= most, "{found} pages of {count} keys");
    }
}

#[test]
fn keys_that_are_alike_go_deep_and_no_deeper_than_keys_are_long() {
    for (count, most) in [(16, 1), (17, 64), (300, 64)] {
        let map = alike(count);
        let (pages, root) = Pages::of(&map);
        for (key, value) in &map {
            let (found, proof) = lookup(&pages, &root, key).unwrap();
            assert_eq!(found, Some(*value));
            assert!(proof.pages().len() <= most, "{}", proof.pages().len());
            assert_eq!(proof.to_string().parse(), Ok(proof));
        }
        assert_eq!(lookup(&pages, &root, &key(1)).unwrap().0, None);
    }
}

#[test]
fn an_update_adds_only_what_changes() {
    let map = numbered(10_000);
    let (pages, root) = Pages::of(&map);
    let same = Map::from([(key(5), value(5))]);
    let unchanged = update(&pages, &root, &same).unwrap();
    assert_eq!((unchanged.root, unchanged.pages.len(), unchanged.replaced.len()), (root, 0, 0));
    assert_eq!(update(&pages, &root, &Map::new()).unwrap(), unchanged);

    let newer = update(&pages, &root, &Map::from([(key(5), value(10_000))])).unwrap();
    let way = lookup(&pages, &root, &key(5)).unwrap().1.pages().len();
    assert_eq!((newer.pages.len(), newer.replaced.len()), (way, way));
    assert_eq!(newer.pages.last().map(|(name, _)| *name), Some(newer.root));
    // Each page stands after those that it names.
    let mut written: BTreeSet<Sha256> = pages.pages.keys().copied().collect();
    for (name, bytes) in &newer.pages {
        if bytes[0] == 3 {
            let named = bytes[1..].chunks(32).filter(|slot| **slot != [0; 32]);
            assert!(named.into_iter().all(|slot| written.contains(&Sha256::from_bytes(slot.try_into().unwrap()))));
        }
        written.insert(*name);
    }
}

/// Everything that somebody could make of a proof: it shows what the proof shows, or nothing.
#[test]
fn forged_proofs_show_nothing() {
    let (pages, root) = Pages::of(&numbered(2_000));
    for number in [7, 5_000] {
        let key = key(number);
        let (expected, proof) = lookup(&pages, &root, &key).unwrap();
        let forged = |pages: &[Vec<u8>]| {
            let lines: String = pages.iter().map(|page| base64(page) + "\n").collect();
            let proof: Proof = format!("twinbuild.dev/index-proof@v1\n{lines}").parse().unwrap();
            proof.verify(&root, &key)
        };
        let parts = proof.pages().to_vec();
        assert_eq!(forged(&parts), Ok(expected));
        for page in 0..parts.len() {
            for byte in 0..parts[page].len() {
                let mut changed = parts.clone();
                changed[page][byte] ^= 1 << (byte % 8);
                assert!(matches!(forged(&changed), Err(ProofError::Page { position, .. }) if position == page));
            }
            assert!(matches!(forged(&parts[..page]), Err(ProofError::Truncated { pages }) if pages == page));
            let mut shorter = parts.clone();
            shorter.remove(page);
            assert!(forged(&shorter).is_err());
            let mut longer = parts.clone();
            longer.insert(page, parts[page].clone());
            assert!(forged(&longer).is_err());
        }
        let mut longer = parts.clone();
        longer.extend(parts.last().cloned());
        let (found, expected) = (longer.len(), parts.len());
        assert_eq!(forged(&longer), Err(ProofError::Trailing { found, expected }));
        let mut turned = parts.clone();
        turned.reverse();
        assert!(forged(&turned).is_err());
        assert!(proof.verify(&empty_root(), &key).is_err());
    }
}

#[test]
fn a_proof_for_one_key_says_nothing_false_of_another() {
    let map = numbered(500);
    let (pages, root) = Pages::of(&map);
    for first in (0..500).step_by(23) {
        let (_, proof) = lookup(&pages, &root, &key(first)).unwrap();
        for second in 0..600 {
            if let Ok(found) = proof.verify(&root, &key(second)) {
                assert_eq!(found, map.get(&key(second)).copied());
            }
        }
    }
}

#[test]
fn other_text_is_no_proof() {
    let (pages, root) = Pages::of(&numbered(3));
    let text = lookup(&pages, &root, &key(0)).unwrap().1.to_string();
    let error = |text: &str| text.parse::<Proof>().unwrap_err();
    assert_eq!(error(""), ProofError::Format);
    assert_eq!(error(text.trim_end()), ProofError::Format);
    assert_eq!(error(&text.replace("v1", "v2")), ProofError::Format);
    assert_eq!(error(&text.replace('\n', "\r\n")), ProofError::Format);
    assert_eq!(error(&format!("{text}\n")), ProofError::Line { line: 3 });
    assert_eq!(error(&format!("{text}A\n")), ProofError::Line { line: 3 });
    assert_eq!(error(&format!("{text}{}\n", base64(&[2; MAX_PAGE_BYTES + 3]))), ProofError::Line { line: 3 });
    assert_eq!(error(&format!("{text}{}", "Ag==\n".repeat(65))), ProofError::TooManyPages);
    assert_eq!(
        "twinbuild.dev/index-proof@v1\n".parse::<Proof>().unwrap().verify(&root, &key(0)),
        Err(ProofError::Truncated { pages: 0 })
    );
}

fn any_key() -> impl Strategy<Value = Sha256> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Sha256::from_bytes),
        // Few different keys, many of which share most of their bits.
        (0..3_u8, 0..4_u8, any::<u8>()).prop_map(|(first, middle, last)| {
            let mut bytes = [0x5a; 32];
            (bytes[0], bytes[9], bytes[31]) = (first * 0x55, middle, last);
            Sha256::from_bytes(bytes)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The index is the map, in whatever order and portions its keys came, and what it has on disk is what it would have had
    /// from the start.
    #[test]
    fn an_index_is_a_map(entries in prop::collection::vec((any_key(), 0..50_u64), 0..200), portion in 1..80_usize, shift in 0..300_usize) {
        let map: Map = entries.iter().map(|(key, entry)| (*key, value(*entry))).collect();
        let mut order: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
        let length = order.len().max(1);
        order.rotate_left(shift % length);
        let (once, root) = Pages::of(&map);
        prop_assert_eq!(root_of(&map), root);

        let mut pages = Pages::default();
        let mut grown = empty_root();
        let stale: Map = order.iter().take(portion).map(|(key, _)| (*key, value(u64::MAX))).collect();
        grown = pages.apply(&grown, &stale);
        for portion in order.chunks(portion) {
            grown = pages.apply(&grown, &portion.iter().copied().collect());
        }
        prop_assert_eq!(grown, root);
        prop_assert_eq!(&pages.pages, &once.pages);

        let near = map.keys().flat_map(|key| [neighbour(key, true), neighbour(key, false)]);
        for key in map.keys().copied().chain(near).chain([key(1), Sha256::from_bytes([0; 32])]) {
            let (found, proof) = lookup(&pages, &root, &key).unwrap();
            prop_assert_eq!(found, map.get(&key).copied());
            prop_assert_eq!(proof.verify(&root, &key), Ok(found));
            prop_assert!(root == empty_root() || proof.verify(&empty_root(), &key).is_err());
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let word = [0, 1, 2].map(|i| u32::from(chunk.get(i).copied().unwrap_or(0)));
            let word = word[0] << 16 | word[1] << 8 | word[2];
            let digits = [18, 12, 6, 0].map(|shift| char::from(DIGITS[usize::try_from(word >> shift & 63).unwrap()]));
            let used = chunk.len() + 1;
            (0..4).map(move |i| if i < used { digits[i] } else { '=' })
        })
        .collect()
}
