//! Removes what was done with long ago: delivered webhooks with their attempts, and events that a connector said it has.
//!
//! Never what is open, held, given up or failed, and never an event: the log has them all. Runs beside the matcher, so
//! on one instance at a time, in bounded chunks with pauses between them.

use std::convert::Infallible;
use std::time::Duration;

use platform::metrics::counter_vec;
use prometheus::IntCounterVec;
use sqlx::PgPool;

/// Rows that one statement looks at.
const CHUNK: i64 = 1_000;
/// Between two chunks.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two rounds over all endpoints and connectors.
const ROUND: Duration = Duration::from_secs(3_600);
/// Before the first round: a process that has just started has better things to do.
const FIRST: Duration = Duration::from_secs(60);

/// Numbers grow with time, but what was sent again or acknowledged late is young among old ones, so all numbers up to the
/// first chunk without an old row and with a young one are looked at.
const WEBHOOKS: &str = "with looked as (
   select ctid as place, sequence, status = 'delivered' and finished_at < now() - $4 * interval '1 second' as is_old,
     status = 'delivered' and finished_at >= now() - $4 * interval '1 second' as is_young
   from webhook_finished where endpoint = $1 and sequence > $2 order by sequence limit $3),
 gone as (
   delete from webhook_finished f using looked l where f.ctid = l.place and l.is_old
   returning f.endpoint, f.sequence, f.tenant),
 attempts as (
   delete from webhook_attempts a using gone g where a.endpoint = g.endpoint and a.sequence = g.sequence returning 1),
 counted as (
   insert into webhook_counters as c (endpoint, part, tenant, purged, purged_attempts)
   select endpoint, 3, min(tenant), count(*), (select count(*) from attempts) from gone group by endpoint
   on conflict (endpoint, part) do update set purged = c.purged + excluded.purged,
     purged_attempts = c.purged_attempts + excluded.purged_attempts)
 select count(*) as looked, max(sequence) as reached, coalesce(bool_or(is_young) and not bool_or(is_old), false) as ends,
   (select count(*) from gone) as purged
 from looked";

const FEED: &str = "with looked as (
   select ctid as place, sequence, status = 'SENT' and settled_at < now() - $4 * interval '1 second' as is_old,
     status = 'SENT' and settled_at >= now() - $4 * interval '1 second' as is_young
   from feed_events where connector = $1 and sequence > $2 order by sequence limit $3),
 gone as (
   delete from feed_events f using looked l where f.ctid = l.place and l.is_old returning 1),
 counted as (
   update feed_connectors set purged = purged + (select count(*) from gone)
   where connector = $1 and exists (select from gone))
 select count(*) as looked, max(sequence) as reached, coalesce(bool_or(is_young) and not bool_or(is_old), false) as ends,
   (select count(*) from gone) as purged
 from looked";

#[derive(sqlx::FromRow)]
struct Chunk {
    looked: i64,
    reached: Option<i64>,
    /// What follows is younger.
    ends: bool,
    purged: i64,
}

/// What a round removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    pub deliveries: i64,
    pub feed_events: i64,
}

/// How long finished things are kept.
#[derive(Clone)]
pub struct Retention {
    pool: PgPool,
    /// `None` keeps them for ever.
    keep: Option<Duration>,
    purged: IntCounterVec,
}

impl Retention {
    pub fn new(pool: PgPool, keep: Option<Duration>) -> Self {
        Self {
            pool,
            keep,
            purged: counter_vec(
                "trastienda_webhook_purged_total",
                "Finished rows that retention removed.",
                &["kind"],
            ),
        }
    }

    /// Works until it is dropped; what fails is tried again in the next round.
    pub async fn run(&self) -> Infallible {
        let Some(keep) = self.keep else {
            return std::future::pending().await;
        };
        tokio::time::sleep(FIRST).await;
        loop {
            match purge(&self.pool, keep).await {
                Ok(round) => {
                    for (kind, count) in [("delivery", round.deliveries), ("feed_event", round.feed_events)] {
                        self.purged
                            .with_label_values(&[kind])
                            .inc_by(u64::try_from(count).unwrap_or_default());
                    }
                }
                Err(error) => tracing::warn!(%error, "what is too old cannot be removed now"),
            }
            tokio::time::sleep(ROUND).await;
        }
    }
}

/// One round over every endpoint and connector.
///
/// # Errors
/// When the database fails; what was removed until then stays removed and counted.
pub async fn purge(pool: &PgPool, keep: Duration) -> Result<Purged, sqlx::Error> {
    let endpoints: Vec<i64> = sqlx::query_scalar("select endpoint from webhook_endpoints order by endpoint")
        .fetch_all(pool)
        .await?;
    let connectors: Vec<i64> = sqlx::query_scalar("select connector from feed_connectors order by connector")
        .fetch_all(pool)
        .await?;
    let mut purged = Purged::default();
    for endpoint in endpoints {
        purged.deliveries += purge_one(pool, WEBHOOKS, endpoint, keep).await?;
    }
    for connector in connectors {
        purged.feed_events += purge_one(pool, FEED, connector, keep).await?;
    }
    Ok(purged)
}

async fn purge_one(
    pool: &PgPool,
    sql: &'static str,
    number: i64,
    keep: Duration,
) -> Result<i64, sqlx::Error> {
    let (mut after, mut purged) = (0, 0);
    loop {
        let chunk: Chunk = sqlx::query_as(sql)
            .bind(number)
            .bind(after)
            .bind(CHUNK)
            .bind(i64::try_from(keep.as_secs()).unwrap_or(i64::MAX))
            .fetch_one(pool)
            .await?;
        purged += chunk.purged;
        match chunk.reached {
            Some(reached) if chunk.looked == CHUNK && !chunk.ends => after = reached,
            _ => return Ok(purged),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
