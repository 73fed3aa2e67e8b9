//! Appending to a log.

use proptest::prelude::*;
use twinbuild_log::{AppendError, Appender, Level, ReadError, Reader, Tile, TreeHead, tiles};

use crate::memory::{Files, entry};

#[test]
fn the_files_of_a_batch_stand_in_the_order_to_write_them() {
    let entries: Vec<_> = (0..300).map(entry).collect();
    let batch = Appender::new().append(&entries).unwrap();
    let paths: Vec<_> = batch.files.iter().map(|(tile, _)| tile.to_string()).collect();
    let expected = ["tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"];
    assert_eq!(paths, expected);
    assert_eq!(batch.files.iter().map(|(_, bytes)| bytes.len()).skip(2).collect::<Vec<_>>(), [8192, 44 * 32, 32]);
}

#[test]
fn a_batch_has_only_what_is_new() {
    let mut log = Appender::new();
    let paths = |log: &mut Appender, count| {
        let batch = log.append(&vec!["x"; count]).unwrap();
        batch.files.iter().map(|(tile, _)| tile.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&mut log, 0), [""; 0]);
    assert_eq!(log.head(), &TreeHead::empty());
    assert_eq!(paths(&mut log, 255), ["tile/entries/000.p/255", "tile/0/000.p/255"]);
    assert_eq!(paths(&mut log, 1), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    // The same hashes as before in the next tile, which is another file.
    assert_eq!(paths(&mut log, 1), ["tile/entries/001.p/1", "tile/0/001.p/1"],);
    assert_eq!(
        paths(&mut log, 256),
        ["tile/entries/001", "tile/entries/002.p/1", "tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2"]
    );
}

#[test]
fn an_entry_that_is_too_long_appends_nothing() {
    let mut log = Appender::new();
    log.append(&["first"]).unwrap();
    let head = *log.head();
    let error = log.append(&[vec![0; 10], vec![0; 65_536]]).unwrap_err();
    assert!(matches!(error, AppendError::Entry { position: 1, .. }), "{error}");
    assert_eq!(log.head(), &head);

    let mut files = Files::default();
    let mut log = Appender::new();
    files.write(log.append(&[Vec::new(), vec![7; 65_535]]).unwrap());
    let mut reader = Reader::open(&files, *log.head()).unwrap();
    assert_eq!(reader.entries(0..2).unwrap(), [Vec::new(), vec![7; 65_535]]);
}

#[test]
fn a_log_is_not_appended_to_unless_its_edge_is_that_of_the_head() {
    let (files, head) = Files::of(300);
    for path in ["tile/entries/001.p/44", "tile/0/001.p/44", "tile/1/000.p/1"] {
        let mut files = files.clone();
        *files.files.get_mut(path).unwrap().last_mut().unwrap() ^= 1;
        let error = Appender::open(&files, head).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        files.files.remove(path);
        assert!(matches!(Appender::open(&files, head), Err(ReadError::Unreadable { .. })));
    }
}

#[test]
fn files_are_those_of_the_size() {
    for size in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537] {
        let (files, _) = Files::of(size);
        let expected: Vec<_> = tiles(size).map(|tile| (tile.to_string(), tile.width())).collect();
        assert_eq!(files.files.len(), expected.len());
        for (path, width) in expected {
            let tile: Tile = path.parse().unwrap();
            if tile.level() != Level::Entries {
                assert_eq!(files.files[&path].len(), usize::from(width) * 32, "{path}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// However a log came to be, and however often its edge was read anew, it is one log, and each state of it can still be read.
    #[test]
    fn batches_make_the_same_log(sizes in prop::collection::vec(0_u64..700, 1..6), reopen: bool, copies: bool) {
        let mut files = Files::default();
        let mut log = Appender::new();
        let mut heads = vec![*log.head()];
        let content = |index| if copies { b"copy".to_vec() } else { entry(index) };
        for size in sizes {
            let first = log.head().size;
            let entries: Vec<_> = (first..first + size).map(content).collect();
            files.write(log.append(&entries).unwrap());
            heads.push(*log.head());
            if reopen {
                log = Appender::open(&files, *log.head()).unwrap();
            }
        }
        let last = *log.head();
        let all: Vec<_> = (0..last.size).map(content).collect();
        let once = Appender::new().append(&all).unwrap();
        prop_assert_eq!(once.head, last);
        for (tile, bytes) in &once.files {
            prop_assert_eq!(files.files.get(&tile.to_string()), Some(bytes));
        }
        for head in heads {
            let entries = Reader::open(&files, head).unwrap().entries(0..head.size).unwrap();
            prop_assert_eq!(&entries, &all[..entries.len()]);
            let proof = Reader::open(&files, last).unwrap().consistency(head.size).unwrap();
            prop_assert_eq!(twinbuild_log::verify_consistency(&head, &last, &proof), Ok(()));
        }
    }
}
