//! What is true of every input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::sync::LazyLock;

use proptest::prelude::*;
use twinbuild_signature::{
    Bundle, Envelope, KeyKind, Note, Passphrase, PayloadType, PrivateKey, PublicKey, Role, Sign as _, VerifierKey,
};

static KEYS: LazyLock<[PrivateKey; 3]> = LazyLock::new(|| {
    [(KeyKind::Ed25519, Role::Verdict), (KeyKind::P256, Role::Verdict), (KeyKind::Ed25519, Role::Log)]
        .map(|(kind, role)| PrivateKey::generate(kind, role).unwrap())
});

fn read_everything(bytes: &[u8]) {
    let keys = [KEYS[0].public_key().clone(), KEYS[1].public_key().clone()];
    if let Ok(envelope) = Envelope::parse(bytes) {
        assert!(envelope.verify(&keys).is_err(), "nobody signed this");
        assert_eq!(Envelope::parse(envelope.to_json().as_bytes()).unwrap(), envelope);
    }
    if let Ok(bundle) = Bundle::parse(bytes) {
        assert!(bundle.verify(&keys).is_err(), "nobody signed this");
        assert_eq!(Bundle::parse(bundle.to_json().as_bytes()).unwrap(), bundle);
    }
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    // Without work: what is not ours is refused before a passphrase is tried.
    let _ = PrivateKey::from_encrypted_pem(text, &Passphrase::new("x").unwrap());
    let _ = PublicKey::from_pem(text, Role::Verdict);
}

/// Text that is nearly one of the formats.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let envelope =
        r#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAAA","keyid":""}]}"#;
    let material = r#"{"publicKey":{"hint":"AAAA"},"tlogEntries":[]}"#;
    let bundle = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{material},"dsseEnvelope":{envelope}}}"#
    );
    let seeds = [
        envelope.to_owned(),
        bundle,
        "text\n\n\u{2014} name AAAAAAAAAAAA\n".to_owned(),
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".to_owned(),
        KEYS[0].public_key().to_pem().unwrap(),
        KEYS[1].public_key().to_pem().unwrap(),
    ];
    let seed = proptest::sample::select(seeds.to_vec());
    let change = (any::<prop::sample::Index>(), proptest::option::of(any::<u8>()), any::<bool>());
    (seed, prop::collection::vec(change, 0..4)).prop_map(|(seed, changes)| {
        let mut bytes = seed.into_bytes();
        for (index, byte, is_inserted) in changes {
            let index = index.index(bytes.len());
            match (byte, is_inserted) {
                (Some(byte), true) => bytes.insert(index, byte),
                (Some(byte), false) => bytes[index] = byte,
                (None, _) if bytes.len() > 1 => drop(bytes.remove(index)),
                (None, _) => {}
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn no_input_panics_and_what_is_read_is_written_again(bytes in nearly()) {
        read_everything(&bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        read_everything(&bytes);
    }

    #[test]
    fn every_payload_comes_back(payload in any::<Vec<u8>>(), which in 0..2_usize) {
        let key = &KEYS[which];
        let envelope = Envelope::sign(PayloadType::Statement, payload.clone(), &[key]).unwrap();
        let keys = [key.public_key().clone()];
        let read = Envelope::parse(envelope.to_json().as_bytes()).unwrap();
        prop_assert_eq!(read.verify(&keys).unwrap().payload, &payload);
        let bundle = Bundle::new(read, key.public_key()).unwrap();
        let read = Bundle::parse(bundle.to_json().as_bytes()).unwrap();
        prop_assert_eq!(read.verify(&keys).unwrap().payload, &payload);
    }

    #[test]
    fn every_text_of_a_note_comes_back(lines in prop::collection::vec("[^\\x00-\\x1f]{0,12}", 0..6)) {
        let text = format!("log.example\n{}", lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        let mut note = Note::new(text.clone()).unwrap();
        note.sign("log.example".parse().unwrap(), &KEYS[2]).unwrap();
        let keys = [VerifierKey::new("log.example".parse().unwrap(), KEYS[2].public_key()).unwrap()];
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.verify(&keys).unwrap().text, &text);
    }

    #[test]
    fn a_signature_is_of_one_message(message in any::<Vec<u8>>(), other in any::<Vec<u8>>(), which in 0..3_usize) {
        let key = &KEYS[which];
        let signature = key.sign(&message).unwrap();
        prop_assert_eq!(key.public_key().verify(&other, signature.as_bytes()).is_ok(), message == other);
    }
}
