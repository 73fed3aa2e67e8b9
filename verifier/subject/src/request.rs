//! What a user asks about: a release on an index.

use std::fmt;
use std::str::FromStr;

use packageurl::PackageUrl;
use pep440_rs::Version;

use crate::{DistributionFileName, PackageName};

/// A release, and perhaps one file of it: `pypi:NAME@VERSION` or `pkg:pypi/NAME@VERSION?file_name=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The file asked for, where one is named.
    pub file_name: Option<DistributionFileName>,
}

/// Why a text names no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is neither of the two forms.
    #[error("{found:?} names no release: pypi:NAME@VERSION or pkg:pypi/NAME@VERSION?file_name=FILE is expected")]
    Form {
        /// The text.
        found: String,
    },
    /// It is neither of the two forms, but another way to name a release.
    #[error("{found:?} names a release as other tools do: write {write}")]
    OtherForm {
        /// The text.
        found: String,
        /// How it is written here.
        write: String,
    },
    /// A package URL of another ecosystem.
    #[error("{found:?} is of the type {ecosystem:?}, and this version of twinbuild knows only pypi")]
    Ecosystem {
        /// The text.
        found: String,
        /// The package URL's type.
        ecosystem: String,
    },
    /// No version is given.
    #[error("{found:?} names no version: say which one, as in pypi:{name}@1.0")]
    NoVersion {
        /// The text.
        found: String,
        /// The project.
        name: String,
    },
    /// The name, version or file name is not well formed.
    #[error("in {found:?}: {reason}")]
    Part {
        /// The text.
        found: String,
        /// What is wrong with the part.
        reason: String,
    },
}

impl Request {
    /// The package URL of the release, with the qualifier `file_name` where a file is named.
    #[must_use]
    pub fn purl(&self) -> String {
        purl(&self.name, &self.version, self.file_name.as_ref().map(DistributionFileName::text))
    }
}

/// The package URL of a release or of one file of it. All parts are already of URL-safe alphabets or escaped here.
pub(crate) fn purl(name: &PackageName, version: &Version, file_name: Option<&str>) -> String {
    let escape = |text: &str| -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let qualifier = file_name.map(|file| format!("?file_name={}", escape(file))).unwrap_or_default();
    format!("pkg:pypi/{name}@{}{qualifier}", escape(&version.to_string()))
}

/// How a release is written that a text names as other tools do: `six==1.16.0`, `six@1.16.0` or `six 1.16.0`, each also behind `pypi:`.
fn meant(text: &str) -> Option<String> {
    let text = text.strip_prefix("pypi:").unwrap_or(text).trim();
    let at = text.find(|c: char| c == '=' || c == '@' || c.is_whitespace())?;
    let (name, version) = text.split_at(at);
    let version = version.trim_start_matches(|c: char| c == '=' || c == '@' || c.is_whitespace());
    let (name, version): (PackageName, Version) = (name.parse().ok()?, version.parse().ok()?);
    Some(format!("pypi:{name}@{version}"))
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.purl())
    }
}

impl FromStr for Request {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = || text.to_owned();
        let part = |reason: &dyn fmt::Display| RequestError::Part { found: found(), reason: reason.to_string() };
        let (name, version, file_name) = if let Some(short) = text.strip_prefix("pypi:") {
            let (name, version) = short.split_once('@').map_or((short, None), |(name, version)| (name, Some(version)));
            (name.to_owned(), version.map(str::to_owned), None)
        } else if text.starts_with("pkg:") {
            let purl = PackageUrl::from_str(text).map_err(|error| part(&error))?;
            if purl.ty() != "pypi" {
                return Err(RequestError::Ecosystem { found: found(), ecosystem: purl.ty().to_owned() });
            }
            if purl.namespace().is_some() || purl.subpath().is_some() {
                return Err(RequestError::Form { found: found() });
            }
            let file_name = purl.qualifiers().get("file_name").map(ToString::to_string);
            (purl.name().to_owned(), purl.version().map(str::to_owned), file_name)
        } else {
            return Err(match (meant(text), text.parse::<PackageName>()) {
                (Some(write), _) => RequestError::OtherForm { found: found(), write },
                (None, Ok(name)) => RequestError::NoVersion { found: found(), name: name.to_string() },
                (None, Err(_)) => RequestError::Form { found: found() },
            });
        };
        if let (None, Some(write)) = (&version, meant(text)) {
            return Err(RequestError::OtherForm { found: found(), write });
        }
        let Some(version) = version.filter(|version| !version.is_empty()) else {
            return Err(RequestError::NoVersion { found: found(), name });
        };
        let request = Self {
            name: name.parse().map_err(|error| part(&error))?,
            version: version.parse().map_err(|error| part(&error))?,
            file_name: file_name.map(|file| file.parse()).transpose().map_err(|error| part(&error))?,
        };
        if let Some(file) = &request.file_name
            && (file.name() != &request.name || file.version() != &request.version)
        {
            return Err(part(&format!("the file is of {} {}", file.name(), file.version())));
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_release() {
        let short: Request = "pypi:Python_Dateutil@2.8.2".parse().unwrap();
        let long: Request = "pkg:pypi/python-dateutil@2.8.2".parse().unwrap();
        assert_eq!(short, long);
        let file = "pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl";
        assert_eq!(file.parse::<Request>().unwrap().to_string(), file);
        let epoch: Request = "pypi:a@1!2.0+local".parse().unwrap();
        assert_eq!(epoch.to_string(), "pkg:pypi/a@1%212.0%2Blocal");
        assert_eq!(epoch.to_string().parse::<Request>().unwrap(), epoch);
    }

    #[test]
    fn what_names_no_release_is_refused() {
        for text in [
            "six",
            "six@1.16.0",
            "pypi:six",
            "pypi:six@",
            "pypi:@1",
            "pypi:six@latest",
            "pypi:../x@1",
            "npm:six@1.0",
            "pkg:npm/six@1.0",
            "pkg:pypi/ns/six@1.0",
            "pkg:pypi/six",
            "pkg:pypi/six@1.16.0?file_name=six-1.16.1.tar.gz",
            "pkg:pypi/six@1.16.0?file_name=../six.whl",
            "",
        ] {
            assert!(text.parse::<Request>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_release_that_is_written_as_elsewhere_is_answered_with_how_it_is_written_here() {
        for text in ["pypi:six==1.16.0", "six==1.16.0", "Six===1.16.0", "six@1.16.0", "six 1.16.0", "six == 1.16.0"] {
            let error = text.parse::<Request>().unwrap_err();
            let expected = RequestError::OtherForm { found: text.to_owned(), write: "pypi:six@1.16.0".to_owned() };
            assert_eq!(error, expected, "{text}");
        }
        let error = "six".parse::<Request>().unwrap_err().to_string();
        assert_eq!(error, "\"six\" names no version: say which one, as in pypi:six@1.0");
        for text in ["six>=1", "npm:six@1.0", "six==latest", "six==1 --hash=x", "../six==1"] {
            assert!(!matches!(text.parse::<Request>(), Err(RequestError::OtherForm { .. })), "{text}");
        }
    }
}
