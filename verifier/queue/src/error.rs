//! What can go wrong with a queue.

use std::path::PathBuf;

/// Why something could not be done with a queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The database cannot be opened.
    #[error("the queue {address} cannot be opened")]
    Open {
        /// Where it is, without credentials.
        address: String,
        /// What the database or its client says.
        source: sqlx::Error,
    },
    /// A newer version of this program has changed the tables.
    #[error(
        "the queue {address} was written by a newer version of twinbuild (its tables are of version {found}, and this one knows {known}): \
         use that version, or another queue"
    )]
    Newer {
        /// Where it is.
        address: String,
        /// The version of its tables.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The tables are not there yet, or older, and whoever asks may not make them.
    #[error(
        "the tables of the queue {address} are of version {found}, and this version of twinbuild needs {known}: run `twinbuild nightly` of this \
         version once, which makes them"
    )]
    Older {
        /// Where it is.
        address: String,
        /// The version of its tables, 0 where there are none.
        found: i64,
        /// That of this program.
        known: i64,
    },
    /// The tables cannot be made.
    #[error("the tables of the queue {address} cannot be made")]
    Migrate {
        /// Where it is.
        address: String,
        /// What the database or its client says.
        source: sqlx::migrate::MigrateError,
    },
    /// The folder of a file cannot be made.
    #[error("the folder {} cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database refuses, or was away for too long.
    #[error("{doing} failed")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database or its client says.
        source: sqlx::Error,
    },
    /// The lease is another's by now, or the job was cancelled: what was done is of no use.
    #[error("job {job} is no longer this worker's: its lease of fence {fence} is over")]
    Stale {
        /// The job.
        job: i64,
        /// The fence of the lease.
        fence: i64,
    },
    /// There is no such job.
    #[error("the queue has no job {job}")]
    NoJob {
        /// Its number.
        job: i64,
    },
    /// What stands in the database is not what this program writes.
    #[error("the queue holds {what}, which no version of twinbuild writes")]
    Malformed {
        /// What was found.
        what: String,
    },
    /// The threads that wait for the database cannot be started.
    #[error("what waits for the database cannot be started")]
    Runtime(#[source] std::io::Error),
}
