//! What OpenSSL makes of our keys, and we of its keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::fs;
use std::path::Path;
use std::process::Command;

use twinbuild_signature::{
    CommandSigner, KeyError, KeyKind, Passphrase, PrivateKey, PublicKey, Role, Sign as _, SignError,
};

const PASSPHRASE: &str = "pass:correct horse";

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output();
    let output = output.expect("these tests run the program `openssl`: install OpenSSL 3");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {}: {words}", arguments.join(" "));
    output.stdout
}

#[test]
fn it_opens_our_keys_and_verifies_our_signatures() {
    for kind in [KeyKind::Ed25519, KeyKind::P256] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let key = PrivateKey::generate(kind, Role::Verdict).unwrap();
        key.create_file(&at("verdict.key"), &passphrase()).unwrap();
        key.public_key().create_file(&at("verdict.pub")).unwrap();
        fs::write(at("message"), "message").unwrap();
        fs::write(at("signature"), key.sign(b"message").unwrap().as_bytes()).unwrap();

        let spki = ["pkey", "-in", "verdict.key", "-passin", PASSPHRASE, "-pubout", "-outform", "DER"];
        let spki = openssl(folder.path(), &spki);
        assert_eq!(spki, key.public_key().to_spki_der().unwrap());
        assert_eq!(openssl(folder.path(), &["pkey", "-pubin", "-in", "verdict.pub", "-outform", "DER"]), spki);
        fs::write(at("verdict.der"), &spki).unwrap();
        let id = openssl(folder.path(), &["dgst", "-sha256", "-r", "verdict.der"]);
        assert!(id.starts_with(key.public_key().id().to_string().as_bytes()));

        let verify: &[&str] = match kind {
            KeyKind::Ed25519 => &[
                "pkeyutl",
                "-verify",
                "-pubin",
                "-inkey",
                "verdict.pub",
                "-rawin",
                "-in",
                "message",
                "-sigfile",
                "signature",
            ],
            KeyKind::P256 => &["dgst", "-sha256", "-verify", "verdict.pub", "-signature", "signature", "message"],
        };
        openssl(folder.path(), verify);

        let encrypted = openssl(folder.path(), &["asn1parse", "-in", "verdict.key"]);
        let shown = String::from_utf8_lossy(&encrypted);
        assert!(shown.contains(":PBES2") && shown.contains("aes-256-cbc"), "{shown}");
    }
}

#[test]
fn its_keys_are_imported_with_a_role_and_refused_unencrypted() {
    for (algorithm, kind) in [
        (&["-algorithm", "ED25519"][..], KeyKind::Ed25519),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], KeyKind::P256),
    ] {
        let folder = tempfile::tempdir().unwrap();
        openssl(folder.path(), &[&["genpkey", "-out", "plain"], algorithm].concat());
        let text = fs::read_to_string(folder.path().join("plain")).unwrap();
        let error = PrivateKey::from_encrypted_pem(&text, &passphrase()).unwrap_err();
        assert_eq!(error, KeyError::Unencrypted { label: "PRIVATE KEY".to_owned() });
        assert!(error.to_string().contains("openssl pkcs8 -topk8 -scrypt"), "{error}");
        assert_eq!(PrivateKey::import(&text, &passphrase(), Role::Verdict).unwrap_err(), error);

        // As the message says, and as OpenSSL does by itself (PBKDF2).
        for scrypt in [&["-scrypt"][..], &[]] {
            let encrypt = ["pkcs8", "-topk8", "-in", "plain", "-out", "encrypted", "-passout", PASSPHRASE];
            openssl(folder.path(), &[&encrypt, scrypt].concat());
            let text = fs::read_to_string(folder.path().join("encrypted")).unwrap();
            assert_eq!(PrivateKey::from_encrypted_pem(&text, &passphrase()).unwrap_err(), KeyError::NoRole);
            let key = PrivateKey::import(&text, &passphrase(), Role::Verdict).unwrap();
            assert_eq!(key.public_key().kind(), kind);
            let public = openssl(folder.path(), &["pkey", "-in", "plain", "-pubout"]);
            let public = String::from_utf8(public).unwrap();
            assert_eq!(&PublicKey::from_pem(&public, Role::Verdict).unwrap(), key.public_key());
            let wrong = Passphrase::new("wrong").unwrap();
            assert_eq!(PrivateKey::import(&text, &wrong, Role::Verdict).unwrap_err(), KeyError::WrongPassphrase);
        }
    }
}

#[test]
fn keys_of_other_schemes_and_curves_and_forms_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let p384 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let explicit = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"];
    for algorithm in [&["-algorithm", "X25519"][..], &["-algorithm", "ED448"], &p384, &explicit] {
        openssl(folder.path(), &[&["genpkey", "-out", "key", "-aes-256-cbc", "-pass", PASSPHRASE], algorithm].concat());
        let text = fs::read_to_string(folder.path().join("key")).unwrap();
        let error = PrivateKey::import(&text, &passphrase(), Role::Verdict).unwrap_err();
        assert!(matches!(error, KeyError::Unsupported { .. }), "{algorithm:?}: {error}");
        let public = openssl(folder.path(), &["pkey", "-in", "key", "-passin", PASSPHRASE, "-pubout"]);
        let error = PublicKey::from_pem(&String::from_utf8(public).unwrap(), Role::Verdict).unwrap_err();
        assert!(matches!(error, KeyError::Unsupported { .. }), "{algorithm:?}: {error}");
    }
    let p256 = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key"];
    openssl(folder.path(), &p256);
    let compressed = openssl(folder.path(), &["ec", "-in", "key", "-pubout", "-conv_form", "compressed"]);
    let error = PublicKey::from_pem(&String::from_utf8(compressed).unwrap(), Role::Verdict).unwrap_err();
    assert!(matches!(error, KeyError::Unsupported { .. }), "{error}");
}

#[test]
fn it_signs_as_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyKind::P256, Role::Verdict).unwrap();
    let path = folder.path().join("verdict.key");
    key.create_file(&path, &passphrase()).unwrap();
    let command = format!("openssl dgst -sha256 -sign '{}' -passin '{PASSPHRASE}' | openssl base64 -A", path.display());
    let signer = CommandSigner::new("sh".into(), vec!["-c".into(), command.clone().into()], key.public_key().clone());
    // Half of its signatures have the higher `s`, and come out with the lower one.
    for index in 0..8_u8 {
        let signature = signer.sign(&[index; 100_000]).unwrap();
        key.public_key().verify(&[index; 100_000], signature.as_bytes()).unwrap();
        let parsed = p256::ecdsa::Signature::from_der(signature.as_bytes()).unwrap();
        assert_eq!(parsed.normalize_s(), parsed);
    }
    let other = PrivateKey::generate(KeyKind::P256, Role::Verdict).unwrap();
    let signer = CommandSigner::new("sh".into(), vec!["-c".into(), command.into()], other.public_key().clone());
    let error = signer.sign(b"message").unwrap_err();
    assert!(matches!(&error, SignError::Foreign { source, .. } if source.id == other.public_key().id()), "{error}");
}
