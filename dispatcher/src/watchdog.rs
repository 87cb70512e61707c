//! Looks for lack of progress, not for liveness: is everything that was matched accounted for, is anything due that
//! nobody takes, does the matcher follow the log, and does the relay?
//!
//! A queue that silently stops being picked up looks healthy to every other check. Sums come from counters; a slow audit
//! counts the rows of one endpoint after the other and holds the counters against them.

use std::time::Duration;

use event_store::LogReader;
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::counters::{Balance, audit, balances};
use crate::metrics::Metrics;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// Looks between two sums over all endpoints' counters.
const LOOKS_PER_SUM: u32 = 3;
/// Looks between two audits, each of one endpoint's rows.
const LOOKS_PER_AUDIT: u32 = 12;
/// Longest statement of an audit; an endpoint with too many rows for it is left out, and counted.
const AUDIT_LIMIT_MS: u32 = 10_000;
/// A due delivery that waits longer, of an endpoint that nobody has tried meanwhile, sets the alarm; so does a matcher
/// or a relay that stands still for so long while there is something to do. Beyond one lease and a timeout nobody has an
/// excuse; an endpoint that is down is probed more often than this.
pub const BOUND: Duration = Duration::from_secs(120);

/// How long due deliveries of active endpoints have been waiting untaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Overdue {
    /// The oldest one; 0 when there is none. An endpoint that is down or being filled up slowly may have old ones.
    pub oldest_s: i64,
    /// The oldest one of an endpoint without an attempt within the bound, or of a security event: these have no excuse.
    pub stalled_s: i64,
}

/// See [`Overdue`].
///
/// # Errors
/// When the database fails.
pub async fn overdue(pool: &PgPool, bound: Duration) -> Result<Overdue, sqlx::Error> {
    sqlx::query_as(
        "with due as (
           select e.endpoint, d.fast, d.since from webhook_endpoints e cross join lateral (
             (select greatest(due_at, lease_until, e.resumed_at) as since, false as fast from webhook_open
              where endpoint = e.endpoint and not fast
                and due_at <= now() and (lease_until is null or lease_until <= now())
              order by due_at, sequence limit 1)
             union all
             (select greatest(due_at, lease_until, e.resumed_at) as since, true as fast from webhook_open
              where endpoint = e.endpoint and fast
                and due_at <= now() and (lease_until is null or lease_until <= now())
              order by due_at, sequence limit 1)) d
           where e.state = 'active'),
         tried as (
           select endpoint, max(greatest(last_success_at, last_failure_at)) as at
           from webhook_counters where part = 1 group by endpoint)
         select coalesce(extract(epoch from now() - min(since))::bigint, 0) as oldest_s,
           coalesce(extract(epoch from now() - min(since) filter (
             where fast or at is null or at < now() - $1 * interval '1 second'))::bigint, 0) as stalled_s
         from due left join tried using (endpoint)",
    )
    .bind(i64::try_from(bound.as_secs()).unwrap_or(i64::MAX))
    .fetch_one(pool)
    .await
}

/// Somebody who follows the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Follower {
    position: i64,
    /// Since when it has been at that position with more to do; none while it is at the head.
    stuck: Option<Instant>,
}

impl Follower {
    /// Takes a look; true when it has not moved for longer than the bound although the log goes on.
    pub fn stands_still(&mut self, position: i64, head: i64, bound: Duration, now: Instant) -> bool {
        if position >= head || position != self.position {
            self.stuck = None;
        }
        self.position = position;
        if position >= head {
            return false;
        }
        let since = *self.stuck.get_or_insert(now);
        now.saturating_duration_since(since) > bound
    }
}

/// What is remembered between two looks.
struct Watch<R> {
    pool: PgPool,
    reader: R,
    metrics: Metrics,
    matcher: Follower,
    relay: Follower,
    /// The endpoint that was audited last.
    audited: i64,
}

/// Works until the stop.
///
/// # Errors
/// Never; what fails is looked at again.
pub async fn run<R: LogReader>(
    pool: PgPool,
    reader: R,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut watch = Watch {
        pool,
        reader,
        metrics,
        matcher: Follower::default(),
        relay: Follower::default(),
        audited: 0,
    };
    let mut looks = 0_u32;
    loop {
        if let Err(error) = watch.look(looks).await {
            tracing::warn!(error = format!("{error:#}"), "the watchdog cannot look now");
            watch.metrics.database_errors.inc();
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl<R: LogReader> Watch<R> {
    async fn look(&mut self, looks: u32) -> anyhow::Result<()> {
        self.look_at_deliveries().await?;
        self.look_at_followers().await?;
        if looks.is_multiple_of(LOOKS_PER_SUM) {
            self.sum().await?;
        }
        if looks % LOOKS_PER_AUDIT == LOOKS_PER_AUDIT - 1 {
            self.audit().await?;
        }
        Ok(())
    }

    async fn look_at_deliveries(&self) -> Result<(), sqlx::Error> {
        let overdue = overdue(&self.pool, BOUND).await?;
        self.metrics.overdue_seconds.set(overdue.oldest_s);
        let stalled = u64::try_from(overdue.stalled_s).unwrap_or(0) > BOUND.as_secs();
        if stalled && self.metrics.stalled.get() == 0 {
            tracing::error!(
                overdue_s = overdue.stalled_s,
                "a due delivery is not being taken and its endpoint is not being tried"
            );
        }
        self.metrics.stalled.set(i64::from(stalled));
        Ok(())
    }

    async fn look_at_followers(&mut self) -> anyhow::Result<()> {
        let head = self.reader.head().await?.0;
        let matcher: i64 =
            sqlx::query_scalar("select position from dispatcher_checkpoint where name = 'matcher'")
                .fetch_one(&self.pool)
                .await?;
        let now = Instant::now();
        self.metrics.matcher_lag.set(head - matcher);
        let stands_still = self.matcher.stands_still(matcher, head, BOUND, now);
        if stands_still && self.metrics.matcher_stalled.get() == 0 {
            tracing::error!(
                matcher,
                head,
                "no event is being matched although the log goes on"
            );
        }
        self.metrics.matcher_stalled.set(i64::from(stands_still));
        let Some(relay) = relay_position(&self.pool).await? else {
            return Ok(());
        };
        self.metrics.relay_lag.set(head - relay);
        let stands_still = self.relay.stands_still(relay, head, BOUND, now);
        if stands_still && self.metrics.relay_stalled.get() == 0 {
            tracing::error!(
                relay,
                head,
                "the relay stands still; deliveries go on, by polling the log"
            );
        }
        self.metrics.relay_stalled.set(i64::from(stands_still));
        Ok(())
    }

    async fn sum(&self) -> Result<(), sqlx::Error> {
        let balances = balances(&self.pool).await?;
        let unbalanced = balances.iter().filter(|balance| !balance.holds()).count();
        self.metrics
            .unbalanced
            .set(i64::try_from(unbalanced).unwrap_or(i64::MAX));
        for balance in balances.iter().filter(|balance| !balance.holds()) {
            tracing::error!(?balance, "an endpoint's deliveries are not all accounted for");
        }
        let total = |value: fn(&Balance) -> i64| balances.iter().map(value).sum();
        let set = |status: &str, count: i64| self.metrics.open.with_label_values(&[status]).set(count);
        set("delivered", total(|b| b.delivered));
        set("pending", total(|b| b.pending));
        set("retrying", total(|b| b.retrying));
        set("held", total(|b| b.held));
        set("dead", total(|b| b.dead));
        set("erased", total(|b| b.erased));
        Ok(())
    }

    /// Counts the rows of the next endpoint.
    async fn audit(&mut self) -> Result<(), sqlx::Error> {
        let next: Option<i64> =
            sqlx::query_scalar("select min(endpoint) from webhook_endpoints where endpoint > $1")
                .bind(self.audited)
                .fetch_one(&self.pool)
                .await?;
        self.audited = next.unwrap_or(0);
        let Some(endpoint) = next else { return Ok(()) };
        let audited = match audit(&self.pool, endpoint, AUDIT_LIMIT_MS).await {
            Ok(audited) => audited,
            Err(error) => {
                tracing::warn!(%error, endpoint, "an endpoint's rows could not be counted in time");
                self.metrics.audits.with_label_values(&["left_out"]).inc();
                return Ok(());
            }
        };
        let Some((rows, counters)) = audited else {
            return Ok(());
        };
        let outcome = if rows == counters { "agreed" } else { "differed" };
        self.metrics.audits.with_label_values(&[outcome]).inc();
        if rows != counters {
            tracing::error!(
                ?rows,
                ?counters,
                "an endpoint's counters are not what its rows say"
            );
        }
        Ok(())
    }
}

/// The relay's checkpoint, where it lives in this database.
async fn relay_position(pool: &PgPool) -> Result<Option<i64>, sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select to_regclass('projection_checkpoint') is not null")
        .fetch_one(pool)
        .await?;
    if !exists {
        return Ok(None);
    }
    sqlx::query_scalar("select position from projection_checkpoint where name = 'relay'")
        .fetch_optional(pool)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_stands_still_when_it_does_not_move_although_the_log_goes_on() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut follower = Follower::default();
        let mut look = |position, head, seconds| follower.stands_still(position, head, BOUND, at(seconds));
        assert!(!look(10, 10, 0));
        assert!(!look(10, 10, 900), "at the head for as long as it likes");
        assert!(!look(10, 20, 1_000), "the log has just gone on");
        assert!(!look(10, 20, 1_120));
        assert!(look(10, 30, 1_121));
        assert!(!look(11, 30, 1_130), "it moves");
        assert!(!look(11, 30, 1_240));
        assert!(look(11, 30, 1_251));
    }
}
