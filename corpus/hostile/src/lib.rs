//! The hostile corpus: small files, each with one thing wrong, and what must come out of reading it.
//!
//! [`cases`] gives them all, the same bytes every time. [`honest_wheel`] and [`honest_sdist`] are what a case is compared
//! with: the case stands for the published file, the honest one for the rebuild (`twinbuild compare CASE HONEST`). The
//! other way round may give other findings, but never a pass where [`Expected`] says that there is none.
//!
//! Nothing here reads an archive, and no code is shared with the readers under test: the writers in `raw` write what they
//! are told to. Bounds that every case must keep, whatever comes out: 64 MiB of memory, 2 seconds, no panic.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the corpus is built from constants")]

mod bombs;
mod contents;
mod controls;
mod methods;
mod names;
mod project;
mod raw;
mod sdists;
mod zips;

use serde_json::{Value, json};

pub use project::{honest_sdist, honest_wheel};

/// A file and what must come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// A file name that says what is wrong; ends in `.whl` or `.tar.gz`.
    pub name: String,
    /// The file; at most 600 KB.
    pub bytes: Vec<u8>,
    /// What must come out of it.
    pub expected: Expected,
}

/// What must come out of reading a case and comparing it with the honest file of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Proven malformed or ambiguous: never read to its end, exit code 1.
    Rejected {
        /// The code of the malformation.
        code: &'static str,
    },
    /// A limit is reached: inconclusive, exit code 2.
    Limit,
    /// Lawful, and not read by this version: exit code 2.
    Unsupported,
    /// It reads, and differs in a way that has a name: exit code 1.
    Finding {
        /// The code of a finding that must be among those found.
        code: &'static str,
    },
    /// A control: only permitted container parameters differ, exit code 0.
    Equivalent {
        /// The code of a warning that must be given all the same.
        warning: Option<&'static str>,
    },
}

impl Expected {
    /// As it stands in `expected.jsonl`: `outcome`, and `code` where there is one.
    #[must_use]
    pub fn to_json(self) -> Value {
        match self {
            Self::Rejected { code } => json!({"outcome": "rejected", "code": code}),
            Self::Limit => json!({"outcome": "limit"}),
            Self::Unsupported => json!({"outcome": "unsupported"}),
            Self::Finding { code } => json!({"outcome": "finding", "code": code}),
            Self::Equivalent { warning } => json!({"outcome": "equivalent", "code": warning}),
        }
    }
}

/// Every case, in a fixed order, under a name of its own.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        zips::ends(),
        zips::headers(),
        zips::layout(),
        zips::extras(),
        zips::data(),
        methods::wheels(),
        names::wheels(),
        names::kinds_and_modes(),
        contents::wheels(),
        sdists::gzips(),
        sdists::structure(),
        sdists::members(),
        sdists::extensions(),
        sdists::parameters(),
        bombs::all(),
        controls::wheels(),
        controls::sdists(),
    ]
    .concat()
}

const fn rejected(code: &'static str) -> Expected {
    Expected::Rejected { code }
}

const fn finding(code: &'static str) -> Expected {
    Expected::Finding { code }
}

fn case(name: &str, expected: Expected, bytes: Vec<u8>) -> Case {
    Case { name: name.to_owned(), bytes, expected }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn cases_are_many_small_named_and_steady() {
        let all = cases();
        assert!(all.len() >= 100, "{}", all.len());
        let names: HashSet<_> = all.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), all.len(), "a name stands twice");
        for case in &all {
            assert!(case.bytes.len() <= 600_000, "{}: {} bytes", case.name, case.bytes.len());
            let has_ending = case.name.ends_with(".whl") || case.name.ends_with(".tar.gz");
            assert!(has_ending && case.name.is_ascii(), "{}", case.name);
            let honest = if case.name.ends_with(".whl") { honest_wheel() } else { honest_sdist() };
            assert!(case.bytes != honest, "{} is honest", case.name);
        }
        assert_eq!(all, cases());
    }

    #[test]
    fn every_outcome_is_there() {
        let outcomes: HashSet<_> = cases().iter().map(|case| case.expected.to_json()["outcome"].to_string()).collect();
        assert_eq!(outcomes.len(), 5);
    }
}
