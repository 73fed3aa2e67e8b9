//! The platforms that builds run on.

/// A platform that this version can build on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Linux on x86-64.
    LinuxX86_64,
    /// Linux on 64-bit ARM.
    LinuxAarch64,
}

impl Platform {
    /// The platform that this program was built for, if it is one of them.
    #[must_use]
    pub fn host() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::LinuxX86_64),
            ("linux", "aarch64") => Some(Self::LinuxAarch64),
            _ => None,
        }
    }

    /// The processor as Python's platform tags name it.
    #[must_use]
    pub fn python_machine(self) -> &'static str {
        match self {
            Self::LinuxX86_64 => "x86_64",
            Self::LinuxAarch64 => "aarch64",
        }
    }

    /// The architecture as Debian names it.
    #[must_use]
    pub fn debian_architecture(self) -> &'static str {
        match self {
            Self::LinuxX86_64 => "amd64",
            Self::LinuxAarch64 => "arm64",
        }
    }

    /// How well a platform tag fits: `None` if a wheel that has it does not run here, else smaller is better: glibc before
    /// musl before a plain `linux` tag, which promises nothing.
    pub(crate) fn rank(self, tag: &str) -> Option<u8> {
        let system = tag.strip_suffix(self.python_machine())?.strip_suffix('_')?;
        match system {
            _ if system.starts_with("manylinux") => Some(0),
            _ if system.starts_with("musllinux_") => Some(1),
            "linux" => Some(2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_other_platforms_do_not_fit() {
        let x86 = Platform::LinuxX86_64;
        for (tag, rank) in [
            ("manylinux_2_17_x86_64", Some(0)),
            ("manylinux2014_x86_64", Some(0)),
            ("musllinux_1_2_x86_64", Some(1)),
            ("linux_x86_64", Some(2)),
            ("manylinux2014_aarch64", None),
            ("win_amd64", None),
            ("macosx_10_9_x86_64", None),
            ("any", None),
        ] {
            assert_eq!(x86.rank(tag), rank, "{tag}");
        }
    }
}
