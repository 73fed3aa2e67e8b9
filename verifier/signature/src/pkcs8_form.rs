//! Private keys as encrypted PKCS#8 (RFC 5958) in PEM, with the role as an attribute.
//!
//! The role stands inside of what is encrypted, so that nobody changes it without the passphrase: an attribute
//! `description` (X.520, 2.5.4.13) with the text `twinbuild-key role=ROLE`. OpenSSL reads over attributes.

use der::asn1::{ObjectIdentifier, OctetStringRef, SetOfVec, Utf8StringRef};
use der::pem::LineEnding;
use der::{Decode as _, Encode as _, Sequence};
use pkcs8::pkcs5::pbes2;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncodePrivateKey as _, EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::label::{Label, pem_block};
use crate::private_key::Secret;
use crate::{KeyError, Passphrase, PrivateKey, Role, Sign as _};

const PEM_LABEL: &str = "ENCRYPTED PRIVATE KEY";
const DESCRIPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.13");
const ROLE_IS: &str = "twinbuild-key role=";

/// As hard as N = 2^17, p = 1, and with 16 MiB still below the 32 MiB that OpenSSL grants scrypt.
const SCRYPT_N: u64 = 1 << 14;
const SCRYPT_R: u16 = 8;
const SCRYPT_P: u16 = 5;
/// What a file may ask for at most: 128 MiB of memory, ten times the time of our own, and PBKDF2 of some seconds.
const SCRYPT_MEMORY_BYTES: u64 = 128 << 20;
const SCRYPT_WORK_BYTES: u64 = 1 << 30;
const PBKDF2_ITERATIONS: u32 = 10_000_000;

/// `OneAsymmetricKey` of RFC 5958 section 2, version 1: OpenSSL 3 reads no other.
#[derive(Sequence)]
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: AlgorithmIdentifierRef<'a>,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    attributes: Option<SetOfVec<Attribute<'a>>>,
}

/// `Attribute` of RFC 5958 section 2, with the one type of value that is written here.
#[derive(Sequence, Clone, PartialEq, Eq)]
struct Attribute<'a> {
    kind: ObjectIdentifier,
    values: SetOfVec<Utf8StringRef<'a>>,
}

impl der::DerOrd for Attribute<'_> {
    fn der_cmp(&self, other: &Self) -> der::Result<std::cmp::Ordering> {
        self.kind.der_cmp(&other.kind)
    }
}

pub(crate) fn write(key: &PrivateKey, passphrase: &Passphrase) -> Result<String, KeyError> {
    let unsupported = |reason: String| KeyError::Unsupported { reason };
    let plain = plain_der(key).map_err(|error| unsupported(error.to_string()))?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| KeyError::Randomness { reason: error.to_string() })?;
    let (salt, initialization) = random.split_at(16);
    let mut iv = [0; 16];
    iv.copy_from_slice(initialization);
    let parameters = pbes2::Parameters {
        kdf: pbes2::Kdf::Scrypt(pbes2::ScryptParams {
            salt: pbes2::Salt::new(salt).map_err(|error| unsupported(error.to_string()))?,
            cost_parameter: SCRYPT_N,
            block_size: SCRYPT_R,
            parallelization: SCRYPT_P,
            key_length: None,
        }),
        encryption: pbes2::EncryptionScheme::Aes256Cbc { iv },
    };
    let encrypted =
        parameters.encrypt(passphrase.as_bytes(), &plain).map_err(|error| unsupported(error.to_string()))?;
    let block = OctetStringRef::new(&encrypted)
        .and_then(|encrypted_data| {
            EncryptedPrivateKeyInfoRef { encryption_algorithm: parameters.into(), encrypted_data }.to_der()
        })
        .map_err(|error| unsupported(error.to_string()))?;
    with_label(&Label::of(key.public_key()).sealed(&block), &block)
}

fn with_label(label: &Label, block: &[u8]) -> Result<String, KeyError> {
    let pem = der::pem::encode_string(PEM_LABEL, LineEnding::LF, block)
        .map_err(|error| KeyError::Unsupported { reason: error.to_string() })?;
    Ok(format!("{label}\n{pem}"))
}

fn plain_der(key: &PrivateKey) -> pkcs8::Result<Zeroizing<Vec<u8>>> {
    let document = match &key.secret {
        Secret::Ed25519(key) => {
            ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_der()
        }
        Secret::P256(key) => p256::SecretKey::from(key.as_nonzero_scalar()).to_pkcs8_der(),
    }?;
    let info = document.decode_msg::<PrivateKeyInfoRef<'_>>()?;
    let description = format!("{ROLE_IS}{}", key.public_key().role());
    let mut values = SetOfVec::new();
    values.insert(Utf8StringRef::new(&description)?)?;
    let mut attributes = SetOfVec::new();
    attributes.insert(Attribute { kind: DESCRIPTION, values })?;
    let with_role = PrivateKeyInfo {
        version: 0,
        algorithm: info.algorithm,
        private_key: info.private_key,
        attributes: Some(attributes),
    };
    Ok(Zeroizing::new(with_role.to_der()?))
}

pub(crate) fn read(text: &str, passphrase: &Passphrase) -> Result<PrivateKey, KeyError> {
    let (label, pem) = Label::split(text)?;
    let block = pem_block(pem, PEM_LABEL)?;
    let label = label.ok_or(KeyError::NoRole)?;
    if label != label.sealed(&block) || with_label(&label, &block)? != text {
        return Err(KeyError::Damaged {
            reason: "its bytes are not those of which the first line has the digest".to_owned(),
        });
    }
    let plain = decrypt(&block, passphrase)?;
    let role = role_of(&plain)?.ok_or(KeyError::NoRole)?;
    let key = PrivateKey::new(secret_of(&plain)?, role)?;
    label.check(key.public_key())?;
    Ok(key)
}

pub(crate) fn import(text: &str, passphrase: &Passphrase, role: Role) -> Result<PrivateKey, KeyError> {
    let (_, pem) = Label::split(text)?;
    let plain = decrypt(&pem_block(pem, PEM_LABEL)?, passphrase)?;
    let key = PrivateKey::new(secret_of(&plain)?, role_of(&plain)?.unwrap_or(role))?;
    key.public_key().require(role)?;
    Ok(key)
}

fn decrypt(block: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::from_der(block)
        .map_err(|error| KeyError::Encryption { found: error.to_string() })?;
    let parameters =
        info.encryption_algorithm.pbes2().ok_or_else(|| KeyError::Encryption { found: "PBES1".to_owned() })?;
    check_cost(parameters)?;
    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let length = match parameters.decrypt_in_place(passphrase.as_bytes(), &mut buffer) {
        Ok(plain) => plain.len(),
        Err(pkcs8::pkcs5::Error::DecryptFailed) => return Err(KeyError::WrongPassphrase),
        Err(error) => return Err(KeyError::Encryption { found: error.to_string() }),
    };
    buffer.truncate(length);
    // Of 256 wrong passphrases one leaves something that ends like a key.
    let is_key = PrivateKeyInfoRef::from_der(&buffer).is_ok();
    if is_key { Ok(buffer) } else { Err(KeyError::WrongPassphrase) }
}

/// Bounds what deriving the key costs: a file says how often and with how much memory.
fn check_cost(parameters: &pbes2::Parameters) -> Result<(), KeyError> {
    let found = match &parameters.kdf {
        pbes2::Kdf::Scrypt(scrypt) => {
            let (n, r, p) = (scrypt.cost_parameter, scrypt.block_size, scrypt.parallelization);
            let memory = n.checked_mul(128).and_then(|bytes| bytes.checked_mul(r.into()));
            let work = memory.and_then(|bytes| bytes.checked_mul(p.into()));
            if n.is_power_of_two()
                && n > 1
                && memory.is_some_and(|bytes| bytes <= SCRYPT_MEMORY_BYTES)
                && work.is_some_and(|bytes| bytes <= SCRYPT_WORK_BYTES)
            {
                return Ok(());
            }
            format!("scrypt with N = {n}, r = {r} and p = {p}")
        }
        pbes2::Kdf::Pbkdf2(pbkdf2) if (1..=PBKDF2_ITERATIONS).contains(&pbkdf2.iteration_count) => return Ok(()),
        pbes2::Kdf::Pbkdf2(pbkdf2) => format!("PBKDF2 with {} iterations", pbkdf2.iteration_count),
        other => format!("{}", other.oid()),
    };
    Err(KeyError::Encryption { found })
}

/// The role that the attribute names. Keys of other programs have none.
fn role_of(plain: &[u8]) -> Result<Option<Role>, KeyError> {
    let Ok(PrivateKeyInfo { attributes: Some(attributes), .. }) = PrivateKeyInfo::from_der(plain) else {
        return Ok(None);
    };
    let described = attributes.iter().find(|attribute| attribute.kind == DESCRIPTION);
    let Some(name) = described.and_then(|attribute| attribute.values.get(0)?.as_str().strip_prefix(ROLE_IS)) else {
        return Ok(None);
    };
    Role::named(name).map(Some).ok_or_else(|| KeyError::Damaged { reason: format!("its role is {name:?}") })
}

fn secret_of(plain: &[u8]) -> Result<Secret, KeyError> {
    let info = PrivateKeyInfoRef::from_der(plain).map_err(|error| KeyError::Damaged { reason: error.to_string() })?;
    let unsupported = |error: pkcs8::Error| KeyError::Unsupported { reason: error.to_string() };
    match info.algorithm.oid {
        ed25519_dalek::pkcs8::ALGORITHM_OID => {
            ed25519_dalek::SigningKey::try_from(info).map(Secret::Ed25519).map_err(unsupported)
        }
        _ => p256::ecdsa::SigningKey::try_from(info).map(Secret::P256).map_err(unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyKind;

    #[test]
    fn who_writes_another_role_and_its_digest_above_a_key_is_found_out() {
        let passphrase = Passphrase::new("correct horse").unwrap();
        let key = PrivateKey::generate(KeyKind::Ed25519, Role::Verdict).unwrap();
        let text = write(&key, &passphrase).unwrap();
        let (label, pem) = Label::split(&text).unwrap();
        let block = pem_block(pem, PEM_LABEL).unwrap();
        let other = Label { role: Role::Log, ..label.unwrap() }.sealed(&block);
        let error = read(&with_label(&other, &block).unwrap(), &passphrase).unwrap_err();
        assert!(matches!(&error, KeyError::Damaged { reason } if reason.contains("log")), "{error}");
    }

    #[test]
    fn a_file_cannot_ask_for_any_amount_of_work() {
        let parameters =
            |kdf| pbes2::Parameters { kdf, encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] } };
        let salt = pbes2::Salt::new([0; 16]).unwrap();
        let scrypt = |cost_parameter, block_size, parallelization| {
            let kdf = pbes2::ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None };
            check_cost(&parameters(pbes2::Kdf::Scrypt(kdf)))
        };
        assert_eq!(scrypt(SCRYPT_N, SCRYPT_R, SCRYPT_P), Ok(()));
        assert_eq!(scrypt(1 << 17, 8, 1), Ok(()));
        for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (1 << 18, 8, 1), (1 << 14, 8, 100), (1 << 63, 65535, 65535)]
        {
            assert!(matches!(scrypt(n, r, p), Err(KeyError::Encryption { .. })), "{n} {r} {p}");
        }
        for (iterations, is_taken) in [(0, false), (2048, true), (PBKDF2_ITERATIONS + 1, false)] {
            let kdf = pbes2::Pbkdf2Params::hmac_sha256(iterations, &[0; 16]).unwrap();
            assert_eq!(check_cost(&parameters(pbes2::Kdf::Pbkdf2(kdf))).is_ok(), is_taken, "{iterations}");
        }
    }
}
