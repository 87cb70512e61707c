//! One instance at a time: a lease that is a session advisory lock on a connection of its own.
//!
//! The lease keeps standbys from working in vain; it is not the guarantee. Whoever holds it still moves its
//! checkpoint by compare-and-swap, since a process that was stopped for a while does not know that it lost.

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection};

/// Advisory lock keys of one database, all in this list: two uses of one number would wait for each other for ever.
/// `…0001` is the migrations' (`db`), `…0002` the log's own (crates/event-store).
pub mod keys {
    pub const PROJECTOR: i64 = 0x7472_6173_0003;
    pub const RELAY: i64 = 0x7472_6173_0004;
    pub const MATCHER: i64 = 0x7472_6173_0005;
}

/// A lock that lasts as long as its connection.
pub struct Lease {
    connection: PgConnection,
    key: i64,
}

impl Lease {
    /// Takes the lock if nobody has it. Session locks do not survive a transaction pooler: `pool` must reach the
    /// server directly.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn try_take(pool: &PgPool, key: i64) -> Result<Option<Lease>, sqlx::Error> {
        let mut connection = pool.connect_options().connect().await?;
        let taken: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(key)
            .fetch_one(&mut connection)
            .await?;
        if taken {
            return Ok(Some(Lease { connection, key }));
        }
        connection.close().await?;
        Ok(None)
    }

    /// Whether the connection, and with it the lock, still stands.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query("select 1")
            .execute(&mut self.connection)
            .await
            .map(|_| ())
    }

    /// The lock's own connection, for writes that must not land once the lock is lost.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives the lock back at once.
    ///
    /// # Errors
    /// When the connection is gone, and the lock with it.
    pub async fn release(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(self.key)
            .execute(&mut self.connection)
            .await?;
        self.connection.close().await
    }
}
