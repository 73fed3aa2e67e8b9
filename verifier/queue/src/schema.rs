//! The versions of the tables.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::queue::Dialect;

/// The newest version of the tables that this program knows.
pub(crate) const VERSION: i64 = 2;

/// What makes the tables, version by version. What has been released is never changed: a change is a further version.
pub(crate) fn migrator(dialect: Dialect) -> Migrator {
    let versions = match dialect {
        Dialect::Sqlite => [
            (1, "queue", include_str!("../migrations/sqlite/0001_queue.sql")),
            (2, "second", include_str!("../migrations/sqlite/0002_second.sql")),
        ],
        Dialect::Postgres => [
            (1, "queue", include_str!("../migrations/postgres/0001_queue.sql")),
            (2, "second", include_str!("../migrations/postgres/0002_second.sql")),
        ],
    };
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(versions.map(migration).to_vec())
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
