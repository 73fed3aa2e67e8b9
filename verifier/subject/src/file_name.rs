//! The grammars of wheel and sdist file names.

use std::fmt;
use std::str::FromStr;

use pep440_rs::Version;

use crate::PackageName;

/// The name of a file on a Python package index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionFileName {
    /// A wheel.
    Wheel(WheelFileName),
    /// A source distribution.
    Sdist(SdistFileName),
}

/// `{distribution}-{version}(-{build tag})?-{python tag}-{abi tag}-{platform tag}.whl`
/// (PyPA "Binary distribution format", "File name convention").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFileName {
    /// The name as given.
    pub text: String,
    /// The project.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The build tag, which begins with a digit.
    pub build_tag: Option<String>,
    /// The interpreters, such as `py2`, `py3`.
    pub python_tags: Vec<String>,
    /// The binary interfaces, such as `none`, `abi3`.
    pub abi_tags: Vec<String>,
    /// The platforms, such as `any`.
    pub platform_tags: Vec<String>,
}

/// `{name}-{version}.{tar.gz, zip, ..}` (PyPA "Source distribution format"; older sdists use other endings and
/// unnormalized names).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistFileName {
    /// The name as given.
    pub text: String,
    /// The project.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its archive format.
    pub format: SdistFormat,
}

/// The archive formats that sdists were ever published in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdistFormat {
    /// `.tar.gz` or `.tgz`
    TarGz,
    /// `.zip`
    Zip,
    /// `.tar.bz2`
    TarBz2,
    /// `.tar.xz`
    TarXz,
    /// `.tar.Z`
    TarZ,
    /// `.tar`
    Tar,
}

/// Why a file name is neither a wheel's nor an sdist's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    /// The ending is not one of a wheel or sdist.
    #[error("{found:?} is not the file name of a wheel (.whl) or an sdist (.tar.gz, .zip, ..)")]
    Ending {
        /// The file name.
        found: String,
    },
    /// The parts are too few, too many or empty.
    #[error("{found:?} is not a file name of the form {expected}")]
    Parts {
        /// The file name.
        found: String,
        /// The grammar.
        expected: &'static str,
    },
    /// The part that should be a project name is none.
    #[error("{found:?} does not begin with a project name")]
    Name {
        /// The file name.
        found: String,
    },
    /// The part that should be a version is none.
    #[error("{found:?} has {version:?} where a version (PEP 440) is expected")]
    Version {
        /// The file name.
        found: String,
        /// The part.
        version: String,
    },
}

impl DistributionFileName {
    /// The name as given.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Wheel(wheel) => &wheel.text,
            Self::Sdist(sdist) => &sdist.text,
        }
    }

    /// The project.
    #[must_use]
    pub fn name(&self) -> &PackageName {
        match self {
            Self::Wheel(wheel) => &wheel.name,
            Self::Sdist(sdist) => &sdist.name,
        }
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => &wheel.version,
            Self::Sdist(sdist) => &sdist.version,
        }
    }
}

impl WheelFileName {
    /// Whether the wheel runs on every platform and interface: `none-any`.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.abi_tags == ["none"] && self.platform_tags == ["any"]
    }

    /// The name of the wheel's metadata folder as this file name implies it: `{distribution}-{version}.dist-info`.
    #[must_use]
    pub fn dist_info(&self) -> String {
        let mut parts = self.text.splitn(3, '-');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{name}-{version}.dist-info")
    }
}

impl FromStr for DistributionFileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.ends_with(".whl") { text.parse().map(Self::Wheel) } else { text.parse().map(Self::Sdist) }
    }
}

impl FromStr for WheelFileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(stem) = text.strip_suffix(".whl").filter(|_| is_plain(text)) else {
            return Err(FileNameError::Ending { found: text.to_owned() });
        };
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build_tag, [python, abi, platform]) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (name, version, None, [tags[0], tags[1], tags[2]]),
            [name, version, build, tags @ ..] if tags.len() == 3 && build.starts_with(|c: char| c.is_ascii_digit()) => {
                (name, version, Some((*build).to_owned()), [tags[0], tags[1], tags[2]])
            }
            _ => return Err(wheel_parts(text)),
        };
        let tags = |set: &str| -> Result<Vec<String>, FileNameError> {
            let tags: Vec<String> = set.split('.').map(str::to_owned).collect();
            if tags.iter().any(String::is_empty) { Err(wheel_parts(text)) } else { Ok(tags) }
        };
        Ok(Self {
            text: text.to_owned(),
            name: parse_name(text, name)?,
            version: parse_version(text, &version.replace('_', "-"))?,
            build_tag,
            python_tags: tags(python)?,
            abi_tags: tags(abi)?,
            platform_tags: tags(platform)?,
        })
    }
}

fn wheel_parts(text: &str) -> FileNameError {
    FileNameError::Parts { found: text.to_owned(), expected: "name-version[-build]-python-abi-platform.whl" }
}

impl FromStr for SdistFileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ENDINGS: [(&str, SdistFormat); 7] = [
            (".tar.gz", SdistFormat::TarGz),
            (".tgz", SdistFormat::TarGz),
            (".zip", SdistFormat::Zip),
            (".tar.bz2", SdistFormat::TarBz2),
            (".tar.xz", SdistFormat::TarXz),
            (".tar.Z", SdistFormat::TarZ),
            (".tar", SdistFormat::Tar),
        ];
        let known = ENDINGS.iter().find_map(|(ending, format)| Some((text.strip_suffix(ending)?, *format)));
        let Some((stem, format)) = known.filter(|_| is_plain(text)) else {
            return Err(FileNameError::Ending { found: text.to_owned() });
        };
        // Names may hold dashes in old sdists and versions never do in normal form, so the last dash divides; a version
        // such as `1.0-1` (an implicit post-release) is tried after that.
        let mut first_error = None;
        for (at, _) in stem.rmatch_indices('-').take(2) {
            let (name, version) = (&stem[..at], &stem[at + 1..]);
            match (parse_name(text, name), parse_version(text, version)) {
                (Ok(name), Ok(version)) => return Ok(Self { text: text.to_owned(), name, version, format }),
                (Err(error), _) | (_, Err(error)) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error
            .unwrap_or_else(|| FileNameError::Parts { found: text.to_owned(), expected: "name-version.tar.gz" }))
    }
}

/// File names are plain: no separators, no control characters, not so long that a file system refuses them.
fn is_plain(text: &str) -> bool {
    text.len() <= 255 && !text.chars().any(|c| c.is_control() || c == '/' || c == '\\')
}

fn parse_name(text: &str, part: &str) -> Result<PackageName, FileNameError> {
    part.parse().map_err(|_| FileNameError::Name { found: text.to_owned() })
}

fn parse_version(text: &str, part: &str) -> Result<Version, FileNameError> {
    part.parse().map_err(|_| FileNameError::Version { found: text.to_owned(), version: part.to_owned() })
}

impl fmt::Display for DistributionFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_name_has_its_parts() {
        let wheel: WheelFileName = "python_dateutil-2.8.2-1a-py2.py3-none-any.whl".parse().unwrap();
        assert_eq!(wheel.name.as_str(), "python-dateutil");
        assert_eq!(wheel.version.to_string(), "2.8.2");
        assert_eq!(wheel.build_tag.as_deref(), Some("1a"));
        assert_eq!(wheel.python_tags, ["py2", "py3"]);
        assert!(wheel.is_pure());
        assert_eq!(wheel.dist_info(), "python_dateutil-2.8.2.dist-info");
        let native: WheelFileName =
            "MarkupSafe-2.1.3-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl".parse().unwrap();
        assert!(!native.is_pure());
        assert_eq!(native.platform_tags.len(), 2);
    }

    #[test]
    fn sdist_names_divide_at_the_version() {
        for (text, name, version) in [
            ("six-1.16.0.tar.gz", "six", "1.16.0"),
            ("python-dateutil-2.8.2.tar.gz", "python-dateutil", "2.8.2"),
            ("zope.interface-5.0.zip", "zope-interface", "5.0"),
            ("a-1.0-1.tar.gz", "a-1-0", "1"),
        ] {
            let sdist: SdistFileName = text.parse().unwrap();
            assert_eq!((sdist.name.as_str(), sdist.version.to_string().as_str()), (name, version), "{text}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for text in [
            "six",
            "six.whl",
            "six-1.16.0.whl",
            "six-1.16.0-py3-none.whl",
            "six-1.16.0-x-py3-none-any.whl",
            "six-1.16.0-py3..py2-none-any.whl",
            "six-one-py3-none-any.whl",
            "-1-py3-none-any.whl",
            "six-1.16.0.exe",
            "six-1.16.0.tar.gz/..",
            "../six-1.16.0.tar.gz",
            "six-\n1.tar.gz",
            "six.tar.gz",
            "six-a.tar.gz",
        ] {
            assert!(text.parse::<DistributionFileName>().is_err(), "{text}");
        }
    }
}
