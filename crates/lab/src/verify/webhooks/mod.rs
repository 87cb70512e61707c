//! Who had to get which event, computed again from the log; `deliveries` holds the dispatcher's rows against it.

mod counters;
mod deliveries;
mod texts;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

pub(super) use self::counters::check as check_counters;
pub(super) use self::deliveries::Deliveries;
pub(super) use self::texts::check as check_secrets;
use super::log::Event;
use crate::filter::matches;

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
}
