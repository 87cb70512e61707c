//! One request's view of one tenant's read models: one transaction, one snapshot, one position.
//!
//! Row security does the tenancy; queries name the tenant, too, so that they use their indexes. The pointer to the group
//! of read models is read in the same snapshot, so all of a request comes from one group. Not here: SQL.

use platform::http::Problem;
use schemas::TenantId;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::failure::unavailable;

/// A read-only transaction of one tenant.
pub struct Snapshot {
    transaction: Transaction<'static, Postgres>,
    pub tenant: TenantId,
    /// All read models hold every event up to here, and none behind it.
    pub position: i64,
}

impl Snapshot {
    /// Opens a snapshot on the API role's pool. The tenant, and the schema of the group that serves, are local to the
    /// transaction; a statement that runs longer than ten seconds is given up.
    ///
    /// # Errors
    /// 503 when no connection is free in time or the database fails.
    pub async fn open(pool: &PgPool, tenant: &TenantId) -> Result<Self, Problem> {
        let mut transaction = pool
            .begin_with("begin isolation level repeatable read read only")
            .await
            .map_err(unavailable)?;
        let (_, _, _, position): (String, String, String, i64) = sqlx::query_as(
            "select set_config('trastienda.tenant', $1, true), set_config('statement_timeout', '10s', true),
                    set_config('search_path', quote_ident(schema) || ', public', true), position
             from projection_serving",
        )
        .bind(tenant.as_str())
        .fetch_one(&mut *transaction)
        .await
        .map_err(unavailable)?;
        Ok(Self {
            transaction,
            tenant: tenant.clone(),
            position,
        })
    }

    /// Where queries of this snapshot run.
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
