//! A ledger as a consumer sees it: nothing is believed but what the keys of its policy signed.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use twinbuild_log::index::{self, IndexError, Proof, Value};
use twinbuild_log::verify_consistency;
use twinbuild_log::{Checkpoint, CheckpointError, LogProof, LogProofError, ReadError, Reader, TreeError, TreeHead};
use twinbuild_signature::{
    Envelope, EnvelopeError, KeyError, NOTE_LIMIT_BYTES, Note, NoteError, PublicKey, Role, VerifierKey,
    VerifierKeyError,
};
use twinbuild_subject::Sha256;

use crate::append::{CHECKPOINT, statement_path};
use crate::files::{Files, FilesError, LedgerPages, LogFiles, PagesError};
use crate::{Body, Entry, EntryError, LedgerPolicy, Logged};

/// The largest envelope, in bytes.
const ENVELOPE_LIMIT_BYTES: u64 = 32 << 20;
/// How far a ledger's clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(10);

/// The keys by which a ledger is known.
#[derive(Debug, Clone)]
pub struct Keys {
    log: VerifierKey,
    witnesses: Vec<VerifierKey>,
    witnesses_needed: usize,
    verdict: Vec<PublicKey>,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key of a log or witness is none.
    #[error(transparent)]
    VerifierKey(#[from] VerifierKeyError),
    /// One key has two roles, or stands there twice.
    #[error("the key {id} is given twice, and each counts once and has one role")]
    Twice {
        /// Its id.
        id: String,
    },
}

impl Keys {
    /// Those of a policy's ledger.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn of(policy: &LedgerPolicy) -> Result<Self, KeysError> {
        let log: VerifierKey = policy.log_key.parse()?;
        let witnesses = policy.witness_keys.iter().map(|key| key.parse()).collect::<Result<Vec<VerifierKey>, _>>()?;
        let verdict = policy.verdict_keys.iter().map(|pem| PublicKey::from_pem(pem, Role::Verdict));
        let verdict = verdict.collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        let noted = std::iter::once(&log).chain(&witnesses).filter_map(VerifierKey::public_key);
        for key in noted.chain(&verdict) {
            // By its own bytes: an id may say the role, too.
            if !seen.insert(key.to_spki_der()?) {
                return Err(KeysError::Twice { id: key.id().to_string() });
            }
        }
        Ok(Self { log, witnesses, witnesses_needed: policy.witnesses, verdict })
    }

    /// What tells this owner from another: the keys of its log and of its verdicts.
    pub fn owner(&self) -> impl Iterator<Item = String> {
        let log = self.log.public_key().map(|key| key.id().to_string());
        log.into_iter().chain(self.verdict.iter().map(|key| key.id().to_string()))
    }
}

/// Why a ledger, or what it has of a file, is not to be relied on.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no checkpoint.
    #[error("it has no checkpoint: it is no ledger, or it was taken away")]
    NoCheckpoint,
    /// A file could not be had.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The checkpoint is not signed by the log's key.
    #[error("its checkpoint is not one of its log's key")]
    Checkpoint(#[from] NoteError),
    /// What is signed is no checkpoint.
    #[error("its checkpoint is none")]
    Body(#[from] CheckpointError),
    /// Too few witnesses have cosigned.
    #[error("its checkpoint is cosigned by {found} of its witnesses, and {needed} are needed")]
    Witnesses {
        /// How many have.
        found: usize,
        /// How many must.
        needed: usize,
    },
    /// A proof of fewer entries than were seen before: what came later it cannot tell of.
    #[error("the proof is of its {size} entries, and {seen} were seen before: the ledger is to be asked again")]
    ProofOutdated {
        /// How many there were.
        size: u64,
        /// How many were seen.
        seen: u64,
    },
    /// The checkpoint is that of another log.
    #[error("its checkpoint is that of {found:?}, and the key is for {expected:?}")]
    Origin {
        /// Its origin.
        found: String,
        /// The name of the log's key.
        expected: String,
    },
    /// It has fewer entries than were seen before.
    #[error("its log was rolled back: it has {size} entries, and {seen} were seen before")]
    RolledBack {
        /// How many it has.
        size: u64,
        /// How many were seen.
        seen: u64,
    },
    /// Its history is another one than was seen before.
    #[error("its log is a fork: the {seen} entries that were seen before are not the first of its {size}")]
    Forked {
        /// How many it has.
        size: u64,
        /// How many were seen.
        seen: u64,
        /// The checkpoint, which the log's key signed: with the one that was seen before it proves that the log lies.
        note: String,
    },
    /// A file of the log is missing or was altered.
    #[error("its log does not give what its checkpoint says")]
    Log(#[from] ReadError<FilesError>),
    /// A page of the index is missing or was altered.
    #[error("its index does not give what its log says")]
    Index(#[from] IndexError<PagesError>),
    /// The last entry is no index.
    #[error("its last entry is no index, so what is newest cannot be told")]
    NoIndex,
    /// An entry cannot be read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Nothing was published for too long: newer verdicts may be held back.
    #[error("its newest entry is of {newest}, which is older than {} days", max_age.as_hours() / 24)]
    Stale {
        /// Of when it is.
        newest: Timestamp,
        /// How old it may be.
        max_age: SignedDuration,
    },
    /// Its clock, or the one here, is wrong.
    #[error("its newest entry is of {newest}, which is yet to come: a clock is wrong")]
    Future {
        /// Of when it is.
        newest: Timestamp,
    },
    /// The index names an entry that is not about the file.
    #[error("its index says that entry {entry} is the newest about the file, and that is about something else")]
    OtherEntry {
        /// The entry.
        entry: u64,
    },
    /// The statement of an entry is not there.
    #[error("the statement of entry {entry} is missing")]
    NoStatement {
        /// The entry.
        entry: u64,
    },
    /// The statement is not one that is signed by a key of its verdicts.
    #[error("the statement of entry {entry} is not signed by its verdict key")]
    Statement {
        /// The entry.
        entry: u64,
        /// Why.
        #[source]
        source: EnvelopeError,
    },
    /// The statement is another one than the log has.
    #[error("the statement of entry {entry} is another one than was logged")]
    OtherStatement {
        /// The entry.
        entry: u64,
    },
    /// A proof does not hold.
    #[error("the proof does not hold")]
    Proof(#[from] LogProofError),
    /// A proof of the index does not hold.
    #[error("the proof of what is newest does not hold")]
    IndexProof(#[from] index::ProofError),
    /// A proof is about something else.
    #[error("the proof is about {about}")]
    OtherProof {
        /// What.
        about: String,
    },
}

/// A ledger whose checkpoint was verified.
pub struct View<'a> {
    files: &'a dyn Files,
    keys: &'a Keys,
    note: String,
    head: TreeHead,
    reader: Reader<LogFiles<'a>>,
    pages: LedgerPages<'a>,
    root: Sha256,
    newest: Timestamp,
}

/// The newest statement about a file, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its entry.
    pub entry: u64,
    /// When it was entered.
    pub time: Timestamp,
    /// What the log says of it.
    pub logged: Logged,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The envelope that they came in.
    pub envelope: Vec<u8>,
    /// The keys that signed.
    pub signers: Vec<String>,
}

impl<'a> View<'a> {
    /// Reads and verifies the checkpoint of a ledger, holds it against one that was seen before, and finds what is newest. How old that may be is
    /// [`View::check_age`]'s to say: a checkpoint that comes so far is to be kept in any case.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn open(files: &'a dyn Files, keys: &'a Keys, seen: Option<&TreeHead>) -> Result<Self, CheckError> {
        let bytes = files.read(CHECKPOINT, NOTE_LIMIT_BYTES as u64)?.ok_or(CheckError::NoCheckpoint)?;
        let note = Note::parse(&bytes)?;
        let head = *checkpoint(&note, keys)?.head();
        if let Some(seen) = seen.filter(|seen| head.size < seen.size) {
            return Err(CheckError::RolledBack { size: head.size, seen: seen.size });
        }
        let mut reader = Reader::open(LogFiles(files), head)?;
        if let Some(seen) = seen {
            let proof = reader.consistency(seen.size)?;
            let is_same = verify_consistency(seen, &head, &proof);
            is_same.map_err(|_: TreeError| CheckError::Forked {
                size: head.size,
                seen: seen.size,
                note: note.to_string(),
            })?;
        }
        let last = head.size.checked_sub(1).ok_or(CheckError::NoIndex)?;
        let entry = Entry::parse(&reader.entry(last)?)?;
        let Body::Index { root, .. } = entry.body else { return Err(CheckError::NoIndex) };
        let newest = entry.time;
        let pages = LedgerPages::new(LogFiles(files), &root, last);
        Ok(Self { files, keys, note: note.to_string(), head, reader, pages, root, newest })
    }

    /// What is to be kept, to hold the next against.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The signed checkpoint.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Checks that it was published to lately.
    ///
    /// # Errors
    /// [`CheckError::Stale`], [`CheckError::Future`]
    pub fn check_age(&self, now: Timestamp, max_age: SignedDuration) -> Result<(), CheckError> {
        check_time(self.newest, now, max_age)
    }

    /// Entries, each held against the checkpoint.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn entries(&mut self, range: Range<u64>) -> Result<Vec<Vec<u8>>, CheckError> {
        Ok(self.reader.entries(range)?)
    }

    /// The newest statement about the file of that digest; `None` where the ledger has none, which is proven, too.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn find(&mut self, subject: &Sha256) -> Result<Option<Found>, CheckError> {
        self.find_by(subject, |logged| logged.subject == *subject)
    }

    /// The newest statement about a wheel that leaves files of that digest where it is installed
    /// ([`Statement::installed`](twinbuild_statement::Statement::installed)); `None` where the ledger has none, which is proven, too.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn find_installed(&mut self, installed: &Sha256) -> Result<Option<Found>, CheckError> {
        self.find_by(installed, |logged| logged.installed == Some(*installed))
    }

    /// By a key of the index, which is to be in its entry what it is taken for: a file may well be the text of which the other is the digest.
    fn find_by(&mut self, key: &Sha256, is_about: impl Fn(&Logged) -> bool) -> Result<Option<Found>, CheckError> {
        let Some(value) = self.look_up(key)? else { return Ok(None) };
        let bytes = self.reader.entry(value.entry)?;
        let (time, logged) = newest_of(&bytes, is_about, value)?;
        self.open_statement(value.entry, time, logged).map(Some)
    }

    /// What the index has by a key, with each page on the way to it.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn look_up(&self, key: &Sha256) -> Result<Option<Value>, CheckError> {
        Ok(index::lookup(&self.pages, &self.root, key)?.0)
    }

    /// The statement of an entry; `None` where that is an index.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn statement(&mut self, entry: u64) -> Result<Option<Found>, CheckError> {
        let Entry { time, body } = Entry::parse(&self.reader.entry(entry)?)?;
        match body {
            Body::Index { .. } => Ok(None),
            Body::Statement(logged) => self.open_statement(entry, time, logged).map(Some),
        }
    }

    fn open_statement(&self, entry: u64, time: Timestamp, logged: Logged) -> Result<Found, CheckError> {
        let path = format!("{}.dsse.json", statement_path(entry, &logged.payload));
        let envelope = self.files.read(&path, ENVELOPE_LIMIT_BYTES)?;
        let envelope = envelope.ok_or(CheckError::NoStatement { entry })?;
        let (payload, signers) = opened(&envelope, &logged, entry, self.keys)?;
        Ok(Found { entry, time, logged, payload, envelope, signers })
    }

    /// All that is needed to check what the ledger has of a file without it.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn prove(&mut self, subject: &Sha256, found: Option<&Found>) -> Result<OfflineProof, CheckError> {
        let (_, index_proof) = index::lookup(&self.pages, &self.root, subject)?;
        let last = self.head.size - 1;
        let newest = LogProof::new(last, self.reader.inclusion(last)?, &self.note)?;
        let newest_entry = self.reader.entry(last)?;
        let statement = match found {
            None => None,
            Some(found) => {
                let proof = LogProof::new(found.entry, self.reader.inclusion(found.entry)?, &self.note)?;
                Some(ProvenStatement {
                    proof: proof.to_string(),
                    entry: self.reader.entry(found.entry)?,
                    envelope: found.envelope.clone(),
                })
            }
        };
        Ok(OfflineProof { newest: newest.to_string(), newest_entry, index_proof: index_proof.to_string(), statement })
    }
}

/// What a ledger has of a file, with all proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineProof {
    /// That of the newest entry, the index, with the checkpoint (C2SP tlog-proof).
    pub newest: String,
    /// That entry.
    pub newest_entry: Vec<u8>,
    /// That of the index: which entry is the newest about the file, or that there is none.
    pub index_proof: String,
    /// The statement; `None` where there is none.
    pub statement: Option<ProvenStatement>,
}

/// A statement with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenStatement {
    /// That of its entry, with the checkpoint (C2SP tlog-proof).
    pub proof: String,
    /// Its entry.
    pub entry: Vec<u8>,
    /// Its envelope.
    pub envelope: Vec<u8>,
}

impl OfflineProof {
    /// Verifies all of it, for the file of that digest, and gives the statement; `None` where it proves that there is none. One of a checkpoint from
    /// before what was `seen` of the log is refused: what came since is not in it. Whether the log only grew since, it cannot show.
    ///
    /// # Errors
    /// [`CheckError`]
    pub fn check(
        &self,
        subject: &Sha256,
        keys: &Keys,
        seen: Option<&TreeHead>,
        (now, max_age): (Timestamp, SignedDuration),
    ) -> Result<Option<Found>, CheckError> {
        let newest: LogProof = self.newest.parse()?;
        let head = proven(&newest, &self.newest_entry, keys)?;
        match seen {
            Some(seen) if head.size < seen.size => {
                return Err(CheckError::ProofOutdated { size: head.size, seen: seen.size });
            }
            Some(seen) if head.size == seen.size && head.root != seen.root => {
                let note = newest.note().to_owned();
                return Err(CheckError::Forked { size: head.size, seen: seen.size, note });
            }
            _ => {}
        }
        if newest.index() + 1 != head.size {
            return Err(CheckError::OtherProof { about: "an entry that is not the last of the log".to_owned() });
        }
        let entry = Entry::parse(&self.newest_entry)?;
        let Body::Index { root, .. } = entry.body else { return Err(CheckError::NoIndex) };
        check_time(entry.time, now, max_age)?;
        let index_proof: Proof = self.index_proof.parse()?;
        let (value, statement) = match (index_proof.verify(&root, subject)?, &self.statement) {
            (None, None) => return Ok(None),
            (Some(value), Some(statement)) => (value, statement),
            (Some(value), None) => return Err(CheckError::NoStatement { entry: value.entry }),
            (None, Some(_)) => {
                return Err(CheckError::OtherProof { about: "a statement on something else than the file".to_owned() });
            }
        };
        let proof: LogProof = statement.proof.parse()?;
        if proof.index() != value.entry {
            return Err(CheckError::OtherProof {
                about: format!("entry {}, and the newest is {}", proof.index(), value.entry),
            });
        }
        if proven(&proof, &statement.entry, keys)? != head {
            return Err(CheckError::OtherProof { about: "another checkpoint than that of the index".to_owned() });
        }
        let (time, logged) = newest_of(&statement.entry, |logged| logged.subject == *subject, value)?;
        let (payload, signers) = opened(&statement.envelope, &logged, value.entry, keys)?;
        let envelope = statement.envelope.clone();
        Ok(Some(Found { entry: value.entry, time, logged, payload, envelope, signers }))
    }
}

fn proven(proof: &LogProof, entry: &[u8], keys: &Keys) -> Result<TreeHead, CheckError> {
    let note = Note::parse(proof.note().as_bytes())?;
    checkpoint(&note, keys)?;
    Ok(*proof.verify(&twinbuild_log::leaf_hash(entry), note.unverified_text())?.head())
}

/// The checkpoint of a note that the log's key signed, and enough witnesses.
fn checkpoint(note: &Note, keys: &Keys) -> Result<Checkpoint, CheckError> {
    let log = std::slice::from_ref(&keys.log);
    let checkpoint: Checkpoint = note.verify(log)?.text.parse()?;
    // A key may have signed for a log of another name.
    if checkpoint.origin() != keys.log.name().as_str() {
        return Err(CheckError::Origin {
            found: checkpoint.origin().to_owned(),
            expected: keys.log.name().as_str().to_owned(),
        });
    }
    if keys.witnesses_needed > 0 {
        let found = match note.verify(&keys.witnesses) {
            Ok(verified) => verified.signers.len(),
            Err(NoteError::NotVerified { .. }) => 0,
            Err(error) => return Err(error.into()),
        };
        if found < keys.witnesses_needed {
            return Err(CheckError::Witnesses { found, needed: keys.witnesses_needed });
        }
    }
    Ok(checkpoint)
}

fn check_time(newest: Timestamp, now: Timestamp, max_age: SignedDuration) -> Result<(), CheckError> {
    let age = now.duration_since(newest);
    if age < -SKEW {
        return Err(CheckError::Future { newest });
    }
    if age > max_age {
        return Err(CheckError::Stale { newest, max_age });
    }
    Ok(())
}

/// The entry that the index names, which must be about the file.
fn newest_of(
    bytes: &[u8],
    is_about: impl Fn(&Logged) -> bool,
    value: Value,
) -> Result<(Timestamp, Logged), CheckError> {
    let entry = Entry::parse(bytes)?;
    match entry.body {
        Body::Statement(logged) if is_about(&logged) && logged.payload == value.digest && logged.kind.is_decisive() => {
            Ok((entry.time, logged))
        }
        Body::Statement(_) | Body::Index { .. } => Err(CheckError::OtherEntry { entry: value.entry }),
    }
}

/// What an envelope holds, once one of the verdict keys is found to have signed it and the log to have it.
fn opened(envelope: &[u8], logged: &Logged, entry: u64, keys: &Keys) -> Result<(Vec<u8>, Vec<String>), CheckError> {
    let failed = |source| CheckError::Statement { entry, source };
    let envelope = Envelope::parse(envelope).map_err(failed)?;
    let verified = envelope.verify(&keys.verdict).map_err(failed)?;
    if Sha256::of(verified.payload) != logged.payload {
        return Err(CheckError::OtherStatement { entry });
    }
    let signers = verified.keys.iter().map(ToString::to_string).collect();
    Ok((verified.payload.to_vec(), signers))
}
