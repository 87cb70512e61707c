//! The lease of the log: an advisory lock, who holds it, and when its holder counts as dead.
//!
//! A holder is dead when it has been the same session with the same count of heartbeats for [`WriterOptions::silence_limit`]
//! by the standby's own monotonic clock: no clock of the server or of another machine takes part. Not here: the heartbeat
//! itself (`heartbeat`), and what the lease protects (`writer`).
//!
//! [`WriterOptions::silence_limit`]: super::WriterOptions::silence_limit

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use super::session::Backend;

/// The advisory lock that is the lease; one per database, hence one per log.
const LEASE: i64 = 0x7472_6173_0002;

/// Takes the lease if it is free.
pub(super) async fn try_take(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(LEASE)
        .fetch_one(connection)
        .await
}

/// What can be seen of an owner from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub holder: Backend,
    beats: i64,
}

/// Looks who holds the lease; `None` when it is free now.
pub(super) async fn look(connection: &mut PgConnection) -> Result<Option<Sign>, sqlx::Error> {
    // A lock's 64-bit key stands in two columns (PostgreSQL documentation, "pg_locks").
    let query = "select a.pid, a.backend_start, coalesce((select beats from engine_owner), 0)
        from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and (l.classid::bigint << 32 | l.objid::bigint) = $1";
    let Some(row) = sqlx::query(query).bind(LEASE).fetch_optional(connection).await? else {
        return Ok(None);
    };
    Ok(Some(Sign {
        holder: Backend {
            pid: row.try_get(0)?,
            started_at: row.try_get(1)?,
        },
        beats: row.try_get(2)?,
    }))
}

/// A standby's memory of what it saw.
#[derive(Default)]
pub(super) struct Watch {
    seen: Option<Seen>,
}

struct Seen {
    sign: Sign,
    since: Instant,
    last_look: Instant,
}

impl Watch {
    /// Whether the owner has shown no life for `limit`. Asked at each look, which come several times in that time: when
    /// they did not, this process or the server stood still, and the owner could not be heard.
    pub fn is_silent(&mut self, sign: Sign, now: Instant, limit: Duration) -> bool {
        match &mut self.seen {
            Some(seen) if seen.sign == sign && now.duration_since(seen.last_look) <= limit / 2 => {
                seen.last_look = now;
                now.duration_since(seen.since) >= limit
            }
            _ => {
                self.seen = Some(Seen {
                    sign,
                    since: now,
                    last_look: now,
                });
                false
            }
        }
    }

    /// Starts over: the holder was dealt with.
    pub fn forget(&mut self) {
        self.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);

    fn sign(pid: i32, beats: i64) -> Sign {
        Sign {
            holder: Backend {
                pid,
                started_at: OffsetDateTime::UNIX_EPOCH,
            },
            beats,
        }
    }

    #[test]
    fn an_owner_is_silent_only_while_its_beats_stand_still() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut watch = Watch::default();
        for look in 0..100 {
            let beats = i64::try_from(look).unwrap() / 4;
            assert!(
                !watch.is_silent(sign(1, beats), at(look * 250), LIMIT),
                "it beats"
            );
        }
        assert!(!watch.is_silent(sign(1, 25), at(25_000), LIMIT));
        for look in 1..12 {
            assert!(!watch.is_silent(sign(1, 25), at(25_000 + look * 250), LIMIT));
        }
        assert!(watch.is_silent(sign(1, 25), at(28_000), LIMIT));
        assert!(!watch.is_silent(sign(2, 25), at(28_250), LIMIT), "another holder");
    }

    #[test]
    fn a_standby_that_could_not_look_for_a_while_does_not_call_the_owner_dead_at_once() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut watch = Watch::default();
        for look in 0..10 {
            assert!(!watch.is_silent(sign(1, 7), at(look * 250), LIMIT));
        }
        for look in 0..12 {
            assert!(!watch.is_silent(sign(1, 7), at(60_000 + look * 250), LIMIT));
        }
        assert!(watch.is_silent(sign(1, 7), at(63_000), LIMIT));
    }
}
