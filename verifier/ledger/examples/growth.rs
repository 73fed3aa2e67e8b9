//! What a ledger costs as it grows: `scripts/bench-ledger`.
//!
//! At each number of entries: the time of appending a batch of 100 statements, beside two peers in the same run that write as many bytes
//! (statements, parts of the index, tiles), one as a single file with one fsync, one as that many files in 256 folders with one flush of the disk; and how
//! many tiles and parts of the index are read to find what is newest of one file. Exits 1 where a bar is broken: at most 3 times the single
//! file with verdicts as large as those on wheels are; reads that grow by no more than the logarithm.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tempfile::TempDir;
use twinbuild_ledger::{
    Appended, Files, FilesError, Folder, Keys, Kind, LedgerPolicy, Logged, SignedStatement, View, append,
};
use twinbuild_signature::{Bundle, Envelope, KeyKind, PayloadType, PrivateKey, Role, Sign as _, VerifierKey};
use twinbuild_subject::Sha256;

const ORIGIN: &str = "verdicts.example/log";
/// The numbers of entries, where no others are given as arguments.
const SIZES: [u64; 3] = [1_000, 10_000, 100_000];
const BATCH: u64 = 100;
const REPEATS: usize = 15;
/// A verdict on a wheel has as many bytes: the mean of a run over 26 wheels. Tenths of it show what the files themselves cost.
const PAYLOAD_BYTES: [usize; 2] = [34_000, 3_400];
const MAX_RATIO: f64 = 3.0;

fn main() -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("a batch of {BATCH} statements, median of {REPEATS}; {cores} cores");
    println!(
        "entries | bytes of a verdict | append, ms | files | bytes | one file, ms | ratio | as many files, ms | ratio | open: tiles | find: tiles | parts of the index"
    );
    let mut publisher = Publisher::new();
    let mut is_broken = false;
    let given: Vec<u64> = std::env::args().skip(1).map(|size| size.parse().unwrap()).collect();
    for size in if given.is_empty() { SIZES.to_vec() } else { given } {
        publisher.grow_to(size);
        let reads = publisher.reads();
        for payload_bytes in PAYLOAD_BYTES {
            let measured = publisher.measure(payload_bytes);
            println!(
                "{size} | {payload_bytes} | {:.1} | {} | {} | {:.1} | {:.2} | {:.1} | {:.2} | {} | {} | {}",
                millis(measured.append),
                measured.files,
                measured.bytes,
                millis(measured.one_file),
                measured.ratio(measured.one_file),
                millis(measured.as_many_files),
                measured.ratio(measured.as_many_files),
                reads.open_tiles,
                reads.find_tiles,
                reads.parts,
            );
            is_broken |= payload_bytes == PAYLOAD_BYTES[0] && measured.ratio(measured.one_file) > MAX_RATIO;
        }
        // One tile on each level to open it and one to find an entry, a bundle each; a part of the index for each four bits, and one of a bucket.
        let levels = usize::try_from(size.ilog2() / 8 + 1).unwrap();
        let digits = usize::try_from(size.ilog2() / 4 + 1).unwrap();
        is_broken |= reads.open_tiles > 2 * levels + 1 || reads.find_tiles > levels + 1 || reads.parts > digits + 1;
    }
    if is_broken {
        eprintln!("growth: a bar is broken");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

struct Measured {
    append: Duration,
    one_file: Duration,
    as_many_files: Duration,
    files: usize,
    bytes: u64,
}

impl Measured {
    fn ratio(&self, peer: Duration) -> f64 {
        self.append.as_secs_f64() / peer.as_secs_f64()
    }
}

/// The most that one reading of 50 took.
struct Reads {
    open_tiles: usize,
    find_tiles: usize,
    parts: usize,
}

struct Publisher {
    temporary: TempDir,
    folder: Folder,
    log: PrivateKey,
    verdict: PrivateKey,
    /// The number of the next statement, from which all of it follows.
    next: u64,
    size: u64,
}

impl Publisher {
    fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let key = |role| PrivateKey::generate(KeyKind::Ed25519, role).unwrap();
        let folder = Folder::new(&temporary.path().join("ledger"));
        Self { temporary, folder, log: key(Role::Log), verdict: key(Role::Verdict), next: 0, size: 0 }
    }

    fn statements(&mut self, count: u64, payload_bytes: usize) -> Vec<SignedStatement> {
        let numbers = self.next..self.next + count;
        self.next += count;
        numbers.map(|number| self.statement(number, payload_bytes)).collect()
    }

    fn statement(&self, number: u64, payload_bytes: usize) -> SignedStatement {
        let payload = format!("{{\"about\":{number},\"and\":\"{:>payload_bytes$}\"}}", "").into_bytes();
        let logged = Logged {
            kind: Kind::Verdict,
            subject: subject(number),
            installed: None,
            payload: Sha256::of(&payload),
            predicate_type: "https://example.org/verdict/v1".to_owned(),
            outcome: "reproduced".to_owned(),
            alerts: 0,
        };
        let envelope = Envelope::sign(PayloadType::Statement, payload, &[&self.verdict]).unwrap();
        let bundle = Bundle::new(envelope.clone(), self.verdict.public_key()).unwrap().to_json().into_bytes();
        SignedStatement { logged, envelope: envelope.to_json().into_bytes(), bundle: Some(bundle) }
    }

    fn append(&mut self, statements: &[SignedStatement]) -> Appended {
        let writer = self.folder.writer().unwrap();
        let appended = append(&writer, &ORIGIN.parse().unwrap(), &self.log, statements, Timestamp::now()).unwrap();
        self.size = appended.head.size;
        appended
    }

    /// Small statements without bundles: what they hold makes no difference to the log.
    fn grow_to(&mut self, size: u64) {
        while self.size < size {
            let count = (size - self.size - 1).clamp(1, 5_000);
            let mut statements = self.statements(count, 10);
            statements.iter_mut().for_each(|statement| statement.bundle = None);
            self.append(&statements);
        }
        // What was made so far is on the disk before anything is measured.
        self.folder.writer().unwrap().sync().unwrap();
    }

    fn measure(&mut self, payload_bytes: usize) -> Measured {
        let batch = self.statements(BATCH, payload_bytes);
        let before = counted(self.folder.path());
        self.append(&batch);
        let after = counted(self.folder.path());
        let (files, bytes, size) = (after.0 - before.0, after.1 - before.1, self.size);
        let content = vec![b'x'; usize::try_from(bytes).unwrap()];
        let peer = Folder::new(&self.temporary.path().join("peer")).writer().unwrap();
        (0..256).for_each(|number| fs::create_dir_all(peer.folder().path().join(number.to_string())).unwrap());
        let [mut append, mut one_file, mut as_many_files] = <[Vec<Duration>; 3]>::default();
        for repeat in 0..REPEATS {
            let batch = self.statements(BATCH, payload_bytes);
            peer.sync().unwrap();
            // None of what is written is removed in between: blocks that were free a moment ago are faster than new ones.
            append.push(timed(|| drop(self.append(&batch))));
            one_file.push(timed(|| {
                let mut file = File::create(peer.folder().path().join(format!("{size}-{repeat}"))).unwrap();
                file.write_all(&content).unwrap();
                file.sync_all().unwrap();
            }));
            as_many_files.push(timed(|| {
                for (number, part) in (0..).zip(content.chunks(content.len().div_ceil(files))) {
                    let folder = peer.folder().path().join((number * 97 % 256).to_string());
                    fs::write(folder.join(format!("{size}-{repeat}-{number}")), part).unwrap();
                }
                peer.sync().unwrap();
            }));
        }
        fs::remove_dir_all(peer.folder().path()).unwrap();
        let [append, one_file, as_many_files] = [append, one_file, as_many_files].map(median);
        Measured { append, one_file, as_many_files, files, bytes }
    }

    fn reads(&self) -> Reads {
        let policy = LedgerPolicy {
            at: self.folder.path().display().to_string(),
            log_key: VerifierKey::new(ORIGIN.parse().unwrap(), self.log.public_key()).unwrap().to_string(),
            verdict_keys: vec![self.verdict.public_key().to_pem().unwrap()],
            witness_keys: Vec::new(),
            witnesses: 0,
        };
        let keys = Keys::of(&policy).unwrap();
        let mut most = Reads { open_tiles: 0, find_tiles: 0, parts: 0 };
        for at in 0..50 {
            let number = at * (self.next - 1) / 49;
            let counted = Counted { folder: &self.folder, names: RefCell::default() };
            let mut view = View::open(&counted, &keys, None).unwrap();
            let (open_tiles, _) = counted.take();
            assert!(view.find(&subject(number)).unwrap().is_some());
            let (find_tiles, parts) = counted.take();
            most.open_tiles = most.open_tiles.max(open_tiles);
            most.find_tiles = most.find_tiles.max(find_tiles);
            most.parts = most.parts.max(parts);
        }
        most
    }
}

fn subject(number: u64) -> Sha256 {
    Sha256::of(&number.to_be_bytes())
}

/// A folder, and what was read of it.
struct Counted<'a> {
    folder: &'a Folder,
    names: RefCell<Vec<String>>,
}

impl Counted<'_> {
    /// The tiles and parts of the index since the last time.
    fn take(&self) -> (usize, usize) {
        let names = self.names.take();
        let of = |start| names.iter().filter(|name| name.starts_with(start)).count();
        (of("tile/"), of("index/"))
    }
}

impl Files for Counted<'_> {
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FilesError> {
        self.names.borrow_mut().push(name.to_owned());
        Files::read(self.folder, name, limit_bytes)
    }
}

/// Files and their bytes, in a folder and those below it.
fn counted(folder: &Path) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = counted(&entry.path());
            (files, bytes) = (files + below.0, bytes + below.1);
        } else {
            (files, bytes) = (files + 1, bytes + entry.metadata().unwrap().len());
        }
    }
    (files, bytes)
}
