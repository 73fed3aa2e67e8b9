//! The versions of the tables.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::queue::Dialect;

/// The newest version of the tables that this program knows.
pub(crate) const VERSION: i64 = 1;

/// What makes the tables, version by version. What has been released is never changed: a change is a further version.
pub(crate) fn migrator(dialect: Dialect) -> Migrator {
    let first = match dialect {
        Dialect::Sqlite => include_str!("../migrations/sqlite/0001_queue.sql"),
        Dialect::Postgres => include_str!("../migrations/postgres/0001_queue.sql"),
    };
    Migrator::with_migrations(vec![Migration::new(
        VERSION,
        "queue".into(),
        MigrationType::Simple,
        first.into_sql_str(),
        false,
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_last() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert_eq!(migrator(dialect).iter().map(|migration| migration.version).max(), Some(VERSION));
        }
    }
}
