//! The owner's sign of life: a row that counts up while its session holds the lease.
//!
//! On a connection of its own, so that a long append does not hold it up. Whether the process behind it makes progress is
//! for the caller to judge: a beat is only sent when somebody sends it.

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::watch;
use tokio::time::timeout;

use super::fault;
use super::session::Backend;
use crate::{Heartbeat, ReadError};

/// A beat that takes longer is given up, and its connection with it: the next one is more use.
const BEAT_LIMIT: Duration = Duration::from_secs(2);

/// Only for a session that is still there: whoever lost the lease without knowing must not speak over the new owner.
const BEAT: &str = "insert into engine_owner (id, instance, backend_pid, backend_start, beats, beat_at)
    select 1, $1, pid, backend_start, 1, clock_timestamp() from pg_stat_activity
    where pid = $2 and backend_start = $3
    on conflict (id) do update set instance = excluded.instance, backend_pid = excluded.backend_pid,
      backend_start = excluded.backend_start, beats = engine_owner.beats + 1, beat_at = excluded.beat_at";

/// Speaks for the session that its writer holds the lease with.
pub struct PostgresHeartbeat {
    target: PgConnectOptions,
    instance: String,
    owner: watch::Receiver<Option<Backend>>,
    connection: Option<PgConnection>,
}

impl PostgresHeartbeat {
    pub(super) fn new(
        target: &PgConnectOptions,
        instance: &str,
        owner: watch::Receiver<Option<Backend>>,
    ) -> Self {
        let target = target
            .clone()
            .application_name("trastienda-log-heartbeat")
            // A beat that a crash of the server loses is no loss, and need not wait for the disk.
            .options([("synchronous_commit", "off")]);
        Self {
            target,
            instance: instance.to_owned(),
            owner,
            connection: None,
        }
    }

    async fn beat_for(&mut self, owner: Backend) -> Result<bool, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.target).await?,
        };
        let done = sqlx::query(BEAT)
            .bind(&self.instance)
            .bind(owner.pid)
            .bind(owner.started_at)
            .execute(&mut connection)
            .await?;
        self.connection = Some(connection);
        Ok(done.rows_affected() > 0)
    }
}

impl Heartbeat for PostgresHeartbeat {
    async fn beat(&mut self) -> Result<bool, ReadError> {
        let Some(owner) = *self.owner.borrow() else {
            return Ok(false);
        };
        timeout(BEAT_LIMIT, self.beat_for(owner))
            .await
            .map_err(|_| ReadError::Unavailable("the database did not answer in time".into()))?
            .map_err(fault::of_read)
    }
}
