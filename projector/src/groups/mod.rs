//! Groups: all read models of one build, filled to one checkpoint, in a schema of their own. A pointer row names the
//! group that queries read (docs/adr/0016-read-models-live-in-groups.md).
//!
//! Not here: filling them (`runner`, `follower`), and what operators ask for (`requests`, `rebuild`).

pub mod compare;
pub mod requests;
mod schema;
pub mod status;
pub mod switch;

use std::time::Duration;

use schemas::Position;
use sqlx::{FromRow, PgConnection};

pub use schema::{fingerprint, migrations};

/// A group that is there.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Group {
    pub id: i32,
    /// Where its tables are, and the name of its checkpoint.
    pub schema: String,
    /// The models and their versions; a build folds only into groups of its own.
    pub fingerprint: String,
    /// Whether it has its indexes; a bulk load goes without.
    pub indexed: bool,
    /// Whether queries have read it and do not any more.
    pub is_retired: bool,
}

impl Group {
    /// Whether this build can fold events into it.
    pub fn is_ours(&self) -> bool {
        self.fingerprint == fingerprint()
    }
}

/// The pointer row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Pointer {
    /// The group that queries read.
    pub serving: i32,
    /// The one that they read before.
    pub previous: Option<i32>,
}

/// Reads the pointer.
///
/// # Errors
/// Any SQL error.
pub async fn pointer(connection: &mut PgConnection) -> Result<Pointer, sqlx::Error> {
    sqlx::query_as("select serving, previous from projection_pointer")
        .fetch_one(connection)
        .await
}

/// The group that queries read.
///
/// # Errors
/// Any SQL error.
pub async fn serving(connection: &mut PgConnection) -> Result<Group, sqlx::Error> {
    sqlx::query_as(
        "select g.id, g.schema, g.fingerprint, g.indexed, g.retired_at is not null as is_retired
         from projection_pointer p join projection_groups g on g.id = p.serving",
    )
    .fetch_one(connection)
    .await
}

/// Every group that is there, by number.
///
/// # Errors
/// Any SQL error.
pub async fn live(connection: &mut PgConnection) -> Result<Vec<Group>, sqlx::Error> {
    sqlx::query_as(
        "select id, schema, fingerprint, indexed, retired_at is not null as is_retired
         from projection_groups where dropped_at is null order by id",
    )
    .fetch_all(connection)
    .await
}

/// Where queries are: the serving group's checkpoint.
///
/// # Errors
/// Any SQL error.
pub async fn serving_position(connection: &mut PgConnection) -> Result<Position, sqlx::Error> {
    sqlx::query_scalar("select position from projection_serving")
        .fetch_one(connection)
        .await
        .map(Position)
}

/// Creates an empty group of this build.
///
/// # Errors
/// Any SQL error.
pub async fn create(connection: &mut PgConnection) -> Result<Group, sqlx::Error> {
    let id: i32 = sqlx::query_scalar("select projection_group_create($1)")
        .bind(fingerprint())
        .fetch_one(&mut *connection)
        .await?;
    let groups = live(connection).await?;
    let group = groups.into_iter().find(|group| group.id == id);
    group.ok_or(sqlx::Error::RowNotFound)
}

/// Adds indexes and statistics after the bulk load. Writers wait meanwhile.
///
/// # Errors
/// Any SQL error.
pub async fn index(connection: &mut PgConnection, group: &Group) -> Result<(), sqlx::Error> {
    sqlx::query("select projection_group_index($1)")
        .bind(group.id)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Groups that queries have left long enough ago and nobody can switch back to.
///
/// # Errors
/// Any SQL error.
pub async fn outlived(connection: &mut PgConnection, after: Duration) -> Result<Vec<i32>, sqlx::Error> {
    sqlx::query_scalar(
        "select g.id from projection_groups g, projection_pointer p
         where g.dropped_at is null and g.retired_at <= clock_timestamp() - make_interval(secs => $1)
           and g.id <> p.serving and g.id is distinct from p.previous",
    )
    .bind(after.as_secs_f64())
    .fetch_all(connection)
    .await
}

/// Drops a group that is not serving.
///
/// # Errors
/// Any SQL error; one of them says that it serves.
pub async fn drop_group(connection: &mut PgConnection, id: i32) -> Result<(), sqlx::Error> {
    sqlx::query("select projection_group_drop($1)")
        .bind(id)
        .execute(connection)
        .await
        .map(|_| ())
}
