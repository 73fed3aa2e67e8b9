//! Reading a ledger from its first entry to its last.

use std::collections::{BTreeMap, BTreeSet};

use twinbuild_log::index::{self, Pages, Value};
use twinbuild_subject::Sha256;

use crate::PagesError;
use crate::view::{CheckError, View};
use crate::{Body, Entry};

/// How many entries are read at once.
const BATCH: u64 = 4096;

/// What a whole reading found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// All entries, in their order.
    pub entries: Vec<Entry>,
    /// How many subjects there are.
    pub subjects: u64,
}

/// Why a ledger is not what it says.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It cannot be relied on at all.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// An index leaves an entry out, or has what no entry says.
    #[error("the index in entry {entry} is not that of the entries before it: a newer statement may be hidden")]
    Index {
        /// The entry.
        entry: u64,
    },
    /// An entry has an earlier time than the one before it.
    #[error("entry {entry} is older than the one before it")]
    Order {
        /// The entry.
        entry: u64,
    },
}

/// Reads all entries of a ledger, and makes each of its indexes again: what a reader of one file cannot know is whether an index leaves something out.
/// The statements themselves are read where they are asked for.
///
/// # Errors
/// [`AuditError`]
pub fn audit(view: &mut View<'_>) -> Result<Audit, AuditError> {
    let mut pages = InMemory::default();
    let (mut root, mut keys_held, mut subjects) = (index::empty_root(), 0, BTreeSet::new());
    let mut changes: BTreeMap<Sha256, Value> = BTreeMap::new();
    let mut newest: BTreeMap<Sha256, Value> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    let size = view.head().size;
    let mut next = 0;
    while next < size {
        let end = size.min(next + BATCH);
        for (number, bytes) in (next..end).zip(view.entries(next..end)?) {
            let entry = Entry::parse(&bytes).map_err(CheckError::from)?;
            if entries.last().is_some_and(|last| last.time > entry.time) {
                return Err(AuditError::Order { entry: number });
            }
            match &entry.body {
                Body::Statement(logged) if logged.kind.is_decisive() => {
                    subjects.insert(logged.subject);
                    let held = logged.keys().map(|key| (key, Value { digest: logged.payload, entry: number }));
                    changes.extend(held.clone());
                    newest.extend(held);
                }
                Body::Statement(_) => {}
                Body::Index { root: says, size } => {
                    let is_new =
                        |key: &&Sha256| index::lookup(&pages, &root, key).is_ok_and(|(value, _)| value.is_none());
                    keys_held += changes.keys().filter(is_new).count() as u64;
                    let update = index::update(&pages, &root, &changes).map_err(CheckError::from)?;
                    pages.0.extend(update.pages);
                    root = update.root;
                    changes.clear();
                    if root != *says || keys_held != *size {
                        return Err(AuditError::Index { entry: number });
                    }
                }
            }
            entries.push(entry);
        }
        next = end;
    }
    // The roots are right; whether the pages are there that lead from the last one to each key, they do not tell.
    for (key, value) in newest {
        if view.look_up(&key)? != Some(value) {
            return Err(AuditError::Index { entry: size - 1 });
        }
    }
    Ok(Audit { entries, subjects: subjects.len() as u64 })
}

/// The pages that were made again.
#[derive(Default)]
struct InMemory(BTreeMap<Sha256, Vec<u8>>);

impl Pages for InMemory {
    type Error = PagesError;

    fn read(&self, page: &Sha256) -> Result<Vec<u8>, PagesError> {
        self.0.get(page).cloned().ok_or(PagesError::Unknown)
    }
}
