//! Results that workers returned, until they are accepted or refused.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::job::{clean, reading, time};
use crate::{Job, NewVerdict, Queue, QueueError};

/// How often what came of a job may be refused before the job is given up.
const MOST_ATTEMPTS: i64 = 5;

/// What a worker returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The job, as it is now.
    pub job: Job,
    /// The fence under which it was done.
    pub fence: i64,
    /// Who says so.
    pub worker: String,
    /// On which host, as the worker says.
    pub host: String,
    /// The verdict's document, as JSON.
    pub document: String,
    /// What the worker signed.
    pub envelope: String,
    /// Where its artifacts stand.
    pub stored: String,
    /// When it was returned.
    pub returned: Timestamp,
}

const COLUMNS: &str = "fence, worker, host, document, envelope, stored, returned_ms";

impl Queue {
    /// What was returned and not looked at yet, the oldest first, at most `most` of it.
    ///
    /// # Errors
    /// [`QueueError::Database`], [`QueueError::Malformed`]
    pub fn returned(&self, most: u32) -> Result<Vec<Returned>, QueueError> {
        // What was returned of a job that was cancelled or taken by another since is nobody's concern.
        let sql = format!(
            "SELECT job, {COLUMNS} FROM results WHERE state = 'returned' AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = results.job AND \
             jobs.fence = results.fence AND jobs.state = 'returned') ORDER BY returned_ms, job LIMIT {most}"
        );
        self.results(&sql, None)
    }

    /// What of a job was accepted before, the oldest first: the results of other hosts.
    ///
    /// # Errors
    /// As [`Queue::returned`].
    pub fn accepted(&self, job: i64) -> Result<Vec<Returned>, QueueError> {
        let sql = format!("SELECT job, {COLUMNS} FROM results WHERE job = $1 AND state = 'accepted' ORDER BY fence");
        self.results(&sql, Some(job))
    }

    /// The first results of jobs that wait for a second host.
    ///
    /// # Errors
    /// As [`Queue::returned`].
    pub fn waiting_for_second(&self) -> Result<Vec<Returned>, QueueError> {
        let sql = format!(
            "SELECT job, {COLUMNS} FROM results WHERE state = 'accepted' AND job IN (SELECT id FROM jobs WHERE state = 'queued' AND not_host \
             <> '') ORDER BY job"
        );
        self.results(&sql, None)
    }

    /// Where the artifacts of results stand on which nothing is decided yet: those that were returned, and those of jobs that wait for a second host.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn undecided_results(&self) -> Result<Vec<String>, QueueError> {
        let sql = "SELECT stored FROM results WHERE stored <> '' AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = results.job AND (results.state = \
                   'returned' AND jobs.state = 'returned' AND jobs.fence = results.fence OR results.state = 'accepted' AND jobs.state IN \
                   ('queued', 'leased', 'returned')))";
        let rows = self.fetch_all("reading results", sql, |query| query)?;
        rows.iter().map(|row| row.try_get(0).map_err(reading)).collect()
    }

    /// How many results each worker gave in a night.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn results_of_night(&self, night: i64) -> Result<Vec<(String, u64)>, QueueError> {
        let sql = "SELECT worker, COUNT(*) FROM results WHERE state <> 'refused' AND job IN (SELECT id FROM jobs WHERE night = $1) GROUP BY \
                   worker ORDER BY worker";
        let rows = self.fetch_all("reading results", sql, |query| query.bind(night))?;
        let one = |row: &AnyRow| {
            let count: i64 = row.try_get(1)?;
            Ok((row.try_get(0)?, u64::try_from(count).unwrap_or_default()))
        };
        rows.iter().map(|row| one(row).map_err(reading)).collect()
    }

    fn results(&self, sql: &str, job: Option<i64>) -> Result<Vec<Returned>, QueueError> {
        let rows = self.fetch_all("reading results", sql, |query| match job {
            Some(job) => query.bind(job),
            None => query,
        })?;
        let one = |row: &AnyRow| {
            let job = self.job(row.try_get("job").map_err(reading)?)?;
            let text = |column: &str| row.try_get::<String, _>(column).map_err(reading);
            Ok(Returned {
                job,
                fence: row.try_get("fence").map_err(reading)?,
                worker: text("worker")?,
                host: text("host")?,
                document: text("document")?,
                envelope: text("envelope")?,
                stored: text("stored")?,
                returned: time(row.try_get("returned_ms").map_err(reading)?).unwrap_or(Timestamp::UNIX_EPOCH),
            })
        };
        rows.iter().map(one).collect()
    }

    /// Accepts what was returned as the verdict of its job, and ends the job; both or neither. Gives whether it was still there to be accepted.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn accept(&self, returned: &Returned, verdict: &NewVerdict) -> Result<bool, QueueError> {
        let Returned { job, fence, .. } = returned;
        self.transaction("accepting a result", async |transaction| {
            // What was refused stays refused.
            let sql = "UPDATE jobs SET state = 'done', ended_ms = {now}, class = '', reason = '' WHERE id = $1 AND (state = 'queued' \
                       OR state = 'returned' AND fence = $2) AND EXISTS (SELECT 1 FROM results WHERE job = $1 AND fence = $2 AND state IN ('returned', \
                       'accepted'))";
            let ended = sqlx::query(self.sql(sql)).bind(job.id).bind(*fence).execute(&mut **transaction).await?;
            if ended.rows_affected() == 0 {
                return Ok(false);
            }
            let sql = "UPDATE results SET state = 'accepted' WHERE job = $1 AND fence = $2";
            sqlx::query(sql).bind(job.id).bind(*fence).execute(&mut **transaction).await?;
            self.insert_verdict(transaction, job, verdict).await?;
            Ok(true)
        })
    }

    /// Accepts what was returned as the first of two, with the document that was looked at, and puts the job back into the queue for another host than this one.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn accept_first(&self, returned: &Returned, host: &str, document: &str) -> Result<bool, QueueError> {
        let Returned { job, fence, .. } = returned;
        self.transaction("accepting a first result", async |transaction| {
            let sql = "UPDATE jobs SET state = 'queued', claim = '', not_before_ms = 0, not_host = $3, queued_ms = {now} WHERE id = $1 AND fence = $2 \
                       AND state = 'returned'";
            let query = sqlx::query(self.sql(sql)).bind(job.id).bind(*fence).bind(host);
            if query.execute(&mut **transaction).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let sql = "UPDATE results SET state = 'accepted', document = $3 WHERE job = $1 AND fence = $2";
            sqlx::query(sql).bind(job.id).bind(*fence).bind(document).execute(&mut **transaction).await?;
            Ok(true)
        })
    }

    /// Who has returned a job since it was returned so, and who returned it so, whatever became of that.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn returned_since(&self, first: &Returned) -> Result<Vec<String>, QueueError> {
        let sql = "SELECT DISTINCT worker FROM results WHERE job = $1 AND fence >= $2";
        let rows = self.fetch_all("reading results", sql, |query| query.bind(first.job.id).bind(first.fence))?;
        rows.iter().map(|row| row.try_get(0).map_err(reading)).collect()
    }

    /// Refuses what was returned: the job is done again on another host, or given up where that happened too often. Where a first host's result was accepted, it is still
    /// that one which is not to do it again, and it stands.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn refuse(&self, returned: &Returned, class: &str, reason: &str) -> Result<bool, QueueError> {
        let Returned { job, fence, worker, host, .. } = returned;
        self.transaction("refusing a result", async |transaction| {
            let sql = "UPDATE results SET state = 'refused', reason = $3 WHERE job = $1 AND fence = $2 AND state = 'returned'";
            let query = sqlx::query(sql).bind(job.id).bind(*fence).bind(clean(reason));
            if query.execute(&mut **transaction).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let first = "EXISTS (SELECT 1 FROM results WHERE results.job = jobs.id AND results.state = 'accepted')";
            let is_over = format!("attempts >= $3 AND NOT {first}");
            let sql = format!(
                "UPDATE jobs SET state = CASE WHEN {is_over} THEN 'dead' ELSE 'queued' END, ended_ms = CASE WHEN {is_over} THEN {{now}} ELSE 0 \
                 END, not_host = CASE WHEN {first} THEN not_host ELSE $4 END, claim = '', class = $5, reason = $6 WHERE id = $1 AND fence = $2 \
                 AND state = 'returned'"
            );
            let query = sqlx::query(self.sql(&sql)).bind(job.id).bind(*fence).bind(MOST_ATTEMPTS).bind(host).bind(class);
            query.bind(clean(reason)).execute(&mut **transaction).await?;
            let sql = "UPDATE workers SET refused = refused + 1 WHERE name = $1";
            sqlx::query(sql).bind(worker).execute(&mut **transaction).await?;
            Ok(true)
        })
    }

    /// Takes back what was accepted as the first of two, and puts the job back into the queue for anybody. Gives whether it was still to be taken back.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn withdraw(&self, first: &Returned, reason: &str) -> Result<bool, QueueError> {
        let Returned { job, fence, .. } = first;
        self.transaction("taking a result back", async |transaction| {
            let sql = "UPDATE results SET state = 'refused', reason = $3 WHERE job = $1 AND fence = $2 AND state = 'accepted' AND EXISTS (SELECT \
                       1 FROM jobs WHERE jobs.id = results.job AND jobs.state IN ('queued', 'returned'))";
            let query = sqlx::query(sql).bind(job.id).bind(*fence).bind(clean(reason));
            if query.execute(&mut **transaction).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let sql = "UPDATE jobs SET state = 'queued', claim = '', not_host = '' WHERE id = $1";
            sqlx::query(sql).bind(job.id).execute(&mut **transaction).await?;
            Ok(true)
        })
    }

    /// Takes back what a worker returned of jobs that are not at their end, as nobody can tell any more that it was this worker's: they are done again.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn take_back(&self, worker: &str, reason: &str) -> Result<(), QueueError> {
        self.transaction("taking results back", async |transaction| {
            for sql in [
                "UPDATE jobs SET state = 'queued', claim = '' WHERE state = 'returned' AND EXISTS (SELECT 1 FROM results WHERE results.job = jobs.id \
                 AND results.fence = jobs.fence AND results.worker = $1 AND results.state = 'returned')",
                "UPDATE jobs SET not_host = '' WHERE state = 'queued' AND EXISTS (SELECT 1 FROM results WHERE results.job = jobs.id AND \
                 results.worker = $1 AND results.state = 'accepted')",
            ] {
                sqlx::query(sql).bind(worker).execute(&mut **transaction).await?;
            }
            let sql = "UPDATE results SET state = 'refused', reason = $2 WHERE worker = $1 AND state IN ('returned', 'accepted') AND job IN \
                       (SELECT id FROM jobs WHERE state IN ('queued', 'leased', 'returned'))";
            sqlx::query(sql).bind(worker).bind(reason).execute(&mut **transaction).await.map(|_| ())
        })
    }

    /// Gives a job up that waits or was returned, for a reason that no attempt can mend.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn give_up(&self, job: &Job, class: &str, reason: &str) -> Result<bool, QueueError> {
        let sql = "UPDATE jobs SET state = 'dead', ended_ms = {now}, class = $3, reason = $4 WHERE id = $1 AND fence = $2 AND state IN \
                   ('queued', 'returned')";
        let changed = self.execute("giving a job up", sql, |query| {
            query.bind(job.id).bind(job.fence).bind(class.to_owned()).bind(clean(reason))
        })?;
        Ok(changed == 1)
    }
}
