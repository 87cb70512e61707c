//! Sends finished deliveries again (WHK-4), as the log asked for it: in bounded steps, not faster than asked for, with
//! the same id, number and bytes.
//!
//! A request is a row, and so is how far it is: a killed instance's step happened or not, and the next instance goes on
//! from there. Rows are only made due again here; the sending is as always. Deliveries that are still open are not
//! touched, since they are on their way anyway; but for one that was named by its number and waits for its next try: that
//! one is due now.

use std::time::Duration;

use platform::metrics::counter;
use schemas::events::webhook::ReplaySelection;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::counters::count_moves;
use crate::queue::Queue;

/// Between two looks while nothing is to be done.
const POLL: Duration = Duration::from_millis(250);
/// Steps a second of one request, so that its rate is even.
const STEPS_PER_S: i64 = 4;

#[derive(sqlx::FromRow)]
struct Request {
    position: i64,
    endpoint: i64,
    selection: String,
    rate_per_s: i32,
    last_sequence: i64,
    cursor: Option<i64>,
    /// The endpoint's.
    state: String,
}

const TAKE: &str =
    "select r.position, r.endpoint, r.selection::text as selection, r.rate_per_s, r.last_sequence,
   r.cursor, e.state
 from webhook_replays r join webhook_endpoints e on e.endpoint = r.endpoint
 where r.state = 'running' and r.next_at <= now() order by r.next_at limit 1 for update of r skip locked";

macro_rules! again_sql {
    ($which:literal) => {
        concat!(
            "with picked as (
               select ctid as place from webhook_finished
               where endpoint = $1 and sequence > $2 and sequence <= $3 and ",
            $which,
            " order by sequence limit $4 for update),
             taken as (delete from webhook_finished f using picked p where f.ctid = p.place returning f.*),
             opened as (
               insert into webhook_open (endpoint, sequence, tenant, position, event_id, event_type, recorded_at,
                 payload, fast, attempts, attempt_base, matched_at, last_status, last_error)
               select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, false,
                 attempts, attempts, matched_at, last_status, last_error
               from taken),
             moved as (
               select endpoint, tenant, status as was, 'pending'::text as status, sequence from taken),
             counted as (",
            count_moves!("2"),
            ")
             select count(*), max(sequence) from moved"
        )
    };
}

const FINISHED_AGAIN: &str = again_sql!("status in ('delivered', 'dead')");
const DEAD_AGAIN: &str = again_sql!("status = 'dead'");

/// One delivery that waits for its next try, by its number; not while it is being tried.
const DUE_NOW: &str = "with picked as (
   select ctid as place from webhook_open
   where endpoint = $1 and sequence = $2 and due_at > now() and (lease_until is null or lease_until <= now())
   for update skip locked)
 update webhook_open d set due_at = now() from picked p where d.ctid = p.place";

/// Works until the stop. `queue` is told of what has become due.
///
/// # Errors
/// Never; what fails is tried again at the next poll.
pub async fn run(pool: PgPool, queue: Queue, stop: CancellationToken) -> anyhow::Result<()> {
    let errors = counter(
        "trastienda_dispatcher_database_errors_total",
        "Statements tried again.",
    );
    let replayed = counter(
        "trastienda_webhook_replayed_total",
        "Finished deliveries that were made due again.",
    );
    while !stop.is_cancelled() {
        match step(&pool).await {
            Ok(Some((endpoint, count))) => {
                replayed.inc_by(u64::try_from(count).unwrap_or_default());
                queue.note_backlog(endpoint);
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "deliveries cannot be replayed now");
                errors.inc();
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
    Ok(())
}

/// One step of the request that is due first: all of it or nothing. Returns its endpoint and how many deliveries were
/// made due again; `None` when no request is due.
async fn step(pool: &PgPool) -> anyhow::Result<Option<(i64, i64)>> {
    let mut transaction = pool.begin().await?;
    let Some(request) = sqlx::query_as::<_, Request>(TAKE)
        .fetch_optional(&mut *transaction)
        .await?
    else {
        return Ok(None);
    };
    let select: ReplaySelection = serde_json::from_str(&request.selection)?;
    let (first, last) = match request.cursor {
        Some(cursor) => (cursor, last_of(select, &request)),
        None => (
            before_first(&mut transaction, select, &request).await?,
            last_of(select, &request),
        ),
    };
    let rate = i64::from(request.rate_per_s).max(1);
    let limit = (rate / STEPS_PER_S).max(1);
    let (count, reached) = if request.state == "deleted" {
        (0, None)
    } else {
        match again(&mut transaction, select, &request, (first, last), limit).await? {
            (0, reached) => (hasten(&mut transaction, select, &request).await?, reached),
            again => again,
        }
    };
    let state = match (request.state.as_str(), count < limit) {
        ("deleted", _) => "cancelled",
        (_, true) => "done",
        (_, false) => "running",
    };
    sqlx::query(
        "update webhook_replays set cursor = $2, replayed = replayed + $3, state = $4,
           next_at = now() + $5 * interval '1 millisecond',
           finished_at = case when $4 <> 'running' then now() end
         where position = $1",
    )
    .bind(request.position)
    .bind(reached.unwrap_or(last.max(first)))
    .bind(count)
    .bind(state)
    .bind(count.saturating_mul(1_000) / rate)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some((request.endpoint, count)))
}

async fn again(
    connection: &mut PgConnection,
    select: ReplaySelection,
    request: &Request,
    (after, last): (i64, i64),
    limit: i64,
) -> Result<(i64, Option<i64>), sqlx::Error> {
    let sql = match select {
        ReplaySelection::Dead => DEAD_AGAIN,
        ReplaySelection::Delivery { .. }
        | ReplaySelection::FromPosition { .. }
        | ReplaySelection::Since { .. } => FINISHED_AGAIN,
    };
    sqlx::query_as(sql)
        .bind(request.endpoint)
        .bind(after)
        .bind(last)
        .bind(limit)
        .fetch_one(connection)
        .await
}

/// Makes the one delivery that was asked for by its number due, if it waits.
async fn hasten(
    connection: &mut PgConnection,
    select: ReplaySelection,
    request: &Request,
) -> Result<i64, sqlx::Error> {
    let ReplaySelection::Delivery { sequence } = select else {
        return Ok(0);
    };
    // In the first step alone: a try that fails is followed by the schedule again.
    if request.cursor.is_some() {
        return Ok(0);
    }
    let hastened = sqlx::query(DUE_NOW)
        .bind(request.endpoint)
        .bind(sequence)
        .execute(connection)
        .await?
        .rows_affected();
    Ok(i64::try_from(hastened).unwrap_or_default())
}

fn last_of(select: ReplaySelection, request: &Request) -> i64 {
    match select {
        ReplaySelection::Delivery { sequence } => sequence.min(request.last_sequence),
        ReplaySelection::Dead | ReplaySelection::FromPosition { .. } | ReplaySelection::Since { .. } => {
            request.last_sequence
        }
    }
}

async fn before_first(
    connection: &mut PgConnection,
    select: ReplaySelection,
    request: &Request,
) -> Result<i64, sqlx::Error> {
    let last = request.last_sequence;
    Ok(first_sequence(connection, request.endpoint, select, last).await? - 1)
}

/// The sequence number at which a selection begins; `last` and one when there is none. Sequences follow the log, so
/// positions and times grow with them: a few look-ups find the place. A number that is missing counts as the next one.
///
/// # Errors
/// When the database fails.
pub async fn first_sequence(
    connection: &mut PgConnection,
    endpoint: i64,
    select: ReplaySelection,
    last: i64,
) -> Result<i64, sqlx::Error> {
    let (position, time) = match select {
        ReplaySelection::Delivery { sequence } => return Ok(sequence),
        ReplaySelection::Dead => return Ok(1),
        ReplaySelection::FromPosition { position } => (Some(position), None),
        ReplaySelection::Since { time } => (None, Some(time)),
    };
    let (mut low, mut high) = (1, last.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, bool)> = sqlx::query_as(
            "select sequence, coalesce(position < $4, recorded_at < $5) from webhook_deliveries
             where endpoint = $1 and sequence between $2 and $3 order by sequence limit 1",
        )
        .bind(endpoint)
        .bind(middle)
        .bind(high)
        .bind(position)
        .bind(time)
        .fetch_optional(&mut *connection)
        .await?;
        match found {
            Some((sequence, true)) => low = sequence.saturating_add(1),
            Some((_, false)) | None => high = middle,
        }
    }
    Ok(low)
}
