//! Which failures may pass.

use std::time::Duration;

use twinbuild_judge::JudgeError;
use twinbuild_queue::Retry;
use twinbuild_verdict::{Outcome, Verdict};

/// How often a job is tried before it is given up, or before an inconclusive verdict stands.
pub(crate) const MOST_ATTEMPTS: u64 = 4;
/// How long the first of several attempts is waited for after a failure of the network; each further one four times as long.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// How long something of the machine is waited for.
const MACHINE_PAUSE: Duration = Duration::from_secs(10);

/// What kept a subject from its verdict, by what may be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// An index, the archive or a repository did not answer: it is tried again, later.
    Network,
    /// The machine failed: it is tried again, on another where there is one.
    Infrastructure,
    /// There is no such file, or what is asked makes no sense.
    NotThere,
    /// The file is another one than was promised.
    Promise,
    /// It took longer than it may.
    Budget,
    /// The program contradicted itself.
    Internal,
}

impl FailureClass {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Infrastructure => "infrastructure",
            Self::NotThere => "not-there",
            Self::Promise => "promise",
            Self::Budget => "budget",
            Self::Internal => "internal",
        }
    }

    /// What happens to the job, after so many attempts.
    pub(crate) fn retry(self, attempts: u64) -> Retry {
        match self {
            Self::Network => {
                let factor = 4_u32.saturating_pow(u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
                Retry::After(FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE))
            }
            Self::Infrastructure => Retry::Elsewhere(MACHINE_PAUSE),
            Self::NotThere | Self::Promise | Self::Budget | Self::Internal => Retry::No,
        }
    }
}

/// Of an inconclusive verdict, by the class of its reason: what failed that may be otherwise the next time. `None` of one that would come out
/// the same, as at a limit.
#[must_use]
pub fn passing(reason_class: &str) -> Option<FailureClass> {
    match reason_class {
        "environment-failed" | "offline" | "resolver-failed" | "source-fetch-failed" => Some(FailureClass::Network),
        "sandbox-failed" => Some(FailureClass::Infrastructure),
        _ => None,
    }
}

/// The same of a verdict.
pub(crate) fn passing_verdict(verdict: &Verdict) -> Option<(FailureClass, &str)> {
    let reason = verdict.reason.as_ref().filter(|_| verdict.outcome == Outcome::Inconclusive)?;
    Some((passing(&reason.class)?, reason.detail.as_str()))
}

/// The class of an error that is no verdict; `None` of what says nothing of the subject: the worker was stopped, or cannot build at all.
pub(crate) fn class_of(error: &JudgeError) -> Option<FailureClass> {
    match error {
        JudgeError::Usage { .. } | JudgeError::NotThere(_) => Some(FailureClass::NotThere),
        JudgeError::Unreachable(_) => Some(FailureClass::Network),
        JudgeError::Store(_) | JudgeError::Environment(_) | JudgeError::Inputs { .. } | JudgeError::Io { .. } => {
            Some(FailureClass::Infrastructure)
        }
        JudgeError::Internal { .. } => Some(FailureClass::Internal),
        JudgeError::Host(_) | JudgeError::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_waited_for_longer_each_time() {
        let pauses: Vec<_> = (1..=5).map(|attempts| FailureClass::Network.retry(attempts)).collect();
        let secs = |secs| Retry::After(Duration::from_secs(secs));
        assert_eq!(pauses, [secs(15), secs(60), secs(240), secs(960), secs(1800)]);
        assert_eq!(FailureClass::Network.retry(u64::MAX), secs(1800));
    }

    #[test]
    fn a_limit_does_not_pass() {
        for class in ["limit", "search-limit", "no-artifact", "digest-mismatch", "anything"] {
            assert_eq!(passing(class), None);
        }
        assert_eq!(passing("offline"), Some(FailureClass::Network));
    }
}
