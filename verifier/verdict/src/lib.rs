//! The verdict: what was found out about a published file, and every input by digest.
//!
//! [`decide`] turns a comparison into a [`Decision`]; it is the only place where `reproduced` is said. [`Verdict`] is
//! the document around it, as `--format json` prints it; [`Verdict::schema`] is its JSON Schema. [`Verdict::seal`]
//! computes `verdictDigest`, which covers all of the document but `run`, so that the same inputs give the same digest.
//! [`RecordedVerdict`] is a verdict that was read from a file, which may be anybody's: as much of it as is needed to come to it
//! again, and the document itself, to be compared with another one field by field ([`differences`]). [`RecordedVerdict::check`] tells
//! whether it says anything that [`decide`] never says.
#![forbid(unsafe_code)]

mod contradiction;
mod cross_check;
mod decision;
mod difference;
mod document;
mod evidence;
mod recorded;
mod recorded_build;
mod search;

pub use contradiction::Contradiction;
pub use cross_check::{CrossBuild, CrossChecks, CrossEnd, Exchange, Resolution};
pub use decision::{Decision, Level, Matches, Outcome, decide};
pub use difference::{Difference, differences};
pub use document::{
    ArtifactRecord, AttestationRecord, Choices, Container, EnvironmentRecord, GitSource, GitSubmodule, GitTag,
    InputRecord, LogRecord, Nondeterminism, NondeterminismCause, OverrideRecord, Reason, Rebuild, RecipeRecord, Run,
    SCHEMA_VERSION, SandboxRecord, Source, SourceKind, ToolRecord, Trust, VariationRecord, Verdict,
};
pub use evidence::{
    ActivityRecord, AddressRecord, AttemptRecord, CallRecord, EvidenceRecord, ExecutionRecord, RefusalRecord,
};
pub use recorded::{
    ReadVerdictError, RecordedCrossBuild, RecordedCrossChecks, RecordedFinding, RecordedRecipe, RecordedVerdict,
    VERDICT_LIMIT_BYTES,
};
pub use recorded_build::{RecordedBuild, RecordedRebuild};
pub use search::{Search, Trial};
