//! No bytes make a reader panic, be they anyone's or signed by an owner who means harm; and what comes out is what was published.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use twinbuild_ledger::{
    Body, CheckError, Entry, Files, FilesError, Found, Keys, Kind, OfflineProof, Policy, View, audit,
};
use twinbuild_log::index::{self, Value};
use twinbuild_log::{Appender, Checkpoint, TreeHead};
use twinbuild_signature::Note;
use twinbuild_subject::Sha256;

use crate::world::{ORIGIN, World, files_below, name, now};

/// A ledger in memory.
#[derive(Clone, Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Files for Memory {
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FilesError> {
        let content = self.0.get(name).cloned();
        if content.as_ref().is_some_and(|content| content.len() as u64 > limit_bytes) {
            return Err(FilesError::Unreadable { name: name.to_owned(), reason: "it is too large".to_owned() });
        }
        Ok(content)
    }
}

struct Honest {
    world: World,
    keys: Keys,
    files: Memory,
    /// Files and what is newest of each.
    found: Vec<(Sha256, Option<Found>)>,
    proofs: Vec<OfflineProof>,
}

const TIMES: fn() -> (Timestamp, SignedDuration) = || (now(), SignedDuration::from_hours(1));

static HONEST: LazyLock<Honest> = LazyLock::new(|| {
    let world = World::new();
    let many: Vec<_> = (0..260).map(|number| world.signed(Kind::Verdict, &format!("file {number}"), "fine")).collect();
    world.publish(&many);
    world.publish(&[world.signed(Kind::Retracted, "file 3", "a mistake"), world.signed(Kind::Verdict, "a", "fine")]);
    let files = files_below(&world.path()).into_iter().map(|path| {
        let name = path.strip_prefix(world.path()).unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    let files = Memory(files.collect());
    let keys = world.keys();
    let (mut found, mut proofs) = (Vec::new(), Vec::new());
    let mut view = View::open(&files, &keys, None).unwrap();
    for subject in ["file 3", "file 4", "a", "of which nothing is known"] {
        let digest = Sha256::of(subject.as_bytes());
        let one = view.find(&digest).unwrap();
        proofs.push(view.prove(&digest, one.as_ref()).unwrap());
        found.push((digest, one));
    }
    Honest { world, keys, files: files.clone(), found, proofs }
});

/// How bytes become others.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Repeat(Index, Index),
    Replace(Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), vec(any::<u8>(), 0..80)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
        1 => vec(any::<u8>(), 0..600).prop_map(Change::Replace),
    ]
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        let at = |index: &Index, bytes: &[u8]| index.index(bytes.len() + 1);
        match change {
            Change::Flip(index, bit) if !bytes.is_empty() => {
                let at = index.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Change::Flip(..) => {}
            Change::Cut(index) => bytes.truncate(at(index, &bytes)),
            Change::Insert(index, more) => {
                let at = at(index, &bytes);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Repeat(from, to) => {
                let (from, to) = (at(from, &bytes), at(to, &bytes));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(to..to, part);
            }
            Change::Replace(other) => bytes.clone_from(other),
        }
    }
    bytes
}

/// Reads all that there is to read.
fn read_all(files: &dyn Files, keys: &Keys) -> Result<Vec<Option<Found>>, CheckError> {
    let mut view = View::open(files, keys, None)?;
    let _ = audit(&mut view);
    let mut all = Vec::new();
    for (digest, _) in &HONEST.found {
        let found = view.find(digest)?;
        let proof = view.prove(digest, found.as_ref())?;
        assert_eq!(proof.check(digest, keys, None, TIMES())?, found);
        all.push(found);
    }
    Ok(all)
}

/// Which files a walk over the ledger reads: those are worth altering.
struct Recorded<'a>(&'a Memory, RefCell<Vec<String>>);

impl Files for Recorded<'_> {
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FilesError> {
        self.1.borrow_mut().push(name.to_owned());
        self.0.read(name, limit_bytes)
    }
}

static READ: LazyLock<Vec<String>> = LazyLock::new(|| {
    let recorded = Recorded(&HONEST.files, RefCell::default());
    let found: Vec<_> = HONEST.found.iter().map(|(_, found)| found.clone()).collect();
    assert_eq!(read_all(&recorded, &HONEST.keys).unwrap(), found);
    let mut names = recorded.1.into_inner();
    names.sort();
    names.dedup();
    names
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn an_altered_ledger_gives_what_was_published_or_an_error(
        alterations in vec((any::<Index>(), vec(change(), 1..3)), 1..4),
        swapped in any::<Option<(Index, Index)>>(),
    ) {
        let mut files = HONEST.files.clone();
        for (file, changes) in &alterations {
            let content = files.0.get_mut(&READ[file.index(READ.len())]).unwrap();
            *content = changed(content, changes);
        }
        if let Some((one, other)) = swapped {
            let (one, other) = (&READ[one.index(READ.len())], &READ[other.index(READ.len())]);
            let content = files.0[one].clone();
            files.0.insert(other.clone(), content);
        }
        if let Ok(found) = read_all(&files, &HONEST.keys) {
            for (found, (_, honest)) in found.iter().zip(&HONEST.found) {
                // The envelope may be written in other ways; what is signed is the same.
                let signed = |found: &Option<Found>| found.as_ref().map(|found| (found.entry, found.payload.clone()));
                prop_assert_eq!(signed(found), signed(honest));
            }
        }
    }

    #[test]
    fn an_altered_proof_proves_what_is_so_or_nothing(
        (which, part) in (any::<Index>(), 0..6),
        changes in vec(change(), 1..3),
    ) {
        let which = which.index(HONEST.proofs.len());
        let (digest, honest) = &HONEST.found[which];
        let mut proof = HONEST.proofs[which].clone();
        let text = |text: &mut String| *text = String::from_utf8_lossy(&changed(text.as_bytes(), &changes)).into_owned();
        let bytes = |bytes: &mut Vec<u8>| *bytes = changed(bytes, &changes);
        match (part, &mut proof.statement) {
            (0, _) => text(&mut proof.newest),
            (1, _) => bytes(&mut proof.newest_entry),
            (2, _) | (_, None) => text(&mut proof.index_proof),
            (3, Some(statement)) => text(&mut statement.proof),
            (4, Some(statement)) => bytes(&mut statement.entry),
            (_, Some(statement)) => bytes(&mut statement.envelope),
        }
        if let Ok(found) = proof.check(digest, &HONEST.keys, None, TIMES()) {
            let signed = |found: &Option<Found>| found.as_ref().map(|found| (found.entry, found.payload.clone()));
            prop_assert_eq!(signed(&found), signed(honest));
        }
    }

    /// Whoever has the log's key can sign any size and root, over any files.
    #[test]
    fn a_signed_checkpoint_of_anything_is_no_harm(
        size in prop_oneof![Just(u64::MAX), Just(u64::MAX - 1), Just(1 << 63), any::<u64>(), 0..600_u64],
        root in any::<[u8; 32]>(),
        is_honest_root: bool,
    ) {
        let honest = *View::open(&HONEST.files, &HONEST.keys, None).unwrap().head();
        let root = if is_honest_root { honest.root } else { Sha256::from_bytes(root) };
        let Ok(checkpoint) = Checkpoint::new(ORIGIN, TreeHead { size, root }) else { return Ok(()) };
        let mut files = HONEST.files.clone();
        sign(&mut files, &checkpoint);
        let found = read_all(&files, &HONEST.keys);
        prop_assert!(found.is_err() || *checkpoint.head() == honest);
        // Nor is one that was seen before.
        let seen = Some(checkpoint.head());
        prop_assert!(View::open(&HONEST.files, &HONEST.keys, seen).is_err() || size == 0 || *checkpoint.head() == honest);
    }

    /// And log any entries and pages, too.
    #[test]
    fn a_log_of_any_entries_and_pages_is_no_harm(
        entries in vec((any::<Index>(), vec(change(), 0..2)), 0..6),
        page in vec(change(), 0..3),
        kind in any::<Index>(),
        record in (any::<Index>(), any::<[u8; 32]>(), prop_oneof![0..8_u64, any::<u64>()]),
        size in any::<u64>(),
    ) {
        let mut files = HONEST.files.clone();
        let (subject, digest, entry) = (HONEST.found[record.0.index(HONEST.found.len())].0, record.1, record.2);
        let value = Value { digest: Sha256::from_bytes(digest), entry };
        let update = index::update(&Empty, &index::empty_root(), &[(subject, value)].into()).unwrap();
        // The first page of a part, which begins with its length.
        let parts = files.0.iter().filter(|(name, _)| name.starts_with("index/"));
        let pages: Vec<_> = parts.map(|(_, part)| part[2..][..usize::from(part[0]) << 8 | usize::from(part[1])].to_vec()).collect();
        let base = [update.pages[0].1.as_slice(), &pages[kind.index(pages.len())]][kind.index(2)];
        let page = changed(base, &page);
        let root = Sha256::of(&page);
        let part = index::PartName { entry: entries.len() as u64, part: 0 };
        let length = u16::try_from(page.len()).unwrap().to_be_bytes();
        // Whatever it names is there as well.
        let places = if page.len() == 513 && page[0] == 3 { page[1..].chunks(32).collect::<Vec<_>>() } else { Vec::new() };
        let mut places: Vec<_> = places.into_iter().filter(|name| **name != [0; 32]).collect();
        places.dedup();
        let places = [part.entry.to_be_bytes().as_slice(), &[0; 6]].concat().repeat(places.len());
        files.0.insert(part.to_string(), [&length, page.as_slice(), &places].concat());
        let some = [
            Entry::parse(&HONEST.proofs[0].newest_entry).unwrap(),
            Entry::parse(&HONEST.proofs[0].statement.as_ref().unwrap().entry).unwrap(),
        ];
        let altered = entries.iter().map(|(which, changes)| changed(&which.get(&some).to_bytes(), changes));
        let last = Entry { time: now(), body: Body::Index { root, size } }.to_bytes();
        let batch = Appender::new().append(&altered.chain([last]).collect::<Vec<_>>()).unwrap();
        files.0.retain(|name, _| !name.starts_with("tile/"));
        files.0.extend(batch.files.into_iter().map(|(tile, content)| (tile.to_string(), content)));
        sign(&mut files, &Checkpoint::new(ORIGIN, batch.head).unwrap());
        let mut view = View::open(&files, &HONEST.keys, None).unwrap();
        let _ = audit(&mut view);
        for (digest, _) in &HONEST.found {
            if let Ok(found) = view.find(digest) {
                let proof = view.prove(digest, found.as_ref()).unwrap();
                prop_assert_eq!(proof.check(digest, &HONEST.keys, None, TIMES()).unwrap(), found);
            }
        }
    }

    #[test]
    fn what_is_read_as_an_entry_is_written_the_same(
        changes in vec(change(), 0..4),
        which in any::<Index>(),
        text in "(twinbuild ledger entry 1\nkind (index|verdict)\ntime [0-9TZ:.+-]{0,24}\n)?(root|size|subject| |\n|[0-9a-f]{64}|[ -~]){0,9}",
    ) {
        let honest = &HONEST.proofs[0];
        let honest = [honest.newest_entry.as_slice(), &honest.statement.as_ref().unwrap().entry];
        for bytes in [changed(honest[which.index(2)], &changes), text.into_bytes()] {
            if let Ok(entry) = Entry::parse(&bytes) {
                prop_assert_eq!(entry.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_of_policies_panic(changes in vec(change(), 0..4), text in any::<String>()) {
        let policy = HONEST.world.policy();
        let quoted = |text: &String| format!("'''{text}'''");
        let honest = format!(
            "level = \"repacked\"\ntrust = [\"repository\"]\nquorum = 1\nmax-age-days = 30\n[[ledger]]\nat = \"/ledger\"\nlog-key = {}\nverdict-keys = [{}]\nwitness-keys = [{}]\nwitnesses = 1\n",
            quoted(&policy.log_key), quoted(&policy.verdict_keys[0]), quoted(&policy.witness_keys[0]),
        );
        prop_assert!(Keys::of(&Policy::from_toml(&honest).unwrap().ledgers[0]).is_ok());
        for text in [String::from_utf8_lossy(&changed(honest.as_bytes(), &changes)).into_owned(), text] {
            if let Ok(policy) = Policy::from_toml(&text) {
                prop_assert!((1..=policy.ledgers.len()).contains(&policy.quorum));
                for ledger in &policy.ledgers {
                    let _ = Keys::of(ledger);
                }
                let _ = View::open(&HONEST.files, &HONEST.keys, None);
            }
        }
    }
}

fn sign(files: &mut Memory, checkpoint: &Checkpoint) {
    let mut note = Note::new(checkpoint.to_string()).unwrap();
    note.sign(name(ORIGIN), &HONEST.world.log).unwrap();
    files.0.insert("checkpoint".to_owned(), note.to_string().into_bytes());
}

struct Empty;

impl index::Pages for Empty {
    type Error = std::io::Error;

    fn read(&self, _: &Sha256) -> Result<Vec<u8>, std::io::Error> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}
