//! One requirement of a requirements file: a project with a version, an address, a path.

use std::path::Path;

use pep440_rs::{Operator, Version};
use pep508_rs::VersionOrUrl;
use twinbuild_recipe::{SourceError, check_requirement};
use twinbuild_subject::PackageName;

use crate::digest::{Digest, named_file};
use crate::locked::release_of;
use crate::{FileKind, Locked, LockedFile, Reason, Source, address};

/// What a requirement comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Requirement {
    Pinned(Pinned),
    Open { name: Option<PackageName>, reason: Reason },
}

/// A [`Locked`] without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    name: PackageName,
    version: Version,
    files: Vec<LockedFile>,
    source: Source,
    marker: Option<String>,
}

impl Pinned {
    pub(crate) fn at(self, path: &Path, line: usize) -> Locked {
        let Self { name, version, files, source, marker } = self;
        Locked { name, version, files, source, marker, path: path.to_owned(), line: Some(line) }
    }
}

/// What is wrong with a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) found: String,
    pub(crate) expected: String,
}

/// Reads a requirement without its options. The condition behind its semicolon is kept as it is and not read: reading it
/// can take more memory than there is.
pub(crate) fn read(text: &str, digests: Vec<Digest>) -> Result<Requirement, Misfit> {
    // In an address a semicolon divides only before a blank.
    let separator = if is_url(text) { "; " } else { ";" };
    let (head, marker) = match text.split_once(separator) {
        Some((head, marker)) => (head.trim(), Some(marker.trim().to_owned()).filter(|marker| !marker.is_empty())),
        None => (text, None),
    };
    if is_url(head) {
        return at_address(None, head, marker, digests);
    }
    if let Some((before, url)) = head.split_once('@')
        && !is_path(before)
    {
        let misfit = || misfit(head, "a project's name, @ and an address");
        let name = before.split('[').next().unwrap_or_default().trim().parse().map_err(|_| misfit())?;
        let url = url.trim();
        return if is_url(url) { at_address(Some(name), url, marker, digests) } else { Err(misfit()) };
    }
    if is_path(head) {
        let name = address::file_name(head).filter(|name| FileKind::of(name) != FileKind::Unknown);
        return match name {
            Some(file_name) => a_file(None, &file_name, Source::Path { path: head.to_owned() }, marker, digests),
            None => Ok(Requirement::Open {
                name: None,
                reason: Reason::Folder { folder: head.to_owned(), is_editable: false },
            }),
        };
    }
    of_project(head, marker, digests)
}

/// Why what `-e` names is not pinned.
pub(crate) fn editable(value: &str) -> Reason {
    match version_control(value) {
        Some(("git", repository)) => commit(repository),
        Some((system, _)) => Reason::OtherVersionControl { system: system.to_owned() },
        None => Reason::Folder { folder: value.to_owned(), is_editable: true },
    }
}

fn of_project(head: &str, marker: Option<String>, digests: Vec<Digest>) -> Result<Requirement, Misfit> {
    let requirement = check_requirement("requirements.txt", head).map_err(|error| match error {
        SourceError::Requirement { reason, .. } => misfit(head, &format!("a requirement (PEP 508); {reason}")),
        other => misfit(head, &format!("a requirement (PEP 508); {other}")),
    })?;
    let name: PackageName =
        requirement.name.as_ref().parse().map_err(|_| misfit(head, "a project's name (PEP 503)"))?;
    let exact = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => match &specifiers[..] {
            [only] if matches!(only.operator(), Operator::Equal | Operator::ExactEqual) => Some(only.version().clone()),
            _ => None,
        },
        _ => None,
    };
    let Some(version) = exact else {
        return Ok(Requirement::Open { name: Some(name), reason: Reason::NoVersion });
    };
    let files = digests.into_iter().map(Digest::into_file).collect();
    Ok(Requirement::Pinned(Pinned { name, version, files, source: Source::Registry { index: None }, marker }))
}

fn at_address(
    name: Option<PackageName>,
    url: &str,
    marker: Option<String>,
    mut digests: Vec<Digest>,
) -> Result<Requirement, Misfit> {
    let (bare, pairs) = address::fragment(url);
    let value_of = |key: &str| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    if let Some((system, repository)) = version_control(bare) {
        let named = || value_of("egg")?.split('[').next()?.parse().ok();
        let reason = match system {
            "git" => commit(repository),
            system => Reason::OtherVersionControl { system: system.to_owned() },
        };
        return Ok(Requirement::Open { name: name.or_else(named), reason });
    }
    for algorithm in ["sha256", "sha384", "sha512"] {
        if let Some(value) = value_of(algorithm) {
            let digest =
                Digest::of(algorithm, value).ok_or_else(|| misfit(url, "an address with the digest of its file"))?;
            if !digests.contains(&digest) {
                digests.push(digest);
            }
        }
    }
    match address::file_name(bare) {
        Some(file_name) => a_file(name, &file_name, Source::Url { url: bare.to_owned() }, marker, digests),
        None => Ok(Requirement::Open { name, reason: Reason::NoDigest }),
    }
}

/// A file by its path or address. Several digests are of several files: pip takes any of them.
fn a_file(
    name: Option<PackageName>,
    file_name: &str,
    source: Source,
    marker: Option<String>,
    digests: Vec<Digest>,
) -> Result<Requirement, Misfit> {
    let release = release_of(file_name);
    if let (Some(name), Some((of, _))) = (&name, &release)
        && name != of
        && file_name.ends_with(".whl")
    {
        return Err(misfit(file_name, &format!("a wheel of {name}")));
    }
    let release = release.filter(|(of, _)| name.as_ref().is_none_or(|name| name == of));
    let reason = if digests.is_empty() { Reason::NoDigest } else { Reason::UnknownVersion };
    match release {
        Some((name, version)) if !digests.is_empty() => {
            let files = digests.into_iter().map(|digest| named_file(Some(file_name.to_owned()), [digest])).collect();
            Ok(Requirement::Pinned(Pinned { name, version, files, source, marker }))
        }
        Some((name, _)) => Ok(Requirement::Open { name: Some(name), reason }),
        None => Ok(Requirement::Open { name, reason }),
    }
}

/// A commit, of which a requirements file never tells the version.
fn commit(address: &str) -> Reason {
    let (address, _) = address::fragment(address);
    let (repository, revision) = address::revision(address);
    let repository = repository.to_owned();
    match revision.filter(|revision| revision.parse::<twinbuild_subject::ObjectId>().is_ok()) {
        Some(commit) => Reason::Commit { repository, commit: commit.to_owned() },
        None => Reason::NoCommit { repository },
    }
}

/// The version control of `git+https://..` and the like, and the address behind it.
fn version_control(url: &str) -> Option<(&str, &str)> {
    let (system, address) = url.split_once('+')?;
    matches!(system, "git" | "hg" | "svn" | "bzr").then_some((system, address))
}

/// Whether pip takes text for an address: by its scheme.
fn is_url(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
    matches!(scheme.as_str(), "http" | "https" | "file" | "ftp") || version_control(&scheme).is_some()
}

/// Whether pip takes text for a path: by a separator, a dot in front, or the ending of an archive.
fn is_path(text: &str) -> bool {
    const ENDINGS: [&str; 8] = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".tbz"];
    text.contains(['/', '\\']) || text.starts_with('.') || ENDINGS.iter().any(|ending| text.ends_with(ending))
}

fn misfit(found: &str, expected: &str) -> Misfit {
    Misfit { found: found.to_owned(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> (Option<String>, Reason) {
        match read(text, Vec::new()).unwrap() {
            Requirement::Open { name, reason } => (name.map(|name| name.to_string()), reason),
            Requirement::Pinned(pinned) => panic!("{pinned:?}"),
        }
    }

    fn pinned(text: &str) -> Pinned {
        match read(text, Vec::new()).unwrap() {
            Requirement::Pinned(pinned) => pinned,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_exact_version_pins() {
        for text in ["Six==1.16", "six[a,b] == 1.16", "six (==1.16)", "six===1.16"] {
            let pinned = pinned(text);
            assert_eq!((pinned.name.as_str(), pinned.version.to_string()), ("six", "1.16".to_owned()), "{text}");
        }
        let marker = pinned("six==1; python_version < '3' or extra == 'a'").marker;
        assert_eq!(marker.as_deref(), Some("python_version < '3' or extra == 'a'"));
    }

    #[test]
    fn anything_else_does_not() {
        for text in ["six", "six>=1", "six==1.*", "six==1,>0", "six~=1.0", "six==1,==1"] {
            assert_eq!(open(text), (Some("six".to_owned()), Reason::NoVersion), "{text}");
        }
        let commit = "a".repeat(40);
        let repository = "https://git.example/six.git".to_owned();
        let at = Reason::Commit { repository: repository.clone(), commit: commit.clone() };
        let name = Some("six".to_owned());
        assert_eq!(
            open(&format!("six @ git+{repository}@{commit} ; python_version > '3'")),
            (name.clone(), at.clone())
        );
        assert_eq!(open(&format!("git+{repository}@{commit}#egg=six[x]&subdirectory=y")), (name.clone(), at));
        assert_eq!(open(&format!("git+{repository}@main#egg=six")), (name, Reason::NoCommit { repository }));
        assert_eq!(open("hg+https://x.example/a").1, Reason::OtherVersionControl { system: "hg".to_owned() });
        assert_eq!(open("./a/b").1, Reason::Folder { folder: "./a/b".to_owned(), is_editable: false });
        assert_eq!(open("six-1.0-py3-none-any.whl"), (Some("six".to_owned()), Reason::NoDigest));
        assert_eq!(open("https://files.example/main.zip"), (None, Reason::NoDigest));
        assert_eq!(open("https://files.example/"), (None, Reason::NoDigest));
    }

    #[test]
    fn a_file_with_a_digest_is_pinned_by_its_name() {
        let digest = twinbuild_subject::Sha256::of(b"");
        let found = pinned(&format!("six @ https://files.example/six-1.0-py3-none-any.whl#sha256={digest}"));
        assert_eq!(found.source, Source::Url { url: "https://files.example/six-1.0-py3-none-any.whl".to_owned() });
        assert_eq!((found.files[0].sha256, found.files[0].kind), (Some(digest), FileKind::Wheel));
        let found = read("https://files.example/main.zip", vec![Digest::Sha256(digest)]).unwrap();
        assert_eq!(found, Requirement::Open { name: None, reason: Reason::UnknownVersion });
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        for text in [
            "six==",
            "six==1 six",
            "six six",
            "==1",
            "six @ ",
            "six @ six",
            "@ https://a.example/b",
            "six_",
            "six[a_]==1",
            "six==1.0-x-y",
            "toml @ https://files.example/six-1.0-py3-none-any.whl",
            "six @ https://files.example/six-1.0-py3-none-any.whl#sha256=ab",
            ";",
        ] {
            assert!(read(text, Vec::new()).is_err(), "{text}");
        }
    }
}
