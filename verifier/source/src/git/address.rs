//! Where a repository is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use twinbuild_subject::MemberPath;

/// What a direct reference to a repository begins with (PEP 440, "Direct references").
const PREFIX: &str = "git+";
/// The longest address, in bytes.
const LIMIT_BYTES: usize = 2000;
const SUBDIRECTORY: &str = "subdirectory=";

/// A repository, and which commit of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRequest {
    /// Where it is.
    pub address: GitAddress,
    /// A tag, branch or commit; `None` for the tag of the release.
    pub revision: Option<String>,
    /// The folder of the project in it, without slashes at its ends; empty for its root.
    pub subdirectory: String,
}

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitAddress {
    /// An address of the scheme `https`, `http` or `git`, without credentials.
    Remote(String),
    /// A folder of this machine.
    Local(PathBuf),
}

/// Why a text is not the address of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a repository that can be asked: {reason}")]
pub struct AddressError {
    /// The text.
    pub found: String,
    /// What is wrong, and what is expected.
    pub reason: &'static str,
}

/// Addresses that are asked in place of others, as git's own `url.BASE.insteadOf`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitRewrites(Vec<GitRewrite>);

/// Addresses that begin with `prefix` are asked at `base`, with what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRewrite {
    /// What addresses begin with.
    pub prefix: String,
    /// What stands in its place: the beginning of an address, or of the path of a folder.
    pub base: String,
}

impl GitRequest {
    /// Reads `git+ADDRESS@REVISION#subdirectory=FOLDER`, or the same with the path of a folder of this machine in the place of `git+ADDRESS`.
    /// Revision and folder may be left out.
    ///
    /// # Errors
    /// [`AddressError`]
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let refuse = |reason| AddressError::new(text, reason);
        let (rest, fragment) = text.split_once('#').map_or((text, None), |(rest, fragment)| (rest, Some(fragment)));
        let subdirectory = match fragment {
            None => "",
            Some(fragment) => fragment
                .strip_prefix(SUBDIRECTORY)
                .ok_or_else(|| refuse("behind # only subdirectory=FOLDER may stand"))?
                .trim_matches('/'),
        };
        if MemberPath::from(subdirectory).components().is_err() && !subdirectory.is_empty() {
            return Err(refuse("its subdirectory does not stay inside of the repository"));
        }
        let is_direct = rest.starts_with(PREFIX);
        let address = rest.strip_prefix(PREFIX).unwrap_or(rest);
        // A user's name stands before the first slash of the path, and a revision behind it; a folder may have an @ in its name.
        let path_start = address.find("://").map_or(0, |at| at + 3);
        let at = address[path_start..].rfind('@').map(|at| at + path_start);
        let is_in_path = |at: &usize| !is_direct || address[path_start..*at].contains('/');
        let is_whole = !is_direct && Path::new(address).is_dir();
        let (address, revision) = match at.filter(is_in_path).filter(|_| !is_whole) {
            Some(at) => (&address[..at], Some(address[at + 1..].to_owned())),
            None => (address, None),
        };
        if revision.as_deref() == Some("") {
            return Err(refuse("a revision is expected behind the @"));
        }
        let address = if is_direct { address.parse()? } else { GitAddress::Local(PathBuf::from(address)) };
        Ok(Self { address, revision, subdirectory: subdirectory.to_owned() })
    }

    /// Whether a text is meant as a repository rather than a file: it begins with `git+`, or is the path of a folder, maybe with a revision.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let path = text.split_once('#').map_or(text, |(path, _)| path);
        let without_revision = path.rsplit_once('@').map_or(path, |(path, _)| path);
        text.starts_with(PREFIX) || Path::new(path).is_dir() || Path::new(without_revision).is_dir()
    }
}

impl GitAddress {
    /// The address that relative ones of submodules are resolved against (git-submodule, "add").
    pub(super) fn join(&self, relative: &str) -> Option<Self> {
        if !relative.starts_with("./") && !relative.starts_with("../") {
            return match relative.parse() {
                Ok(address @ Self::Remote(_)) => Some(address),
                // A repository names no folder of this machine, but beside itself.
                Ok(Self::Local(_)) | Err(_) => None,
            };
        }
        let own = self.to_string();
        let (scheme, mut path) = match own.split_once("://") {
            Some((scheme, path)) => (format!("{scheme}://"), path.trim_end_matches('/').to_owned()),
            None => (String::new(), own.trim_end_matches('/').to_owned()),
        };
        let mut rest = relative;
        loop {
            if let Some(next) = rest.strip_prefix("./") {
                rest = next;
            } else if let Some(next) = rest.strip_prefix("../") {
                let end = path.rfind('/')?;
                path.truncate(end);
                rest = next;
            } else {
                break;
            }
        }
        if rest.is_empty() || rest.split('/').any(|part| part == "..") {
            return None;
        }
        let joined = format!("{scheme}{path}/{rest}");
        match self {
            Self::Remote(_) => joined.parse().ok().filter(|address| matches!(address, Self::Remote(_))),
            Self::Local(_) => Some(Self::Local(PathBuf::from(joined))),
        }
    }

    /// As it stands in a verdict: `git+ADDRESS`, or nothing where only this machine has it.
    #[must_use]
    pub fn uri(&self) -> Option<String> {
        match self {
            Self::Remote(address) => Some(format!("{PREFIX}{address}")),
            Self::Local(_) => None,
        }
    }

    /// As a sentence of a verdict names it, which is to read the same on every machine.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Remote(address) => address,
            Self::Local(_) => "the repository of this machine",
        }
    }

    /// The scheme, for a repository that is asked over the network.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        match self {
            Self::Remote(address) => address.split_once("://").map(|(scheme, _)| scheme),
            Self::Local(_) => None,
        }
    }
}

impl fmt::Display for GitAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(address) => f.write_str(address),
            Self::Local(path) => fmt::Display::fmt(&path.display(), f),
        }
    }
}

impl FromStr for GitAddress {
    type Err = AddressError;

    /// Reads an address of a scheme, or `file:` and the absolute path of a folder.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| AddressError::new(text, reason);
        let is_plain =
            |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '<' | '>' | '`' | '^' | '{' | '}' | '|');
        if text.len() > LIMIT_BYTES || !text.chars().all(is_plain) {
            return Err(refuse("it has characters that no address has, or too many"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refuse("https://HOST/PATH is expected"))?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "https" | "http" | "git" => {}
            "file" if rest.starts_with('/') => return Ok(Self::Local(PathBuf::from(rest))),
            "ssh" => return Err(refuse("ssh needs a key: give its https address")),
            _ => return Err(refuse("https, http, git or file is expected as its scheme")),
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') {
            return Err(refuse("it has credentials, and what is public needs none"));
        }
        let path = path.trim_end_matches('/');
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if host.is_empty() || host.starts_with('-') || !host.chars().all(is_host) || path.is_empty() {
            return Err(refuse("a host and a path are expected"));
        }
        if path.split('/').any(|part| matches!(part, "." | "..")) || path.contains(['?', '#']) {
            return Err(refuse("its path has dots for folders, or a query"));
        }
        Ok(Self::Remote(format!("{scheme}://{}/{path}", host.to_ascii_lowercase())))
    }
}

impl AddressError {
    fn new(found: &str, reason: &'static str) -> Self {
        Self { found: found.chars().take(200).collect(), reason }
    }
}

impl GitRewrites {
    /// Of these; where several begin an address, the longest counts.
    #[must_use]
    pub fn new(mut rewrites: Vec<GitRewrite>) -> Self {
        rewrites.retain(|rewrite| !rewrite.prefix.is_empty());
        rewrites.sort_by_key(|rewrite| std::cmp::Reverse(rewrite.prefix.len()));
        Self(rewrites)
    }

    /// Where an address is asked.
    ///
    /// # Errors
    /// [`AddressError`], where what it comes to is no address.
    pub fn apply(&self, address: &GitAddress) -> Result<GitAddress, AddressError> {
        let GitAddress::Remote(text) = address else { return Ok(address.clone()) };
        let found = self.0.iter().find_map(|rewrite| Some((rewrite, text.strip_prefix(&rewrite.prefix)?)));
        let Some((GitRewrite { base, .. }, rest)) = found else { return Ok(address.clone()) };
        let written = format!("{base}{rest}");
        if written.starts_with('/') { Ok(GitAddress::Local(PathBuf::from(written))) } else { written.parse() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> GitAddress {
        GitAddress::Remote(text.to_owned())
    }

    #[test]
    fn addresses_are_read_with_revision_and_folder() {
        for (text, address, revision, subdirectory) in [
            ("git+https://Example.org/a/b.git@v1.0", "https://example.org/a/b.git", Some("v1.0"), ""),
            ("git+https://example.org/a/b/", "https://example.org/a/b", None, ""),
            ("git+https://example.org/a/b@x/y#subdirectory=c/d/", "https://example.org/a/b", Some("x/y"), "c/d"),
            ("git+http://127.0.0.1:80/b@demo@1.0", "http://127.0.0.1:80/b@demo", Some("1.0"), ""),
        ] {
            let request = GitRequest::parse(text).unwrap();
            assert_eq!((request.address, request.revision.as_deref()), (remote(address), revision), "{text}");
            assert_eq!(request.subdirectory, subdirectory);
        }
        let local = GitRequest::parse("/tmp/some/repository@v1").unwrap();
        assert_eq!(
            (local.address, local.revision.as_deref()),
            (GitAddress::Local("/tmp/some/repository".into()), Some("v1"))
        );
    }

    #[test]
    fn a_folder_may_have_an_at_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a@b");
        std::fs::create_dir(&path).unwrap();
        let text = path.to_str().unwrap();
        let of = |text: &str| GitRequest::parse(text).map(|request| (request.address, request.revision));
        assert_eq!(of(text), Ok((GitAddress::Local(path.clone()), None)));
        assert_eq!(of(&format!("{text}@v1")), Ok((GitAddress::Local(path.clone()), Some("v1".to_owned()))));
        assert!(GitRequest::is_meant(text) && GitRequest::is_meant(&format!("{text}@v1#subdirectory=x")));
        assert!(!GitRequest::is_meant(&format!("{text}.tar.gz")));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for text in [
            "git+ssh://git@example.org/a/b",
            "git+git@example.org:a/b",
            "git+https://user:secret@example.org/a",
            "git+https://example.org",
            "git+https://-x/a",
            "git+ext::sh -c x",
            "git+https://example.org/a/../b",
            "git+https://example.org/a?b=c",
            "git+https://example.org/a\n",
            "git+https://example.org/a@",
            "git+https://example.org/a#egg=x",
            "git+https://example.org/a#subdirectory=../x",
            "git+--upload-pack=x",
        ] {
            assert!(GitRequest::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_beginning_is_rewritten() {
        let rewrite = |prefix: &str, base: &str| GitRewrite { prefix: prefix.to_owned(), base: base.to_owned() };
        let rewrites = GitRewrites::new(vec![
            rewrite("https://example.org/", "https://mirror.example/"),
            rewrite("https://example.org/own/", "/srv/git/"),
            rewrite("https://ssh.example/", "ssh://x/"),
        ]);
        assert_eq!(rewrites.apply(&remote("https://example.org/a/b")), Ok(remote("https://mirror.example/a/b")));
        assert_eq!(rewrites.apply(&remote("https://example.org/own/b")), Ok(GitAddress::Local("/srv/git/b".into())));
        assert_eq!(rewrites.apply(&remote("https://other.org/a")), Ok(remote("https://other.org/a")));
        assert!(rewrites.apply(&remote("https://ssh.example/a")).is_err());
    }

    #[test]
    fn submodules_are_named_relative_to_their_repository_or_elsewhere_and_by_no_path_of_this_machine() {
        let own = remote("https://example.org/a/b.git");
        assert_eq!(own.join("../c.git"), Some(remote("https://example.org/a/c.git")));
        assert_eq!(own.join("../../x/c"), Some(remote("https://example.org/x/c")));
        assert_eq!(own.join("./c"), Some(remote("https://example.org/a/b.git/c")));
        assert_eq!(own.join("https://other.org/c"), Some(remote("https://other.org/c")));
        for refused in ["/etc", "file:///etc", "../../../../etc", "ext::x", "git@h:x", "", "../..", "--x"] {
            assert_eq!(own.join(refused), None, "{refused}");
        }
        let local = GitAddress::Local("/srv/a/b".into());
        assert_eq!(local.join("../c"), Some(GitAddress::Local("/srv/a/c".into())));
        assert_eq!(local.join("/etc"), None);
        assert_eq!(local.join("file:///etc"), None);
    }
}
