//! Replacing a key: the old one names the new one.

use jiff::Timestamp;

use crate::json::{Json, JsonError};
use crate::{Envelope, EnvelopeError, KeyError, KeyId, PayloadType, PublicKey, Role, Sign, base64};

/// A statement that a key was replaced by another one of the same role. As bytes it is the object `{"newKey": BASE64,
/// "oldKeyId": HEX, "role": ROLE, "time": RFC3339}` in the form of RFC 8785; `newKey` is a SubjectPublicKeyInfo in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The key that is replaced, and that signs this.
    pub old: KeyId,
    /// The key that takes its place, in the same role.
    pub new: PublicKey,
    /// From when on, in whole seconds.
    pub time: Timestamp,
}

/// What is wrong with a rotation.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Its envelope cannot be verified with the old key, or was not made.
    #[error("the rotation is not one of key {old}: {source}")]
    Envelope {
        /// The key that should have signed.
        old: KeyId,
        /// What is wrong.
        source: EnvelopeError,
    },
    /// The old key signed something else.
    #[error("the envelope holds {:?} and no key rotation", found.as_str())]
    PayloadType {
        /// What it holds.
        found: PayloadType,
    },
    /// What was signed is not of the form of a rotation.
    #[error("the rotation cannot be read: {0}")]
    Json(#[from] JsonError),
    /// What was signed has another form than the one that is written here.
    #[error("the rotation is not in canonical form: names in order, no white space, whole seconds in UTC")]
    Form,
    /// It replaces another key than the one that signed it.
    #[error("the rotation replaces key {found}, and key {expected} signed it")]
    OldKey {
        /// The key that it names.
        found: KeyId,
        /// The key that signed.
        expected: KeyId,
    },
    /// A key cannot be handed on to another role.
    #[error("the rotation of the {expected} key {old} names a {found} key: a role is not handed on as another")]
    Role {
        /// The old key.
        old: KeyId,
        /// The role in the rotation.
        found: Role,
        /// The old key's.
        expected: Role,
    },
    /// The new key had its turn already.
    #[error("the rotation names key {id}, which was replaced before")]
    Again {
        /// The key.
        id: KeyId,
    },
    /// It is older than the rotation before it.
    #[error("the rotation is of {time}, and the one before it of {before}")]
    Time {
        /// Its time.
        time: Timestamp,
        /// That of the one before.
        before: Timestamp,
    },
    /// The new key is none.
    #[error("the new key of the rotation: {0}")]
    NewKey(#[from] KeyError),
}

impl Rotation {
    /// Has the old key sign that `new` takes its place from `time` on, which is cut to whole seconds.
    ///
    /// # Errors
    /// [`RotationError::Role`] if `new` is for something else, [`RotationError::Again`] if it is the old key;
    /// [`RotationError::Envelope`].
    pub fn sign(old: &dyn Sign, new: PublicKey, time: Timestamp) -> Result<Envelope, RotationError> {
        let key = old.public_key();
        let time = Timestamp::from_second(time.as_second()).unwrap_or(time);
        let rotation = Self { old: key.id(), new, time };
        rotation.check(key)?;
        Envelope::sign(PayloadType::KeyRotation, rotation.to_bytes()?, &[old])
            .map_err(|source| RotationError::Envelope { old: key.id(), source })
    }

    /// Reads a rotation that `old` signed.
    ///
    /// # Errors
    /// [`RotationError`], but for [`RotationError::Time`].
    pub fn verify(envelope: &Envelope, old: &PublicKey) -> Result<Self, RotationError> {
        let verified = envelope
            .verify(std::slice::from_ref(old))
            .map_err(|source| RotationError::Envelope { old: old.id(), source })?;
        match verified.payload_type {
            PayloadType::KeyRotation => {}
            found @ (PayloadType::Statement | PayloadType::WorkerResult) => {
                return Err(RotationError::PayloadType { found });
            }
        }
        let rotation = Self::parse(verified.payload)?;
        rotation.check(old)?;
        Ok(rotation)
    }

    /// Follows rotations, oldest first, from a key that is known to the one in its place now. Without any, that is
    /// `first`.
    ///
    /// # Errors
    /// [`RotationError`] of the first one that does not follow from those before it.
    pub fn follow(first: &PublicKey, rotations: &[Envelope]) -> Result<PublicKey, RotationError> {
        let mut seen = vec![first.id()];
        let mut key = first.clone();
        let mut before = Timestamp::MIN;
        for envelope in rotations {
            let Self { new, time, .. } = Self::verify(envelope, &key)?;
            if time < before {
                return Err(RotationError::Time { time, before });
            }
            if seen.contains(&new.id()) {
                return Err(RotationError::Again { id: new.id() });
            }
            seen.push(new.id());
            (key, before) = (new, time);
        }
        Ok(key)
    }

    fn check(&self, old: &PublicKey) -> Result<(), RotationError> {
        if self.old != old.id() {
            return Err(RotationError::OldKey { found: self.old, expected: old.id() });
        }
        if self.new.role() != old.role() {
            return Err(RotationError::Role { old: old.id(), found: self.new.role(), expected: old.role() });
        }
        if self.new.id() == self.old {
            return Err(RotationError::Again { id: self.old });
        }
        Ok(())
    }

    fn to_bytes(&self) -> Result<Vec<u8>, KeyError> {
        // Nothing in it has to be escaped.
        let (new, old, role, time) = (base64::encode(&self.new.to_spki_der()?), self.old, self.new.role(), self.time);
        Ok(format!(r#"{{"newKey":"{new}","oldKeyId":"{old}","role":"{role}","time":"{time}"}}"#).into_bytes())
    }

    fn parse(bytes: &[u8]) -> Result<Self, RotationError> {
        let mut members = Json::parse(bytes)?.members("rotation")?;
        let new = members.parsed("newKey", "base64", base64::decode)?;
        let old = members.parsed("oldKeyId", "64 hexadecimal digits", KeyId::from_lower_hex)?;
        let role = members.parsed("role", "verdict, log or witness", Role::named)?;
        let time = members.parsed("time", "a time in RFC 3339", |text| text.parse().ok())?;
        members.finish()?;
        let rotation = Self { old, new: PublicKey::from_spki_der(&new, role)?, time };
        if rotation.to_bytes()? != bytes || time.subsec_nanosecond() != 0 {
            return Err(RotationError::Form);
        }
        Ok(rotation)
    }
}
