//! The schema of what leaves, from the schema of what the log holds.
//!
//! Follows what the bus does with the data itself: personal fields and those that it withholds are left out, and in
//! summaries lists of objects become their number. Deliberately absent: the data (`bus::CloudEvent`); a test compares the two for every type.

use bus::Payload;
use serde_json::{Map, Value, json};

/// Where a schema keeps what it refers to.
const LOCAL: &str = "#/$defs/";
const SEALED: &str = "#/$defs/Sealed";
const CLEARED: &str = "Personal: left out, and null when it was cleared.";

/// The schema of an event's data as it is posted; `withheld` are the paths of fields that are left out.
pub fn outgoing(stored: &Value, payload: Payload, withheld: &[&[&str]]) -> Value {
    let definitions = stored["$defs"].clone();
    let mut schema = stored.clone();
    reshape(&mut schema, &definitions, payload);
    let reshaped = schema
        .as_object_mut()
        .and_then(|map| map.remove("$defs"))
        .unwrap_or_default();
    let mut whole = inlined(schema, &reshaped, 0);
    withheld.iter().for_each(|path| withhold(&mut whole, path));
    whole
}

/// Takes the field at the path out of a schema that stands alone, wherever its objects are described.
fn withhold(schema: &mut Value, path: &[&str]) {
    let (Some(map), Some((name, rest))) = (schema.as_object_mut(), path.split_first()) else {
        return;
    };
    for key in ["anyOf", "oneOf", "allOf"] {
        let alternatives = map.get_mut(key).and_then(Value::as_array_mut);
        alternatives
            .into_iter()
            .flatten()
            .for_each(|schema| withhold(schema, path));
    }
    if let Some(items) = map.get_mut("items") {
        withhold(items, path);
    }
    let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    if !rest.is_empty() {
        if let Some(property) = properties.get_mut(*name) {
            withhold(property, rest);
        }
        return;
    }
    properties.remove(*name);
    if let Some(required) = map.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|other| other != name);
    }
}

fn reshape(value: &mut Value, definitions: &Value, payload: Payload) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| reshape(item, definitions, payload)),
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.remove("properties") {
                let required = map.remove("required");
                reshape_object(map, properties, required, definitions, payload);
            }
            map.values_mut()
                .for_each(|inner| reshape(inner, definitions, payload));
        }
        _ => {}
    }
}

fn reshape_object(
    schema: &mut Map<String, Value>,
    properties: Map<String, Value>,
    required: Option<Value>,
    definitions: &Value,
    payload: Payload,
) {
    let was_required = |name: &str| {
        let names = required.as_ref().and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|other| other == name))
    };
    let mut kept = Map::new();
    let mut must = Vec::new();
    for (name, property) in properties {
        if is_sealed(&property) {
            // What it says never leaves; that it was cleared does.
            if alternatives(&property, definitions)
                .into_iter()
                .any(|schema| has_type(schema, "null"))
            {
                kept.insert(name, json!({ "type": "null", "description": CLEARED }));
            }
            continue;
        }
        let kind = if payload == Payload::Summary {
            elements(&property, definitions)
        } else {
            Elements::None
        };
        let count = format!("{name}_count");
        let number =
            json!({ "type": "integer", "minimum": 0, "description": format!("How many {name} there are.") });
        match kind {
            Elements::None => {
                if was_required(&name) {
                    must.push(name.clone());
                }
                kept.insert(name, property);
            }
            Elements::Objects => {
                if was_required(&name) {
                    must.push(count.clone());
                }
                kept.insert(count, number);
            }
            // An empty list is counted, too, whatever it could hold.
            Elements::Values => {
                kept.insert(name, property);
                kept.insert(count, number);
            }
        }
    }
    schema.insert("properties".to_owned(), Value::Object(kept));
    if !must.is_empty() {
        // Whatever order the properties came in, the document is the same.
        must.sort_unstable();
        schema.insert("required".to_owned(), json!(must));
    }
}

/// What a property is a list of.
enum Elements {
    /// It is no list.
    None,
    Objects,
    Values,
}

fn elements(property: &Value, definitions: &Value) -> Elements {
    let Some(list) = alternatives(property, definitions)
        .into_iter()
        .find(|schema| has_type(schema, "array"))
    else {
        return Elements::None;
    };
    let of_objects = alternatives(&list["items"], definitions)
        .into_iter()
        .any(|schema| has_type(schema, "object") || schema.get("properties").is_some());
    if of_objects {
        Elements::Objects
    } else {
        Elements::Values
    }
}

/// The schemas that a value may follow: through references and alternatives.
fn alternatives<'a>(schema: &'a Value, definitions: &'a Value) -> Vec<&'a Value> {
    /// Deeper than any schema of this crate refers.
    const MAX_STEPS: usize = 64;
    let (mut open, mut found) = (vec![schema], Vec::new());
    for _ in 0..MAX_STEPS {
        let Some(schema) = open.pop() else { break };
        found.push(schema);
        let name = schema["$ref"].as_str().and_then(|text| text.strip_prefix(LOCAL));
        open.extend(name.and_then(|name| definitions.get(name)));
        for key in ["anyOf", "oneOf", "allOf"] {
            open.extend(schema[key].as_array().into_iter().flatten());
        }
    }
    found
}

fn has_type(schema: &Value, wanted: &str) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == wanted,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == wanted),
        _ => false,
    }
}

/// A personal field, also one that may be absent, and a list of such.
fn is_sealed(property: &Value) -> bool {
    let any = property["anyOf"].as_array().into_iter().flatten();
    property["$ref"] == SEALED
        || any.into_iter().any(is_sealed)
        || property.get("items").is_some_and(is_sealed)
}

/// The schema with everything that it refers to in its place, so that it stands alone wherever it is shown. No event
/// refers to itself; beyond any depth that they have, anything goes.
fn inlined(schema: Value, definitions: &Value, depth: usize) -> Value {
    const MAX_DEPTH: usize = 64;
    match schema {
        Value::Array(items) => {
            let items = items.into_iter();
            items.map(|item| inlined(item, definitions, depth)).collect()
        }
        Value::Object(mut map) => {
            let name = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|text| text.strip_prefix(LOCAL));
            let meant = name.map(|name| definitions[name].clone());
            let mut whole = match meant {
                Some(meant) if depth < MAX_DEPTH => {
                    map.remove("$ref");
                    inlined(meant, definitions, depth + 1)
                }
                _ => Value::Object(Map::new()),
            };
            // What stands beside a reference is said of this use of it.
            if let Some(whole) = whole.as_object_mut() {
                let beside = map.into_iter();
                whole.extend(beside.map(|(key, inner)| (key, inlined(inner, definitions, depth))));
            }
            whole
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Value {
        json!({
            "type": "object",
            "properties": {
                "id": { "type": "string" },
                "name": { "$ref": "#/$defs/Sealed" },
                "email": { "anyOf": [{ "$ref": "#/$defs/Sealed" }, { "type": "null" }] },
                "lines": { "type": "array", "items": { "$ref": "#/$defs/Line" } },
                "causes": { "type": ["array", "null"], "items": { "type": "string" } },
            },
            "required": ["id", "name", "lines", "causes"],
            "$defs": {
                "Sealed": { "type": "object", "properties": { "sealed": { "type": "string" } } },
                "Line": { "type": "object", "properties": { "sku": { "$ref": "#/$defs/Sku", "description": "What it is." } } },
                "Sku": { "type": "string" },
            },
        })
    }

    #[test]
    fn personal_fields_are_in_no_schema_and_it_stands_alone() {
        let schema = outgoing(&stored(), Payload::Full, &[]);
        assert!(schema["properties"].get("name").is_none());
        assert_eq!(schema["properties"]["email"]["type"], "null");
        assert_eq!(schema["required"], json!(["causes", "id", "lines"]));
        let line = &schema["properties"]["lines"]["items"];
        assert_eq!(
            line["properties"]["sku"],
            json!({ "type": "string", "description": "What it is." })
        );
        assert!(schema.get("$defs").is_none());
    }

    #[test]
    fn withheld_fields_are_in_no_schema_at_any_depth_and_never_required() {
        let schema = outgoing(&stored(), Payload::Full, &[&["id"], &["lines", "sku"]]);
        assert!(schema["properties"].get("id").is_none());
        assert_eq!(schema["required"], json!(["causes", "lines"]));
        let line = &schema["properties"]["lines"]["items"]["properties"];
        assert_eq!(*line, json!({}));
    }

    #[test]
    fn in_a_summary_lists_of_objects_are_their_number() {
        let schema = outgoing(&stored(), Payload::Summary, &[]);
        assert!(schema["properties"].get("lines").is_none());
        assert_eq!(schema["properties"]["lines_count"]["type"], "integer");
        assert_eq!(schema["required"], json!(["id", "lines_count"]));
        assert!(
            schema["properties"]["causes"].is_object() && schema["properties"]["causes_count"].is_object()
        );
    }
}
