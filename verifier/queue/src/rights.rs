//! What only one process at a time may do.

use std::time::Duration;

use sqlx::Row as _;

use crate::job::millis;
use crate::{Queue, QueueError};

impl Queue {
    /// Takes a right, or keeps one that `holder` has, until `lasting` has passed. Where somebody else has it, who.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn take_right(&self, name: &str, holder: &str, lasting: Duration) -> Result<Result<(), String>, QueueError> {
        self.transaction("taking a right", async |transaction| {
            let sql = "INSERT INTO rights (name, holder, until_ms) VALUES ($1, $2, {now} + $3) ON CONFLICT (name) DO UPDATE SET holder = \
                       excluded.holder, until_ms = excluded.until_ms WHERE rights.holder = excluded.holder OR rights.until_ms < {now}";
            let query = sqlx::query(self.sql(sql)).bind(name).bind(holder).bind(millis(lasting));
            if query.execute(&mut **transaction).await?.rows_affected() > 0 {
                return Ok(Ok(()));
            }
            let sql = "SELECT holder FROM rights WHERE name = $1";
            let rows = sqlx::query(sql).bind(name).fetch_all(&mut **transaction).await?;
            Ok(Err(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default()))
        })
    }

    /// Gives a right up that `holder` has.
    ///
    /// # Errors
    /// [`QueueError::Database`]
    pub fn drop_right(&self, name: &str, holder: &str) -> Result<(), QueueError> {
        let sql = "DELETE FROM rights WHERE name = $1 AND holder = $2";
        self.execute("giving a right up", sql, |query| query.bind(name.to_owned()).bind(holder.to_owned())).map(|_| ())
    }
}
