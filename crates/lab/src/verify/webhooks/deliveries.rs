//! The dispatcher's rows and the receivers' journals, against what the log says that everybody had to get.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::super::findings::Findings;
use super::{Endpoint, Matched, path_of};
use crate::receiver::Receipt;

/// A delivery may be due and untaken this long (a lease and a timeout).
const OVERDUE_S: f64 = 180.0;

#[derive(Debug, sqlx::FromRow)]
struct DeliveryRow {
    endpoint: i64,
    sequence: i64,
    position: i64,
    status: String,
    /// Seconds that it has been due and is nobody's; null when it is not.
    overdue_s: Option<f64>,
    /// Whether an attempt was answered 2xx.
    answered: bool,
    /// Rows of its attempts.
    attempts: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct EndpointRow {
    endpoint: i64,
    state: String,
    next_sequence: i64,
    cursor: Option<i64>,
}

/// The dispatcher's tables.
#[derive(Debug)]
pub(in crate::verify) struct Deliveries {
    endpoints: Vec<EndpointRow>,
    /// In the order of endpoint and sequence.
    rows: Vec<DeliveryRow>,
    paths: HashMap<i64, String>,
}

impl Deliveries {
    pub(in crate::verify) async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let endpoints: Vec<EndpointRow> = sqlx::query_as(
            "select endpoint, state, next_sequence, cursor from webhook_endpoints order by endpoint",
        )
        .fetch_all(&mut *connection)
        .await
        .context("cannot read the webhook endpoints")?;
        let rows: Vec<DeliveryRow> = sqlx::query_as(
            "select d.endpoint, d.sequence, d.position, d.status,
               case when d.status in ('pending', 'retrying') and d.due_at <= now()
                    and (d.lease_until is null or d.lease_until <= now())
                 then extract(epoch from now() - greatest(d.due_at, d.lease_until))::float8 end as overdue_s,
               coalesce(a.answered, false) as answered, coalesce(a.attempts, 0) as attempts
             from webhook_deliveries d left join (
               select endpoint, sequence, count(*) as attempts,
                 bool_or(coalesce(status_code between 200 and 299, false)) as answered
               from webhook_attempts group by endpoint, sequence) a using (endpoint, sequence)
             order by d.endpoint, d.sequence",
        )
        .fetch_all(&mut *connection)
        .await
        .context("cannot read the deliveries")?;
        let settings: Vec<(i64, Value)> = sqlx::query_as("select endpoint, settings from webhook_endpoints")
            .fetch_all(connection)
            .await?;
        let paths = settings
            .into_iter()
            .map(|(endpoint, settings)| (endpoint, path_of(&settings)))
            .collect();
        Ok(Self {
            endpoints,
            rows,
            paths,
        })
    }

    /// Rows are what the log says, numbered without a hole, and none is forgotten.
    pub(in crate::verify) fn check(&self, matched: &Matched, matcher: i64, findings: &mut Findings) {
        findings.add("webhook_endpoints", self.endpoints.len());
        findings.add("deliveries", self.rows.len());
        findings.add("deliveries_expected", matched.total());
        for row in &self.endpoints {
            let Some(endpoint) = matched.endpoints.get(&row.endpoint) else {
                findings.error(
                    "webhooks",
                    format!("endpoint {} follows from no event", row.endpoint),
                );
                continue;
            };
            self.check_endpoint(row, endpoint, matcher, findings);
        }
        for number in matched.endpoints.keys().filter(|number| **number <= matcher) {
            if !self.endpoints.iter().any(|row| row.endpoint == *number) {
                findings.error("webhooks", format!("the endpoint created at {number} has no row"));
            }
        }
    }

    fn rows_of(&self, endpoint: i64) -> &[DeliveryRow] {
        let start = self.rows.partition_point(|row| row.endpoint < endpoint);
        let end = self.rows.partition_point(|row| row.endpoint <= endpoint);
        &self.rows[start..end]
    }

    fn check_endpoint(
        &self,
        state: &EndpointRow,
        endpoint: &Endpoint,
        matcher: i64,
        findings: &mut Findings,
    ) {
        let name = &endpoint.id;
        let rows = self.rows_of(state.endpoint);
        let (mut expected, mut previous) = (1, 0);
        for row in rows {
            if row.sequence != expected {
                findings.error(
                    "webhook_sequences",
                    format!("{name}: number {} stands where {expected} should", row.sequence),
                );
            }
            expected = row.sequence + 1;
            if row.position <= previous {
                findings.error(
                    "webhook_sequences",
                    format!("{name}: number {} goes back in the log", row.sequence),
                );
            }
            previous = row.position;
            check_row(row, state, name, findings);
        }
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if state.next_sequence != count + 1 {
            let next = state.next_sequence;
            findings.error(
                "webhook_sequences",
                format!("{name}: the next number is {next} after {count} deliveries"),
            );
        }
        // While the past is still being matched, or if it never was to the end, completeness shows nothing.
        if state.cursor.is_some() || (endpoint.is_deleted && endpoint.starts_at.is_some()) {
            return;
        }
        let stored: HashSet<i64> = rows.iter().map(|row| row.position).collect();
        for position in endpoint
            .positions
            .range(..=matcher)
            .filter(|position| !stored.contains(position))
        {
            findings.error(
                "webhooks_missing",
                format!("{name} has no delivery of the event at {position}"),
            );
        }
        for position in stored
            .iter()
            .filter(|position| !endpoint.positions.contains(position))
        {
            findings.error(
                "webhooks",
                format!("{name} has a delivery of the event at {position}, which it did not ask for"),
            );
        }
    }

    /// What is delivered was received: same number, valid signature, the same bytes each time.
    pub(in crate::verify) fn check_receipts(&self, receipts: &[Receipt], findings: &mut Findings) {
        findings.add("receipts", receipts.len());
        let mut bodies: HashMap<&str, &str> = HashMap::new();
        let mut received: HashMap<(&str, i64), i64> = HashMap::new();
        let mut times: HashMap<(&str, i64), i64> = HashMap::new();
        let mut paths: HashSet<&str> = HashSet::new();
        let mut ids: HashMap<(&str, i64), &str> = HashMap::new();
        for receipt in receipts {
            paths.insert(&receipt.path);
            if !receipt.signature_ok {
                let problem = receipt.problem.as_deref().unwrap_or("unsigned");
                findings.error(
                    "webhook_signatures",
                    format!("{} on {}: {problem}", receipt.id, receipt.path),
                );
                continue;
            }
            if *bodies.entry(&receipt.id).or_insert(&receipt.sha256) != receipt.sha256 {
                findings.error("webhook_bodies", format!("{} came with other bytes", receipt.id));
            }
            if let (Some(position), Some(sequence)) = (receipt.position, receipt.sequence) {
                let known = *ids.entry((&receipt.path, position)).or_insert(&receipt.id);
                if known != receipt.id {
                    findings.error(
                        "webhook_ids",
                        format!("the event at {position} came to {} under two ids", receipt.path),
                    );
                }
                if received
                    .get(&(receipt.path.as_str(), position))
                    .is_some_and(|known| *known != sequence)
                {
                    findings.error(
                        "webhook_sequences",
                        format!(
                            "the event at {position} came to {} under two numbers",
                            receipt.path
                        ),
                    );
                }
                received.insert((&receipt.path, position), sequence);
                *times.entry((&receipt.path, position)).or_default() += 1;
            }
        }
        for row in self.rows.iter().filter(|row| row.status == "delivered") {
            let Some(path) = self
                .paths
                .get(&row.endpoint)
                .filter(|path| paths.contains(path.as_str()))
            else {
                continue;
            };
            findings.count("deliveries_held_against_receipts");
            let came = times.get(&(path.as_str(), row.position)).copied().unwrap_or(0);
            // A kill between the answer and its record leaves a receipt without an attempt, and the delivery comes
            // again: so this is counted, and only a delivered row without any attempt is wrong (see `check_row`).
            if came > row.attempts {
                findings.count("warning_receipts_over_attempts");
            }
            match received.get(&(path.as_str(), row.position)) {
                None => findings.error(
                    "webhooks_missing",
                    format!(
                        "{path}: number {} counts as delivered and was never received",
                        row.sequence
                    ),
                ),
                Some(sequence) if *sequence != row.sequence => findings.error(
                    "webhook_sequences",
                    format!(
                        "{path}: the event at {} came as number {sequence}, not {}",
                        row.position, row.sequence
                    ),
                ),
                Some(_) => {}
            }
        }
    }
}

fn check_row(row: &DeliveryRow, endpoint: &EndpointRow, name: &str, findings: &mut Findings) {
    let sequence = row.sequence;
    match row.status.as_str() {
        "delivered" => {
            findings.count("deliveries_delivered");
            if !row.answered {
                findings.error(
                    "webhook_attempts",
                    format!("{name}: number {sequence} is delivered without an answer of 2xx"),
                );
            }
        }
        "dead" => findings.count("deliveries_dead"),
        "held" => findings.count("deliveries_held"),
        _ => findings.count("deliveries_open"),
    }
    if endpoint.state == "active"
        && let Some(overdue_s) = row.overdue_s.filter(|seconds| *seconds > OVERDUE_S)
    {
        findings.error(
            "webhooks_overdue",
            format!("{name}: number {sequence} has been due for {overdue_s:.0} s"),
        );
    }
}
