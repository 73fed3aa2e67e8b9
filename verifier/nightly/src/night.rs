//! Running a night: workers of this process, results of others, and the bounds.

use std::thread;
use std::time::{Duration, Instant};

use twinbuild_queue::{Queue, QueueError};
use twinbuild_report::NightEnd;

use crate::coordinator::{Coordinator, CoordinatorError, Decision};
use crate::stop::Stop;
use crate::worker::{Worker, WorkerError, WorkerEvent};

/// How often the coordinator looks.
const LOOK: Duration = Duration::from_millis(300);
/// Jobs are counted again after so many times as long as that took, as with a million of them it takes longer than the pause between two looks; and at the latest after this,
/// as it also takes long where the database was away.
const COUNT_EVERY: u32 = 20;
const LONGEST_UNCOUNTED: Duration = Duration::from_secs(10);
/// For how long nobody takes a job that waits before anybody may: whoever could do it would have by then.
const IDLE: Duration = Duration::from_secs(20);
/// The name of the right to run nights.
pub const RIGHT: &str = "nightly";
/// For how long it is taken.
const RIGHT_LASTING: Duration = Duration::from_secs(300);

/// A night that is to be run.
pub struct NightRun<'a> {
    /// The night.
    pub night: i64,
    /// Decides on what is returned.
    pub coordinator: &'a Coordinator<'a>,
    /// What works in this process, where something does.
    pub worker: Option<&'a Worker<'a>>,
    /// After which time nothing more is begun, and what is at work is stopped.
    pub max_duration: Option<Duration>,
    /// Stops it; that of the worker is another one, which is thrown with it.
    pub stop: Stop,
}

/// Why a night cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum NightRunError {
    /// The queue cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// What is returned cannot be looked at.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    /// The workers of this process ended.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Another process runs the night.
    #[error("{holder} runs the night of this queue: wait for its end, or for five minutes after it is gone")]
    Held {
        /// Who does.
        holder: String,
    },
}

/// How many jobs are not at their end, and how many of these wait.
struct Counted {
    open: u64,
    queued: u64,
    at: Instant,
    took: Duration,
}

/// Takes the right to run nights, which one process has, or keeps it; it passes by itself where its holder is gone for five minutes.
///
/// # Errors
/// [`NightRunError::Held`], [`NightRunError::Queue`]
pub fn take_right(queue: &Queue, holder: &str) -> Result<(), NightRunError> {
    match queue.take_right(RIGHT, holder, RIGHT_LASTING)? {
        Ok(()) => Ok(()),
        Err(other) => Err(NightRunError::Held { holder: other }),
    }
}

impl NightRun<'_> {
    /// Runs until nothing is left, or a bound is reached, or it is stopped. `tell` hears of what workers of this process do, `decided` of what was decided.
    ///
    /// # Errors
    /// [`NightRunError`]. The queue is as it is to be: the next run goes on.
    pub fn run(
        &self,
        tell: &(dyn Fn(&WorkerEvent<'_>) + Sync),
        decided: &mut dyn FnMut(&Decision),
    ) -> Result<NightEnd, NightRunError> {
        if self.coordinator.queue.open_jobs(self.night)?.0 == 0 {
            return Ok(NightEnd::Complete);
        }
        thread::scope(|scope| {
            let working = self.worker.map(|worker| scope.spawn(|| worker.run(tell)));
            let end = self.coordinate(&|| working.as_ref().is_some_and(thread::ScopedJoinHandle::is_finished), decided);
            if let Some(worker) = self.worker {
                match &end {
                    Ok(NightEnd::Complete) => worker.stop.drain(),
                    _ => worker.stop.stop(),
                }
            }
            let worked = working.map(|working| working.join().unwrap_or(Err(WorkerError::Panicked)));
            match (end, worked) {
                (Ok(_), Some(Err(error))) => Err(error.into()),
                (end, _) => end,
            }
        })
    }

    fn coordinate(
        &self,
        has_no_workers: &dyn Fn() -> bool,
        decided: &mut dyn FnMut(&Decision),
    ) -> Result<NightEnd, NightRunError> {
        let begun = Instant::now();
        let mut idle_since = begun;
        let mut jobs = self.count()?;
        loop {
            for decision in self.coordinator.look()? {
                decided(&decision);
            }
            if jobs.at.elapsed() >= (jobs.took * COUNT_EVERY).min(LONGEST_UNCOUNTED) {
                jobs = self.count()?;
            }
            let Counted { open, queued, .. } = jobs;
            if open == 0 {
                return Ok(NightEnd::Complete);
            }
            if self.stop.is_draining() || has_no_workers() {
                return Ok(NightEnd::Interrupted);
            }
            if self.max_duration.is_some_and(|most| begun.elapsed() >= most) {
                return Ok(NightEnd::TimeIsUp);
            }
            if open > queued {
                idle_since = Instant::now();
            } else if idle_since.elapsed() >= IDLE {
                if self.coordinator.has_workers()? {
                    self.coordinator.queue.drop_needs(self.night)?;
                } else {
                    tracing::warn!("{open} jobs wait, and no worker is there: start one, or give this run --jobs 1");
                }
                idle_since = Instant::now();
            }
            thread::sleep(LOOK);
        }
    }

    fn count(&self) -> Result<Counted, NightRunError> {
        let begun = Instant::now();
        let (open, queued) = self.coordinator.queue.open_jobs(self.night)?;
        Ok(Counted { open, queued, at: Instant::now(), took: begun.elapsed() })
    }
}
