//! Looks for lack of progress, not for liveness: is everything that was matched accounted for, and is anything due
//! that nobody takes?
//!
//! A queue that silently stops being picked up looks healthy to every other check.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_secs(5);
/// Looks between two full counts, which read every delivery.
const LOOKS_PER_COUNT: u32 = 12;
/// A due delivery that waits longer sets the alarm. Beyond one lease and a timeout nobody has an excuse.
pub const BOUND: Duration = Duration::from_secs(120);

/// One endpoint's sum.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Balance {
    pub endpoint: i64,
    /// Sequence numbers given out.
    pub matched: i64,
    pub delivered: i64,
    pub pending: i64,
    pub retrying: i64,
    pub held: i64,
    pub dead: i64,
}

impl Balance {
    /// matched = delivered + pending + retrying + held + dead.
    pub fn holds(&self) -> bool {
        self.matched == self.delivered + self.pending + self.retrying + self.held + self.dead
    }
}

/// Every endpoint's sum, from one snapshot: sequence numbers given out on one side, rows on the other.
///
/// # Errors
/// When the database fails.
pub async fn balances(pool: &PgPool) -> Result<Vec<Balance>, sqlx::Error> {
    sqlx::query_as(
        "select e.endpoint, e.next_sequence - 1 as matched,
           count(*) filter (where d.status = 'delivered') as delivered,
           count(*) filter (where d.status = 'pending') as pending,
           count(*) filter (where d.status = 'retrying') as retrying,
           count(*) filter (where d.status = 'held') as held,
           count(*) filter (where d.status = 'dead') as dead
         from webhook_endpoints e left join webhook_deliveries d on d.endpoint = e.endpoint
         group by e.endpoint, e.next_sequence order by e.endpoint",
    )
    .fetch_all(pool)
    .await
}

/// Seconds that the oldest due delivery of an active endpoint has been waiting untaken; 0 when there is none.
///
/// # Errors
/// When the database fails.
pub async fn overdue_s(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "select coalesce(extract(epoch from now() - min(d.since))::bigint, 0)
         from webhook_endpoints e cross join lateral (
           select greatest(d.due_at, d.lease_until) as since from (
             (select due_at, lease_until from webhook_deliveries
              where endpoint = e.endpoint and status in ('pending', 'retrying') and not fast
                and due_at <= now() and (lease_until is null or lease_until <= now())
              order by due_at, sequence limit 1)
             union all
             (select due_at, lease_until from webhook_deliveries
              where endpoint = e.endpoint and status in ('pending', 'retrying') and fast
                and due_at <= now() and (lease_until is null or lease_until <= now())
              order by due_at, sequence limit 1)) d) d
         where e.state = 'active'",
    )
    .fetch_one(pool)
    .await
}

/// Works until the stop.
///
/// # Errors
/// Never; what fails is looked at again.
pub async fn run(pool: PgPool, metrics: Metrics, stop: CancellationToken) -> anyhow::Result<()> {
    let mut looks = 0_u32;
    loop {
        if let Err(error) = look(&pool, &metrics, looks.is_multiple_of(LOOKS_PER_COUNT)).await {
            tracing::warn!(%error, "the watchdog cannot look now");
            metrics.database_errors.inc();
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn look(pool: &PgPool, metrics: &Metrics, count: bool) -> Result<(), sqlx::Error> {
    let overdue_s = overdue_s(pool).await?;
    metrics.overdue_seconds.set(overdue_s);
    let stalled = u64::try_from(overdue_s).unwrap_or(0) > BOUND.as_secs();
    if stalled && metrics.stalled.get() == 0 {
        tracing::error!(overdue_s, "a due delivery is not being taken");
    }
    metrics.stalled.set(i64::from(stalled));
    if !count {
        return Ok(());
    }
    let balances = balances(pool).await?;
    let unbalanced = balances.iter().filter(|balance| !balance.holds()).count();
    metrics
        .unbalanced
        .set(i64::try_from(unbalanced).unwrap_or(i64::MAX));
    for balance in balances.iter().filter(|balance| !balance.holds()) {
        tracing::error!(?balance, "an endpoint's deliveries are not all accounted for");
    }
    let total = |value: fn(&Balance) -> i64| balances.iter().map(value).sum();
    let set = |status: &str, count: i64| metrics.open.with_label_values(&[status]).set(count);
    set("delivered", total(|b| b.delivered));
    set("pending", total(|b| b.pending));
    set("retrying", total(|b| b.retrying));
    set("held", total(|b| b.held));
    set("dead", total(|b| b.dead));
    Ok(())
}
