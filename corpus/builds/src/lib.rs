//! The hostile builds: sdists, each with a backend that makes one attack, and what must come out of building it.
//!
//! [`cases`] gives them all. [`Case::sdist`] writes one for a host: the attack knows paths, processes and sockets of it, as
//! one who has read our sources would guess them. [`published_wheel`] is what an honest build gives, written by another
//! program, and [`RECIPE`] builds it with nothing but Python, by the backend that the sdist brings along.
//!
//! An attack is Python in `attacks`, one file a case: the name says what it does, its first line more of it. It stands on
//! `project/hostile.py`, and can fail to be contained in no silent way. What it achieves it prints as a line that begins
//! with [`ESCAPED`], and adds to the wheel, which then is not the published one. What it tried it counts in a line that
//! begins with [`TRIED`], so that an attack that was never made is no pass either.
//!
//! None of it is for running outside of a sandbox.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the corpus is built from constants")]

mod attacks;
mod project;

use serde_json::{Value, json};

pub use attacks::cases;
pub use project::{Host, RECIPE, SDIST, WHEEL, published_wheel, sdist_of, tar_gz, url_safe_base64};

/// What a line of a log begins with where an attack went through.
pub const ESCAPED: &str = "ESCAPED: ";
/// What a line of a log begins with when an attack has been made, followed by how many attempts it took.
pub const TRIED: &str = "TRIED ";

/// A build and what must come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What it does, in kebab case.
    pub name: &'static str,
    /// The module of the attack, in Python.
    attack: &'static str,
    /// What must come out of building it.
    pub expected: Expected,
    /// The limits that it is to be run under, by the names that they have on the command line; those not named are the defaults.
    pub limits: &'static [(&'static str, u64)],
    /// Seconds that each build may take; where nothing sleeps for ever, only a bound against hangs.
    pub timeout_secs: u64,
}

/// What must come out of building a case against the honest wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It was refused what it tried, and built honestly then: exit code 0.
    Reproduced,
    /// A limit ended it: `inconclusive`, of class `limit`, exit code 2.
    Limit,
    /// It failed, or left what is not taken: exit code 2.
    Unbuildable {
        /// The class of the reason.
        class: &'static str,
    },
    /// It hands out something else than was published: exit code 1.
    NotReproduced {
        /// The kind of the mismatch.
        mismatch: &'static str,
    },
    /// It hands out different things in the two twins: exit code 1.
    Nondeterministic,
    /// Who wins a race decides, and only what is honest may win: any of the others but a limit.
    Race,
}

impl Expected {
    /// As it stands in `expected.jsonl`: `outcome`, and `class` or `mismatch` where there is one.
    #[must_use]
    pub fn to_json(self) -> Value {
        match self {
            Self::Reproduced => json!({"outcome": "reproduced"}),
            Self::Limit => json!({"outcome": "inconclusive", "class": "limit"}),
            Self::Unbuildable { class } => json!({"outcome": "unbuildable", "class": class}),
            Self::NotReproduced { mismatch } => json!({"outcome": "not-reproduced", "mismatch": mismatch}),
            Self::Nondeterministic => json!({"outcome": "nondeterministic"}),
            Self::Race => json!({"outcome": "race"}),
        }
    }
}

impl Case {
    /// What it does, in a sentence.
    #[must_use]
    pub fn does(&self) -> &'static str {
        let rest = self.attack.strip_prefix("\"\"\"").unwrap_or_default();
        rest.split("\"\"\"").next().unwrap_or_default()
    }

    /// The sdist, for a host.
    #[must_use]
    pub fn sdist(&self, host: &Host) -> Vec<u8> {
        sdist_of(self.attack, host)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn cases_are_many_named_and_described() {
        let all = cases();
        assert!(all.len() >= 45, "{}", all.len());
        let names: BTreeSet<_> = all.iter().map(|case| case.name.to_owned()).collect();
        assert_eq!(names.len(), all.len(), "a name stands twice");
        for case in &all {
            assert!(case.does().ends_with('.') && !case.does().contains('\n'), "{}: {:?}", case.name, case.does());
            assert!(case.attack.contains("\ndef attack(directory, files):\n"), "{}", case.name);
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/attacks");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: BTreeSet<_> = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(files, names, "an attack has no case, or a case no attack");
    }

    #[test]
    fn sdists_are_small_and_the_same_every_time() {
        let host = Host::unknown();
        for case in cases() {
            let sdist = case.sdist(&host);
            assert!(sdist.len() < 16_384, "{}: {} bytes", case.name, sdist.len());
            assert_eq!(sdist, case.sdist(&host));
        }
    }

    #[test]
    fn every_outcome_is_there() {
        let outcomes: BTreeSet<_> = cases().iter().map(|case| case.expected.to_json()["outcome"].to_string()).collect();
        assert_eq!(outcomes.len(), 6);
    }
}
