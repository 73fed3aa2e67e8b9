//! The line above the PEM block of a key file: `twinbuild-key KIND role=ROLE id=ID`, and `sha256=DIGEST` of a private
//! key.
//!
//! Programs that read PEM skip it. Of a private key it repeats what the encrypted part says, so that a role can be seen
//! without a passphrase. The digest, of the line before it with a newline and of the block's bytes, tells a damaged
//! file from a wrong passphrase.

use std::fmt;

use twinbuild_subject::Sha256;

use crate::excerpt::start;
use crate::{KeyError, KeyId, KeyKind, PublicKey, Role};

const START: &str = "twinbuild-key ";

/// What the line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) kind: KeyKind,
    pub(crate) role: Role,
    pub(crate) id: KeyId,
    /// The digest of line and block; of private keys only.
    pub(crate) digest: Option<Sha256>,
}

impl Label {
    /// The label of a public key.
    pub(crate) fn of(key: &PublicKey) -> Self {
        Self { kind: key.kind(), role: key.role(), id: key.id(), digest: None }
    }

    /// The label of a private key with that block.
    pub(crate) fn sealed(self, block: &[u8]) -> Self {
        let line = Self { digest: None, ..self };
        Self { digest: Some(Sha256::of(&[format!("{line}\n").as_bytes(), block].concat())), ..self }
    }

    /// The label, if `text` begins with one, and what follows it.
    pub(crate) fn split(text: &str) -> Result<(Option<Self>, &str), KeyError> {
        if !text.starts_with(START) {
            return Ok((None, text));
        }
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let label = Self::parse(line)
            .filter(|label| label.to_string() == line)
            .ok_or_else(|| KeyError::Damaged { reason: format!("its first line is {:?}", start(line)) })?;
        Ok((Some(label), rest))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix(START)?.split(' ');
        let label = Self {
            kind: KeyKind::named(words.next()?)?,
            role: Role::named(words.next()?.strip_prefix("role=")?)?,
            id: KeyId::from_lower_hex(words.next()?.strip_prefix("id=")?)?,
            digest: match words.next() {
                Some(word) => Some(word.strip_prefix("sha256=")?.parse().ok()?),
                None => None,
            },
        };
        words.next().is_none().then_some(label)
    }

    /// That the line is this key's, apart from its digest.
    pub(crate) fn check(&self, key: &PublicKey) -> Result<(), KeyError> {
        if *self == (Self { digest: self.digest, ..Self::of(key) }) {
            return Ok(());
        }
        let reason = format!(
            "its first line says {} {} {}, and it is {} {} {}",
            self.kind,
            self.role,
            self.id,
            key.kind(),
            key.role(),
            key.id()
        );
        Err(KeyError::Damaged { reason })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{START}{} role={} id={}", self.kind, self.role, self.id)?;
        self.digest.map_or(Ok(()), |digest| write!(f, " sha256={digest}"))
    }
}

/// The bytes of the one PEM block in `text`, which has that label.
pub(crate) fn pem_block(text: &str, expected: &'static str) -> Result<Vec<u8>, KeyError> {
    let found = |found: String| KeyError::NoKey { expected, found };
    let label = der::pem::decode_label(text.as_bytes()).map_err(|error| found(error.to_string()))?;
    if label != expected {
        return Err(match label.ends_with("PRIVATE KEY") && label != "ENCRYPTED PRIVATE KEY" {
            true => KeyError::Unencrypted { label: start(label) },
            false => found(format!("{:?}", start(label))),
        });
    }
    let (_, bytes) =
        der::pem::decode_vec(text.as_bytes()).map_err(|error| KeyError::Damaged { reason: error.to_string() })?;
    Ok(bytes)
}
