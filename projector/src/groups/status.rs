//! What there is, for people who look.

use sqlx::{AssertSqlSafe, FromRow, PgConnection};

/// One group.
#[derive(Debug, Clone, FromRow)]
pub struct GroupLine {
    pub id: i32,
    pub schema: String,
    /// `serving`, `previous`, `candidate`, or `foreign` when it is of another build.
    pub role: String,
    pub position: i64,
    /// How many rows are frozen.
    #[sqlx(skip)]
    pub frozen: i64,
    /// What its last comparison with the serving group found.
    pub differences: Option<i64>,
    pub report: Option<String>,
}

/// A request that is not done.
#[derive(Debug, Clone, FromRow)]
pub struct RequestLine {
    pub id: i64,
    pub action: String,
    pub phase: String,
}

/// Every group that is there.
///
/// # Errors
/// Any SQL error.
pub async fn groups(connection: &mut PgConnection) -> Result<Vec<GroupLine>, sqlx::Error> {
    let mut lines: Vec<GroupLine> = sqlx::query_as(
        "select g.id, g.schema, c.position, g.differences, g.report,
           case when g.id = p.serving then 'serving' when g.id = p.previous then 'previous'
                when g.fingerprint <> s.fingerprint then 'foreign' else 'candidate' end as role
         from projection_groups g join projection_checkpoint c on c.name = g.schema
         cross join projection_pointer p join projection_groups s on s.id = p.serving
         where g.dropped_at is null order by g.id",
    )
    .fetch_all(&mut *connection)
    .await?;
    for line in &mut lines {
        // The schema's name is the product's own.
        let frozen = format!("select count(*) from {}.projection_poison", line.schema);
        line.frozen = sqlx::query_scalar(AssertSqlSafe(frozen))
            .fetch_one(&mut *connection)
            .await?;
    }
    Ok(lines)
}

/// Every request that is not done, oldest first.
///
/// # Errors
/// Any SQL error.
pub async fn open_requests(connection: &mut PgConnection) -> Result<Vec<RequestLine>, sqlx::Error> {
    sqlx::query_as("select id, action, phase from projection_requests where done_at is null order by id limit 100")
        .fetch_all(connection)
        .await
}
