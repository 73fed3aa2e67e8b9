//! What a site is made of.

use jiff::Timestamp;
use twinbuild_subject::Sha256;
use twinbuild_verdict::Verdict;

/// A ledger, as its site shows it.
#[derive(Debug, Clone)]
pub struct Site {
    /// What it is called.
    pub title: String,
    /// Who runs it.
    pub operator: Option<Operator>,
    /// Whom to tell of a weakness.
    pub security: Option<Security>,
    /// Where its root is on the web, such as `https://rebuilds.example/`; commands and feeds name it. Pages do without.
    pub base_url: Option<String>,
    /// The log's verifier key: `NAME+ID+KEY` (C2SP signed-note, "Verifier keys").
    pub log_key: String,
    /// The public keys of verdicts, each in PEM (`SubjectPublicKeyInfo`), the one in use first.
    pub verdict_keys: Vec<String>,
    /// All entries of the log that are about a subject, in its order.
    pub entries: Vec<Entry>,
}

/// Who runs a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The name.
    pub name: String,
    /// A page about the operator; linked where it is of `https`.
    pub uri: Option<String>,
}

/// What `.well-known/security.txt` says (RFC 9116).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    /// A URI of `https`, `mailto` or `tel`, or a mail address. Without one of these the file is not written.
    pub contact: String,
    /// When what the file says is to be taken for stale; the RFC asks for less than a year from now.
    pub expires: Timestamp,
}

/// An entry of the log that is about a subject.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its index in the log, from 0.
    pub index: u64,
    /// When it was appended.
    pub time: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// The SHA-256 of the file that it is about.
    pub subject: Sha256,
    /// The SHA-256 of the bytes that are signed, by which its page is named. Where several entries have the same, the page is the newest one's.
    pub payload: Sha256,
    /// The predicate type of the statement, which `cosign` asks for.
    pub predicate_type: String,
    /// The verdict; of a retraction or an objection the one that it is about.
    pub verdict: Verdict,
    /// The published files of the statement.
    pub files: Files,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A verdict.
    Verdict,
    /// That a verdict is not to be relied on any more.
    Retracted {
        /// Why.
        reason: String,
    },
    /// That somebody objects to a verdict, which stands all the same.
    Disputed {
        /// Why.
        reason: String,
    },
}

/// Where the files of a statement are below the site's root. One that [`is_safe_path`](crate::is_safe_path) refuses is not linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The DSSE envelope.
    pub dsse: String,
    /// The Sigstore bundle.
    pub sigstore: String,
    /// The proof that the log has it (C2SP tlog-proof), where it was written.
    pub proof: Option<String>,
    /// Its verification summary, where there is one.
    pub summary: Option<Summary>,
}

/// A verification summary (SLSA 1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its DSSE envelope, below the site's root.
    pub dsse: String,
    /// `verifier.id` in it.
    pub verifier_id: String,
    /// The first of `verifiedLevels`.
    pub level: String,
}
