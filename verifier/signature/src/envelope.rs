//! DSSE envelopes (<https://github.com/secure-systems-lab/dsse>, `protocol.md` and `envelope.md`, 1.0.2).

use std::collections::BTreeSet;

use crate::excerpt::start;
use crate::json::{Json, JsonError, Members};
use crate::{KeyError, KeyId, PublicKey, Role, Sign, SignError, base64};

/// The largest envelope that is read, in bytes of JSON.
pub const ENVELOPE_LIMIT_BYTES: usize = 32 << 20;
/// The most signatures that one envelope may have: each is held against each key.
pub(crate) const SIGNATURES: usize = 64;
const PLACE: &str = "envelope";

/// What the bytes in an envelope are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadType {
    /// An in-toto statement, `application/vnd.in-toto+json`.
    Statement,
    /// A [`Rotation`](crate::Rotation), `application/vnd.twinbuild.key-rotation+json`.
    KeyRotation,
    /// What a worker returns of a job, `application/vnd.twinbuild.worker-result+json`.
    WorkerResult,
}

impl PayloadType {
    const ALL: [Self; 3] = [Self::Statement, Self::KeyRotation, Self::WorkerResult];

    /// As it stands in `payloadType`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Statement => "application/vnd.in-toto+json",
            Self::KeyRotation => "application/vnd.twinbuild.key-rotation+json",
            Self::WorkerResult => "application/vnd.twinbuild.worker-result+json",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Statements are signed with verdict keys, results with workers'; a rotation with the key that it replaces, whatever it is for.
    fn allow(self, key: &PublicKey) -> Result<(), KeyError> {
        match self {
            Self::Statement => key.require(Role::Verdict),
            Self::KeyRotation => Ok(()),
            Self::WorkerResult => key.require(Role::Worker),
        }
    }
}

/// What is wrong with an envelope, or why none was made.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is larger than any that is read.
    #[error("the envelope has {bytes} bytes, and at most {limit_bytes} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// It is not JSON of the form of an envelope.
    #[error("the envelope cannot be read: {0}")]
    Json(#[from] JsonError),
    /// Bytes of a kind that nothing here understands.
    #[error(
        "the envelope's payloadType is {found:?}; {} are known",
        PayloadType::ALL.map(PayloadType::as_str).join(", ")
    )]
    PayloadType {
        /// What it is, or its start.
        found: String,
    },
    /// It has no signature.
    #[error("the envelope has no signature")]
    Unsigned,
    /// It has more signatures than are verified.
    #[error("the envelope has {count} signatures, and at most {limit} are verified")]
    TooManySignatures {
        /// How many it has.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// None of its signatures is one of the given keys.
    #[error(
        "none of the envelope's {signatures} signatures holds under any of {keys} keys: nothing in it can be relied on"
    )]
    NotVerified {
        /// How many signatures it has.
        signatures: usize,
        /// How many keys were given.
        keys: usize,
    },
    /// A key in a role that is not its own.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Bytes and signatures over them. What was read holds nothing until [`verify`](Self::verify) gave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload_type: PayloadType,
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

/// What was in an envelope, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    /// What the bytes are.
    pub payload_type: PayloadType,
    /// The bytes that were signed. Read these, and nothing else of the envelope.
    pub payload: &'a [u8],
    /// The keys that signed, each once however many signatures it made; at least one.
    pub keys: BTreeSet<KeyId>,
}

impl Envelope {
    /// Signs `payload` with each of `signers`, in their order.
    ///
    /// # Errors
    /// [`EnvelopeError::Key`] if a statement is signed with another key than a verdict key, [`EnvelopeError::Unsigned`]
    /// without signers, [`EnvelopeError::TooManySignatures`], [`EnvelopeError::Sign`]; [`EnvelopeError::TooLarge`] if
    /// it could not be read again.
    pub fn sign(payload_type: PayloadType, payload: Vec<u8>, signers: &[&dyn Sign]) -> Result<Self, EnvelopeError> {
        check_count(signers.len())?;
        let message = pre_authentication_encoding(payload_type.as_str(), &payload);
        let mut signatures = Vec::new();
        for signer in signers {
            payload_type.allow(signer.public_key())?;
            signatures.push(signer.sign(&message)?.as_bytes().to_vec());
        }
        let envelope = Self { payload_type, payload, signatures };
        check_size(envelope.to_json().len())?;
        Ok(envelope)
    }

    /// Reads an envelope. Base64 is that of RFC 4648 section 4 or 5, with padding. `keyid` is not looked at: nothing
    /// vouches for it. Other than the specification has it, a name that it does not know is refused and not passed
    /// over, as nothing would vouch for what stands there either.
    ///
    /// # Errors
    /// [`EnvelopeError::TooLarge`], [`EnvelopeError::Json`], [`EnvelopeError::PayloadType`],
    /// [`EnvelopeError::Unsigned`], [`EnvelopeError::TooManySignatures`].
    pub fn parse(json: &[u8]) -> Result<Self, EnvelopeError> {
        check_size(json.len())?;
        Self::from_members(Json::parse(json)?.members(PLACE)?)
    }

    pub(crate) fn from_members(mut members: Members) -> Result<Self, EnvelopeError> {
        let payload = members.parsed("payload", "base64", base64::decode_either)?;
        let payload_type = members.string("payloadType")?;
        let entries = members.array("signatures")?;
        members.finish()?;
        let payload_type = PayloadType::named(&payload_type)
            .ok_or_else(|| EnvelopeError::PayloadType { found: start(&payload_type) })?;
        check_count(entries.len())?;
        let signatures = entries.into_iter().map(|entry| {
            let mut entry = entry.members("signature")?;
            let signature = entry.parsed("sig", "base64", base64::decode_either)?;
            entry.optional_string("keyid")?;
            entry.finish()?;
            Ok(signature)
        });
        let signatures = signatures.collect::<Result<_, JsonError>>()?;
        Ok(Self { payload_type, payload, signatures })
    }

    /// The envelope as JSON on one line without its end, with standard base64 and empty `keyid`s: with one that is not
    /// theirs, some verifiers would need to be told.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Nothing in it has to be escaped: base64 and names of ours.
        let (payload, kind) = (base64::encode(&self.payload), self.payload_type.as_str());
        let signatures = self.signatures.iter().map(|signature| base64::encode(signature));
        let signatures: Vec<String> = signatures.map(|sig| format!(r#"{{"sig":"{sig}","keyid":""}}"#)).collect();
        format!(r#"{{"payload":"{payload}","payloadType":"{kind}","signatures":[{}]}}"#, signatures.join(","))
    }

    /// Gives out what was signed, once a signature of one of `keys` held. How many keys have to have signed is the
    /// caller's to say. A signature that holds under none of them is passed over.
    ///
    /// # Errors
    /// [`EnvelopeError::NotVerified`]; [`EnvelopeError::Key`] if statements are to be verified with another key than a
    /// verdict key.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Verified<'_>, EnvelopeError> {
        keys.iter().try_for_each(|key| self.payload_type.allow(key))?;
        let message = pre_authentication_encoding(self.payload_type.as_str(), &self.payload);
        let signed = |key: &&PublicKey| self.signatures.iter().any(|signature| key.verify(&message, signature).is_ok());
        let signed: BTreeSet<KeyId> = keys.iter().filter(signed).map(PublicKey::id).collect();
        if signed.is_empty() {
            return Err(EnvelopeError::NotVerified { signatures: self.signatures.len(), keys: keys.len() });
        }
        Ok(Verified { payload_type: self.payload_type, payload: &self.payload, keys: signed })
    }

    /// What the bytes claim to be.
    #[must_use]
    pub fn payload_type(&self) -> PayloadType {
        self.payload_type
    }

    /// How many signatures there are, whether they hold or not.
    #[must_use]
    pub fn signature_count(&self) -> usize {
        self.signatures.len()
    }
}

/// What is signed: the DSSE pre-authentication encoding (`protocol.md`, "Signature Definition").
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let start = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [start.as_bytes(), payload].concat()
}

fn check_size(bytes: usize) -> Result<(), EnvelopeError> {
    if bytes > ENVELOPE_LIMIT_BYTES {
        return Err(EnvelopeError::TooLarge { bytes, limit_bytes: ENVELOPE_LIMIT_BYTES });
    }
    Ok(())
}

fn check_count(count: usize) -> Result<(), EnvelopeError> {
    match count {
        0 => Err(EnvelopeError::Unsigned),
        1..=SIGNATURES => Ok(()),
        _ => Err(EnvelopeError::TooManySignatures { count, limit: SIGNATURES }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vector_of_the_specification_holds() {
        let (kind, payload) = ("http://example.com/HelloWorld", b"hello world");
        let message = pre_authentication_encoding(kind, payload);
        assert_eq!(message, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        // The specification writes the key as decimal numbers, and the signature as r and s, one behind the other.
        let point = concat!(
            "0467cd390f77aa359cb08c2235f652270493a9ed832b0abcc01f70954c0390d238",
            "0c782bd54e269125a44f4433aff1432ce94e12bca73aa67ac80cea12608ddf74"
        );
        let point: Vec<u8> = (0..65).map(|i| u8::from_str_radix(&point[2 * i..2 * i + 2], 16).unwrap()).collect();
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
        let key = PublicKey::of_p256(key, Role::Verdict).unwrap();
        let signature = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==";
        let signature = p256::ecdsa::Signature::from_slice(&base64::decode(signature).unwrap()).unwrap();
        key.verify(&message, signature.to_der().as_bytes()).unwrap();
        let other = pre_authentication_encoding(kind, b"hello worlds");
        assert!(key.verify(&other, signature.to_der().as_bytes()).is_err());
    }

    #[test]
    fn lengths_are_counted_in_bytes() {
        assert_eq!(pre_authentication_encoding("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes());
        assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
    }

    proptest! {
        #[test]
        fn no_two_messages_have_one_encoding(a in ".{0,6}", b in any::<Vec<u8>>(), c in ".{0,6}", d in any::<Vec<u8>>()) {
            let same = (&a, &b) == (&c, &d);
            prop_assert_eq!(pre_authentication_encoding(&a, &b) == pre_authentication_encoding(&c, &d), same);
        }
    }
}
