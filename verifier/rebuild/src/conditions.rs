//! The conditions of a build, and how the twins' are opposed.

use twinbuild_sandbox::{Insertion, Processors};

/// Everything that a build can notice and that its result should not depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// `first` or `second`.
    pub twin: &'static str,
    /// The folder that holds the source's top folder.
    pub build_path: &'static str,
    /// The folder for what is built.
    pub output: &'static str,
    /// The host's name.
    pub host_name: &'static str,
    /// The host's NIS domain name.
    pub domain_name: &'static str,
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
    pub hash_seed: &'static str,
    /// Variables that the other twin does not have.
    pub extra_environment: &'static [(&'static str, &'static str)],
    /// A folder at the end of `PATH`.
    pub extra_path: Option<&'static str>,
    /// The order in which the entries of the source's folders are listed.
    pub directory_order: Insertion,
    /// Whether addresses are randomized.
    pub randomize_addresses: bool,
    /// How long the host seems to be up already, in seconds beyond the truth.
    pub boot_offset_secs: i64,
}

/// The first twin runs the conditions of an ordinary build; the second opposes each of them.
pub const CONDITIONS: [Conditions; 2] = [
    Conditions {
        twin: "first",
        build_path: "/build",
        output: "/output",
        host_name: "builder",
        domain_name: "",
        time_zone: "UTC0",
        locale: "C.UTF-8",
        umask: 0o022,
        user_id: 1000,
        group_id: 1000,
        user_name: "builder",
        home: "/home/builder",
        temporary_directory: "/tmp",
        processors: Processors::Count(1),
        hash_seed: "0",
        extra_environment: &[],
        extra_path: None,
        directory_order: Insertion::Sorted,
        randomize_addresses: false,
        boot_offset_secs: 0,
    },
    Conditions {
        twin: "second",
        build_path: "/srv/another/place/to-build-in",
        output: "/srv/another/result",
        host_name: "second-twin",
        domain_name: "second.example",
        time_zone: "TWIN-13:45",
        locale: "et_EE.UTF-8",
        umask: 0o077,
        user_id: 4242,
        group_id: 2424,
        user_name: "twin",
        home: "/var/lib/twin",
        temporary_directory: "/var/scratch/temporary",
        processors: Processors::All,
        hash_seed: "4242",
        extra_environment: &[("CAPTURED_ENVIRONMENT", "second twin"), ("CI", "true")],
        extra_path: Some("/captured/path"),
        directory_order: Insertion::Reversed,
        randomize_addresses: true,
        boot_offset_secs: 400 * 86_400,
    },
];

impl Conditions {
    /// The variables of the build. `epoch` is `SOURCE_DATE_EPOCH`.
    pub(crate) fn environment(&self, epoch: Option<i64>) -> Vec<(String, String)> {
        let path = ["/env/bin", "/usr/local/bin", "/usr/bin", "/bin"].into_iter().chain(self.extra_path);
        let path: Vec<&str> = path.collect();
        let mut variables: Vec<(String, String)> = [
            ("PATH", path.join(":").as_str()),
            ("HOME", self.home),
            ("USER", self.user_name),
            ("LOGNAME", self.user_name),
            ("LANG", self.locale),
            ("LC_ALL", self.locale),
            ("TZ", self.time_zone),
            ("TMPDIR", self.temporary_directory),
            ("PYTHONHASHSEED", self.hash_seed),
        ]
        .into_iter()
        .chain(self.extra_environment.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        variables.extend(epoch.map(|epoch| ("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string())));
        variables
    }

    /// The value of each variation in this twin, by the name under which the driver reports what it observed.
    pub(crate) fn values(&self) -> Vec<(&'static str, String)> {
        let processors = match self.processors {
            Processors::All => "all".to_owned(),
            Processors::Count(count) => count.to_string(),
        };
        let environment: Vec<&str> = self.extra_environment.iter().map(|(name, _)| *name).collect();
        let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        vec![
            ("build-path", self.build_path.to_owned()),
            ("host-name", self.host_name.to_owned()),
            ("domain-name", or_none(self.domain_name)),
            ("time-zone", self.time_zone.to_owned()),
            ("locale", self.locale.to_owned()),
            ("umask", format!("{:04o}", self.umask)),
            ("user-id", self.user_id.to_string()),
            ("group-id", self.group_id.to_string()),
            ("home", self.home.to_owned()),
            ("temporary-directory", self.temporary_directory.to_owned()),
            ("processors", processors),
            ("hash-seed", self.hash_seed.to_owned()),
            ("environment", or_none(&environment.join(" "))),
            ("directory-order", format!("{:?}", self.directory_order).to_lowercase()),
            ("address-space", if self.randomize_addresses { "random" } else { "fixed" }.to_owned()),
            ("boot-time", format!("{} days earlier", self.boot_offset_secs / 86_400)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_condition_is_opposed() {
        let [first, second] = CONDITIONS;
        let pairs = first.values().into_iter().zip(second.values());
        for ((name, a), (same_name, b)) in pairs {
            assert_eq!(name, same_name);
            assert_ne!(a, b, "{name}");
        }
    }

    #[test]
    fn no_interpreter_can_stand_where_a_build_writes() {
        for conditions in CONDITIONS {
            let Conditions { build_path, output, home, temporary_directory, .. } = conditions;
            for place in [build_path, output, home, temporary_directory] {
                let is_reserved = |folder: &&str| Path::new(place).starts_with(folder);
                assert!(twinbuild_environment::RESERVED_FOLDERS.iter().any(is_reserved), "{place}");
            }
        }
    }

    #[test]
    fn neither_twin_is_root() {
        assert!(CONDITIONS.iter().all(|conditions| conditions.user_id != 0 && conditions.group_id != 0));
    }
}
