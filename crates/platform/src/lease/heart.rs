//! The heartbeat of one lease: a counter that grows while the process runs. A counter and not a time, so that no
//! clock has to be right.
//!
//! On a connection of its own: the lease's may be in the middle of a long transaction, whose beats nobody would see.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{BEAT_EVERY, Backend, connect};

/// The pause after a beat that failed.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Beats until it is dropped.
pub(super) struct Heart {
    /// Holds the one task, and ends it when it is dropped.
    _task: JoinSet<()>,
    lost: CancellationToken,
}

impl Heart {
    pub(super) fn start(pool: PgPool, key: i64, backend: Backend) -> Self {
        let lost = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(keep_beating(pool, key, backend, lost.clone()));
        Self { _task: task, lost }
    }

    pub(super) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// As if the process were stopped.
    #[cfg(test)]
    pub(super) fn stop(&mut self) {
        self._task.abort_all();
    }
}

async fn keep_beating(pool: PgPool, key: i64, backend: Backend, lost: CancellationToken) {
    loop {
        match beat_on_one_connection(&pool, key, backend).await {
            Ok(()) => {
                tracing::warn!(key, "a lease was lost to another instance");
                lost.cancel();
                return;
            }
            Err(error) => {
                tracing::debug!(%error, key, "a heartbeat failed");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Comes back without an error once the lease is another's.
async fn beat_on_one_connection(pool: &PgPool, key: i64, backend: Backend) -> Result<(), sqlx::Error> {
    let mut connection = connect(pool).await?;
    // A beat that is lost in a crash is lost together with the lease.
    sqlx::query("set synchronous_commit = off")
        .execute(&mut connection)
        .await?;
    while beat(&mut connection, key, backend).await? {
        tokio::time::sleep(BEAT_EVERY).await;
    }
    Ok(())
}

async fn beat(connection: &mut PgConnection, key: i64, backend: Backend) -> Result<bool, sqlx::Error> {
    let beaten = sqlx::query(
        "update leases set beats = beats + 1, beat_at = now()
         where key = $1 and pid = $2 and backend_start = $3",
    )
    .bind(key)
    .bind(backend.pid)
    .bind(backend.started_at)
    .execute(connection)
    .await?;
    Ok(beaten.rows_affected() == 1)
}
