//! Every type of event that leaves this platform: what it means, what it holds, an example (WHK-7).
//!
//! Made of the event registry (`schemas`), its golden samples and the aliases of `filter`; nothing is listed by hand but
//! the Spanish sentences. Served as JSON, as a page and as AsyncAPI. Deliberately absent: which event goes where.

mod api;
mod asyncapi;
mod page;
mod shape;
mod spanish;

use std::sync::{Arc, LazyLock};

use bus::{CloudEvent, Payload};
use schemars::JsonSchema;
use schemas::events::EventType;
use schemas::{Event, Position, RecordedEvent, StreamName, TenantId, Version};
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use api::EventTypeReads;
pub use asyncapi::document as asyncapi;
pub use page::{PAGES, pages};

use crate::body::Body;
use crate::filter::{SPANISH, STOCK_BAJO};

/// One sentence in each language.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EventDescription")]
pub struct Description {
    pub es: String,
    pub en: String,
}

/// One form in which an event is posted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EventPayload")]
pub struct Carried {
    /// JSON Schema (2020-12) of the data.
    pub schema: Map<String, Value>,
    /// Data that follows it.
    pub example: Map<String, Value>,
}

/// A body that subscribers by a Spanish name get in the plain format.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EventAliasBody")]
pub struct AliasBody {
    /// Such as `stock_bajo`.
    pub alias: String,
    #[serde(flatten)]
    pub body: Carried,
}

/// What the catalogue says of a type in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EventTypeRow")]
pub struct Head {
    /// Such as `sale.completed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What stands before the dot; `sale.*` subscribes to all of a module.
    pub module: String,
    /// The version in which events are written now.
    pub version: i16,
    /// All versions that a log may hold, oldest first. Events go out as they were written.
    pub versions: Vec<i16>,
    /// Other names by which it can be subscribed to.
    pub aliases: Vec<String>,
    pub description: Description,
    /// Whether `summary` and `full` differ: the event has lists of objects.
    pub summarised: bool,
}

/// A type in full.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "EventType")]
pub struct Kind {
    #[serde(flatten)]
    pub head: Head,
    /// The data with `payload: full`; personal data and secrets never leave.
    pub full: Carried,
    /// The data with `payload: summary`: lists of objects are their number.
    pub summary: Carried,
    /// Bodies of their own that aliases have in the plain format.
    pub alias_bodies: Vec<AliasBody>,
}

/// Every type, in the order of the alphabet.
pub fn kinds() -> &'static [Kind] {
    static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
        let mut kinds: Vec<Kind> = Event::types().filter_map(kind).collect();
        kinds.sort_by(|a, b| a.head.event_type.cmp(&b.head.event_type));
        kinds
    });
    &KINDS
}

/// The type of this name or alias.
pub fn find(name: &str) -> Option<&'static Kind> {
    let is_meant =
        |kind: &&Kind| kind.head.event_type == name || kind.head.aliases.iter().any(|alias| alias == name);
    kinds().iter().find(is_meant)
}

/// `None` never happens: the sample's fixed names are valid. Nothing panics for them, and a test counts.
fn kind(event_type: &EventType) -> Option<Kind> {
    let stored = (event_type.schema)().to_value();
    let event = sample(event_type)?;
    let carried = |payload: Payload| Carried {
        schema: object(shape::outgoing(&stored, payload, bus::withheld(event_type.name))),
        example: parsed(data(&event, payload).as_bytes()),
    };
    let (full, summary) = (carried(Payload::Full), carried(Payload::Summary));
    let english = stored["description"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', " ");
    let spanish = spanish::sentence(event_type.name).map_or_else(|| english.clone(), str::to_owned);
    let aliases: Vec<String> = SPANISH
        .into_iter()
        .filter(|(_, meant)| *meant == event_type.name)
        .map(|(alias, _)| alias.to_owned())
        .collect();
    let module = event_type.name.split('.').next().unwrap_or_default();
    Some(Kind {
        alias_bodies: alias_bodies(&aliases, &event),
        head: Head {
            event_type: event_type.name.to_owned(),
            module: module.to_owned(),
            version: event_type.version,
            versions: (1..=event_type.version).collect(),
            aliases,
            description: Description {
                es: spanish,
                en: english,
            },
            summarised: full.schema.get("properties") != summary.schema.get("properties"),
        },
        full,
        summary,
    })
}

/// The golden sample as an event that a log could hold.
fn sample(event_type: &EventType) -> Option<RecordedEvent> {
    Some(RecordedEvent {
        position: Position(1_200),
        tenant: TenantId::new("mi-tienda").ok()?,
        stream: StreamName::stored(""),
        version: Version(1),
        id: uuid::Uuid::from_u128(0x0193_f1c2_7a10_7c3e_9b55_3f2f_6f1d_2a41),
        event_type: Arc::from(event_type.name),
        schema_version: event_type.version,
        data: serde_json::from_str(event_type.sample).ok()?,
        meta: Box::default(),
        recorded_at: time::macros::datetime!(2026-11-22 10:00:00 UTC),
    })
}

fn data(event: &RecordedEvent, payload: Payload) -> String {
    let sequence = None;
    CloudEvent { event, sequence }.data(payload)
}

/// Of the Spanish names only `stock_bajo` has a body of its own.
fn alias_bodies(aliases: &[String], event: &RecordedEvent) -> Vec<AliasBody> {
    let own = aliases.iter().filter(|alias| *alias == STOCK_BAJO);
    own.map(|alias| AliasBody {
        alias: alias.clone(),
        body: Carried {
            schema: object(stock_bajo_schema()),
            example: parsed(&Body::StockBajo.to_bytes(event, 1)),
        },
    })
    .collect()
}

fn stock_bajo_schema() -> Value {
    serde_json::json!({
        "type": "object",
        "properties": {
            "evento": { "const": STOCK_BAJO },
            "articulo": { "type": "string", "description": "Nombre del artículo." },
            "cantidad_actual": { "type": "integer", "description": "Existencias en la tienda." },
            "umbral_minimo": { "type": "integer", "description": "Mínimo que se quería." },
        },
        "required": ["evento", "articulo", "cantidad_actual", "umbral_minimo"],
        "additionalProperties": false,
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn parsed(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).unwrap_or_default()
}

#[cfg(test)]
mod tests;
