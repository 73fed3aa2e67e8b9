//! Appending to a ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;
use twinbuild_log::index::{self, IndexError, Value};
use twinbuild_log::{AppendError, Appender, Checkpoint, CheckpointError, ReadError, Reader, TreeHead, leaf_hash};
use twinbuild_signature::{KeyName, NOTE_LIMIT_BYTES, Note, NoteError, Sign, VerifierKey, VerifierKeyError};
use twinbuild_subject::Sha256;

use crate::files::{FilesError, LedgerPages, LogFiles, PagesError};
use crate::{Body, Entry, EntryError, FolderError, Logged, Writer};

/// The path of the newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// A statement with its signatures, as it is put into a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    /// What the log says of it.
    pub logged: Logged,
    /// The envelope (DSSE), as JSON.
    pub envelope: Vec<u8>,
    /// The same as a Sigstore bundle, where one key signed it.
    pub bundle: Option<Vec<u8>>,
}

/// What was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The ledger as it is now.
    pub head: TreeHead,
    /// The entry of each statement, in their order. A statement that is the newest of its subject already has that entry.
    pub entries: Vec<u64>,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendFailure {
    /// A file could not be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The same of one that the log needs.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The checkpoint is not one that this key signed.
    #[error("the checkpoint of the ledger cannot be continued")]
    Note(#[from] NoteError),
    /// The name of the log is none that a key can have.
    #[error(transparent)]
    Name(#[from] VerifierKeyError),
    /// The checkpoint says what none does.
    #[error("the checkpoint of the ledger cannot be continued")]
    Checkpoint(#[from] CheckpointError),
    /// The ledger is another one.
    #[error("the ledger's origin is {found:?}, and {expected:?} was asked for")]
    Origin {
        /// What stands there.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The log was changed.
    #[error("the log of the ledger cannot be continued")]
    Log(#[from] ReadError<FilesError>),
    /// The index was changed.
    #[error("the index of the ledger cannot be continued")]
    Index(#[from] IndexError<PagesError>),
    /// The same of a part of its pages.
    #[error("the index of the ledger cannot be continued")]
    Pages(#[from] PagesError),
    /// The last entry is no index.
    #[error("the last entry of the ledger, {entry}, is no index, which each publication ends with")]
    NoIndex {
        /// Its number.
        entry: u64,
    },
    /// The last entry cannot be read, or a statement has what an entry cannot say.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Entries do not go back in time: a ledger that has one that does is refused by whoever reads all of it.
    #[error("the last entry of the ledger is of {last}, which is later than now, {now}: a clock is wrong")]
    Clock {
        /// Of when the last entry is.
        last: Timestamp,
        /// When the next was to be appended.
        now: Timestamp,
    },
    /// The log is full, or an entry too long.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// The path of a statement's file, without its ending: `statements/`, the thousands of its entry, `/`, its last three digits, `-`, and the SHA-256 of its payload.
/// What is published together stands together: files in hundreds of folders are slower to write.
#[must_use]
pub fn statement_path(entry: u64, payload: &Sha256) -> String {
    format!("statements/{}/{:03}-{payload}", entry / 1000, entry % 1000)
}

/// Appends statements and, behind them, the index with them; then signs a checkpoint. Whoever reads sees the ledger as it was, or with all of
/// them. Without any a ledger is begun, or an index is appended once more, which says that the ledger is still kept.
///
/// A batch that the ledger ends with already is not appended again, so whoever was killed before it was told can ask again.
///
/// # Errors
/// [`AppendFailure`]; then the ledger is as it was.
pub fn append(
    writer: &Writer,
    origin: &KeyName,
    log_key: &dyn Sign,
    statements: &[SignedStatement],
    now: Timestamp,
) -> Result<Appended, AppendFailure> {
    let folder = writer.folder();
    let keys = [VerifierKey::new(origin.clone(), log_key.public_key())?];
    let files = LogFiles(folder);
    let before = match folder.read(CHECKPOINT, NOTE_LIMIT_BYTES as u64)? {
        None => None,
        Some(bytes) => {
            let note = Note::parse(&bytes)?;
            let checkpoint: Checkpoint = note.verify(&keys)?.text.parse()?;
            let (found, expected) = (checkpoint.origin(), origin.as_str());
            if found != expected {
                return Err(AppendFailure::Origin { found: found.to_owned(), expected: expected.to_owned() });
            }
            Some(*checkpoint.head())
        }
    };
    let head = before.unwrap_or_else(TreeHead::empty);
    let mut appender = Appender::open(files, head)?;
    let (mut root, mut keys_held, mut newest) = (index::empty_root(), 0, None);
    let mut pages = LedgerPages::new(files, &root, 0);
    if let Some(last) = head.size.checked_sub(1) {
        let mut reader = Reader::open(files, head)?;
        let entry = Entry::parse(&reader.entry(last)?)?;
        let Body::Index { root: of_last, size } = entry.body else {
            return Err(AppendFailure::NoIndex { entry: last });
        };
        (root, keys_held, newest) = (of_last, size, Some(entry.time));
        pages = LedgerPages::new(files, &root, last);
        if !statements.is_empty()
            && let Some(entries) = published_last(&mut reader, &pages, &root, statements)?
        {
            return Ok(Appended { head, entries });
        }
    }
    let mut entries = Vec::new();
    let mut changes: BTreeMap<Sha256, Value> = BTreeMap::new();
    let mut numbers = Vec::new();
    let mut new = Vec::new();
    for statement in statements {
        let logged = &statement.logged;
        let mut held = Vec::new();
        for key in logged.keys() {
            let value = match changes.get(&key) {
                Some(value) => Some(*value),
                None => index::lookup(&pages, &root, &key)?.0,
            };
            held.push((key, value));
        }
        // What was published before a crash, or twice, is there already, if it is what each of its keys leads to.
        let is_there = |(_, value): &(Sha256, Option<Value>)| value.is_some_and(|value| value.digest == logged.payload);
        if let Some((_, Some(value))) = held.first().filter(|_| logged.kind.is_decisive() && held.iter().all(is_there))
        {
            numbers.push(value.entry);
            continue;
        }
        let number = head.size + entries.len() as u64;
        let entry = Entry { time: now, body: Body::Statement(logged.clone()) }.to_bytes();
        Entry::parse(&entry)?;
        entries.push(entry);
        if logged.kind.is_decisive() {
            for (key, value) in held {
                keys_held += u64::from(value.is_none());
                changes.insert(key, Value { digest: logged.payload, entry: number });
            }
        }
        numbers.push(number);
        new.push((number, statement));
    }
    if entries.is_empty() && before.is_some() && !statements.is_empty() {
        return Ok(Appended { head, entries: numbers });
    }
    if let Some(last) = newest.filter(|last| now < *last) {
        return Err(AppendFailure::Clock { last, now });
    }
    let update = index::update(&pages, &root, &changes)?;
    let parts = pages.parts(&update, head.size + entries.len() as u64)?;
    root = update.root;
    entries.push(Entry { time: now, body: Body::Index { root, size: keys_held } }.to_bytes());
    let batch = appender.append(&entries)?;
    for (number, statement) in new {
        let path = statement_path(number, &statement.logged.payload);
        writer.write_unread(&format!("{path}.dsse.json"), &statement.envelope)?;
        if let Some(bundle) = &statement.bundle {
            writer.write_unread(&format!("{path}.sigstore.json"), bundle)?;
        }
    }
    for part in &parts {
        writer.write(&part.name.to_string(), &part.bytes)?;
    }
    for (tile, content) in &batch.files {
        writer.write(&tile.to_string(), content)?;
    }
    let mut note = Note::new(Checkpoint::new(origin.as_str(), batch.head)?.to_string())?;
    note.sign(origin.clone(), log_key)?;
    writer.commit(CHECKPOINT, note.to_string().as_bytes())?;
    Ok(Appended { head: batch.head, entries: numbers })
}

/// The entries of `statements`, if the last publication was of these and what was there before them: all of its entries are among theirs, in
/// their order, and what it left out is the newest of its subject. A statement that is not decisive, or not the newest any more, is known by
/// that alone.
fn published_last(
    reader: &mut Reader<LogFiles<'_>>,
    pages: &LedgerPages<'_>,
    root: &Sha256,
    statements: &[SignedStatement],
) -> Result<Option<Vec<u64>>, AppendFailure> {
    let last = reader.head().size - 1;
    // One entry more than the batch can have: there the publication before it ends, or else it was larger.
    let from = last.saturating_sub(statements.len() as u64 + 1);
    let mut published = Vec::new();
    for (number, bytes) in (from..last).zip(reader.entries(from..last)?) {
        match Entry::parse(&bytes)?.body {
            Body::Statement(logged) => published.push((number, logged)),
            Body::Index { .. } => published.clear(),
        }
    }
    let mut published = published.into_iter().peekable();
    let mut entries = Vec::new();
    for SignedStatement { logged, .. } in statements {
        let entry = match published.next_if(|(_, other)| other == logged) {
            Some((number, _)) => Some(number),
            None if logged.kind.is_decisive() => {
                let held = index::lookup(pages, root, &logged.subject)?.0;
                held.filter(|value| value.digest == logged.payload).map(|value| value.entry)
            }
            None => None,
        };
        let Some(entry) = entry else { return Ok(None) };
        entries.push(entry);
    }
    Ok(published.next().is_none().then_some(entries))
}

/// The hash of an entry, as the log has it.
#[must_use]
pub fn entry_hash(entry: &Entry) -> Sha256 {
    leaf_hash(&entry.to_bytes())
}
