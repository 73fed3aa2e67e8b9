//! Commands by which a reader checks a statement without this site.

use maud::{Markup, html};

use crate::address::is_safe_path;
use crate::keys::KEY_FILE;
use crate::{Entry, Site, Summary};

/// How SPKI in PEM begins for Ed25519 (RFC 8410, section 4).
const ED25519_PEM: &str = "MCowBQYDK2VwAyEA";

/// What stands for the published file where its name cannot stand in a command.
const FILE: &str = "FILE";

/// Commands for one tool: what it checks, and the lines.
struct Check {
    tool: &'static str,
    says: &'static str,
    lines: Vec<String>,
}

/// All ways to check an entry, each folded.
pub(crate) fn ways(site: &Site, entry: &Entry) -> Markup {
    let checks = [Some(twinbuild(site, entry)), cosign(entry), slsa_verifier(entry), openssl(site, entry)];
    html! {
        @for Check { tool, says, lines } in checks.into_iter().flatten() {
            details {
                summary { "With " (tool) }
                p { (says) }
                pre { @for line in lines { span { (line) } } }
            }
        }
    }
}

/// The commands by which somebody comes to the verdict again.
pub(crate) fn again(entry: &Entry) -> Markup {
    let replay = safe_name(&entry.files.dsse).map(|dsse| {
        format!("jq -r .payload {dsse} | base64 -d | jq -c .predicate > verdict.json && twinbuild replay verdict.json")
    });
    let rebuild =
        entry.verdict.subject.purl.as_deref().and_then(quoted).map(|purl| format!("twinbuild rebuild {purl}"));
    html! {
        @if let Some(replay) = replay {
            p { "From the inputs of this verdict, each by its digest:" }
            pre { span { (replay) } }
        }
        @if let Some(rebuild) = rebuild {
            p { "From the beginning, with whatever recipe is found today:" }
            pre { span { (rebuild) } }
        }
    }
}

fn twinbuild(site: &Site, entry: &Entry) -> Check {
    let ledger = site.base_url.as_deref().and_then(quoted).unwrap_or_else(|| "LEDGER".to_owned());
    Check {
        tool: "twinbuild",
        says: "Looks the file up by its digest, and checks the signature, that the log has the statement, and that no newer one takes it back. The policy has the keys.",
        lines: vec![format!("twinbuild verify {} --policy policy.toml --ledger {ledger}", file(entry))],
    }
}

fn cosign(entry: &Entry) -> Option<Check> {
    let (bundle, kind) = (safe_name(&entry.files.sigstore)?, quoted(&entry.predicate_type)?);
    Some(Check {
        tool: "cosign",
        says: "Checks the signature and that the statement is about the file. Its log is this ledger, which cosign does not know; hence the last option.",
        lines: vec![format!(
            "cosign verify-blob-attestation --bundle {bundle} --key {KEY_FILE} --type {kind} --insecure-ignore-tlog=true {}",
            file(entry)
        )],
    })
}

fn slsa_verifier(entry: &Entry) -> Option<Check> {
    let Summary { dsse, verifier_id, level } = entry.files.summary.as_ref()?;
    let (dsse, verifier, level) = (safe_name(dsse)?, quoted(verifier_id)?, quoted(level)?);
    let purl = quoted(entry.verdict.subject.purl.as_deref()?)?;
    Some(Check {
        tool: "slsa-verifier",
        says: "Checks the verification summary: its signature, the file's digest, and the level.",
        lines: vec![format!(
            "slsa-verifier verify-vsa --subject-digest sha256:{} --attestation-path {dsse} --verifier-id {verifier} \
             --resource-uri {purl} --verified-level {level} --public-key-path {KEY_FILE}",
            entry.subject
        )],
    })
}

fn openssl(site: &Site, entry: &Entry) -> Option<Check> {
    let dsse = safe_name(&entry.files.dsse)?;
    let is_ed25519 = site.verdict_keys.first().is_some_and(|key| key.contains(ED25519_PEM));
    let verify = if is_ed25519 {
        format!("openssl pkeyutl -verify -pubin -inkey {KEY_FILE} -rawin -in signed -sigfile signature")
    } else {
        format!("openssl dgst -sha256 -verify {KEY_FILE} -signature signature signed")
    };
    Some(Check {
        tool: "openssl",
        says: "Checks the signature over the envelope's payload by hand (DSSE 1.0, \"Signature Definition\"). The last line shows what it is about: the two \
               digests are to be the same.",
        lines: vec![
            format!("jq -r .payload {dsse} | base64 -d > statement.json"),
            format!("jq -r '.signatures[0].sig' {dsse} | base64 -d > signature"),
            "printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < statement.json)\" | cat - statement.json > signed".to_owned(),
            verify,
            format!("jq -r '.subject[0].digest.sha256' statement.json; sha256sum {}", file(entry)),
        ],
    })
}

/// The published file's name as an argument.
fn file(entry: &Entry) -> String {
    let name = &entry.verdict.subject.file_name;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    let is_safe = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(is_plain);
    if is_safe { name.clone() } else { FILE.to_owned() }
}

/// The last component of a path of the site, as an argument.
fn safe_name(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().filter(|_| is_safe_path(path))?;
    (!name.starts_with(['-', '~'])).then_some(name)
}

/// A URI as one argument of a shell; none where it has a character that could be more.
fn quoted(uri: &str) -> Option<String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b":/@._%+-=~".contains(&b);
    let is_quotable = |b: u8| is_plain(b) || b"?&#!,;".contains(&b);
    let is_safe = uri.starts_with(|c: char| c.is_ascii_alphabetic()) && uri.bytes().all(is_quotable);
    is_safe.then(|| if uri.bytes().all(is_plain) { uri.to_owned() } else { format!("'{uri}'") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_one_argument() {
        assert_eq!(quoted("pkg:pypi/six@1.16.0").as_deref(), Some("pkg:pypi/six@1.16.0"));
        assert_eq!(quoted("pkg:pypi/six@1?file_name=a.whl").as_deref(), Some("'pkg:pypi/six@1?file_name=a.whl'"));
        for uri in
            ["", "-x", "pkg:a'; rm -rf ~ #", "pkg:a$(x)", "pkg:a\n", "pkg:a`x`", "pkg:\u{202e}", "pkg:a b", "pkg:a\\"]
        {
            assert_eq!(quoted(uri), None, "{uri:?}");
        }
    }

    #[test]
    fn a_path_gives_its_last_component() {
        assert_eq!(safe_name("statements/0a/verdict.dsse.json"), Some("verdict.dsse.json"));
        for path in ["a/-rf", "a/$(x)", "", "a/", "../x", "~x"] {
            assert_eq!(safe_name(path), None, "{path:?}");
        }
    }
}
