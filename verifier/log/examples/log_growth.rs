//! Prints what a log and its index cost at 1,000, 10,000 and 100,000 entries: files read for a proof, and bytes written for a batch of 100. Each entry
//! is of 100 bytes and of another key.
//!
//! `cargo run --release -p twinbuild-log --example log_growth`

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use twinbuild_log::index::{self, PartName, PartPages, Parts, Value};
use twinbuild_log::{Appender, Reader, Tile, Tiles, TreeHead};
use twinbuild_subject::Sha256;

const BATCH: u64 = 100;

/// A log and an index in memory.
#[derive(Default)]
struct Files {
    tiles: RefCell<HashMap<Tile, Vec<u8>>>,
    parts: RefCell<HashMap<PartName, Vec<u8>>>,
    reads: Cell<u64>,
    bytes: Cell<u64>,
}

#[derive(Debug, thiserror::Error)]
#[error("not there")]
struct Missing;

impl Files {
    fn found(&self, file: Option<&Vec<u8>>) -> Result<Vec<u8>, Missing> {
        let bytes = file.ok_or(Missing)?.clone();
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + bytes.len() as u64);
        Ok(bytes)
    }

    /// How many files `work` reads, and their bytes.
    fn cost(&self, work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<(u64, u64), Box<dyn Error>> {
        self.reads.set(0);
        self.bytes.set(0);
        work()?;
        Ok((self.reads.get(), self.bytes.get()))
    }
}

impl Tiles for Files {
    type Error = Missing;

    fn read(&self, tile: &Tile) -> Result<Vec<u8>, Missing> {
        self.found(self.tiles.borrow().get(tile))
    }
}

impl Parts for &Files {
    type Error = Missing;

    fn read(&self, part: &PartName) -> Result<Vec<u8>, Missing> {
        self.found(self.parts.borrow().get(part))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let files = Files::default();
    let mut log = Appender::new();
    let (mut root, mut log_index) = (index::empty_root(), 0);
    for size in [1_000, 10_000, 100_000] {
        let (mut log_written, mut index_written) = (Mean::default(), Mean::default());
        while log.head().size < size {
            let first = log.head().size;
            let entries: Vec<_> = (first..first + BATCH).map(|entry| format!("{entry:0>100}")).collect();
            let batch = log.append(&entries)?;
            let changes: BTreeMap<_, _> =
                (first..).zip(&entries).map(|(entry, text)| (key(entry), value(entry, text))).collect();
            let pages = PartPages::new(&files, &root, log_index);
            let update = index::update(&pages, &root, &changes)?;
            let parts = pages.parts(&update, first + BATCH)?;
            (root, log_index) = (update.root, first + BATCH);
            // Of the last hundred batches: the others are those of a smaller log.
            if first + BATCH * 100 >= size {
                log_written.add(batch.files.len(), batch.files.iter().map(|(_, bytes)| bytes.len()).sum());
                index_written.add(parts.len(), parts.iter().map(|part| part.bytes.len()).sum());
            }
            files.tiles.borrow_mut().extend(batch.files);
            files.parts.borrow_mut().extend(parts.into_iter().map(|part| (part.name, part.bytes)));
        }
        println!("{size} entries");
        println!("  a batch of {BATCH}, log:    {log_written}");
        println!("  a batch of {BATCH}, index:  {index_written}");
        print_reads(&files, log.head(), (&root, log_index))?;
        let parts = files.parts.borrow();
        println!("  all indexes:         {} parts, {} bytes", parts.len(), parts.values().map(Vec::len).sum::<usize>());
    }
    Ok(())
}

/// Prints the most that any proof of a sample reads.
fn print_reads(files: &Files, head: &TreeHead, (root, log_index): (&Sha256, u64)) -> Result<(), Box<dyn Error>> {
    let sample = || (0..head.size).step_by(37);
    let mut most = [(0, 0); 5];
    for entry in sample() {
        let costs = [
            files.cost(|| Ok(Reader::open(files, *head)?.inclusion(entry).map(drop)?))?,
            files.cost(|| Ok(Reader::open(files, *head)?.consistency(entry).map(drop)?))?,
            files.cost(|| Ok(Reader::open(files, *head)?.entry(entry).map(drop)?))?,
            files.cost(|| Ok(index::lookup(&PartPages::new(files, root, log_index), root, &key(entry)).map(drop)?))?,
            files.cost(|| {
                Ok(index::lookup(&PartPages::new(files, root, log_index), root, &key(head.size + entry)).map(drop)?)
            })?,
        ];
        for (most, cost) in most.iter_mut().zip(costs) {
            *most = (*most).max(cost);
        }
    }
    let names = ["inclusion proof", "consistency proof", "entry", "index, presence", "index, absence"];
    for (name, (reads, bytes)) in names.iter().zip(most) {
        println!("  {name:<20} at most {reads} files read, {bytes} bytes");
    }
    Ok(())
}

fn key(entry: u64) -> Sha256 {
    Sha256::of(format!("subject {entry}").as_bytes())
}

fn value(entry: u64, text: &str) -> Value {
    Value { digest: Sha256::of(text.as_bytes()), entry }
}

/// Files and bytes of batches.
#[derive(Default)]
struct Mean {
    batches: usize,
    files: usize,
    bytes: usize,
}

impl Mean {
    fn add(&mut self, files: usize, bytes: usize) {
        self.batches += 1;
        self.files += files;
        self.bytes += bytes;
    }
}

impl std::fmt::Display for Mean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let batches = self.batches.max(1);
        write!(f, "{} files, {} bytes written on average", self.files / batches, self.bytes / batches)
    }
}
