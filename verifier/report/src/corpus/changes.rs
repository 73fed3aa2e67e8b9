//! What is another than in an older run.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{SubjectResult, Tally};

/// What is another than in an older run, of the subjects that both have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// What became of them before.
    pub before: Tally,
    /// What became of them now.
    pub now: Tally,
    /// Those that are reproduced now, and were not.
    pub newly_reproduced: Vec<Change>,
    /// Those that were reproduced, and are no longer.
    pub no_longer_reproduced: Vec<Change>,
    /// Those that are reproduced at another level.
    pub other_level: Vec<Change>,
    /// Those that are kept by something else.
    pub other_cause: Vec<Change>,
    /// How many subjects only the older run has.
    pub only_before: u64,
    /// How many only this one has.
    pub only_now: u64,
}

/// What became of one subject in two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its package URL.
    pub subject: String,
    /// Its name for a reader.
    pub shown: String,
    /// What became of it before.
    pub before: String,
    /// What becomes of it now.
    pub now: String,
}

impl Changes {
    /// From an older run to this one.
    #[must_use]
    pub fn between(before: &[SubjectResult], now: &[SubjectResult]) -> Self {
        // Of a subject that is there twice, the last result counts.
        let mut older: HashMap<&str, &SubjectResult> =
            before.iter().map(|result| (result.subject.as_str(), result)).collect();
        let mut pairs = Vec::new();
        let mut only_now = 0;
        for result in now {
            match older.remove(result.subject.as_str()) {
                Some(old) => pairs.push((old, result)),
                None => only_now += 1,
            }
        }
        let changed = |is_meant: &dyn Fn(&SubjectResult, &SubjectResult) -> bool| -> Vec<Change> {
            pairs.iter().filter(|(old, new)| is_meant(old, new)).map(|(old, new)| Change::of(old, new)).collect()
        };
        let good = |result: &SubjectResult| result.kind().is_reproduced();
        let is_other_cause = |old: &SubjectResult, new: &SubjectResult| {
            !good(old) && !good(new) && (old.kind(), old.cause()) != (new.kind(), new.cause())
        };
        Self {
            before: pairs.iter().map(|(old, _)| *old).collect(),
            now: pairs.iter().map(|(_, new)| *new).collect(),
            newly_reproduced: changed(&|old, new| !good(old) && good(new)),
            no_longer_reproduced: changed(&|old, new| good(old) && !good(new)),
            other_level: changed(&|old, new| good(old) && good(new) && old.kind() != new.kind()),
            other_cause: changed(&is_other_cause),
            only_before: u64::try_from(older.len()).unwrap_or(u64::MAX),
            only_now,
        }
    }
}

impl Change {
    fn of(old: &SubjectResult, new: &SubjectResult) -> Self {
        let words = |result: &SubjectResult| match (result.kind(), result.cause()) {
            (kind, cause) if kind.is_reproduced() || cause.is_empty() => kind.words().to_owned(),
            (kind, cause) => format!("{}, {cause}", kind.words()),
        };
        Self { subject: new.subject.clone(), shown: new.shown(), before: words(old), now: words(new) }
    }
}
