//! Turns, limits and promises of the queue.

use std::time::Duration;

use schemas::{Position, StreamName, TenantId, Version};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;

fn queue() -> Queue {
    Queue::new(Arc::new(Notify::new()))
}

fn job(endpoint: i64, sequence: i64, concurrency: usize) -> Job {
    let event = RecordedEvent {
        position: Position(sequence),
        tenant: TenantId::new("t").unwrap(),
        stream: StreamName::new("sale", "S"),
        version: Version(1),
        id: Uuid::from_u128(1),
        event_type: "sale.completed".into(),
        schema_version: 1,
        data: RawValue::from_string("{}".to_owned()).unwrap(),
        meta: RawValue::from_string("{}".to_owned()).unwrap(),
        recorded_at: time::OffsetDateTime::UNIX_EPOCH,
    };
    Job {
        endpoint: Arc::new(Endpoint::for_tests(endpoint, concurrency)),
        sequence,
        event: Arc::new(event),
        payload: Payload::Full,
        attempt: 1,
        lease_ends: Instant::now() + Duration::from_secs(60),
    }
}

fn taken(queue: &Queue) -> Vec<(i64, i64)> {
    std::iter::from_fn(|| queue.try_next().map(|job| (job.endpoint.number, job.sequence))).collect()
}

#[test]
fn endpoints_take_turns_however_long_their_lines_are() {
    let queue = queue();
    queue.push((1..=5).map(|sequence| job(1, sequence, 64)));
    queue.push((1..=2).map(|sequence| job(2, sequence, 64)));
    assert_eq!(
        taken(&queue),
        [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (1, 4), (1, 5)]
    );
}

#[test]
fn an_endpoint_that_never_answers_holds_its_own_places_only() {
    let queue = queue();
    queue.push((1..=100).map(|sequence| job(1, sequence, 2)));
    queue.push((1..=3).map(|sequence| job(2, sequence, 2)));
    assert_eq!(taken(&queue), [(1, 1), (2, 1), (1, 2), (2, 2)]);
    queue.done(2, Some(true));
    assert_eq!(taken(&queue), [(2, 3)], "endpoint 1 waits for its own receiver");
    queue.done(1, Some(true));
    assert_eq!(taken(&queue), [(1, 3)]);
}

#[test]
fn an_endpoint_that_keeps_failing_gives_its_line_back_and_is_served_one_at_a_time() {
    let queue = queue();
    queue.push((1..=100).map(|sequence| job(1, sequence, 8)));
    assert_eq!(taken(&queue).len(), 8);
    let shed: usize = (0..SPARED_AFTER).map(|_| queue.done(1, Some(false)).len()).sum();
    assert_eq!(shed, 92 - SPARED_LINE_MAX);
    assert!(taken(&queue).is_empty(), "three attempts are still in flight");
    (0..3).for_each(|_| drop(queue.done(1, Some(false))));
    assert_eq!(taken(&queue), [(1, 9)]);
    queue.done(1, Some(true));
    assert_eq!(taken(&queue).len(), SPARED_LINE_MAX - 1, "back at full width");
}

#[test]
fn places_are_promised_only_while_nothing_older_waits_in_the_database() {
    let queue = queue();
    assert!(queue.reserve(1, LINE_MAX));
    assert!(!queue.reserve(1, 1));
    queue.unreserve(1, LINE_MAX);
    queue.note_backlog(1);
    assert!(!queue.reserve(1, 1));
    queue.claimed(1, false);
    assert!(queue.reserve(1, 1));
}

#[test]
fn all_endpoints_together_never_get_more_room_than_there_is() {
    let queue = queue();
    let endpoints: Vec<i64> = (1..=100).collect();
    let room: usize = queue.rooms(Some(&endpoints)).iter().map(|(_, room)| room).sum();
    assert!(room <= WAITING_MAX);
    assert_eq!(queue.rooms(None), [], "without a backlog nobody is looked at");
}

#[test]
fn what_is_drained_is_not_sent() {
    let queue = queue();
    queue.push((1..=3).map(|sequence| job(1, sequence, 8)));
    assert_eq!(queue.drain().len(), 3);
    assert!(taken(&queue).is_empty());
    assert_eq!(queue.waiting(), 0);
}
