//! What is posted: a function of the stored event, the delivery's number and the kind of body that matching chose, so
//! that each attempt has the same bytes. Changing what a kind means needs a new kind.
//!
//! Not here: which kind an endpoint gets (`matcher::plan`), and signatures over it (`sign`).

use bus::{CloudEvent, Payload};
use bytes::Bytes;
use schemas::RecordedEvent;
use serde::{Deserialize, Serialize};

/// A kind of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A CloudEvents document.
    CloudEvent(Payload),
    /// The event's data alone.
    Plain(Payload),
    /// An inventory threshold that was crossed, for subscribers of `stock_bajo`: what that name has always meant to them.
    StockBajo,
}

/// What is read of `inventory.threshold_breach`.
#[derive(Deserialize)]
struct Breach {
    item_name: String,
    quantity: i64,
    minimum: i64,
}

/// Keys and their order are the subscribers'.
#[derive(Serialize)]
struct StockBajo<'a> {
    evento: &'static str,
    articulo: &'a str,
    cantidad_actual: i64,
    umbral_minimo: i64,
}

impl Body {
    const ALL: [Body; 5] = [
        Body::CloudEvent(Payload::Summary),
        Body::CloudEvent(Payload::Full),
        Body::Plain(Payload::Summary),
        Body::Plain(Payload::Full),
        Body::StockBajo,
    ];

    /// As deliveries' rows have it; never renumbered.
    pub fn code(self) -> i16 {
        match self {
            Body::CloudEvent(Payload::Summary) => 1,
            Body::CloudEvent(Payload::Full) => 2,
            Body::Plain(Payload::Summary) => 3,
            Body::Plain(Payload::Full) => 4,
            Body::StockBajo => 5,
        }
    }

    /// The kind that a row names; `None` when it is of a newer build.
    pub fn stored(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|body| body.code() == code)
    }

    /// The bytes of an event's delivery under its number.
    pub fn to_bytes(self, event: &RecordedEvent, sequence: i64) -> Bytes {
        let cloud_event = CloudEvent {
            event,
            sequence: Some(sequence),
        };
        match self {
            Body::CloudEvent(payload) => cloud_event.to_bytes(payload),
            Body::Plain(payload) => Bytes::from(cloud_event.data(payload)),
            // An event of another shape goes out as plain data rather than not at all.
            Body::StockBajo => {
                stock_bajo(event).unwrap_or_else(|| Bytes::from(cloud_event.data(Payload::Full)))
            }
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Body::CloudEvent(_) => "application/cloudevents+json",
            Body::Plain(_) | Body::StockBajo => "application/json",
        }
    }

    /// Whether type and number stand in the body; if not, headers say them.
    pub fn says_what_it_is(self) -> bool {
        matches!(self, Body::CloudEvent(_))
    }
}

fn stock_bajo(event: &RecordedEvent) -> Option<Bytes> {
    let breach: Breach = serde_json::from_str(event.data.get()).ok()?;
    let body = StockBajo {
        evento: "stock_bajo",
        articulo: &breach.item_name,
        cantidad_actual: breach.quantity,
        umbral_minimo: breach.minimum,
    };
    serde_json::to_vec(&body).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use schemas::{Position, StreamName, TenantId, Version};
    use serde_json::value::RawValue;

    use super::*;

    fn event(data: &str) -> RecordedEvent {
        RecordedEvent {
            position: Position(7),
            tenant: TenantId::new("t").unwrap(),
            stream: StreamName::new("stock", "centro/CABLE"),
            version: Version(1),
            id: uuid::Uuid::from_u128(1),
            event_type: "inventory.threshold_breach".into(),
            schema_version: 1,
            data: RawValue::from_string(data.to_owned()).unwrap(),
            meta: RawValue::from_string("{}".to_owned()).unwrap(),
            recorded_at: time::OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_kind_is_found_again_by_its_code_and_no_other_is() {
        for body in Body::ALL {
            assert_eq!(Body::stored(body.code()), Some(body));
        }
        assert_eq!(Body::stored(0), None);
        assert_eq!(Body::stored(6), None);
    }

    #[test]
    fn a_plain_body_is_the_data_alone_without_personal_fields() {
        let event = event(r#"{"sale_id":"S1","lines":[{"a":1}],"name":{"sealed":"v1.x"}}"#);
        let text = |body: Body| String::from_utf8(body.to_bytes(&event, 3).to_vec()).unwrap();
        assert_eq!(
            text(Body::Plain(Payload::Full)),
            r#"{"sale_id":"S1","lines":[{"a":1}]}"#
        );
        assert_eq!(
            text(Body::Plain(Payload::Summary)),
            r#"{"sale_id":"S1","lines_count":1}"#
        );
        assert!(text(Body::CloudEvent(Payload::Full)).starts_with(r#"{"specversion""#));
    }

    #[test]
    fn stock_bajo_has_the_four_fields_that_its_subscribers_know() {
        let sample = include_str!("../../schemas/golden/inventory.threshold_breach.v1.json");
        let body = Body::StockBajo.to_bytes(&event(sample), 3);
        assert_eq!(
            body.as_ref(),
            r#"{"evento":"stock_bajo","articulo":"Cable USB-C 1 m","cantidad_actual":4,"umbral_minimo":5}"#
                .as_bytes()
        );
        let foreign = Body::StockBajo.to_bytes(&event(r#"{"a":1}"#), 3);
        assert_eq!(foreign.as_ref(), br#"{"a":1}"#);
    }
}
