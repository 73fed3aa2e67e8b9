//! What was published is found, and what was not is known not to be there.

use jiff::SignedDuration;
use twinbuild_ledger::{Kind, View, audit};
use twinbuild_subject::Sha256;

use crate::world::{World, now, payload};

#[test]
fn what_was_published_is_found_and_nothing_else() {
    let world = World::new();
    assert_eq!(world.publish_about(&["a", "b"]).entries, [0, 1]);
    let found = world.find("a", None).unwrap().unwrap();
    assert_eq!((found.entry, found.payload), (0, payload("a", "fine")));
    assert_eq!(world.find("c", None).unwrap(), None);
    // The newest counts, and what is published twice stands there once.
    let newer = world.publish(&[world.signed(Kind::Verdict, "a", "not fine")]);
    assert_eq!(newer.entries, [3]);
    assert_eq!(world.publish(&[world.signed(Kind::Verdict, "a", "not fine")]), newer);
    assert_eq!(world.find("a", None).unwrap().unwrap().payload, payload("a", "not fine"));
    let retracted = world.publish(&[world.signed(Kind::Retracted, "a", "a mistake")]);
    let found = world.find("a", Some(&newer.head)).unwrap().unwrap();
    assert_eq!((found.entry, found.logged.kind), (retracted.entries[0], Kind::Retracted));
    // What is not decisive is no newest entry.
    world.publish(&[world.signed(Kind::Summary, "b", "a summary")]);
    assert_eq!(world.find("b", None).unwrap().unwrap().entry, 1);
}

#[test]
fn a_ledger_is_read_from_its_first_entry_to_its_last() {
    let world = World::new();
    for number in 0..40 {
        let subjects: Vec<String> = (0..=number % 3).map(|at| format!("{}", (number * 7 + at) % 25)).collect();
        let statements: Vec<_> =
            subjects.iter().map(|subject| world.signed(Kind::Verdict, subject, &number.to_string())).collect();
        world.publish(&statements);
    }
    let (folder, keys) = (world.folder(), world.keys());
    let mut view = View::open(&folder, &keys, None).unwrap();
    let audit = audit(&mut view).unwrap();
    assert_eq!((audit.entries.len() as u64, audit.subjects), (view.head().size, 25));
}

#[test]
fn a_proof_needs_no_ledger() {
    let world = World::new();
    world.publish_about(&["a", "b", "c"]);
    let (folder, keys) = (world.folder(), world.keys());
    let times = (now(), SignedDuration::from_hours(1));
    let mut view = View::open(&folder, &keys, None).unwrap();
    for subject in ["a", "c", "other"] {
        let digest = Sha256::of(subject.as_bytes());
        let found = view.find(&digest).unwrap();
        let proof = view.prove(&digest, found.as_ref()).unwrap();
        assert_eq!(proof.check(&digest, &keys, None, times).unwrap(), found);
        let other = Sha256::of(b"b");
        assert!(proof.check(&other, &keys, None, times).is_err(), "{subject}");
    }
}
