//! The processes' tables: a checkpoint each, and their timers. Every move is a compare-and-swap, in bulk.
//!
//! One connection per process, whose commits need no flush of their own: what a crash takes away is older in the same
//! way for checkpoint and timers, and done again from the log under the same command ids.

use std::time::Duration;

use domain::Command;
use schemas::Position;
use schemas::ids::TenantId;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use super::changes::{Changes, Key};

/// Among so many of the oldest due timers tenants take turns.
const DUE_LOOKED_AT: i64 = 10_000;

/// What is to be done when it is due.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// The process is asked.
    Ask,
    Submit(Box<Command>),
    /// A command that this build does not know. Nothing is skipped: another build will.
    Unknown,
}

/// A timer whose time has come.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub tenant: TenantId,
    pub key: String,
    pub position: Position,
    pub attempt: i32,
    pub failures: i32,
    pub due_at: OffsetDateTime,
    pub work: Work,
    /// Trace context of what it goes back to.
    pub traceparent: Option<String>,
    /// Seconds by the database's clock.
    pub late_s: f64,
}

/// What is due, as far as one look goes.
#[derive(Debug, Default)]
pub(super) struct DueNow {
    pub timers: Vec<Due>,
    /// All that are due, at most [`DUE_LOOKED_AT`].
    pub count: i64,
    pub oldest_s: f64,
}

/// What becomes of a timer that was due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Settled {
    Done,
    /// The same timer again, as the next attempt: at this time, but not within the pause.
    Again {
        due_at: OffsetDateTime,
        pause: Duration,
    },
    /// No outcome is known: the same attempt after the pause.
    Postponed {
        pause: Duration,
    },
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: String,
    key: String,
    position: i64,
    attempt: i32,
    failures: i32,
    due_at: OffsetDateTime,
    command: Option<String>,
    traceparent: Option<String>,
    late_s: f64,
    due: i64,
    oldest_s: f64,
}

pub(super) struct Store {
    process: &'static str,
    connection: PgConnection,
}

impl Store {
    /// # Errors
    /// Any SQL error.
    pub async fn open(process: &'static str, mut connection: PgConnection) -> Result<Self, sqlx::Error> {
        // A stopped process must not keep the checkpoint's row locked for ever.
        sqlx::raw_sql(
            "set synchronous_commit = off; set jit = off; set statement_timeout = '30s';
             set idle_in_transaction_session_timeout = '15s';",
        )
        .execute(&mut connection)
        .await?;
        sqlx::query(
            "insert into process_checkpoints (process, position) values ($1, 0) on conflict do nothing",
        )
        .bind(process)
        .execute(&mut connection)
        .await?;
        Ok(Self { process, connection })
    }

    /// How far the process has come.
    ///
    /// # Errors
    /// Any SQL error.
    pub async fn checkpoint(&mut self) -> Result<Position, sqlx::Error> {
        sqlx::query_scalar("select position from process_checkpoints where process = $1")
            .bind(self.process)
            .fetch_one(&mut self.connection)
            .await
            .map(Position)
    }

    /// Moves the checkpoint and the timers together; `false` when another instance has moved it.
    ///
    /// # Errors
    /// Any SQL error.
    pub async fn advance(
        &mut self,
        (from, to): (Position, Position),
        changes: Changes,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.connection.begin().await?;
        let moved = sqlx::query(
            "update process_checkpoints set position = $2, moved_at = now() where process = $1 and position = $3",
        )
        .bind(self.process)
        .bind(to.0)
        .bind(from.0)
        .execute(&mut *transaction)
        .await?;
        if moved.rows_affected() != 1 {
            transaction.rollback().await?;
            return Ok(false);
        }
        apply(&mut transaction, self.process, changes).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Timers whose time has come by the database's clock, at most `max`, tenants in turns.
    ///
    /// # Errors
    /// Any SQL error.
    pub async fn due(&mut self, max: usize) -> Result<DueNow, sqlx::Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "select tenant, key, position, attempt, failures, due_at, command::text as command, traceparent,
                    extract(epoch from now() - due_at)::float8 as late_s, count(*) over () as due,
                    extract(epoch from now() - min(due_at) over ())::float8 as oldest_s
             from (select * from process_timers where process = $1 and due_at <= now() order by due_at limit $2) oldest
             order by row_number() over (partition by tenant order by due_at, key), due_at limit $3",
        )
        .bind(self.process)
        .bind(DUE_LOOKED_AT)
        .bind(i64::try_from(max).unwrap_or(i64::MAX))
        .fetch_all(&mut self.connection)
        .await?;
        let (count, oldest_s) = rows.first().map_or((0, 0.0), |row| (row.due, row.oldest_s));
        let timers = rows.into_iter().map(Due::try_from).collect::<Result<_, _>>()?;
        Ok(DueNow {
            timers,
            count,
            oldest_s,
        })
    }

    /// Settles timers that are still as they were found, and applies what else came of them. That the latter happens
    /// even when another instance was faster does no harm: whatever it sets again has the ids of commands that are
    /// answered already.
    ///
    /// # Errors
    /// Any SQL error.
    pub async fn settle(&mut self, settled: &[(Due, Settled)], changes: Changes) -> Result<(), sqlx::Error> {
        let mut transaction = self.connection.begin().await?;
        let rows: Vec<SettledRow> = settled.iter().map(SettledRow::from).collect();
        sqlx::query(
            "with u as (select * from unnest($2::text[], $3::text[], $4::bigint[], $5::int[], $6::int[], $7::bool[])
                        as u(tenant, key, position, attempt, failures, is_done) where is_done)
             delete from process_timers t using u where t.process = $1 and t.tenant = u.tenant and t.key = u.key
               and t.position = u.position and t.attempt = u.attempt and t.failures = u.failures",
        )
        .bind(self.process)
        .bind(column(&rows, |row| row.tenant))
        .bind(column(&rows, |row| row.key))
        .bind(column(&rows, |row| row.position))
        .bind(column(&rows, |row| row.attempt))
        .bind(column(&rows, |row| row.failures))
        .bind(column(&rows, |row| row.is_done))
        .execute(&mut *transaction)
        .await?;
        if rows.iter().any(|row| !row.is_done) {
            sqlx::query(
                "with u as (select * from unnest($2::text[], $3::text[], $4::bigint[], $5::int[], $6::int[],
                              $7::bool[], $8::int[], $9::int[], $10::timestamptz[], $11::bigint[])
                            as u(tenant, key, position, attempt, failures, is_done, next_attempt, next_failures, due_at,
                                 pause_ms) where not is_done)
                 update process_timers t set attempt = u.next_attempt, failures = u.next_failures,
                   due_at = greatest(u.due_at, now() + u.pause_ms * interval '1 millisecond')
                 from u where t.process = $1 and t.tenant = u.tenant and t.key = u.key and t.position = u.position
                   and t.attempt = u.attempt and t.failures = u.failures",
            )
            .bind(self.process)
            .bind(column(&rows, |row| row.tenant))
            .bind(column(&rows, |row| row.key))
            .bind(column(&rows, |row| row.position))
            .bind(column(&rows, |row| row.attempt))
            .bind(column(&rows, |row| row.failures))
            .bind(column(&rows, |row| row.is_done))
            .bind(column(&rows, |row| row.next_attempt))
            .bind(column(&rows, |row| row.next_failures))
            .bind(column(&rows, |row| row.due_at))
            .bind(column(&rows, |row| row.pause_ms))
            .execute(&mut *transaction)
            .await?;
        }
        apply(&mut transaction, self.process, changes).await?;
        transaction.commit().await
    }
}

/// One settlement as the statements take it.
struct SettledRow<'a> {
    tenant: &'a str,
    key: &'a str,
    position: i64,
    attempt: i32,
    failures: i32,
    is_done: bool,
    next_attempt: i32,
    next_failures: i32,
    due_at: OffsetDateTime,
    pause_ms: i64,
}

impl<'a> From<&'a (Due, Settled)> for SettledRow<'a> {
    fn from((due, settled): &'a (Due, Settled)) -> Self {
        let (attempt, failures) = (due.attempt, due.failures);
        let (next_attempt, next_failures, due_at, pause) = match *settled {
            Settled::Done => (attempt, failures, due.due_at, Duration::ZERO),
            Settled::Again { due_at, pause } => (attempt.saturating_add(1), 0, due_at, pause),
            Settled::Postponed { pause } => (attempt, failures.saturating_add(1), due.due_at, pause),
        };
        Self {
            tenant: due.tenant.as_str(),
            key: &due.key,
            position: due.position.0,
            attempt,
            failures,
            is_done: *settled == Settled::Done,
            next_attempt,
            next_failures,
            due_at,
            pause_ms: i64::try_from(pause.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

fn column<'a, T>(rows: &[SettledRow<'a>], value: impl Fn(&SettledRow<'a>) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

impl TryFrom<Row> for Due {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let work = match row.command.as_deref().map(serde_json::from_str) {
            None => Work::Ask,
            Some(Ok(command)) => Work::Submit(Box::new(command)),
            Some(Err(error)) => {
                tracing::error!(%error, key = row.key, "a process's command is none that this build knows");
                Work::Unknown
            }
        };
        Ok(Self {
            tenant: TenantId::new(&row.tenant).map_err(|error| sqlx::Error::Decode(error.into()))?,
            key: row.key,
            position: Position(row.position),
            attempt: row.attempt,
            failures: row.failures,
            due_at: row.due_at,
            work,
            traceparent: row.traceparent,
            late_s: row.late_s,
        })
    }
}

/// Takes timers away and sets others. What an event of an earlier position says does not undo what a later one said.
async fn apply(
    connection: &mut PgConnection,
    process: &'static str,
    changes: Changes,
) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let (gone, set) = changes.split();
    let tenant = |key: &Key| key.0.as_str().to_owned();
    let name = |key: &Key| key.1.clone();
    if !gone.is_empty() {
        sqlx::query(
            "delete from process_timers t
             using unnest($2::text[], $3::text[], $4::bigint[]) as u(tenant, key, position)
             where t.process = $1 and t.tenant = u.tenant and t.key = u.key and t.position <= u.position",
        )
        .bind(process)
        .bind(gone.iter().map(|(key, _)| tenant(key)).collect::<Vec<_>>())
        .bind(gone.iter().map(|(key, _)| name(key)).collect::<Vec<_>>())
        .bind(gone.iter().map(|(_, position)| position.0).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    if set.is_empty() {
        return Ok(());
    }
    let mut commands = Vec::with_capacity(set.len());
    for (_, _, timer) in &set {
        let text = timer.command.as_ref().map(serde_json::to_string).transpose();
        commands.push(text.map_err(|error| sqlx::Error::Encode(error.into()))?);
    }
    sqlx::query(
        "insert into process_timers (process, tenant, key, position, due_at, command, traceparent)
         select $1, u.tenant, u.key, u.position, coalesce(u.due_at, now()), u.command::json, u.traceparent
         from unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[])
           as u(tenant, key, position, due_at, command, traceparent)
         on conflict (process, tenant, key) do update set position = excluded.position, due_at = excluded.due_at,
           attempt = 0, failures = 0, command = excluded.command, traceparent = excluded.traceparent
           where process_timers.position <= excluded.position",
    )
    .bind(process)
    .bind(set.iter().map(|(key, ..)| tenant(key)).collect::<Vec<_>>())
    .bind(set.iter().map(|(key, ..)| name(key)).collect::<Vec<_>>())
    .bind(set.iter().map(|(_, position, _)| position.0).collect::<Vec<_>>())
    .bind(set.iter().map(|(_, _, timer)| timer.due_at).collect::<Vec<_>>())
    .bind(commands)
    .bind(
        set.iter()
            .map(|(_, _, timer)| timer.traceparent.clone())
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await
    .map(|_| ())
}
