//! The keys of the Debian archive that are trusted.

use pgp::composed::{Deserializable, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, VerifyingKey};

use super::SignatureFault;

/// The keys that sign the archive and its stable releases, by fingerprint of the primary key, from Debian's package
/// debian-archive-keyring 2023.3+deb12u2. A subkey counts if its primary key certifies it for signing.
const PINNED: [(&str, &str); 6] = [
    ("1F89983E0081FDE018F3CC9673A4F27B8DD47936", include_str!("../../keys/bullseye-automatic.asc")),
    ("A4285295FC7B1A81600062A9605C66F00D6C9793", include_str!("../../keys/bullseye-stable.asc")),
    ("B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", include_str!("../../keys/bookworm-automatic.asc")),
    ("4D64FEC119C2029067D6E791F8D2585B8783D481", include_str!("../../keys/bookworm-stable.asc")),
    ("04B54C3CDCA79751B16BC6B5225629DF75B188BD", include_str!("../../keys/trixie-automatic.asc")),
    ("41587F7DB8C774BCCF131416762F67A0B2C39DE4", include_str!("../../keys/trixie-stable.asc")),
];

/// Certified keys, each under the fingerprint that is pinned.
pub(crate) struct Keyring {
    keys: Vec<(&'static str, SignedPublicKey)>,
}

impl Keyring {
    /// Reads the committed keys and holds them against their fingerprints.
    ///
    /// # Errors
    /// [`SignatureFault::Key`].
    pub(crate) fn pinned() -> Result<Self, SignatureFault> {
        Self::of(&PINNED)
    }

    pub(crate) fn of(pinned: &[(&'static str, &str)]) -> Result<Self, SignatureFault> {
        let keys = pinned.iter().map(|(fingerprint, armor)| {
            let refuse = |reason: String| SignatureFault::Key { fingerprint, reason };
            let (key, _) = SignedPublicKey::from_string(armor).map_err(|error| refuse(error.to_string()))?;
            let found = format!("{:X}", key.fingerprint());
            if found != *fingerprint {
                return Err(refuse(format!("its fingerprint is {found}")));
            }
            if !key.details.revocation_signatures.is_empty() {
                return Err(refuse("it is revoked".to_owned()));
            }
            Ok((*fingerprint, key))
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    /// The pinned fingerprint under which a valid signature stands that was made at `created` (seconds of the Unix
    /// epoch), or none.
    pub(crate) fn verify(&self, signature: &Signature, signed: &[u8], created: i64) -> Option<&'static str> {
        let issuers: Vec<String> = signature.issuer_fingerprint().iter().map(|issuer| format!("{issuer:X}")).collect();
        // Who made it is only a hint, so that not every key need be tried; it must verify by that key all the same.
        let is_named =
            |key: &dyn KeyDetails| issuers.is_empty() || issuers.contains(&format!("{:X}", key.fingerprint()));
        let valid = |(_, key): &&(&'static str, SignedPublicKey)| {
            let self_signatures = || {
                let users = key.details.users.iter().flat_map(|user| &user.signatures);
                users.chain(&key.details.direct_signatures)
            };
            if !is_alive(&key.primary_key, self_signatures(), created) {
                return false;
            }
            let by_primary = is_named(&key.primary_key)
                && self_signatures().any(|own| own.key_flags().sign())
                && signature.verify(&key.primary_key, signed).is_ok();
            let by_subkey = || {
                key.public_subkeys.iter().any(|subkey| {
                    // Also checks the signature back from the subkey, so that nobody can claim another's.
                    is_named(&subkey.key)
                        && subkey.signatures.iter().all(|binding| binding.typ() == Some(SignatureType::SubkeyBinding))
                        && subkey.signatures.iter().any(|binding| binding.key_flags().sign())
                        && subkey.verify_bindings(&key.primary_key).is_ok()
                        && is_alive(&subkey.key, subkey.signatures.iter(), created)
                        && signature.verify(&subkey.key, signed).is_ok()
                })
            };
            (by_primary || by_subkey()) && key.details.verify_bindings(&key.primary_key).is_ok()
        };
        self.keys.iter().find(valid).map(|(fingerprint, _)| *fingerprint)
    }
}

/// Whether the key existed and had not expired at that moment. Of several signatures that say when it expires, the newest
/// counts.
fn is_alive<'a>(key: &impl VerifyingKey, signatures: impl Iterator<Item = &'a Signature>, moment: i64) -> bool {
    let newest = signatures.max_by_key(|signature| signature.created().map(|time| time.as_secs()));
    let lifetime = newest.and_then(Signature::key_expiration_time).map_or(0, |lifetime| i64::from(lifetime.as_secs()));
    let begin = i64::from(key.created_at().as_secs());
    begin <= moment && (lifetime == 0 || moment < begin.saturating_add(lifetime))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The key that signed the fixtures.
    pub(crate) fn test_keyring() -> Keyring {
        let fingerprint = include_str!("../../fixtures/test-key.fingerprint").trim();
        Keyring::of(&[(fingerprint, include_str!("../../fixtures/test-key.asc"))]).unwrap()
    }

    #[test]
    fn the_committed_keys_are_the_pinned_ones() {
        let keyring = Keyring::pinned().unwrap();
        assert_eq!(keyring.keys.len(), 6);
        for (fingerprint, key) in &keyring.keys {
            key.verify_bindings().unwrap_or_else(|error| panic!("{fingerprint}: {error}"));
        }
    }

    #[test]
    fn a_key_under_another_fingerprint_is_refused() {
        let swapped = [(PINNED[0].0, PINNED[1].1)];
        assert!(matches!(Keyring::of(&swapped), Err(SignatureFault::Key { .. })));
    }
}
