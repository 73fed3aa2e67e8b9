//! The verdict: what was found out about a published file, and every input by digest.
//!
//! [`decide`] turns a comparison into a [`Decision`]; it is the only place where `reproduced` is said. [`Verdict`] is
//! the document around it, as `--format json` prints it; [`Verdict::schema`] is its JSON Schema. [`Verdict::seal`]
//! computes `verdictDigest`, which covers all of the document but `run`, so that the same inputs give the same digest.
#![forbid(unsafe_code)]

mod decision;
mod document;
mod evidence;

pub use decision::{Decision, Level, Matches, Outcome, decide};
pub use document::{
    ArtifactRecord, Container, EnvironmentRecord, InputRecord, LogRecord, Nondeterminism, NondeterminismCause, Reason,
    Rebuild, RecipeRecord, Run, SCHEMA_VERSION, Source, SourceKind, ToolRecord, Trust, VariationRecord, Verdict,
};
pub use evidence::{
    ActivityRecord, AddressRecord, AttemptRecord, CallRecord, EvidenceRecord, ExecutionRecord, RefusalRecord,
};
