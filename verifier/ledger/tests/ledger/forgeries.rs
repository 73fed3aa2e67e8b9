//! Forgeries, each refused by its name.

use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use twinbuild_ledger::{AuditError, CheckError, Keys, Kind, View, audit};
use twinbuild_log::index::{self, Value};
use twinbuild_log::{Appender, Checkpoint, TreeHead};
use twinbuild_signature::{KeyKind, Note, PrivateKey, Role, Sign as _, VerifierKey};
use twinbuild_subject::Sha256;

use crate::world::{ORIGIN, World, copy, files_below, name, now};

/// Two publications about `a`, `b` and `c`.
fn published() -> (World, TreeHead) {
    let world = World::new();
    let first = world.publish_about(&["a", "b"]).head;
    world.publish_about(&["c"]);
    (world, first)
}

#[track_caller]
fn refused(world: &World, seen: Option<&TreeHead>, expected: &str) {
    let error = chain(&world.find("a", seen).unwrap_err());
    assert!(error.contains(expected), "{expected}: {error}");
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

fn flip(path: &Path, at: usize) {
    let mut content = fs::read(path).unwrap();
    content[at] ^= 1;
    fs::write(path, content).unwrap();
}

#[test]
fn an_honest_ledger_is_believed() {
    let (world, first) = published();
    assert!(world.find("a", Some(&first)).unwrap().is_some());
}

#[test]
fn a_checkpoint_that_is_taken_away_is_missed() {
    let (world, _) = published();
    fs::remove_file(world.file("checkpoint")).unwrap();
    refused(&world, None, "no checkpoint");
}

#[test]
fn each_bit_of_a_checkpoint_counts() {
    let (world, _) = published();
    let path = world.file("checkpoint");
    let honest = fs::read(&path).unwrap();
    for at in 0..honest.len() {
        flip(&path, at);
        assert!(world.find("a", None).is_err(), "byte {at}");
        fs::write(&path, &honest).unwrap();
    }
}

#[test]
fn a_checkpoint_of_another_key_or_log_is_refused() {
    let (world, _) = published();
    let other = World::new();
    other.publish_about(&["a"]);
    copy(&other.file("checkpoint"), &world.file("checkpoint"));
    refused(&world, None, "is one of the");
}

#[test]
fn a_log_that_was_rolled_back_is_refused() {
    let (world, _) = published();
    let newest = world.head();
    let old = World { temporary: tempfile::TempDir::new().unwrap(), ..world };
    old.publish_about(&["a", "b"]);
    let error = old.find("a", Some(&newest)).unwrap_err();
    assert!(matches!(error, CheckError::RolledBack { size: 3, seen: 5 }), "{error}");
}

#[test]
fn a_forked_log_is_refused() {
    let (world, first) = published();
    let fork = World { temporary: tempfile::TempDir::new().unwrap(), ..world };
    fork.publish(&[fork.signed(Kind::Verdict, "a", "for you only"), fork.signed(Kind::Verdict, "b", "fine")]);
    fork.publish_about(&["c"]);
    let error = fork.find("a", Some(&first)).unwrap_err();
    assert!(matches!(error, CheckError::Forked { size: 5, seen: 3, .. }), "{error}");
    // Of the same size, too.
    let world = World::new();
    let seen = world.publish_about(&["a"]).head;
    let fork = World { temporary: tempfile::TempDir::new().unwrap(), ..world };
    fork.publish_about(&["z"]);
    assert!(matches!(fork.find("a", Some(&seen)).unwrap_err(), CheckError::Forked { .. }));
}

#[test]
fn a_tile_that_is_missing_or_altered_is_named() {
    for name in ["tile/0/000.p/5", "tile/entries/000.p/5"] {
        let (world, _) = published();
        flip(&world.file(name), 40);
        assert!(world.find("a", None).is_err(), "{name}");
        fs::remove_file(world.file(name)).unwrap();
        refused(&world, None, name);
    }
}

#[test]
fn a_page_of_the_index_that_is_missing_or_altered_is_named() {
    let (world, _) = published();
    let page = files_below(&world.file("index"));
    assert!(page.len() >= 2);
    for path in page {
        let honest = fs::read(&path).unwrap();
        for at in [0, honest.len() / 2, honest.len() - 1] {
            flip(&path, at);
            // Pages of older indexes are not read any more.
            let found = world.find("a", None);
            assert!(found.is_err() || world.find("b", None).is_ok(), "{}", path.display());
            fs::write(&path, &honest).unwrap();
        }
    }
    fs::remove_dir_all(world.file("index")).unwrap();
    refused(&world, None, "index/");
}

#[test]
fn a_statement_that_is_missing_edited_or_swapped_is_refused() {
    let (world, _) = published();
    let path = world.envelope_of("a", "fine");
    let honest = fs::read(&path).unwrap();
    for at in 0..honest.len() {
        flip(&path, at);
        // A flipped bit can leave the same envelope: another spelling of base64's last digit there is not.
        assert!(world.find("a", None).is_err(), "byte {at}");
        fs::write(&path, &honest).unwrap();
    }
    fs::write(&path, &honest[..honest.len() / 2]).unwrap();
    refused(&world, None, "the statement of entry 0");
    fs::copy(world.envelope_of("b", "fine"), &path).unwrap();
    refused(&world, None, "another one than was logged");
    fs::remove_file(&path).unwrap();
    refused(&world, None, "the statement of entry 0 is missing");
}

#[test]
fn a_statement_of_another_key_is_refused_though_the_log_has_it() {
    let (world, _) = published();
    let stranger = PrivateKey::generate(KeyKind::Ed25519, Role::Verdict).unwrap();
    world.publish(&[world.signed_by(&stranger, Kind::Verdict, "a", "from a stranger")]);
    refused(&world, None, "is not signed by its verdict key");
}

#[test]
fn a_log_key_signs_no_statement_and_a_verdict_key_no_checkpoint() {
    let world = World::new();
    let mut policy = world.policy();
    policy.verdict_keys.push(world.log.public_key().to_pem().unwrap());
    let error = Keys::of(&policy).unwrap_err().to_string();
    assert!(error.contains("log") && error.contains("verdict"), "{error}");
    let mut policy = world.policy();
    policy.verdict_keys.push(policy.verdict_keys[0].clone());
    assert!(Keys::of(&policy).unwrap_err().to_string().contains("twice"));
    let mut policy = world.policy();
    policy.witness_keys.push(policy.witness_keys[0].clone());
    assert!(Keys::of(&policy).unwrap_err().to_string().contains("twice"));
    assert!(VerifierKey::new(name(ORIGIN), world.verdict.public_key()).is_err());
}

#[test]
fn cosignatures_that_are_needed_cannot_be_stripped() {
    let (world, _) = published();
    let mut policy = world.policy();
    policy.witnesses = 1;
    let keys = Keys::of(&policy).unwrap();
    let error = world.find_with(&keys, "a", None).unwrap_err();
    assert!(matches!(error, CheckError::Witnesses { found: 0, needed: 1 }), "{error}");
    world.cosign();
    // Twice by one witness is once.
    world.cosign();
    assert!(world.find_with(&keys, "a", None).unwrap().is_some());
    // A cosignature of an older checkpoint is none of this one.
    let cosigned = fs::read_to_string(world.file("checkpoint")).unwrap();
    let line = cosigned.lines().find(|line| line.contains("witness.example")).unwrap().to_owned();
    world.publish_about(&["d"]);
    assert!(world.find_with(&keys, "a", None).is_err());
    let checkpoint = fs::read_to_string(world.file("checkpoint")).unwrap();
    fs::write(world.file("checkpoint"), format!("{checkpoint}{line}\n")).unwrap();
    assert!(chain(&world.find_with(&keys, "a", None).unwrap_err()).contains("does not hold"));
}

/// Writes entries of one's own behind those of a ledger, as whoever has its log key can.
fn append_raw(world: &World, entries: &[String], update: Option<&index::Update>) {
    let folder = world.folder();
    let head = world.head();
    let files = TilesOf(&folder);
    let mut appender = Appender::open(files, head).unwrap();
    let batch = appender.append(entries).unwrap();
    let writer = folder.writer().unwrap();
    for (tile, content) in &batch.files {
        writer.write(&tile.to_string(), content).unwrap();
    }
    if let Some(update) = update {
        let parts = index::PartPages::new(Empty, &index::empty_root(), 0).parts(update, batch.head.size - 1).unwrap();
        for part in parts {
            writer.write(&part.name.to_string(), &part.bytes).unwrap();
        }
    }
    let mut note = Note::new(Checkpoint::new(ORIGIN, batch.head).unwrap().to_string()).unwrap();
    note.sign(name(ORIGIN), &world.log).unwrap();
    writer.commit("checkpoint", note.to_string().as_bytes()).unwrap();
}

struct TilesOf<'a>(&'a twinbuild_ledger::Folder);

impl twinbuild_log::Tiles for TilesOf<'_> {
    type Error = std::io::Error;

    fn read(&self, tile: &twinbuild_log::Tile) -> Result<Vec<u8>, std::io::Error> {
        fs::read(self.0.path().join(tile.to_string()))
    }
}

fn index_entry(root: &Sha256, size: u64) -> String {
    format!("twinbuild ledger entry 1\nkind index\ntime {}\nroot {root}\nsize {size}\n", now())
}

#[test]
fn a_hidden_newer_verdict_is_found_by_whoever_reads_the_log() {
    let (world, _) = published();
    let (folder, keys) = (world.folder(), world.keys());
    let worse = world.signed(Kind::Verdict, "a", "poisoned");
    let entry = twinbuild_ledger::Entry { time: now(), body: twinbuild_ledger::Body::Statement(worse.logged) };
    // The index stays as it was, so that consumers see the older verdict.
    let bundle = fs::read(world.file("tile/entries/000.p/5")).unwrap();
    let root =
        String::from_utf8_lossy(&bundle).rsplit("root ").next().unwrap().split('\n').next().unwrap().parse().unwrap();
    append_raw(&world, &[entry.to_string(), index_entry(&root, 3)], None);
    let mut view = View::open(&folder, &keys, None).unwrap();
    let error = audit(&mut view).unwrap_err();
    assert!(matches!(error, AuditError::Index { entry: 6 }), "{error}");
}

#[test]
fn an_index_that_names_another_entry_is_refused() {
    let (world, _) = published();
    let key = Sha256::of(b"a");
    // Entry 1 is about another file.
    let value = Value { digest: Sha256::of(b"payload"), entry: 1 };
    let map = [(key, value)].into();
    let update = index::update(&Empty, &index::empty_root(), &map).unwrap();
    append_raw(&world, &[index_entry(&update.root, 1)], Some(&update));
    refused(&world, None, "is about something else");
}

#[test]
fn a_ledger_that_nothing_is_published_to_can_say_that_it_is_kept() {
    let (world, _) = published();
    let (folder, keys) = (world.folder(), world.keys());
    let before = world.find("a", None).unwrap();
    for size in [6, 7] {
        assert_eq!(world.publish(&[]).head.size, size);
        let mut view = View::open(&folder, &keys, None).unwrap();
        assert_eq!(view.find(&Sha256::of(b"a")).unwrap(), before);
        assert_eq!(audit(&mut view).unwrap().subjects, 3);
    }
}

#[test]
fn what_is_installed_is_found_as_that_and_no_file_is() {
    let world = World::new();
    let (statement, installed) = world.of_wheel();
    let wheel = statement.logged.subject;
    world.publish(&[statement]);
    let (folder, keys) = (world.folder(), world.keys());
    let view = || View::open(&folder, &keys, None).unwrap();
    assert_eq!(view().find(&wheel).unwrap(), view().find_installed(&installed).unwrap());
    assert_eq!(view().find_installed(&Sha256::of(b"other")).unwrap(), None);
    // A file may be the very text of which that is the digest, and nobody has judged it.
    for found in [view().find(&installed), view().find_installed(&wheel)] {
        assert!(matches!(found, Err(CheckError::OtherEntry { entry: 0 })), "{found:?}");
    }
    assert_eq!(audit(&mut view()).unwrap().subjects, 1);
    // What is said of the wheel later is said of what is installed.
    let mut retracted = world.signed(Kind::Retracted, "wheel", "a mistake");
    retracted.logged.installed = Some(installed);
    world.publish(&[retracted]);
    assert_eq!(view().find_installed(&installed).unwrap().unwrap().logged.kind, Kind::Retracted);
    // A log that gives another digest than the statement is not relied on.
    let other = Sha256::of(b"other");
    let mut found = view().statement(0).unwrap().unwrap();
    found.logged.installed = Some(other);
    let policy =
        twinbuild_ledger::Policy::from_toml("[[ledger]]\nat = \"x\"\nlog-key = \"x\"\nverdict-keys = [\"x\"]\n")
            .unwrap();
    assert!(twinbuild_ledger::says(Some(&found), &policy).is_err());
}

struct Empty;

impl index::Pages for Empty {
    type Error = std::io::Error;

    fn read(&self, _: &Sha256) -> Result<Vec<u8>, std::io::Error> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

impl index::Parts for Empty {
    type Error = std::io::Error;

    fn read(&self, _: &index::PartName) -> Result<Vec<u8>, std::io::Error> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

#[test]
fn a_publication_without_an_index_is_refused() {
    let (world, _) = published();
    let verdict = world.signed(Kind::Verdict, "a", "newer");
    let entry = twinbuild_ledger::Entry { time: now(), body: twinbuild_ledger::Body::Statement(verdict.logged) };
    append_raw(&world, &[entry.to_string()], None);
    refused(&world, None, "is no index");
    append_raw_unread(&world);
}

/// And it cannot be continued as if it were one.
fn append_raw_unread(world: &World) {
    let statement = world.signed(Kind::Verdict, "d", "fine");
    let writer = world.folder().writer().unwrap();
    let failure = twinbuild_ledger::append(&writer, &name(ORIGIN), &world.log, &[statement], now()).unwrap_err();
    assert!(failure.to_string().contains("is no index"), "{failure}");
}

#[test]
fn a_ledger_that_stands_still_or_is_of_tomorrow_is_refused() {
    let (world, _) = published();
    let (folder, keys) = (world.folder(), world.keys());
    let at = |hours: i64| {
        let then = now() + SignedDuration::from_hours(hours);
        View::open(&folder, &keys, None).unwrap().check_age(then, SignedDuration::from_hours(24))
    };
    assert!(at(23).is_ok());
    assert!(matches!(at(25).unwrap_err(), CheckError::Stale { .. }));
    assert!(matches!(at(-1).unwrap_err(), CheckError::Future { .. }));
}

#[test]
fn each_part_of_an_offline_proof_counts() {
    let (world, first) = published();
    let (folder, keys) = (world.folder(), world.keys());
    let times = (now(), SignedDuration::from_hours(1));
    let digest = Sha256::of(b"a");
    let mut view = View::open(&folder, &keys, Some(&first)).unwrap();
    let found = view.find(&digest).unwrap();
    let proof = view.prove(&digest, found.as_ref()).unwrap();
    assert_eq!(proof.check(&digest, &keys, None, times).unwrap(), found);
    for at in 0..proof.newest_entry.len() {
        let mut forged = proof.clone();
        forged.newest_entry[at] ^= 1;
        assert!(forged.check(&digest, &keys, None, times).is_err(), "newest entry, byte {at}");
    }
    let texts: [fn(&mut twinbuild_ledger::OfflineProof) -> &mut String; 3] = [
        |proof| &mut proof.newest,
        |proof| &mut proof.index_proof,
        |proof| &mut proof.statement.as_mut().unwrap().proof,
    ];
    for text in texts {
        for at in 0..text(&mut proof.clone()).len() {
            let mut forged = proof.clone();
            let mut bytes = std::mem::take(text(&mut forged)).into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            *text(&mut forged) = changed;
            assert!(forged.check(&digest, &keys, None, times).is_err(), "byte {at}");
        }
    }
    let mut forged = proof.clone();
    forged.statement = None;
    assert!(matches!(forged.check(&digest, &keys, None, times), Err(CheckError::NoStatement { entry: 0 })));
    // That of another file.
    let of_b = view.find(&Sha256::of(b"b")).unwrap();
    let proof_of_b = view.prove(&Sha256::of(b"b"), of_b.as_ref()).unwrap();
    let mut forged = proof.clone();
    forged.statement = proof_of_b.statement;
    assert!(forged.check(&digest, &keys, None, times).is_err());
    // An older checkpoint does not vouch for what is newest now.
    world.publish(&[world.signed(Kind::Verdict, "a", "worse")]);
    let mut view = View::open(&folder, &keys, None).unwrap();
    let newer = view.find(&digest).unwrap();
    let mut forged = view.prove(&digest, newer.as_ref()).unwrap();
    forged.statement = proof.statement.clone();
    assert!(forged.check(&digest, &keys, None, times).is_err());
    // Nor is the older proof as a whole taken by whoever has seen more, or other entries.
    let refused = proof.check(&digest, &keys, Some(view.head()), times);
    assert!(matches!(refused, Err(CheckError::ProofOutdated { size: 5, seen: 7 })), "{refused:?}");
    let other = TreeHead { size: 5, root: Sha256::of(b"other") };
    assert!(matches!(proof.check(&digest, &keys, Some(&other), times), Err(CheckError::Forked { .. })));
    assert_eq!(proof.check(&digest, &keys, Some(&first), times).unwrap(), found);
}
