//! Verifier keys of notes, "vkeys" (<https://c2sp.org/signed-note@v1.0.0>, "Verifier keys").

use std::fmt;
use std::str::FromStr;

use twinbuild_subject::Sha256;

use crate::excerpt::start;
use crate::{KeyError, PublicKey, Role, base64};

/// The name of a key of notes: of a log its origin, of a witness a name without scheme such as
/// `witness.example.com/w1`. Not empty, and without `+`, white space and control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = VerifierKeyError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_refused = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(is_refused) {
            return Err(VerifierKeyError::Name { found: start(name) });
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a key of notes: four bytes, which with its name say whose a signature claims to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub(crate) [u8; 4]);

impl KeyHash {
    /// `SHA-256(name || 0x0A || type || key)[:4]` (signed-note, "Signatures").
    fn of(name: &KeyName, signature_type: SignatureType, key: &[u8]) -> Self {
        let digest = Sha256::of(&[name.0.as_bytes(), b"\n", &[signature_type.byte()], key].concat());
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({self})")
    }
}

/// How a key of notes signs (signed-note, "Signature types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureType {
    /// 0x01: Ed25519 over the text, of logs.
    Ed25519,
    /// 0x04: Ed25519 over a time and the text, of witnesses (<https://c2sp.org/tlog-cosignature>).
    Cosignature,
    /// Any other, whose signatures are passed over: ECDSA (0x02), ML-DSA-44 (0x06) and what is to come.
    Other(u8),
}

impl SignatureType {
    /// The type of that byte.
    #[must_use]
    pub fn of(byte: u8) -> Self {
        match byte {
            0x01 => Self::Ed25519,
            0x04 => Self::Cosignature,
            other => Self::Other(other),
        }
    }

    /// Its byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
            Self::Other(byte) => byte,
        }
    }

    fn of_role(role: Role) -> Option<Self> {
        match role {
            Role::Log => Some(Self::Ed25519),
            Role::Witness => Some(Self::Cosignature),
            Role::Verdict | Role::Worker => None,
        }
    }

    fn role(self) -> Option<Role> {
        match self {
            Self::Ed25519 => Some(Role::Log),
            Self::Cosignature => Some(Role::Witness),
            Self::Other(_) => None,
        }
    }
}

/// What is wrong with a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// It has not the three parts.
    #[error("{found:?} is no verifier key: NAME+HASH+BASE64 is expected")]
    Form {
        /// The text, or its start.
        found: String,
    },
    /// A name that no key has.
    #[error("{found:?} cannot name a key: it is empty, or has white space, a control character or `+`")]
    Name {
        /// The name, or its start.
        found: String,
    },
    /// Its number is not that of its name and key.
    #[error("the verifier key of {name} has the hash {found}, and its name and key have {expected}")]
    Hash {
        /// The name.
        name: KeyName,
        /// What stands there.
        found: KeyHash,
        /// What should.
        expected: KeyHash,
    },
    /// A verdict key, or bytes that are no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A verdict key, which signs no notes.
    #[error("key {id} is a verdict key, and notes are signed by log and witness keys")]
    Verdict {
        /// The key.
        id: crate::KeyId,
    },
}

/// The name and public key of a log or a witness, written `NAME+HASH+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    hash: KeyHash,
    signature_type: SignatureType,
    /// The key after its type byte.
    bytes: Vec<u8>,
    /// The key, of a type that is known.
    key: Option<PublicKey>,
}

impl VerifierKey {
    /// The verifier key of a log key (type 0x01) or a witness key (type 0x04). A log's name is its origin, the first
    /// line of its checkpoints.
    ///
    /// # Errors
    /// [`VerifierKeyError::Verdict`].
    pub fn new(name: KeyName, key: &PublicKey) -> Result<Self, VerifierKeyError> {
        let signature_type = SignatureType::of_role(key.role());
        let (Some(signature_type), Some(bytes)) = (signature_type, key.as_ed25519()) else {
            return Err(VerifierKeyError::Verdict { id: key.id() });
        };
        let hash = KeyHash::of(&name, signature_type, bytes);
        Ok(Self { name, hash, signature_type, bytes: bytes.to_vec(), key: Some(key.clone()) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its number.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        self.hash
    }

    /// How it signs.
    #[must_use]
    pub fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// The key, as a log key or a witness key; none of a type that is not known.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || VerifierKeyError::Form { found: start(text) };
        let (name, rest) = text.split_once('+').ok_or_else(form)?;
        let (hash, key) = rest.split_once('+').ok_or_else(form)?;
        let name: KeyName = name.parse()?;
        let is_lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let hash = u32::from_str_radix(hash, 16).ok().filter(|_| hash.len() == 8 && hash.bytes().all(is_lower_hex));
        let hash = KeyHash(hash.ok_or_else(form)?.to_be_bytes());
        let decoded = base64::decode(key).ok_or_else(form)?;
        let (byte, bytes) = decoded.split_first().ok_or_else(form)?;
        let signature_type = SignatureType::of(*byte);
        let Some(role) = signature_type.role() else {
            // Other types may number their keys in other ways.
            return Ok(Self { name, hash, signature_type, bytes: bytes.to_vec(), key: None });
        };
        let key = PublicKey::from_ed25519(bytes.try_into().map_err(|_| form())?, role)?;
        let expected = Self::new(name, &key)?;
        if expected.hash != hash {
            return Err(VerifierKeyError::Hash { name: expected.name, found: hash, expected: expected.hash });
        }
        Ok(expected)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = base64::encode(&[&[self.signature_type.byte()], self.bytes.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, self.hash)
    }
}
