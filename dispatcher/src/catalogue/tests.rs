//! The catalogue against what the code does: every type that can be written, and the data as it is really posted.

use super::*;

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::validator_for(schema).unwrap()
}

#[test]
fn every_event_type_that_can_be_written_is_in_the_catalogue_and_in_asyncapi() {
    let document = asyncapi();
    for known in Event::types() {
        let kind = find(known.name).unwrap_or_else(|| panic!("{} is not in the catalogue", known.name));
        assert_eq!(kind.head.version, known.version);
        assert!(
            !kind.head.description.en.is_empty(),
            "{}: its payload has no doc comment",
            known.name
        );
        assert!(!kind.full.example.is_empty() && !kind.full.schema.is_empty());
        let channel = &document["channels"]["webhooks"]["messages"][known.name];
        assert_eq!(channel["$ref"], format!("#/components/messages/{}", known.name));
        assert!(
            document["components"]["schemas"][known.name].is_object(),
            "{}",
            known.name
        );
    }
    assert_eq!(kinds().len(), Event::types().count());
}

#[test]
fn what_is_posted_of_every_sample_follows_the_schema_that_the_catalogue_shows() {
    for kind in kinds() {
        for (form, carried) in [("full", &kind.full), ("summary", &kind.summary)] {
            let (schema, example) = (
                Value::Object(carried.schema.clone()),
                Value::Object(carried.example.clone()),
            );
            let validator = validator(&schema);
            if let Err(error) = validator.validate(&example) {
                panic!("{} ({form}): {error}", kind.head.event_type);
            }
            // A schema that knows nothing of a field would accept whatever it holds.
            let properties = schema["properties"].as_object();
            let is_flat = schema.get("oneOf").is_none() && schema.get("anyOf").is_none();
            for name in carried.example.keys().filter(|_| is_flat) {
                assert!(
                    properties.is_some_and(|properties| properties.contains_key(name)),
                    "{} ({form}): {name} is not in the schema",
                    kind.head.event_type
                );
            }
            assert!(
                !schema.to_string().contains("\"sealed\""),
                "{}",
                kind.head.event_type
            );
            assert!(!validator.is_valid(&Value::Null));
        }
    }
}

#[test]
fn no_schema_and_no_example_names_a_hash_a_secret_or_headers() {
    for kind in kinds() {
        for carried in [&kind.full, &kind.summary] {
            let text = format!(
                "{}{}",
                Value::Object(carried.schema.clone()),
                Value::Object(carried.example.clone())
            );
            let leaked = ["_hash\"", "\"secret\"", "\"headers\""]
                .into_iter()
                .find(|name| text.contains(name));
            assert_eq!(leaked, None, "{}", kind.head.event_type);
        }
    }
    let rotated = find("connector.token_rotated").unwrap();
    assert_eq!(
        rotated.full.example["token"],
        serde_json::json!({ "token_id": "0190c1f4a3" })
    );
}

#[test]
fn every_spanish_name_is_an_alias_and_stock_bajo_has_its_own_body() {
    for (alias, event_type) in SPANISH {
        assert_eq!(find(alias).unwrap().head.event_type, event_type);
    }
    let kind = find(STOCK_BAJO).unwrap();
    let body = &kind.alias_bodies[0].body;
    assert!(validator(&Value::Object(body.schema.clone())).is_valid(&Value::Object(body.example.clone())));
    assert_eq!(body.example["cantidad_actual"], 4);
    assert!(find("sale.completed").unwrap().alias_bodies.is_empty() && find("sale.*").is_none());
}

#[test]
fn the_examples_of_asyncapi_follow_the_payloads_of_their_messages() {
    let document = asyncapi();
    let registry = jsonschema::Registry::new();
    let registry = registry.add("urn:trastienda:events", document.clone()).unwrap();
    let registry = registry.prepare().unwrap();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(messages.len(), kinds().len() + 1);
    for (name, message) in messages {
        let schema = serde_json::json!({ "$ref": format!("urn:trastienda:events#/components/messages/{name}/payload") });
        let validator = jsonschema::options()
            .with_registry(&registry)
            .build(&schema)
            .unwrap();
        for example in message["examples"].as_array().unwrap() {
            if let Err(error) = validator.validate(&example["payload"]) {
                panic!("{name}: {error}");
            }
            let mut other = example["payload"].clone();
            for field in ["type", "evento"] {
                if other.get(field).is_some() {
                    other[field] = Value::from("sale.of_nothing");
                }
            }
            assert!(!validator.is_valid(&other), "{name} accepts another type");
        }
    }
}

#[test]
fn every_reference_of_asyncapi_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    let pointer = reference
                        .strip_prefix('#')
                        .unwrap_or_else(|| panic!("{reference}"));
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                map.values().for_each(|inner| walk(inner, document));
            }
            _ => {}
        }
    }
    let document = asyncapi();
    walk(&document, &document);
    assert_eq!(document["asyncapi"], "3.0.0");
}
