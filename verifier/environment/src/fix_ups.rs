//! What is done to Debian packages beyond unpacking them: a short list in place of their maintainer scripts, which never
//! run, and what is left out.

use std::path::{Component, Path};

use twinbuild_subject::Sha256;

/// Top-level folders that are links into `/usr` on every Debian of today; packages still ship files below the old names.
pub(crate) const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// The alternatives that the packages in use would register: the link, the name below `/etc/alternatives`, the program.
/// Of each there is one candidate only.
pub(crate) const ALTERNATIVES: [(&str, &str, &str); 8] = [
    ("usr/bin/awk", "awk", "/usr/bin/mawk"),
    ("usr/bin/nawk", "nawk", "/usr/bin/mawk"),
    ("usr/bin/which", "which", "/usr/bin/which.debianutils"),
    ("usr/bin/cc", "cc", "/usr/bin/gcc"),
    ("usr/bin/c++", "c++", "/usr/bin/g++"),
    ("usr/bin/c89", "c89", "/usr/bin/c89-gcc"),
    ("usr/bin/c99", "c99", "/usr/bin/c99-gcc"),
    ("usr/lib/cpp", "cpp", "/usr/bin/cpp"),
];

/// Folders of which nothing is unpacked: no build reads them, and they are a third of what is downloaded.
const LEFT_OUT: [&str; 6] =
    ["usr/share/bug", "usr/share/doc", "usr/share/doc-base", "usr/share/info", "usr/share/lintian", "usr/share/man"];

/// The folder of translated messages, and the one language of it that a build may run in: that of the second twin.
const MESSAGES: &str = "usr/share/locale";
const LANGUAGE: &str = "et";

/// Whether the entry at `path`, relative to the root, is not unpacked.
pub(crate) fn is_left_out(path: &Path) -> bool {
    let below = |folder: &str| path.strip_prefix(folder).ok().and_then(|rest| rest.components().next());
    if LEFT_OUT.iter().any(|folder| below(folder).is_some()) {
        return true;
    }
    // Files right in that folder are tables for all languages, and have an extension.
    let is_other = |part: Component<'_>| {
        let part = Path::new(part.as_os_str());
        part != Path::new(LANGUAGE) && part.extension().is_none()
    };
    below(MESSAGES).is_some_and(is_other)
}

/// The digest of all these lists: what is made by them is made anew when they change.
pub(crate) fn digest() -> Sha256 {
    let lists = serde_json::json!([MERGED, ALTERNATIVES, LEFT_OUT, MESSAGES, LANGUAGE]);
    Sha256::of(lists.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_and_other_languages_are_left_out_and_nothing_else() {
        for path in [
            "usr/share/doc/bash/README",
            "usr/share/man/man1/ls.1.gz",
            "usr/share/info/dir",
            "usr/share/locale/de",
            "usr/share/locale/de/LC_MESSAGES/bash.mo",
            "usr/share/locale/en@quot/LC_MESSAGES/bash.mo",
        ] {
            assert!(is_left_out(Path::new(path)), "{path}");
        }
        for path in [
            "usr/share",
            "usr/share/doc",
            "usr/share/document",
            "usr/share/locale",
            "usr/share/locale/locale.alias",
            "usr/share/locale/et",
            "usr/share/locale/et/LC_MESSAGES/bash.mo",
            "usr/share/i18n/locales/et_EE",
            "usr/lib/python3.11/doctest.py",
            "usr/include/man/doc",
        ] {
            assert!(!is_left_out(Path::new(path)), "{path}");
        }
    }
}
