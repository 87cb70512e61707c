//! One instance at a time: a lease that is a session advisory lock on a connection of its own, with a heartbeat.
//!
//! A holder that dies loses the lock with its connection. One that is stopped, or cut off, keeps it; but its heart no
//! longer beats, and then a standby ends its backend and takes over, within five seconds of the last beat.
//! The lease keeps standbys from working in vain; it is not the guarantee. Whoever holds it still moves its
//! checkpoint by compare-and-swap, since a process that was stopped for a while does not know that it lost.
//! Deliberately absent: any view on progress. A heart beats beside the work, not because of it.

mod heart;
mod standby;

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::db::Migration;
use heart::Heart;
pub use standby::Standby;

/// Advisory lock keys of one database, all in this list: two uses of one number would wait for each other for ever.
/// `…0001` is the migrations' (`db`), `…0002` the log's own (crates/event-store).
pub mod keys {
    pub const PROJECTOR: i64 = 0x7472_6173_0003;
    pub const RELAY: i64 = 0x7472_6173_0004;
    pub const MATCHER: i64 = 0x7472_6173_0005;
}

/// How often a holder says that it runs.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Who holds each lease, told apart from a later backend with the same process id. Applied by `db::migrate` itself,
/// since every database needs it.
pub(crate) const MIGRATION: Migration = Migration {
    module: "leases",
    version: 1,
    sql: "create table leases (
            key bigint primary key, pid int not null, backend_start timestamptz not null, beats bigint not null,
            taken_at timestamptz not null, beat_at timestamptz not null) with (fillfactor = 50);
          grant select, insert, update on leases to trastienda_engine;",
};

/// Locks and signs in one statement, so that nobody can hold the lock without a heartbeat that may go stale.
const TAKE: &str = "with locked as materialized (select pg_try_advisory_lock($1) as taken)
    insert into leases (key, pid, backend_start, beats, taken_at, beat_at)
    select $1, a.pid, a.backend_start, 0, now(), now() from locked, pg_stat_activity a
    where locked.taken and a.pid = pg_backend_pid()
    on conflict (key) do update set pid = excluded.pid, backend_start = excluded.backend_start, beats = 0,
      taken_at = excluded.taken_at, beat_at = excluded.beat_at
    returning pid, backend_start";

/// The backend behind a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Backend {
    pid: i32,
    started_at: OffsetDateTime,
}

/// A lock that lasts as long as its connection.
pub struct Lease {
    connection: PgConnection,
    key: i64,
    heart: Heart,
}

impl Lease {
    /// Takes the lock if nobody has it. Session locks do not survive a transaction pooler: `pool` must reach the
    /// server directly. Whoever stands by uses [`Standby`], which also ends a holder that was stopped.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn try_take(pool: &PgPool, key: i64) -> Result<Option<Lease>, sqlx::Error> {
        let mut connection = connect(pool).await?;
        match lock(&mut connection, key).await? {
            Some(backend) => Ok(Some(Lease::beating(pool, connection, key, backend))),
            None => {
                connection.close().await?;
                Ok(None)
            }
        }
    }

    fn beating(pool: &PgPool, connection: PgConnection, key: i64, backend: Backend) -> Self {
        let heart = Heart::start(pool.clone(), key, backend);
        Self {
            connection,
            key,
            heart,
        }
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

    /// The lock's own connection, for writes that must not land once the lock is lost. A standby that takes over ends
    /// this backend, and with it whatever row locks an open transaction holds; it knows of no other connection.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Cancelled once somebody else has signed for the lease.
    pub fn lost(&self) -> CancellationToken {
        self.heart.lost()
    }

    /// The connection for a follower that works on it alone, and the heart, which beats until it is dropped. The lock
    /// ends with the connection.
    pub fn into_parts(self) -> (PgConnection, Heartbeat) {
        (self.connection, Heartbeat { _heart: self.heart })
    }

    /// Gives the lock back at once.
    ///
    /// # Errors
    /// When the connection is gone, and the lock with it.
    pub async fn release(mut self) -> Result<(), sqlx::Error> {
        drop(self.heart);
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(self.key)
            .execute(&mut self.connection)
            .await?;
        self.connection.close().await
    }
}

/// Keeps a lease's heart beating; dropped together with the lease's connection.
pub struct Heartbeat {
    _heart: Heart,
}

/// A connection of its own, on which the server notices a dead client within seconds (`tcp_*`, without effect on Unix
/// sockets).
async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let options = pool.connect_options().as_ref().clone().options([
        ("tcp_keepalives_idle", "3"),
        ("tcp_keepalives_interval", "1"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "5000"),
    ]);
    options.connect().await
}

async fn lock(connection: &mut PgConnection, key: i64) -> Result<Option<Backend>, sqlx::Error> {
    let signed: Option<(i32, OffsetDateTime)> =
        sqlx::query_as(TAKE).bind(key).fetch_optional(connection).await?;
    Ok(signed.map(|(pid, started_at)| Backend { pid, started_at }))
}

#[cfg(test)]
mod tests;
