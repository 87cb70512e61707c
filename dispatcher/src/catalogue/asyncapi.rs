//! The catalogue as an AsyncAPI 3 document: channels, one message for each type, the schemas of their data.
//!
//! Channels are those over which events leave today: webhooks, and the subjects on NATS. The pull feed is a part of the
//! HTTP API and stands in its document.

use bus::{CloudEvent, Payload, SUBJECT_ROOT};
use schemas::Event;
use serde_json::{Map, Value, json};

use super::{Carried, Kind, kinds, sample};

const CLOUD_EVENTS: &str = "application/cloudevents+json";
const INTRODUCTION: &str = "The events of a shop's back room, as CloudEvents 1.0. Personal data never leaves. An event \
    arrives at least once, always with the same id; `sequence` counts an endpoint's deliveries without gaps.";

/// The document.
pub fn document() -> Value {
    let mut messages = Map::new();
    let mut schemas = Map::new();
    schemas.insert("CloudEvent".to_owned(), envelope());
    for kind in kinds() {
        let name = &kind.head.event_type;
        schemas.insert(name.clone(), component(&kind.full));
        if kind.head.summarised {
            schemas.insert(format!("{name}.summary"), component(&kind.summary));
        }
        messages.insert(name.clone(), message(kind));
        for alias in &kind.alias_bodies {
            schemas.insert(alias.alias.clone(), component(&alias.body));
            messages.insert(
                alias.alias.clone(),
                alias_message(kind, &alias.alias, &alias.body.example),
            );
        }
    }
    let all: Vec<&String> = messages.keys().collect();
    let events: Vec<&String> = kinds().iter().map(|kind| &kind.head.event_type).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Trastienda",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": CLOUD_EVENTS,
        "channels": { "webhooks": webhooks(&all), "subjects": subjects(&events) },
        "operations": {
            "deliver": {
                "action": "send",
                "channel": { "$ref": "#/channels/webhooks" },
                "summary": "Posts each event that an endpoint subscribed to, until it is accepted or given up.",
                "bindings": { "http": { "method": "POST", "bindingVersion": "0.3.0" } },
            },
            "publish": {
                "action": "send",
                "channel": { "$ref": "#/channels/subjects" },
                "summary": "Publishes every event of the log, in its order.",
            },
        },
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn webhooks(messages: &[&String]) -> Value {
    json!({
        "address": null,
        "title": "Webhooks",
        "description": "The URL of each endpoint of a tenant (POST /api/v1/webhooks/endpoints), signed as Standard Webhooks says.",
        "messages": by_reference(messages),
    })
}

fn subjects(messages: &[&String]) -> Value {
    json!({
        "address": format!("{SUBJECT_ROOT}.{{tenant}}.{{type}}"),
        "title": "JetStream subjects",
        "description": "One stream in the log's order; bodies are in full, without a sequence.",
        "parameters": {
            "tenant": { "description": "The organisation's id." },
            "type": { "description": "The event's type, whose dot makes two tokens of it.", "examples": ["sale.completed"] },
        },
        "messages": by_reference(messages),
    })
}

fn by_reference(messages: &[&String]) -> Value {
    let references = messages.iter().map(|name| {
        let reference = json!({ "$ref": format!("#/components/messages/{name}") });
        ((*name).clone(), reference)
    });
    Value::Object(references.collect())
}

fn message(kind: &Kind) -> Value {
    let (head, name) = (&kind.head, &kind.head.event_type);
    let full = json!({ "$ref": format!("#/components/schemas/{name}") });
    let data = if head.summarised {
        json!({ "anyOf": [full, { "$ref": format!("#/components/schemas/{name}.summary") }] })
    } else {
        full
    };
    let mut examples = vec![json!({ "name": "full", "payload": example(name, Payload::Full) })];
    if head.summarised {
        examples.push(json!({ "name": "summary", "payload": example(name, Payload::Summary) }));
    }
    json!({
        "name": name,
        "title": name,
        "summary": head.description.en,
        "description": head.description.es,
        "contentType": CLOUD_EVENTS,
        "headers": headers(),
        "payload": { "allOf": [
            { "$ref": "#/components/schemas/CloudEvent" },
            { "type": "object", "properties": { "type": { "const": name }, "data": data } },
        ] },
        "tags": [{ "name": head.module }],
        "examples": examples,
        "x-version": head.version,
        "x-aliases": head.aliases,
    })
}

fn alias_message(kind: &Kind, alias: &str, example: &Map<String, Value>) -> Value {
    let event_type = &kind.head.event_type;
    json!({
        "name": alias,
        "title": alias,
        "summary": format!("{event_type} for endpoints with format plain that asked for {alias}."),
        "description": kind.head.description.es,
        "contentType": "application/json",
        "headers": headers(),
        "payload": { "$ref": format!("#/components/schemas/{alias}") },
        "tags": [{ "name": kind.head.module }],
        "examples": [{ "name": "plain", "payload": example }],
        "x-version": kind.head.version,
    })
}

/// An example as the bus writes it; the sample's stream is not known, so `subject` is left out.
fn example(name: &str, payload: Payload) -> Value {
    let event_type = Event::types().find(|known| known.name == name);
    let event = event_type.and_then(sample);
    let bytes = event.map(|event| {
        let (event, sequence) = (&event, Some(17));
        CloudEvent { event, sequence }.to_bytes(payload)
    });
    let mut body: Value = serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default();
    if let Some(map) = body.as_object_mut() {
        map.remove("subject");
    }
    body
}

/// Of Standard Webhooks; on NATS there are none.
fn headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "properties": {
            "webhook-id": text("The delivery's id; the same at each attempt."),
            "webhook-timestamp": text("Seconds since 1970, of this attempt."),
            "webhook-signature": text("v1, and base64 of HMAC-SHA256 over id.timestamp.body; two during a rotation."),
            "traceparent": text("W3C trace context of the request that caused the event."),
        },
    })
}

fn envelope() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "required": ["specversion", "id", "source", "type", "datacontenttype", "position"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "format": "uuid", "description": "The event's id; the same wherever it goes." },
            "source": text("/tenants/ and the organisation's id."),
            "type": text("The event's type."),
            "subject": text("What it happened to: the event's stream, such as sale/V-1."),
            "time": { "type": "string", "format": "date-time", "description": "When it was recorded." },
            "datacontenttype": { "const": "application/json" },
            "position": { "type": "string", "pattern": "^[0-9]+$", "description": "The event's place in the log." },
            "sequence": { "type": "string", "pattern": "^[0-9]+$", "description": "The delivery's number; from 1, without gaps." },
            "dataomitted": { "const": "true", "description": "On NATS, of an event that is larger than its server takes." },
            "data": { "type": "object" },
        },
    })
}

/// A schema as a component: schemas in AsyncAPI name no dialect.
fn component(carried: &Carried) -> Value {
    let mut schema = carried.schema.clone();
    schema.remove("$schema");
    Value::Object(schema)
}
