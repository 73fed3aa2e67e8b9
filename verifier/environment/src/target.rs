//! Which wheels an interpreter takes.

use std::fmt;

use twinbuild_subject::WheelFileName;

/// A CPython on Linux, on this machine's processor, and its C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    major: u32,
    minor: u32,
    glibc_minor: u32,
}

impl Target {
    /// The interpreter of that version, `MAJOR.MINOR`, on glibc `2.glibc_minor`.
    pub(crate) fn new(version: &str, glibc_minor: u32) -> Option<Self> {
        let (major, minor) = version.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()?, glibc_minor })
    }

    /// How well a wheel fits: `None` where it does not, pure ones best (PyPA "Platform compatibility tags").
    pub(crate) fn fitness(&self, wheel: &WheelFileName) -> Option<u8> {
        let Self { major, minor, .. } = *self;
        let has = |tags: &[String], wanted: &dyn Fn(&str) -> bool| tags.iter().any(|tag| wanted(tag));
        let own = format!("cp{major}{minor}");
        let is_own = |tag: &str| tag == own;
        // Plain Python of this major version, up to this minor one.
        let is_plain = |tag: &str| {
            tag.strip_prefix(&format!("py{major}")).is_some_and(|rest| rest.is_empty() || at_most(rest, minor))
        };
        let is_any = |tag: &str| is_own(tag) || is_plain(tag);
        if wheel.is_pure() {
            return has(&wheel.python_tags, &is_any).then_some(3);
        }
        if !wheel.platform_tags.iter().any(|tag| self.is_platform(tag)) {
            return None;
        }
        // Until 3.7 the tag names how the interpreter was built too: with its allocator, and 2.7 with wide Unicode.
        let is_own_binary = |tag: &str| {
            tag.strip_prefix(&own).is_some_and(|flags| match (major, minor) {
                (2, _) => flags == "mu",
                (3, ..8) => flags == "m",
                _ => flags.is_empty(),
            })
        };
        if has(&wheel.abi_tags, &is_own_binary) && has(&wheel.python_tags, &is_own) {
            return Some(2);
        }
        let is_not_newer = |tag: &str| tag.strip_prefix("cp3").is_some_and(|rest| at_most(rest, minor));
        if major == 3 && has(&wheel.abi_tags, &|tag| tag == "abi3") && has(&wheel.python_tags, &is_not_newer) {
            return Some(1);
        }
        (has(&wheel.abi_tags, &|tag| tag == "none") && has(&wheel.python_tags, &is_any)).then_some(1)
    }

    fn is_platform(&self, tag: &str) -> bool {
        let Some(system) = tag.strip_suffix(&format!("_{}", std::env::consts::ARCH)) else { return tag == "any" };
        let of_glibc = |minor: &str| minor.parse::<u32>().is_ok_and(|minor| minor <= self.glibc_minor);
        matches!(system, "linux" | "manylinux1" | "manylinux2010" | "manylinux2014")
            || system.strip_prefix("manylinux_2_").is_some_and(of_glibc)
    }
}

fn at_most(digits: &str, limit: u32) -> bool {
    digits.parse::<u32>().is_ok_and(|number| number <= limit)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, glibc_minor } = self;
        write!(f, "CPython {major}.{minor} with glibc 2.{glibc_minor} on {}", std::env::consts::ARCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(version: &str, glibc_minor: u32, name: &str) -> Option<u8> {
        let name = name.replace("ARCH", std::env::consts::ARCH);
        Target::new(version, glibc_minor).unwrap().fitness(&name.parse().unwrap())
    }

    #[test]
    fn pure_wheels_are_preferred() {
        for (name, fitness) in [
            ("a-1-py2.py3-none-any.whl", Some(3)),
            ("a-1-py39-none-any.whl", Some(3)),
            ("a-1-cp311-none-any.whl", Some(3)),
            ("a-1-cp39-none-any.whl", None),
            ("a-1-py312-none-any.whl", None),
            ("a-1-py2-none-any.whl", None),
            ("a-1-cp311-cp311-manylinux_2_17_ARCH.manylinux2014_ARCH.whl", Some(2)),
            ("a-1-cp311-cp311-manylinux_2_39_ARCH.whl", None),
            ("a-1-cp37-abi3-manylinux2014_ARCH.whl", Some(1)),
            ("a-1-cp312-abi3-manylinux2014_ARCH.whl", None),
            ("a-1-cp312-cp312-manylinux2014_ARCH.whl", None),
            ("a-1-py3-none-manylinux2014_ARCH.whl", Some(1)),
            ("a-1-cp311-cp311-win_amd64.whl", None),
            ("a-1-cp311-cp311-musllinux_1_1_ARCH.whl", None),
        ] {
            assert_eq!(fits("3.11", 36, name), fitness, "{name}");
        }
    }

    #[test]
    fn each_interpreter_and_each_library_takes_its_own() {
        for (version, glibc_minor, name, fitness) in [
            ("3.9", 31, "a-1-cp39-cp39-manylinux_2_31_ARCH.whl", Some(2)),
            ("3.9", 31, "a-1-cp39-cp39-manylinux_2_34_ARCH.whl", None),
            ("3.9", 31, "a-1-cp311-cp311-manylinux2014_ARCH.whl", None),
            ("3.13", 41, "a-1-cp313-cp313-manylinux_2_39_ARCH.whl", Some(2)),
            ("3.13", 41, "a-1-cp313-cp313t-manylinux_2_39_ARCH.whl", None),
            ("3.13", 41, "a-1-cp39-abi3-manylinux_2_17_ARCH.whl", Some(1)),
            ("3.7", 36, "a-1-cp37-cp37m-manylinux1_ARCH.whl", Some(2)),
            ("3.7", 36, "a-1-cp37-cp37-manylinux1_ARCH.whl", None),
            ("2.7", 36, "a-1-cp27-cp27mu-manylinux1_ARCH.whl", Some(2)),
            ("2.7", 36, "a-1-cp27-cp27m-manylinux1_ARCH.whl", None),
            ("2.7", 36, "a-1-py2.py3-none-any.whl", Some(3)),
            ("2.7", 36, "a-1-cp36-abi3-manylinux1_ARCH.whl", None),
        ] {
            assert_eq!(fits(version, glibc_minor, name), fitness, "{version} {name}");
        }
        assert_eq!(Target::new("3", 36), None);
    }
}
