//! Statements, made, read and attacked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod properties;
mod provenances;
mod reading;
mod samples;
mod summaries;
mod verdicts;
