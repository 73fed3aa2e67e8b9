//! From a project's name and version to the tag of its repository that says so.

use pep440_rs::Version;
use twinbuild_subject::PackageName;

/// Words that stand before a version and name no project.
const VERSION_WORDS: [&str; 9] = ["v", "ver", "version", "versions", "r", "rel", "release", "releases", "tags"];
/// Folders that a repository of several projects keeps them in, and that some tags repeat before a project's name.
const FOLDER_WORDS: [&str; 7] = ["packages", "package", "libs", "python", "py", "pypi", "projects"];
const SEPARATORS: [char; 7] = ['-', '_', '.', '/', '@', '=', '+'];
/// A tag of more words before its version says something else.
const MOST_WORDS: usize = 16;
/// The longest name that is read, in bytes.
const MOST_BYTES: usize = 255;

/// What the tags of a repository say of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagChoice<'a> {
    /// None is that of the release.
    None,
    /// This one is.
    One(&'a str),
    /// Several are, and no name says more than the others. They may well name one commit, which names cannot tell.
    Ambiguous(Vec<&'a str>),
}

/// What a tag's name says of the release that it is read for, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// The version, and no project.
    Version,
    /// The project and the version.
    ProjectAndVersion,
}

/// The tag that stands for `version` of the project `name`.
///
/// A tag is read whole: an optional prefix, and a version in any spelling of PEP 440, or with `_` or `-` for its dots. The prefix is made
/// of words such as `v` and `release`, and of the project's own name in any spelling; that of another project, or any other text,
/// never matches. Versions are equal by PEP 440: `1.0` is `1.0.0` and `01.00`, and is no pre-, post- or development release of it.
/// Where tags with the project's name match, those without it stand for other projects of the repository and are left out.
#[must_use]
pub fn choose_tag<'a>(tags: impl IntoIterator<Item = &'a str>, name: &PackageName, version: &Version) -> TagChoice<'a> {
    let mut best = None;
    let mut found = Vec::new();
    for tag in tags {
        let Some(claim) = claim(tag, name, version) else { continue };
        if Some(claim) > best {
            (best, found) = (Some(claim), Vec::new());
        }
        if Some(claim) == best && !found.contains(&tag) {
            found.push(tag);
        }
    }
    match found.as_slice() {
        [] => TagChoice::None,
        [one] => TagChoice::One(one),
        _ => {
            found.sort_unstable();
            TagChoice::Ambiguous(found)
        }
    }
}

/// What a tag says of a release; `None` where it is not that of it.
fn claim(tag: &str, name: &PackageName, version: &Version) -> Option<Claim> {
    if tag.len() > MOST_BYTES || !tag.is_ascii() {
        return None;
    }
    let bytes = tag.as_bytes();
    let begins_number = |at: &usize| bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[at - 1].is_ascii_digit());
    (0..bytes.len())
        .filter(begins_number)
        .filter(|at| read_version(&tag[*at..]).as_ref() == Some(version))
        .filter_map(|at| read_prefix(&tag[..at], name))
        .max()
}

/// A version of PEP 440, or one whose dots are written as `_`, or as `-` where there are at least two.
fn read_version(text: &str) -> Option<Version> {
    if let Ok(version) = text.parse() {
        return Some(version);
    }
    // `1-2` is a post release by PEP 440, and was read as that.
    let separator = if text.contains('_') { '_' } else { '-' };
    text.replace(separator, ".").parse().ok()
}

/// What a prefix says; `None` where it has a word that is neither the project's name nor one that stands before versions.
fn read_prefix(prefix: &str, name: &PackageName) -> Option<Claim> {
    if prefix.is_empty() {
        return Some(Claim::Version);
    }
    let words = words(prefix)?;
    let is_touching = !prefix.ends_with(SEPARATORS);
    let is_before_version = |word: &Word<'_>| VERSION_WORDS.iter().any(|known| word.text.eq_ignore_ascii_case(known));
    let is_before_name = |word: &Word<'_>| {
        is_before_version(word) || FOLDER_WORDS.iter().any(|known| word.text.eq_ignore_ascii_case(known))
    };
    let is_own = |first: usize, end: usize| {
        // What touches the version is no name: `demo2` may be version 2 of `demo`, and may be the name of another.
        let is_apart = end < words.len() || !is_touching;
        let is_joined = words[first..end - 1].iter().all(|word| matches!(word.separator, Some('-' | '_' | '.')));
        let joined = words[first..end].iter().map(|word| word.text).collect::<Vec<_>>().join("-");
        is_apart && is_joined && joined.eq_ignore_ascii_case(name.as_str())
    };
    for first in 0..words.len() {
        if !words[..first].iter().all(is_before_name) {
            break;
        }
        for end in first + 1..=words.len() {
            if words[end..].iter().all(is_before_version) && is_own(first, end) {
                return Some(Claim::ProjectAndVersion);
            }
        }
    }
    words.iter().all(is_before_version).then_some(Claim::Version)
}

/// A word of a prefix, and the first separator behind it.
struct Word<'a> {
    text: &'a str,
    separator: Option<char>,
}

/// The words of a prefix; `None` where it begins with a separator or has too many.
fn words(prefix: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = prefix;
    while !rest.is_empty() {
        let end = rest.find(SEPARATORS).unwrap_or(rest.len());
        if end == 0 || words.len() == MOST_WORDS {
            return None;
        }
        let (text, behind) = rest.split_at(end);
        words.push(Word { text, separator: behind.chars().next() });
        rest = behind.trim_start_matches(SEPARATORS);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose<'a>(name: &str, version: &str, tags: &[&'a str]) -> TagChoice<'a> {
        choose_tag(tags.iter().copied(), &name.parse().unwrap(), &version.parse().unwrap())
    }

    #[track_caller]
    fn expect(name: &str, version: &str, tags: &[&str], expected: &str) {
        let choice = choose(name, version, tags);
        let expected = if expected.is_empty() { TagChoice::None } else { TagChoice::One(expected) };
        assert_eq!(choice, expected, "{name} {version} among {tags:?}");
        // No answer depends on the order in which a repository lists its tags.
        let reversed: Vec<&str> = tags.iter().rev().copied().collect();
        assert_eq!(choose(name, version, &reversed), expected, "{name} {version} among {reversed:?}");
    }

    #[test]
    fn a_version_is_not_found_inside_of_a_longer_one() {
        expect("demo", "1.0", &["v0.1.0", "v1.0", "v2.1.0"], "v1.0");
        expect("demo", "2.0", &["v1.2.0", "v2.0"], "v2.0");
        expect("demo", "1.0", &["v0.1.0", "v1.0.1", "v11.0", "1.0.x", "v1.0-fix", "x1.0"], "");
        expect("demo", "3", &["1.3", "v3.1", "2.3.3"], "");
    }

    #[test]
    fn a_release_is_no_pre_release_and_the_reverse() {
        expect("demo", "1.0.0", &["v1.0.0a1"], "");
        expect("demo", "1.0.0", &["v1.0.0rc1", "v1.0.0.dev3", "v1.0.0-beta.2", "v1.0.0.post1", "1.0.0-1"], "");
        expect("demo", "1.0.0a1", &["v1.0.0", "v1.0.0a11", "v1.0.0b1"], "");
        expect("demo", "1.0.0.post1", &["v1.0.0", "v1.0.0a1"], "");
        expect("demo", "1.0.0", &["v1.0.0a1", "v1.0.0", "v1.0.0.post1"], "v1.0.0");
    }

    #[test]
    fn another_project_of_the_repository_is_another() {
        let tags = ["pkgA-v1.2.3", "pkgB-v1.2.3"];
        expect("pkga", "1.2.3", &tags, "pkgA-v1.2.3");
        expect("pkgb", "1.2.3", &tags, "pkgB-v1.2.3");
        expect("pkgc", "1.2.3", &tags, "");
        expect("pkg", "1.2.3", &tags, "");
        expect("azure-core", "1.0", &["azure-core-http_1.0", "core_1.0", "my-azure-core_1.0"], "");
        expect("azure-core", "1.0", &["azure-core-http_1.0", "azure-core_1.0", "azure_1.0"], "azure-core_1.0");
    }

    #[test]
    fn numbers_are_compared_and_not_their_digits() {
        expect("pycparser", "3.0", &["release_v3.00", "release_v2.23"], "release_v3.00");
        expect("certifi", "2026.4.22", &["2026.04.22", "2026.02.25"], "2026.04.22");
        expect("tornado", "6.4", &["v6.4.0", "v6.4.1"], "v6.4.0");
        expect("demo", "1.0.0", &["v1"], "v1");
    }

    #[test]
    fn the_spellings_of_a_version_are_one() {
        for (version, tag) in [
            ("1.0rc1", "v1.0-rc1"),
            ("1.0rc1", "v1.0.0-rc.1"),
            ("1.0b2", "1.0.0-beta.2"),
            ("1.0a1", "v1.0-alpha1"),
            ("1.0.dev3", "v1.0-dev3"),
            ("1.0.post1", "1.0-1"),
            ("1.0.post1", "v1.0.r1"),
            ("1.0.post2", "1.0.post02"),
            ("1!2.0", "v1!2.0"),
            ("1.0+cpu.1", "v1.0+cpu-1"),
            ("2.0.30", "rel_2_0_30"),
            ("2.0.0b1", "rel_2_0_0b1"),
            ("2.9.5", "2_9_5"),
            ("1.2.3", "release-1-2-3"),
        ] {
            expect("demo", version, &[tag], tag);
        }
        expect("demo", "1.2", &["release-1-2"], "");
    }

    #[test]
    fn prefixes_that_name_no_project_are_known() {
        for prefix in [
            "",
            "v",
            "V",
            "v.",
            "v-",
            "release-",
            "release_",
            "release/",
            "Release-v",
            "release_v",
            "rel-",
            "rel_",
            "r",
            "version-",
            "version_",
            "ver",
            "releases/v",
            "tags/",
        ] {
            let tag = format!("{prefix}1.0");
            expect("demo", "1.0", &[&tag], &tag);
        }
        for prefix in ["-", "@", "nightly-", "stable/", "backup-v", "vv", "x/", "before-", "python-", "2/"] {
            expect("demo", "1.0", &[&format!("{prefix}1.0")], "");
        }
    }

    #[test]
    fn a_projects_own_name_is_known_in_every_spelling() {
        for prefix in [
            "demo-tool-",
            "demo_tool_",
            "Demo.Tool-v",
            "demo-tool/v",
            "demo-tool/",
            "demo_tool@",
            "demo-tool@v",
            "demo-tool==",
            "release/demo-tool/",
            "release-demo_tool-",
            "demo-tool-release-",
            "packages/demo-tool/v",
            "python/demo-tool-v",
        ] {
            let tag = format!("{prefix}1.0");
            expect("demo-tool", "1.0", &[&tag], &tag);
        }
        for prefix in ["demo-tool", "demo/tool-", "demo@tool-", "tool-", "demo-", "@org/demo-tool@", "demo-tool-docs-"]
        {
            expect("demo-tool", "1.0", &[&format!("{prefix}1.0")], "");
        }
    }

    #[test]
    fn a_name_with_a_number_at_its_end_is_not_taken_apart() {
        expect("demo", "2.post1", &["demo2-1"], "");
        expect("demo2", "1", &["demo2-1", "demo-1"], "demo2-1");
        expect("demo", "2.0", &["demo2.0"], "");
        // Two readings of one tag, each right for its own project.
        expect("demo-2", "1", &["demo-2-1"], "demo-2-1");
        expect("demo", "2.post1", &["demo-2-1"], "demo-2-1");
    }

    #[test]
    fn a_tag_with_the_projects_name_stands_before_one_without() {
        expect("demo", "1.2.3", &["v1.2.3", "demo-v1.2.3", "other-v1.2.3"], "demo-v1.2.3");
        expect("main", "1.2.3", &["v1.2.3", "demo-v1.2.3"], "v1.2.3");
        expect("release", "1.0", &["v1.0", "release-1.0"], "release-1.0");
    }

    #[test]
    fn what_no_name_decides_is_ambiguous() {
        for tags in [["v1.0", "1.0"], ["v1.0", "v1.0.0"], ["release-1.0", "rel_1_0"], ["v01.0", "v1.00"]] {
            let mut sorted = tags.to_vec();
            sorted.sort_unstable();
            assert_eq!(choose("demo", "1.0", &tags), TagChoice::Ambiguous(sorted), "{tags:?}");
        }
        let tags = ["v1.0", "demo-1.0", "1.0", "demo@1.0"];
        assert_eq!(choose("demo", "1.0", &tags), TagChoice::Ambiguous(vec!["demo-1.0", "demo@1.0"]));
        expect("demo", "1.0", &["v1.0", "v1.0"], "v1.0");
    }

    #[test]
    fn hostile_names_are_read_in_no_time() {
        let long = "1.".repeat(100_000);
        let many = format!("{}1.0", "v-".repeat(100));
        for tag in ["", "-", "..", "v", "é1.0", "1.0é", "\u{0}1.0", "99999999999999999999999999", &long, &many] {
            expect("demo", "1.0", &[tag], "");
        }
    }
}
