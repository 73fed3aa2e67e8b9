//! The conditions of a build, and how the twins' are opposed.

use twinbuild_recipe::{Recipe, Switches, VersionControl};
use twinbuild_sandbox::{Insertion, KernelName, Processors, ScratchFileSystem};

use crate::{Variation, VariationSet};

/// Everything that a build can notice and that its result should not depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// The folder that holds the source's top folder.
    pub build_path: &'static str,
    /// The folder for what is built.
    pub output: &'static str,
    /// The host's name.
    pub host_name: &'static str,
    /// The host's NIS domain name.
    pub domain_name: &'static str,
    /// How far the real-time clock is ahead, in seconds.
    pub clock_offset_secs: u32,
    /// `TZ`, in the form of POSIX that needs no time zone data.
    pub time_zone: &'static str,
    /// `LANG` and `LC_ALL`.
    pub locale: &'static str,
    /// The file mode creation mask.
    pub umask: u32,
    /// The user's id.
    pub user_id: u32,
    /// The group's id.
    pub group_id: u32,
    /// The user's name.
    pub user_name: &'static str,
    /// `HOME`
    pub home: &'static str,
    /// `TMPDIR`
    pub temporary_directory: &'static str,
    /// How many processors it may use.
    pub processors: Processors,
    /// `PYTHONHASHSEED`
    pub hash_seed: u32,
    /// Variables that the other twin does not have.
    pub extra_environment: &'static [(&'static str, &'static str)],
    /// `PATH`
    pub path: &'static [&'static str],
    /// What `/bin/sh` is.
    pub shell: Shell,
    /// `TERM`, `COLUMNS`, `LINES`.
    pub terminal: (&'static str, u16, u16),
    /// The order in which the entries of the source's folders are listed.
    pub directory_order: Insertion,
    /// Whether addresses are randomized.
    pub randomize_addresses: bool,
    /// How long the host seems to be up already, in seconds beyond the truth.
    pub boot_offset_secs: i64,
    /// What uname(2) says of the kernel.
    pub kernel_name: KernelName,
    /// What it writes to.
    pub scratch_file_system: ScratchFileSystem,
    /// Which of the job's environments it stands on.
    pub ground: Ground,
}

/// The environment of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The recipe's own.
    Own,
    /// The other one, if the job has one.
    Other,
}

/// The program that stands at `/bin/sh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// dash, as Debian has it.
    Dash,
    /// bash, which behaves by POSIX under that name.
    Bash,
}

impl Shell {
    /// Its program's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dash => "dash",
            Self::Bash => "bash",
        }
    }
}

/// The conditions of an ordinary build: those of the first twin.
pub const FIRST: Conditions = Conditions {
    build_path: "/build",
    output: "/output",
    host_name: "builder",
    domain_name: "",
    clock_offset_secs: 0,
    time_zone: "UTC0",
    locale: "C.UTF-8",
    umask: 0o022,
    user_id: 1000,
    group_id: 1000,
    user_name: "builder",
    home: "/home/builder",
    temporary_directory: "/tmp",
    processors: Processors::Count(1),
    hash_seed: 0,
    extra_environment: &[],
    path: &["/env/bin", "/usr/local/bin", "/usr/bin", "/bin"],
    shell: Shell::Dash,
    terminal: ("dumb", 80, 24),
    directory_order: Insertion::Sorted,
    randomize_addresses: false,
    boot_offset_secs: 0,
    kernel_name: KernelName::Own,
    scratch_file_system: ScratchFileSystem::Tmpfs,
    ground: Ground::Own,
};

/// Each condition of an ordinary build opposed: those of the second twin.
pub const SECOND: Conditions = Conditions {
    build_path: "/srv/another/place/to-build-in",
    output: "/srv/another/result",
    host_name: "second-twin",
    domain_name: "second.example",
    clock_offset_secs: 400 * 86_400,
    time_zone: "TWIN-13:45",
    locale: "et_EE.UTF-8",
    umask: 0o077,
    user_id: 4242,
    group_id: 2424,
    user_name: "twin",
    home: "/var/lib/twin",
    temporary_directory: "/var/scratch/temporary",
    processors: Processors::All,
    hash_seed: 4242,
    extra_environment: &[("CAPTURED_ENVIRONMENT", "second twin"), ("CI", "true")],
    path: &["/env/bin", "/bin", "/usr/bin", "/usr/local/bin", "/captured/path"],
    shell: Shell::Bash,
    terminal: ("xterm-256color", 211, 61),
    directory_order: Insertion::Reversed,
    randomize_addresses: true,
    boot_offset_secs: 400 * 86_400,
    kernel_name: KernelName::Linux26,
    scratch_file_system: ScratchFileSystem::Overlay,
    ground: Ground::Other,
};

impl Conditions {
    /// The conditions of an ordinary build, with those in `varied` opposed.
    #[must_use]
    pub fn with(varied: &VariationSet) -> Self {
        let mut conditions = FIRST;
        varied.iter().for_each(|variation| variation.copy(&SECOND, &mut conditions));
        conditions
    }

    /// These conditions, but for what the recipe itself says.
    pub(crate) fn under(&self, recipe: &Recipe) -> Self {
        let Switches { umask, hash_seed, .. } = recipe.switches;
        Self { umask: umask.unwrap_or(self.umask), hash_seed: hash_seed.unwrap_or(self.hash_seed), ..self.clone() }
    }

    /// The variables of the build of a recipe.
    pub(crate) fn environment(&self, recipe: &Recipe) -> Vec<(String, String)> {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let (term, columns, lines) = self.terminal;
        let (path, columns, lines) = (self.path.join(":"), columns.to_string(), lines.to_string());
        let hash_seed = self.hash_seed.to_string();
        let shell = format!("/bin/{}", if self.shell == Shell::Dash { "sh" } else { "bash" });
        let mut variables: Vec<(String, String)> = [
            ("PATH", path.as_str()),
            ("HOME", self.home),
            ("USER", self.user_name),
            ("LOGNAME", self.user_name),
            ("LANG", self.locale),
            ("LC_ALL", self.locale),
            ("TZ", self.time_zone),
            ("TMPDIR", self.temporary_directory),
            ("PYTHONHASHSEED", &hash_seed),
            ("SHELL", &shell),
            ("TERM", term),
            ("COLUMNS", &columns),
            ("LINES", &lines),
        ]
        .into_iter()
        .chain(self.extra_environment.iter().copied())
        .map(own)
        .collect();
        if recipe.environment.toolchain {
            // Compilers note where they ran, in debug information and where a source asks for its own name. As in Debian's
            // own builds it reads the same wherever that was, or every native build would differ by its path alone.
            let flags = format!("-ffile-prefix-map={}={}", self.build_path, FIRST.build_path);
            variables.extend(["CFLAGS", "CXXFLAGS"].map(|name| (name.to_owned(), flags.clone())));
        }
        let epoch = recipe.source_date_epoch;
        variables.extend(epoch.map(|epoch| ("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string())));
        variables.extend(recipe.version_control.iter().flat_map(VersionControl::variables).map(own));
        variables
    }

    /// The value of each variation under these conditions.
    pub(crate) fn values(&self) -> Vec<(Variation, String)> {
        Variation::ALL.into_iter().map(|variation| (variation, variation.value(self))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_condition_is_opposed() {
        for (a, b) in FIRST.values().into_iter().zip(SECOND.values()) {
            assert_eq!(a.0, b.0);
            assert_ne!(a.1, b.1, "{}", a.0);
        }
    }

    #[test]
    fn the_list_of_variations_covers_every_condition() {
        assert_eq!(Conditions::with(&Variation::ALL.into()), SECOND);
        assert_eq!(Conditions::with(&VariationSet::new()), FIRST);
    }

    #[test]
    fn one_variation_changes_its_own_value_only() {
        for varied in Variation::ALL {
            let conditions = Conditions::with(&[varied].into());
            for (a, b) in FIRST.values().into_iter().zip(conditions.values()) {
                assert_eq!(a.1 == b.1, a.0 != varied, "{varied}: {}", a.0);
            }
        }
    }

    #[test]
    fn no_interpreter_can_stand_where_a_build_writes() {
        for conditions in [FIRST, SECOND] {
            let Conditions { build_path, output, home, temporary_directory, .. } = conditions;
            for place in [build_path, output, home, temporary_directory] {
                let is_reserved = |folder: &&str| Path::new(place).starts_with(folder);
                assert!(twinbuild_environment::RESERVED_FOLDERS.iter().any(is_reserved), "{place}");
            }
        }
    }

    #[test]
    fn compilers_are_told_of_one_build_path_where_there_are_any() {
        let text = "format = 1\n[interpreter]\nversion = \"3.11\"\n[environment]\ntoolchain = true\n[build]\n\
                    front-end = \"setup-py\"\n[requirements]\ncutoff = \"2021-05-05T14:18:17Z\"\ndirect = []\n";
        let mut recipe = Recipe::from_toml(text).unwrap();
        let flags = |conditions: &Conditions, recipe: &Recipe| {
            let mut variables = conditions.environment(recipe).into_iter();
            variables.find(|(name, _)| name == "CFLAGS").map(|(_, value)| value)
        };
        assert_eq!(flags(&FIRST, &recipe).as_deref(), Some("-ffile-prefix-map=/build=/build"));
        let second = "-ffile-prefix-map=/srv/another/place/to-build-in=/build";
        assert_eq!(flags(&SECOND, &recipe).as_deref(), Some(second));
        recipe.environment.toolchain = false;
        assert_eq!(flags(&SECOND, &recipe), None);
    }

    #[test]
    fn neither_twin_is_root() {
        assert!([FIRST, SECOND].iter().all(|conditions| conditions.user_id != 0 && conditions.group_id != 0));
    }
}
