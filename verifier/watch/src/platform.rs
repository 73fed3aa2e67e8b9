//! What files are installed on: platforms and interpreters, as the tags of wheels name them.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use twinbuild_registry::Platform;
use twinbuild_subject::WheelFileName;

use crate::near;

/// A platform that wheels may be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatchPlatform {
    /// `linux-x86_64`, with glibc.
    LinuxX86_64,
    /// `linux-aarch64`, with glibc.
    LinuxAarch64,
    /// `musllinux-x86_64`: Linux with musl, as Alpine is.
    MusllinuxX86_64,
    /// `musllinux-aarch64`
    MusllinuxAarch64,
}

/// A version of CPython, such as 3.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Python {
    major: u32,
    minor: u32,
}

/// A text that names no platform which is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no platform that is known: {}", near::hint(found, &WatchPlatform::NAMES))]
pub struct ParsePlatformError {
    /// The text, at most 100 characters of it.
    pub found: String,
}

/// A text that is no version of Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no version of Python: two numbers are expected, such as \"3.11\"")]
pub struct ParsePythonError {
    /// The text, at most 100 characters of it.
    pub found: String,
}

impl WatchPlatform {
    const ALL: [Self; 4] = [Self::LinuxX86_64, Self::LinuxAarch64, Self::MusllinuxX86_64, Self::MusllinuxAarch64];
    const NAMES: [&str; 4] = ["linux-x86_64", "linux-aarch64", "musllinux-x86_64", "musllinux-aarch64"];

    /// That of this host, if it is one of them.
    #[must_use]
    pub fn host() -> Option<Self> {
        Platform::host().map(|platform| match platform {
            Platform::LinuxX86_64 => Self::LinuxX86_64,
            Platform::LinuxAarch64 => Self::LinuxAarch64,
        })
    }

    /// Whether a wheel for this platform tag is installed here (PyPA "Platform compatibility tags"). The least version of the
    /// C library, which `manylinux` tags have, is of no concern: newer systems have it.
    fn takes(self, tag: &str) -> bool {
        let (systems, machine): (&[&str], _) = match self {
            Self::LinuxX86_64 => (&["manylinux", "linux"], "x86_64"),
            Self::LinuxAarch64 => (&["manylinux", "linux"], "aarch64"),
            Self::MusllinuxX86_64 => (&["musllinux", "linux"], "x86_64"),
            Self::MusllinuxAarch64 => (&["musllinux", "linux"], "aarch64"),
        };
        let system = tag.strip_suffix(machine).and_then(|before| before.strip_suffix('_'));
        system.is_some_and(|system| systems.iter().any(|known| *known == system || is_versioned(system, known)))
    }

    /// Whether a wheel that is not for any platform is for this one.
    pub(crate) fn takes_wheel(self, wheel: &WheelFileName) -> bool {
        wheel.platform_tags.iter().any(|tag| self.takes(tag))
    }
}

/// `manylinux2014` and `manylinux_2_17` are versions of `manylinux`; `linux` has none.
fn is_versioned(system: &str, known: &str) -> bool {
    known != "linux"
        && system.strip_prefix(known).is_some_and(|rest| rest.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit()))
}

/// Whether a wheel may be installed on any platform.
pub(crate) fn is_for_any_platform(wheel: &WheelFileName) -> bool {
    wheel.platform_tags.iter().any(|tag| tag == "any")
}

/// Whether a wheel is for CPython of some version, with its global lock: what `pp311` and `cp313t` stand for is not.
pub(crate) fn is_for_cpython(wheel: &WheelFileName) -> bool {
    let tag = |tag: &String| tag.starts_with("cp") || tag.starts_with("py");
    let is_free_threaded = |tag: &String| tag.starts_with("cp") && tag.ends_with('t');
    wheel.python_tags.iter().any(tag) && !wheel.abi_tags.iter().all(is_free_threaded)
}

impl Python {
    /// How well the wheel fits this interpreter, as far as its Python and ABI tags say: smaller is better, `None` where it is not
    /// installed. Installers take the best, whichever version of the C library it is for (PyPA "Platform compatibility tags", and the
    /// order of `cpython_tags` and `compatible_tags` in `packaging`).
    pub(crate) fn rank(self, wheel: &WheelFileName) -> Option<u32> {
        let Self { major, minor } = self;
        let own = format!("cp{major}{minor}");
        // Until 3.7 the names of interfaces told how CPython was built.
        let is_own = |abi: &String| *abi == own || *abi == format!("{own}m") || *abi == format!("{own}mu");
        let has = |wanted: &str| wheel.abi_tags.iter().any(|abi| abi == wanted);
        let (is_plain, is_stable) = (has("none"), has("abi3"));
        let ranks = wheel.python_tags.iter().filter_map(|tag| {
            let (implementation, version) = tag.split_at_checked(2)?;
            let (of, at) = version.split_at_checked(1)?;
            let at: Option<u32> = if at.is_empty() { None } else { Some(at.parse().ok()?) };
            if of.parse() != Ok(major) {
                return None;
            }
            match (implementation, at) {
                ("cp", Some(at)) if at == minor && wheel.abi_tags.iter().any(is_own) => Some(0),
                ("cp", Some(at)) if at == minor && is_stable => Some(1),
                ("cp", Some(at)) if at == minor && is_plain => Some(2),
                ("cp", Some(at)) if at < minor && is_stable => Some(2 + (minor - at)),
                ("cp" | "py", None) if is_plain => Some(OF_ANY_MINOR),
                ("py", Some(at)) if at <= minor && is_plain => Some(OF_ANY_MINOR),
                _ => None,
            }
        });
        ranks.min()
    }

    /// Whether some release of this version of Python meets what a file requires (`Requires-Python`). What cannot be read requires nothing,
    /// as for installers.
    pub(crate) fn meets(self, requires_python: Option<&str>) -> bool {
        let Some(specifiers) = requires_python.and_then(|text| text.parse::<VersionSpecifiers>().ok()) else {
            return true;
        };
        let Self { major, minor } = self;
        let micro = |micro: u64| Version::new([u64::from(major), u64::from(minor), micro]);
        (0..MOST_MICRO).any(|number| specifiers.contains(&micro(number)))
    }
}

/// The rank of a wheel for every minor version, which comes after all interfaces of one: there are less than so many.
const OF_ANY_MINOR: u32 = 10_000;
/// More releases than any minor version of Python has had.
const MOST_MICRO: u64 = 50;

impl FromStr for WatchPlatform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::NAMES.iter().zip(Self::ALL).find(|(name, _)| **name == text);
        known
            .map(|(_, platform)| platform)
            .ok_or_else(|| ParsePlatformError { found: text.chars().take(100).collect() })
    }
}

impl fmt::Display for WatchPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::NAMES.iter().zip(Self::ALL).find(|(_, platform)| platform == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

impl FromStr for Python {
    type Err = ParsePythonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_plain { text.parse().ok() } else { None }
        };
        let parts = text.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        let (major, minor) = parts.ok_or_else(|| ParsePythonError { found: text.chars().take(100).collect() })?;
        Ok(Self { major, minor })
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(tags: &str) -> WheelFileName {
        format!("a-1-{tags}.whl").parse().unwrap()
    }

    #[test]
    fn a_platform_takes_wheels_for_its_c_library_and_processor() {
        for (tags, linux, musl) in [
            ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", true, false),
            ("cp311-cp311-manylinux1_x86_64", true, false),
            ("cp311-cp311-musllinux_1_2_x86_64", false, true),
            ("cp311-cp311-linux_x86_64", true, true),
            ("cp311-cp311-manylinux2014_aarch64", false, false),
            ("cp311-cp311-macosx_10_9_x86_64", false, false),
            ("cp311-cp311-win_amd64", false, false),
        ] {
            let wheel = wheel(tags);
            assert_eq!(WatchPlatform::LinuxX86_64.takes_wheel(&wheel), linux, "{tags}");
            assert_eq!(WatchPlatform::MusllinuxX86_64.takes_wheel(&wheel), musl, "{tags}");
        }
    }

    #[test]
    fn an_interpreter_takes_its_own_and_stable_interfaces() {
        let python: Python = "3.11".parse().unwrap();
        for (tags, rank) in [
            ("cp311-cp311-linux_x86_64", Some(0)),
            ("cp311-abi3-linux_x86_64", Some(1)),
            ("cp311-none-linux_x86_64", Some(2)),
            ("cp310-abi3-linux_x86_64", Some(3)),
            ("cp38.cp39-abi3-linux_x86_64", Some(4)),
            ("py3-none-any", Some(OF_ANY_MINOR)),
            ("py2.py3-none-any", Some(OF_ANY_MINOR)),
            ("py310-none-any", Some(OF_ANY_MINOR)),
            ("py2-none-any", None),
            ("py312-none-any", None),
            ("cp310-cp310-linux_x86_64", None),
            ("cp312-abi3-linux_x86_64", None),
            ("cp311-cp311t-linux_x86_64", None),
            ("pp311-pypy311_pp73-linux_x86_64", None),
            ("x-none-any", None),
        ] {
            assert_eq!(python.rank(&wheel(tags)), rank, "{tags}");
        }
        assert_eq!("3.7".parse::<Python>().unwrap().rank(&wheel("cp37-cp37m-linux_x86_64")), Some(0));
    }

    #[test]
    fn some_release_of_an_interpreter_meets_what_a_file_requires() {
        let python: Python = "3.11".parse().unwrap();
        for (requires, meets) in [
            (None, true),
            (Some(">=3.8"), true),
            (Some(">=3.11.4"), true),
            (Some(">=2.7, !=3.0.*"), true),
            (Some("<4,>=3.12"), false),
            (Some("~=3.10.0"), false),
            (Some("whatever"), true),
        ] {
            assert_eq!(python.meets(requires), meets, "{requires:?}");
        }
    }

    #[test]
    fn other_interpreters_are_told_apart() {
        assert!(is_for_cpython(&wheel("cp313-cp313-linux_x86_64")) && is_for_cpython(&wheel("py3-none-any")));
        assert!(!is_for_cpython(&wheel("cp313-cp313t-linux_x86_64")));
        assert!(!is_for_cpython(&wheel("pp310-pypy310_pp73-linux_x86_64")));
    }

    #[test]
    fn what_names_neither_is_refused_with_what_is_near() {
        let error = "linux-x64".parse::<WatchPlatform>().unwrap_err().to_string();
        assert_eq!(error, "\"linux-x64\" is no platform that is known: did you mean `linux-x86_64`?");
        for platform in WatchPlatform::ALL {
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
        for text in ["3", "3.", "3.x", "+3.1", "3.11.2", "", "3.1111"] {
            assert!(text.parse::<Python>().is_err(), "{text}");
        }
    }
}
