//! The releases of Debian that builds can stand on.

use serde::{Deserialize, Serialize};

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// Debian 11, with Python 3.9. It gets no more updates.
    Bullseye,
    /// Debian 12, with Python 3.11.
    Bookworm,
    /// Debian 13, with Python 3.13.
    Trixie,
}

/// What a root file system is resolved from, beside the interpreter.
const PACKAGES: [&str; 18] = [
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "libfaketime",
    "locales",
    "mawk",
    "netbase",
    "sed",
    "tar",
    "tzdata",
];

/// What the toolchain is resolved from, beside the headers of the interpreter.
const TOOLCHAIN: [&str; 4] = ["g++", "gcc", "libc6-dev", "make"];

impl Suite {
    /// All of them, the one that is used where nothing speaks for another first.
    pub const ALL: [Self; 3] = [Self::Bookworm, Self::Bullseye, Self::Trixie];

    /// The code name, by which the archive knows it.
    #[must_use]
    pub fn code_name(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The suite of a code name.
    #[must_use]
    pub fn by_code_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.code_name() == name)
    }

    /// `MAJOR.MINOR` of its CPython.
    #[must_use]
    pub fn python(self) -> &'static str {
        match self {
            Self::Bullseye => "3.9",
            Self::Bookworm => "3.11",
            Self::Trixie => "3.13",
        }
    }

    /// The suite whose CPython is of that version.
    #[must_use]
    pub fn by_python(version: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.python() == version)
    }

    /// Where its interpreter is, inside.
    #[must_use]
    pub fn python_path(self) -> String {
        format!("/usr/bin/python{}", self.python())
    }

    /// The minor version of its C library, glibc 2.
    #[must_use]
    pub fn glibc_minor(self) -> u32 {
        match self {
            Self::Bullseye => 31,
            Self::Bookworm => 36,
            Self::Trixie => 41,
        }
    }

    /// The packages that the root file system is resolved from.
    pub(crate) fn packages(self) -> Vec<String> {
        let python: &[&str] = match self {
            Self::Bullseye | Self::Bookworm => &["python3-distutils", "python3-lib2to3"],
            // Since 3.12 the library has neither; what remains is the interpreter's plain name.
            Self::Trixie => &["python3-minimal"],
        };
        let names = PACKAGES.iter().chain(python).map(|name| (*name).to_owned());
        names.chain([format!("python{}", self.python())]).collect()
    }

    /// The packages that the toolchain is resolved from.
    pub(crate) fn toolchain(self) -> Vec<String> {
        let names = TOOLCHAIN.iter().map(|name| (*name).to_owned());
        names.chain([format!("python{}-dev", self.python())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_found_by_its_names() {
        for suite in Suite::ALL {
            assert_eq!(Suite::by_code_name(suite.code_name()), Some(suite));
            assert_eq!(Suite::by_python(suite.python()), Some(suite));
            assert_eq!(serde_json::to_value(suite).unwrap(), suite.code_name());
        }
        assert_eq!(Suite::ALL[0], Suite::Bookworm);
        assert_eq!((Suite::by_code_name("sid"), Suite::by_python("3.10")), (None, None));
    }
}
