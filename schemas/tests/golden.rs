//! One sample of every event type and version, frozen: whatever this build becomes, it must still read them.
//!
//! The samples are in `golden/<type>.v<version>.json`, the JSON Schemas in `json-schema/`. Regenerate the schemas
//! (never the samples of earlier versions) with `cargo run -p schemas --example write_schemas`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as loudly as the test itself"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use schemas::Event;
use schemas::events::EventType;
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn file_of(event_type: &EventType) -> String {
    format!("{}.v{}.json", event_type.name, event_type.version)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Type, version and text of each sample.
fn samples() -> Vec<(String, i16, String)> {
    let entries = fs::read_dir(folder("golden")).unwrap();
    let mut samples: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        // The list of those that are frozen lies beside them; `xtask tidy` reads it.
        .filter(|path| path.file_name().is_none_or(|name| name != "FROZEN"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let (event_type, version) = name.strip_suffix(".json").unwrap().rsplit_once(".v").unwrap();
            (event_type.to_owned(), version.parse().unwrap(), read(&path))
        })
        .collect();
    samples.sort();
    samples
}

#[test]
fn every_event_type_has_a_sample_of_each_version() {
    let have: BTreeSet<(String, i16)> = samples()
        .into_iter()
        .map(|(name, version, _)| (name, version))
        .collect();
    let want: BTreeSet<(String, i16)> = Event::types()
        .flat_map(|event_type| (1..=event_type.version).map(|version| (event_type.name.to_owned(), version)))
        .collect();
    assert_eq!(have, want);
}

#[test]
fn every_sample_is_read_and_the_newest_is_written_as_it_was() {
    for (name, version, text) in samples() {
        let event = Event::decode(&name, version, &text).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(event.event_type(), name);
        if event.schema_version() == version {
            let written: Value = serde_json::from_str(event.encode().unwrap().get()).unwrap();
            let sample: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(written, sample, "{name}");
        }
    }
}

#[test]
fn an_unknown_type_or_version_is_an_error() {
    assert!(Event::decode("sale.completed", 99, "{}").is_err());
    assert!(Event::decode("sale.complete", 1, "{}").is_err());
    assert!(Event::decode("sale.completed", 1, "{}").is_err());
}

#[test]
fn a_document_from_before_there_were_numbers_is_the_newest_one_without_its_number() {
    let names = [
        "sale.completed",
        "sale.returned",
        "order.quoted",
        "order.placed",
        "order.returned",
        "transfer_order.requested",
    ];
    for name in names {
        let text = |version: i16| read(&folder("golden").join(format!("{name}.v{version}.json")));
        let event = Event::decode(name, 1, &text(1)).unwrap();
        assert_eq!(event.schema_version(), 2);
        let written: Value = serde_json::from_str(event.encode().unwrap().get()).unwrap();
        let mut newest: Value = serde_json::from_str(&text(2)).unwrap();
        assert!(newest.as_object_mut().unwrap().remove("number").is_some());
        assert_eq!(written, newest, "{name}");
        // What a version did not have is not read into it.
        assert_eq!(Event::decode(name, 1, &text(2)).unwrap(), event, "{name}");
    }
}

#[test]
fn a_charge_from_before_charges_had_ids_is_the_newest_one_without_its_id() {
    let text = |version: i16| read(&folder("golden").join(format!("customer.charged.v{version}.json")));
    let event = Event::decode("customer.charged", 1, &text(1)).unwrap();
    assert_eq!(event.schema_version(), 2);
    let written: Value = serde_json::from_str(event.encode().unwrap().get()).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(&text(1)).unwrap());
    // What a version did not have is not read into it.
    let event = Event::decode("customer.charged", 1, &text(2)).unwrap();
    let written: Value = serde_json::from_str(event.encode().unwrap().get()).unwrap();
    assert_eq!(written.get("charge_id"), None);
}

/// The first version is read as it was, and what it did not have is not read into it.
#[track_caller]
fn read_as_it_was(name: &str, had_not: fn(&Value) -> bool) {
    let text = |version: i16| read(&folder("golden").join(format!("{name}.v{version}.json")));
    let written = |event: &Event| -> Value {
        assert_eq!(event.schema_version(), 2, "{name}");
        serde_json::from_str(event.encode().unwrap().get()).unwrap()
    };
    let old = written(&Event::decode(name, 1, &text(1)).unwrap());
    assert_eq!(old, serde_json::from_str::<Value>(&text(1)).unwrap(), "{name}");
    let newest: Value = serde_json::from_str(&text(2)).unwrap();
    assert!(!had_not(&newest), "{name}: the sample shows what is new");
    assert!(
        had_not(&written(&Event::decode(name, 1, &text(2)).unwrap())),
        "{name}"
    );
}

#[test]
fn an_earlier_version_of_an_event_is_read_without_what_it_did_not_have() {
    read_as_it_was("supplier.debt_adjusted", |data| {
        data.get("adjustment_id").is_none()
    });
    read_as_it_was("repair.received", |data| {
        data.pointer("/device/sold/order_id").is_none()
    });
    read_as_it_was("transfer_order.received", |data| data.get("surplus").is_none());
    read_as_it_was("order.invoiced", |data| {
        let fields = [
            "/gross_minor",
            "/discount_minor",
            "/lines/0/gross_minor",
            "/lines/1/discount_minor",
        ];
        fields.iter().all(|field| data.pointer(field).is_none())
    });
}

#[test]
fn a_quarantined_sale_of_the_first_version_has_its_words_and_its_prices() {
    let text = read(&folder("golden").join("sale.offline_quarantined.v1.json"));
    let event = Event::decode("sale.offline_quarantined", 1, &text).unwrap();
    let mut was: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(was["cause"]["kind"], "serial_sold_twice");
    let content = was["sale"]["content"].as_object_mut().unwrap();
    // What a till sold is gone; nothing of it is held.
    assert!(content.remove("hold_stock").is_some());
    let written: Value = serde_json::from_str(event.encode().unwrap().get()).unwrap();
    assert_eq!(written, was);
}

#[test]
fn decisions_of_the_first_version_drop_no_unit() {
    for name in ["sale.offline_amended", "sale.offline_accepted"] {
        let path = folder("golden").join(format!("{name}.v1.json"));
        let mut data: Value = serde_json::from_str(&read(&path)).unwrap();
        let was = data.clone();
        data["unit_dropped"] = Value::Bool(true);
        for data in [&was, &data] {
            let event = Event::decode(name, 1, &data.to_string()).unwrap();
            let written: Value = serde_json::from_str(event.encode().unwrap().get()).unwrap();
            assert_eq!(written, was, "{name}");
        }
        let newest = Event::decode(name, 2, &data.to_string()).unwrap();
        let written: Value = serde_json::from_str(newest.encode().unwrap().get()).unwrap();
        assert_eq!(written["unit_dropped"], true, "{name}");
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let mut names = BTreeSet::new();
    for event_type in Event::types() {
        let name = file_of(event_type);
        let committed: Value = serde_json::from_str(&read(&folder("json-schema").join(&name))).unwrap();
        assert_eq!(
            committed,
            (event_type.schema)().to_value(),
            "{name}: cargo run -p schemas --example write_schemas"
        );
        names.insert(name);
    }
    let files = fs::read_dir(folder("json-schema")).unwrap();
    let files: BTreeSet<String> = files
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    assert!(files.is_superset(&names));
}

#[test]
fn every_sample_satisfies_its_schema() {
    for (name, version, text) in samples() {
        let schema = read(&folder("json-schema").join(format!("{name}.v{version}.json")));
        let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
        let sample: Value = serde_json::from_str(&text).unwrap();
        if let Err(error) = validator.validate(&sample) {
            panic!("{name}: {error}");
        }
        assert!(
            !validator.is_valid(&Value::Null),
            "{name}: a schema that accepts anything proves nothing"
        );
    }
}
