//! The dispatcher's counters against its rows: both sides of one snapshot, counted here.

use anyhow::Context;
use sqlx::postgres::PgConnection;

use super::super::findings::Findings;

const STATES: [&str; 6] = ["delivered", "pending", "retrying", "held", "dead", "erased"];

/// One endpoint's figures, in the order of [`STATES`], then attempts.
type Figures = (i64, i64, i64, i64, i64, i64, i64, i64);

/// Holds every endpoint's counters against its rows, and their sum against the numbers given out.
///
/// # Errors
/// When the tables cannot be read.
pub(in crate::verify) async fn check(
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let counted: Vec<Figures> = sqlx::query_as(
        "select e.endpoint, coalesce(c.delivered, 0), coalesce(c.pending, 0), coalesce(c.retrying, 0),
           coalesce(c.held, 0), coalesce(c.dead, 0), coalesce(c.erased, 0), coalesce(c.attempts, 0)
         from webhook_endpoints e left join (
           select endpoint, sum(delivered)::bigint as delivered, sum(pending)::bigint as pending,
             sum(retrying)::bigint as retrying, sum(held)::bigint as held, sum(dead)::bigint as dead,
             sum(erased)::bigint as erased, sum(attempts)::bigint as attempts
           from webhook_counters group by endpoint) c using (endpoint)
         order by e.endpoint",
    )
    .fetch_all(&mut *connection)
    .await
    .context("cannot read the webhook counters")?;
    let rows: Vec<Figures> = sqlx::query_as(
        "select e.endpoint, count(*) filter (where d.status = 'delivered'),
           count(*) filter (where d.status = 'pending'), count(*) filter (where d.status = 'retrying'),
           count(*) filter (where d.status = 'held'), count(*) filter (where d.status = 'dead'),
           count(*) filter (where d.status = 'erased'),
           (select count(*) from webhook_attempts a where a.endpoint = e.endpoint)
         from webhook_endpoints e left join webhook_deliveries d on d.endpoint = e.endpoint
         group by e.endpoint order by e.endpoint",
    )
    .fetch_all(connection)
    .await
    .context("cannot count the deliveries")?;
    findings.add("webhook_counters_checked", counted.len());
    for (counted, rows) in counted.iter().zip(&rows) {
        if counted != rows {
            findings.error(
                "webhook_counters",
                format!(
                    "endpoint {}: the counters say {:?}, the rows {:?} ({STATES:?}, attempts)",
                    counted.0, counted, rows
                ),
            );
        }
    }
    Ok(())
}
