//! Keys that a command reaches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::time::{Duration, Instant};

use twinbuild_signature::{CommandSigner, KeyKind, PrivateKey, Role, Sign as _, SignError};

fn signer(script: &str) -> (PrivateKey, CommandSigner) {
    let key = PrivateKey::generate(KeyKind::Ed25519, Role::Verdict).unwrap();
    let arguments = vec!["-c".into(), script.into()];
    let signer = CommandSigner::new("sh".into(), arguments, key.public_key().clone());
    (key, signer)
}

fn refused(script: &str) -> SignError {
    signer(script).1.sign(b"message").unwrap_err()
}

#[test]
fn a_signature_that_does_not_hold_is_not_used() {
    let base64 = format!("{}==", "A".repeat(86));
    let error = refused(&format!("cat >/dev/null; echo {base64}"));
    assert!(matches!(error, SignError::Foreign { .. }), "{error}");
}

#[test]
fn whatever_else_it_writes_is_named() {
    for script in ["true", "echo", "echo no base64", "echo 'AAAA AAAA'", "echo AA", "head -c 5000 /dev/zero", "yes"] {
        let error = refused(script);
        assert!(matches!(error, SignError::Output { .. }) || script == "yes", "{script}: {error}");
    }
}

#[test]
fn a_failure_has_its_last_words() {
    let error = refused("echo start >&2; head -c 100000 /dev/zero >&2; echo no token in slot 1 >&2; exit 7");
    let SignError::Status { status, words, program } = &error else { panic!("{error}") };
    assert_eq!((status.code(), program.as_str()), (Some(7), "sh"));
    assert!(words.ends_with("no token in slot 1") && words.len() <= 1024, "{words:?}");
    assert!(!error.to_string().contains('\0'), "what it said is escaped");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let (key, _) = signer("");
    let signer = CommandSigner::new("/no/such/program".into(), Vec::new(), key.public_key().clone());
    let error = signer.sign(b"message").unwrap_err();
    assert!(matches!(error, SignError::Command { doing: "start", .. }), "{error}");
}

#[test]
fn what_takes_too_long_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let survivor = folder.path().join("survivor");
    // In the second, the command ends, and its child holds its output open.
    for script in ["sleep 600", "sleep 600 & exit 0", "(sleep 1; touch SURVIVOR) & sleep 600"] {
        let (_, signer) = signer(&script.replace("SURVIVOR", &survivor.display().to_string()));
        let start = Instant::now();
        let error = signer.with_timeout(Duration::from_millis(300)).sign(b"message").unwrap_err();
        assert!(matches!(error, SignError::TimedOut { .. }), "{script}: {error}");
        assert!(start.elapsed() < Duration::from_secs(60), "{script}");
    }
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!survivor.exists(), "a child of the command outlived it");
}
