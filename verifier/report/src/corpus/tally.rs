//! Counts of results.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use twinbuild_compare::Mismatch;
use twinbuild_verdict::{Level, Outcome};

use super::SubjectResult;
use crate::Picture;
use crate::page::{grouped, share};
use crate::picture::{Bar, Form, Length};

/// What became of a subject, in a word: the level, the kind of mismatch, or else the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultKind {
    /// Reproduced: one twin is the published file.
    BitForBit,
    /// Reproduced: written again from both twins, byte for byte.
    Repacked,
    /// Reproduced, after named normalizers.
    Normalized,
    /// Not reproduced, in metadata and container only.
    Packaging,
    /// Not reproduced, in what is installed or run.
    Code,
    /// Not reproduced, for members that no source has.
    Unsourced,
    /// The twins differ.
    Nondeterministic,
    /// Malformed or hostile.
    Rejected,
    /// The build fails.
    Unbuildable,
    /// A limit, or the infrastructure.
    Inconclusive,
    /// Of a kind that this version cannot judge.
    Unsupported,
    /// Without a source.
    SourceMissing,
    /// Without a verdict.
    NoVerdict,
}

impl ResultKind {
    /// All of them, the best first.
    pub(crate) const ALL: [Self; 13] = [
        Self::BitForBit,
        Self::Repacked,
        Self::Normalized,
        Self::Packaging,
        Self::Code,
        Self::Unsourced,
        Self::Nondeterministic,
        Self::Rejected,
        Self::Unbuildable,
        Self::Inconclusive,
        Self::Unsupported,
        Self::SourceMissing,
        Self::NoVerdict,
    ];

    /// What a verdict says. One that does not say how well, or in what, counts as the weakest.
    #[must_use]
    pub fn of(outcome: Outcome, level: Option<Level>, mismatch: Option<Mismatch>) -> Self {
        match outcome {
            Outcome::Reproduced => match level {
                Some(Level::BitForBit) => Self::BitForBit,
                Some(Level::Repacked) => Self::Repacked,
                Some(Level::Normalized) | None => Self::Normalized,
            },
            Outcome::NotReproduced => match mismatch {
                Some(Mismatch::Packaging) => Self::Packaging,
                Some(Mismatch::Code) => Self::Code,
                Some(Mismatch::Unsourced) | None => Self::Unsourced,
            },
            Outcome::Nondeterministic => Self::Nondeterministic,
            Outcome::Rejected => Self::Rejected,
            Outcome::Unbuildable => Self::Unbuildable,
            Outcome::Inconclusive => Self::Inconclusive,
            Outcome::Unsupported => Self::Unsupported,
            Outcome::SourceMissing => Self::SourceMissing,
        }
    }

    /// Its name, which is its class in pictures, too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BitForBit => "bit-for-bit",
            Self::Repacked => "repacked",
            Self::Normalized => "normalized",
            Self::Packaging => "packaging",
            Self::Code => "code",
            Self::Unsourced => "unsourced",
            Self::Nondeterministic => "nondeterministic",
            Self::Rejected => "rejected",
            Self::Unbuildable => "unbuildable",
            Self::Inconclusive => "inconclusive",
            Self::Unsupported => "unsupported",
            Self::SourceMissing => "source-missing",
            Self::NoVerdict => "no-verdict",
        }
    }

    /// The outcome, in words, and its quality.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BitForBit => "reproduced (bit-for-bit)",
            Self::Repacked => "reproduced (repacked)",
            Self::Normalized => "reproduced (normalized)",
            Self::Packaging => "not-reproduced (packaging)",
            Self::Code => "not-reproduced (code)",
            Self::Unsourced => "not-reproduced (unsourced)",
            Self::Nondeterministic
            | Self::Rejected
            | Self::Unbuildable
            | Self::Inconclusive
            | Self::Unsupported
            | Self::SourceMissing => self.name(),
            Self::NoVerdict => "no verdict",
        }
    }

    /// Whether it stands for `reproduced`.
    #[must_use]
    pub fn is_reproduced(self) -> bool {
        self <= Self::Normalized
    }

    /// Whether it says of the file itself that it was reproduced or not, and not only why nobody knows.
    #[must_use]
    pub fn is_decided(self) -> bool {
        self <= Self::Rejected
    }

    /// Whether it stands for `reproduced` with each byte of the published file, without any normalizer.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self <= Self::Repacked
    }
}

/// Subjects, counted by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub total: u64,
    /// By what became of them; without the kinds that do not occur.
    pub kinds: BTreeMap<ResultKind, u64>,
}

/// Subjects that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// What became of them.
    #[serde(flatten)]
    pub results: Tally,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, kind: ResultKind) {
        self.total += 1;
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// What became of how many, as a picture; [`Tally::kinds`] in a table beside it says the same.
    #[must_use]
    pub fn picture(&self) -> Picture {
        let bar = |(kind, count): (&ResultKind, &u64)| Bar {
            name: kind.name().to_owned(),
            segments: vec![(*kind, *count)],
            note: format!("{}, {}", grouped(*count), share(*count, self.total)),
        };
        let bars = self.kinds.iter().map(bar).collect();
        let form = Form::Bars { bars, length: Length::Count };
        Picture { name: "results", title: "Files by outcome and level", form }
    }

    /// How many are of this kind.
    #[must_use]
    pub fn count(&self, kind: ResultKind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// How many are `reproduced`.
    #[must_use]
    pub fn reproduced(&self) -> u64 {
        self.sum(ResultKind::is_reproduced)
    }

    /// How many are `bit-for-bit` or `repacked`.
    #[must_use]
    pub fn exact(&self) -> u64 {
        self.sum(ResultKind::is_exact)
    }

    fn sum(&self, is_meant: impl Fn(ResultKind) -> bool) -> u64 {
        self.kinds.iter().filter(|(kind, _)| is_meant(**kind)).map(|(_, count)| count).sum()
    }
}

impl<'a> FromIterator<&'a SubjectResult> for Tally {
    fn from_iter<T: IntoIterator<Item = &'a SubjectResult>>(results: T) -> Self {
        let mut tally = Self::default();
        results.into_iter().for_each(|result| tally.add(result.kind()));
        tally
    }
}

/// Subjects by what `name` says of each, in the order of the names; numbers in names count as numbers.
pub(super) fn groups(subjects: &[SubjectResult], name: impl Fn(&SubjectResult) -> String) -> Vec<Group> {
    let mut by_name: BTreeMap<(Vec<Part>, String), Vec<&SubjectResult>> = BTreeMap::new();
    for result in subjects {
        let name = name(result);
        by_name.entry((parts(&name), name)).or_default().push(result);
    }
    by_name.into_iter().map(|((_, name), results)| Group { name, results: results.into_iter().collect() }).collect()
}

/// A part of a name: a number, or what stands between numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Text(String),
}

fn parts(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(match part.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Text(part.to_owned()),
        });
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_ordered_by_their_numbers() {
        let named = |name: &str| SubjectResult { generator: Some(name.to_owned()), ..SubjectResult::default() };
        let subjects = ["wheel 0.36", "setuptools 75.x", "wheel 0.9", "unknown", "wheel 0.36"].map(named);
        let groups = groups(&subjects, |result| result.generator.clone().unwrap_or_default());
        let names: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.results.total)).collect();
        assert_eq!(names, [("setuptools 75.x", 1), ("unknown", 1), ("wheel 0.9", 1), ("wheel 0.36", 2)]);
    }

    #[test]
    fn kinds_are_in_order() {
        assert!(ResultKind::ALL.is_sorted());
        let good: Vec<_> = ResultKind::ALL.into_iter().filter(|kind| kind.is_reproduced()).collect();
        assert_eq!(good, [ResultKind::BitForBit, ResultKind::Repacked, ResultKind::Normalized]);
        let undecided: Vec<_> =
            ResultKind::ALL.into_iter().filter(|kind| !kind.is_decided()).map(ResultKind::name).collect();
        assert_eq!(undecided, ["unbuildable", "inconclusive", "unsupported", "source-missing", "no-verdict"]);
        for kind in ResultKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
