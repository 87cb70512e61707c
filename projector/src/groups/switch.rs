//! Moving the pointer: one transaction, in which both groups stand at one position. So no query that read the one
//! finds the other behind it.

use platform::failpoint;
use schemas::Position;
use sqlx::{Connection, PgConnection};

use super::Group;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    Done,
    /// The groups do not stand at one position; nothing has changed.
    Apart,
    /// Another instance moved the pointer; nothing has changed.
    Overtaken,
}

/// Moves the pointer from one group to another and closes the request that asked for it.
///
/// # Errors
/// Any SQL error.
pub async fn switch(
    connection: &mut PgConnection,
    from: &Group,
    to: &Group,
    request: Option<i64>,
) -> Result<Switch, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // What an operator is told must survive a crash; followers commit without waiting for the disk.
    sqlx::query("set local synchronous_commit = on")
        .execute(&mut *transaction)
        .await?;
    let positions: Vec<(String, i64)> = sqlx::query_as(
        "select name, position from projection_checkpoint where name in ($1, $2) order by name for update",
    )
    .bind(&from.schema)
    .bind(&to.schema)
    .fetch_all(&mut *transaction)
    .await?;
    let of = |group: &Group| positions.iter().find(|(name, _)| *name == group.schema);
    // A group of another build stands still, so passing it is all that is needed.
    let position = match (of(from), of(to)) {
        (Some((_, old)), Some((_, new))) if new == old || (new > old && !from.is_ours()) => *new,
        _ => {
            transaction.rollback().await?;
            return Ok(Switch::Apart);
        }
    };
    let moved = sqlx::query(
        "update projection_pointer set previous = serving, serving = $2, switched_at = now(), switched_position = $3
         where serving = $1",
    )
    .bind(from.id)
    .bind(to.id)
    .bind(position)
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() != 1 {
        transaction.rollback().await?;
        return Ok(Switch::Overtaken);
    }
    sqlx::query(
        "update projection_groups set retired_at = case when id = $1 then now() end where id in ($1, $2)",
    )
    .bind(from.id)
    .bind(to.id)
    .execute(&mut *transaction)
    .await?;
    if let Some(request) = request {
        let outcome = format!(
            "queries read group {} since position {}",
            to.id,
            Position(position)
        );
        super::requests::finish(&mut transaction, request, true, &outcome).await?;
    }
    failpoint::reached(failpoint::REBUILD_SWITCH);
    transaction.commit().await?;
    Ok(Switch::Done)
}
