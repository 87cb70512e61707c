//! Standing by for a lease: takes it once it is free, and frees it from a holder whose heart stands still.
//!
//! How long a heart stands still is measured by the standby's own clock, which only runs forward; the server's clock
//! may be set at any time.

use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Backend, Lease, connect, lock};

/// A heart that stands still for so long belongs to a process that is stopped or cut off: two beats and a half.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Looks that must have found the same beat, in case it is the standby that was stopped for a while.
const LOOKS_MIN: u32 = 4;
/// How long the end of a backend is waited for, in milliseconds.
const END_WAIT_MS: i64 = 1_000;

/// What the holder signed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beat {
    holder: Backend,
    beats: i64,
}

/// Watches one heart.
#[derive(Debug)]
struct Watch {
    patience: Duration,
    seen: Option<(Beat, Instant, u32)>,
}

impl Watch {
    /// Notes a look; true when the heart stands still.
    fn stands_still(&mut self, beat: Beat, now: Instant) -> bool {
        match &mut self.seen {
            Some((seen, since, looks)) if *seen == beat => {
                *looks += 1;
                *looks >= LOOKS_MIN && now.duration_since(*since) >= self.patience
            }
            _ => {
                self.seen = Some((beat, now, 1));
                false
            }
        }
    }
}

/// Whoever waits for a lease. It looks as often as it is asked to: a few times a second.
pub struct Standby {
    pool: PgPool,
    key: i64,
    watch: Watch,
    /// Kept between looks; becomes the lease's own.
    connection: Option<PgConnection>,
}

impl Standby {
    /// Session locks do not survive a transaction pooler: `pool` must reach the server directly.
    pub fn new(pool: PgPool, key: i64) -> Self {
        let watch = Watch {
            patience: PATIENCE,
            seen: None,
        };
        Self {
            pool,
            key,
            watch,
            connection: None,
        }
    }

    #[cfg(test)]
    pub(super) fn impatient(pool: PgPool, key: i64) -> Self {
        let mut standby = Self::new(pool, key);
        standby.watch.patience = Duration::ZERO;
        standby
    }

    /// Takes the lease if it is free, or if its holder's heart has stood still for two seconds and a half. `None`
    /// while somebody else holds it: ask again after a pause of 250 ms or so.
    ///
    /// # Errors
    /// When the database does not answer. The next call connects anew.
    pub async fn try_take(&mut self) -> Result<Option<Lease>, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.pool).await?,
        };
        if let Some(backend) = lock(&mut connection, self.key).await? {
            return Ok(Some(Lease::beating(&self.pool, connection, self.key, backend)));
        }
        let beat = look(&mut connection, self.key).await?;
        if let Some(beat) = beat.filter(|beat| self.watch.stands_still(*beat, Instant::now())) {
            self.watch.seen = None;
            end(&mut connection, self.key, beat.holder).await?;
            if let Some(backend) = lock(&mut connection, self.key).await? {
                return Ok(Some(Lease::beating(&self.pool, connection, self.key, backend)));
            }
        }
        self.connection = Some(connection);
        Ok(None)
    }

    /// The connection that waits, for a look at how far the holder is. `None` before the first try and after a failure.
    pub fn connection(&mut self) -> Option<&mut PgConnection> {
        self.connection.as_mut()
    }

    /// Stops waiting.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub async fn leave(self) -> Result<(), sqlx::Error> {
        match self.connection {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

async fn look(connection: &mut PgConnection, key: i64) -> Result<Option<Beat>, sqlx::Error> {
    let row: Option<(i32, OffsetDateTime, i64)> =
        sqlx::query_as("select pid, backend_start, beats from leases where key = $1")
            .bind(key)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(pid, started_at, beats)| Beat {
        holder: Backend { pid, started_at },
        beats,
    }))
}

/// Ends the holder's backend, if it is still the one that signed, and waits until it is gone. A role may end backends
/// of its own; where it may not, the lease stays where it is, and the log says why.
async fn end(connection: &mut PgConnection, key: i64, holder: Backend) -> Result<(), sqlx::Error> {
    tracing::warn!(
        key,
        pid = holder.pid,
        "a lease's holder shows no sign of life; its backend is ended"
    );
    let ended: Result<Option<bool>, sqlx::Error> = sqlx::query_scalar(
        "select pg_terminate_backend(pid, $3) from pg_stat_activity where pid = $1 and backend_start = $2",
    )
    .bind(holder.pid)
    .bind(holder.started_at)
    .bind(END_WAIT_MS)
    .fetch_optional(connection)
    .await;
    match ended {
        Err(error) if error.as_database_error().is_some() => {
            tracing::error!(%error, key, "the holder's backend cannot be ended");
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(pid: i32, beats: i64) -> Beat {
        Beat {
            holder: Backend {
                pid,
                started_at: OffsetDateTime::UNIX_EPOCH,
            },
            beats,
        }
    }

    #[test]
    fn a_heart_stands_still_only_after_looks_and_time_without_a_beat() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut watch = Watch {
            patience: PATIENCE,
            seen: None,
        };
        for look in 0..10 {
            assert!(!watch.stands_still(beat(1, 7), at(250 * look)), "not yet");
        }
        assert!(watch.stands_still(beat(1, 7), at(2_500)));
        assert!(!watch.stands_still(beat(1, 8), at(2_600)), "it beats again");
        assert!(!watch.stands_still(beat(2, 8), at(9_000)), "another holder");
    }

    #[test]
    fn a_standby_that_was_stopped_itself_looks_again_before_it_judges() {
        let start = Instant::now();
        let mut watch = Watch {
            patience: PATIENCE,
            seen: None,
        };
        assert!(!watch.stands_still(beat(1, 7), start));
        let later = start + Duration::from_secs(60);
        assert!(!watch.stands_still(beat(1, 7), later));
        assert!(!watch.stands_still(beat(1, 7), later));
        assert!(watch.stands_still(beat(1, 7), later));
    }
}
