//! What a worker signs of a job that it did.

use serde::{Deserialize, Serialize};
use twinbuild_queue::Lease;
use twinbuild_signature::{Envelope, EnvelopeError, PayloadType, PrivateKey, PublicKey};
use twinbuild_subject::Sha256;

use crate::asked::Asked;

/// The version of the form.
const SCHEMA_VERSION: u32 = 1;

/// What a worker says of a job that it did: for which claim, what was asked, what it came to, and all files that it returns by one digest. Another job, another
/// claim of the same one, or another file is not what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WorkerResult {
    schema_version: u32,
    /// The job, and the number of the claim.
    job: i64,
    fence: i64,
    subject: String,
    /// The digest of what was asked, as it stood in the queue.
    asked: Sha256,
    worker: String,
    host: String,
    outcome: String,
    /// The digest of the recipe, where it came to one.
    recipe_digest: Option<Sha256>,
    pub(crate) verdict_digest: Sha256,
    /// What it returns, and the digest of its manifest.
    pub(crate) result: String,
    pub(crate) manifest: Sha256,
}

/// What a worker came to, as it returns it.
pub(crate) struct Finding<'a> {
    pub(crate) outcome: &'a str,
    pub(crate) recipe_digest: Option<Sha256>,
    pub(crate) verdict_digest: Sha256,
    pub(crate) result: &'a str,
    pub(crate) manifest: Sha256,
}

/// A claim, as the coordinator knows it.
pub(crate) struct Claim<'a> {
    pub(crate) job: i64,
    pub(crate) fence: i64,
    pub(crate) subject: &'a str,
    pub(crate) asked: &'a str,
    pub(crate) worker: &'a str,
}

/// Why a result is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResultRefused {
    #[error("it is not signed by the key that is enrolled for the worker")]
    Signature(#[source] EnvelopeError),
    #[error("what was signed cannot be read")]
    Form(#[source] serde_json::Error),
    #[error("what was signed is of the version {found}, and this one reads {SCHEMA_VERSION}")]
    Version { found: u32 },
    #[error("it was signed for another {what} than the one that it was returned for")]
    Other { what: &'static str },
}

/// Why a result was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignResultError {
    /// It cannot be written.
    #[error("what is to be signed cannot be written")]
    Json(#[from] serde_json::Error),
    /// The key did not sign.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

impl WorkerResult {
    /// Signs what a worker came to under a lease.
    pub(crate) fn sign(lease: &Lease, finding: &Finding<'_>, key: &PrivateKey) -> Result<String, SignResultError> {
        let result = Self {
            schema_version: SCHEMA_VERSION,
            job: lease.job.id,
            fence: lease.fence(),
            subject: lease.job.subject.clone(),
            asked: Asked::digest(&lease.job.asked),
            worker: lease.worker.clone(),
            host: lease.job.host.clone(),
            outcome: finding.outcome.to_owned(),
            recipe_digest: finding.recipe_digest,
            verdict_digest: finding.verdict_digest,
            result: finding.result.to_owned(),
            manifest: finding.manifest,
        };
        let payload = serde_json::to_vec(&result)?;
        Ok(Envelope::sign(PayloadType::WorkerResult, payload, &[key])?.to_json())
    }

    /// What was signed, where it was signed by this key for this claim.
    pub(crate) fn open(envelope: &str, key: &PublicKey, claim: &Claim<'_>) -> Result<Self, ResultRefused> {
        let envelope = Envelope::parse(envelope.as_bytes()).map_err(ResultRefused::Signature)?;
        let keys = [key.clone()];
        let verified = envelope.verify(&keys).map_err(ResultRefused::Signature)?;
        let result: Self = serde_json::from_slice(verified.payload).map_err(ResultRefused::Form)?;
        if result.schema_version != SCHEMA_VERSION {
            return Err(ResultRefused::Version { found: result.schema_version });
        }
        let held = [
            ("job", result.job == claim.job),
            ("claim of it", result.fence == claim.fence),
            ("subject", result.subject == claim.subject),
            ("question", result.asked == Asked::digest(claim.asked)),
            ("worker", result.worker == claim.worker),
        ];
        match held.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(ResultRefused::Other { what }),
            None => Ok(result),
        }
    }

    /// What is held against the verdict itself: its outcome and the digest of its recipe.
    pub(crate) fn says(&self, outcome: &str, recipe_digest: Option<Sha256>) -> bool {
        self.outcome == outcome && self.recipe_digest == recipe_digest
    }
}
