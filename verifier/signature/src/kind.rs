//! What a key is made of, and what it is for.

use std::fmt;

use crate::KeyError;

/// The signature scheme of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// Ed25519 (RFC 8032), written `ed25519`: signatures of 64 bytes.
    #[default]
    Ed25519,
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5), written `ecdsa-p256`: signatures in DER, with the lower of both values
    /// of `s`.
    P256,
}

impl KeyKind {
    /// As it is written in the first line of key files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "ecdsa-p256",
        }
    }

    /// The kind that is written so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::P256].into_iter().find(|kind| kind.as_str() == name)
    }

    /// Notes know Ed25519 only, and nobody else reads what workers sign.
    pub(crate) fn allow(self, role: Role) -> Result<(), KeyError> {
        match (role, self) {
            (Role::Verdict, _) | (Role::Log | Role::Witness | Role::Worker, Self::Ed25519) => Ok(()),
            (Role::Log | Role::Witness | Role::Worker, Self::P256) => Err(KeyError::KindForRole { kind: self, role }),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a key is for. A key has one role, which is part of its file, and is refused in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Signs statements; written `verdict`.
    Verdict,
    /// Signs the checkpoints of a log; written `log`. Ed25519 only.
    Log,
    /// Signs that it saw a log only grow; written `witness`. Ed25519 only.
    Witness,
    /// Signs what a worker returns to whoever coordinates it; written `worker`. Ed25519 only.
    Worker,
}

impl Role {
    /// As it is written in key files and rotations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Log => "log",
            Self::Witness => "witness",
            Self::Worker => "worker",
        }
    }

    /// The role that is written so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Verdict, Self::Log, Self::Witness, Self::Worker].into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
