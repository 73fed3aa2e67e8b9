//! The limits of a build, by the names that a verdict's `run.limits` gives them.

use std::collections::BTreeMap;
use std::time::Duration;

use twinbuild_sandbox::Limits;
use twinbuild_subject::did_you_mean;

/// How long a build may take where nobody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(900);

/// Where a limit stands.
type Field = fn(&mut Limits) -> &mut u64;

const FIELDS: &[(&str, Field)] = &[
    ("collect-bytes", |limits| &mut limits.collect_bytes),
    ("collect-files", |limits| &mut limits.collect_files),
    ("cpu-secs", |limits| &mut limits.cpu_secs),
    ("file-bytes", |limits| &mut limits.file_bytes),
    ("log-bytes", |limits| &mut limits.log_bytes),
    ("memory-bytes", |limits| &mut limits.memory_bytes),
    ("open-files", |limits| &mut limits.open_files),
    ("processes", |limits| &mut limits.processes),
    ("scratch-bytes", |limits| &mut limits.scratch_bytes),
    ("scratch-inodes", |limits| &mut limits.scratch_inodes),
];

/// Limits that someone chose, each by its name, and how long a build may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChosenLimits {
    timeout: Option<Duration>,
    values: BTreeMap<String, u64>,
}

impl ChosenLimits {
    /// How long a build may take, if that was chosen, and no other limit yet.
    pub(crate) fn new(timeout_secs: Option<u64>) -> Self {
        Self { timeout: timeout_secs.map(Duration::from_secs), values: BTreeMap::new() }
    }

    /// Chooses one.
    pub(crate) fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
        if !names().any(|known| known == name) {
            return Err(match did_you_mean(name, names()) {
                near if near.is_empty() => {
                    let known = names().collect::<Vec<_>>().join(", ");
                    format!("{name:?} is no limit, and one of these is expected: {known}")
                }
                near => format!("{name:?} is no limit{near}"),
            });
        }
        if value == 0 {
            return Err(format!("the limit {name} is 0, and at least 1 is expected"));
        }
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// Chooses those of `others` too, which win.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.timeout = others.timeout.or(self.timeout);
        self.values.extend(others.values.clone());
    }

    /// All limits of a build: those that were chosen, and else the defaults.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits { wall: self.timeout.unwrap_or(DEFAULT_TIMEOUT), ..Limits::of_this_host() };
        for (name, field) in FIELDS {
            if let Some(value) = self.values.get(*name) {
                *field(&mut limits) = *value;
            }
        }
        limits
    }
}

/// The names of all limits.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(name, _)| *name)
}

/// Reads `NAME=NUMBER`.
pub(crate) fn named_limit(text: &str) -> Result<(String, u64), String> {
    let expected = || format!("{text:?} is no limit, and NAME=NUMBER is expected, as in memory-bytes=1073741824");
    let (name, value) = text.split_once('=').ok_or_else(expected)?;
    let value = value.trim().parse().map_err(|_| expected())?;
    let mut checked = ChosenLimits::default();
    checked.set(name.trim(), value)?;
    Ok((name.trim().to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_limit_of_its_own() {
        for (name, _) in FIELDS {
            let mut chosen = ChosenLimits::default();
            chosen.set(name, 7).unwrap();
            let limits = chosen.limits();
            let set: Vec<_> = FIELDS.iter().filter(|(_, field)| *field(&mut limits.clone()) == 7).collect();
            assert_eq!(set.len(), 1, "{name}");
            assert_eq!(set[0].0, *name);
        }
    }

    #[test]
    fn what_comes_later_wins_and_leaves_the_rest() {
        let mut chosen = ChosenLimits::new(Some(1));
        chosen.set("processes", 3).unwrap();
        chosen.set("open-files", 4).unwrap();
        let mut later = ChosenLimits::default();
        later.set("processes", 5).unwrap();
        chosen.extend(&later);
        let limits = chosen.limits();
        assert_eq!((limits.processes, limits.open_files, limits.wall), (5, 4, Duration::from_secs(1)));
    }

    #[test]
    fn what_is_no_limit_is_refused_with_the_names_there_are() {
        assert_eq!(named_limit("memory=1").unwrap_err(), "\"memory\" is no limit: did you mean `memory-bytes`?");
        assert!(named_limit("colour=1").unwrap_err().contains("cpu-secs, file-bytes"));
        for text in ["memory-bytes", "memory-bytes=", "memory-bytes=1GiB", "memory-bytes=-1", "memory-bytes=0"] {
            assert!(named_limit(text).is_err(), "{text}");
        }
        assert_eq!(named_limit(" processes = 64"), Ok(("processes".to_owned(), 64)));
    }
}
