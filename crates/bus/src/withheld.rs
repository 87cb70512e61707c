//! Fields of events that never leave, although they are nobody's personal data: what secrets are checked against, and
//! what an endpoint's owner put into headers.
//!
//! The log needs them to rebuild its readers; outsiders don't. Kept here, beside the one place that makes outgoing
//! bodies, by event type. Sealed fields need no entry: they are known by their shape.

/// The names that lead from an event's data to a field.
pub type Path = &'static [&'static str];

const SECRET: &[Path] = &[&["secret"]];
const TOKEN_HASH: &[Path] = &[&["token", "token_hash"]];
/// Such as `Authorization: Basic …` of the receiver's own gateway.
const HEADERS: &[Path] = &[&["settings", "headers"]];

/// What is left out of events of this type, with everything below it.
pub fn withheld(event_type: &str) -> &'static [Path] {
    match event_type {
        "admin.api_key_created" | "admin.api_key_rotated" => SECRET,
        "connector.created" | "connector.token_rotated" => TOKEN_HASH,
        "webhook.endpoint_created" | "webhook.endpoint_changed" => HEADERS,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use schemas::{Position, RecordedEvent, StreamName, TenantId, Version};
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;
    use crate::{CloudEvent, Payload};

    fn event(event_type: &str, data: &str) -> RecordedEvent {
        RecordedEvent {
            position: Position(7),
            tenant: TenantId::new("tienda").unwrap(),
            stream: StreamName::new("x", "1"),
            version: Version(1),
            id: uuid::Uuid::from_u128(1),
            event_type: event_type.into(),
            schema_version: 1,
            data: RawValue::from_string(data.to_owned()).unwrap(),
            meta: RawValue::from_string("{}".to_owned()).unwrap(),
            recorded_at: time::OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn names_in(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| names_in(item, names)),
            Value::Object(map) => map.iter().for_each(|(name, inner)| {
                names.push(name.clone());
                names_in(inner, names);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Every golden sample: the event's type, the file's name, and the data.
    fn samples() -> Vec<(String, String, String)> {
        let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/golden");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .map(|path| {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let event_type = name.rsplit_once(".v").unwrap().0.to_owned();
                (event_type, name, std::fs::read_to_string(path).unwrap())
            })
            .collect()
    }

    #[test]
    fn no_body_of_any_sample_holds_a_hash_a_secret_or_a_header() {
        let samples = samples();
        assert!(samples.len() > 100, "{}", samples.len());
        for (event_type, name, data) in samples {
            let event = event(&event_type, &data);
            let outgoing = CloudEvent {
                event: &event,
                sequence: Some(1),
            };
            for payload in [Payload::Summary, Payload::Full] {
                let bodies = [
                    outgoing.to_bytes(payload).to_vec(),
                    outgoing.data(payload).into_bytes(),
                ];
                for body in bodies {
                    let mut names = Vec::new();
                    names_in(&serde_json::from_slice(&body).unwrap(), &mut names);
                    let leaked = names.iter().find(|field| {
                        field.ends_with("_hash")
                            || field.contains("sealed")
                            || ["secret", "token_hash", "headers"].contains(&field.as_str())
                    });
                    assert_eq!(leaked, None, "{name} ({payload:?})");
                }
            }
        }
    }

    #[test]
    fn what_stands_beside_a_withheld_field_leaves_as_it_is_stored() {
        let event = event(
            "connector.created",
            r#"{"slug":"erp","token":{"token_id":"t1","token_hash":"abab"},"token_hash":1.50}"#,
        );
        let outgoing = CloudEvent {
            event: &event,
            sequence: None,
        };
        assert_eq!(
            outgoing.data(Payload::Full),
            r#"{"slug":"erp","token":{"token_id":"t1"},"token_hash":1.50}"#
        );
    }

    #[test]
    fn every_withheld_field_is_one_that_a_sample_of_its_type_has() {
        for (event_type, name, data) in samples() {
            let data: Value = serde_json::from_str(&data).unwrap();
            for path in withheld(&event_type) {
                let pointer = format!("/{}", path.join("/"));
                // Headers are optional.
                let is_there = data.pointer(&pointer).is_some();
                assert!(is_there || path.last() == Some(&"headers"), "{name}: {pointer}");
            }
        }
    }
}
