//! Taking jobs, and keeping them.

use std::cell::Cell;
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

use crate::job::{millis, reading};
use crate::{Capabilities, Job, Lease, Queue, QueueError};

/// How often a job may be lost with whoever has it before it is given up: it may be what ends them.
const MOST_LOST: i64 = 5;

const NEXT: &str = "UPDATE jobs SET state = 'leased', fence = fence + 1, attempts = attempts + 1, claim = $1, worker = $2, host = $3, \
                    lease_until_ms = {now} + $4 WHERE id = (SELECT id FROM jobs WHERE state = 'queued' AND not_before_ms <= {now} AND \
                    needs_architecture IN ('', $5) AND needs_memory_bytes <= $6 AND not_host <> $3 AND (not_host = '' OR NOT EXISTS \
                    (SELECT 1 FROM results, results AS first WHERE results.job = jobs.id AND first.job = jobs.id AND first.state = 'accepted' AND \
                    results.worker = $2 AND results.fence >= first.fence)) AND (needs_interpreter = '' OR $7 LIKE '%,' || needs_interpreter || \
                    ',%') ORDER BY priority, turn, id LIMIT 1 {skip}) RETURNING ";

impl Queue {
    /// Takes the next job that the worker can do, if there is one, until `lease` has passed or [`Queue::extend`] is called. One that waits for a second host is
    /// given to nobody who has returned it since the first did, whatever a host is called. `token` names this claim and no other: where the answer was lost on
    /// the way, asking again with it gives the same job.
    ///
    /// # Errors
    /// [`QueueError::Database`], [`QueueError::Malformed`]
    pub fn claim(
        &self,
        (worker, host): (&str, &str),
        capabilities: &Capabilities,
        lease: Duration,
        token: &str,
    ) -> Result<Option<Lease>, QueueError> {
        let memory = i64::try_from(capabilities.memory_bytes).unwrap_or(i64::MAX);
        let attempts = Cell::new(0_u32);
        let rows = self.with_patience("taking a job", async |pool| {
            if attempts.replace(attempts.get() + 1) > 0 {
                let claimed = self.claimed(pool, token).await?;
                if !claimed.is_empty() {
                    return Ok(claimed);
                }
            }
            let query = sqlx::query(self.sql(&format!("{NEXT}{}", Job::COLUMNS)));
            let query = query.bind(token).bind(worker).bind(host).bind(millis(lease));
            query.bind(&capabilities.architecture).bind(memory).bind(capabilities.listed()).fetch_all(pool).await
        })?;
        let lease = |row| Ok(Lease { job: Job::of_row(row)?, worker: worker.to_owned() });
        rows.first().map(lease).transpose()
    }

    async fn claimed(&self, pool: &AnyPool, token: &str) -> Result<Vec<AnyRow>, sqlx::Error> {
        let sql = format!("SELECT {} FROM jobs WHERE claim = $1 AND state = 'leased'", Job::COLUMNS);
        sqlx::query(self.sql(&sql)).bind(token).fetch_all(pool).await
    }

    /// Keeps a job until `lease` has passed from now.
    ///
    /// # Errors
    /// [`QueueError::Stale`] where it is another's by now or was cancelled; [`QueueError::Database`]
    pub fn extend(&self, lease: &Lease, until: Duration) -> Result<(), QueueError> {
        let sql = "UPDATE jobs SET lease_until_ms = {now} + $1 WHERE id = $2 AND fence = $3 AND worker = $4 AND state = 'leased'";
        let bind = |query| bind_lease(lease, sqlx::query::Query::bind(query, millis(until)));
        match self.execute("keeping a job", sql, bind)? {
            0 => Err(lease.stale()),
            _ => Ok(()),
        }
    }

    /// Puts back into the queue what is held by workers that were not heard of for the time of their lease, or gives it up where that happened
    /// too often. Gives the numbers of the jobs.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn recover(&self) -> Result<Vec<i64>, QueueError> {
        self.take_from("lease_until_ms < {now}", "")
    }

    /// The same for all that a worker holds of whom the caller knows that it is gone.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn recover_of(&self, worker: &str) -> Result<Vec<i64>, QueueError> {
        self.take_from("worker = $2", worker)
    }

    fn take_from(&self, condition: &str, worker: &str) -> Result<Vec<i64>, QueueError> {
        let set = format!(
            "lost = lost + 1, attempts = attempts - 1, state = CASE WHEN lost + 1 >= $1 THEN 'dead' ELSE 'queued' END, ended_ms = CASE WHEN lost + 1 >= $1 THEN \
             {{now}} ELSE 0 END, claim = '', lease_until_ms = 0, class = 'lost', reason = 'the worker ' || worker || ' was not heard of again' \
             WHERE state = 'leased' AND {condition} RETURNING id, worker"
        );
        let sql = format!("UPDATE jobs SET {set}");
        self.transaction("taking jobs from workers that are gone", async |transaction| {
            let mut query = sqlx::query(self.sql(&sql)).bind(MOST_LOST);
            if !worker.is_empty() {
                query = query.bind(worker);
            }
            let rows = query.fetch_all(&mut **transaction).await?;
            for row in &rows {
                let worker: String = row.try_get("worker")?;
                let sql = "UPDATE workers SET lost = lost + 1 WHERE name = $1";
                sqlx::query(sql).bind(worker).execute(&mut **transaction).await?;
            }
            rows.iter().map(|row| row.try_get("id")).collect()
        })
    }

    /// Lets anybody do what waits in a night, whatever it needs: where nobody has that, a verdict that says so is more than none. A second host is still
    /// another one.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn drop_needs(&self, night: i64) -> Result<u64, QueueError> {
        let sql = "UPDATE jobs SET needs_architecture = '', needs_interpreter = '', needs_memory_bytes = 0, not_host = CASE WHEN EXISTS (SELECT 1 \
                   FROM results WHERE results.job = jobs.id AND results.state = 'accepted') THEN not_host ELSE '' END WHERE night = $1 AND \
                   state = 'queued' AND (needs_architecture <> '' OR needs_interpreter <> '' OR needs_memory_bytes <> 0 OR not_host <> '')";
        self.execute("letting anybody do the jobs", sql, |query| query.bind(night))
    }

    /// Whether there is a job that is not at its end, and how many of these wait for a worker.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn open_jobs(&self, night: i64) -> Result<(u64, u64), QueueError> {
        let sql = "SELECT COUNT(*) AS all_open, CAST(COALESCE(SUM(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0) AS BIGINT) AS queued FROM \
                   jobs WHERE night = $1 AND state IN ('queued', 'leased', 'returned')";
        let row = self.fetch_one("counting the jobs", sql, |query| query.bind(night))?;
        let count = |column: &str| row.try_get::<i64, _>(column).map(|count| u64::try_from(count).unwrap_or_default());
        Ok((count("all_open").map_err(reading)?, count("queued").map_err(reading)?))
    }
}

/// What says that a job is still whose lease it was: number, fence and worker, in that order.
pub(crate) fn bind_lease<'q>(lease: &'q Lease, query: crate::queue::Query<'q>) -> crate::queue::Query<'q> {
    query.bind(lease.job.id).bind(lease.job.fence).bind(&lease.worker)
}
