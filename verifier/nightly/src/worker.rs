//! Taking jobs from the queue and doing them.

use std::error::Error as StdError;
use std::fs;
use std::io;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use twinbuild_depot::DepotError;
use twinbuild_judge::{Judge, JudgeError, ReplayEnd};
use twinbuild_queue::{Capabilities, Lease, Queue, QueueError, Retry, WorkerState};
use twinbuild_registry::PypiIndex;
use twinbuild_sandbox::Cancel;
use twinbuild_store::Store;
use twinbuild_verdict::{RecordedVerdict, Verdict};

use crate::asked::Asked;
use crate::delivery::Delivery;
use crate::kept::chain;
use crate::passing::{FailureClass, MOST_ATTEMPTS, class_of, passing_verdict};
use crate::returned::SignResultError;
use crate::stop::Stop;

/// The file of a result that has the verdict.
pub const VERDICT_FILE: &str = "verdict.json";
/// How long a worker without a job waits before it asks again, at first and at most.
const FIRST_POLL: Duration = Duration::from_millis(100);
const LONGEST_POLL: Duration = Duration::from_secs(2);
/// How often leases and budgets are looked at.
const PULSE: Duration = Duration::from_millis(500);
/// A lease is kept this many times within its length.
const BEATS: u32 = 4;

/// A process that does jobs.
pub struct Worker<'a> {
    /// Where the jobs are.
    pub queue: &'a Queue,
    /// What judges them.
    pub judge: &'a Judge,
    /// Where what is built stands until it is delivered.
    pub store: &'a Store,
    /// The name, of which there is one worker at a time.
    pub name: String,
    /// The host, by which twins are kept apart.
    pub host: String,
    /// What it has.
    pub capabilities: Capabilities,
    /// How many jobs it does at once.
    pub jobs: NonZero<usize>,
    /// For how long a job is its own without being heard of.
    pub lease: Duration,
    /// After which time without a job it ends, where it does.
    pub idle_exit: Option<Duration>,
    /// What becomes of what it finds.
    pub delivery: Delivery<'a>,
    /// An index by its address without credentials, with those that this worker has for it.
    pub index: &'a (dyn Fn(&str) -> Result<PypiIndex, String> + Sync),
    /// Stops it.
    pub stop: Stop,
}

/// Something that a worker did.
pub enum WorkerEvent<'a> {
    /// It has taken a job.
    Took(&'a Lease),
    /// It came to a verdict, which is kept or returned.
    Judged(&'a Lease, &'a Verdict),
    /// A host other than the first came to a verdict again.
    Repeated(&'a Lease),
    /// A job came to none.
    Failed(&'a Lease, FailureClass, &'a str),
    /// What was done is of no use: the job is another's by now, or was cancelled.
    Stale(&'a Lease),
}

/// Why a worker ended early.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The queue cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// This host cannot build.
    #[error(transparent)]
    Host(JudgeError),
    /// Results cannot be put where they go.
    #[error("what was found cannot be delivered")]
    Depot(#[from] DepotError),
    /// A result cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignResultError),
    /// A folder or file cannot be made.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A thread ended abnormally.
    #[error("a thread of the worker ended abnormally, and this is a bug of it")]
    Panicked,
}

/// A job that is being done.
struct AtWork {
    lease: Lease,
    cancel: Cancel,
    begun: Instant,
    budget: Duration,
    ended_by: AtomicU8,
}

/// What ended a job from elsewhere.
const NOTHING: u8 = 0;
const STALE: u8 = 1;
const BUDGET: u8 = 2;

struct Shared {
    at_work: Mutex<Vec<Arc<AtWork>>>,
    is_over: AtomicBool,
    idle_since: Mutex<Instant>,
    tokens: AtomicU64,
    begun: Timestamp,
}

impl Worker<'_> {
    /// Does jobs until it is stopped. Whatever ends it leaves the queue as it is to be: what was not done is given back, or taken back when its lease is over.
    ///
    /// # Errors
    /// [`WorkerError`]
    pub fn run(&self, tell: &(dyn Fn(&WorkerEvent<'_>) + Sync)) -> Result<(), WorkerError> {
        // There is one worker of a name, and this is it: what it had before it was ended is not being done.
        self.queue.recover_of(&self.name)?;
        self.queue.greet((&self.name, &self.host), &self.capabilities)?;
        let shared = Shared {
            at_work: Mutex::default(),
            is_over: AtomicBool::new(false),
            idle_since: Mutex::new(Instant::now()),
            tokens: AtomicU64::new(0),
            begun: Timestamp::now(),
        };
        let outcome = thread::scope(|scope| {
            let pulse = scope.spawn(|| self.pulse(&shared));
            let slots: Vec<_> = (0..self.jobs.get()).map(|_| scope.spawn(|| self.slot(&shared, tell))).collect();
            let ended = slots.into_iter().map(|slot| slot.join().unwrap_or(Err(WorkerError::Panicked)));
            let ended: Vec<_> = ended.collect();
            shared.is_over.store(true, Ordering::SeqCst);
            let pulse = pulse.join().unwrap_or(Err(WorkerError::Panicked));
            ended.into_iter().chain([pulse]).collect::<Result<(), _>>()
        });
        self.queue.hear(&self.name, WorkerState::Gone, Duration::ZERO)?;
        outcome
    }

    /// Keeps the leases of what is at work, and ends what is over.
    fn pulse(&self, shared: &Shared) -> Result<(), WorkerError> {
        let beat = self.lease / BEATS;
        let mut beaten = Instant::now();
        loop {
            thread::sleep(PULSE.min(beat));
            let is_over = shared.is_over.load(Ordering::SeqCst);
            let at_work = shared.at_work.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut idle_since = shared.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
            if !at_work.is_empty() {
                *idle_since = Instant::now();
            } else if self.idle_exit.is_some_and(|most| idle_since.elapsed() >= most) {
                self.stop.drain();
            }
            drop(idle_since);
            for one in at_work.iter().filter(|one| one.begun.elapsed() >= one.budget) {
                one.end(BUDGET);
            }
            if beaten.elapsed() >= beat {
                for one in &at_work {
                    match self.queue.extend(&one.lease, self.lease) {
                        Ok(()) => {}
                        Err(QueueError::Stale { .. }) => one.end(STALE),
                        // It goes on for as long as its lease may still be its own: what it comes to is refused if it is not.
                        Err(error) => tracing::warn!("job {} is not kept: {error}", one.lease.job.id),
                    }
                }
                self.tell_queue(Duration::ZERO);
                beaten = Instant::now();
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Tells the queue that the worker is there, and how long it was at work on a job that is over.
    fn tell_queue(&self, busy: Duration) {
        let state = if self.stop.is_draining() { WorkerState::Draining } else { WorkerState::Working };
        if let Err(error) = self.queue.hear(&self.name, state, busy) {
            tracing::warn!("the queue does not hear of this worker: {error}");
        }
    }

    /// Does one job after the other.
    fn slot(&self, shared: &Shared, tell: &(dyn Fn(&WorkerEvent<'_>) + Sync)) -> Result<(), WorkerError> {
        let mut pause = FIRST_POLL;
        while !self.stop.is_draining() {
            let number = shared.tokens.fetch_add(1, Ordering::Relaxed);
            let token = format!("{}:{}:{}:{number}", self.name, std::process::id(), shared.begun.as_nanosecond());
            let claimed = self.queue.claim((&self.name, &self.host), &self.capabilities, self.lease, &token);
            match claimed {
                Ok(Some(lease)) => {
                    pause = FIRST_POLL;
                    tell(&WorkerEvent::Took(&lease));
                    if let Err(error) = self.work(shared, &lease, tell) {
                        // The others would fare no better.
                        self.stop.stop();
                        return Err(error);
                    }
                }
                Ok(None) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_POLL);
                }
                Err(error) => {
                    self.stop.stop();
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Does one job, whatever comes of it.
    fn work(
        &self,
        shared: &Shared,
        lease: &Lease,
        tell: &(dyn Fn(&WorkerEvent<'_>) + Sync),
    ) -> Result<(), WorkerError> {
        let asked = match Asked::parse(&lease.job.asked) {
            Ok(asked) => asked,
            Err(error) => {
                let reason = format!("what is asked cannot be read: {error}");
                return self.failed(lease, FailureClass::Internal, &reason, tell);
            }
        };
        let cancel = Cancel::new().map_err(|error| WorkerError::Host(JudgeError::Host(error)))?;
        let at_work = Arc::new(AtWork {
            lease: lease.clone(),
            cancel: cancel.clone(),
            begun: Instant::now(),
            budget: asked.budget(),
            ended_by: AtomicU8::new(NOTHING),
        });
        self.stop.watch(&cancel);
        shared.at_work.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&at_work));
        let outcome = unless_it_panics(|| self.judge_and_deliver(lease, &asked, &cancel, tell));
        shared.at_work.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &at_work));
        self.stop.forget(&cancel);
        self.tell_queue(at_work.begun.elapsed());
        match (outcome, at_work.ended_by.load(Ordering::SeqCst)) {
            (Ok(()), _) => Ok(()),
            (Err(Ended::Stale), _) | (Err(_), STALE) => {
                tell(&WorkerEvent::Stale(lease));
                Ok(())
            }
            (Err(Ended::Cancelled | Ended::Failed(..)), BUDGET) => {
                let reason = format!("it took longer than its budget of {} s", asked.budget_secs);
                self.failed(lease, FailureClass::Budget, &reason, tell)
            }
            (Err(Ended::Cancelled), _) => self.give_back(lease),
            (Err(Ended::Failed(class, reason)), _) => self.failed(lease, class, &reason, tell),
            (Err(Ended::Worker(error)), _) => {
                // Somebody else may do it.
                self.give_back(lease)?;
                Err(error)
            }
        }
    }

    fn give_back(&self, lease: &Lease) -> Result<(), WorkerError> {
        match self.queue.release(lease) {
            Ok(()) | Err(QueueError::Stale { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn failed(
        &self,
        lease: &Lease,
        class: FailureClass,
        reason: &str,
        tell: &(dyn Fn(&WorkerEvent<'_>) + Sync),
    ) -> Result<(), WorkerError> {
        let retry: Retry = class.retry(lease.job.attempts);
        match self.queue.fail(lease, (class.name(), reason), retry, MOST_ATTEMPTS) {
            Ok(()) => tell(&WorkerEvent::Failed(lease, class, reason)),
            Err(QueueError::Stale { .. }) => tell(&WorkerEvent::Stale(lease)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn judge_and_deliver(
        &self,
        lease: &Lease,
        asked: &Asked,
        cancel: &Cancel,
        tell: &(dyn Fn(&WorkerEvent<'_>) + Sync),
    ) -> Result<(), Ended> {
        let index = asked.index_url.as_deref().map(self.index).transpose();
        let index = index.map_err(|reason| Ended::Failed(FailureClass::NotThere, reason))?;
        let target = asked.target()?;
        let staging = self.store.staging().map_err(JudgeError::from)?;
        let folder = staging.path().join("result");
        let judge = self.judge.for_subject(index, cancel.clone(), |options| {
            options.git.choice = asked.from.choice();
            options.most_trials = asked.most_trials;
            options.keep = self.delivery.needs_files(asked).then(|| folder.clone());
            if asked.is_strict {
                options.normalizing = twinbuild_compare::Normalizing::No;
            }
        });
        let first = if asked.hosts > 1 { self.queue.accepted(lease.job.id)? } else { Vec::new() };
        if let Some(first) = first.first()
            && let Some(document) = repeat(&judge, &first.document, &folder)?
        {
            tell(&WorkerEvent::Repeated(lease));
            return self.delivery.deliver(self.queue, lease, asked, (&document, &folder));
        }
        let verdict = judge.judge(&target)?;
        if let Some((class, detail)) = passing_verdict(&verdict)
            && lease.job.attempts < MOST_ATTEMPTS
        {
            return Err(Ended::Failed(class, detail.to_owned()));
        }
        if let (Some(promised), Some(digests)) = (&asked.promised, &verdict.subject.digests)
            && digests.sha256 != *promised
        {
            let reason = format!(
                "{} is pinned as sha256:{promised}, and the index has another file of that name, sha256:{}",
                verdict.subject.file_name, digests.sha256
            );
            return Err(Ended::Failed(FailureClass::Promise, reason));
        }
        let document = serde_json::to_value(&verdict).map_err(internal)?;
        self.delivery.deliver(self.queue, lease, asked, (&document, &folder))?;
        tell(&WorkerEvent::Judged(lease, &verdict));
        Ok(())
    }
}

impl AtWork {
    fn end(&self, by: u8) {
        self.ended_by.store(by, Ordering::SeqCst);
        self.cancel.cancel();
    }
}

/// What a job comes to that meets a bug of ours or of a library: it ends alone, and not the worker, which would meet it again in each night.
fn unless_it_panics(job: impl FnOnce() -> Result<(), Ended>) -> Result<(), Ended> {
    panic::catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let reason = format!("twinbuild panicked, which is a bug of it: {}", said.unwrap_or("it does not say why"));
        Err(Ended::Failed(FailureClass::Internal, reason))
    })
}

/// Why a job came to no delivery.
pub(crate) enum Ended {
    /// It was stopped from elsewhere.
    Cancelled,
    /// It is another's by now.
    Stale,
    /// It failed.
    Failed(FailureClass, String),
    /// The worker cannot go on.
    Worker(WorkerError),
}

impl From<WorkerError> for Ended {
    fn from(error: WorkerError) -> Self {
        Self::Worker(error)
    }
}

impl From<DepotError> for Ended {
    fn from(error: DepotError) -> Self {
        match error {
            // Of these the build is to blame, or what stands in the place already: the next job fares better.
            DepotError::Unfit { .. } | DepotError::Changed { .. } | DepotError::Exists { .. } => {
                Self::Failed(FailureClass::Internal, chain(&error))
            }
            error => Self::Worker(error.into()),
        }
    }
}

impl From<QueueError> for Ended {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Stale { .. } => Self::Stale,
            error => Self::Worker(error.into()),
        }
    }
}

impl From<JudgeError> for Ended {
    fn from(error: JudgeError) -> Self {
        match (class_of(&error), error) {
            (_, JudgeError::Cancelled) => Self::Cancelled,
            (Some(class), error) => Self::Failed(class, chain(&error)),
            (None, error) => Self::Worker(WorkerError::Host(error)),
        }
    }
}

pub(crate) fn internal(error: impl StdError) -> Ended {
    Ended::Failed(FailureClass::Internal, chain(&error))
}

/// Comes to the verdict of another host again, from its inputs, and gives its document; `None` where that verdict cannot be come to again, as
/// one about a failed resolution.
fn repeat(judge: &Judge, document: &str, folder: &Path) -> Result<Option<Value>, Ended> {
    let document: Value = serde_json::from_str(document).map_err(internal)?;
    let recorded = RecordedVerdict::of_document(document).map_err(internal)?;
    match judge.replay(&recorded, None)?.end {
        ReplayEnd::Same => {
            let path: PathBuf = folder.join(VERDICT_FILE);
            let text = fs::read(&path)
                .map_err(|source| WorkerError::Io { doing: format!("reading {}", path.display()), source })?;
            serde_json::from_slice(&text).map(Some).map_err(internal)
        }
        ReplayEnd::Differs { verdict, .. } => serde_json::to_value(&*verdict).map(Some).map_err(internal),
        ReplayEnd::Missing(missing) => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            let reason = format!("inputs of the verdict of the first host cannot be had: {}", missing.join("; "));
            Err(Ended::Failed(FailureClass::Network, reason))
        }
        ReplayEnd::Unable { .. } => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::panic, reason = "a panic is what is looked at")]
    fn a_panic_ends_one_job_with_what_it_says() {
        fn formatted() -> Result<(), Ended> {
            panic!("at {}", 7)
        }
        fn plain() -> Result<(), Ended> {
            panic!("as it is")
        }
        fn other() -> Result<(), Ended> {
            panic::panic_any(7)
        }
        type Job = fn() -> Result<(), Ended>;
        let jobs: [(Job, &str); 3] =
            [(formatted, "a bug of it: at 7"), (plain, "a bug of it: as it is"), (other, "it does not say why")];
        for (job, expected) in jobs {
            let Err(Ended::Failed(FailureClass::Internal, reason)) = unless_it_panics(job) else {
                panic!("it is not failed")
            };
            assert!(reason.ends_with(expected), "{reason}");
        }
        assert!(unless_it_panics(|| Ok(())).is_ok());
        assert!(matches!(unless_it_panics(|| Err(Ended::Stale)), Err(Ended::Stale)));
    }
}
