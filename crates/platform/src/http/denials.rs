//! Denied access as a security event: who was refused what, written for whoever watches (WHK-8).
//!
//! The guard notes a 403 in memory and answers; a task writes what was noted into the command inbox, whence the engine
//! puts it into the log. The first denial of a user at an operation is written at once, those of the next half minute
//! as one row with their number, so that nobody floods the log by knocking. What was noted less than a second ago is
//! lost when the process is killed. Deliberately absent: 401, which anybody on the network can cause.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use schemas::ids::{TenantId, Username};
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::request::Principal;
use crate::tasks::{OnEnd, Tasks};
use crate::{clock, metrics};

/// Users and operations that are counted at the same time; beyond, denials are only a metric.
const COUNTED_MAX: usize = 10_000;
/// What follows the first denial is written together, so often; within the minute that a SIEM is promised.
const TOGETHER: Duration = Duration::from_secs(30);
/// Between two writes.
const WRITE_PAUSE: Duration = Duration::from_millis(250);
/// Between two writes when the database does not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// How often counts are looked through.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rows in one statement.
const BATCH: usize = 500;
/// Who acts, in the events' metadata.
const ACTOR: &str = "guard";

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Denied {
    tenant: TenantId,
    username: Username,
    operation: &'static str,
    code: &'static str,
}

struct Count {
    /// Not written yet.
    times: u32,
    /// When the last row was written; `None` until the first one is.
    written: Option<Instant>,
}

struct Row {
    id: Uuid,
    tenant: String,
    command: String,
}

/// Notes denials; cheap to clone, clones share the counts.
#[derive(Clone)]
pub struct DenialLog {
    counts: Arc<Mutex<HashMap<Denied, Count>>>,
    news: Arc<Notify>,
    unrecorded: IntCounter,
}

impl DenialLog {
    /// Starts the task that writes; `engine_pool` may insert into the command inbox.
    pub fn start(tasks: &Tasks, engine_pool: PgPool) -> Self {
        let log = Self::new();
        let (own, stop) = (log.clone(), tasks.stop_token());
        tasks.spawn("denied access", OnEnd::Fatal, async move {
            own.write_until(&stop, &engine_pool).await;
            Ok(())
        });
        log
    }

    pub(super) fn new() -> Self {
        Self {
            counts: Arc::default(),
            news: Arc::default(),
            unrecorded: metrics::counter(
                "trastienda_denied_access_unrecorded_total",
                "Denials that were not recorded, because too many users and operations were counted already.",
            ),
        }
    }

    /// Notes a 403 and returns at once.
    pub(super) fn note(&self, who: &Principal, operation: &'static str, code: &'static str) {
        self.note_subject(who.tenant.clone(), who.username.clone(), operation, code);
    }

    /// As [`Self::note`], of a user or of an external system's key by its id.
    pub(super) fn note_subject(
        &self,
        tenant: TenantId,
        username: Username,
        operation: &'static str,
        code: &'static str,
    ) {
        let denied = Denied {
            tenant,
            username,
            operation,
            code,
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&denied) {
            count.times = count.times.saturating_add(1);
        } else if counts.len() < COUNTED_MAX {
            let count = Count {
                times: 1,
                written: None,
            };
            counts.insert(denied, count);
            self.news.notify_one();
        } else {
            self.unrecorded.inc();
        }
    }

    /// What was noted and not written: user, operation, code and number.
    #[cfg(test)]
    pub(super) fn noted(&self) -> Vec<(String, &'static str, &'static str, u32)> {
        let counts = self.counts.lock().unwrap();
        counts
            .iter()
            .map(|(denied, count)| {
                (
                    denied.username.to_string(),
                    denied.operation,
                    denied.code,
                    count.times,
                )
            })
            .collect()
    }

    async fn write_until(&self, stop: &CancellationToken, pool: &PgPool) {
        let mut waiting: Vec<Row> = Vec::new();
        loop {
            let pause = self.write(&mut waiting, pool, false).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.news.notified(), if waiting.is_empty() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        self.write(&mut waiting, pool, true).await;
    }

    /// Writes what is due, after what an earlier attempt left; says how long to wait then.
    async fn write(&self, waiting: &mut Vec<Row>, pool: &PgPool, is_last: bool) -> Duration {
        if waiting.is_empty() {
            *waiting = self.due(Instant::now(), is_last);
        }
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(BATCH));
            if let Err(error) = insert(pool, waiting).await {
                tracing::warn!(%error, "denied access cannot be recorded now");
                waiting.extend(rest);
                return RETRY_PAUSE;
            }
            *waiting = rest;
        }
        WRITE_PAUSE
    }

    /// Takes the counts that are to be written; forgets those that stood still.
    fn due(&self, now: Instant, is_last: bool) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|denied, count| {
            let is_due = count
                .written
                .is_none_or(|written| is_last || now.duration_since(written) >= TOGETHER);
            if !is_due {
                return true;
            }
            if count.times == 0 {
                return false;
            }
            rows.push(denied.row(count.times));
            *count = Count {
                times: 0,
                written: Some(now),
            };
            true
        });
        rows
    }
}

impl Denied {
    /// A command of the domain (`record_denied_access`), as its inbox stores it.
    fn row(&self, times: u32) -> Row {
        Row {
            id: clock::fresh_id(),
            tenant: self.tenant.to_string(),
            command: command(&self.username, self.operation, self.code, times).to_string(),
        }
    }
}

/// The domain's `record_denied_access`; platform knows no commands, so a test of the command service holds the shape.
pub fn command(username: &Username, operation: &str, code: &str, times: u32) -> serde_json::Value {
    serde_json::json!({
        "command": "record_denied_access",
        "body": { "username": username, "operation": operation, "code": code, "times": times },
    })
}

/// The ids stay the same when this is repeated, so that a row whose outcome was unknown is not doubled.
async fn insert(pool: &PgPool, rows: &[Row]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let tenants: Vec<&str> = rows.iter().map(|row| row.tenant.as_str()).collect();
    let commands: Vec<&str> = rows.iter().map(|row| row.command.as_str()).collect();
    sqlx::query(
        "insert into command_inbox (id, tenant, command, actor)
         select id, tenant, command::json, $4 from unnest($1::uuid[], $2::text[], $3::text[]) as r(id, tenant, command)
         on conflict do nothing",
    )
    .bind(ids)
    .bind(tenants)
    .bind(commands)
    .bind(ACTOR)
    .execute(pool)
    .await
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use schemas::events::admin::Role;

    use super::*;

    fn who(username: &str) -> Principal {
        Principal {
            tenant: TenantId::new("t1").unwrap(),
            username: Username::new(username).unwrap(),
            role: Role::Cashier,
            session_version: 1,
            terminal: None,
        }
    }

    fn times(rows: &[Row]) -> Vec<u64> {
        let read = |row: &Row| serde_json::from_str::<serde_json::Value>(&row.command).unwrap();
        rows.iter()
            .map(|row| read(row)["body"]["times"].as_u64().unwrap())
            .collect()
    }

    #[test]
    fn the_first_denial_is_written_at_once_and_the_rest_of_the_half_minute_together() {
        let (log, start) = (DenialLog::new(), Instant::now());
        log.note(&who("ana"), "create_user", "auth.role_forbidden");
        assert_eq!(times(&log.due(start, false)), [1]);
        for _ in 0..5_000 {
            log.note(&who("ana"), "create_user", "auth.role_forbidden");
        }
        assert!(log.due(start + TOGETHER / 2, false).is_empty());
        assert_eq!(times(&log.due(start + TOGETHER, false)), [5_000]);
        assert!(log.due(start + TOGETHER * 2, false).is_empty());
        assert!(
            log.counts.lock().unwrap().is_empty(),
            "what stood still is forgotten"
        );
    }

    #[test]
    fn users_and_operations_count_apart_and_the_last_look_takes_everything() {
        let (log, start) = (DenialLog::new(), Instant::now());
        log.note(&who("ana"), "create_user", "auth.role_forbidden");
        log.note(&who("ana"), "open_store", "auth.role_forbidden");
        log.note(&who("eva"), "create_user", "auth.role_forbidden");
        assert_eq!(times(&log.due(start, false)), [1, 1, 1]);
        log.note(&who("eva"), "create_user", "auth.role_forbidden");
        assert_eq!(times(&log.due(start, true)), [1]);
    }

    #[test]
    fn memory_stays_bounded_and_what_is_not_recorded_is_counted() {
        let log = DenialLog::new();
        let before = log.unrecorded.get();
        for number in 0..=COUNTED_MAX {
            log.note(
                &who(&format!("user-{number}")),
                "create_user",
                "auth.role_forbidden",
            );
        }
        assert_eq!(log.counts.lock().unwrap().len(), COUNTED_MAX);
        assert_eq!(log.unrecorded.get(), before + 1);
    }
}
