//! An event as a pulling connector gets it: S1's names, the feed's number, the reason, and the data without personal
//! fields, as webhooks have it.
//!
//! Made from the log each time. Not here: which rows (`pages`).

use std::collections::HashMap;
use std::sync::Arc;

use bus::{CloudEvent, Payload};
use schemars::JsonSchema;
use schemas::RecordedEvent;
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use uuid::Uuid;

use super::grants::entity;
use super::pages::Row;

/// Bytes of payload that one page holds at most; its first event always fits.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;
/// What an event takes beside its payload.
const ITEM_BYTES: usize = 600;

/// One event of a feed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FeedEvent")]
pub(super) struct Item {
    /// What its acknowledgement names; the same as `sequence`.
    id: i64,
    /// The connector's own count, from 1 without gaps.
    sequence: i64,
    /// The same for every connector and webhook; use it to notice repeats.
    #[schemars(with = "String")]
    event_id: Uuid,
    /// Such as `sale.completed`.
    event_type: String,
    /// What stands before the dot of the type: `sale`, `inventory`, `transfer_order`.
    entity: String,
    /// What it happened to, such as `sale/T1-000123`.
    stream: String,
    /// `PENDING`, `SENT` or `FAILED`.
    status: String,
    /// Times that it was handed out, this one included.
    attempts: i32,
    /// Times that it was reported as failed.
    failures: i32,
    /// Given up by the consumer: it is not handed out again.
    #[serde(rename = "final")]
    is_final: bool,
    /// What the last acknowledgement said.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The business reason (`X-Reason`) of the command behind the event.
    reason: Option<String>,
    /// The event's place in the log.
    position: i64,
    /// When it was recorded.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    created_at: OffsetDateTime,
    /// Until then nobody else gets it.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    leased_until: Option<OffsetDateTime>,
    /// When it is handed out again, unless it is acknowledged before.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    next_attempt_at: Option<OffsetDateTime>,
    /// When it was last acknowledged.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    acknowledged_at: Option<OffsetDateTime>,
    /// The event's data, without personal fields.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    payload: Box<RawValue>,
}

/// A page's items, and the rows that did not fit.
pub(super) struct Cut {
    pub items: Vec<Item>,
    pub rest: Vec<Row>,
}

/// Makes items until the page is full.
pub(super) fn cut(rows: Vec<Row>, events: &HashMap<i64, Arc<RecordedEvent>>) -> Cut {
    let mut cut = Cut {
        items: Vec::with_capacity(rows.len()),
        rest: Vec::new(),
    };
    let mut bytes = 0;
    for row in rows {
        if !cut.rest.is_empty() {
            cut.rest.push(row);
            continue;
        }
        let event = events.get(&row.position).filter(|event| event.id == row.event_id);
        let Some(event) = event else {
            // Its lease runs out; only a restored or foreign log does this.
            tracing::error!(sequence = row.sequence, "the log does not hold this row's event");
            continue;
        };
        let Some(payload) = payload(event, row.sequence) else {
            tracing::error!(sequence = row.sequence, "the log holds what is no JSON");
            continue;
        };
        bytes += payload.get().len() + ITEM_BYTES;
        if bytes > PAGE_BYTES && !cut.items.is_empty() {
            cut.rest.push(row);
            continue;
        }
        cut.items.push(item(row, event, payload));
    }
    cut
}

fn payload(event: &RecordedEvent, sequence: i64) -> Option<Box<RawValue>> {
    let event = CloudEvent {
        event,
        sequence: Some(sequence),
    };
    RawValue::from_string(event.data(Payload::Full)).ok()
}

fn item(row: Row, event: &RecordedEvent, payload: Box<RawValue>) -> Item {
    Item {
        id: row.sequence,
        sequence: row.sequence,
        event_id: row.event_id,
        event_type: event.event_type.to_string(),
        entity: entity(&event.event_type).to_owned(),
        stream: event.stream.to_string(),
        status: row.status,
        attempts: row.attempts,
        failures: row.failures,
        is_final: row.is_final,
        detail: row.detail,
        reason: event.meta().ok().and_then(|meta| meta.reason),
        position: row.position,
        created_at: event.recorded_at,
        leased_until: row.leased_until,
        next_attempt_at: row.due_at,
        acknowledged_at: row.settled_at,
        payload,
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Position, StreamName, TenantId, Version};

    use super::*;

    fn event(position: i64, data: String) -> Arc<RecordedEvent> {
        Arc::new(RecordedEvent {
            position: Position(position),
            tenant: TenantId::new("t").unwrap(),
            stream: StreamName::new("sale", "S1"),
            version: Version(1),
            id: Uuid::from_u128(u128::try_from(position).unwrap()),
            event_type: "sale.completed".into(),
            schema_version: 1,
            data: RawValue::from_string(data).unwrap(),
            meta: RawValue::from_string(
                r#"{"actor":{"kind":"system","name":"x"},"reason":"cierre de caja","command_id":"1","command":"x"}"#
                    .to_owned(),
            )
            .unwrap(),
            recorded_at: OffsetDateTime::UNIX_EPOCH,
        })
    }

    fn row(sequence: i64) -> Row {
        Row {
            sequence,
            position: sequence,
            event_id: Uuid::from_u128(u128::try_from(sequence).unwrap()),
            status: "PENDING".to_owned(),
            attempts: 1,
            failures: 0,
            is_final: false,
            detail: None,
            due_at: None,
            leased_until: None,
            settled_at: None,
        }
    }

    fn events(data: &[String]) -> HashMap<i64, Arc<RecordedEvent>> {
        (1..)
            .zip(data)
            .map(|(position, data)| (position, event(position, data.clone())))
            .collect()
    }

    #[test]
    fn an_item_has_the_reason_and_no_personal_fields() {
        let data = r#"{"sale_id":"S1","total_minor":9007199254740993,"name":{"sealed":"v1.x"}}"#.to_owned();
        let cut = cut(vec![row(1)], &events(&[data]));
        let item = serde_json::to_string(&cut.items[0]).unwrap();
        assert!(item.contains(r#""reason":"cierre de caja""#), "{item}");
        assert!(
            item.contains(r#""payload":{"sale_id":"S1","total_minor":9007199254740993}"#),
            "{item}"
        );
        assert!(!item.contains("sealed"));
    }

    #[test]
    fn a_page_is_bounded_in_bytes_and_holds_at_least_one_event() {
        let large = format!("{{\"text\":\"{}\"}}", "x".repeat(PAGE_BYTES));
        let small = "{}".to_owned();
        let page = cut(
            vec![row(1), row(2), row(3)],
            &events(&[large.clone(), small.clone(), small.clone()]),
        );
        assert_eq!((page.items.len(), page.rest.len()), (1, 2));
        let page = cut(
            vec![row(1), row(2), row(3)],
            &events(&[small.clone(), large, small]),
        );
        assert_eq!(page.items.len(), 1);
        assert_eq!(
            page.rest.iter().map(|row| row.sequence).collect::<Vec<_>>(),
            [2, 3]
        );
    }

    #[test]
    fn a_row_whose_event_is_another_is_left_out() {
        let mut foreign = row(1);
        foreign.event_id = Uuid::nil();
        let cut = cut(
            vec![foreign, row(2)],
            &events(&["{}".to_owned(), "{}".to_owned()]),
        );
        assert_eq!((cut.items.len(), cut.rest.len()), (1, 0));
    }
}
