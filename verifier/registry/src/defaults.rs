//! The addresses that are used where neither the user nor an ecosystem's client configuration names one.

/// PyPI's simple API.
pub(crate) const PYPI: &str = "https://pypi.org/simple/";

/// The Debian archive.
pub(crate) const DEBIAN: &str = "https://deb.debian.org/debian/";
