//! What there is, for people who look.

use sqlx::{AssertSqlSafe, FromRow, PgConnection};

/// One group.
#[derive(Debug, Clone, FromRow)]
pub struct GroupLine {
    pub id: i32,
    pub schema: String,
    /// `serving`, `previous`, `retired` (about to be dropped), `candidate`, or `foreign` when it is of another build.
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
    let lines: Vec<GroupLine> = sqlx::query_as(
        "select g.id, g.schema, c.position, g.differences, g.report,
           case when g.id = p.serving then 'serving' when g.id = p.previous then 'previous'
                when g.retired_at is not null then 'retired'
                when g.fingerprint <> s.fingerprint then 'foreign' else 'candidate' end as role
         from projection_groups g join projection_checkpoint c on c.name = g.schema
         cross join projection_pointer p join projection_groups s on s.id = p.serving
         where g.dropped_at is null order by g.id",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut answer = Vec::with_capacity(lines.len());
    for mut line in lines {
        // The schema's name is the product's own.
        let frozen = format!("select count(*) from {}.projection_poison", line.schema);
        let counted = sqlx::query_scalar(AssertSqlSafe(frozen));
        line.frozen = match counted.fetch_one(&mut *connection).await {
            Ok(frozen) => frozen,
            // It was dropped meanwhile.
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(error),
        };
        answer.push(line);
    }
    Ok(answer)
}

fn is_absent(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "42P01")
}

/// Every request that is not done, oldest first.
///
/// # Errors
/// Any SQL error.
pub async fn open_requests(connection: &mut PgConnection) -> Result<Vec<RequestLine>, sqlx::Error> {
    sqlx::query_as(
        "select id, action, phase from projection_requests where done_at is null order by id limit 100",
    )
    .fetch_all(connection)
    .await
}
