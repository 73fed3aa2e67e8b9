//! Renderings of verdicts: for a terminal ([`text`]) and as JSON lines ([`json`]).
//!
//! Names in archives and the text of builds are hostile: they are shown through `MemberPath`'s escaping `Display`, or
//! were escaped when the verdict was written.
#![forbid(unsafe_code)]

mod text;

pub use text::{Style, escape, findings, headline, text};

use twinbuild_verdict::Verdict;

/// One verdict as one line of JSON, without the line's end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(verdict: &Verdict) -> Result<String, serde_json::Error> {
    serde_json::to_string(verdict)
}
