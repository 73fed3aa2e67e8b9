//! Nights: what is planned and judged together, and reported on.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::job::{reading, time};
use crate::{Queue, QueueError};

/// One night. The name stands also where it is noon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// Its number, from 1.
    pub id: i64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, where it has.
    pub ended: Option<Timestamp>,
    /// What came of it, as whoever ended it wrote it down.
    pub summary: String,
}

impl Queue {
    /// The night that has not ended, or a new one.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn begin_night(&self) -> Result<Night, QueueError> {
        let row = self.transaction("beginning a night", async |transaction| {
            let open = "SELECT id, started_ms, ended_ms, summary FROM nights WHERE ended_ms = 0 ORDER BY id LIMIT 1";
            let open = sqlx::query(open).fetch_all(&mut **transaction).await?;
            if let Some(row) = open.into_iter().next() {
                return Ok(row);
            }
            let new =
                self.sql("INSERT INTO nights (started_ms) VALUES ({now}) RETURNING id, started_ms, ended_ms, summary");
            let new = sqlx::query(new).fetch_all(&mut **transaction).await?;
            new.into_iter().next().ok_or(sqlx::Error::RowNotFound)
        })?;
        Night::of_row(&row).map_err(reading)
    }

    /// Ends a night. What of it is still to be done becomes part of the next.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn end_night(&self, night: i64, summary: &str) -> Result<(), QueueError> {
        let sql = "UPDATE nights SET ended_ms = {now}, summary = $2 WHERE id = $1";
        self.execute("ending a night", sql, |query| query.bind(night).bind(summary.to_owned())).map(|_| ())
    }

    /// Makes open jobs of earlier nights part of this one.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn adopt_jobs(&self, night: i64) -> Result<u64, QueueError> {
        let sql = "UPDATE jobs SET night = $1 WHERE night < $1 AND state IN ('queued', 'leased', 'returned')";
        self.execute("taking over the jobs of earlier nights", sql, |query| query.bind(night))
    }

    /// The newest nights that ended, the oldest of them first.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn nights(&self, most: u32) -> Result<Vec<Night>, QueueError> {
        let sql = format!(
            "SELECT id, started_ms, ended_ms, summary FROM nights WHERE ended_ms <> 0 ORDER BY id DESC LIMIT {most}"
        );
        let rows = self.fetch_all("reading the nights", &sql, |query| query)?;
        rows.iter().rev().map(|row| Night::of_row(row).map_err(reading)).collect()
    }

    /// A text that is kept under a name, if there is one.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn kept(&self, name: &str) -> Result<Option<String>, QueueError> {
        let rows = self.fetch_all("reading what is kept", "SELECT value FROM kept WHERE name = $1", |query| {
            query.bind(name.to_owned())
        })?;
        rows.first().map(|row| row.try_get(0).map_err(reading)).transpose()
    }

    /// Keeps a text under a name, in place of what was kept there.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn keep(&self, name: &str, value: &str) -> Result<(), QueueError> {
        let sql =
            "INSERT INTO kept (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute("keeping a text", sql, |query| query.bind(name.to_owned()).bind(value.to_owned())).map(|_| ())
    }
}

impl Night {
    fn of_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            started: time(row.try_get("started_ms")?).unwrap_or(Timestamp::UNIX_EPOCH),
            ended: time(row.try_get("ended_ms")?),
            summary: row.try_get("summary")?,
        })
    }
}
