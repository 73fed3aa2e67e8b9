//! Numbers about a queue.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::Row as _;

use crate::job::{reading, time};
use crate::{Queue, QueueError};

/// How much there is of what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs by state.
    pub jobs: BTreeMap<String, u64>,
    /// Verdicts by outcome, all that were ever kept.
    pub verdicts: BTreeMap<String, u64>,
    /// Subjects by the outcome of their newest verdict.
    pub subjects: BTreeMap<String, u64>,
    /// Since when the oldest job waits.
    pub oldest_queued: Option<Timestamp>,
}

impl Queue {
    /// How much there is of what.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn counts(&self) -> Result<Counts, QueueError> {
        let oldest = "SELECT COALESCE(MIN(queued_ms), 0) FROM jobs WHERE state = 'queued'";
        let oldest = self.fetch_one("counting the jobs", oldest, |query| query)?;
        let newest = "SELECT outcome, COUNT(*) FROM verdicts WHERE id IN (SELECT MAX(id) FROM verdicts GROUP BY subject) GROUP BY outcome";
        Ok(Counts {
            jobs: self.grouped("SELECT state, COUNT(*) FROM jobs GROUP BY state")?,
            verdicts: self.grouped("SELECT outcome, COUNT(*) FROM verdicts GROUP BY outcome")?,
            subjects: self.grouped(newest)?,
            oldest_queued: time(oldest.try_get(0).map_err(reading)?),
        })
    }

    fn grouped(&self, sql: &str) -> Result<BTreeMap<String, u64>, QueueError> {
        let rows = self.fetch_all("counting", sql, |query| query)?;
        let one = |row: &sqlx::any::AnyRow| {
            let count: i64 = row.try_get(1)?;
            Ok((row.try_get(0)?, u64::try_from(count).unwrap_or_default()))
        };
        rows.iter().map(|row| one(row).map_err(reading)).collect()
    }
}
