//! What the words of a verdict mean, for readers who meet them for the first time.

use std::borrow::Cow;

use twinbuild_compare::{Mismatch, Relation, Severity};
use twinbuild_verdict::{Level, Matches, Nondeterminism, NondeterminismCause, Outcome, Trust, Verdict};

use crate::WhyUnread;

pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reproduced => "reproduced",
        Outcome::Rejected => "rejected",
        Outcome::NotReproduced => "not-reproduced",
        Outcome::Nondeterministic => "nondeterministic",
        Outcome::Unsupported => "unsupported",
        Outcome::SourceMissing => "source-missing",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Unbuildable => "unbuildable",
    }
}

/// The outcome's level, mismatch, matching twin, and the trust in the source where it stands for something.
pub(crate) fn qualities(verdict: &Verdict) -> Vec<Cow<'static, str>> {
    let mut qualities: Vec<Cow<'static, str>> = Vec::new();
    qualities.extend(verdict.level.map(|level| match level {
        Level::BitForBit => "bit-for-bit".into(),
        Level::Repacked => "repacked".into(),
        Level::Normalized => "normalized".into(),
    }));
    qualities.extend(verdict.mismatch.map(|kind| mismatch(kind).into()));
    qualities.extend(verdict.matches.map(|matches| match matches {
        Matches::None => "neither twin is the published file".into(),
        Matches::First => "the first twin is the published file".into(),
        Matches::Second => "the second twin is the published file".into(),
    }));
    qualities.extend(verdict.nondeterminism.as_ref().map(varies_with));
    let trust =
        verdict.source.as_ref().filter(|_| verdict.outcome == Outcome::Reproduced).map(|source| match source.trust {
            Trust::SameUpload => "source: same upload".into(),
            Trust::User => "source: given by the user".into(),
        });
    qualities.extend(trust);
    qualities
}

/// What makes the twins differ. The names are those of a closed list, so they are words of ours.
fn varies_with(found: &Nondeterminism) -> Cow<'static, str> {
    let together = |names: &Vec<String>| names.join(" with ").replace('-', " ");
    match found.cause {
        NondeterminismCause::Variations => {
            format!("varies with: {}", found.varies_with.iter().map(together).collect::<Vec<_>>().join(", ")).into()
        }
        NondeterminismCause::EveryRun => "varies from run to run".into(),
        NondeterminismCause::Unknown => "the cause was not found".into(),
    }
}

pub(crate) fn mismatch(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Packaging => "packaging",
        Mismatch::Code => "code",
        Mismatch::Unsourced => "unsourced",
    }
}

pub(crate) fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Identical => "identical",
        Relation::Equivalent => "equivalent",
        Relation::Different => "different",
    }
}

pub(crate) fn why_unread(why: WhyUnread) -> &'static str {
    match why {
        WhyUnread::Rejected => "rejected",
        WhyUnread::Unsupported => "unsupported",
        WhyUnread::Inconclusive => "inconclusive",
    }
}

pub(crate) fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::SameUpload => "same-upload",
        Trust::User => "user",
    }
}

pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Alert => "alert",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

pub(crate) fn of_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Alert => "About what runs or what is installed.",
        Severity::Warning => "To be explained.",
        Severity::Note => "Harmless in itself.",
    }
}

/// What a verdict's outcome means: a sentence, and what it does not mean where that is easily misread.
pub(crate) fn of_verdict(verdict: &Verdict) -> Vec<&'static str> {
    let mut sentences = match verdict.outcome {
        Outcome::Reproduced => vec![match verdict.level {
            Some(Level::BitForBit) => {
                "One of two rebuilds from this source is the published file, byte for byte, and the other one is, once it is \
                 written with the published file's container parameters."
            }
            Some(Level::Repacked) => {
                "The members of both rebuilds from this source, written with the published file's container parameters (times, \
                 order, encoder), are the published file, byte for byte."
            }
            Some(Level::Normalized) => {
                "Both rebuilds from this source equal the published file in all but permitted container parameters and what the \
                 named normalizers rewrote."
            }
            None => "Both rebuilds from this source agree with the published file.",
        }],
        Outcome::NotReproduced => vec![
            of_mismatch(verdict.mismatch),
            "This is no accusation: most such files are honest builds under conditions that were guessed wrong.",
        ],
        Outcome::Nondeterministic => vec![match verdict.matches {
            Some(Matches::First) => {
                "The two rebuilds from this source differ from each other, so none of them proves anything; the first one agrees \
                 with the published file."
            }
            Some(Matches::Second) => {
                "The two rebuilds from this source differ from each other, so none of them proves anything; the second one \
                 agrees with the published file."
            }
            Some(Matches::None) | None => {
                "The two rebuilds from this source differ from each other, so none of them proves anything about the published \
                 file."
            }
        }],
        Outcome::Rejected => vec![REJECTED],
        Outcome::Unsupported => {
            vec!["This version cannot judge a file of this kind, which says nothing about the file."]
        }
        Outcome::SourceMissing => {
            vec!["No source of this file is published or found, so there is nothing to rebuild it from."]
        }
        Outcome::Inconclusive => vec![
            "Nothing was found out: a limit was reached, the index did not keep a promise about the file, or the infrastructure \
             failed.",
        ],
        Outcome::Unbuildable => {
            vec!["The source could not be built here, so there is nothing to compare the published file with."]
        }
    };
    if verdict.outcome == Outcome::Reproduced
        && let Some(source) = &verdict.source
    {
        sentences.push(match source.trust {
            Trust::SameUpload => {
                "The source is an sdist that was uploaded with the file by the same hands (same-upload): this says that the file \
                 comes from that sdist, and nothing of whether the sdist is clean."
            }
            Trust::User => {
                "The source was given by the user: this says that the file comes from it, and nothing of where the source comes \
                 from or whether it is clean."
            }
        });
    }
    sentences
}

const REJECTED: &str = "The file is proven malformed, ambiguous or hostile: it contradicts itself, or two readers could read it differently.";

fn of_mismatch(mismatch: Option<Mismatch>) -> &'static str {
    match mismatch {
        Some(Mismatch::Packaging) => {
            "Both rebuilds from this source agree, and the published file differs from them in its packaging only: in metadata or \
             in the container."
        }
        Some(Mismatch::Code) => {
            "Both rebuilds from this source agree, and the published file differs from them in what is installed or run: contents, \
             executable bits, entry points or dependencies."
        }
        Some(Mismatch::Unsourced) => {
            "Both rebuilds from this source agree with each other, and the published file is not accounted for by it: members of \
             it come from no source, or the source holds the file itself."
        }
        None => "Both rebuilds from this source agree, and the published file differs from them.",
    }
}

/// What a relation of two files means.
pub(crate) fn of_comparison(relation: Relation, mismatch: Option<Mismatch>) -> &'static str {
    match (relation, mismatch) {
        (Relation::Identical, _) => "The two files are the same bytes.",
        (Relation::Equivalent, _) => {
            "The two files have the same members; they differ in permitted container parameters, or in what a named normalizer \
             rewrites, and in nothing else."
        }
        (Relation::Different, Some(Mismatch::Packaging)) => {
            "The two files differ in their packaging only: in metadata or in the container."
        }
        (Relation::Different, Some(Mismatch::Code)) => {
            "The two files differ in what is installed or run: contents, executable bits, entry points or dependencies."
        }
        (Relation::Different, Some(Mismatch::Unsourced)) => {
            "The first file has members that the second one does not have."
        }
        (Relation::Different, None) => "The two files differ.",
    }
}

/// What it means that a file could not be read.
pub(crate) fn of_unread(why: WhyUnread) -> &'static str {
    match why {
        WhyUnread::Rejected => REJECTED,
        WhyUnread::Unsupported => "The file has what this version cannot read, so nothing was compared.",
        WhyUnread::Inconclusive => "The file could not be read to its end, so nothing was compared.",
    }
}
