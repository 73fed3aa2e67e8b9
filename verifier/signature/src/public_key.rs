//! Public keys, and whether a signature is theirs.

use std::fmt;

use der::pem::LineEnding;
use p256::ecdsa::signature::Verifier as _;
use pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use twinbuild_subject::Sha256;

use crate::label::{Label, pem_block};
use crate::{KeyError, KeyKind, Role, Signature};

/// The label of its PEM block (RFC 7468 section 13).
const PEM_LABEL: &str = "PUBLIC KEY";

/// Names a public key: the SHA-256 of its SubjectPublicKeyInfo in DER (RFC 5280 section 4.1), in hexadecimal.
/// `openssl pkey -pubin -in FILE -outform DER | sha256sum` prints it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Sha256);

impl KeyId {
    /// The key whose SubjectPublicKeyInfo has that digest.
    #[must_use]
    pub fn new(sha256: Sha256) -> Self {
        Self(sha256)
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// From 64 lower-case hexadecimal digits, and nothing else.
    pub(crate) fn from_lower_hex(text: &str) -> Option<Self> {
        let id = Self(text.parse().ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// A public key and what it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: Key,
    role: Role,
    id: KeyId,
}

#[derive(Clone, PartialEq, Eq)]
enum Key {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

/// A signature that the key did not make of the message, or that is not of its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not one of key {id} over these bytes")]
pub struct BadSignature {
    /// The key.
    pub id: KeyId,
}

impl PublicKey {
    /// The Ed25519 key of these 32 bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if they are no point, or one of small order: under such a key anything is signed.
    pub fn from_ed25519(bytes: &[u8; 32], role: Role) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map_err(|_| KeyError::Unsupported { reason: "its 32 bytes are no Ed25519 public key".to_owned() })?;
        Self::of_ed25519(key, role)
    }

    pub(crate) fn of_ed25519(key: ed25519_dalek::VerifyingKey, role: Role) -> Result<Self, KeyError> {
        if key.is_weak() {
            return Err(KeyError::Unsupported { reason: "its point has a small order".to_owned() });
        }
        Self::new(Key::Ed25519(key), role)
    }

    pub(crate) fn of_p256(key: p256::ecdsa::VerifyingKey, role: Role) -> Result<Self, KeyError> {
        Self::new(Key::P256(key), role)
    }

    fn new(key: Key, role: Role) -> Result<Self, KeyError> {
        let kind = match &key {
            Key::Ed25519(_) => KeyKind::Ed25519,
            Key::P256(_) => KeyKind::P256,
        };
        kind.allow(role)?;
        Ok(Self { id: KeyId(Sha256::of(&spki(&key)?)), key, role })
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for another scheme, curve, or form than the one that is written here: a key has one
    /// id; [`KeyError::KindForRole`].
    pub fn from_spki_der(der: &[u8], role: Role) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_public_key_der(der)
            .map(|key| Self::of_ed25519(key, role))
            .or_else(|_| p256::ecdsa::VerifyingKey::from_public_key_der(der).map(|key| Self::of_p256(key, role)))
            .map_err(|error| KeyError::Unsupported { reason: error.to_string() })??;
        if key.to_spki_der()? != der {
            let reason = "it is not written in the usual form, an uncompressed point of a named curve".to_owned();
            return Err(KeyError::Unsupported { reason });
        }
        Ok(key)
    }

    /// Reads a PEM block `PUBLIC KEY`, of this program or another, to use it in `role`. Where the first line names a
    /// role, it has to be that one; keys of other programs name none, and have the role that the caller gives them.
    ///
    /// # Errors
    /// [`KeyError::NoKey`], [`KeyError::WrongRole`], [`KeyError::Damaged`] if the first line is of another key,
    /// [`KeyError::Unsupported`], [`KeyError::KindForRole`].
    pub fn from_pem(text: &str, role: Role) -> Result<Self, KeyError> {
        let (label, pem) = Label::split(text)?;
        let key = Self::from_spki_der(&pem_block(pem, PEM_LABEL)?, label.as_ref().map_or(role, |label| label.role))?;
        if let Some(label) = label {
            label.check(&key)?;
            if label.digest.is_some() {
                return Err(KeyError::Damaged { reason: "its first line is that of a private key".to_owned() });
            }
        }
        key.require(role)?;
        Ok(key)
    }

    /// The key as PEM below a line that names its kind, role and id, which other programs skip (RFC 7468 section 2).
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if it cannot be encoded, which does not happen with a key that was read or made here.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let block = der::pem::encode_string(PEM_LABEL, LineEnding::LF, &self.to_spki_der()?)
            .map_err(|error| KeyError::Unsupported { reason: error.to_string() })?;
        Ok(format!("{}\n{block}", Label::of(self)))
    }

    /// The SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// As for [`to_pem`](Self::to_pem).
    pub fn to_spki_der(&self) -> Result<Vec<u8>, KeyError> {
        spki(&self.key)
    }

    /// The 32 bytes of an Ed25519 key; none of another.
    #[must_use]
    pub fn as_ed25519(&self) -> Option<&[u8; 32]> {
        match &self.key {
            Key::Ed25519(key) => Some(key.as_bytes()),
            Key::P256(_) => None,
        }
    }

    /// Of which kind it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match &self.key {
            Key::Ed25519(_) => KeyKind::Ed25519,
            Key::P256(_) => KeyKind::P256,
        }
    }

    /// What it is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// That it is for `role`.
    ///
    /// # Errors
    /// [`KeyError::WrongRole`].
    pub fn require(&self, role: Role) -> Result<(), KeyError> {
        match self.role == role {
            true => Ok(()),
            false => Err(KeyError::WrongRole { id: self.id, found: self.role, expected: role }),
        }
    }

    /// That no key stands in `keys` under two roles.
    ///
    /// # Errors
    /// [`KeyError::TwoRoles`].
    pub fn require_one_role_each<'a>(keys: impl IntoIterator<Item = &'a Self>) -> Result<(), KeyError> {
        let mut roles = std::collections::BTreeMap::new();
        for key in keys {
            let first = *roles.entry(key.id).or_insert(key.role);
            if first != key.role {
                return Err(KeyError::TwoRoles { id: key.id, first, second: key.role });
            }
        }
        Ok(())
    }

    /// Whether `signature` is one of this key over `message`. Ed25519 is verified strictly: no second encoding and no
    /// point of small order. Of ECDSA both values of `s` are taken, as most programs write either.
    ///
    /// # Errors
    /// [`BadSignature`] if it is not, whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let holds = match &self.key {
            Key::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|signature| key.verify_strict(message, &signature))
                .is_ok(),
            Key::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| key.verify(message, &signature))
                .is_ok(),
        };
        if holds { Ok(()) } else { Err(BadSignature { id: self.id }) }
    }

    /// A signature that another program made, in the form that is written here, once it held.
    pub(crate) fn adopt(&self, message: &[u8], signature: &[u8]) -> Result<Signature, BadSignature> {
        self.verify(message, signature)?;
        Ok(Signature::new(match &self.key {
            Key::Ed25519(_) => signature.to_vec(),
            Key::P256(_) => p256::ecdsa::Signature::from_der(signature)
                .map_err(|_| BadSignature { id: self.id })?
                .normalize_s()
                .to_der()
                .as_bytes()
                .to_vec(),
        }))
    }
}

fn spki(key: &Key) -> Result<Vec<u8>, KeyError> {
    match key {
        Key::Ed25519(key) => key.to_public_key_der(),
        Key::P256(key) => key.to_public_key_der(),
    }
    .map(der::Document::into_vec)
    .map_err(|error| KeyError::Unsupported { reason: error.to_string() })
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {} {})", self.role, self.kind(), self.id)
    }
}
