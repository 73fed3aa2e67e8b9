//! Envelopes, bundles and rotations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use twinbuild_signature::{
    Bundle, BundleError, Envelope, EnvelopeError, JsonError, KeyError, KeyKind, PayloadType, PrivateKey, PublicKey,
    Role, Rotation, RotationError, Sign,
};

const PAYLOAD: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;

fn key(kind: KeyKind, role: Role) -> PrivateKey {
    PrivateKey::generate(kind, role).unwrap()
}

fn verdict() -> PrivateKey {
    key(KeyKind::Ed25519, Role::Verdict)
}

fn public(key: &PrivateKey) -> PublicKey {
    key.public_key().clone()
}

fn signed(keys: &[&PrivateKey]) -> Envelope {
    let keys: Vec<&dyn Sign> = keys.iter().map(|key| *key as &dyn Sign).collect();
    Envelope::sign(PayloadType::Statement, PAYLOAD.to_vec(), &keys).unwrap()
}

#[test]
fn an_envelope_is_read_and_gives_out_what_was_signed() {
    for kind in [KeyKind::Ed25519, KeyKind::P256] {
        let key = key(kind, Role::Verdict);
        let json = signed(&[&key]).to_json();
        assert!(json.starts_with(r#"{"payload":"eyJfdHlwZSI6Imh0"#), "{json}");
        assert!(json.contains(r#","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":""#), "{json}");
        assert!(json.ends_with(r#"","keyid":""}]}"#), "{json}");
        let read = Envelope::parse(json.as_bytes()).unwrap();
        assert_eq!(read, signed(&[&key]), "both kinds sign without randomness");
        let keys = [public(&verdict()), public(&key)];
        let verified = read.verify(&keys).unwrap();
        assert_eq!((verified.payload, verified.payload_type), (PAYLOAD, PayloadType::Statement));
        assert_eq!(verified.keys.into_iter().collect::<Vec<_>>(), [key.public_key().id()]);
    }
}

#[test]
fn without_a_signature_of_a_given_key_nothing_comes_out() {
    let envelope = signed(&[&verdict()]);
    assert!(matches!(envelope.verify(&[]), Err(EnvelopeError::NotVerified { signatures: 1, keys: 0 })));
    assert!(matches!(
        envelope.verify(&[public(&verdict())]),
        Err(EnvelopeError::NotVerified { signatures: 1, keys: 1 })
    ));
}

#[test]
fn keys_are_counted_and_not_signatures() {
    let (a, b) = (verdict(), key(KeyKind::P256, Role::Verdict));
    let envelope = signed(&[&a, &a, &b]);
    assert_eq!(envelope.signature_count(), 3);
    let keys = [public(&a), public(&b), public(&a)];
    assert_eq!(envelope.verify(&keys).unwrap().keys.len(), 2);
    assert_eq!(envelope.verify(&keys[..1]).unwrap().keys.len(), 1);
}

#[test]
fn statements_are_signed_and_verified_with_verdict_keys_only() {
    for role in [Role::Log, Role::Witness, Role::Worker] {
        let other = key(KeyKind::Ed25519, role);
        let error = Envelope::sign(PayloadType::Statement, PAYLOAD.to_vec(), &[&other]).unwrap_err();
        assert!(matches!(error, EnvelopeError::Key(KeyError::WrongRole { found, .. }) if found == role), "{error}");
        let error = signed(&[&verdict()]).verify(&[public(&other)]).unwrap_err();
        assert!(matches!(error, EnvelopeError::Key(KeyError::WrongRole { found, .. }) if found == role), "{error}");
    }
}

#[test]
fn what_a_worker_returns_is_no_statement_and_the_other_way_round() {
    let (verdict, worker) = (verdict(), key(KeyKind::Ed25519, Role::Worker));
    let result = Envelope::sign(PayloadType::WorkerResult, PAYLOAD.to_vec(), &[&worker]).unwrap();
    assert_eq!(result.verify(&[public(&worker)]).unwrap().payload_type, PayloadType::WorkerResult);
    assert!(matches!(result.verify(&[public(&verdict)]), Err(EnvelopeError::Key(KeyError::WrongRole { .. }))));
    let refused = Envelope::sign(PayloadType::WorkerResult, PAYLOAD.to_vec(), &[&verdict]);
    assert!(matches!(refused, Err(EnvelopeError::Key(KeyError::WrongRole { .. }))));
    let other = result.to_json().replace("twinbuild.worker-result", "in-toto");
    let other = Envelope::parse(other.as_bytes());
    assert!(other.is_err() || other.unwrap().verify(&[public(&worker)]).is_err());
}

#[test]
fn both_alphabets_of_base64_are_read_and_keyids_are_not() {
    let key = verdict();
    let payload = vec![0xfb, 0xff, 0xfe, 0xff];
    let json = Envelope::sign(PayloadType::Statement, payload.clone(), &[&key]).unwrap().to_json();
    let start = json.find(r#""sig":""#).unwrap() + 7;
    let (head, tail) = json.split_at(start);
    let (sig, end) = tail.split_at(tail.find('"').unwrap());
    let url_safe = sig.replace('+', "-").replace('/', "_");
    let head = head.replace("+//+/w==", "-__-_w==");
    assert!(head.contains("-__-_w=="), "{head}");
    for text in [
        format!("{head}{url_safe}{end}"),
        json.replace(r#""keyid":"""#, r#""keyid":"whose""#),
        json.replace(r#","keyid":"""#, ""),
        json.replace(':', " :\n\t"),
    ] {
        let read = Envelope::parse(text.as_bytes()).unwrap();
        assert_eq!(read.verify(&[public(&key)]).unwrap().payload, payload, "{text}");
        assert_eq!(read.to_json(), json);
    }
}

#[test]
fn what_is_no_envelope_is_refused_by_name() {
    let json = signed(&[&verdict()]).to_json();
    let refused = |text: &str| Envelope::parse(text.as_bytes()).unwrap_err();
    let json_error = |text: &str| match refused(text) {
        EnvelopeError::Json(error) => error,
        other => panic!("{text}: {other}"),
    };
    for name in ["payload", "payloadType", "signatures", "sig", "keyid"] {
        let twice = json.replacen(&format!("\"{name}\":"), &format!("\"{name}\":\"\",\"{name}\":"), 1);
        assert_eq!(json_error(&twice), JsonError::Duplicate { name: name.to_owned() });
        let escaped = json.replacen(
            &format!("\"{name}\":"),
            &format!("\"\\u{:04x}{}\":\"\",\"{name}\":", name.as_bytes()[0], &name[1..]),
            1,
        );
        assert_eq!(json_error(&escaped), JsonError::Duplicate { name: name.to_owned() });
        let gone = json_error(&json.replacen(&format!("\"{name}\":"), "\"other\":", 1));
        assert!(matches!(gone, JsonError::Missing { .. } | JsonError::Unknown { .. }), "{gone}");
        let number = json_error(&json.replacen(&format!("\"{name}\":"), &format!("\"{name}\":1,\"_{name}\":"), 1));
        assert!(matches!(number, JsonError::Value { .. } | JsonError::Unknown { .. }), "{number}");
    }
    assert!(matches!(json_error(&format!("{json}{json}")), JsonError::Syntax { .. }));
    assert!(matches!(json_error(""), JsonError::Syntax { .. }));
    assert!(matches!(json_error("[]"), JsonError::NotAnObject { .. }));
    assert!(matches!(json_error(&"[".repeat(100_000)), JsonError::Syntax { .. }));
    assert!(matches!(json_error(&format!("[{}0]", "0,".repeat(2000))), JsonError::TooManyValues { .. }));
    assert!(matches!(json_error(&json.replace("==\"", "\"")), JsonError::Value { .. }));

    let other = refused(&json.replace("in-toto+json", "in-toto+xml"));
    assert!(
        matches!(&other, EnvelopeError::PayloadType { found } if found == "application/vnd.in-toto+xml"),
        "{other}"
    );
    let entries = json.find("[").unwrap();
    let (head, entry) = (&json[..entries], &json[entries + 1..json.len() - 2]);
    assert!(matches!(refused(&format!("{head}[]}}")), EnvelopeError::Unsigned));
    let many = format!("{head}[{}]}}", vec![entry; 65].join(","));
    assert!(matches!(refused(&many), EnvelopeError::TooManySignatures { count: 65, limit: 64 }));
    let large = " ".repeat((32 << 20) + 1);
    assert!(matches!(refused(&large), EnvelopeError::TooLarge { .. }));
    assert!(matches!(Envelope::sign(PayloadType::Statement, Vec::new(), &[]), Err(EnvelopeError::Unsigned)));
    let error = Envelope::sign(PayloadType::Statement, vec![0; 25 << 20], &[&verdict()]).unwrap_err();
    assert!(matches!(error, EnvelopeError::TooLarge { .. }), "{error}");
}

#[test]
fn a_bundle_names_the_key_and_is_verified_with_it() {
    let (key, other) = (verdict(), verdict());
    let bundle = Bundle::new(signed(&[&key]), key.public_key()).unwrap();
    let json = bundle.to_json();
    assert!(json.starts_with(
        r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":""#
    ), "{json}");
    assert!(json.contains(r#""},"tlogEntries":[]},"dsseEnvelope":{"payload":""#), "{json}");
    let read = Bundle::parse(json.as_bytes()).unwrap();
    assert_eq!(read, bundle);
    assert_eq!(read.verify(&[public(&other), public(&key)]).unwrap().payload, PAYLOAD);
    assert!(matches!(read.verify(&[public(&other)]), Err(BundleError::Hint { .. })));

    // Without a hint, as some tools write it, any of the keys will do.
    let start = json.find(r#"{"hint":""#).unwrap();
    let end = start + json[start..].find('}').unwrap();
    for nothing in ["{}", r#"{"hint":""}"#] {
        let text = format!("{}{nothing}{}", &json[..start], &json[end + 1..]);
        let read = Bundle::parse(text.as_bytes()).unwrap();
        assert_eq!(read.verify(&[public(&other), public(&key)]).unwrap().payload, PAYLOAD);
        assert!(read.verify(&[public(&other)]).is_err());
    }
}

#[test]
fn a_bundle_has_one_signature_and_nothing_that_is_not_verified() {
    let (key, other) = (verdict(), verdict());
    assert!(matches!(
        Bundle::new(signed(&[&key, &other]), key.public_key()),
        Err(BundleError::Signatures { count: 2 })
    ));
    assert!(matches!(Bundle::new(signed(&[&key]), other.public_key()), Err(BundleError::Envelope(_))));

    let json = Bundle::new(signed(&[&key]), key.public_key()).unwrap().to_json();
    let refused = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        Bundle::parse(json.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    assert!(matches!(refused("v0.3", "v0.4"), BundleError::MediaType { .. }));
    for (from, to) in [
        (r#""tlogEntries":[]"#, r#""tlogEntries":[{"logIndex":"1"}]"#),
        (r#""tlogEntries":[]"#, r#""tlogEntries":[],"certificate":{"rawBytes":""}"#),
        (r#""tlogEntries":[]"#, r#""timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AA=="}]}"#),
        (r#""dsseEnvelope""#, r#""messageSignature":{},"dsseEnvelope""#),
    ] {
        assert!(matches!(refused(from, to), BundleError::Unverifiable { .. }), "{to}");
    }
    let double = refused(r#""tlogEntries""#, r#""tlogEntries":[],"tlogEntries""#);
    assert!(matches!(double, BundleError::Json(JsonError::Duplicate { .. })), "{double}");
    let unknown = refused(r#""tlogEntries""#, r#""tlog":[],"tlogEntries""#);
    assert!(matches!(unknown, BundleError::Json(JsonError::Unknown { .. })), "{unknown}");
    let nothing = r#""timestampVerificationData":{"rfc3161Timestamps":[]}"#;
    assert!(Bundle::parse(json.replace(r#""tlogEntries":[]"#, nothing).as_bytes()).is_ok());
}

fn time(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

#[test]
fn keys_are_followed_from_the_first_to_the_last() {
    let keys = [verdict(), key(KeyKind::P256, Role::Verdict), verdict()];
    let first = Rotation::sign(&keys[0], public(&keys[1]), time("2026-11-25T12:00:00.5Z")).unwrap();
    let second = Rotation::sign(&keys[1], public(&keys[2]), time("2026-12-25T12:00:00Z")).unwrap();
    assert_eq!(first.payload_type(), PayloadType::KeyRotation);
    let rotation =
        Rotation::verify(&Envelope::parse(first.to_json().as_bytes()).unwrap(), keys[0].public_key()).unwrap();
    assert_eq!(rotation.time, time("2026-11-25T12:00:00Z"));
    assert_eq!((rotation.old, &rotation.new), (keys[0].public_key().id(), keys[1].public_key()));

    let follow = |rotations: &[Envelope]| Rotation::follow(keys[0].public_key(), rotations);
    assert_eq!(follow(&[]).unwrap(), public(&keys[0]));
    assert_eq!(follow(&[first.clone(), second.clone()]).unwrap(), public(&keys[2]));
    assert!(matches!(follow(&[second.clone(), first.clone()]), Err(RotationError::Envelope { .. })));
    assert!(matches!(follow(std::slice::from_ref(&second)), Err(RotationError::Envelope { .. })));
    let back = Rotation::sign(&keys[2], public(&keys[0]), time("2027-01-01T00:00:00Z")).unwrap();
    assert!(matches!(follow(&[first.clone(), second, back]), Err(RotationError::Again { .. })));
    let earlier = Rotation::sign(&keys[1], public(&keys[2]), time("2026-11-25T11:59:59Z")).unwrap();
    assert!(matches!(follow(&[first, earlier]), Err(RotationError::Time { .. })));
}

#[test]
fn a_role_is_not_handed_on_as_another() {
    for (old, new) in [(Role::Verdict, Role::Log), (Role::Log, Role::Witness), (Role::Witness, Role::Verdict)] {
        let (old, new) = (key(KeyKind::Ed25519, old), key(KeyKind::Ed25519, new));
        let error = Rotation::sign(&old, public(&new), time("2026-11-25T12:00:00Z")).unwrap_err();
        assert!(matches!(error, RotationError::Role { .. }), "{error}");
    }
    let log = key(KeyKind::Ed25519, Role::Log);
    let next = key(KeyKind::Ed25519, Role::Log);
    let rotation = Rotation::sign(&log, public(&next), time("2026-11-25T12:00:00Z")).unwrap();
    assert_eq!(Rotation::follow(log.public_key(), &[rotation]).unwrap().role(), Role::Log);
    let error = Rotation::sign(&log, public(&log), time("2026-11-25T12:00:00Z")).unwrap_err();
    assert!(matches!(error, RotationError::Again { .. }), "{error}");
}

#[test]
fn a_statement_is_no_rotation_and_a_signed_rotation_has_one_form() {
    let (old, new) = (verdict(), verdict());
    let error = Rotation::verify(&signed(&[&old]), old.public_key()).unwrap_err();
    assert!(matches!(error, RotationError::PayloadType { .. }), "{error}");

    let signed = Rotation::sign(&old, public(&new), time("2026-11-25T12:00:00Z")).unwrap();
    let payload = signed.verify(&[public(&old)]).unwrap().payload.to_vec();
    let text = String::from_utf8(payload).unwrap();
    let verify = |text: &str| {
        let envelope = Envelope::sign(PayloadType::KeyRotation, text.into(), &[&old]).unwrap();
        Rotation::verify(&envelope, old.public_key())
    };
    assert!(verify(&text).is_ok());
    let other = verdict().public_key().id().to_string();
    for (from, to) in [
        (",", ", "),
        ("12:00:00Z", "13:00:00+01:00"),
        ("12:00:00Z", "12:00:00.5Z"),
        ("12:00:00Z", "noon"),
        ("\"verdict\"", "\"log\""),
        ("\"verdict\"", "\"any\""),
        (&old.public_key().id().to_string(), &other),
        ("}", ",\"more\":1}"),
        ("{", "{\"role\":\"verdict\","),
        ("\"newKey\":\"", "\"newKey\":\"AAAA"),
    ] {
        assert!(verify(&text.replacen(from, to, 1)).is_err(), "{from} {to}");
    }
}
