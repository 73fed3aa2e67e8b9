//! The addresses that are used where neither the user nor an ecosystem's client configuration names one.

/// PyPI's simple API.
pub(crate) const PYPI: &str = "https://pypi.org/simple/";

/// The Debian archive.
pub(crate) const DEBIAN: &str = "https://deb.debian.org/debian/";

/// The Debian archive as it was at a moment.
pub(crate) const DEBIAN_SNAPSHOT: &str = "https://snapshot.debian.org/archive/debian/{date}/";
