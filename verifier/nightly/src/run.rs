//! Judging a list.

use std::error::Error;

use twinbuild_judge::{Judge, JudgeError, Target};
use twinbuild_subject::Request;
use twinbuild_verdict::Verdict;

use crate::results::{Results, ResultsError};

/// Something that happened in a run.
pub enum Event<'a> {
    /// A subject was judged.
    Judged(&'a Request, &'a Verdict),
    /// A subject has no verdict.
    Failed(&'a Request, &'a JudgeError),
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The results cannot be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// This host cannot run builds, or the run was stopped: the next subjects would fare no better.
    #[error(transparent)]
    Judge(JudgeError),
}

/// Judges each of `requests` that has no verdict in `results` yet, and tells of each.
///
/// # Errors
/// [`RunError`]. What was judged by then is in the results.
pub fn run(
    judge: &Judge,
    requests: &[Request],
    results: &mut Results,
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<(), RunError> {
    for request in requests {
        let subject = request.to_string();
        if results.has_verdict(&subject) {
            continue;
        }
        match judge.judge(&Target::Release(request.clone())) {
            Ok(verdict) => {
                results.append(&subject, Ok(&verdict))?;
                tell(&Event::Judged(request, &verdict));
            }
            Err(error @ (JudgeError::Host(_) | JudgeError::Cancelled)) => return Err(RunError::Judge(error)),
            Err(error) => {
                let mut text = error.to_string();
                let mut cause = error.source();
                while let Some(inner) = cause {
                    text = format!("{text}: {inner}");
                    cause = inner.source();
                }
                results.append(&subject, Err(text))?;
                tell(&Event::Failed(request, &error));
            }
        }
    }
    Ok(())
}
