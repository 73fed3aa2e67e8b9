//! Reading a log whose files may be anyone's.

use twinbuild_log::{Level, ReadError, Reader, Tile, TreeError, TreeHead, leaf_hash, tiles, verify_inclusion};
use twinbuild_subject::Sha256;

use crate::memory::{Files, Missing, entry};

/// Everything that a verifier asks of an entry.
fn read_all(files: &Files, head: TreeHead, index: u64) -> Result<(), ReadError<Missing>> {
    let mut reader = Reader::open(files, head)?;
    assert_eq!(reader.entry(index)?, entry(index));
    let proof = reader.inclusion(index)?;
    verify_inclusion(&head, index, &leaf_hash(&entry(index)), &proof)?;
    Ok(())
}

/// The index of an entry that is below `tile`.
fn below(tile: &Tile) -> u64 {
    match tile.level() {
        Level::Entries => tile.index() << 8,
        Level::Hashes(level) => tile.index() << (8 * (u32::from(level) + 1)),
    }
}

fn names(error: &ReadError<Missing>, tile: &Tile) -> bool {
    error.to_string().split([' ', ',', ':']).any(|word| word == tile.to_string())
}

#[test]
fn a_proof_takes_few_tiles() {
    for (size, most) in [(1, 1), (256, 2), (1_000, 3), (10_000, 3), (100_000, 5)] {
        let (files, head) = Files::of(size);
        let indexes = (0..size).step_by(usize::try_from(1 + size / 50).unwrap()).chain([size - 1]);
        let mut found = 0;
        for index in indexes {
            files.reads.set(0);
            let proof = Reader::open(&files, head).unwrap().inclusion(index).unwrap();
            found = found.max(files.reads.get());
            assert_eq!(verify_inclusion(&head, index, &leaf_hash(&entry(index)), &proof), Ok(()));
            files.reads.set(0);
            Reader::open(&files, head).unwrap().consistency(index).unwrap();
            assert!(files.reads.get() <= most, "{} for consistency with {index} of {size}", files.reads.get());
        }
        assert_eq!(found, most, "{size}");
    }
}

#[test]
fn a_whole_log_is_read_with_each_file_once() {
    let (files, head) = Files::of(70_000);
    let mut reader = Reader::open(&files, head).unwrap();
    let mut next = 0;
    while next < head.size {
        let end = (next + 1024).min(head.size);
        for (index, found) in (next..end).zip(reader.entries(next..end).unwrap()) {
            assert_eq!(found, entry(index));
        }
        next = end;
    }
    assert_eq!(files.reads.get(), tiles(head.size).count());
    assert_eq!(reader.entries(300..300).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(reader.entries(255..257).unwrap(), [entry(255), entry(256)]);
}

#[test]
fn an_altered_file_is_named() {
    let (files, head) = Files::of(66_000);
    for tile in tiles(head.size) {
        let path = tile.to_string();
        let bytes = &files.files[&path];
        for (what, altered) in alterations(bytes) {
            let mut files = files.clone();
            files.files.insert(path.clone(), altered);
            let error = read_all(&files, head, below(&tile)).expect_err(&path);
            assert!(names(&error, &tile), "{path}, {what}: {error}");
        }
    }
}

fn alterations(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut flipped = bytes.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let mut swapped = bytes.to_vec();
    if swapped.len() >= 64 {
        swapped.rotate_left(32);
    }
    let mut altered = vec![
        ("its last bit flipped", flipped),
        ("cut off", bytes[..bytes.len() - 1].to_vec()),
        ("half", bytes[..bytes.len() / 2].to_vec()),
        ("with a byte more", [bytes, &[0]].concat()),
        ("empty", Vec::new()),
    ];
    if swapped != bytes {
        altered.push(("in another order", swapped));
    }
    altered
}

#[test]
fn a_missing_file_is_named() {
    let (files, head) = Files::of(66_000);
    for tile in tiles(head.size) {
        let mut files = files.clone();
        files.files.remove(&tile.to_string());
        match read_all(&files, head, below(&tile)) {
            Err(ReadError::Unreadable { tile: named, .. }) => assert_eq!(named, tile),
            other => panic!("{tile}: {other:?}"),
        }
    }
}

#[test]
fn a_file_in_the_place_of_another_is_named() {
    let (mut files, head) = Files::of(1_000);
    for (first, second) in [("tile/0/000", "tile/0/001"), ("tile/entries/000", "tile/entries/002")] {
        let original = files.clone();
        let other = files.files.insert(first.to_owned(), original.files[second].clone()).unwrap();
        files.files.insert(second.to_owned(), other);
        let error = read_all(&files, head, 0).unwrap_err();
        assert!(names(&error, &first.parse().unwrap()), "{error}");
        files = original;
    }
}

#[test]
fn partial_tiles_are_named_together() {
    let (mut files, head) = Files::of(1_000);
    files.files.get_mut("tile/1/000.p/3").unwrap()[0] ^= 1;
    match Reader::open(&files, head) {
        Err(ReadError::Edge { tiles, size: 1_000, expected, .. }) => {
            let tiles: Vec<_> = tiles.iter().map(ToString::to_string).collect();
            assert_eq!(
                (tiles, expected),
                (vec!["tile/0/003.p/232".to_owned(), "tile/1/000.p/3".to_owned()], head.root)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_of_another_head_is_refused() {
    let (files, head) = Files::of(1_000);
    let other = TreeHead { root: Sha256::of(b"other"), ..head };
    assert!(matches!(Reader::open(&files, other), Err(ReadError::Edge { .. })));
    let larger = TreeHead { size: 1_001, ..head };
    assert!(matches!(Reader::open(&files, larger), Err(ReadError::Unreadable { .. })));
    let impossible = TreeHead { size: 0, ..head };
    assert!(matches!(Reader::open(&files, impossible), Err(ReadError::Tree(TreeError::EmptyRoot { .. }))));
}

#[test]
fn what_lies_beyond_the_head_is_refused() {
    let (files, head) = Files::of(300);
    let mut reader = Reader::open(&files, head).unwrap();
    let beyond = |result: Result<(), ReadError<Missing>>, expected| match result {
        Err(ReadError::Tree(error)) => assert_eq!(error, expected),
        other => panic!("{other:?}"),
    };
    let no_such_entry = |index| TreeError::NoSuchEntry { index, size: 300 };
    beyond(reader.entry(300).map(drop), no_such_entry(300));
    beyond(reader.entry(u64::MAX).map(drop), no_such_entry(u64::MAX));
    beyond(reader.entries(0..301).map(drop), no_such_entry(300));
    beyond(reader.leaf(300).map(drop), no_such_entry(300));
    beyond(reader.inclusion(300).map(drop), no_such_entry(300));
    beyond(reader.consistency(301).map(drop), TreeError::Shrunk { old: 301, new: 300 });
    let (files, head) = Files::of(0);
    let mut reader = Reader::open(&files, head).unwrap();
    assert_eq!(reader.consistency(0).unwrap(), []);
    assert_eq!(reader.entries(0..0).unwrap(), Vec::<Vec<u8>>::new());
    beyond(reader.inclusion(0).map(drop), TreeError::NoSuchEntry { index: 0, size: 0 });
    assert_eq!(files.reads.get(), 0);
}

#[test]
fn full_tiles_stand_in_for_partial_ones_that_were_removed() {
    let (old, old_head) = Files::of(300);
    let (mut files, _) = Files::of(70_000);
    assert!(!files.files.contains_key("tile/0/001.p/44"));
    for index in [0, 255, 256, 299] {
        read_all(&files, old_head, index).unwrap();
    }
    let mut bundle = files.files["tile/entries/001"].clone();
    bundle[7] ^= 1;
    files.files.insert("tile/entries/001".to_owned(), bundle);
    let error = read_all(&files, old_head, 299).unwrap_err();
    assert!(names(&error, &"tile/entries/001.p/44".parse().unwrap()), "{error}");
    read_all(&old, old_head, 299).unwrap();
}
