//! Sigstore bundles, version 0.3 (<https://github.com/sigstore/protobuf-specs>, `sigstore_bundle.proto`), of one kind:
//! an envelope with one signature, and the public key that the verifier has already.

use crate::envelope::ENVELOPE_LIMIT_BYTES;
use crate::excerpt::start;
use crate::json::{Json, JsonError};
use crate::{Envelope, EnvelopeError, KeyId, PublicKey, Verified, base64};

/// The bundle's `mediaType`.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What is wrong with a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is larger than any that is read.
    #[error("the bundle has {bytes} bytes, and at most {limit_bytes} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// It is not JSON of the form of a bundle.
    #[error("the bundle cannot be read: {0}")]
    Json(#[from] JsonError),
    /// Another version, or no bundle.
    #[error("the bundle's mediaType is {found:?}, and {BUNDLE_MEDIA_TYPE:?} is read")]
    MediaType {
        /// What it is, or its start.
        found: String,
    },
    /// Something that bundles may have, and that nothing here verifies.
    #[error(
        "the bundle has {what}, which is not verified here; a bundle of an envelope and the hint of a public key is"
    )]
    Unverifiable {
        /// What it is.
        what: &'static str,
    },
    /// Bundles have envelopes of one signature.
    #[error("the envelope has {count} signatures, and a bundle's has one")]
    Signatures {
        /// How many there are.
        count: usize,
    },
    /// It names a key that none of the given ones is.
    #[error("the bundle names the key {hint:?}, which is none of the keys that it is verified with")]
    Hint {
        /// Its `verificationMaterial.publicKey.hint`, or the start of it.
        hint: String,
    },
    /// What is wrong with its envelope.
    #[error("in the bundle: {0}")]
    Envelope(#[from] EnvelopeError),
}

/// An envelope, and which key signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    envelope: Envelope,
    hint: String,
}

impl Bundle {
    /// A bundle of an envelope that `key` signed. Its hint is the key's id: the 32 bytes in standard base64, as cosign
    /// writes it.
    ///
    /// # Errors
    /// [`BundleError::Signatures`]; [`BundleError::Envelope`] if the signature is not one of `key`.
    pub fn new(envelope: Envelope, key: &PublicKey) -> Result<Self, BundleError> {
        one_signature(&envelope)?;
        envelope.verify(std::slice::from_ref(key))?;
        Ok(Self { envelope, hint: hint(key.id()) })
    }

    /// Reads a bundle. Certificates, log entries and timestamps are refused and not passed over, as is a name that the
    /// format does not have.
    ///
    /// # Errors
    /// [`BundleError`], but for [`BundleError::Hint`].
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        if json.len() > ENVELOPE_LIMIT_BYTES {
            return Err(BundleError::TooLarge { bytes: json.len(), limit_bytes: ENVELOPE_LIMIT_BYTES });
        }
        let mut members = Json::parse(json)?.members("bundle")?;
        let media_type = members.string("mediaType")?;
        if media_type != BUNDLE_MEDIA_TYPE {
            return Err(BundleError::MediaType { found: start(&media_type) });
        }
        let unverifiable = |what| Err(BundleError::Unverifiable { what });
        if members.optional("messageSignature").is_some() {
            return unverifiable("a signature over a file");
        }
        let mut material = members.required("verificationMaterial")?.members("verificationMaterial")?;
        let envelope = members.required("dsseEnvelope")?.members("dsseEnvelope")?;
        members.finish()?;
        if material.optional("certificate").is_some() || material.optional("x509CertificateChain").is_some() {
            return unverifiable("a certificate");
        }
        if !is_empty(material.optional("tlogEntries")) {
            return unverifiable("log entries");
        }
        if !is_empty(material.optional("timestampVerificationData")) {
            return unverifiable("timestamps");
        }
        let mut key = material.required("publicKey")?.members("publicKey")?;
        let hint = key.optional_string("hint")?.unwrap_or_default();
        key.finish()?;
        material.finish()?;
        let envelope = Envelope::from_members(envelope)?;
        one_signature(&envelope)?;
        Ok(Self { envelope, hint })
    }

    /// The bundle as JSON on one line without its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let hint = serde_json::Value::from(self.hint.as_str());
        let envelope = self.envelope.to_json();
        format!(
            r#"{{"mediaType":"{BUNDLE_MEDIA_TYPE}","verificationMaterial":{{"publicKey":{{"hint":{hint}}},"tlogEntries":[]}},"dsseEnvelope":{envelope}}}"#
        )
    }

    /// Gives out what was signed, as [`Envelope::verify`] does, by the key that the hint names; by any of them if it
    /// names none.
    ///
    /// # Errors
    /// [`BundleError::Hint`], [`BundleError::Envelope`].
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Verified<'_>, BundleError> {
        if self.hint.is_empty() {
            return Ok(self.envelope.verify(keys)?);
        }
        let named = keys.iter().find(|key| hint(key.id()) == self.hint);
        let named = named.ok_or_else(|| BundleError::Hint { hint: start(&self.hint) })?;
        Ok(self.envelope.verify(std::slice::from_ref(named))?)
    }

    /// The envelope in it.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

fn hint(id: KeyId) -> String {
    base64::encode(id.as_bytes())
}

/// Whether nothing is there: tools write lists and messages without content, or leave them out.
fn is_empty(value: Option<Json>) -> bool {
    match value {
        None => true,
        Some(Json::Array(values)) => values.is_empty(),
        Some(Json::Object(members)) => members.into_iter().all(|(_, value)| is_empty(Some(value))),
        Some(Json::String(_) | Json::Other) => false,
    }
}

fn one_signature(envelope: &Envelope) -> Result<(), BundleError> {
    match envelope.signature_count() {
        1 => Ok(()),
        count => Err(BundleError::Signatures { count }),
    }
}
