//! The cleartext signature framework (RFC 9580, 7), and nothing of it that is not signed.

use std::io::Cursor;

use jiff::Timestamp;
use pgp::composed::{Deserializable, DetachedSignature};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};

use super::SignatureFault;
use super::keyring::Keyring;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";
/// Debian signs with two or three keys.
const SIGNATURES_LIMIT: usize = 16;
/// How far the clock of the signer may be ahead.
const AHEAD_SECS: i64 = 24 * 60 * 60;

/// The signed text of a clear-signed file, with `\n` as line ends, if a key of `keyring` signed exactly that text. `at` is
/// the moment for which the signature must not have expired.
///
/// # Errors
/// [`SignatureFault`].
pub(crate) fn verify(file: &str, keyring: &Keyring, at: Timestamp) -> Result<String, SignatureFault> {
    let (text, armor) = split(file)?;
    // The canonical form: CRLF between the lines, and none behind the last (RFC 9580, 7.1 and 5.2.1.2).
    let signed = text.join("\r\n");
    let mut issuers = Vec::new();
    for signature in signatures(&armor)? {
        match stands(&signature, signed.as_bytes(), keyring, at) {
            Ok(fingerprint) => {
                tracing::debug!(fingerprint, "signed by a pinned key");
                let mut text = text.join("\n");
                text.push('\n');
                return Ok(text);
            }
            Err(reason) => issuers.push(reason),
        }
    }
    Err(SignatureFault::NoTrustedSignature { issuers })
}

/// Divides the file into its text, unescaped and without blanks at the ends of lines, and the armored signatures.
fn split(file: &str) -> Result<(Vec<&str>, String), SignatureFault> {
    let mut lines = file.lines().enumerate().map(|(at, line)| (at + 1, line));
    let fault = |line, reason| Err(SignatureFault::Framing { line, reason });
    let too_short = || SignatureFault::Framing { line: file.lines().count(), reason: "it ends too early" };
    if lines.next().is_none_or(|(_, line)| line != BEGIN) {
        return fault(1, "a clear-signed text begins with its header line and nothing before it");
    }
    loop {
        let (number, line) = lines.next().ok_or_else(too_short)?;
        match line {
            "" => break,
            _ if line.starts_with("Hash: ") => {}
            _ => return fault(number, "only Hash headers may stand before the signed text"),
        }
    }
    let mut text = Vec::new();
    loop {
        let (number, line) = lines.next().ok_or_else(too_short)?;
        if line == SIGNATURE {
            break;
        }
        let unescaped = match line.strip_prefix("- ") {
            Some(escaped) => escaped,
            None if line.starts_with('-') => return fault(number, "a line that begins with a dash is not escaped"),
            None => line,
        };
        if line.contains('\r') {
            return fault(number, "a carriage return stands within a line");
        }
        text.push(unescaped.trim_end_matches([' ', '\t']));
    }
    let mut armor = format!("{SIGNATURE}\n");
    loop {
        let (number, line) = lines.next().ok_or_else(too_short)?;
        if line.starts_with('-') && line != END {
            return fault(number, "another block stands within the signatures");
        }
        armor.push_str(line);
        armor.push('\n');
        if line == END {
            break;
        }
    }
    match lines.find(|(_, line)| !line.is_empty()) {
        Some((number, _)) => fault(number, "something stands behind the signatures"),
        None => Ok((text, armor)),
    }
}

fn signatures(armor: &str) -> Result<Vec<Signature>, SignatureFault> {
    let unreadable = |reason: String| SignatureFault::Unreadable { reason };
    let (parsed, _) = DetachedSignature::from_armor_many(Cursor::new(armor.as_bytes()))
        .map_err(|error| unreadable(error.to_string()))?;
    let mut signatures = Vec::new();
    for signature in parsed {
        if signatures.len() == SIGNATURES_LIMIT {
            return Err(unreadable(format!("there are more than {SIGNATURES_LIMIT}")));
        }
        signatures.push(signature.map_err(|error| unreadable(error.to_string()))?.signature);
    }
    Ok(signatures)
}

/// The pinned fingerprint under which the signature stands, or who made it and why it does not.
fn stands(signature: &Signature, signed: &[u8], keyring: &Keyring, at: Timestamp) -> Result<&'static str, String> {
    let by: Vec<String> = signature.issuer_fingerprint().iter().map(|issuer| format!("{issuer:X}")).collect();
    let by = if by.is_empty() { "an unnamed key".to_owned() } else { by.join(" and ") };
    let refuse = |reason: &str| Err(format!("{by} ({reason})"));
    if signature.typ() != Some(SignatureType::Text) {
        return refuse("not a signature of a text");
    }
    if !matches!(signature.hash_alg(), Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512)) {
        return refuse("made with a hash that is not trusted");
    }
    let Some(created) = signature.created().map(|time| i64::from(time.as_secs())) else {
        return refuse("without a time");
    };
    if created > at.as_second().saturating_add(AHEAD_SECS) {
        return refuse("made in the future");
    }
    let lifetime = signature.signature_expiration_time().map_or(0, |lifetime| i64::from(lifetime.as_secs()));
    if lifetime != 0 && created.saturating_add(lifetime) < at.as_second() {
        return refuse("expired");
    }
    match keyring.verify(signature, signed, created) {
        Some(fingerprint) => Ok(fingerprint),
        None => refuse("not a valid signature of a pinned key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::keyring::tests::test_keyring;

    const BY_TRUSTED: &str = include_str!("../../fixtures/by-trusted.asc");

    fn check(file: &str) -> Result<String, SignatureFault> {
        check_at(file, "2026-01-02T00:00:00Z")
    }

    fn check_at(file: &str, at: &str) -> Result<String, SignatureFault> {
        verify(file, &test_keyring(), at.parse().unwrap())
    }

    fn is_framing(result: &Result<String, SignatureFault>, expected_line: usize) -> bool {
        matches!(result, Err(SignatureFault::Framing { line, .. }) if *line == expected_line)
    }

    #[test]
    fn the_text_that_was_signed_comes_out() {
        let text = "blanks at the end\n- a dash\n-----BEGIN PGP SIGNATURE-----\n\nlast\n";
        for file in [BY_TRUSTED, include_str!("../../fixtures/by-both.asc")] {
            assert_eq!(check(file).unwrap(), text);
            assert_eq!(check(&file.replace('\n', "\r\n")).unwrap(), text);
        }
        // Blanks at the ends of lines are not part of what is signed, and never come out.
        assert_eq!(check(&BY_TRUSTED.replace("\nlast\n", "\nlast \t\n")).unwrap(), text);
    }

    #[test]
    fn a_changed_text_is_not_trusted() {
        for (from, to) in [("dash", "Dash"), ("\n\nlast", "\nlast"), ("last\n", "last\n\n"), ("- - a", "-  a")] {
            let file = BY_TRUSTED.replacen(from, to, 1);
            assert_ne!(file, BY_TRUSTED);
            assert!(
                matches!(check(&file), Err(SignatureFault::NoTrustedSignature { .. })),
                "{from:?} {:?}",
                check(&file)
            );
        }
    }

    #[test]
    fn signatures_that_do_not_count_are_named() {
        for (file, reason) in [
            (include_str!("../../fixtures/by-stranger.asc"), "not a valid signature of a pinned key"),
            (include_str!("../../fixtures/with-sha1.asc"), "made with a hash that is not trusted"),
        ] {
            let error = check(file).unwrap_err();
            assert!(matches!(&error, SignatureFault::NoTrustedSignature { issuers } if issuers.len() == 1), "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
        let expiring = include_str!("../../fixtures/expiring.asc");
        assert!(check_at(expiring, "2026-01-01T12:00:00Z").is_ok());
        for (file, at, reason) in
            [(expiring, "2026-01-02T12:00:00Z", "expired"), (BY_TRUSTED, "2025-12-01T00:00:00Z", "made in the future")]
        {
            let error = check_at(file, at).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn nothing_may_stand_outside_of_the_signed_part() {
        assert!(is_framing(&check(&format!("Suite: evil\n{BY_TRUSTED}")), 1));
        assert!(is_framing(&check(&format!("\n{BY_TRUSTED}")), 1));
        assert!(is_framing(&check(&BY_TRUSTED.replacen("Hash: SHA512\n", "Suite: evil\n", 1)), 2));
        let lines = BY_TRUSTED.lines().count();
        assert!(is_framing(&check(&format!("{BY_TRUSTED}\nSuite: evil\n")), lines + 2));
        assert!(is_framing(&check(&format!("{BY_TRUSTED}\n{BY_TRUSTED}")), lines + 2));
        assert!(is_framing(&check(&BY_TRUSTED.replacen("- - a dash", "-- a dash", 1)), 5));
        assert!(is_framing(&check(&BY_TRUSTED.replacen("a dash", "a\rdash", 1)), 5));
        assert!(is_framing(&check(BY_TRUSTED.split_once(END).unwrap().0), lines - 1));
        assert!(is_framing(&check(""), 1));
    }

    #[test]
    fn signatures_that_cannot_be_read_are_an_error() {
        let (head, _) = BY_TRUSTED.split_once(SIGNATURE).unwrap();
        // The escaped line in the text has the same words.
        let (more, _) = BY_TRUSTED[head.len() + SIGNATURE.len()..].split_once(SIGNATURE).unwrap();
        let file = format!("{head}{SIGNATURE}{more}{SIGNATURE}\n\nAAAA\n{END}\n");
        assert!(matches!(
            check(&file),
            Err(SignatureFault::Unreadable { .. } | SignatureFault::NoTrustedSignature { .. })
        ));
    }
}
