//! Pages of a feed: leased to one poller at a time, or only looked at.
//!
//! A lease moves the row's due time into the future, on the database's clock; a poller that dies loses nothing, since
//! the row comes due again. Any number of pollers lease beside each other (`skip locked`). Not here: what an event
//! looks like (`items`).

use sqlx::{AssertSqlSafe, FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

/// Where an event of a feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Sent,
    Failed,
}

impl Status {
    /// As S1 writes it, and as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::Sent => "SENT",
            Status::Failed => "FAILED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Status::Pending, Status::Sent, Status::Failed]
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(text))
    }
}

/// What a poller asks for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub connector: i64,
    pub entity: Option<String>,
    pub status: Option<Status>,
    /// Rows.
    pub limit: i64,
}

/// One row, as it is after it was handed out.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Row {
    pub sequence: i64,
    pub position: i64,
    pub event_id: Uuid,
    pub status: String,
    pub attempts: i32,
    pub failures: i32,
    #[sqlx(rename = "final")]
    pub is_final: bool,
    pub detail: Option<String>,
    pub due_at: Option<OffsetDateTime>,
    pub leased_until: Option<OffsetDateTime>,
    pub settled_at: Option<OffsetDateTime>,
}

const COLUMNS: &str = "f.sequence, f.position, f.event_id, f.status, f.attempts, f.failures, f.final, f.detail, \
    f.due_at, f.leased_until, f.settled_at";

impl Wanted {
    /// Parts of a WHERE clause that stand in the text, so that each form has a plan of its own. `$2` is the entity.
    fn filters(&self) -> String {
        let entity = if self.entity.is_some() {
            "and f.entity = $2"
        } else {
            "and $2::text is null"
        };
        match self.status {
            Some(status) => format!("{entity} and f.status = '{}'", status.as_str()),
            None => entity.to_owned(),
        }
    }
}

/// Takes what is due, oldest first, for `lease_s` seconds.
pub(super) async fn lease(pool: &PgPool, wanted: &Wanted, lease_s: i64) -> Result<Vec<Row>, sqlx::Error> {
    let filters = wanted.filters();
    let sql = format!(
        "with picked as (
           select f.sequence from feed_events f
           where f.connector = $1 and f.due_at is not null and f.due_at <= now() {filters}
           order by f.due_at, f.sequence limit $3 for update skip locked)
         update feed_events f set attempts = attempts + 1, due_at = now() + $4 * interval '1 second',
           leased_until = now() + $4 * interval '1 second'
         from picked p where f.connector = $1 and f.sequence = p.sequence returning {COLUMNS}"
    );
    let mut rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(wanted.connector)
        .bind(&wanted.entity)
        .bind(wanted.limit)
        .bind(lease_s)
        .fetch_all(pool)
        .await?;
    rows.sort_unstable_by_key(|row| row.sequence);
    Ok(rows)
}

/// Gives back what did not fit into the answer, unless somebody settled it meanwhile.
pub(super) async fn give_back(pool: &PgPool, connector: i64, rows: &[Row]) -> Result<(), sqlx::Error> {
    let sequences: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
    let attempts: Vec<i32> = rows.iter().map(|row| row.attempts).collect();
    sqlx::query(
        "update feed_events f set attempts = f.attempts - 1, due_at = now(), leased_until = null
         from unnest($2::bigint[], $3::int[]) as g(sequence, attempts)
         where f.connector = $1 and f.sequence = g.sequence and f.attempts = g.attempts
           and f.leased_until is not null and f.status <> 'SENT'",
    )
    .bind(connector)
    .bind(&sequences)
    .bind(&attempts)
    .execute(pool)
    .await
    .map(|_| ())
}

/// Rows after a number, whatever their state; nothing changes.
pub(super) async fn look(pool: &PgPool, wanted: &Wanted, after: i64) -> Result<Vec<Row>, sqlx::Error> {
    let filters = wanted.filters();
    let sql = format!(
        "select {COLUMNS} from feed_events f where f.connector = $1 and f.sequence > $4 {filters}
         order by f.sequence limit $3"
    );
    let mut transaction = pool.begin().await?;
    sqlx::query("set local statement_timeout = '10s'")
        .execute(&mut *transaction)
        .await?;
    let rows = sqlx::query_as(AssertSqlSafe(sql))
        .bind(wanted.connector)
        .bind(&wanted.entity)
        .bind(wanted.limit)
        .bind(after)
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(rows)
}
