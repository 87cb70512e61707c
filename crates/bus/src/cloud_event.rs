//! An event as outsiders get it: CloudEvents 1.0.2, structured JSON, without personal data and without what secrets
//! are checked against.
//!
//! The bytes are a function of the stored event, the sequence and the payload kind alone, so that every attempt of a
//! delivery is the same. Keys keep the stored order and numbers their stored digits. Changing a rule here means a
//! new [`Payload`] version, since deliveries that are still open were promised their old bytes; but for `withheld`,
//! whose fields must not leave in any version.

use bytes::Bytes;
use schemas::RecordedEvent;
use time::format_description::well_known::Rfc3339;

use crate::strip::{Keep, strip};
use crate::withheld::withheld;

/// How much of the event's data is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Lists of objects (a sale's lines) are left out; `lines_count` says how many there were.
    Summary,
    /// All but personal data and secrets' verifiers.
    Full,
}

/// An event on its way out.
#[derive(Debug, Clone, Copy)]
pub struct CloudEvent<'a> {
    pub event: &'a RecordedEvent,
    /// The endpoint's sequence number; on NATS there is none.
    pub sequence: Option<i64>,
}

impl CloudEvent<'_> {
    /// The body.
    pub fn to_bytes(self, payload: Payload) -> Bytes {
        let keep = match payload {
            Payload::Summary => Keep::Summary,
            Payload::Full => Keep::All,
        };
        let mut text = self.head();
        text.push_str(",\"data\":");
        strip(
            self.event.data.get(),
            keep,
            withheld(&self.event.event_type),
            &mut text,
        );
        text.push('}');
        Bytes::from(text)
    }

    /// The event's data alone, for carriers that have an envelope of their own (the pull feed).
    pub fn data(self, payload: Payload) -> String {
        let keep = match payload {
            Payload::Summary => Keep::Summary,
            Payload::Full => Keep::All,
        };
        let mut text = String::with_capacity(self.event.data.get().len());
        strip(
            self.event.data.get(),
            keep,
            withheld(&self.event.event_type),
            &mut text,
        );
        text
    }

    /// The envelope alone, for a broker that cannot take the data; says so in an extension attribute.
    pub fn without_data(self) -> Bytes {
        let mut text = self.head();
        text.push_str(",\"dataomitted\":\"true\"}");
        Bytes::from(text)
    }

    fn head(self) -> String {
        let event = self.event;
        let mut text = String::with_capacity(320 + event.data.get().len());
        text.push_str("{\"specversion\":\"1.0\"");
        attribute(&mut text, "id", &event.id.to_string());
        attribute(&mut text, "source", &format!("/tenants/{}", event.tenant));
        attribute(&mut text, "type", &event.event_type);
        attribute(&mut text, "subject", event.stream.as_str());
        // A stored time is in the range that RFC 3339 can write; the attribute is optional.
        if let Ok(recorded_at) = event.recorded_at.format(&Rfc3339) {
            attribute(&mut text, "time", &recorded_at);
        }
        attribute(&mut text, "datacontenttype", "application/json");
        attribute(&mut text, "position", &event.position.to_string());
        if let Some(sequence) = self.sequence {
            attribute(&mut text, "sequence", &sequence.to_string());
        }
        text
    }
}

fn attribute(text: &mut String, name: &str, value: &str) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":");
    text.push_str(&serde_json::Value::from(value).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Position, StreamName, TenantId, Version};
    use serde_json::value::RawValue;
    use uuid::Uuid;

    fn event(data: &str) -> RecordedEvent {
        RecordedEvent {
            position: Position(7),
            tenant: TenantId::new("tienda").unwrap(),
            stream: StreamName::new("item", "LLAVE \"1/2\""),
            version: Version(1),
            id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
            event_type: "sale.completed".into(),
            schema_version: 1,
            data: RawValue::from_string(data.to_owned()).unwrap(),
            meta: RawValue::from_string("{}".to_owned()).unwrap(),
            recorded_at: time::macros::datetime!(2026-11-22 10:00:00.000_123 UTC),
        }
    }

    fn full(data: &str) -> String {
        let event = event(data);
        let bytes = CloudEvent {
            event: &event,
            sequence: Some(3),
        }
        .to_bytes(Payload::Full);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn the_envelope_has_every_attribute_of_the_convention_as_text() {
        assert_eq!(
            full("{\"b\":1,\"a\":2}"),
            "{\"specversion\":\"1.0\",\"id\":\"01900000-0000-7000-8000-000000000001\",\"source\":\"/tenants/tienda\",\
             \"type\":\"sale.completed\",\"subject\":\"item/LLAVE \\\"1/2\\\"\",\"time\":\"2026-11-22T10:00:00.000123Z\",\
             \"datacontenttype\":\"application/json\",\"position\":\"7\",\"sequence\":\"3\",\"data\":{\"b\":1,\"a\":2}}"
        );
    }

    #[test]
    fn a_body_without_data_says_so() {
        let event = event("{\"a\":1}");
        let text = CloudEvent {
            event: &event,
            sequence: None,
        }
        .without_data();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(value["dataomitted"], "true");
        assert!(value.get("data").is_none() && value.get("sequence").is_none());
    }
}
