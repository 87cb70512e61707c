//! Checkpoints: how far a follower of the log has come. One row per follower, moved by compare-and-swap only.

use schemas::Position;
use sqlx::PgConnection;

/// The table. It says nothing about any tenant, so it has no row security; queries read it for `position`. Its first row
/// became that of group 0 (`groups/schema.sql`).
pub const DDL: &str = "create table projection_checkpoint (
  name text primary key, position bigint not null, moved_at timestamptz not null default now());
insert into projection_checkpoint (name, position) values ('serving', 0);
grant select, insert, update, delete on projection_checkpoint to trastienda_engine;
grant select on projection_checkpoint to trastienda_api;";

/// Where a follower is; `None` when it has no row, as a group that was dropped.
///
/// # Errors
/// Any SQL error.
pub async fn read(connection: &mut PgConnection, name: &str) -> Result<Option<Position>, sqlx::Error> {
    let position: Option<i64> =
        sqlx::query_scalar("select position from projection_checkpoint where name = $1")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    Ok(position.map(Position))
}

/// Moves a checkpoint if nobody else has moved it. The row stays locked until the transaction ends, so two instances
/// cannot fold at the same time.
///
/// # Errors
/// Any SQL error. `Ok(false)` means that another instance won.
pub async fn advance(
    connection: &mut PgConnection,
    name: &str,
    from: Position,
    to: Position,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "update projection_checkpoint set position = $3, moved_at = now() where name = $1 and position = $2",
    )
    .bind(name)
    .bind(from.0)
    .bind(to.0)
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}
