//! Verdicts, as far as a queue knows them.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use crate::job::{reading, time};
use crate::{Job, Queue, QueueError};

/// A verdict that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVerdict {
    /// The project, by which its history is asked for.
    pub project: String,
    /// The outcome.
    pub outcome: String,
    /// The verdict's own digest.
    pub digest: String,
    /// What lists and reports say of it, as JSON.
    pub result: String,
    /// What it was made with that can change: tool, normalizers, environment; as JSON.
    pub made_with: String,
    /// The names of the workers that stand behind it, as a JSON list.
    pub workers: String,
    /// Where its artifacts stand; empty where they are not kept.
    pub stored: String,
    /// The whole document, as JSON.
    pub document: String,
}

/// A verdict as it stands in the queue, without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictRow {
    /// Its number: a later one has a higher one.
    pub id: i64,
    /// The job that it came of.
    pub job: i64,
    /// The night that it is of.
    pub night: i64,
    /// What was judged.
    pub subject: String,
    /// The project.
    pub project: String,
    /// The list that it is of.
    pub list: String,
    /// Why it was due.
    pub why: String,
    /// The outcome.
    pub outcome: String,
    /// The verdict's own digest.
    pub digest: String,
    /// What lists and reports say of it, as JSON.
    pub result: String,
    /// What it was made with that can change, as JSON.
    pub made_with: String,
    /// The names of the workers that stand behind it, as a JSON list.
    pub workers: String,
    /// Where its artifacts stand; empty where they are not kept.
    pub stored: String,
    /// When it was accepted.
    pub judged: Timestamp,
    /// When it was published, where it was.
    pub published: Option<Timestamp>,
}

const COLUMNS: &str = "id, job, night, subject, project, list, why, outcome, digest, result, made_with, workers, stored, judged_ms, published_ms";

impl Queue {
    /// The newest verdict on each subject.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn newest_verdicts(&self) -> Result<Vec<VerdictRow>, QueueError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM verdicts WHERE id IN (SELECT MAX(id) FROM verdicts GROUP BY subject) ORDER BY id"
        );
        self.verdicts(&sql, &[])
    }

    /// The newest verdict on each subject that is older than a night.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn verdicts_before(&self, night: i64) -> Result<Vec<VerdictRow>, QueueError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM verdicts WHERE id IN (SELECT MAX(id) FROM verdicts WHERE night < CAST($1 AS BIGINT) GROUP BY subject) ORDER BY id"
        );
        self.verdicts(&sql, &[&night.to_string()])
    }

    /// All verdicts on a project, the newest first.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn verdicts_of_project(&self, project: &str) -> Result<Vec<VerdictRow>, QueueError> {
        self.verdicts(&format!("SELECT {COLUMNS} FROM verdicts WHERE project = $1 ORDER BY id DESC"), &[project])
    }

    /// The verdicts with artifacts that were not published yet, nor a newer one on the same subject, the oldest first; those behind all others that somebody has refused to publish.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn unpublished(&self) -> Result<Vec<VerdictRow>, QueueError> {
        self.verdicts(
            &format!("SELECT {COLUMNS} FROM verdicts WHERE published_ms <= 0 AND stored <> '' AND NOT EXISTS (SELECT 1 FROM verdicts newer WHERE newer.subject = verdicts.subject AND newer.id > verdicts.id AND newer.published_ms > 0) ORDER BY CASE WHEN published_ms < 0 THEN 1 ELSE 0 END, published_ms DESC, id"),
            &[],
        )
    }

    /// The verdicts with artifacts, the oldest first.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn stored_verdicts(&self) -> Result<Vec<VerdictRow>, QueueError> {
        self.verdicts(&format!("SELECT {COLUMNS} FROM verdicts WHERE stored <> '' ORDER BY id"), &[])
    }

    /// Notes that verdicts were published.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn set_published(&self, verdicts: &[i64]) -> Result<(), QueueError> {
        self.transaction("noting what was published", async |transaction| {
            for id in verdicts {
                let sql = self.sql("UPDATE verdicts SET published_ms = {now} WHERE id = $1");
                sqlx::query(sql).bind(*id).execute(&mut **transaction).await?;
            }
            Ok(())
        })
    }

    /// Notes that a verdict was refused to be published: others are tried before it.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn set_refused(&self, verdict: i64) -> Result<(), QueueError> {
        let sql = "UPDATE verdicts SET published_ms = -{now} WHERE id = $1 AND published_ms <= 0";
        self.execute("noting what was not published", sql, |query| query.bind(verdict)).map(|_| ())
    }

    /// Notes that the artifacts of verdicts are kept no longer.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn set_removed(&self, stored: &str) -> Result<(), QueueError> {
        let sql = "UPDATE verdicts SET stored = '' WHERE stored = $1";
        self.execute("noting what was removed", sql, |query| query.bind(stored)).map(|_| ())
    }

    /// The document of a verdict, as JSON.
    ///
    /// # Errors
    /// [`QueueError::Malformed`] where there is none; [`QueueError::Database`]
    pub fn document(&self, verdict: i64) -> Result<String, QueueError> {
        let rows =
            self.fetch_all("reading a verdict", "SELECT document FROM documents WHERE verdict = $1", |query| {
                query.bind(verdict)
            })?;
        let missing = || QueueError::Malformed { what: format!("verdict {verdict} without its document") };
        rows.first().ok_or_else(missing)?.try_get(0).map_err(reading)
    }

    fn verdicts(&self, sql: &str, values: &[&str]) -> Result<Vec<VerdictRow>, QueueError> {
        let rows = self.fetch_all("reading verdicts", sql, |query| {
            values.iter().fold(query, |query, value| query.bind((*value).to_owned()))
        })?;
        rows.iter().map(|row| VerdictRow::of_row(row).map_err(reading)).collect()
    }

    /// Keeps the verdict of a job.
    pub(crate) async fn insert_verdict(
        &self,
        transaction: &mut Transaction<'static, Any>,
        job: &Job,
        verdict: &NewVerdict,
    ) -> Result<(), sqlx::Error> {
        let NewVerdict { project, outcome, digest, result, made_with, workers, stored, document } = verdict;
        let sql = "INSERT INTO verdicts (job, night, subject, project, list, why, outcome, digest, result, made_with, workers, stored, \
                   judged_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, {now}) RETURNING id";
        let query = sqlx::query(self.sql(sql)).bind(job.id).bind(job.night).bind(&job.subject).bind(project);
        let query = query.bind(&job.list).bind(&job.why).bind(outcome).bind(digest).bind(result).bind(made_with);
        let rows = query.bind(workers).bind(stored).fetch_all(&mut **transaction).await?;
        let id: i64 = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        let sql = "INSERT INTO documents (verdict, document) VALUES ($1, $2)";
        sqlx::query(sql).bind(id).bind(document).execute(&mut **transaction).await.map(|_| ())
    }
}

impl VerdictRow {
    fn of_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            job: row.try_get("job")?,
            night: row.try_get("night")?,
            subject: row.try_get("subject")?,
            project: row.try_get("project")?,
            list: row.try_get("list")?,
            why: row.try_get("why")?,
            outcome: row.try_get("outcome")?,
            digest: row.try_get("digest")?,
            result: row.try_get("result")?,
            made_with: row.try_get("made_with")?,
            workers: row.try_get("workers")?,
            stored: row.try_get("stored")?,
            judged: time(row.try_get("judged_ms")?).unwrap_or(Timestamp::UNIX_EPOCH),
            // Since when it is refused is a number below 0.
            published: time(row.try_get::<i64, _>("published_ms")?.max(0)),
        })
    }
}
