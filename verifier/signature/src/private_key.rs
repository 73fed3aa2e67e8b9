//! Private keys in memory.

use std::fmt;

use p256::ecdsa::signature::Signer as _;
use zeroize::Zeroizing;

use crate::{KeyError, KeyKind, Passphrase, PublicKey, Role, Sign, SignError, Signature, pkcs8_form};

/// A private key and what it is for. It is overwritten in memory when it is dropped, and leaves memory encrypted only.
pub struct PrivateKey {
    pub(crate) secret: Secret,
    public: PublicKey,
}

/// The secret of a key; both types overwrite theirs when they are dropped.
pub(crate) enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl PrivateKey {
    /// A new key, from random bytes of the operating system.
    ///
    /// # Errors
    /// [`KeyError::Randomness`]; [`KeyError::KindForRole`].
    pub fn generate(kind: KeyKind, role: Role) -> Result<Self, KeyError> {
        kind.allow(role)?;
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            getrandom::fill(bytes.as_mut_slice())
                .map_err(|error| KeyError::Randomness { reason: error.to_string() })?;
            match kind {
                KeyKind::Ed25519 => {
                    return Self::new(Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes)), role);
                }
                // Zero and numbers beyond the group's order are no keys: one of 2^32 tries.
                KeyKind::P256 => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(bytes.as_slice()) {
                        return Self::new(Secret::P256(key), role);
                    }
                }
            }
        }
    }

    pub(crate) fn new(secret: Secret, role: Role) -> Result<Self, KeyError> {
        let public = match &secret {
            Secret::Ed25519(key) => PublicKey::of_ed25519(key.verifying_key(), role),
            Secret::P256(key) => PublicKey::of_p256(*key.verifying_key(), role),
        }?;
        Ok(Self { secret, public })
    }

    /// The key as text: a line that names kind, role and id, and a PEM block `ENCRYPTED PRIVATE KEY` (RFC 5958, RFC
    /// 7468 section 11) under PBES2 with scrypt (N = 2^14, r = 8, p = 5) and AES-256-CBC. The role is an attribute
    /// inside of what is encrypted. Salt and initialization vector are new each time.
    ///
    /// # Errors
    /// [`KeyError::Randomness`]; [`KeyError::Unsupported`] if it cannot be encoded, which does not happen with a key
    /// that was read or made here.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase) -> Result<String, KeyError> {
        pkcs8_form::write(self, passphrase)
    }

    /// Reads what [`to_encrypted_pem`](Self::to_encrypted_pem) wrote; not one byte of it may differ.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`]; [`KeyError::Damaged`]; [`KeyError::Unencrypted`]; [`KeyError::NoRole`] for a key
    /// of another program; [`KeyError::NoKey`], [`KeyError::Encryption`], [`KeyError::Unsupported`].
    pub fn from_encrypted_pem(text: &str, passphrase: &Passphrase) -> Result<Self, KeyError> {
        pkcs8_form::read(text, passphrase)
    }

    /// Reads a key that another program encrypted (PKCS#8, PBES2 with scrypt or PBKDF2 and AES-CBC), and gives it a
    /// role. Without the first line nothing tells a damaged key from a wrong passphrase.
    ///
    /// # Errors
    /// As for [`from_encrypted_pem`](Self::from_encrypted_pem); [`KeyError::WrongRole`] if it has another role already;
    /// [`KeyError::KindForRole`].
    pub fn import(text: &str, passphrase: &Passphrase, role: Role) -> Result<Self, KeyError> {
        pkcs8_form::import(text, passphrase, role)
    }
}

impl Sign for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let failed = |error: p256::ecdsa::Error| SignError::Failed { reason: error.to_string() };
        Ok(Signature::new(match &self.secret {
            Secret::Ed25519(key) => key.try_sign(message).map_err(failed)?.to_bytes().to_vec(),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                signature.normalize_s().to_der().as_bytes().to_vec()
            }
        }))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} {} {})", self.public.role(), self.public.kind(), self.public.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    fn ed25519(secret: &str) -> PrivateKey {
        let secret: [u8; 32] = bytes(secret).try_into().unwrap();
        PrivateKey::new(Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(&secret)), Role::Verdict).unwrap()
    }

    /// RFC 8032 section 7.1, tests 1 to 3: secret, public key, message, signature.
    const RFC_8032: [[&str; 4]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];

    #[test]
    fn ed25519_signs_and_verifies_as_rfc_8032_has_it() {
        for [secret, public, message, signature] in RFC_8032 {
            let key = ed25519(secret);
            assert_eq!(key.public_key().as_ed25519().unwrap().as_slice(), bytes(public));
            assert_eq!(key.sign(&bytes(message)).unwrap().as_bytes(), bytes(signature));
            key.public_key().verify(&bytes(message), &bytes(signature)).unwrap();
            assert!(key.public_key().verify(b"other", &bytes(signature)).is_err());
        }
    }

    #[test]
    fn a_second_encoding_of_an_ed25519_signature_is_refused() {
        // The order of the group (RFC 8032 section 5.1), little-endian: S + L is the same scalar.
        let order = bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let [_, public, message, signature] = RFC_8032[1];
        let mut other = bytes(signature);
        let mut carry = 0;
        for (byte, add) in other[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        let key = PublicKey::from_ed25519(&bytes(public).try_into().unwrap(), Role::Verdict).unwrap();
        assert!(key.verify(&bytes(message), &bytes(signature)).is_ok());
        assert!(key.verify(&bytes(message), &other).is_err());
        for length in [0, 63, 65] {
            assert!(key.verify(&bytes(message), &[bytes(signature), vec![0; 2]].concat()[..length]).is_err());
        }
    }

    #[test]
    fn points_of_small_order_are_no_keys() {
        let identity = std::array::from_fn(|i| u8::from(i == 0));
        for point in [[0; 32], identity] {
            assert!(matches!(PublicKey::from_ed25519(&point, Role::Log), Err(KeyError::Unsupported { .. })));
        }
    }

    /// RFC 6979 appendix A.2.5, SHA-256: message, r, s. The first has the higher `s`.
    const RFC_6979: [[&str; 3]; 2] = [
        [
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ],
        [
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ],
    ];

    #[test]
    fn p256_signs_and_verifies_as_rfc_6979_has_it_with_the_lower_s() {
        let secret = bytes("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
        let secret = p256::ecdsa::SigningKey::from_slice(&secret).unwrap();
        let key = PrivateKey::new(Secret::P256(secret), Role::Verdict).unwrap();
        for [message, r, s] in RFC_6979 {
            let vector = p256::ecdsa::Signature::from_slice(&bytes(&format!("{r}{s}"))).unwrap();
            key.public_key().verify(message.as_bytes(), vector.to_der().as_bytes()).unwrap();
            let lower = vector.normalize_s();
            assert_eq!(lower == vector, message == "test");
            assert_eq!(key.sign(message.as_bytes()).unwrap().as_bytes(), lower.to_der().as_bytes());
            let adopted = key.public_key().adopt(message.as_bytes(), vector.to_der().as_bytes()).unwrap();
            assert_eq!(adopted.as_bytes(), lower.to_der().as_bytes());
            // Without DER it is another form of the same signature, and not taken.
            assert!(key.public_key().verify(message.as_bytes(), &vector.to_bytes()).is_err());
        }
    }

    #[test]
    fn roles_but_that_of_verdicts_have_ed25519_keys_only() {
        for role in [Role::Log, Role::Witness, Role::Worker] {
            let refused = PrivateKey::generate(KeyKind::P256, role).unwrap_err();
            assert_eq!(refused, KeyError::KindForRole { kind: KeyKind::P256, role });
        }
    }

    #[test]
    fn what_is_printed_of_a_key_is_public() {
        let key = ed25519(RFC_8032[0][0]);
        let printed = format!("{key:?}");
        assert_eq!(printed, format!("PrivateKey(verdict ed25519 {})", key.public_key().id()));
        assert_eq!(format!("{:?}", Passphrase::new("secret").unwrap()), "Passphrase(..)");
    }
}
