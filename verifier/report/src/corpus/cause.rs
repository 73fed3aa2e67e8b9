//! What kept subjects from being reproduced.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ResultKind, SubjectResult};

/// What kept some subjects from being reproduced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// What became of them.
    pub kind: ResultKind,
    /// The class of the reason, or the code of the most severe finding; empty where there is neither.
    pub code: String,
    /// How many.
    pub count: u64,
}

impl SubjectResult {
    /// What kept it, as a stable name: the class of the reason, or the code of the most severe finding.
    pub(super) fn cause(&self) -> &str {
        let reason = self.reason.as_ref().map(|reason| reason.class.as_str());
        reason.or_else(|| Some(self.findings.first()?.code.as_str())).unwrap_or_default()
    }
}

/// The causes, by kind, the most frequent first.
pub(super) fn causes(subjects: &[SubjectResult]) -> Vec<Cause> {
    let mut counts: BTreeMap<(ResultKind, &str), u64> = BTreeMap::new();
    for result in subjects.iter().filter(|result| !result.kind().is_reproduced()) {
        *counts.entry((result.kind(), result.cause())).or_default() += 1;
    }
    let mut causes: Vec<Cause> =
        counts.into_iter().map(|((kind, code), count)| Cause { kind, code: code.to_owned(), count }).collect();
    causes.sort_by_key(|cause| (cause.kind, Reverse(cause.count)));
    causes
}
