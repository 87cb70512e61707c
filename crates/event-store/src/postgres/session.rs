//! The owner's one session: a direct connection that holds the lease.
//!
//! The lease is a session advisory lock, so it lives exactly as long as the connection that appends: no statement of ours
//! can run without it, and holding it again proves that the transaction of a lost connection has ended. Not here: appends.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use schemas::Position;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};

use super::lease::{self, Watch};
use super::writer::WriterOptions;
use super::{append, fault};
use crate::AppendError;
use crate::chain::{Hash, Link};
use crate::staging::Tip;

/// A custom setting given at connecting. Whoever sits in between and pools transactions does not pass it on.
const MARKER: (&str, &str) = ("trastienda.session", "direct");

/// A backend of the server, told apart from a later one with the same process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backend {
    pub pid: i32,
    pub started_at: OffsetDateTime,
}

/// A session that owns the log.
pub(super) struct Session {
    pub connection: PgConnection,
    pub backend: Backend,
    pub tip: Tip,
}

/// A session that does not own the log: it waits for the lease, and looks at who holds it.
pub(super) struct Candidate {
    connection: PgConnection,
    backend: Backend,
    watch: Watch,
    /// The holder that was told to go.
    ended: Option<Backend>,
}

/// What a look at the lease came to.
pub(super) enum Look {
    Taken(Session),
    /// It is free, or its holder is on the way out: worth another look at once.
    Going(Candidate, Option<Backend>),
    /// Somebody else holds it.
    Held(Candidate),
}

/// Connects, with bounded retries.
pub(super) async fn connect_patiently(
    target: &PgConnectOptions,
    options: &WriterOptions,
) -> Result<Candidate, AppendError> {
    let backoff = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(options.connect_retries)
        .with_jitter();
    let (connection, backend) = (|| connect(target, options))
        .retry(backoff)
        .when(|error| matches!(error, AppendError::Unknown(_)))
        .notify(|error, pause| tracing::warn!(%error, ?pause, "the log's connection failed; trying again"))
        .await?;
    Ok(Candidate {
        connection,
        backend,
        watch: Watch::default(),
        ended: None,
    })
}

impl Candidate {
    /// Takes the lease if it is free. If `previous`, our own old session, holds it, that is ended; so is a holder that
    /// has been silent for `silence_limit`, unless that is `None`. A failure costs the connection.
    pub async fn look(
        mut self,
        options: &WriterOptions,
        previous: Option<Backend>,
        silence_limit: Option<Duration>,
    ) -> Result<Look, AppendError> {
        if within(options, lease::try_take(&mut self.connection)).await? {
            return self.take(options).await;
        }
        let Some(sign) = within(options, lease::look(&mut self.connection)).await? else {
            return Ok(Look::Going(self, None));
        };
        if Some(sign.holder) == previous || Some(sign.holder) == self.ended {
            self.end(options, sign.holder).await?;
            return Ok(Look::Going(self, Some(sign.holder)));
        }
        let is_dead = silence_limit.is_some_and(|limit| self.watch.is_silent(sign, Instant::now(), limit));
        if is_dead {
            tracing::warn!(
                backend = sign.holder.pid,
                "the log's owner shows no life; its session is ended"
            );
            self.end(options, sign.holder).await?;
            self.watch.forget();
            self.ended = Some(sign.holder);
            return Ok(Look::Going(self, Some(sign.holder)));
        }
        Ok(Look::Held(self))
    }

    async fn end(&mut self, options: &WriterOptions, backend: Backend) -> Result<(), AppendError> {
        match within(options, end(&mut self.connection, backend)).await {
            // A session of a role that we may not end: that may change, and is no reason to give up standing by.
            Err(AppendError::Unusable(cause)) => Err(AppendError::Unknown(cause.into())),
            ended => ended,
        }
    }

    /// The lease is ours. The server may have been set up otherwise since this session looked at it.
    async fn take(mut self, options: &WriterOptions) -> Result<Look, AppendError> {
        check(&mut self.connection, options).await?;
        let tip = within(options, read_tip(&mut self.connection)).await??;
        Ok(Look::Taken(Session {
            connection: self.connection,
            backend: self.backend,
            tip,
        }))
    }
}

/// One attempt: connect, check the server, prepare the statements.
async fn connect(
    target: &PgConnectOptions,
    options: &WriterOptions,
) -> Result<(PgConnection, Backend), AppendError> {
    let target = with_settings(target, options);
    let mut connection = timeout(options.connect_timeout, PgConnection::connect_with(&target))
        .await
        .map_err(|_| fault::timed_out())?
        .map_err(fault::of_session)?;
    let backend = check(&mut connection, options).await?;
    within(options, append::prepare(&mut connection)).await?;
    Ok((connection, backend))
}

/// Settings of the session. The server notices a dead client within seconds (`tcp_*`, without effect on Unix sockets), so
/// that the lease is not held by a ghost; a plan for any batch size is made once.
fn with_settings(target: &PgConnectOptions, options: &WriterOptions) -> PgConnectOptions {
    target
        .clone()
        .application_name("trastienda-log-writer")
        .options([
            MARKER,
            ("plan_cache_mode", "force_generic_plan"),
            ("jit", "off"),
            ("tcp_keepalives_idle", "3"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "5000"),
        ])
        .options([("statement_timeout", options.statement_timeout.as_millis())])
        .disable_statement_logging()
}

/// Refuses a server on which an acknowledged append could be lost, or where we could not write.
async fn check(connection: &mut PgConnection, options: &WriterOptions) -> Result<Backend, AppendError> {
    let query = "select current_setting('fsync'), current_setting('full_page_writes'),
        current_setting('synchronous_commit'), pg_is_in_recovery(), current_setting('trastienda.session', true),
        has_table_privilege('events', 'insert') and has_table_privilege('commands', 'insert'),
        pid, backend_start
        from pg_stat_activity where pid = pg_backend_pid()";
    let row = within(options, sqlx::query(query).fetch_one(&mut *connection)).await?;
    let text = |index: usize| row.try_get::<Option<String>, _>(index).map_err(fault::of_session);
    let flag = |index: usize| row.try_get::<bool, _>(index).map_err(fault::of_session);
    for (index, setting) in ["fsync", "full_page_writes", "synchronous_commit"]
        .into_iter()
        .enumerate()
    {
        if text(index)?.as_deref() == Some("off") {
            if !options.allow_unsafe_durability {
                return Err(AppendError::Unusable(format!(
                    "the server runs with {setting} = off"
                )));
            }
            tracing::warn!(
                setting,
                "the server may lose acknowledged appends: allowed, since this is a trial"
            );
        }
    }
    if flag(3)? {
        return Err(AppendError::Unusable("the server is a standby".into()));
    }
    let backend = Backend {
        pid: row.try_get(6).map_err(fault::of_session)?,
        started_at: row.try_get(7).map_err(fault::of_session)?,
    };
    let now: i32 = within(
        options,
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection),
    )
    .await?;
    if text(4)?.as_deref() != Some(MARKER.1) || now != backend.pid {
        return Err(AppendError::Unusable(
            "the connection goes through a transaction pooler".into(),
        ));
    }
    if !flag(5)? {
        return Err(AppendError::Unusable(
            "the role may not insert into events and commands".into(),
        ));
    }
    Ok(backend)
}

/// Ends a session on the server: our own lost one, which may not know yet that we are gone, or a dead owner's.
async fn end(connection: &mut PgConnection, backend: Backend) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2",
    )
    .bind(backend.pid)
    .bind(backend.started_at)
    .execute(connection)
    .await
    .map(|_| ())
}

/// Reads the log's end. Only under the lease, or it could move.
async fn read_tip(connection: &mut PgConnection) -> Result<Result<Tip, AppendError>, sqlx::Error> {
    let query = "select position, chain, recorded_at from events order by position desc limit 1";
    let Some(row) = sqlx::query(query).fetch_optional(connection).await? else {
        return Ok(Ok(Tip::EMPTY));
    };
    let position = Position(row.try_get(0)?);
    let Ok(chain) = Hash::try_from(row.try_get::<&[u8], _>(1)?) else {
        return Ok(Err(AppendError::Unusable(format!(
            "the chain value at {position} is not a SHA-256 value"
        ))));
    };
    Ok(Ok(Tip {
        link: Link { position, chain },
        recorded_at: row.try_get(2)?,
    }))
}

/// Waits for the server within the append's limit.
async fn within<T>(
    options: &WriterOptions,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, AppendError> {
    timeout(options.append_timeout, work)
        .await
        .map_err(|_| fault::timed_out())?
        .map_err(fault::of_session)
}
