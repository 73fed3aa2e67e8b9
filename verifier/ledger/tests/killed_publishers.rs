//! Publishers that are killed at random moments and started again: what they were told is published is there, whole and once, and
//! what they were not told leaves the ledger as it was.
//!
//! A kill is SIGKILL, so what was written stays written: that what is flushed outlives a power cut cannot be tried like this. What a
//! power cut can leave of files that were not flushed is made in `tests/ledger/left_over.rs`.
//!
//! The program starts itself again as the publisher, so it has no harness. `TWINBUILD_KILLS` says how often, 150 times where it does
//! not; `TWINBUILD_SEED` which moments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use twinbuild_ledger::{
    Body, Entry, Folder, Keys, Kind, LedgerPolicy, Logged, SignedStatement, View, append, audit, statement_path,
};
use twinbuild_log::{Tile, TreeHead};
use twinbuild_signature::{Envelope, Passphrase, PayloadType, PrivateKey, PublicKey, Role, Sign as _, VerifierKey};
use twinbuild_subject::Sha256;

const ORIGIN: &str = "verdicts.example/log";
const PASSPHRASE: &str = "of a key for this test only";
/// The first argument of a publisher.
const PUBLISH: &str = "--publish";
/// In a ledger with more entries all of it is read once in so many kills.
const AUDITED_ENTRIES: u64 = 300;
const AUDITED_EACH: usize = 50;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, folder, batch] if first == PUBLISH => publish(Path::new(folder), batch.parse().unwrap()),
        [filter, ..] if !filter.starts_with('-') && !"killed_publishers".contains(filter.as_str()) => {}
        [flag, ..] if flag == "--list" => println!("killed_publishers: test"),
        _ => kill_publishers(),
    }
}

/// Keys that cost nothing to open: a publisher is started for each kill.
fn make_key(folder: &Path, role: Role) {
    let script = format!(
        "openssl genpkey -algorithm ED25519 | \
         openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 1 -passout 'pass:{PASSPHRASE}' -out {role}.key"
    );
    let made = Command::new("sh").args(["-c", &script]).current_dir(folder).status().unwrap();
    assert!(made.success(), "this test runs the program `openssl`: install OpenSSL 3");
}

fn key(folder: &Path, role: Role) -> PrivateKey {
    let text = fs::read_to_string(folder.join(format!("{role}.key"))).unwrap();
    PrivateKey::import(&text, &Passphrase::new(PASSPHRASE.to_owned()).unwrap(), role).unwrap()
}

fn ledger(folder: &Path) -> Folder {
    Folder::new(&folder.join("ledger"))
}

fn time_of(batch: u64) -> Timestamp {
    let first: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    first + SignedDuration::from_secs(i64::try_from(batch).unwrap())
}

/// What the log says of the statements of a batch, and what is signed: some about files that are new, one about a file that has others, what
/// is not decisive, and in each fifth batch a second one about the same file.
fn batch(number: u64) -> Vec<(Logged, Vec<u8>)> {
    let old = number % 7;
    let mut statements: Vec<_> = (0..4).map(|new| (Kind::Verdict, format!("file {new} of batch {number}"))).collect();
    statements.push((Kind::Verdict, format!("old file {old}")));
    statements.push((Kind::Summary, format!("old file {old}")));
    if number.is_multiple_of(5) {
        statements.push((Kind::Retracted, format!("old file {old}")));
    }
    let statements = statements.into_iter().map(|(kind, subject)| {
        let payload =
            format!("{{\"kind\":\"{}\",\"about\":\"{subject}\",\"batch\":{number}}}", kind.name()).into_bytes();
        let logged = Logged {
            kind,
            subject: Sha256::of(subject.as_bytes()),
            installed: None,
            payload: Sha256::of(&payload),
            predicate_type: "https://example.org/verdict/v1".to_owned(),
            outcome: "reproduced".to_owned(),
            alerts: 0,
        };
        (logged, payload)
    });
    statements.collect()
}

/// Appends batches until it is killed, and says so of each behind it.
fn publish(folder: &Path, first: u64) {
    let (log, verdict) = (key(folder, Role::Log), key(folder, Role::Verdict));
    let writer = ledger(folder).writer().unwrap();
    let sign = |(logged, payload)| {
        let envelope = Envelope::sign(PayloadType::Statement, payload, &[&verdict]).unwrap();
        SignedStatement { logged, envelope: envelope.to_json().into_bytes(), bundle: None }
    };
    let signed = |number| -> Vec<_> { batch(number).into_iter().map(sign).collect() };
    // Signed before the clock runs: kills are to meet what comes after it.
    let ahead: Vec<_> = (first..first + 4).map(signed).collect();
    let mut out = std::io::stdout();
    writeln!(out, "ready").unwrap();
    for (number, statements) in (first..).zip(ahead.into_iter().chain((first + 4..).map(signed))) {
        let appended = append(&writer, &ORIGIN.parse().unwrap(), &log, &statements, time_of(number)).unwrap();
        // So that kills meet this moment, too.
        thread::sleep(Duration::from_micros(200));
        let entries: Vec<String> = appended.entries.iter().map(ToString::to_string).collect();
        writeln!(out, "{number} {}", entries.join(" ")).unwrap();
        out.flush().unwrap();
    }
}

/// A publisher that is killed with the test, too.
struct Publisher(Child);

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a publisher, kills it after `delay`, and gives the lines that it told until then, of batches and their entries.
fn kill_one(folder: &Path, first: u64, delay: Duration) -> BTreeMap<u64, Vec<u64>> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(PUBLISH).arg(folder).arg(first.to_string()).stdout(Stdio::piped());
    let mut publisher = Publisher(command.spawn().unwrap());
    let mut out = BufReader::new(publisher.0.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "the publisher from batch {first} on ended by itself");
    thread::sleep(delay);
    assert_eq!(publisher.0.try_wait().unwrap(), None, "the publisher from batch {first} on ended by itself");
    drop(publisher);
    let mut told = String::new();
    out.read_to_string(&mut told).unwrap();
    // A line is told by one write, but who says that a pipe takes it whole.
    let whole = told.rfind('\n').map_or("", |end| &told[..end]);
    let told = whole.lines().map(|line| {
        let mut numbers = line.split(' ').map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.collect())
    });
    told.collect()
}

/// What a publisher finds that is started after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    NothingBegun,
    Statements,
    Tiles,
    PublishedButNotTold,
}

/// The ledger as it was after the last kill, and what was told.
struct Watch {
    folder: Folder,
    keys: Keys,
    verdict: PublicKey,
    head: Option<TreeHead>,
    /// The entries of each publication, without its index.
    publications: Vec<Vec<Logged>>,
    /// Those of the publication that goes on, and where it began.
    open: Vec<Logged>,
    told: u64,
    states: BTreeMap<Found, u32>,
}

impl Watch {
    /// Everything that has to hold after a kill.
    fn check(&mut self, told: &BTreeMap<u64, Vec<u64>>, is_audited: bool) {
        let last = self.told + u64::try_from(told.len()).unwrap();
        assert!(told.keys().copied().eq(self.told..last));
        self.told = last;
        if self.folder.read("checkpoint", 1 << 20).unwrap().is_none() {
            assert_eq!(self.told, 0, "the ledger has no checkpoint any more");
            return self.note_state();
        }
        let times = (time_of(u64::try_from(self.publications.len()).unwrap()), SignedDuration::from_hours(24));
        let times = (times.0 + SignedDuration::from_hours(1), times.1);
        let (folder, keys) = (self.folder.clone(), self.keys.clone());
        let mut view = View::open(&folder, &keys, self.head.as_ref()).unwrap();
        view.check_age(times.0, times.1).unwrap();
        let before = self.head.map_or(0, |head| head.size);
        self.head = Some(*view.head());
        for (entry, bytes) in (before..).zip(view.entries(before..view.head().size).unwrap()) {
            match Entry::parse(&bytes).unwrap().body {
                Body::Statement(logged) => {
                    self.check_statement(entry, &logged);
                    self.open.push(logged);
                }
                Body::Index { .. } => {
                    // Each publication is one batch, whole, and each batch one publication, in their order.
                    let number = u64::try_from(self.publications.len()).unwrap();
                    let expected: Vec<_> = batch(number).into_iter().map(|(logged, _)| logged).collect();
                    assert_eq!(self.open, expected, "publication {number}");
                    self.publications.push(std::mem::take(&mut self.open));
                }
            }
        }
        assert!(self.told <= self.publications.len() as u64, "a batch was told and is not there");
        let mut start = 0;
        for (number, published) in (0..).zip(&self.publications) {
            let numbers = start..start + published.len() as u64;
            if let Some(told) = told.get(&number) {
                assert!(
                    told.iter().copied().eq(numbers.clone()),
                    "batch {number} is in {numbers:?}, told was {told:?}"
                );
                let (newest, _) = batch(number).swap_remove(0);
                assert_eq!(view.find(&newest.subject).unwrap().unwrap().logged, newest);
            }
            start = numbers.end + 1;
        }
        if is_audited || view.head().size <= AUDITED_ENTRIES {
            assert_eq!(audit(&mut view).unwrap().entries.len() as u64, view.head().size);
        }
        self.note_state();
    }

    fn check_statement(&self, entry: u64, logged: &Logged) {
        let name = format!("{}.dsse.json", statement_path(entry, &logged.payload));
        let envelope = self.folder.read(&name, 1 << 20).unwrap().unwrap_or_else(|| panic!("{name} is missing"));
        let envelope = Envelope::parse(&envelope).unwrap();
        let verified = envelope.verify(std::slice::from_ref(&self.verdict)).unwrap();
        assert_eq!(Sha256::of(verified.payload), logged.payload, "{name}");
    }

    fn note_state(&mut self) {
        let next = self.publications.len() as u64;
        let (first, _) = batch(next).swap_remove(0);
        let size = self.head.map_or(0, |head| head.size);
        let statement = self.folder.path().join(format!("{}.dsse.json", statement_path(size, &first.payload)));
        let is_beyond = |path: &PathBuf| {
            let tile = path.strip_prefix(self.folder.path()).unwrap().to_str().unwrap().parse();
            tile.is_ok_and(|tile: Tile| tile.index() * 256 + u64::from(tile.width()) > size)
        };
        let state = if self.told < next {
            Found::PublishedButNotTold
        } else if files_below(&self.folder.path().join("tile/entries")).iter().any(is_beyond) {
            Found::Tiles
        } else if statement.exists() {
            Found::Statements
        } else {
            Found::NothingBegun
        };
        *self.states.entry(state).or_default() += 1;
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap()).flat_map(|entry| {
        if entry.file_type().unwrap().is_dir() { files_below(&entry.path()) } else { vec![entry.path()] }
    });
    paths.collect()
}

fn number_of(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|number| number.parse().unwrap_or_else(|_| panic!("{variable}={number}")))
}

fn kill_publishers() {
    let kills = usize::try_from(number_of("TWINBUILD_KILLS").unwrap_or(150)).unwrap();
    let seed = number_of("TWINBUILD_SEED").unwrap_or(7);
    // Flushing costs nothing in memory, so that kills meet every stage and not that one; to them it makes no difference.
    let in_memory = TempDir::new_in("/dev/shm");
    let temporary = in_memory.or_else(|_| TempDir::new()).unwrap();
    let folder = temporary.path();
    [Role::Log, Role::Verdict].into_iter().for_each(|role| make_key(folder, role));
    let (log, verdict) = (key(folder, Role::Log), key(folder, Role::Verdict));
    let policy = LedgerPolicy {
        at: folder.display().to_string(),
        log_key: VerifierKey::new(ORIGIN.parse().unwrap(), log.public_key()).unwrap().to_string(),
        verdict_keys: vec![verdict.public_key().to_pem().unwrap()],
        witness_keys: Vec::new(),
        witnesses: 0,
    };
    let mut watch = Watch {
        folder: ledger(folder),
        keys: Keys::of(&policy).unwrap(),
        verdict: verdict.public_key().clone(),
        head: None,
        publications: Vec::new(),
        open: Vec::new(),
        told: 0,
        states: BTreeMap::new(),
    };
    let begun = Instant::now();
    let mut random = seed;
    for kill in 1..=kills {
        // Few appends to each publisher, so that most kills meet one in the middle.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = Duration::from_micros((random >> 33) % 20_000);
        let told = kill_one(folder, watch.told, delay);
        watch.check(&told, kill % AUDITED_EACH == 0 || kill == kills);
    }
    println!(
        "{kills} kills with seed {seed} in {:.1} s: {} publications, {} entries; found by the next publisher: {:?}",
        begun.elapsed().as_secs_f64(),
        watch.publications.len(),
        watch.head.map_or(0, |head| head.size),
        watch.states,
    );
    let is_met = |state| watch.states.contains_key(&state);
    let all = (is_met(Found::Statements) || is_met(Found::Tiles)) && is_met(Found::PublishedButNotTold);
    assert!(kills < 100 || all, "no kill met a publisher while it wrote, or before it told: {:?}", watch.states);
}
