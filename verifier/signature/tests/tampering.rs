//! One flipped bit, anywhere, in whatever was signed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use twinbuild_signature::{
    Bundle, Envelope, KeyKind, Note, PayloadType, PrivateKey, PublicKey, Role, Rotation, Sign as _, VerifierKey,
};

/// Calls `is_refused` with each text that differs from `text` in one bit.
fn flip(text: &str, is_refused: impl Fn(&[u8]) -> bool) {
    let mut bytes = text.as_bytes().to_vec();
    assert!(!is_refused(&bytes), "what was not changed is not refused");
    for index in 0..bytes.len() {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            assert!(is_refused(&bytes), "bit {bit} of byte {index}: {}", String::from_utf8_lossy(&bytes));
            bytes[index] ^= 1 << bit;
        }
    }
}

fn public(key: &PrivateKey) -> PublicKey {
    key.public_key().clone()
}

#[test]
fn in_an_envelope_and_a_bundle() {
    for kind in [KeyKind::Ed25519, KeyKind::P256] {
        let key = PrivateKey::generate(kind, Role::Verdict).unwrap();
        let keys = [public(&key)];
        let payload = br#"{"_type":"https://in-toto.io/Statement/v1"}"#.to_vec();
        let envelope = Envelope::sign(PayloadType::Statement, payload, &[&key]).unwrap();
        flip(&envelope.to_json(), |json| !Envelope::parse(json).is_ok_and(|envelope| envelope.verify(&keys).is_ok()));
        let bundle = Bundle::new(envelope, key.public_key()).unwrap();
        flip(&bundle.to_json(), |json| !Bundle::parse(json).is_ok_and(|bundle| bundle.verify(&keys).is_ok()));
    }
}

#[test]
fn in_a_note() {
    let log = PrivateKey::generate(KeyKind::Ed25519, Role::Log).unwrap();
    let witness = PrivateKey::generate(KeyKind::Ed25519, Role::Witness).unwrap();
    let mut note = Note::new("log.example\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".to_owned()).unwrap();
    note.sign("log.example".parse().unwrap(), &log).unwrap();
    let keys = [
        VerifierKey::new("log.example".parse().unwrap(), log.public_key()).unwrap(),
        VerifierKey::new("w".parse().unwrap(), witness.public_key()).unwrap(),
    ];
    let signers = |bytes: &[u8]| Note::parse(bytes).ok().and_then(|note| Some(note.verify(&keys).ok()?.signers.len()));
    flip(&note.to_string(), |bytes| signers(bytes).is_none());
    // A line whose name or number changed is of an unknown key: what is left has one signer less.
    note.cosign("w".parse().unwrap(), &witness, 1_679_315_147).unwrap();
    flip(&note.to_string(), |bytes| signers(bytes) != Some(2));
}

#[test]
fn in_a_verifier_key() {
    let log = PrivateKey::generate(KeyKind::Ed25519, Role::Log).unwrap();
    let key = VerifierKey::new("log.example".parse().unwrap(), log.public_key()).unwrap();
    // A flipped type is of a key to come; such a key verifies nothing.
    flip(&key.to_string(), |bytes| {
        let key = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<VerifierKey>().ok());
        key.is_none_or(|key| key.public_key().is_none())
    });
}

#[test]
fn in_a_rotation() {
    let key = || PrivateKey::generate(KeyKind::Ed25519, Role::Witness).unwrap();
    let (old, new) = (key(), key());
    let rotation = Rotation::sign(&old, public(&new), "2026-11-25T12:00:00Z".parse().unwrap()).unwrap();
    flip(&rotation.to_json(), |json| {
        !Envelope::parse(json).is_ok_and(|envelope| Rotation::verify(&envelope, old.public_key()).is_ok())
    });
}

#[test]
fn in_a_public_key() {
    for kind in [KeyKind::Ed25519, KeyKind::P256] {
        let key = PrivateKey::generate(kind, Role::Verdict).unwrap();
        // Where a line cannot be told from one of another program, its role and id go unsaid, and the key is the same.
        flip(&key.public_key().to_pem().unwrap(), |bytes| {
            let read = std::str::from_utf8(bytes).ok().and_then(|text| PublicKey::from_pem(text, Role::Verdict).ok());
            let is_labelled = bytes.starts_with(b"twinbuild-key ");
            read.is_none_or(|read| !is_labelled && read == *key.public_key())
        });
    }
}
