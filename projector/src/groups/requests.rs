//! What an operator asks of the read models: a row that the leading projector carries out, so that it works whichever
//! process leads and however often it is killed meanwhile.

use sqlx::{FromRow, PgConnection};

/// The phase of a request that nobody has taken up.
pub const WAITING: &str = "waiting";

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Fill a new group beside the serving one, compare, and switch to it if nothing differs.
    Rebuild,
    /// Compare a group that is kept, and switch to it.
    Switch,
    /// Switch to the group that served before, without a comparison.
    SwitchBack,
    /// Drop a group that is not serving.
    Drop,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Action::Rebuild => "rebuild",
            Action::Switch => "switch",
            Action::SwitchBack => "switch_back",
            Action::Drop => "drop",
        }
    }

    fn of(text: &str) -> Result<Self, sqlx::Error> {
        [Action::Rebuild, Action::Switch, Action::SwitchBack, Action::Drop]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| sqlx::Error::Decode(format!("unknown action {text}").into()))
    }
}

/// What is asked for, before it has a number.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub action: Action,
    /// The group to switch to or to drop; without it the newest that fits.
    pub group: Option<i32>,
    /// Switch even if the comparison finds differences.
    pub force: bool,
    /// Stop before the switch.
    pub hold: bool,
}

impl Wish {
    pub fn new(action: Action) -> Self {
        Self {
            action,
            group: None,
            force: false,
            hold: false,
        }
    }
}

/// An open request.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub id: i64,
    pub wish: Wish,
}

/// How far a request is.
#[derive(Debug, Clone, FromRow)]
pub struct Progress {
    pub phase: String,
    /// Absent while it is open.
    pub ok: Option<bool>,
    pub outcome: Option<String>,
}

/// Asks.
///
/// # Errors
/// Any SQL error.
pub async fn submit(connection: &mut PgConnection, wish: Wish) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "insert into projection_requests (action, group_id, force, hold) values ($1, $2, $3, $4) returning id",
    )
    .bind(wish.action.as_str())
    .bind(wish.group)
    .bind(wish.force)
    .bind(wish.hold)
    .fetch_one(connection)
    .await
}

/// The oldest open request.
///
/// # Errors
/// Any SQL error.
pub async fn next(connection: &mut PgConnection) -> Result<Option<Request>, sqlx::Error> {
    let row: Option<(i64, String, Option<i32>, bool, bool)> = sqlx::query_as(
        "select id, action, group_id, force, hold from projection_requests where done_at is null order by id limit 1",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|(id, action, group, force, hold)| {
        let action = Action::of(&action)?;
        Ok(Request {
            id,
            wish: Wish {
                action,
                group,
                force,
                hold,
            },
        })
    })
    .transpose()
}

/// How far a request is; `None` when there is none of this number.
///
/// # Errors
/// Any SQL error.
pub async fn progress(connection: &mut PgConnection, id: i64) -> Result<Option<Progress>, sqlx::Error> {
    sqlx::query_as("select phase, ok, outcome from projection_requests where id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await
}

/// Notes the group that a request works on, so that whoever carries on after a kill takes the same one.
///
/// # Errors
/// Any SQL error.
pub async fn assign(connection: &mut PgConnection, id: i64, group: i32) -> Result<(), sqlx::Error> {
    sqlx::query("update projection_requests set group_id = $2 where id = $1")
        .bind(id)
        .bind(group)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Notes what is being done.
///
/// # Errors
/// Any SQL error.
pub async fn enter(connection: &mut PgConnection, id: i64, phase: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update projection_requests set phase = $2 where id = $1 and phase <> $2")
        .bind(id)
        .bind(phase)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Closes a request, once.
///
/// # Errors
/// Any SQL error.
pub async fn finish(
    connection: &mut PgConnection,
    id: i64,
    ok: bool,
    outcome: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update projection_requests set phase = 'done', done_at = now(), ok = $2, outcome = $3
         where id = $1 and done_at is null",
    )
    .bind(id)
    .bind(ok)
    .bind(outcome)
    .execute(connection)
    .await
    .map(|_| ())
}
