//! The ends of a lease.

use std::time::Duration;

use sqlx::{Any, Transaction};

use crate::claim::bind_lease;
use crate::job::{clean, millis};
use crate::{Lease, NewVerdict, Queue, QueueError, Retry};

/// How long a worker may have been silent and still counts as one that could do a job.
const ALIVE: Duration = Duration::from_secs(90);

/// How a leased job changes.
const LEASED: &str = "WHERE id = $1 AND fence = $2 AND worker = $3 AND state = 'leased'";

impl Queue {
    /// Keeps the verdict of a job and ends it, both or neither: for workers of the coordinator's own process. Doing it twice is doing it once.
    ///
    /// # Errors
    /// [`QueueError::Stale`] where the job is another's by now or was cancelled: nothing was kept. [`QueueError::Database`]
    pub fn complete(&self, lease: &Lease, verdict: &NewVerdict) -> Result<(), QueueError> {
        let sql = format!("UPDATE jobs SET state = 'done', ended_ms = {{now}}, class = '', reason = '' {LEASED}");
        let is_kept = self.transaction("keeping a verdict", async |transaction| {
            let ended = bind_lease(lease, sqlx::query(self.sql(&sql))).execute(&mut **transaction).await?;
            if ended.rows_affected() == 0 {
                return self.has_result(transaction, lease).await;
            }
            self.insert_result(transaction, lease, "accepted", (&verdict.document, "", &verdict.stored)).await?;
            self.insert_verdict(transaction, &lease.job, verdict).await?;
            Ok(true)
        })?;
        if is_kept { Ok(()) } else { Err(lease.stale()) }
    }

    /// Returns what a worker found, for the coordinator to look at: the document, what it signed, and where its artifacts stand. Doing it twice is doing it once.
    ///
    /// # Errors
    /// As [`Queue::complete`].
    pub fn give_back(&self, lease: &Lease, document: &str, envelope: &str, stored: &str) -> Result<(), QueueError> {
        let sql = format!("UPDATE jobs SET state = 'returned', lease_until_ms = 0, class = '', reason = '' {LEASED}");
        let is_kept = self.transaction("returning a result", async |transaction| {
            let ended = bind_lease(lease, sqlx::query(self.sql(&sql))).execute(&mut **transaction).await?;
            if ended.rows_affected() == 0 {
                return self.has_result(transaction, lease).await;
            }
            self.insert_result(transaction, lease, "returned", (document, envelope, stored)).await?;
            Ok(true)
        })?;
        if is_kept { Ok(()) } else { Err(lease.stale()) }
    }

    /// Ends a lease without a result: the job is done again, or not. After `most_attempts` it is not.
    ///
    /// # Errors
    /// [`QueueError::Stale`], [`QueueError::Database`]
    pub fn fail(
        &self,
        lease: &Lease,
        (class, reason): (&str, &str),
        retry: Retry,
        most_attempts: u64,
    ) -> Result<(), QueueError> {
        let is_over = lease.job.attempts >= most_attempts;
        let (state, pause, is_elsewhere) = match retry {
            Retry::After(pause) if !is_over => ("queued", pause, false),
            Retry::Elsewhere(pause) if !is_over => ("queued", pause, true),
            Retry::After(_) | Retry::Elsewhere(_) | Retry::No => ("dead", Duration::ZERO, false),
        };
        let host = if is_elsewhere { lease.job.host.as_str() } else { "" };
        let sql = format!(
            "UPDATE jobs SET state = '{state}', class = $4, reason = $5, lease_until_ms = 0, claim = '', not_before_ms = {{now}} + $6, \
             ended_ms = CASE WHEN '{state}' = 'dead' THEN {{now}} ELSE 0 END, not_host = CASE WHEN $7 = '' OR EXISTS (SELECT 1 FROM \
             results WHERE results.job = jobs.id AND results.state = 'accepted') THEN not_host WHEN EXISTS (SELECT 1 FROM workers WHERE \
             workers.host <> $7 AND workers.state <> 'gone' AND workers.seen_ms > {{now}} - {alive}) THEN $7 ELSE '' END {LEASED}",
            alive = millis(ALIVE)
        );
        let changed = self.execute("ending a job", &sql, |query| {
            bind_lease(lease, query).bind(class.to_owned()).bind(clean(reason)).bind(millis(pause)).bind(host)
        })?;
        if changed == 0 { Err(lease.stale()) } else { Ok(()) }
    }

    /// Gives a job back that was not done, as if it had not been taken.
    ///
    /// # Errors
    /// [`QueueError::Stale`], [`QueueError::Database`]
    pub fn release(&self, lease: &Lease) -> Result<(), QueueError> {
        let sql = format!(
            "UPDATE jobs SET state = 'queued', attempts = attempts - 1, lease_until_ms = 0, claim = '' {LEASED}"
        );
        let changed = self.execute("giving a job back", &sql, |query| bind_lease(lease, query))?;
        if changed == 0 { Err(lease.stale()) } else { Ok(()) }
    }

    /// Whether what this lease gives was kept already: the answer was lost on the way.
    async fn has_result(
        &self,
        transaction: &mut Transaction<'static, Any>,
        lease: &Lease,
    ) -> Result<bool, sqlx::Error> {
        let sql = "SELECT job FROM results WHERE job = $1 AND fence = $2 AND worker = $3";
        let rows = bind_lease(lease, sqlx::query(sql)).fetch_all(&mut **transaction).await?;
        Ok(!rows.is_empty())
    }

    async fn insert_result(
        &self,
        transaction: &mut Transaction<'static, Any>,
        lease: &Lease,
        state: &str,
        (document, envelope, stored): (&str, &str, &str),
    ) -> Result<(), sqlx::Error> {
        let sql = "INSERT INTO results (job, fence, worker, host, state, document, envelope, stored, returned_ms) VALUES ($1, $2, $3, $4, $5, \
                   $6, $7, $8, {now})";
        // Of what is accepted the document stands with the verdict.
        let document = if state == "accepted" { "" } else { document };
        let query = bind_lease(lease, sqlx::query(self.sql(sql))).bind(&lease.job.host).bind(state);
        query.bind(document).bind(envelope).bind(stored).execute(&mut **transaction).await?;
        let sql = "UPDATE workers SET jobs = jobs + 1 WHERE name = $1";
        sqlx::query(sql).bind(&lease.worker).execute(&mut **transaction).await.map(|_| ())
    }
}
