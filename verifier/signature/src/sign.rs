//! Signing.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use crate::{BadSignature, PublicKey};

/// A signature, in the form of its key's kind ([`KeyKind`](crate::KeyKind)).
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", crate::base64::encode(&self.0))
    }
}

/// A key that signs, wherever it is kept.
pub trait Sign {
    /// The key under which its signatures hold, and its role.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` as it is. What is signed for a ledger goes through [`Envelope`](crate::Envelope) or
    /// [`Note`](crate::Note), which check the role and keep one kind of message from being read as another.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's arithmetic failed.
    #[error("signing failed: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
    /// The command that signs could not be started or spoken to.
    #[error("cannot {doing} the signing command {program:?}: {source}")]
    Command {
        /// What was being done, as it follows "cannot".
        doing: &'static str,
        /// Its program.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// It took too long, and was killed.
    #[error("the signing command {program:?} gave no signature within {timeout_secs} s and was killed")]
    TimedOut {
        /// Its program.
        program: String,
        /// How long it may take.
        timeout_secs: u64,
    },
    /// It ended without success.
    #[error("the signing command {program:?} failed ({status}); its last words: {words:?}")]
    Status {
        /// Its program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote on standard error.
        words: String,
    },
    /// It wrote something else than one signature in base64.
    #[error(
        "the signing command {program:?} wrote {found}, and one signature in base64 is expected on standard output"
    )]
    Output {
        /// Its program.
        program: String,
        /// What it wrote.
        found: String,
    },
    /// It signed with another key, or something else.
    #[error("the signing command {program:?} gave a signature that does not hold: {source}")]
    Foreign {
        /// Its program.
        program: String,
        /// The key that was expected.
        source: BadSignature,
    },
}
