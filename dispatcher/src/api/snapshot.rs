//! One request's view of one tenant's endpoints and deliveries: one transaction, one snapshot, one position.

use std::time::Duration;

use platform::http::{PageRequest, Problem, codes, projection_behind};
use schemas::TenantId;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

/// How long `min_position` is waited for.
const WAIT: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

/// A read-only transaction of one tenant.
pub struct Snapshot {
    transaction: Transaction<'static, Postgres>,
    /// Every event up to here has been matched, and none behind it.
    pub position: i64,
}

impl Snapshot {
    /// Opens a snapshot that holds at least `min_position`.
    ///
    /// # Errors
    /// 503 when matching has not come that far in time, no connection is free, or the database fails.
    pub async fn open(pool: &PgPool, tenant: &TenantId, min_position: Option<i64>) -> Result<Self, Problem> {
        let deadline = tokio::time::Instant::now() + WAIT;
        loop {
            let snapshot = Self::open_now(pool, tenant).await.map_err(unavailable)?;
            let wanted = min_position.unwrap_or(0);
            if snapshot.position >= wanted {
                return Ok(snapshot);
            }
            let reached = snapshot.position;
            snapshot.close().await?;
            if tokio::time::Instant::now() >= deadline {
                return Err(projection_behind(wanted, reached));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn open_now(pool: &PgPool, tenant: &TenantId) -> Result<Self, sqlx::Error> {
        let mut transaction = pool
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        let (_, _, position): (String, String, Option<i64>) = sqlx::query_as(
            "select set_config('trastienda.tenant', $1, true), set_config('statement_timeout', '10s', true),
                    (select position from dispatcher_checkpoint where name = 'matcher')",
        )
        .bind(tenant.as_str())
        .fetch_one(&mut *transaction)
        .await?;
        Ok(Self {
            transaction,
            position: position.unwrap_or(0),
        })
    }

    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Gives the connection back.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn close(self) -> Result<(), Problem> {
        self.transaction.commit().await.map_err(unavailable)
    }
}

/// A database that failed: logged here, told without its words.
pub fn unavailable(error: sqlx::Error) -> Problem {
    tracing::error!(%error, "a query failed");
    Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(1)
}

/// 404, for what does not exist and for what belongs to another tenant alike.
pub fn not_found() -> Problem {
    Problem::new(&codes::NOT_FOUND)
}

/// What a page continues after, by number, with 0 at its start.
pub fn after(page: &PageRequest<i64>) -> i64 {
    page.after.unwrap_or(0)
}
