//! The closed list of conditions in which the twins differ.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use twinbuild_sandbox::{KernelName, Processors, ScratchFileSystem};

use crate::Conditions;

/// One condition that a build can notice and that its result should not depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variation {
    /// Where the source is, and where the result goes.
    BuildPath,
    /// The host's name.
    HostName,
    /// The host's NIS domain name, and that of its own name in `/etc/hosts`.
    DomainName,
    /// The real-time clock, by a preloaded library; not for static programs, and not for the times of files.
    Clock,
    /// `TZ`
    TimeZone,
    /// `LANG` and `LC_ALL`
    Locale,
    /// The file mode creation mask.
    Umask,
    /// The user's id and name.
    UserId,
    /// The group's id.
    GroupId,
    /// `HOME`, and the home of the user's entry in `/etc/passwd`.
    Home,
    /// `TMPDIR`
    TemporaryDirectory,
    /// How many processors it may use.
    Processors,
    /// `PYTHONHASHSEED`
    HashSeed,
    /// Variables that only one twin has.
    Environment,
    /// The order of the folders in `PATH`.
    PathOrder,
    /// What `/bin/sh` is, and `SHELL`.
    Shell,
    /// `TERM`, and the size that the terminal claims to have.
    Terminal,
    /// The order in which the entries of the source's folders are listed.
    DirectoryOrder,
    /// Whether addresses are randomized.
    AddressSpace,
    /// How long the host seems to be up.
    BootTime,
    /// The kernel's release, as uname(2) tells it.
    KernelName,
    /// The kind of file system that is built on.
    ScratchFileSystem,
    /// The environment itself: another root or interpreter. Varied on demand only, as an interpreter may have its say.
    Ground,
}

/// The variations in which two builds differ.
pub type VariationSet = BTreeSet<Variation>;

/// A name that is no variation's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no variation named {found:?}{}", self.known())]
pub struct UnknownVariation {
    /// The name.
    pub found: String,
}

impl UnknownVariation {
    /// The names that may be meant, else all.
    fn known(&self) -> String {
        let names = Variation::ALL.map(Variation::name);
        match twinbuild_subject::did_you_mean(&self.found, names) {
            near if near.is_empty() => format!(": known are {}", names.join(", ")),
            near => near,
        }
    }
}

impl Variation {
    /// Those that are varied where nobody says otherwise: all but the ground.
    #[must_use]
    pub fn usual() -> VariationSet {
        Self::ALL.into_iter().filter(|variation| *variation != Self::Ground).collect()
    }

    /// All of them, in the order in which verdicts list them.
    pub const ALL: [Self; 23] = [
        Self::BuildPath,
        Self::HostName,
        Self::DomainName,
        Self::Clock,
        Self::TimeZone,
        Self::Locale,
        Self::Umask,
        Self::UserId,
        Self::GroupId,
        Self::Home,
        Self::TemporaryDirectory,
        Self::Processors,
        Self::HashSeed,
        Self::Environment,
        Self::PathOrder,
        Self::Shell,
        Self::Terminal,
        Self::DirectoryOrder,
        Self::AddressSpace,
        Self::BootTime,
        Self::KernelName,
        Self::ScratchFileSystem,
        Self::Ground,
    ];

    /// Its name in verdicts and on the command line, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BuildPath => "build-path",
            Self::HostName => "host-name",
            Self::DomainName => "domain-name",
            Self::Clock => "clock",
            Self::TimeZone => "time-zone",
            Self::Locale => "locale",
            Self::Umask => "umask",
            Self::UserId => "user-id",
            Self::GroupId => "group-id",
            Self::Home => "home",
            Self::TemporaryDirectory => "temporary-directory",
            Self::Processors => "processors",
            Self::HashSeed => "hash-seed",
            Self::Environment => "environment",
            Self::PathOrder => "path-order",
            Self::Shell => "shell",
            Self::Terminal => "terminal",
            Self::DirectoryOrder => "directory-order",
            Self::AddressSpace => "address-space",
            Self::BootTime => "boot-time",
            Self::KernelName => "kernel-name",
            Self::ScratchFileSystem => "scratch-file-system",
            Self::Ground => "ground",
        }
    }

    /// Its value in some conditions, for a reader.
    pub(crate) fn value(self, conditions: &Conditions) -> String {
        let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        match self {
            Self::BuildPath => conditions.build_path.to_owned(),
            Self::HostName => conditions.host_name.to_owned(),
            Self::DomainName => or_none(conditions.domain_name),
            Self::Clock => match conditions.clock_offset_secs {
                0 => "true".to_owned(),
                offset => format!("{} days ahead", offset / 86_400),
            },
            Self::TimeZone => conditions.time_zone.to_owned(),
            Self::Locale => conditions.locale.to_owned(),
            Self::Umask => format!("{:04o}", conditions.umask),
            Self::UserId => conditions.user_id.to_string(),
            Self::GroupId => conditions.group_id.to_string(),
            Self::Home => conditions.home.to_owned(),
            Self::TemporaryDirectory => conditions.temporary_directory.to_owned(),
            Self::Processors => match conditions.processors {
                Processors::All => "all".to_owned(),
                Processors::Count(count) => count.to_string(),
            },
            Self::HashSeed => conditions.hash_seed.to_string(),
            Self::Environment => {
                let names: Vec<&str> = conditions.extra_environment.iter().map(|(name, _)| *name).collect();
                or_none(&names.join(" "))
            }
            Self::PathOrder => conditions.path.join(":"),
            Self::Shell => conditions.shell.name().to_owned(),
            Self::Terminal => {
                format!("{} of {} by {}", conditions.terminal.0, conditions.terminal.1, conditions.terminal.2)
            }
            Self::DirectoryOrder => format!("{:?}", conditions.directory_order).to_lowercase(),
            Self::AddressSpace => if conditions.randomize_addresses { "random" } else { "fixed" }.to_owned(),
            Self::BootTime => match conditions.boot_offset_secs {
                0 => "true".to_owned(),
                offset => format!("{} days earlier", offset / 86_400),
            },
            Self::KernelName => match conditions.kernel_name {
                KernelName::Own => "the host's",
                KernelName::Linux26 => "2.6",
            }
            .to_owned(),
            Self::ScratchFileSystem => match conditions.scratch_file_system {
                ScratchFileSystem::Tmpfs => "tmpfs",
                ScratchFileSystem::Overlay => "overlay",
            }
            .to_owned(),
            Self::Ground => format!("{:?}", conditions.ground).to_lowercase(),
        }
    }

    /// Gives `into` this one condition of `from`.
    pub(crate) fn copy(self, from: &Conditions, into: &mut Conditions) {
        match self {
            Self::BuildPath => (into.build_path, into.output) = (from.build_path, from.output),
            Self::HostName => into.host_name = from.host_name,
            Self::DomainName => into.domain_name = from.domain_name,
            Self::Clock => into.clock_offset_secs = from.clock_offset_secs,
            Self::TimeZone => into.time_zone = from.time_zone,
            Self::Locale => into.locale = from.locale,
            Self::Umask => into.umask = from.umask,
            Self::UserId => (into.user_id, into.user_name) = (from.user_id, from.user_name),
            Self::GroupId => into.group_id = from.group_id,
            Self::Home => into.home = from.home,
            Self::TemporaryDirectory => into.temporary_directory = from.temporary_directory,
            Self::Processors => into.processors = from.processors,
            Self::HashSeed => into.hash_seed = from.hash_seed,
            Self::Environment => into.extra_environment = from.extra_environment,
            Self::PathOrder => into.path = from.path,
            Self::Shell => into.shell = from.shell,
            Self::Terminal => into.terminal = from.terminal,
            Self::DirectoryOrder => into.directory_order = from.directory_order,
            Self::AddressSpace => into.randomize_addresses = from.randomize_addresses,
            Self::BootTime => into.boot_offset_secs = from.boot_offset_secs,
            Self::KernelName => into.kernel_name = from.kernel_name,
            Self::ScratchFileSystem => into.scratch_file_system = from.scratch_file_system,
            Self::Ground => into.ground = from.ground,
        }
    }
}

impl fmt::Display for Variation {
    /// Its name as words: `directory order`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('-', " "))
    }
}

impl FromStr for Variation {
    type Err = UnknownVariation;

    fn from_str(text: &str) -> Result<Self, UnknownVariation> {
        let found = Self::ALL.into_iter().find(|variation| variation.name() == text);
        found.ok_or_else(|| UnknownVariation { found: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variation_has_a_name_of_its_own_that_is_read_back() {
        for (at, variation) in Variation::ALL.into_iter().enumerate() {
            assert_eq!(variation.name().parse(), Ok(variation));
            assert!(Variation::ALL[..at].iter().all(|other| *other < variation), "the list is in order");
        }
        let error = "colour".parse::<Variation>().unwrap_err();
        assert!(error.to_string().contains("\"colour\"") && error.to_string().contains("time-zone"), "{error}");
        let error = "hostname".parse::<Variation>().unwrap_err();
        assert_eq!(error.to_string(), "there is no variation named \"hostname\": did you mean `host-name`?");
    }
}
