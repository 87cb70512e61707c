//! Who had to get which event, computed again from the log, against the delivery rows and the receivers' journals.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Context;
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::findings::Findings;
use super::log::Event;
use crate::receiver::Receipt;

/// A delivery may be due and untaken this long (a lease and a timeout).
const OVERDUE_S: f64 = 180.0;

/// An endpoint as the log says it is.
#[derive(Debug, Clone)]
struct Endpoint {
    tenant: String,
    id: String,
    patterns: Vec<String>,
    /// The URL's path: which hook of a receiver it is.
    path: String,
    is_deleted: bool,
    /// It started in the past: its first events are matched later, from the log.
    starts_at: Option<i64>,
    /// The settings that it was created with.
    first_patterns: Vec<String>,
    /// Positions of what it must get.
    positions: BTreeSet<i64>,
}

/// An event as far as filters look at it.
#[derive(Debug)]
struct Candidate {
    position: i64,
    tenant: String,
    event_type: String,
}

/// Endpoints by the position of their creation, with all that they must get.
#[derive(Debug, Default)]
pub(super) struct Matched {
    endpoints: HashMap<i64, Endpoint>,
    past: Vec<Candidate>,
}

impl Matched {
    /// Takes the next event of the log into account.
    pub(super) fn take(&mut self, event: &Event, data: &Value) {
        let own = data
            .get("endpoint_id")
            .and_then(Value::as_str)
            .filter(|_| event.event_type.starts_with("webhook."));
        if let Some(id) = own {
            self.change(event, id, data);
        }
        for (number, endpoint) in &mut self.endpoints {
            if endpoint.is_deleted || endpoint.tenant != event.tenant || *number == event.position {
                continue;
            }
            let is_test = event.event_type == "webhook.test_requested" && own == Some(&endpoint.id);
            if is_test || matches(&endpoint.patterns, &event.event_type) {
                endpoint.positions.insert(event.position);
            }
        }
        self.past.push(Candidate {
            position: event.position,
            tenant: event.tenant.clone(),
            event_type: event.event_type.clone(),
        });
    }

    fn change(&mut self, event: &Event, id: &str, data: &Value) {
        let patterns = || patterns_of(&data["settings"]);
        if event.event_type == "webhook.endpoint_created" {
            let start = &data["start"];
            let starts_at = start
                .get("position")
                .and_then(Value::as_i64)
                .filter(|at| *at < event.position);
            let mut endpoint = Endpoint {
                tenant: event.tenant.clone(),
                id: id.to_owned(),
                patterns: patterns(),
                path: path_of(&data["settings"]),
                is_deleted: false,
                starts_at,
                first_patterns: patterns(),
                positions: BTreeSet::new(),
            };
            if let Some(starts_at) = starts_at {
                endpoint.take_past(&self.past, starts_at, event);
            }
            self.endpoints.insert(event.position, endpoint);
            return;
        }
        let Some(endpoint) = self
            .endpoints
            .values_mut()
            .find(|e| e.tenant == event.tenant && e.id == id)
        else {
            return;
        };
        match event.event_type.as_str() {
            "webhook.endpoint_changed" => {
                endpoint.patterns = patterns();
                endpoint.path = path_of(&data["settings"]);
            }
            "webhook.endpoint_deleted" => endpoint.is_deleted = true,
            _ => {}
        }
    }

    /// What all endpoints together must get.
    fn total(&self) -> usize {
        self.endpoints
            .values()
            .map(|endpoint| endpoint.positions.len())
            .sum()
    }
}

impl Endpoint {
    /// The past that it asked for, its own creation included.
    fn take_past(&mut self, past: &[Candidate], starts_at: i64, creation: &Event) {
        let own = Candidate {
            position: creation.position,
            tenant: creation.tenant.clone(),
            event_type: creation.event_type.clone(),
        };
        let wanted = past.iter().chain([&own]).filter(|candidate| {
            candidate.position > starts_at
                && candidate.tenant == self.tenant
                && matches(&self.first_patterns, &candidate.event_type)
        });
        self.positions.extend(wanted.map(|candidate| candidate.position));
    }
}

fn patterns_of(settings: &Value) -> Vec<String> {
    let patterns = settings
        .get("event_types")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    patterns.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn path_of(settings: &Value) -> String {
    let url = settings.get("url").and_then(Value::as_str).unwrap_or_default();
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme
        .find('/')
        .map_or("/", |slash| &after_scheme[slash..])
        .split('?')
        .next()
        .unwrap_or("/")
        .to_owned()
}

/// `*`, `module.*` or one type; `sales.` means `sale.`, since the first partners wrote it so.
fn matches(patterns: &[String], event_type: &str) -> bool {
    patterns.iter().any(|pattern| {
        let pattern = pattern
            .strip_prefix("sales.")
            .map_or_else(|| pattern.clone(), |rest| format!("sale.{rest}"));
        pattern == "*"
            || pattern == event_type
            || pattern.strip_suffix(".*").is_some_and(|module| {
                event_type
                    .strip_prefix(module)
                    .is_some_and(|rest| rest.starts_with('.'))
            })
    })
}

#[derive(Debug, sqlx::FromRow)]
struct DeliveryRow {
    endpoint: i64,
    sequence: i64,
    position: i64,
    status: String,
    /// Seconds that it has been due and is nobody's; null when it is not.
    overdue_s: Option<f64>,
    answered: bool,
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
pub(super) struct Deliveries {
    endpoints: Vec<EndpointRow>,
    /// In the order of endpoint and sequence.
    rows: Vec<DeliveryRow>,
    paths: HashMap<i64, String>,
}

impl Deliveries {
    pub(super) async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
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
               exists (select from webhook_attempts a where a.endpoint = d.endpoint and a.sequence = d.sequence
                 and a.status_code between 200 and 299) as answered
             from webhook_deliveries d order by d.endpoint, d.sequence",
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
    pub(super) fn check(&self, matched: &Matched, matcher: i64, findings: &mut Findings) {
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
        let mut previous = 0;
        for (sequence, row) in (1..).zip(rows) {
            if row.sequence != sequence {
                findings.error(
                    "webhook_sequences",
                    format!("{name}: number {} stands where {sequence} should", row.sequence),
                );
            }
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
    pub(super) fn check_receipts(&self, receipts: &[Receipt], findings: &mut Findings) {
        findings.add("receipts", receipts.len());
        let mut bodies: HashMap<&str, &str> = HashMap::new();
        let mut received: HashMap<(&str, i64), i64> = HashMap::new();
        let mut paths: HashSet<&str> = HashSet::new();
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
                received.insert((&receipt.path, position), sequence);
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(position: i64, event_type: &str) -> Event {
        Event {
            position,
            tenant: "t".to_owned(),
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

    fn settings(event_types: &[&str]) -> Value {
        json!({ "url": "http://127.0.0.1:1/hook?x=1", "event_types": event_types })
    }

    fn matched(events: &[(&str, Value)]) -> Matched {
        let mut matched = Matched::default();
        (1..)
            .zip(events)
            .for_each(|(position, (name, data))| matched.take(&event(position, name), data));
        matched
    }

    fn positions(matched: &Matched, number: i64) -> Vec<i64> {
        matched.endpoints[&number].positions.iter().copied().collect()
    }

    #[test]
    fn an_endpoint_gets_what_happens_after_its_creation_and_before_its_deletion() {
        let created =
            json!({ "endpoint_id": "e", "settings": settings(&["sales.*"]), "start": { "kind": "now" } });
        let matched = matched(&[
            ("sale.completed", json!({})),
            ("webhook.endpoint_created", created),
            ("sale.completed", json!({})),
            ("inventory.issued", json!({})),
            (
                "webhook.endpoint_changed",
                json!({ "endpoint_id": "e", "settings": settings(&["*"]) }),
            ),
            ("inventory.issued", json!({})),
            ("webhook.endpoint_deleted", json!({ "endpoint_id": "e" })),
            ("sale.completed", json!({})),
        ]);
        assert_eq!(positions(&matched, 2), [3, 5, 6]);
        assert_eq!(matched.endpoints[&2].path, "/hook");
    }

    #[test]
    fn an_endpoint_that_starts_in_the_past_gets_it() {
        let start = json!({ "kind": "position", "position": 1 });
        let created = json!({ "endpoint_id": "e", "settings": settings(&["*"]), "start": start });
        let matched = matched(&[
            ("sale.completed", json!({})),
            ("sale.voided", json!({})),
            ("webhook.endpoint_created", created),
            ("sale.completed", json!({})),
        ]);
        assert_eq!(positions(&matched, 3), [2, 3, 4]);
    }

    #[test]
    fn a_test_goes_to_its_own_endpoint_only() {
        let created = |id: &str| json!({ "endpoint_id": id, "settings": settings(&["sale.*"]), "start": { "kind": "now" } });
        let matched = matched(&[
            ("webhook.endpoint_created", created("a")),
            ("webhook.endpoint_created", created("b")),
            ("webhook.test_requested", json!({ "endpoint_id": "b" })),
        ]);
        assert_eq!(
            (positions(&matched, 1), positions(&matched, 2)),
            (vec![], vec![3])
        );
    }

    #[test]
    fn a_module_pattern_needs_the_dot() {
        assert!(matches(&["sale.*".to_owned()], "sale.completed"));
        assert!(!matches(&["sale.*".to_owned()], "sales_tax.changed"));
    }
}
