//! Which tool wrote a wheel, as its `WHEEL` file says.

use std::fmt;

use pep440_rs::Version;

/// A build tool that names itself in `Generator:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `bdist_wheel` of the project `wheel`.
    Wheel,
    /// `bdist_wheel` of setuptools itself, since 70.1.
    Setuptools,
    /// flit or flit_core, which share their version numbers.
    Flit,
    /// hatchling
    Hatchling,
    /// poetry, or poetry-core before it named itself.
    Poetry,
    /// poetry-core
    PoetryCore,
    /// pdm-backend
    PdmBackend,
    /// pdm-pep517
    PdmPep517,
}

/// The tool and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    /// The tool.
    pub tool: Tool,
    /// Its version.
    pub version: Version,
}

impl Generator {
    /// Reads the value of a `Generator:` field, such as `bdist_wheel (0.36.2)` or `flit 3.7.1`. `None` where the tool
    /// is not one of [`Tool`] or the version is none.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (name, version) = value.trim().split_once(char::is_whitespace)?;
        let version = version.trim();
        let version = version.strip_prefix('(').and_then(|v| v.strip_suffix(')')).unwrap_or(version);
        let tool = match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "bdist-wheel" => Tool::Wheel,
            "setuptools" => Tool::Setuptools,
            "flit" | "flit-core" => Tool::Flit,
            // Until 1.0 hatchling named itself after the whole project.
            "hatch" | "hatchling" => Tool::Hatchling,
            "poetry" => Tool::Poetry,
            "poetry-core" => Tool::PoetryCore,
            "pdm-backend" => Tool::PdmBackend,
            "pdm-pep517" => Tool::PdmPep517,
            _ => return None,
        };
        Some(Self { tool, version: version.parse().ok()? })
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wheel => "wheel",
            Self::Setuptools => "setuptools",
            Self::Flit => "flit",
            Self::Hatchling => "hatchling",
            Self::Poetry => "poetry",
            Self::PoetryCore => "poetry-core",
            Self::PdmBackend => "pdm-backend",
            Self::PdmPep517 => "pdm-pep517",
        })
    }
}

impl fmt::Display for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tool, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_tools_are_read() {
        for (value, shown) in [
            ("bdist_wheel (0.36.2)", "wheel 0.36.2"),
            ("setuptools (75.1.0.post0)", "setuptools 75.1.0.post0"),
            ("flit 3.7.1", "flit 3.7.1"),
            ("hatchling 1.18.0", "hatchling 1.18.0"),
            ("hatch 0.22.0", "hatchling 0.22.0"),
            ("poetry 1.0.0a9", "poetry 1.0.0a9"),
            ("poetry-core 1.7.0", "poetry-core 1.7.0"),
            ("pdm-backend (2.1.6)", "pdm-backend 2.1.6"),
            ("pdm-pep517 1.1.4", "pdm-pep517 1.1.4"),
        ] {
            assert_eq!(Generator::parse(value).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn others_are_not() {
        for value in
            ["", "flit", "maturin (1.2.3)", "bdist_wheel (x; import os)", "meson", "uv 0.5.0", "flit 1 2 3 evil"]
        {
            assert_eq!(Generator::parse(value), None, "{value}");
        }
    }
}
