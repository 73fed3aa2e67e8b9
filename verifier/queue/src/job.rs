//! Jobs, and leases of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::queue::Query;
use crate::{Queue, QueueError};

/// How many jobs are written by one statement.
const AT_ONCE: usize = 50;

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker has it.
    Leased,
    /// A worker returned a result that is not accepted yet.
    Returned,
    /// It has a verdict.
    Done,
    /// It was given up, for the reason that it has.
    Dead,
    /// Somebody cancelled it.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Queued, Self::Leased, Self::Returned, Self::Done, Self::Dead, Self::Cancelled];

    /// Its name, in the database and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Returned => "returned",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| format!("{text:?} is no state of a job: {} are", expected()))
    }
}

/// What a worker has to have for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The processor, as Debian names it; any where it is empty.
    pub architecture: String,
    /// An interpreter of the worker's host, such as `2.7`; none where it is empty.
    pub interpreter: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

/// What a worker has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Its processor, as Debian names it.
    pub architecture: String,
    /// The interpreters of its host, such as `2.7`.
    pub interpreters: Vec<String>,
    /// Its memory in bytes.
    pub memory_bytes: u64,
}

impl Capabilities {
    /// In one line, such as `amd64, 16.0 GiB, 2.7 3.6`.
    #[must_use]
    pub fn text(&self) -> String {
        let memory = format!("{} MiB", self.memory_bytes >> 20);
        let interpreters = self.interpreters.join(" ");
        [self.architecture.as_str(), &memory, &interpreters]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The interpreters, each between commas, so that one is found in it as a whole.
    pub(crate) fn listed(&self) -> String {
        format!(",{},", self.interpreters.join(","))
    }
}

/// A job that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What is judged: its package URL, or the path of a file.
    pub subject: String,
    /// The list that it is of.
    pub list: String,
    /// Why it is due.
    pub why: String,
    /// What is asked, as JSON, for whoever does it.
    pub asked: String,
    /// Lower ones come first.
    pub priority: i64,
    /// Among those of one priority, lower ones come first: the first of each list, then the second of each.
    pub turn: i64,
    /// What a worker has to have.
    pub needs: Needs,
}

/// A job as it stands in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// The night that it is of.
    pub night: i64,
    /// What is judged.
    pub subject: String,
    /// The list that it is of.
    pub list: String,
    /// Why it was due.
    pub why: String,
    /// What is asked, as JSON.
    pub asked: String,
    /// What became of it.
    pub state: JobState,
    /// How often it was claimed.
    pub attempts: u64,
    /// How often whoever had it was not heard of again.
    pub lost: u64,
    /// The fence of its newest lease.
    pub fence: i64,
    /// Who has it or had it last; empty where it was never claimed.
    pub worker: String,
    /// On which host.
    pub host: String,
    /// The host that may not have it, as it has done it already.
    pub not_host: String,
    /// When it was put into the queue.
    pub queued: Timestamp,
    /// Before when it is not claimed; `None` where it is at any time.
    pub not_before: Option<Timestamp>,
    /// Until when it is leased.
    pub lease_until: Option<Timestamp>,
    /// When it came to an end.
    pub ended: Option<Timestamp>,
    /// The class of what kept it, the last time.
    pub class: String,
    /// What kept it.
    pub reason: String,
}

/// The right to do a job, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job, as it was when it was claimed.
    pub job: Job,
    /// Who has it.
    pub worker: String,
}

impl Lease {
    /// The number that the claim was given.
    #[must_use]
    pub fn fence(&self) -> i64 {
        self.job.fence
    }

    pub(crate) fn stale(&self) -> QueueError {
        QueueError::Stale { job: self.job.id, fence: self.job.fence }
    }
}

/// What happens to a job that came to no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is done again, by whomever, after a while.
    After(Duration),
    /// It is done again on another host, where there is one, after a while.
    Elsewhere(Duration),
    /// It is not done again.
    No,
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those in one of these states; in any where there are none.
    pub states: Vec<JobState>,
    /// Those of this night.
    pub night: Option<i64>,
    /// At most so many, the newest first.
    pub most: u32,
}

const COLUMNS: &str = "id, night, subject, list, why, asked, state, attempts, lost, fence, worker, host, not_host, queued_ms, \
                       not_before_ms, lease_until_ms, ended_ms, class, reason";

impl Queue {
    /// Puts jobs into the queue, but for those about a subject that has one that is not at its end, of which what is asked is changed where nobody has taken it; gives the number of those that are new. A subject must not be in
    /// `jobs` twice.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn enqueue(&self, night: i64, jobs: &[NewJob]) -> Result<u64, QueueError> {
        self.transaction("putting jobs into the queue", async |transaction| {
            let mut new = 0;
            for some in jobs.chunks(AT_ONCE) {
                let row = |number: usize| {
                    let first = number * 11;
                    let values: Vec<String> = (1..=11).map(|at| format!("${}", first + at)).collect();
                    format!("({}, 'queued', {{now}})", values.join(", "))
                };
                let rows: Vec<String> = (0..some.len()).map(row).collect();
                let sql = format!(
                    "INSERT INTO jobs (night, subject, list, why, asked, priority, turn, needs_architecture, needs_interpreter, \
                     needs_memory_bytes, not_host, state, queued_ms) VALUES {} ON CONFLICT DO NOTHING",
                    rows.join(", ")
                );
                let mut query: Query<'_> = sqlx::query(self.sql(&sql));
                for job in some {
                    let NewJob { subject, list, why, asked, priority, turn, needs } = job;
                    query = query.bind(night).bind(subject).bind(list).bind(why).bind(asked).bind(priority).bind(turn);
                    query = query.bind(&needs.architecture).bind(&needs.interpreter);
                    query = query.bind(i64::try_from(needs.memory_bytes).unwrap_or(i64::MAX)).bind("");
                }
                let written = query.execute(&mut **transaction).await?.rows_affected();
                new += written;
                if usize::try_from(written).unwrap_or(0) < some.len() {
                    // What nobody has taken yet is asked as it is asked now.
                    for job in some {
                        let sql = "UPDATE jobs SET asked = $1, why = $2 WHERE subject = $3 AND state = 'queued' AND asked <> $1";
                        let query = sqlx::query(sql).bind(&job.asked).bind(&job.why).bind(&job.subject);
                        query.execute(&mut **transaction).await?;
                    }
                }
            }
            Ok(new)
        })
    }

    /// The jobs of a kind, the newest first.
    ///
    /// # Errors
    /// [`QueueError::Database`], [`QueueError::Malformed`]
    pub fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, QueueError> {
        let mut sql = format!("SELECT {COLUMNS} FROM jobs WHERE 1 = 1");
        if !filter.states.is_empty() {
            let states: Vec<String> = filter.states.iter().map(|state| format!("'{state}'")).collect();
            sql.push_str(&format!(" AND state IN ({})", states.join(", ")));
        }
        if let Some(night) = filter.night {
            sql.push_str(&format!(" AND night = {night}"));
        }
        sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", filter.most));
        let rows = self.fetch_all("reading the jobs", &sql, |query| query)?;
        rows.iter().map(Job::of_row).collect()
    }

    /// One job.
    ///
    /// # Errors
    /// [`QueueError::NoJob`]; as [`Queue::jobs`]
    pub fn job(&self, id: i64) -> Result<Job, QueueError> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
        let rows = self.fetch_all("reading a job", &sql, |query| query.bind(id))?;
        rows.first().map_or(Err(QueueError::NoJob { job: id }), Job::of_row)
    }

    /// Puts a job that is at its end back into the queue, with all its attempts before it, and says whether there was such a one and no other about its subject.
    ///
    /// # Errors
    /// [`QueueError::NoJob`], [`QueueError::Database`]
    pub fn retry(&self, id: i64) -> Result<bool, QueueError> {
        self.job(id)?;
        let sql = "UPDATE jobs SET state = 'queued', attempts = 0, lost = 0, not_before_ms = 0, ended_ms = 0, not_host = '', class = '', \
                   reason = '' WHERE id = $1 AND state IN ('dead', 'cancelled') AND NOT EXISTS (SELECT 1 FROM jobs other WHERE other.subject = \
                   jobs.subject AND other.state IN ('queued', 'leased', 'returned'))";
        self.transaction("putting a job back into the queue", async |transaction| {
            if sqlx::query(sql).bind(id).execute(&mut **transaction).await?.rows_affected() == 0 {
                return Ok(false);
            }
            // It begins anew: no host has come to anything yet.
            let sql = "UPDATE results SET state = 'refused', reason = 'the job was begun anew' WHERE job = $1 AND state IN ('returned', 'accepted')";
            sqlx::query(sql).bind(id).execute(&mut **transaction).await?;
            Ok(true)
        })
    }

    /// Cancels a job that is not at its end, and says whether it was such a one. Whoever has it finds out when it extends its lease.
    ///
    /// # Errors
    /// [`QueueError::NoJob`], [`QueueError::Database`]
    pub fn cancel(&self, id: i64) -> Result<bool, QueueError> {
        self.job(id)?;
        let sql = "UPDATE jobs SET state = 'cancelled', ended_ms = {now}, class = 'cancelled', reason = 'it was cancelled' WHERE id = $1 AND \
                   state IN ('queued', 'leased', 'returned')";
        Ok(self.execute("cancelling a job", sql, |query| query.bind(id))? == 1)
    }
}

impl Job {
    pub(crate) const COLUMNS: &str = COLUMNS;

    pub(crate) fn of_row(row: &AnyRow) -> Result<Self, QueueError> {
        let text = |column: &str| row.try_get::<String, _>(column).map_err(reading);
        let number = |column: &str| row.try_get::<i64, _>(column).map_err(reading);
        let count = |column: &str| Ok::<_, QueueError>(u64::try_from(number(column)?).unwrap_or_default());
        let state = text("state")?;
        Ok(Self {
            id: number("id")?,
            night: number("night")?,
            subject: text("subject")?,
            list: text("list")?,
            why: text("why")?,
            asked: text("asked")?,
            state: state.parse().map_err(|what| QueueError::Malformed { what })?,
            attempts: count("attempts")?,
            lost: count("lost")?,
            fence: number("fence")?,
            worker: text("worker")?,
            host: text("host")?,
            not_host: text("not_host")?,
            queued: time(number("queued_ms")?).unwrap_or(Timestamp::UNIX_EPOCH),
            not_before: time(number("not_before_ms")?),
            lease_until: time(number("lease_until_ms")?),
            ended: time(number("ended_ms")?),
            class: text("class")?,
            reason: text("reason")?,
        })
    }
}

pub(crate) fn reading(source: sqlx::Error) -> QueueError {
    QueueError::Database { doing: "reading the answer of the database", source }
}

/// A time as the tables have it: milliseconds since 1970, and 0 where there is none.
pub(crate) fn time(millis: i64) -> Option<Timestamp> {
    (millis != 0).then(|| Timestamp::from_millisecond(millis).ok()).flatten()
}

/// Text for people, which may be foreign, without what a database does not take or a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
