//! Signed notes (<https://c2sp.org/signed-note@v1.0.0>), and cosignatures of witnesses under them
//! (<https://c2sp.org/tlog-cosignature@v1.0.1>).

use std::fmt;
use std::str::FromStr;

use crate::excerpt::start;
use crate::vkey::{KeyHash, KeyName, SignatureType, VerifierKey, VerifierKeyError};
use crate::{BadSignature, KeyError, Role, Sign, SignError, base64};

/// The largest note that is read, in bytes: more than all signatures that it may have, at 5 kB each for those to come.
pub const NOTE_LIMIT_BYTES: usize = 1 << 20;
/// The most signatures of one note; the specification asks for 16 at least.
const SIGNATURES: usize = 100;
const DASH: &str = "\u{2014} ";

/// What is wrong with a note, or why it was not signed.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// It is larger than any that is read.
    #[error("the note has {bytes} bytes, and at most {limit_bytes} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// It is not UTF-8.
    #[error("the note is not UTF-8 from byte {offset} on")]
    Encoding {
        /// Where that begins.
        offset: usize,
    },
    /// It has a control character that a terminal might obey.
    #[error(
        "the note has the control character U+{character:04X} at byte {offset}; newlines are the only ones allowed"
    )]
    Control {
        /// The character.
        character: u32,
        /// Where.
        offset: usize,
    },
    /// Its text does not end with a newline.
    #[error("the text of a note ends with a newline, and this one does not")]
    Unterminated,
    /// No empty line parts text and signatures.
    #[error("the note has no signatures: an empty line and lines that begin with an em dash are expected at its end")]
    Unsigned,
    /// A line below the text that is no signature.
    #[error(
        "{found:?} is no signature line of a note: an em dash, a name, and base64 of more than 4 bytes are expected"
    )]
    Line {
        /// The line, or its start.
        found: String,
    },
    /// It has more signatures than are verified.
    #[error("the note has {count} signatures, and at most {limit} are verified")]
    TooManySignatures {
        /// How many it has.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A signature claims to be one of a known key, and is not. The whole note is to be refused.
    #[error("the note's signature of {name} does not hold: {source}")]
    BadSignature {
        /// The name of the key.
        name: KeyName,
        /// The key.
        source: BadSignature,
    },
    /// It has no signature of a known key.
    #[error(
        "none of the note's {signatures} signatures is one of the {keys} known keys: nothing in it can be relied on"
    )]
    NotVerified {
        /// How many signatures it has.
        signatures: usize,
        /// How many keys were given.
        keys: usize,
    },
    /// A log signs its own checkpoints only.
    #[error("the log {name} signs notes of its own origin, and the first line of this one is {found:?}")]
    Origin {
        /// The name of the log's key.
        name: KeyName,
        /// The first line of the text.
        found: String,
    },
    /// A time that a cosignature cannot have.
    #[error("{seconds} is no time of a cosignature: at most 2^63 - 1 seconds since 1970 are")]
    Time {
        /// What was asked for.
        seconds: u64,
    },
    /// A key in a role that is not its own.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A name or a key that notes do not have.
    #[error(transparent)]
    VerifierKey(#[from] VerifierKeyError),
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Text and signatures over it. What was read holds nothing until [`verify`](Self::verify) gave it out. Written by
/// `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A line below the text, read but not verified: `— NAME BASE64`. Written by `Display`, without the end of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    hash: KeyHash,
    bytes: Vec<u8>,
}

/// The text of a note that a known key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote<'a> {
    /// The text, with its last newline.
    pub text: &'a str,
    /// Which of the keys signed, each once; at least one.
    pub signers: Vec<NoteSigner<'a>>,
}

/// A key that signed a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSigner<'a> {
    /// The key.
    pub key: &'a VerifierKey,
    /// Of a witness: when it says that it saw the note, in seconds since 1970; the latest time if it signed more than
    /// once.
    pub time_secs: Option<u64>,
}

impl Note {
    /// A note that nobody has signed yet.
    ///
    /// # Errors
    /// [`NoteError::Unterminated`], [`NoteError::Control`], [`NoteError::TooLarge`].
    pub fn new(text: String) -> Result<Self, NoteError> {
        check_characters(&text)?;
        match text.ends_with('\n') {
            true => Ok(Self { text, signatures: Vec::new() }),
            false => Err(NoteError::Unterminated),
        }
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::TooLarge`], [`NoteError::Encoding`], [`NoteError::Control`], [`NoteError::Unsigned`],
    /// [`NoteError::Line`], [`NoteError::VerifierKey`] for a name that no key has, [`NoteError::TooManySignatures`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        check_size(bytes.len())?;
        let note = std::str::from_utf8(bytes).map_err(|error| NoteError::Encoding { offset: error.valid_up_to() })?;
        check_characters(note)?;
        let end = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        let count = lines.split('\n').count();
        check_count(count)?;
        let signatures = lines.split('\n').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Signs the text with the log's key, under the log's origin as the key's name.
    ///
    /// # Errors
    /// [`NoteError::Key`] for another key than a log key, [`NoteError::Origin`] if the first line of the text is not
    /// `origin`, [`NoteError::Sign`], [`NoteError::TooManySignatures`].
    pub fn sign(&mut self, origin: KeyName, signer: &dyn Sign) -> Result<&NoteSignature, NoteError> {
        signer.public_key().require(Role::Log)?;
        let first = self.text.split('\n').next().unwrap_or_default();
        if first != origin.as_str() {
            return Err(NoteError::Origin { name: origin, found: start(first) });
        }
        let key = VerifierKey::new(origin, signer.public_key())?;
        let signature = signer.sign(self.text.as_bytes())?;
        self.add(NoteSignature::new(&key, signature.as_bytes().to_vec()))
    }

    /// Signs as a witness that saw the note at `time_secs`, in seconds since 1970. Whether the log only grew is the
    /// caller's to check before. The witness answers with the line that this returns.
    ///
    /// # Errors
    /// [`NoteError::Key`] for another key than a witness key, [`NoteError::Time`], [`NoteError::Sign`],
    /// [`NoteError::TooManySignatures`].
    pub fn cosign(&mut self, name: KeyName, signer: &dyn Sign, time_secs: u64) -> Result<&NoteSignature, NoteError> {
        signer.public_key().require(Role::Witness)?;
        if i64::try_from(time_secs).is_err() {
            return Err(NoteError::Time { seconds: time_secs });
        }
        let key = VerifierKey::new(name, signer.public_key())?;
        let signature = signer.sign(cosigned_message(time_secs, &self.text).as_bytes())?;
        self.add(NoteSignature::new(&key, [time_secs.to_be_bytes().as_slice(), signature.as_bytes()].concat()))
    }

    /// Adds a signature line, such as one that a witness answered with. It is not verified here.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`], [`NoteError::TooLarge`].
    pub fn add(&mut self, signature: NoteSignature) -> Result<&NoteSignature, NoteError> {
        check_count(self.signatures.len() + 1)?;
        check_size(self.to_string().len() + signature.to_string().len() + 1)?;
        self.signatures.push(signature);
        self.signatures.last().ok_or(NoteError::Unsigned)
    }

    /// Gives out the text, once a signature of one of `keys` held. A signature of a key that is not among them, or of a
    /// type that is not known, is passed over; one that claims to be of a known key and is not condemns the note. Which
    /// keys have to have signed is the caller's to say.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`], [`NoteError::NotVerified`].
    pub fn verify<'a>(&'a self, keys: &'a [VerifierKey]) -> Result<VerifiedNote<'a>, NoteError> {
        let mut signers: Vec<NoteSigner<'a>> = Vec::new();
        for signature in &self.signatures {
            let claimed = |key: &&VerifierKey| *key.name() == signature.name && key.hash() == signature.hash;
            for key in keys.iter().filter(claimed) {
                let Some(time_secs) = signature.check(key, &self.text)? else { continue };
                match signers.iter_mut().find(|signer| signer.key == key) {
                    Some(signer) => signer.time_secs = signer.time_secs.max(time_secs),
                    None => signers.push(NoteSigner { key, time_secs }),
                }
            }
        }
        if signers.is_empty() {
            return Err(NoteError::NotVerified { signatures: self.signatures.len(), keys: keys.len() });
        }
        Ok(VerifiedNote { text: &self.text, signers })
    }

    /// The text before anything was verified: for who makes the note, or has to find out which keys could verify it.
    #[must_use]
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The lines below the text, in their order, whether they hold or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl NoteSignature {
    fn new(key: &VerifierKey, bytes: Vec<u8>) -> Self {
        Self { name: key.name().clone(), hash: key.hash(), bytes }
    }

    /// The name of the key that it claims to be of.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The number of the key that it claims to be of.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        self.hash
    }

    /// That it holds under the key that it claims to be of, and the time of a cosignature; nothing of a type that is
    /// not known.
    fn check(&self, key: &VerifierKey, text: &str) -> Result<Option<Option<u64>>, NoteError> {
        let Some(public) = key.public_key() else { return Ok(None) };
        let bad = |source| NoteError::BadSignature { name: self.name.clone(), source };
        match key.signature_type() {
            SignatureType::Other(_) => Ok(None),
            SignatureType::Ed25519 => {
                public.verify(text.as_bytes(), &self.bytes).map_err(bad)?;
                Ok(Some(None))
            }
            SignatureType::Cosignature => {
                let (time, signature) =
                    self.bytes.split_first_chunk().ok_or_else(|| bad(BadSignature { id: public.id() }))?;
                let time_secs = u64::from_be_bytes(*time);
                if i64::try_from(time_secs).is_err() {
                    return Err(bad(BadSignature { id: public.id() }));
                }
                public.verify(cosigned_message(time_secs, text).as_bytes(), signature).map_err(bad)?;
                Ok(Some(Some(time_secs)))
            }
        }
    }
}

/// What a witness signs (tlog-cosignature, "Ed25519 signed message").
fn cosigned_message(time_secs: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_secs}\n{text}")
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let wrong = || NoteError::Line { found: start(line) };
        let (name, encoded) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
        let decoded = base64::decode(encoded).ok_or_else(wrong)?;
        let (hash, bytes) = decoded.split_first_chunk().filter(|(_, bytes)| !bytes.is_empty()).ok_or_else(wrong)?;
        Ok(Self { name: name.parse()?, hash: KeyHash(*hash), bytes: bytes.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = base64::encode(&[self.hash.0.as_slice(), &self.bytes].concat());
        write!(f, "{DASH}{} {bytes}", self.name)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    check_size(text.len())?;
    match text.char_indices().find(|(_, c)| *c < ' ' && *c != '\n') {
        None => Ok(()),
        Some((offset, character)) => Err(NoteError::Control { character: character.into(), offset }),
    }
}

fn check_size(bytes: usize) -> Result<(), NoteError> {
    match bytes > NOTE_LIMIT_BYTES {
        true => Err(NoteError::TooLarge { bytes, limit_bytes: NOTE_LIMIT_BYTES }),
        false => Ok(()),
    }
}

fn check_count(count: usize) -> Result<(), NoteError> {
    match count > SIGNATURES {
        true => Err(NoteError::TooManySignatures { count, limit: SIGNATURES }),
        false => Ok(()),
    }
}
