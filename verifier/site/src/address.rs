//! Where files of a site stand, and how they link to each other.

use std::cmp::Ordering;
use std::str::FromStr as _;

use packageurl::PackageUrl;
use pep440_rs::Version;
use twinbuild_subject::{Sha256, Subject};

/// The longest component of a path before it is cut; file systems take 255 bytes.
const LONGEST: usize = 120;

/// What names begin with: letters, and one for digits and one for all else.
pub(crate) const LETTERS: [&str; 28] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w",
    "x", "y", "z", "0-9", "other",
];

/// A package, as its URL names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackageKey {
    /// The type, such as `pypi`; `file` where there is no package URL.
    pub(crate) kind: String,
    /// The name with its namespace, `/` between them.
    pub(crate) name: String,
}

/// A version, in the order of versions: what PEP 440 reads by its rules, after what it does not read, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionKey {
    parsed: Option<Version>,
    pub(crate) text: String,
}

impl Ord for VersionKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parsed.cmp(&other.parsed).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for VersionKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PackageKey {
    /// The package and version of a subject. A file without a package URL that can be read is a package of its own.
    pub(crate) fn of(subject: &Subject) -> (Self, VersionKey) {
        let version = |text: &str| VersionKey { parsed: text.parse().ok(), text: text.to_owned() };
        match subject.purl.as_deref().and_then(|purl| PackageUrl::from_str(purl).ok()) {
            Some(purl) => {
                let name = match purl.namespace() {
                    Some(namespace) => format!("{namespace}/{}", purl.name()),
                    None => purl.name().to_owned(),
                };
                (Self { kind: purl.ty().to_owned(), name }, version(purl.version().unwrap_or_default()))
            }
            None => (Self { kind: "file".to_owned(), name: subject.file_name.clone() }, version("")),
        }
    }

    /// Which of [`LETTERS`] its name begins with, the namespace left out.
    pub(crate) fn letter(&self) -> &'static str {
        let first = self.own_name().chars().next().unwrap_or('-').to_ascii_lowercase();
        if first.is_ascii_digit() {
            return "0-9";
        }
        LETTERS.into_iter().find(|letter| letter.starts_with(first) && letter.len() == 1).unwrap_or("other")
    }

    /// The name without its namespace.
    pub(crate) fn own_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Where its page stands.
    pub(crate) fn path(&self) -> String {
        let name: Vec<String> = self.name.split('/').map(component).collect();
        format!("packages/{}/{}/index.html", component(&self.kind), name.join("/"))
    }
}

/// Where the page of a statement stands.
pub(crate) fn statement(payload: &Sha256) -> String {
    format!("verdicts/{payload}/index.html")
}

/// Where the page of a letter stands.
pub(crate) fn letter(letter: &str) -> String {
    format!("letters/{letter}/index.html")
}

/// Text as one component of a path, another one for each text: bytes but letters, digits, `.`, `-` and `_` as `~` and two hexadecimal
/// digits, a leading dot too. One that would be long ends in its digest.
fn component(text: &str) -> String {
    let is_plain =
        |index: usize, b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || (b == b'.' && index > 0);
    let written: String = text
        .bytes()
        .enumerate()
        .map(|(index, b)| if is_plain(index, b) { char::from(b).to_string() } else { format!("~{b:02x}") })
        .collect();
    // No page of a package is the index of a folder that has packages: their own components never are this one.
    match written.as_str() {
        "" => "~".to_owned(),
        "index.html" => "index~2ehtml".to_owned(),
        _ if written.len() > LONGEST => {
            let begin: String = written.chars().take(LONGEST / 3).collect();
            format!("{begin}~~{}", Sha256::of(text.as_bytes()))
        }
        _ => written,
    }
}

/// Whether a path of the site can be linked: relative, of letters, digits and `.-_~+@=` between slashes, without empty components
/// and such as begin with a dot.
#[must_use]
pub fn is_safe_path(path: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-_~+@=".contains(&b);
    path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain))
}

/// The address of `to` for a page at `from`, both from the root.
pub(crate) fn link(from: &str, to: &str) -> String {
    "../".repeat(from.matches('/').count()) + to
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(purl: &str) -> (PackageKey, VersionKey) {
        let origin = twinbuild_subject::Origin::Index;
        let (file_name, purl) = ("a.whl".to_owned(), Some(purl.to_owned()));
        PackageKey::of(&Subject { origin, purl, file_name, size: None, digests: None, upload_time: None })
    }

    #[test]
    fn a_package_stands_where_its_url_says() {
        assert_eq!(key("pkg:pypi/six@1.16.0").0.path(), "packages/pypi/six/index.html");
        assert_eq!(key("pkg:npm/%40scope/name@1.0.0").0.path(), "packages/npm/~40scope/name/index.html");
        assert_eq!(key("no package URL").0.path(), "packages/file/a.whl/index.html");
        assert_eq!((key("pkg:npm/%40scope/name@1").0.letter(), key("pkg:pypi/7zip@1").0.letter()), ("n", "0-9"));
    }

    #[test]
    fn versions_are_in_their_order() {
        let version = |text: &str| key(&format!("pkg:cargo/a@{text}")).1;
        for (older, newer) in [("1.9", "1.10"), ("1.0.0-rc.1", "1.0.0"), ("not-a-version", "0.1"), ("2.0a1", "2.0")] {
            assert!(version(older) < version(newer), "{older} {newer}");
        }
    }

    #[test]
    fn unsafe_paths_are_refused() {
        for path in
            ["", "/a", "a//b", "../a", "a/.b", "a/../b", "https://a", "a b", "a?b", "a#b", "\"", "a\\b", "javascript:x"]
        {
            assert!(!is_safe_path(path), "{path}");
        }
        assert!(is_safe_path("statements/0a/verdict.dsse.json"));
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(name in any::<String>(), kind in any::<String>()) {
            let path = PackageKey { kind, name }.path();
            prop_assert!(is_safe_path(&path), "{}", path);
            prop_assert!(path.starts_with("packages/") && path.ends_with("/index.html"));
        }

        #[test]
        fn names_do_not_share_a_page(a in "[a-zA-Z.~/é-]{0,9}", b in "[a-zA-Z.~/é-]{0,9}") {
            let path = |name: &str| PackageKey { kind: "pypi".to_owned(), name: name.to_owned() }.path();
            prop_assert_eq!(a == b, path(&a) == path(&b));
        }
    }
}
