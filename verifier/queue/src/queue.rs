//! The queue, and what every use of its database goes through.

use std::fs;
use std::time::{Duration, Instant};

use sqlx::any::{AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::migrate::MigrateError;
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor as _, Row as _, Transaction};
use tokio::runtime::Runtime;

use crate::schema::{VERSION, migrator};
use crate::{QueueAddress, QueueError};

/// How long one waits between attempts to reach a database that is away, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a connection is waited for before that is an attempt that failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one attempt may take: longer than a million jobs take to be put into the queue.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(900);
/// How many connections one process has.
const MOST_CONNECTIONS: u32 = 4;
/// States by which PostgreSQL says that it is away or coming back, and not that something is wrong ("PostgreSQL Error Codes", classes 08, 40, 53 and 57), and SQLite's
/// SQLITE_BUSY and SQLITE_LOCKED with their extended forms ("Result and Error Codes").
const PASSING: [&str; 18] = [
    "08000", "08001", "08003", "08004", "08006", "40001", "40P01", "53300", "57P01", "57P02", "57P03", "5", "6", "261",
    "262", "517", "518", "773",
];

/// For how long a database may be away before a call gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Default for Patience {
    /// Two minutes: longer than a database takes to restart.
    fn default() -> Self {
        Self(Duration::from_secs(120))
    }
}

/// Jobs, results, verdicts, nights and workers in a database.
#[derive(Debug)]
pub struct Queue {
    address: QueueAddress,
    dialect: Dialect,
    patience: Patience,
    pool: AnyPool,
    runtime: Runtime,
}

/// Which SQL a database speaks, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Queue {
    /// Opens a queue, and makes its tables where they are not there or older.
    ///
    /// # Errors
    /// [`QueueError::Open`], [`QueueError::Newer`], [`QueueError::Migrate`], [`QueueError::Folder`], [`QueueError::Runtime`]
    pub fn open(address: &QueueAddress, patience: Patience) -> Result<Self, QueueError> {
        let queue = Self::connect(address, patience)?;
        let migrated = queue.runtime.block_on(migrator(queue.dialect).run(&queue.pool));
        match migrated {
            Ok(()) => Ok(queue),
            Err(MigrateError::VersionMissing(_)) => Err(queue.newer()),
            Err(source) => Err(QueueError::Migrate { address: address.to_string(), source }),
        }
    }

    /// Opens a queue whose tables are there, and makes none: for a worker, which may not.
    ///
    /// # Errors
    /// As [`Queue::open`]; [`QueueError::Older`]
    pub fn join(address: &QueueAddress, patience: Patience) -> Result<Self, QueueError> {
        if let QueueAddress::Sqlite(path) = address
            && !path.is_file()
        {
            return Err(QueueError::Older { address: address.to_string(), found: 0, known: VERSION });
        }
        let queue = Self::connect(address, patience)?;
        match queue.version() {
            found if found > VERSION => Err(queue.newer()),
            found if found < VERSION => Err(QueueError::Older { address: address.to_string(), found, known: VERSION }),
            _ => Ok(queue),
        }
    }

    fn connect(address: &QueueAddress, patience: Patience) -> Result<Self, QueueError> {
        install_default_drivers();
        let (dialect, url) = match address {
            QueueAddress::Sqlite(path) => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    let error = |source| QueueError::Folder { path: folder.to_owned(), source };
                    fs::create_dir_all(folder).map_err(error)?;
                }
                (Dialect::Sqlite, format!("sqlite:{}?mode=rwc", escaped(&path.display().to_string())))
            }
            QueueAddress::Postgres(url) => (Dialect::Postgres, url.clone()),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(QueueError::Runtime)?;
        let settings: &[&'static str] = match dialect {
            // What was acknowledged is there after a power loss; readers do not wait for writers.
            Dialect::Sqlite => {
                &["PRAGMA busy_timeout = 10000", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"]
            }
            // A queue outruns its statistics, by which next to no job fits a worker: all that wait would be sorted for each claim, where the first by an index
            // is to be taken. What is sorted all the same then seems to cost so much that it would be compiled.
            Dialect::Postgres => &["SET enable_sort = off", "SET jit = off"],
        };
        let options = AnyPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(CONNECT_TIMEOUT)
            // A connection that was lost is found out by its use, which is tried again.
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for setting in settings {
                        connection.execute(*setting).await?;
                    }
                    Ok(())
                })
            });
        let pool = runtime.block_on(options.connect(&url));
        let pool = pool.map_err(|source| QueueError::Open { address: address.to_string(), source })?;
        Ok(Self { address: address.clone(), dialect, patience, pool, runtime })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &QueueAddress {
        &self.address
    }

    fn newer(&self) -> QueueError {
        QueueError::Newer { address: self.address.to_string(), found: self.version(), known: VERSION }
    }

    /// The version of the tables, 0 where there are none.
    fn version(&self) -> i64 {
        let found =
            self.fetch_one("reading the version of the tables", "SELECT MAX(version) FROM _sqlx_migrations", |q| q);
        found.ok().and_then(|row| row.try_get(0).ok()).unwrap_or_default()
    }

    /// SQL as this database speaks it: `{now}` is its time in milliseconds since 1970, `{skip}` what passes over rows that others hold.
    pub(crate) fn sql(&self, sql: &str) -> AssertSqlSafe<String> {
        let (now, skip) = match self.dialect {
            Dialect::Sqlite => ("CAST(unixepoch('subsec') * 1000 AS BIGINT)", ""),
            Dialect::Postgres => {
                ("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)", "FOR UPDATE SKIP LOCKED")
            }
        };
        // Only texts of this crate come here; values are bound.
        AssertSqlSafe(sql.replace("{now}", now).replace("{skip}", skip))
    }

    /// Does one thing, and again where the database was away.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a closure reads better where it is written than a reference to one"
    )]
    pub(crate) fn with_patience<T>(
        &self,
        doing: &'static str,
        attempt: impl AsyncFn(&AnyPool) -> Result<T, sqlx::Error>,
    ) -> Result<T, QueueError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        self.runtime.block_on(async {
            loop {
                // Over a link that is cut a connection may be silent for ever.
                let attempted = tokio::time::timeout(LONGEST_ATTEMPT, attempt(&self.pool)).await;
                match attempted.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                    Ok(value) => return Ok(value),
                    Err(error) if is_passing(&error) && begun.elapsed() < self.patience.0 => {
                        tracing::debug!(%error, doing, "the database is away");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                    Err(source) => return Err(QueueError::Database { doing, source }),
                }
            }
        })
    }

    /// Does several things in one transaction, all of them or none, and again where the database was away. One writer at a time, where there is one file.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a closure reads better where it is written than a reference to one"
    )]
    pub(crate) fn transaction<T>(
        &self,
        doing: &'static str,
        attempt: impl AsyncFn(&mut Transaction<'static, Any>) -> Result<T, sqlx::Error>,
    ) -> Result<T, QueueError> {
        let begin = match self.dialect {
            // One that began by reading could not become a writer once another has written.
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        self.with_patience(doing, async |pool| {
            let mut transaction = pool.begin_with(begin).await?;
            let value = attempt(&mut transaction).await?;
            transaction.commit().await?;
            Ok(value)
        })
    }

    pub(crate) fn fetch_one<'q>(
        &self,
        doing: &'static str,
        sql: &str,
        bind: impl Fn(Query<'q>) -> Query<'q>,
    ) -> Result<AnyRow, QueueError> {
        self.with_patience(doing, async |pool| bind(sqlx::query(self.sql(sql))).fetch_one(pool).await)
    }

    pub(crate) fn fetch_all<'q>(
        &self,
        doing: &'static str,
        sql: &str,
        bind: impl Fn(Query<'q>) -> Query<'q>,
    ) -> Result<Vec<AnyRow>, QueueError> {
        self.with_patience(doing, async |pool| bind(sqlx::query(self.sql(sql))).fetch_all(pool).await)
    }

    /// How many rows it changed.
    pub(crate) fn execute<'q>(
        &self,
        doing: &'static str,
        sql: &str,
        bind: impl Fn(Query<'q>) -> Query<'q>,
    ) -> Result<u64, QueueError> {
        self.with_patience(doing, async |pool| {
            Ok(bind(sqlx::query(self.sql(sql))).execute(pool).await?.rows_affected())
        })
    }
}

pub(crate) type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

/// Whether the same may succeed later: the connection was lost, or the database is busy, restarting or shutting down.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| PASSING.contains(&code.as_ref())),
        _ => false,
    }
}

/// A path as it stands in an address.
fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}
