//! One request's view of one tenant's read models: one transaction, one snapshot, one position.
//!
//! Row security does the tenancy; queries name the tenant, too, so that they use their indexes. The pointer to the group
//! of read models is read in the same snapshot, so all of a request comes from one group. Not here: the
//! SQL of the reads.

use platform::http::{JsonAnswer, Problem};
use schemas::TenantId;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgPool, Postgres, Transaction};

use crate::api::At;
use crate::failure::{not_found, unavailable};

/// A statement with its values, whose rows are read as `T`.
pub type Statement<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

/// What a row can be read as.
pub trait Row: for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

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

    /// All rows of a statement, which says itself how many there are at most.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn rows<T: Row>(&mut self, statement: Statement<'_, T>) -> Result<Vec<T>, Problem> {
        let rows = statement.fetch_all(&mut *self.transaction).await;
        rows.map_err(unavailable)
    }

    /// The one row of a statement that cannot but have one.
    ///
    /// # Errors
    /// 503 when the database fails, or has none.
    pub async fn row<T: Row>(&mut self, statement: Statement<'_, T>) -> Result<T, Problem> {
        let row = statement.fetch_one(&mut *self.transaction).await;
        row.map_err(unavailable)
    }

    /// The row of a statement, if there is one.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn row_if_any<T: Row>(&mut self, statement: Statement<'_, T>) -> Result<Option<T>, Problem> {
        let row = statement.fetch_optional(&mut *self.transaction).await;
        row.map_err(unavailable)
    }

    /// The row of the thing that was asked for.
    ///
    /// # Errors
    /// 404 when there is none; 503 when the database fails.
    pub async fn row_or_404<T: Row>(&mut self, statement: Statement<'_, T>) -> Result<T, Problem> {
        self.row_if_any(statement).await?.ok_or_else(not_found)
    }

    /// Gives the connection back and answers with one thing as it was here.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn answer<T>(self, value: T) -> Result<JsonAnswer<At<T>>, Problem> {
        let position = self.position;
        self.close().await?;
        Ok(JsonAnswer(At { value, position }))
    }

    /// Gives the connection back.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn close(self) -> Result<(), Problem> {
        self.transaction.commit().await.map_err(unavailable)
    }
}
