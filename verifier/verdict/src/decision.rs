//! The decision and its precedence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_compare::{Comparison, Finding, Mismatch, Relation, Severity};

/// What was found out, in order of precedence: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The archive is proven malformed, ambiguous or hostile.
    Rejected,
    /// A kind of file or platform that this version cannot judge.
    Unsupported,
    /// No source is published or found.
    SourceMissing,
    /// A limit was hit, a digest did not match what the registry promised, or the infrastructure failed.
    Inconclusive,
    /// The build fails.
    Unbuildable,
    /// The twins differ after normalization.
    Nondeterministic,
    /// The twins agree, and the published file differs.
    NotReproduced,
    /// The twins agree, and the published file is what they are.
    Reproduced,
}

/// How exactly a file was reproduced, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Both twins equal the published file after the named normalizers and in all but permitted container parameters.
    Normalized,
    /// Both twins' members, written with the published container parameters, are the published file, byte for byte.
    Repacked,
    /// One twin is the published file, byte for byte, and the other reaches `repacked`.
    BitForBit,
}

impl Level {
    /// All of them, strongest first.
    pub const ALL: [Self; 3] = [Self::BitForBit, Self::Repacked, Self::Normalized];

    /// Its name, as in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BitForBit => "bit-for-bit",
            Self::Repacked => "repacked",
            Self::Normalized => "normalized",
        }
    }
}

/// Which of two twins that differ is the published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Matches {
    /// Neither.
    None,
    /// The first.
    First,
    /// The second.
    Second,
}

/// What follows from a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub outcome: Outcome,
    /// How exactly, where reproduced.
    pub level: Option<Level>,
    /// In what, where not reproduced.
    pub mismatch: Option<Mismatch>,
    /// Which twin, where nondeterministic.
    pub matches: Option<Matches>,
}

/// Decides. `mismatch` is the most serious kind of difference that the comparison found, if it found one; a source that
/// holds the subject itself (`source_embeds_subject`) is never `reproduced`, as nothing was built then.
#[must_use]
pub fn decide(comparison: &Comparison, mismatch: Option<Mismatch>, source_embeds_subject: bool) -> Decision {
    let nothing = Decision { outcome: Outcome::NotReproduced, level: None, mismatch: None, matches: None };
    let Comparison { twins, first, second, repacked_first, repacked_second, files, bytes, members: _ } = comparison;
    let same = |relation: Relation| relation != Relation::Different;
    if !same(*twins) {
        let matches = match (same(*first), same(*second)) {
            (true, _) => Matches::First,
            (false, true) => Matches::Second,
            (false, false) => Matches::None,
        };
        return Decision { outcome: Outcome::Nondeterministic, matches: Some(matches), ..nothing };
    }
    // The counts are derived another way than the relations: where the two disagree, nothing is taken as proven.
    let all_accounted = files.differing == 0
        && files.only_published == 0
        && files.only_rebuilt == 0
        && files.identical + files.normalized == files.total
        && bytes.differing == 0
        && bytes.identical + bytes.container + bytes.normalized == bytes.total;
    let equal = same(*first) && same(*second) && mismatch.is_none() && all_accounted;
    if source_embeds_subject {
        return Decision { mismatch: Some(Mismatch::Unsourced), ..nothing };
    }
    if !equal {
        return Decision { mismatch: Some(mismatch.unwrap_or(Mismatch::Packaging)), ..nothing };
    }
    let is_one_identical = [first, second].iter().any(|relation| **relation == Relation::Identical);
    let level = match (repacked_first & repacked_second, is_one_identical) {
        (true, true) => Level::BitForBit,
        (true, false) => Level::Repacked,
        (false, _) => Level::Normalized,
    };
    Decision { outcome: Outcome::Reproduced, level: Some(level), ..nothing }
}

impl Outcome {
    /// All of them, in order of precedence.
    pub const ALL: [Self; 8] = [
        Self::Rejected,
        Self::Unsupported,
        Self::SourceMissing,
        Self::Inconclusive,
        Self::Unbuildable,
        Self::Nondeterministic,
        Self::NotReproduced,
        Self::Reproduced,
    ];

    /// Its name, as in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Rejected => "rejected",
            Self::NotReproduced => "not-reproduced",
            Self::Nondeterministic => "nondeterministic",
            Self::Unsupported => "unsupported",
            Self::SourceMissing => "source-missing",
            Self::Inconclusive => "inconclusive",
            Self::Unbuildable => "unbuildable",
        }
    }

    /// The exit code of a command that found this about one subject.
    #[must_use]
    pub fn exit_code(self, findings: &[Finding]) -> u8 {
        match self {
            Self::Reproduced if findings.iter().any(|finding| finding.severity == Severity::Alert) => 1,
            Self::Reproduced => 0,
            Self::Rejected | Self::Nondeterministic | Self::NotReproduced => 1,
            Self::Unsupported | Self::SourceMissing | Self::Inconclusive | Self::Unbuildable => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_compare::{ByteCounts, FileCounts};

    fn comparison(twins: Relation, first: Relation, second: Relation) -> Comparison {
        Comparison {
            twins,
            first,
            second,
            repacked_first: first == Identical,
            repacked_second: second == Identical,
            files: FileCounts { total: 2, identical: 2, verbatim: 1, generated: 1, ..FileCounts::default() },
            bytes: ByteCounts { total: 9, identical: 5, container: 4, ..ByteCounts::default() },
            members: Vec::new(),
        }
    }

    use Relation::{Different, Equivalent, Identical};

    #[test]
    fn only_three_equal_files_are_reproduced() {
        for twins in [Identical, Equivalent, Different] {
            for first in [Identical, Equivalent, Different] {
                for second in [Identical, Equivalent, Different] {
                    let decision = decide(&comparison(twins, first, second), None, false);
                    let expected = if twins == Different {
                        Outcome::Nondeterministic
                    } else if first == Different || second == Different {
                        Outcome::NotReproduced
                    } else {
                        Outcome::Reproduced
                    };
                    assert_eq!(decision.outcome, expected, "{twins:?} {first:?} {second:?}");
                    let exact = twins != Different && [first, second] == [Identical; 2];
                    assert_eq!(decision.level == Some(Level::BitForBit), exact);
                }
            }
        }
    }

    #[test]
    fn the_level_is_that_of_the_weaker_twin() {
        let level = |first, second, repacked: [bool; 2]| {
            let mut comparison = comparison(Equivalent, first, second);
            [comparison.repacked_first, comparison.repacked_second] = repacked;
            decide(&comparison, None, false).level
        };
        assert_eq!(level(Identical, Equivalent, [true, true]), Some(Level::BitForBit));
        assert_eq!(level(Identical, Equivalent, [true, false]), Some(Level::Normalized));
        assert_eq!(level(Equivalent, Equivalent, [true, true]), Some(Level::Repacked));
        assert_eq!(level(Equivalent, Equivalent, [false, true]), Some(Level::Normalized));
    }

    #[test]
    fn counts_that_do_not_add_up_are_never_reproduced() {
        let good = comparison(Identical, Identical, Identical);
        let spoil: [fn(&mut Comparison); 6] = [
            |c| c.files.differing = 1,
            |c| c.files.only_published = 1,
            |c| c.files.only_rebuilt = 1,
            |c| c.files.identical = 1,
            |c| c.bytes.differing = 1,
            |c| c.bytes.container = 3,
        ];
        for spoil in spoil {
            let mut bad = good.clone();
            spoil(&mut bad);
            assert_eq!(decide(&bad, None, false).outcome, Outcome::NotReproduced);
        }
        assert_eq!(decide(&good, Some(Mismatch::Code), false).outcome, Outcome::NotReproduced);
        assert_eq!(decide(&good, None, true).outcome, Outcome::NotReproduced);
    }

    #[test]
    fn an_alert_is_never_success() {
        let alert = Finding::whole("x", Severity::Alert, String::new());
        assert_eq!(Outcome::Reproduced.exit_code(&[]), 0);
        assert_eq!(Outcome::Reproduced.exit_code(&[alert]), 1);
        assert_eq!(Outcome::Unbuildable.exit_code(&[]), 2);
        assert_eq!(Outcome::Rejected.exit_code(&[]), 1);
    }

    #[test]
    fn twins_that_differ_say_which_one_was_published() {
        let matches = |first, second| decide(&comparison(Different, first, second), None, false).matches;
        assert_eq!(matches(Equivalent, Different), Some(Matches::First));
        assert_eq!(matches(Different, Identical), Some(Matches::Second));
        assert_eq!(matches(Different, Different), Some(Matches::None));
    }
}
