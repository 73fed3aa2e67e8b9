//! Where indexes are, and who said so.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use twinbuild_store::{Url, without_credentials};

use crate::{defaults, pip_conf};

/// Who named an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressOrigin {
    /// The user, by flag, variable or configuration of twinbuild.
    Override,
    /// An environment variable of uv or pip.
    Variable(&'static str),
    /// A configuration file of pip.
    File(PathBuf),
    /// Nobody: the built-in default.
    BuiltIn,
}

/// An address that cannot be used. Its text is not shown, for it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not an http or https URL.
    #[error("the index address given by {origin} is no http or https URL: {reason}")]
    NotAUrl {
        /// Who named it.
        origin: AddressOrigin,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration file of pip exists and cannot be read.
    #[error("cannot read the pip configuration {}, which may name an index: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Where the Python package index is: the base of its simple API. Credentials in it are sent, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PypiIndex {
    url: Url,
    origin: AddressOrigin,
}

/// Where the Debian archive is, and where it is kept as it was. Credentials in it are sent, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DebianMirror {
    url: Url,
    origin: AddressOrigin,
    /// An address in which `{date}` stands for a moment.
    snapshots: String,
    snapshots_origin: AddressOrigin,
}

impl PypiIndex {
    /// The index to use: `over` if given; else what uv would use (`UV_DEFAULT_INDEX`, `UV_INDEX_URL`); else what pip would
    /// use (`PIP_INDEX_URL`, then `index-url` in its configuration files, those of the user before that of the
    /// system); else PyPI. `variable` gives the value of an environment variable.
    ///
    /// # Errors
    /// [`AddressError`] for the first of these that is there and cannot be used; later ones are not tried.
    pub fn discover(over: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, AddressError> {
        let given = |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if let Some(text) = over {
            return Self::new(text, AddressOrigin::Override);
        }
        for name in ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"] {
            if let Some(text) = given(name) {
                let text = if name == "UV_DEFAULT_INDEX" { without_name(&text) } else { &text };
                return Self::new(text, AddressOrigin::Variable(name));
            }
        }
        for path in pip_conf::paths(given) {
            if let Some(text) = pip_conf::index_url(&path)? {
                return Self::new(&text, AddressOrigin::File(path));
            }
        }
        Self::new(defaults::PYPI, AddressOrigin::BuiltIn)
    }

    /// The index at `text`.
    ///
    /// # Errors
    /// [`AddressError::NotAUrl`].
    pub fn new(text: &str, origin: AddressOrigin) -> Result<Self, AddressError> {
        base_url(text, &origin).map(|url| Self { url, origin })
    }

    /// Whether it is PyPI itself, at the address that is built in.
    #[must_use]
    pub fn is_pypi(&self) -> bool {
        without_credentials(&self.url) == defaults::PYPI
    }

    /// Who named it.
    #[must_use]
    pub fn origin(&self) -> &AddressOrigin {
        &self.origin
    }

    /// The base URL with its credentials, to be handed to a client; it ends with a slash. Show the `Display` of this value
    /// instead.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl DebianMirror {
    /// The archive to use: `over` if given, else the built-in default; and likewise `snapshots`, the address of the archive
    /// as it was, in which `{date}` stands for a moment in the form `20260131T235959Z`. One without `{date}` is an
    /// archive that stands still.
    ///
    /// # Errors
    /// [`AddressError::NotAUrl`].
    pub fn discover(over: Option<&str>, snapshots: Option<&str>) -> Result<Self, AddressError> {
        let or_built_in = |over: Option<&str>, built_in: &str| match over {
            Some(text) => (text.to_owned(), AddressOrigin::Override),
            None => (built_in.to_owned(), AddressOrigin::BuiltIn),
        };
        let (text, origin) = or_built_in(over, defaults::DEBIAN);
        let (snapshots, snapshots_origin) = or_built_in(snapshots, defaults::DEBIAN_SNAPSHOT);
        let url = base_url(&text, &origin)?;
        let mirror = Self { url, origin, snapshots, snapshots_origin };
        // An address that cannot be used is said at once, and not only where it is needed.
        mirror.snapshot(Timestamp::UNIX_EPOCH)?;
        Ok(mirror)
    }

    /// Where the archive is kept as it was at the moment `date`, whose fractions of a second do not count.
    ///
    /// # Errors
    /// [`AddressError::NotAUrl`].
    pub fn snapshot(&self, date: Timestamp) -> Result<Self, AddressError> {
        let date = date.strftime("%Y%m%dT%H%M%SZ").to_string();
        let url = base_url(&self.snapshots.replace("{date}", &date), &self.snapshots_origin)?;
        Ok(Self { url, origin: self.snapshots_origin.clone(), ..self.clone() })
    }

    /// Who named it.
    #[must_use]
    pub fn origin(&self) -> &AddressOrigin {
        &self.origin
    }

    /// The base URL with its credentials; it ends with a slash. Show the `Display` of this value instead.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// uv allows `name=URL`.
fn without_name(text: &str) -> &str {
    let is_name = |name: &str| !name.contains([':', '/']);
    text.split_once('=').filter(|(name, _)| is_name(name)).map_or(text, |(_, url)| url)
}

/// A URL that relative ones can be joined to.
fn base_url(text: &str, origin: &AddressOrigin) -> Result<Url, AddressError> {
    let refuse = |reason: &str| AddressError::NotAUrl { origin: origin.clone(), reason: reason.to_owned() };
    let mut url: Url = text.trim().parse().map_err(|error| refuse(&format!("{error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("another scheme was found"));
    }
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

impl fmt::Display for AddressOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Override => f.write_str("your configuration of twinbuild"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn => f.write_str("the built-in default"),
        }
    }
}

impl fmt::Display for PypiIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(&self.url))
    }
}

impl fmt::Debug for PypiIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PypiIndex({self}, from {})", self.origin)
    }
}

impl fmt::Display for DebianMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(&self.url))
    }
}

impl fmt::Debug for DebianMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DebianMirror({self}, from {})", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An environment without configuration files of pip, with these variables.
    fn environment<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            let found = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            found.or_else(|| (name == "PIP_CONFIG_FILE").then(|| "/dev/null".to_owned()))
        }
    }

    #[test]
    fn uv_goes_before_pip_and_the_user_before_both() {
        let variables = [
            ("PIP_INDEX_URL", "https://pip.example/simple"),
            ("UV_INDEX_URL", " "),
            ("UV_DEFAULT_INDEX", "inner=https://uv.example/simple?x=a=b"),
        ];
        let found = PypiIndex::discover(None, environment(&variables)).unwrap();
        assert_eq!(found.url().as_str(), "https://uv.example/simple/?x=a=b");
        assert_eq!(found.origin(), &AddressOrigin::Variable("UV_DEFAULT_INDEX"));
        let found = PypiIndex::discover(None, environment(&variables[..2])).unwrap();
        assert_eq!(found.origin(), &AddressOrigin::Variable("PIP_INDEX_URL"));
        let found = PypiIndex::discover(Some("https://own.example"), environment(&variables)).unwrap();
        assert_eq!((found.url().as_str(), found.origin()), ("https://own.example/", &AddressOrigin::Override));
        let found = PypiIndex::discover(None, environment(&[])).unwrap();
        assert_eq!((found.url().as_str(), found.origin()), (defaults::PYPI, &AddressOrigin::BuiltIn));
        assert!(found.is_pypi());
        let unslashed = PypiIndex::new(defaults::PYPI.trim_end_matches('/'), AddressOrigin::Override).unwrap();
        assert!(unslashed.is_pypi());
        assert!(!PypiIndex::new("https://own.example/simple", AddressOrigin::Override).unwrap().is_pypi());
    }

    #[test]
    fn pip_configuration_files_are_read_in_pips_order() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let user = folder.path().join(".config/pip/pip.conf");
        std::fs::create_dir_all(user.parent().unwrap()).unwrap();
        std::fs::write(&user, "[global]\nindex-url = https://user.example/simple\n").unwrap();
        let found = PypiIndex::discover(None, |name| (name == "HOME").then(|| home.to_owned())).unwrap();
        assert_eq!(found.origin(), &AddressOrigin::File(user));
        let named = folder.path().join("named.conf");
        std::fs::write(&named, "[install]\nindex_url: https://named.example/simple\n").unwrap();
        let found = PypiIndex::discover(None, |name| match name {
            "HOME" => Some(home.to_owned()),
            "PIP_CONFIG_FILE" => Some(named.to_str().unwrap().to_owned()),
            _ => None,
        });
        assert_eq!(found.unwrap().origin(), &AddressOrigin::File(named));
    }

    #[test]
    fn a_snapshot_has_its_moment_in_its_address() {
        let date = "2026-01-31T23:59:58.9Z".parse().unwrap();
        let built_in = DebianMirror::discover(None, None).unwrap().snapshot(date).unwrap();
        assert!(built_in.url().path().ends_with("/20260131T235958Z/"), "{built_in}");
        assert_eq!(built_in.origin(), &AddressOrigin::BuiltIn);
        let own = DebianMirror::discover(None, Some("https://own.example/{date}/debian")).unwrap();
        assert_eq!(own.origin(), &AddressOrigin::BuiltIn);
        let own = own.snapshot(date).unwrap();
        assert_eq!(own.url().as_str(), "https://own.example/20260131T235958Z/debian/");
        assert_eq!(own.origin(), &AddressOrigin::Override);
        assert!(DebianMirror::discover(None, Some("{date}")).is_err());
    }

    #[test]
    fn credentials_are_never_shown() {
        let index = PypiIndex::discover(Some("https://user:secret@index.example/simple"), |_| None).unwrap();
        assert_eq!(index.url().password(), Some("secret"));
        let mirror = DebianMirror::discover(Some("https://user:secret@index.example"), None).unwrap();
        let bad = PypiIndex::discover(Some("ftp://user:secret@index.example"), |_| None).unwrap_err();
        let worse = PypiIndex::discover(Some("https://user:secret@:x"), |_| None).unwrap_err();
        let shown = format!("{index} {index:?} {mirror} {mirror:?} {bad} {bad:?} {worse} {worse:?}");
        assert!(!shown.contains("secret") && !shown.contains("user:"), "{shown}");
    }
}
