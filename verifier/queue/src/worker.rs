//! Workers, as a queue knows them.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::job::{millis, reading, time};
use crate::{Capabilities, Queue, QueueError};

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// It takes jobs.
    Working,
    /// It takes no further job.
    Draining,
    /// It has ended.
    Gone,
}

impl WorkerState {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Draining => "draining",
            Self::Gone => "gone",
        }
    }
}

/// A worker as it stands in the queue. What it says of itself is its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its name.
    pub name: String,
    /// Its host.
    pub host: String,
    /// What it has, for people.
    pub capabilities: String,
    /// What it does: `working`, `draining` or `gone`.
    pub state: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was last heard of.
    pub seen: Timestamp,
    /// How many results it gave.
    pub jobs: u64,
    /// How long it was at work.
    pub busy: Duration,
    /// How many leases passed without it.
    pub lost: u64,
    /// How many of its results were refused.
    pub refused: u64,
}

impl Queue {
    /// Notes that a worker is there.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn greet(&self, (name, host): (&str, &str), capabilities: &Capabilities) -> Result<(), QueueError> {
        let sql = "INSERT INTO workers (name, host, capabilities, state, started_ms, seen_ms) VALUES ($1, $2, $3, 'working', {now}, {now}) ON \
                   CONFLICT (name) DO UPDATE SET host = excluded.host, capabilities = excluded.capabilities, state = 'working', started_ms = \
                   excluded.started_ms, seen_ms = excluded.seen_ms";
        let text = capabilities.text();
        self.execute("telling of a worker", sql, |query| {
            query.bind(name.to_owned()).bind(host.to_owned()).bind(text.clone())
        })
        .map(|_| ())
    }

    /// Notes that a worker was heard of, and what it was busy with since.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn hear(&self, name: &str, state: WorkerState, busy: Duration) -> Result<(), QueueError> {
        let sql = "UPDATE workers SET seen_ms = {now}, state = $2, busy_ms = busy_ms + $3 WHERE name = $1";
        self.execute("telling of a worker", sql, |query| {
            query.bind(name.to_owned()).bind(state.name()).bind(millis(busy))
        })
        .map(|_| ())
    }

    /// All workers that were ever there, by name.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn workers(&self) -> Result<Vec<WorkerRow>, QueueError> {
        let rows = self.fetch_all("reading the workers", "SELECT * FROM workers ORDER BY name", |query| query)?;
        rows.iter().map(|row| WorkerRow::of_row(row).map_err(reading)).collect()
    }

    /// The workers that were heard of within a time, and have not ended: their names, and the hosts that they say.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn workers_within(&self, within: Duration) -> Result<Vec<(String, String)>, QueueError> {
        let sql = "SELECT name, host FROM workers WHERE state <> 'gone' AND seen_ms > {now} - $1 ORDER BY name";
        let rows = self.fetch_all("reading the workers", sql, |query| query.bind(millis(within)))?;
        let one = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(|row| one(row).map_err(reading)).collect()
    }
}

impl WorkerRow {
    fn of_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let count = |column: &str| row.try_get::<i64, _>(column).map(|count| u64::try_from(count).unwrap_or_default());
        let at = |column: &str| Ok::<_, sqlx::Error>(time(row.try_get(column)?).unwrap_or(Timestamp::UNIX_EPOCH));
        Ok(Self {
            name: row.try_get("name")?,
            host: row.try_get("host")?,
            capabilities: row.try_get("capabilities")?,
            state: row.try_get("state")?,
            started: at("started_ms")?,
            seen: at("seen_ms")?,
            jobs: count("jobs")?,
            busy: Duration::from_millis(count("busy_ms")?),
            lost: count("lost")?,
            refused: count("refused")?,
        })
    }
}
