//! Why an attestation says nothing.

use twinbuild_subject::Sha256;

/// Why there is no verified claim. Texts of the provenance object are quoted, escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// The bytes are no provenance object, or a part of it is not of its form.
    #[error("it is no provenance object as PEP 740 has it: {reason}")]
    Form {
        /// What was found, and what was expected.
        reason: String,
    },
    /// There is not exactly one attestation of the kind "publish".
    #[error("it has {found} attestations of the kind \"publish\", and exactly one is expected")]
    Number {
        /// How many there are.
        found: usize,
    },
    /// The statement is not an in-toto statement about one file, or says more than that it was published.
    #[error("its statement cannot be taken: {reason}")]
    Statement {
        /// What was found, and what was expected.
        reason: String,
    },
    /// The statement is about a file of another name.
    #[error("it is about {attested:?}, and not about {wanted}")]
    OtherFile {
        /// The name in the statement.
        attested: String,
        /// The name of the published file.
        wanted: String,
    },
    /// The statement is about a file of the same name with other bytes.
    #[error("it is about a file with sha256:{attested}, and the published file has sha256:{wanted}")]
    OtherDigest {
        /// The digest in the statement.
        attested: Sha256,
        /// The digest of the published file.
        wanted: Sha256,
    },
    /// The certificate was not issued by Sigstore's authority, was not logged, or was not valid when it was used.
    #[error("its certificate does not hold: {reason}")]
    Certificate {
        /// What does not hold.
        reason: String,
    },
    /// The transparency log's entry does not hold: its proof, its checkpoint, its promise, or what it is about.
    #[error("its entry in the transparency log does not hold: {reason}")]
    Log {
        /// What does not hold.
        reason: String,
    },
    /// No trusted time says when it was signed.
    #[error("when it was signed is not known: {reason}")]
    Time {
        /// What does not hold.
        reason: String,
    },
    /// The signature is not that of the certificate's key over the statement.
    #[error("its signature does not hold: {reason}")]
    Signature {
        /// What does not hold.
        reason: String,
    },
    /// Another check of the Sigstore library failed.
    #[error("it cannot be verified: {reason}")]
    Unverified {
        /// What the library said.
        reason: String,
    },
    /// The certificate is not that of the publisher that the index names.
    #[error(
        "its certificate has {found:?} as its {what}, and that of the publisher which the index names has {expected:?}"
    )]
    Identity {
        /// What of the certificate: `issuer`, `repository` or `workflow`.
        what: &'static str,
        /// What the certificate has.
        found: String,
        /// What it is to have.
        expected: String,
    },
    /// The publisher is of a kind whose certificates name no commit that could be looked for.
    #[error(
        "its publisher is of the kind {kind:?}, of which no repository and commit are known here (GitHub and GitLab are)"
    )]
    Publisher {
        /// The kind, as the index has it.
        kind: String,
    },
    /// The certificate lacks an extension, or has another value in it than it can have.
    #[error("its certificate says nothing usable of the {what} (the extension {oid})")]
    Extension {
        /// What the extension is of.
        what: &'static str,
        /// Its object identifier.
        oid: &'static str,
    },
}

impl AttestationError {
    /// Whether nothing is wrong with the attestation, and it only names no commit.
    #[must_use]
    pub fn is_without_commit(&self) -> bool {
        matches!(self, Self::Publisher { .. } | Self::Extension { .. })
    }
}

/// The longest quotation, in characters.
const QUOTED_CHARACTERS: usize = 200;

/// Foreign text as it may stand in a message between quotes, which escape it.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS).collect()
}

pub(crate) fn form(reason: impl Into<String>) -> AttestationError {
    AttestationError::Form { reason: reason.into() }
}
