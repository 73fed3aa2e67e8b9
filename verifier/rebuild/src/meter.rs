//! What builds cost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The processor time of all sandboxes of some jobs, whatever came of them: of both twins, of each trial, of the question what a
/// backend requires. What this program does around a sandbox is not in it.
#[derive(Debug, Default)]
pub struct Meter {
    micros: AtomicU64,
}

impl Meter {
    /// User and system time so far.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    pub(crate) fn add(&self, cpu: Duration) {
        // Centuries do not fit, and need not.
        self.micros.fetch_add(u64::try_from(cpu.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }
}
