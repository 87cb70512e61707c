//! What an endpoint's deliveries add up to, by counters that move in the transactions that move the rows.
//!
//! Rows are never counted to answer a question; only the audit does, slowly, to show that the counters tell the truth.
//! Each kind of writer adds to a row of its own, its `part`, so that a batch of one does not wait for the other's.

use sqlx::PgPool;

/// An upsert that counts the rows of the query `moved (endpoint, tenant, was, status)`: `was` is null for new rows.
/// Parts: 0 is the matcher's, 1 what records attempts, 2 whatever moves many deliveries at once.
/// Endpoints are taken in their order, so that two writers of one part never wait for each other in a circle.
macro_rules! count_moves {
    ($part:literal) => {
        concat!(
            "insert into webhook_counters as c
               (endpoint, part, tenant, matched, delivered, pending, retrying, held, dead)
             select endpoint, ",
            $part,
            ", min(tenant), count(*) filter (where was is null),
               count(*) filter (where status = 'delivered') - count(*) filter (where was = 'delivered'),
               count(*) filter (where status = 'pending') - count(*) filter (where was = 'pending'),
               count(*) filter (where status = 'retrying') - count(*) filter (where was = 'retrying'),
               count(*) filter (where status = 'held') - count(*) filter (where was = 'held'),
               count(*) filter (where status = 'dead') - count(*) filter (where was = 'dead')
             from moved group by endpoint order by endpoint
             on conflict (endpoint, part) do update set matched = c.matched + excluded.matched,
               delivered = c.delivered + excluded.delivered, pending = c.pending + excluded.pending,
               retrying = c.retrying + excluded.retrying, held = c.held + excluded.held,
               dead = c.dead + excluded.dead"
        )
    };
}
pub(crate) use count_moves;

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
    /// Those whose person was erased before they could be sent.
    pub erased: i64,
    pub attempts: i64,
}

impl Balance {
    /// matched = delivered + pending + retrying + held + dead + erased.
    pub fn holds(&self) -> bool {
        self.matched == self.delivered + self.pending + self.retrying + self.held + self.dead + self.erased
    }
}

/// Every endpoint's sum by the counters; `matched` is what the sequence numbers say. What is open is held while its
/// endpoint is paused or disabled, though its row says only whether it has been tried.
///
/// # Errors
/// When the database fails.
pub async fn balances(pool: &PgPool) -> Result<Vec<Balance>, sqlx::Error> {
    sqlx::query_as(
        "select e.endpoint, e.next_sequence - 1 as matched,
           coalesce(c.delivered, 0) as delivered,
           case when rests then 0 else coalesce(c.pending, 0) end as pending,
           case when rests then 0 else coalesce(c.retrying, 0) end as retrying,
           coalesce(c.held, 0) + case when rests then coalesce(c.pending + c.retrying, 0) else 0 end as held,
           coalesce(c.dead, 0) as dead, coalesce(c.erased, 0) as erased, coalesce(c.attempts, 0) as attempts
         from webhook_endpoints e left join (
           select endpoint, sum(delivered)::bigint as delivered, sum(pending)::bigint as pending,
             sum(retrying)::bigint as retrying, sum(held)::bigint as held, sum(dead)::bigint as dead,
             sum(erased)::bigint as erased, sum(attempts)::bigint as attempts
           from webhook_counters group by endpoint) c using (endpoint)
         cross join lateral (select e.state in ('paused', 'disabled') as rests) r
         order by e.endpoint",
    )
    .fetch_all(pool)
    .await
}

/// One endpoint's sum by its rows, and by its counters, from one snapshot, both as they are stored, so that nothing is
/// held. Rows that retention removed count as rows; `None` when there is no such endpoint. Reads every row of the endpoint, for at most `limit_ms`.
///
/// # Errors
/// When the database fails or the rows are too many for the limit.
pub async fn audit(
    pool: &PgPool,
    endpoint: i64,
    limit_ms: u32,
) -> Result<Option<(Balance, Balance)>, sqlx::Error> {
    let mut transaction = pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    sqlx::query("select set_config('statement_timeout', $1, true)")
        .bind(limit_ms.to_string())
        .execute(&mut *transaction)
        .await?;
    let rows: Option<Balance> = sqlx::query_as(
        "select e.endpoint, e.next_sequence - 1 as matched,
           count(*) filter (where d.status = 'delivered') + p.purged as delivered,
           count(*) filter (where d.status = 'pending') as pending,
           count(*) filter (where d.status = 'retrying') as retrying,
           count(*) filter (where d.status = 'held') as held,
           count(*) filter (where d.status = 'dead') as dead,
           count(*) filter (where d.status = 'erased') as erased,
           (select count(*) from webhook_attempts a where a.endpoint = e.endpoint) + p.purged_attempts as attempts
         from webhook_endpoints e left join webhook_deliveries d on d.endpoint = e.endpoint
         cross join lateral (
           select coalesce(sum(purged), 0)::bigint as purged, coalesce(sum(purged_attempts), 0)::bigint as purged_attempts
           from webhook_counters where endpoint = e.endpoint) p
         where e.endpoint = $1 group by e.endpoint, e.next_sequence, p.purged, p.purged_attempts",
    )
    .bind(endpoint)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(rows) = rows else { return Ok(None) };
    let counters: Balance = sqlx::query_as(
        "select $1::bigint as endpoint, coalesce(sum(matched), 0)::bigint as matched,
           coalesce(sum(delivered), 0)::bigint as delivered, coalesce(sum(pending), 0)::bigint as pending,
           coalesce(sum(retrying), 0)::bigint as retrying, coalesce(sum(held), 0)::bigint as held,
           coalesce(sum(dead), 0)::bigint as dead, coalesce(sum(erased), 0)::bigint as erased,
           coalesce(sum(attempts), 0)::bigint as attempts
         from webhook_counters where endpoint = $1",
    )
    .bind(endpoint)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some((rows, counters)))
}
