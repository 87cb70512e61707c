//! The pull feeds: who had to get which event, computed again from the log, and held against the dispatcher's rows.
//!
//! Every granted event stands exactly once in a connector's feed, in the log's order, numbered from 1 without a hole.
//! Not here: whether consumers acknowledged in time, which is theirs to know.

use std::collections::HashMap;

use anyhow::Context;
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::findings::Findings;
use super::log::Event;
use super::secrets;

/// A connector as the log says it is.
#[derive(Debug)]
struct Connector {
    tenant: String,
    slug: String,
    grants: Vec<String>,
    is_revoked: bool,
    /// Of what it must get, in order.
    positions: Vec<i64>,
}

/// All connectors by the position of their creation, with all that they must get.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    connectors: HashMap<i64, Connector>,
    by_tenant: HashMap<String, Vec<i64>>,
}

impl Feeds {
    /// Takes the next event of the log into account.
    pub(super) fn take(&mut self, event: &Event, data: &Value) {
        if event.event_type.starts_with("connector.") {
            self.change(event, data);
        }
        for number in self.by_tenant.get(&event.tenant).into_iter().flatten() {
            let Some(connector) = self.connectors.get_mut(number) else {
                continue;
            };
            let is_granted = connector
                .grants
                .iter()
                .any(|grant| grants(grant, &event.event_type));
            if is_granted && !connector.is_revoked && *number != event.position {
                connector.positions.push(event.position);
            }
        }
    }

    fn change(&mut self, event: &Event, data: &Value) {
        let slug = data.get("slug").and_then(Value::as_str).unwrap_or_default();
        let granted = || -> Vec<String> {
            let list = data["grants"].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        if event.event_type == "connector.created" {
            self.by_tenant
                .entry(event.tenant.clone())
                .or_default()
                .push(event.position);
            let connector = Connector {
                tenant: event.tenant.clone(),
                slug: slug.to_owned(),
                grants: granted(),
                is_revoked: false,
                positions: Vec::new(),
            };
            self.connectors.insert(event.position, connector);
            return;
        }
        let own = self
            .connectors
            .values_mut()
            .find(|connector| connector.tenant == event.tenant && connector.slug == slug);
        match (own, event.event_type.as_str()) {
            (Some(connector), "connector.changed") => connector.grants = granted(),
            (Some(connector), "connector.revoked") => connector.is_revoked = true,
            _ => {}
        }
    }
}

/// An entity (`sale`, also as `sale.*`) or one type.
fn grants(grant: &str, event_type: &str) -> bool {
    let entity = grant.strip_suffix(".*").unwrap_or(grant);
    grant == event_type || event_type.split('.').next() == Some(entity)
}

#[derive(Debug, sqlx::FromRow)]
struct ConnectorRow {
    connector: i64,
    tenant: String,
    slug: String,
    next_sequence: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    connector: i64,
    sequence: i64,
    tenant: String,
    position: i64,
    status: String,
    #[sqlx(rename = "final")]
    is_final: bool,
    is_due: bool,
    is_settled: bool,
    detail: Option<String>,
}

/// Holds the dispatcher's rows against the log.
pub(super) async fn check(
    connection: &mut PgConnection,
    feeds: &Feeds,
    matcher: i64,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let connectors: Vec<ConnectorRow> = sqlx::query_as(
        "select connector, tenant, slug, next_sequence from feed_connectors order by connector",
    )
    .fetch_all(&mut *connection)
    .await
    .context("cannot read the connectors")?;
    findings.add("feed_connectors", connectors.len());
    let counted = check_rows(connection, feeds, matcher, findings).await?;
    for row in &connectors {
        let name = format!("{}/{}", row.tenant, row.slug);
        match feeds.connectors.get(&row.connector) {
            Some(connector) if connector.tenant == row.tenant && connector.slug == row.slug => {}
            _ => findings.error("feeds", format!("connector {name} follows from no event")),
        }
        let count = counted.get(&row.connector).copied().unwrap_or(0);
        if row.next_sequence != count + 1 {
            let next = row.next_sequence;
            findings.error(
                "feed_sequences",
                format!("{name}: the next number is {next} after {count} rows"),
            );
        }
    }
    for (number, connector) in feeds.connectors.iter().filter(|(number, _)| **number <= matcher) {
        if !connectors.iter().any(|row| row.connector == *number) {
            findings.error(
                "feeds",
                format!("connector {}/{} has no row", connector.tenant, connector.slug),
            );
        }
    }
    let strange: i64 = sqlx::query_scalar(
        "select count(*) from feed_events f left join events e on e.position = f.position
         where e.id is distinct from f.event_id or e.tenant <> f.tenant or split_part(e.type, '.', 1) <> f.entity",
    )
    .fetch_one(connection)
    .await?;
    if strange > 0 {
        findings.error(
            "feeds",
            format!("{strange} rows name another event than the log has at their position"),
        );
    }
    Ok(())
}

/// Walks the rows beside what each connector must get, and counts them per connector.
async fn check_rows(
    connection: &mut PgConnection,
    feeds: &Feeds,
    matcher: i64,
    findings: &mut Findings,
) -> anyhow::Result<HashMap<i64, i64>> {
    let mut counted: HashMap<i64, i64> = HashMap::new();
    let mut rows = sqlx::query_as::<_, Row>(
        "select connector, sequence, tenant, position, status, final, due_at is not null as is_due,
           settled_at is not null as is_settled, detail
         from feed_events order by connector, sequence",
    )
    .fetch(connection);
    while let Some(row) = rows.try_next().await.context("cannot read the feeds")? {
        let count = counted.entry(row.connector).or_default();
        *count += 1;
        let expected = feeds.connectors.get(&row.connector).and_then(|connector| {
            let place = usize::try_from(*count - 1).ok()?;
            (connector.tenant == row.tenant)
                .then(|| connector.positions.get(place).copied())
                .flatten()
        });
        let (number, sequence) = (row.connector, row.sequence);
        if sequence != *count {
            findings.error(
                "feed_sequences",
                format!("connector {number}: number {sequence} stands where {count} should"),
            );
        }
        if expected != Some(row.position) {
            let (position, wanted) = (row.position, expected.unwrap_or(0));
            findings.error(
                "feeds",
                format!("connector {number}: number {sequence} is the event at {position}, not at {wanted}"),
            );
        }
        check_state(&row, findings);
    }
    drop(rows);
    let total: i64 = counted.values().sum();
    findings.set("feed_events", total);
    for (number, connector) in &feeds.connectors {
        let count = counted.get(number).copied().unwrap_or(0);
        let wanted = connector
            .positions
            .partition_point(|position| *position <= matcher);
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        if count < wanted {
            let name = format!("{}/{}", connector.tenant, connector.slug);
            findings.error(
                "feeds_missing",
                format!("{name} has {count} rows, and {wanted} events were granted to it"),
            );
        }
    }
    Ok(counted)
}

/// What is settled is not handed out again, and what is open is.
fn check_state(row: &Row, findings: &mut Findings) {
    let (is_over, what) = match row.status.as_str() {
        "SENT" => (true, "feed_events_sent"),
        "FAILED" => (row.is_final, "feed_events_failed"),
        _ => (false, "feed_events_pending"),
    };
    findings.count(what);
    let is_acknowledged = row.status != "PENDING";
    if row.is_due == is_over || row.is_settled != is_acknowledged || (row.is_final && row.status != "FAILED")
    {
        let (connector, sequence, status) = (row.connector, row.sequence, &row.status);
        findings.error(
            "feeds",
            format!("connector {connector}: number {sequence} is {status}, and its times say otherwise"),
        );
    }
    if let Some(what) = row.detail.as_deref().and_then(secrets::found_in_text) {
        findings.error(
            "secrets",
            format!(
                "the detail of number {} of connector {} holds {what}",
                row.sequence, row.connector
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(position: i64, tenant: &str, event_type: &str) -> Event {
        Event {
            position,
            tenant: tenant.to_owned(),
            stream: String::new(),
            version: 1,
            id: Vec::new(),
            event_type: event_type.to_owned(),
            schema_version: 1,
            data: String::new(),
            meta: String::new(),
            recorded_us: 0,
            chain: Vec::new(),
        }
    }

    #[test]
    fn a_connector_must_get_what_it_is_granted_while_it_is() {
        let mut feeds = Feeds::default();
        let own = |grants: &[&str]| json!({ "slug": "erp", "grants": grants });
        let none = json!({});
        let log = [
            ("a", "sale.completed", none.clone()),
            ("a", "connector.created", own(&["sale", "inventory.adjusted"])),
            ("a", "sale.completed", none.clone()),
            ("b", "sale.completed", none.clone()),
            ("a", "inventory.issued", none.clone()),
            ("a", "inventory.adjusted", none.clone()),
            ("a", "connector.changed", own(&["customer.*"])),
            ("a", "sale.completed", none.clone()),
            ("a", "customer.charged", none.clone()),
            ("a", "connector.disabled", own(&[])),
            ("a", "customer.charged", none.clone()),
            ("a", "connector.revoked", own(&[])),
            ("a", "customer.charged", none),
        ];
        for (position, (tenant, event_type, data)) in (1..).zip(&log) {
            feeds.take(&event(position, tenant, event_type), data);
        }
        assert_eq!(feeds.connectors[&2].positions, [3, 6, 9, 11]);
    }
}
