//! Judging a list.

use std::collections::HashSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use twinbuild_judge::{Judge, JudgeError, Target};
use twinbuild_report::SubjectResult;
use twinbuild_sandbox::processor_time;
use twinbuild_subject::Request;
use twinbuild_verdict::Verdict;

use crate::kept::chain;
use crate::results::{Results, ResultsError, Took};

/// Something that happened in a run.
pub enum Event<'a> {
    /// A subject was judged.
    Judged(&'a Verdict, &'a SubjectResult),
    /// A subject has no verdict.
    Failed(&'a Request, &'a JudgeError, &'a SubjectResult),
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

/// Judges each of `requests` that has no verdict in `results` yet, `jobs` of them at once, and tells of each.
///
/// # Errors
/// [`RunError`]. What was judged by then is in the results.
pub fn run(
    judge: &Judge,
    requests: &[Request],
    jobs: NonZero<usize>,
    results: &mut Results,
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<(), RunError> {
    let mut seen = HashSet::new();
    let is_left = |request: &&Request| {
        let subject = request.to_string();
        !results.has_verdict(&subject) && seen.insert(subject)
    };
    let left: Vec<&Request> = requests.iter().filter(is_left).collect();
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, judged) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.get().min(left.len()) {
            let (judge, sender) = (judge.colleague(), sender.clone());
            let (left, next, is_over) = (&left, &next, &is_over);
            scope.spawn(move || {
                while let Some(request) = left.get(next.fetch_add(1, Ordering::Relaxed))
                    && !is_over.load(Ordering::Relaxed)
                {
                    let outcome = judge.judge(&Target::Release((*request).clone()));
                    // Whoever listened has met an error that ends the run.
                    if sender.send((*request, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut stopwatch = Stopwatch::start();
        let outcome =
            judged.iter().try_for_each(|(request, outcome)| record(request, outcome, stopwatch.lap(), results, tell));
        is_over.store(outcome.is_err(), Ordering::Relaxed);
        outcome
    })
}

fn record(
    request: &Request,
    outcome: Result<Verdict, JudgeError>,
    took: Took,
    results: &mut Results,
    tell: &mut dyn FnMut(&Event<'_>),
) -> Result<(), RunError> {
    let subject = request.to_string();
    match outcome {
        Ok(verdict) => tell(&Event::Judged(&verdict, results.append(&subject, Ok(&verdict), took)?)),
        Err(error @ (JudgeError::Host(_) | JudgeError::Cancelled)) => return Err(RunError::Judge(error)),
        Err(error) => {
            let text = chain(&error);
            tell(&Event::Failed(request, &error, results.append(&subject, Err(text), took)?));
        }
    }
    Ok(())
}

/// Tells what passed since it was asked before.
struct Stopwatch {
    wall: Instant,
    processor: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_time() }
    }

    fn lap(&mut self) -> Took {
        let now = Self::start();
        let took = Took { wall: now.wall - self.wall, processor: now.processor.saturating_sub(self.processor) };
        *self = now;
        took
    }
}
