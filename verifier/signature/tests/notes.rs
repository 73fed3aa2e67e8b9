//! Signed notes and cosignatures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use twinbuild_signature::{
    KeyError, KeyKind, KeyName, Note, NoteError, PrivateKey, Role, Sign as _, SignatureType, VerifierKey,
    VerifierKeyError,
};

/// The example of signed-note 1.0.0, "Verifier keys".
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

const CHECKPOINT: &str = "log.example/verdicts\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn name(name: &str) -> KeyName {
    name.parse().unwrap()
}

fn key(role: Role) -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, role).unwrap()
}

fn vkey(text: &str, key: &PrivateKey) -> VerifierKey {
    VerifierKey::new(name(text), key.public_key()).unwrap()
}

fn checkpoint() -> Note {
    Note::new(CHECKPOINT.to_owned()).unwrap()
}

#[test]
fn the_example_of_the_specification_holds() {
    let key: VerifierKey = VKEY.parse().unwrap();
    assert_eq!(key.signature_type(), SignatureType::Ed25519);
    assert_eq!(key.to_string(), VKEY);
    assert_eq!(key.public_key().unwrap().role(), Role::Log);
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), NOTE);
    let keys = [key];
    let verified = note.verify(&keys).unwrap();
    assert_eq!(verified.text, "This is an example message.\n");
    assert_eq!(verified.signers[0].key.name().as_str(), "example.com/foo");
    assert_eq!(verified.signers[0].time_secs, None);
}

#[test]
fn the_other_examples_are_read_and_written_as_they_are() {
    // The first of signed-note, with empty lines in the text, and the one of tlog-cosignature.
    for text in [
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\u{2014} \
         quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3Ze\
         kRwNtIc=\n",
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} \
         example.com/behind-the-sofa \
         Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u{2014} \
         witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mb\
         IUBkBIfZ+qnA==\n",
    ] {
        let note = Note::parse(text.as_bytes()).unwrap();
        assert_eq!(note.to_string(), text);
        assert!(matches!(note.verify(&[VKEY.parse().unwrap()]), Err(NoteError::NotVerified { .. })));
    }
}

#[test]
fn a_log_signs_and_witnesses_cosign() {
    let (log, witness, other) = (key(Role::Log), key(Role::Witness), key(Role::Witness));
    let mut note = checkpoint();
    note.sign(name("log.example/verdicts"), &log).unwrap();
    let line = note.cosign(name("witness.example/w1"), &witness, 1_679_315_147).unwrap().to_string();
    assert!(line.starts_with("\u{2014} witness.example/w1 "), "{line}");
    note.cosign(name("witness.example/w2"), &other, 1_700_000_000).unwrap();

    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read, note);
    let keys = [vkey("log.example/verdicts", &log), vkey("witness.example/w1", &witness)];
    let signers = read.verify(&keys).unwrap().signers;
    let named: Vec<_> = signers.iter().map(|signer| (signer.key.name().as_str(), signer.time_secs)).collect();
    assert_eq!(named, [("log.example/verdicts", None), ("witness.example/w1", Some(1_679_315_147))]);

    // A log adds the line that a witness answered with.
    let mut of_log = checkpoint();
    of_log.sign(name("log.example/verdicts"), &log).unwrap();
    of_log.add(line.parse().unwrap()).unwrap();
    assert_eq!(of_log.verify(&keys).unwrap().signers, signers);
}

#[test]
fn a_key_that_signs_twice_counts_once_with_its_latest_time() {
    let witness = key(Role::Witness);
    let mut note = checkpoint();
    for time in [5, 9, 7] {
        note.cosign(name("w"), &witness, time).unwrap();
    }
    let keys = [vkey("w", &witness)];
    let signers = note.verify(&keys).unwrap().signers;
    assert_eq!(signers.len(), 1);
    assert_eq!(signers[0].time_secs, Some(9));
}

#[test]
fn the_message_of_a_cosignature_is_that_of_the_specification() {
    let witness = key(Role::Witness);
    let mut note = checkpoint();
    let line = note.cosign(name("w"), &witness, 1_679_315_147).unwrap().to_string();
    let decoded = {
        use base64ct::Encoding as _;
        base64ct::Base64::decode_vec(line.rsplit(' ').next().unwrap()).unwrap()
    };
    assert_eq!(decoded.len(), 4 + 8 + 64);
    assert_eq!(decoded[4..12], 1_679_315_147_u64.to_be_bytes());
    let message = format!("cosignature/v1\ntime 1679315147\n{CHECKPOINT}");
    witness.public_key().verify(message.as_bytes(), &decoded[12..]).unwrap();
}

#[test]
fn a_key_signs_nothing_of_another_role() {
    let (verdict, log, witness) = (key(Role::Verdict), key(Role::Log), key(Role::Witness));
    let mut note = checkpoint();
    for other in [&verdict, &witness] {
        let error = note.sign(name("log.example/verdicts"), other).unwrap_err();
        assert!(matches!(error, NoteError::Key(KeyError::WrongRole { expected: Role::Log, .. })), "{error}");
    }
    for other in [&verdict, &log] {
        let error = note.cosign(name("w"), other, 1).unwrap_err();
        assert!(matches!(error, NoteError::Key(KeyError::WrongRole { expected: Role::Witness, .. })), "{error}");
    }
    let error = VerifierKey::new(name("v"), verdict.public_key()).unwrap_err();
    assert_eq!(error, VerifierKeyError::Verdict { id: verdict.public_key().id() });
    let error = note.sign(name("other.example"), &log).unwrap_err();
    assert!(matches!(&error, NoteError::Origin { found, .. } if found == "log.example/verdicts"), "{error}");
    assert!(matches!(note.cosign(name("w"), &witness, 1 << 63), Err(NoteError::Time { .. })));
    assert!(note.signatures().is_empty());
}

#[test]
fn one_public_key_has_other_numbers_as_a_log_and_as_a_witness() {
    let log = key(Role::Log);
    let bytes = log.public_key().as_ed25519().unwrap();
    let witness = twinbuild_signature::PublicKey::from_ed25519(bytes, Role::Witness).unwrap();
    let as_log = vkey("log.example/verdicts", &log);
    let as_witness = VerifierKey::new(name("log.example/verdicts"), &witness).unwrap();
    assert_ne!(as_log.hash(), as_witness.hash());
    let mut note = checkpoint();
    note.sign(name("log.example/verdicts"), &log).unwrap();
    assert!(matches!(note.verify(&[as_witness]), Err(NoteError::NotVerified { .. })));
}

#[test]
fn signatures_of_unknown_keys_and_types_are_passed_over_and_kept() {
    let log = key(Role::Log);
    let mut note = checkpoint();
    note.sign(name("log.example/verdicts"), &log).unwrap();
    // Of a type to come (ML-DSA-44, 0x06), of 2428 bytes.
    let unknown: VerifierKey = "witness.example/pq+0a0b0c0d+BgEC".parse().unwrap();
    assert_eq!(unknown.signature_type(), SignatureType::Other(0x06));
    assert_eq!(unknown.to_string(), "witness.example/pq+0a0b0c0d+BgEC");
    assert!(unknown.public_key().is_none());
    let line = format!("\u{2014} witness.example/pq CgsMDQ{}==", "A".repeat(3240));
    note.add(line.parse().unwrap()).unwrap();
    // Same name, other number; same number, other name.
    let signed = note.signatures()[0].to_string();
    note.add(signed.replace("verdicts", "others").parse().unwrap()).unwrap();
    note.add("\u{2014} log.example/verdicts AAAAAAAA".parse().unwrap()).unwrap();

    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read.to_string(), note.to_string());
    let keys = [unknown.clone(), vkey("log.example/verdicts", &log)];
    assert_eq!(read.verify(&keys).unwrap().signers.len(), 1);
    assert!(matches!(read.verify(&[unknown]), Err(NoteError::NotVerified { signatures: 4, keys: 1 })));
}

#[test]
fn a_false_signature_of_a_known_key_condemns_the_note() {
    let (log, witness) = (key(Role::Log), key(Role::Witness));
    let mut note = checkpoint();
    note.sign(name("log.example/verdicts"), &log).unwrap();
    let mut other = Note::new(CHECKPOINT.replace("20852163", "20852164")).unwrap();
    let line = other.cosign(name("w"), &witness, 1).unwrap().clone();
    note.add(line).unwrap();
    let keys = [vkey("log.example/verdicts", &log), vkey("w", &witness)];
    let error = note.verify(&keys).unwrap_err();
    assert!(matches!(&error, NoteError::BadSignature { name, .. } if name.as_str() == "w"), "{error}");
    assert!(note.verify(&keys[..1]).is_ok());
}

#[test]
fn what_is_no_note_is_refused_by_name() {
    let line = NOTE.split("\n\n").nth(1).unwrap();
    let refused = |text: &str| Note::parse(text.as_bytes()).unwrap_err();
    for text in ["", "text\n", "text\n\n", "\n", "\n\n", "text", &NOTE[..NOTE.len() - 1], &format!("text\n{line}")] {
        let error = refused(text);
        assert!(matches!(error, NoteError::Unsigned | NoteError::Line { .. }), "{text:?}: {error}");
    }
    let dash = '\u{2014}';
    for signature in [
        "- n AAAAAAAA",
        "n AAAAAAAA",
        &format!("{dash}n AAAAAAAA"),
        &format!("{dash} n"),
        &format!("{dash} n AAAA"),
        &format!("{dash} n AAAAAA=="),
        &format!("{dash} n AAAAAAAA "),
        &format!("{dash} n  AAAAAAAA"),
        &format!("{dash} n AAAAAAA"),
        &format!("{dash} n AAAAAAB="),
        &format!(" {dash} n AAAAAAAA"),
    ] {
        let error = refused(&format!("text\n\n{signature}\n"));
        assert!(matches!(error, NoteError::Line { .. }), "{signature:?}: {error}");
    }
    for bad in ["", "a+b", "a\u{a0}b", "a\u{2003}b", "a\u{85}b"] {
        let error = refused(&format!("text\n\n{dash} {bad} AAAAAAAA\n"));
        assert!(
            matches!(error, NoteError::VerifierKey(VerifierKeyError::Name { .. }) | NoteError::Line { .. }),
            "{error}"
        );
    }
    for control in ['\r', '\t', '\0', '\u{1b}'] {
        let error = refused(&NOTE.replacen(' ', &control.to_string(), 1));
        let expected = u32::from(control);
        assert!(matches!(error, NoteError::Control { character, offset: 4 } if character == expected), "{error}");
        assert!(matches!(Note::new(format!("a{control}\n")), Err(NoteError::Control { .. })));
    }
    assert!(matches!(Note::parse(b"text\xff\n\n"), Err(NoteError::Encoding { offset: 4 })));
    assert!(matches!(Note::new("text".to_owned()), Err(NoteError::Unterminated)));
    let many = format!("text\n\n{}", format!("{line}\n").repeat(101).replace("\n\n", "\n"));
    assert!(matches!(refused(&many), NoteError::TooManySignatures { count: 101, limit: 100 }));
    let sixteen = format!("text\n\n{}", line.repeat(16));
    assert_eq!(Note::parse(sixteen.as_bytes()).unwrap().signatures().len(), 16);
    assert!(matches!(refused(&"x".repeat((1 << 20) + 1)), NoteError::TooLarge { .. }));
}

#[test]
fn what_is_no_verifier_key_is_refused_by_name() {
    for text in [
        "",
        "a",
        "a+530d903a",
        "a++AQ==",
        "a+530D903A+AQ==",
        "a+530d903+AQ==",
        "a+530d903a+",
        "a+530d903a+AQ",
        "a+530d903a+AQ==",
        "a+0530d903a+AQ==",
        "a++30d903a+AQ==",
        &VKEY[..VKEY.len() - 4],
        &format!("{VKEY}\n"),
    ] {
        let error = text.parse::<VerifierKey>().unwrap_err();
        assert!(matches!(error, VerifierKeyError::Form { .. }), "{text:?}: {error}");
    }
    let error = VKEY.replace("530d903a", "530d903b").parse::<VerifierKey>().unwrap_err();
    assert!(matches!(error, VerifierKeyError::Hash { .. }), "{error}");
    for bad in ["", "a b", "a\u{3000}b", "a\u{7}b"] {
        let text = VKEY.replace("example.com/foo", bad);
        assert!(matches!(text.parse::<VerifierKey>(), Err(VerifierKeyError::Name { .. })), "{bad:?}");
    }
}
