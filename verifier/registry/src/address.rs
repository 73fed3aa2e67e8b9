//! Where indexes are, and who said so.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use twinbuild_store::{Url, without_credentials};

use crate::client_file::ConfiguredIndex;
use crate::{defaults, netrc, pip_conf, uv_conf};

/// Who named an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressOrigin {
    /// The user, by flag, variable or configuration of twinbuild.
    Override,
    /// An environment variable of uv or pip.
    Variable(&'static str),
    /// A configuration file of uv or pip.
    File(PathBuf),
    /// Nobody: the built-in default.
    BuiltIn,
}

/// An address that cannot be used. Its text is not shown, for it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not an http or https URL.
    #[error(
        "the index address given by {origin} is no http or https URL: {reason}: correct it there, or name another with --index-url"
    )]
    NotAUrl {
        /// Who named it.
        origin: AddressOrigin,
        /// What is wrong with it.
        reason: String,
    },
    /// A configuration file of uv or pip, or a netrc file, exists and cannot be read.
    #[error("cannot read {}, which may name an index or have its credentials: {reason}: correct it, or name another index with --index-url",
        path.display())]
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
    not_asked: Vec<AddressOrigin>,
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
    /// The index to use, with its credentials: [`PypiIndex::discover_in`] the folder that this program is in.
    ///
    /// # Errors
    /// As there.
    pub fn discover(over: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, AddressError> {
        // Where the folder cannot be told, there is no project either.
        Self::discover_in(std::env::current_dir().ok().as_deref(), over, variable)
    }

    /// The index to use, the first of these that is there:
    /// 1. `over`;
    /// 2. what uv would use: `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, then its files: `uv.toml` or `pyproject.toml` of the project that
    ///    `project` is in, that of the user, that of the system (or the one that `UV_CONFIG_FILE` names), in which a table `[[index]]`
    ///    with `default = true` goes before `index-url`;
    /// 3. what pip would use: `PIP_INDEX_URL`, then `index-url` in its files: the one that `PIP_CONFIG_FILE` names, those of the virtual
    ///    environment, of the user and of the system;
    /// 4. PyPI.
    ///
    /// Its credentials are those in the address, else those that uv has by its name (`UV_INDEX_NAME_USERNAME`, `UV_INDEX_NAME_PASSWORD`),
    /// else those of its host in the netrc file, which are never sent over plain http but to this machine.
    ///
    /// Indexes that uv or pip would ask as well are not asked: [`PypiIndex::not_asked`].
    ///
    /// `variable` gives the value of an environment variable.
    ///
    /// # Errors
    /// [`AddressError`] for the first of these that is there and cannot be used; later ones are not tried.
    pub fn discover_in(
        project: Option<&Path>,
        over: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, AddressError> {
        let given = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let mut index = match over {
            Some(text) => Self::new(text, AddressOrigin::Override)?,
            None => Self::of_clients(project, given)?,
        };
        index.take_credentials(given)?;
        Ok(index)
    }

    /// What the clients would use, else PyPI.
    fn of_clients(project: Option<&Path>, given: impl Fn(&str) -> Option<String>) -> Result<Self, AddressError> {
        let variable = |name: &'static str| given(name).map(|text| (text, AddressOrigin::Variable(name)));
        let (uv, pip) = (uv_conf::indexes(&given, project), pip_conf::indexes(&given));
        let extra = ["UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"];
        let mut not_asked: Vec<AddressOrigin> =
            extra.into_iter().filter_map(variable).map(|(_, origin)| origin).collect();
        let files = [&uv, &pip].into_iter().flatten().flat_map(|found| found.extra.clone());
        not_asked.extend(files.map(AddressOrigin::File));
        let index = match variable("UV_DEFAULT_INDEX").or_else(|| variable("UV_INDEX_URL")) {
            Some((text, origin)) => {
                let (name, url) = named(&text);
                Self::new(url, origin)?.with_credentials_of(name, &given)
            }
            None => match (uv?.default, variable("PIP_INDEX_URL")) {
                (Some(ConfiguredIndex { url, name, path }), _) => {
                    Self::new(&url, AddressOrigin::File(path))?.with_credentials_of(name.as_deref(), &given)
                }
                (None, Some((text, origin))) => Self::new(&text, origin)?,
                (None, None) => match pip?.default {
                    Some(ConfiguredIndex { url, path, .. }) => Self::new(&url, AddressOrigin::File(path))?,
                    None => Self::new(defaults::PYPI, AddressOrigin::BuiltIn)?,
                },
            },
        };
        Ok(Self { not_asked, ..index })
    }

    /// The credentials that uv has of an index by its name, in which all but letters and digits stand as `_`.
    fn with_credentials_of(mut self, name: Option<&str>, given: &impl Fn(&str) -> Option<String>) -> Self {
        let Some(name) = name else { return self };
        let in_variable = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let name: String = name.chars().map(in_variable).collect();
        let [user, password] = ["USERNAME", "PASSWORD"].map(|what| given(&format!("UV_INDEX_{name}_{what}")));
        if user.is_some() || password.is_some() {
            self.set_credentials((user.unwrap_or_default(), password.unwrap_or_default()));
        }
        self
    }

    /// Takes the credentials that the netrc file has for the host, unless it has some.
    fn take_credentials(&mut self, given: impl Fn(&str) -> Option<String>) -> Result<(), AddressError> {
        let has_some = !self.url.username().is_empty() || self.url.password().is_some();
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_this_machine =
            host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        if has_some || !(self.url.scheme() == "https" || is_this_machine) {
            return Ok(());
        }
        if let Some(credentials) = netrc::credentials(&host, given)? {
            self.set_credentials(credentials);
        }
        Ok(())
    }

    fn set_credentials(&mut self, (user, password): netrc::Credentials) {
        if self.url.username().is_empty() && self.url.password().is_none() {
            // Both fail only on URLs that cannot have credentials, and those of http can.
            let _ = self.url.set_username(&user);
            let _ = self.url.set_password(Some(&password).filter(|password| !password.is_empty()).map(String::as_str));
        }
    }

    /// The index at `text`.
    ///
    /// # Errors
    /// [`AddressError::NotAUrl`].
    pub fn new(text: &str, origin: AddressOrigin) -> Result<Self, AddressError> {
        base_url(text, &origin).map(|url| Self { url, origin, not_asked: Vec::new() })
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

    /// Who named indexes that uv or pip would ask as well. One of these could answer for a project that belongs to another, so the files of all
    /// projects are those of one index.
    #[must_use]
    pub fn not_asked(&self) -> &[AddressOrigin] {
        &self.not_asked
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

/// uv allows `name=URL`: the name, and the address.
fn named(text: &str) -> (Option<&str>, &str) {
    let is_name = |name: &str| !name.contains([':', '/']);
    let parts = text.split_once('=').filter(|(name, _)| is_name(name));
    parts.map_or((None, text), |(name, url)| (Some(name), url))
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

    /// An environment without configuration files of uv and pip, with these variables.
    fn environment<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            let found = variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            found.or_else(|| match name {
                "PIP_CONFIG_FILE" => Some("/dev/null".to_owned()),
                "UV_NO_CONFIG" => Some("1".to_owned()),
                _ => None,
            })
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
    fn files_of_uv_go_before_pip_and_variables_before_the_files_of_each() {
        let folder = tempfile::tempdir().unwrap();
        let [uv, pip] = ["uv.toml", "pip.conf"].map(|name| folder.path().join(name));
        std::fs::write(&uv, "index-url = 'https://uv.example/simple'\n").unwrap();
        std::fs::write(&pip, "[install]\nindex_url: https://pip.example/simple\n").unwrap();
        let found = |variables: &[(&str, &str)]| {
            let pip = pip.to_str().unwrap();
            let variables = [&[("PIP_CONFIG_FILE", pip), ("UV_NO_CONFIG", "0")][..], variables].concat();
            let variables: Vec<_> = variables.into_iter().rev().collect();
            PypiIndex::discover_in(Some(folder.path()), None, environment(&variables)).unwrap().origin
        };
        let variable = AddressOrigin::Variable;
        assert_eq!(found(&[("UV_INDEX_URL", "https://a.example")]), variable("UV_INDEX_URL"));
        assert_eq!(found(&[("PIP_INDEX_URL", "https://a.example")]), AddressOrigin::File(uv.clone()));
        assert_eq!(found(&[("UV_NO_CONFIG", "1"), ("PIP_INDEX_URL", "https://a.example")]), variable("PIP_INDEX_URL"));
        assert_eq!(found(&[("UV_NO_CONFIG", "1")]), AddressOrigin::File(pip.clone()));
        std::fs::write(&uv, "index-url = [").unwrap();
        let variables = [("UV_NO_CONFIG", "0")];
        let environment = environment(&variables);
        let error = PypiIndex::discover_in(Some(folder.path()), None, environment).unwrap_err();
        assert!(error.to_string().contains("uv.toml"), "what cannot be read is not passed over: {error}");
    }

    #[test]
    fn indexes_that_clients_would_ask_as_well_are_told_and_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        let pip = folder.path().join("pip.conf");
        std::fs::write(&pip, "[global]\nextra-index-url = https://extra.example/simple\n").unwrap();
        let variables = [
            ("UV_INDEX", "https://own.example/simple"),
            ("PIP_EXTRA_INDEX_URL", "https://more.example/simple"),
            ("PIP_CONFIG_FILE", pip.to_str().unwrap()),
        ];
        let found = PypiIndex::discover(None, environment(&variables)).unwrap();
        assert_eq!(found.origin(), &AddressOrigin::BuiltIn);
        let [one, two] = ["UV_INDEX", "PIP_EXTRA_INDEX_URL"].map(AddressOrigin::Variable);
        assert_eq!(found.not_asked(), [one, two, AddressOrigin::File(pip.clone())]);
        let found = PypiIndex::discover(Some("https://own.example"), environment(&variables)).unwrap();
        assert!(found.not_asked().is_empty(), "who names one has chosen");
    }

    #[test]
    fn credentials_are_those_of_the_address_then_those_by_name_then_those_of_the_netrc_file() {
        let folder = tempfile::tempdir().unwrap();
        let netrc = folder.path().join("netrc");
        std::fs::write(&netrc, "machine a.example login n password netrc\nmachine 127.0.0.1 login l password local")
            .unwrap();
        let found = |address: &str| {
            let variables = [
                ("UV_DEFAULT_INDEX", address),
                ("NETRC", netrc.to_str().unwrap()),
                ("UV_INDEX_IN_HOUSE_USERNAME", "u"),
                ("UV_INDEX_IN_HOUSE_PASSWORD", "named"),
            ];
            let index = PypiIndex::discover(None, environment(&variables)).unwrap();
            assert!(!index.to_string().contains('@'), "{index}");
            index.url().password().map(str::to_owned)
        };
        assert_eq!(found("in-house=https://x:given@a.example/simple").as_deref(), Some("given"));
        assert_eq!(found("in-house=https://a.example/simple").as_deref(), Some("named"));
        assert_eq!(found("https://a.example/simple").as_deref(), Some("netrc"));
        assert_eq!(found("https://b.example/simple"), None);
        assert_eq!(found("http://a.example/simple"), None, "nobody may read it on the way");
        assert_eq!(found("http://127.0.0.1:8080/simple").as_deref(), Some("local"));
        let variables = [("NETRC", netrc.to_str().unwrap())];
        let over = PypiIndex::discover(Some("https://a.example"), environment(&variables)).unwrap();
        assert_eq!(over.url().password(), Some("netrc"), "however the index is named");
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
