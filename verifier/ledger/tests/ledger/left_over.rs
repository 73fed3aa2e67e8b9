//! What a crash leaves, and what is published behind it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use twinbuild_ledger::{AppendFailure, Appended, Kind, SignedStatement, View, append, audit};
use twinbuild_subject::Sha256;

use crate::world::{ORIGIN, World, copy, files_below, name, now};

/// Statements about so many files of that name.
fn about(world: &World, name: &str, count: usize) -> Vec<SignedStatement> {
    (0..count).map(|number| world.signed(Kind::Verdict, &format!("{name} {number}"), "fine")).collect()
}

/// All files but the checkpoint, by their paths below the folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = files_below(folder).into_iter().map(|path| {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    files.filter(|(name, _)| name != "checkpoint" && name != ".lock").collect()
}

fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Reads all of it, and one statement about each of these files, or that there is none.
fn check(world: &World, entries: u64, there: &[&str], not_there: &[&str]) {
    let (folder, keys) = (world.folder(), world.keys());
    let mut view = View::open(&folder, &keys, None).unwrap();
    assert_eq!(audit(&mut view).unwrap().entries.len() as u64, entries);
    for subject in there {
        assert!(view.find(&Sha256::of(subject.as_bytes())).unwrap().is_some(), "{subject}");
    }
    for subject in not_there {
        assert!(view.find(&Sha256::of(subject.as_bytes())).unwrap().is_none(), "{subject}");
    }
}

/// Files of a publication whose checkpoint was never written: any of them, whole or as a disk has them that lost power before they were
/// flushed. The lost one fills a tile, so that there are tiles of both widths.
#[test]
fn a_ledger_is_continued_over_what_a_publication_left_that_was_cut_off() {
    let world = World::new();
    world.publish(&about(&world, "first", 240));
    world.publish(&about(&world, "second", 8));
    let honest = world.temporary.path().join("honest");
    copy(&world.path(), &honest);
    let (lost, other) = (about(&world, "lost", 20), about(&world, "other", 11));
    world.publish(&lost);
    let before = contents(&honest);
    let left: Vec<_> = contents(&world.path()).into_iter().filter(|(name, _)| !before.contains_key(name)).collect();
    let is_left = |name: &str| left.iter().any(|(other, _)| other == name);
    assert!(is_left("tile/0/000") && is_left("tile/entries/000") && is_left("tile/0/001.p/15"));

    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(16) });
    let each = (0..7_u8, any::<prop::sample::Index>());
    let outcome = runner.run(&(vec(each, left.len()), any::<bool>()), |(states, is_tried_again)| {
        fs::remove_dir_all(world.path()).unwrap();
        copy(&honest, &world.path());
        for ((name, content), (state, at)) in left.iter().zip(&states) {
            let cut = &content[..at.index(content.len())];
            match state {
                0 | 1 => put(&world.path(), name, content),
                2 => put(&world.path(), name, b""),
                3 => put(&world.path(), name, cut),
                4 => put(&world.path(), name, &vec![0; content.len()]),
                5 => put(&world.path(), ".unfinished", cut),
                _ => {}
            }
        }
        check(&world, 250, &["first 0", "second 7"], &["lost 0", "lost 19", "other 0"]);
        if is_tried_again {
            assert_eq!(world.publish(&lost).entries, (250..270).collect::<Vec<_>>());
            check(&world, 271, &["first 0", "second 7", "lost 0", "lost 19"], &["other 0"]);
            world.publish(&other);
            check(&world, 283, &["lost 0", "lost 19", "other 0", "other 10"], &[]);
        } else {
            assert_eq!(world.publish(&other).entries, (250..261).collect::<Vec<_>>());
            check(&world, 262, &["first 0", "second 7", "other 0", "other 10"], &["lost 0", "lost 19"]);
            world.publish(&lost);
            check(&world, 283, &["lost 0", "lost 19", "other 0", "other 10"], &[]);
        }
        Ok(())
    });
    outcome.unwrap();
}

/// As after a crash between the checkpoint and the word that it is there.
#[test]
fn a_batch_that_is_published_again_is_there_once() {
    let world = World::new();
    world.publish_about(&["a", "b"]);
    let batch = [
        world.signed(Kind::Verdict, "a", "fine"),
        world.signed(Kind::Verdict, "c", "fine"),
        world.signed(Kind::Summary, "c", "in short"),
        world.signed(Kind::Retracted, "c", "a mistake"),
        world.signed(Kind::Provenance, "c", "of what was rebuilt"),
    ];
    let first = world.publish(&batch);
    assert_eq!(first.entries, [0, 3, 4, 5, 6]);
    assert_eq!(world.publish(&batch), first);
    // But who says the same again of a file, of which something newer was said since, means it.
    let again = world.publish(&batch[1..2]);
    assert_eq!(again.entries, [8]);
    assert_eq!(world.find("c", None).unwrap().unwrap().entry, 8);
    assert_eq!(world.publish(&batch[1..2]), again);
    assert_eq!(world.publish(&batch[2..3]).entries, [10]);
}

fn append_at(world: &World, statements: &[SignedStatement], hours: i64) -> Result<Appended, AppendFailure> {
    let then = now() + SignedDuration::from_hours(hours);
    append(&world.folder().writer().unwrap(), &name(ORIGIN), &world.log, statements, then)
}

/// Entries of another time than their order says condemn a ledger for good.
#[test]
fn nothing_is_appended_before_what_is_there() {
    let world = World::new();
    let first = world.publish_about(&["a"]);
    let failure = append_at(&world, &[world.signed(Kind::Verdict, "b", "fine")], -1).unwrap_err();
    assert!(matches!(failure, AppendFailure::Clock { .. }), "{failure}");
    assert!(failure.to_string().contains("2026-11-20T12:00:00Z"), "{failure}");
    assert_eq!(world.head(), first.head);
    check(&world, 2, &["a"], &["b"]);
}

/// An entry that nobody can read would stand in the log for good.
#[test]
fn what_would_be_no_entry_is_not_appended() {
    let world = World::new();
    let first = world.publish_about(&["a"]);
    let changes: [fn(&mut SignedStatement); 5] = [
        |statement| statement.logged.outcome = "not so fine".to_owned(),
        |statement| statement.logged.outcome = "reproduced\nalerts 0".to_owned(),
        |statement| statement.logged.outcome.clear(),
        |statement| statement.logged.predicate_type = "https://exämple.org".to_owned(),
        |statement| statement.logged.predicate_type = "x".repeat(3000),
    ];
    for change in changes {
        let mut statement = world.signed(Kind::Verdict, "b", "fine");
        change(&mut statement);
        let failure = append_at(&world, &[statement], 0).unwrap_err();
        assert!(matches!(failure, AppendFailure::Entry(_)), "{failure}");
        assert_eq!(world.head(), first.head);
    }
    check(&world, 2, &["a"], &["b"]);
}
