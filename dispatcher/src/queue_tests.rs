//! Turns, limits and promises of the queue.

use std::time::Duration;

use schemas::{Position, StreamName, TenantId, Version};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;

/// With so many workers that shares bind nobody.
fn queue() -> Queue {
    queue_of(Some(BreakerOptions::default()), 1_024)
}

fn queue_of(breaker: Option<BreakerOptions>, workers: usize) -> Queue {
    Queue::new(breaker, workers, Arc::new(Notify::new()))
}

fn job(endpoint: i64, sequence: i64, concurrency: usize) -> Job {
    job_of("t", endpoint, sequence, concurrency)
}

fn job_of(tenant: &str, endpoint: i64, sequence: i64, concurrency: usize) -> Job {
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
        endpoint: Arc::new(Endpoint::for_tests(tenant, endpoint, concurrency)),
        sequence,
        event: Arc::new(event),
        body: Body::CloudEvent(bus::Payload::Full),
        attempt: 1,
        attempt_base: 0,
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

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_keeps_failing_gives_its_line_back_and_is_probed_one_at_a_time() {
    let options = BreakerOptions::default();
    let queue = queue();
    queue.push((1..=100).map(|sequence| job(1, sequence, 8)));
    assert_eq!(taken(&queue).len(), 8);
    let shed: usize = (0..options.failures)
        .map(|_| queue.done(1, Some(false)).len())
        .sum();
    assert_eq!(shed, 92, "all that waited");
    (0..3).for_each(|_| drop(queue.done(1, Some(false))));
    assert_eq!(queue.rooms(Some(&[1])), [], "nothing is claimed while it rests");
    assert!(!queue.reserve(1, 1), "and nothing is handed over");
    tokio::time::advance(options.pause).await;
    assert_eq!(queue.rooms(Some(&[1])), [(1, 1)]);
    queue.push([job(1, 9, 8), job(1, 10, 8)]);
    assert_eq!(taken(&queue), [(1, 9)], "a probe");
    assert_eq!(queue.done(1, Some(false)).len(), 1);
    // Claimed for the probe that has failed meanwhile: it is the next one, when its time has come.
    queue.push([job(1, 11, 8)]);
    assert!(taken(&queue).is_empty());
    tokio::time::advance(options.pause * 2).await;
    queue.pace();
    assert_eq!(taken(&queue), [(1, 11)]);
    queue.done(1, Some(false));
    let states: Vec<BreakerState> = queue.moved_breakers().iter().map(|note| note.state).collect();
    assert_eq!(states, [BreakerState::Open]);
    assert!(queue.moved_breakers().is_empty(), "each is told once");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_back_is_filled_up_at_twice_its_usual_rate_until_nothing_waits() {
    let options = BreakerOptions::default();
    let queue = queue();
    // Two minutes at twenty a second.
    for sequence in 1..=2_400 {
        queue.push([job(1, sequence, 8)]);
        assert_eq!(taken(&queue).len(), 1);
        queue.done(1, Some(true));
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    queue.push((3_000..3_008).map(|sequence| job(1, sequence, 8)));
    for _ in taken(&queue) {
        queue.done(1, Some(false));
    }
    queue.note_backlog(1);
    tokio::time::advance(options.pause).await;
    queue.push([job(1, 4_000, 8)]);
    assert_eq!(taken(&queue).len(), 1);
    queue.done(1, Some(true));
    let (mut sequence, mut sent) = (5_000, 0_u32);
    for _ in 0..400 {
        for (endpoint, room) in queue.rooms(None) {
            let room = i64::try_from(room).unwrap();
            queue.push((sequence..sequence + room).map(|sequence| job(endpoint, sequence, 8)));
            sequence += room;
        }
        queue.pace();
        for _ in taken(&queue) {
            queue.done(1, Some(true));
            sent += 1;
        }
        tokio::time::advance(crate::breaker::PACE).await;
    }
    assert!(
        (700..=860).contains(&sent),
        "{sent} in twenty seconds; usually twenty a second"
    );
    while queue.waiting() > 0 {
        tokio::time::advance(crate::breaker::PACE).await;
        queue.pace();
        for _ in taken(&queue) {
            queue.done(1, Some(true));
        }
    }
    assert_eq!(
        queue.breakers()[&BreakerState::Draining],
        1,
        "the database may hold more"
    );
    queue.claimed(1, false);
    assert_eq!(queue.breakers()[&BreakerState::Closed], 1);
    queue.push((9_000..9_100).map(|sequence| job(1, sequence, 64)));
    assert_eq!(taken(&queue).len(), 64, "nothing holds it back any more");
}

#[test]
fn security_events_are_never_spared() {
    let queue = queue_of(None, 1_024);
    queue.push((1..=100).map(|sequence| job(1, sequence, 8)));
    for _ in 0..10 {
        assert_eq!(taken(&queue).len(), 8);
        let shed: usize = (0..8).map(|_| queue.done(1, Some(false)).len()).sum();
        assert_eq!(shed, 0);
    }
}

#[test]
fn an_endpoint_has_a_fourth_of_the_workers_at_most_and_a_tenant_half() {
    let queue = queue_of(Some(BreakerOptions::default()), 8);
    for endpoint in 1..=5 {
        queue.push((1..=20).map(|sequence| job_of("slow", endpoint, sequence, 64)));
    }
    queue.push((1..=20).map(|sequence| job_of("other", 6, sequence, 64)));
    let mut places = std::collections::BTreeMap::new();
    for (endpoint, _) in taken(&queue) {
        *places.entry(endpoint).or_insert(0) += 1;
    }
    assert!(places.values().all(|&count| count <= 2), "{places:?}");
    assert_eq!(places.remove(&6), Some(2));
    assert_eq!(places.values().sum::<i32>(), 4, "{places:?}");
    let endpoint = *places.keys().next().unwrap();
    queue.done(endpoint, Some(true));
    assert_eq!(
        taken(&queue).len(),
        1,
        "the place goes to the next endpoint of the tenant"
    );
}

#[test]
fn full_lines_leave_every_other_endpoint_some_room() {
    let queue = queue();
    for endpoint in 1..=8 {
        let room = i64::try_from(LINE_MAX).unwrap();
        queue.push((1..=room).map(|sequence| job(endpoint, sequence, 64)));
    }
    assert_eq!(queue.waiting(), WAITING_MAX);
    let rooms = queue.rooms(Some(&(1..=10).collect::<Vec<_>>()));
    assert_eq!(rooms, [(9, LINE_MIN), (10, LINE_MIN)]);
    assert!(queue.reserve(9, LINE_MIN) && !queue.reserve(9, 1));
}

#[test]
fn deleted_endpoints_leave_no_trace_even_if_they_had_failed() {
    let queue = queue();
    queue.push((1..=2).flat_map(|endpoint| (1..=8).map(move |sequence| job(endpoint, sequence, 8))));
    for (endpoint, _) in taken(&queue) {
        queue.done(endpoint, Some(false));
    }
    queue.note_backlog(1);
    queue.keep_only(&HashSet::from([2]));
    queue.rooms(Some(&[2]));
    let state = queue.state();
    assert_eq!(state.lines.keys().collect::<Vec<_>>(), [&2]);
    assert!(state.tenants.is_empty());
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

#[test]
fn a_dead_endpoint_and_a_slow_one_put_nothing_before_another_endpoints_delivery() {
    for tenant in ["own", "another"] {
        let queue = queue_of(Some(BreakerOptions::default()), 16);
        let full = i64::try_from(LINE_MAX).unwrap();
        queue.push((1..=full).map(|sequence| job_of(tenant, 1, sequence, 64)));
        assert_eq!(taken(&queue).len(), 4, "all that a dead one ever has under way");
        for sequence in 1..=1_000 {
            queue.push([job_of("own", 2, sequence, 64)]);
            assert_eq!(taken(&queue), [(2, sequence)], "at the first turn");
            queue.done(2, Some(true));
        }
        // One that answers slowly frees a place now and then: at most one of its deliveries goes first.
        for sequence in 2_001..=2_100 {
            queue.done(1, Some(true));
            queue.push([job_of("own", 2, sequence, 64)]);
            let turns = taken(&queue);
            assert!(turns.len() == 2 && turns.contains(&(2, sequence)), "{turns:?}");
            queue.done(2, Some(true));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_closes_is_told_even_if_its_endpoint_has_nothing_else_to_remember() {
    let options = BreakerOptions::default();
    let queue = queue();
    // Nothing has ever arrived there.
    queue.push((1..=5).map(|sequence| job(1, sequence, 8)));
    for _ in taken(&queue) {
        queue.done(1, Some(false));
    }
    let states = |queue: &Queue| -> Vec<BreakerState> {
        queue.moved_breakers().iter().map(|note| note.state).collect()
    };
    assert_eq!(states(&queue), [BreakerState::Open]);
    tokio::time::advance(options.pause).await;
    queue.push([job(1, 6, 8)]);
    assert_eq!(taken(&queue), [(1, 6)], "a probe");
    queue.done(1, Some(true));
    // The claimer forgets idle lines more often than breakers are written.
    queue.rooms(Some(&[1]));
    assert_eq!(states(&queue), [BreakerState::Closed]);
    assert!(queue.breakers().values().sum::<usize>() == 1);
    queue.rooms(Some(&[1]));
    assert!(
        queue.breakers().is_empty(),
        "once it is told, the line is forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn a_remembered_drain_without_anything_left_to_send_is_told_as_closed() {
    let queue = queue();
    let drain = Breaker::remembered(BreakerState::Draining, 40.0, Instant::now());
    queue.remember(1, drain);
    assert!(queue.moved_breakers().is_empty(), "it is what the table says");
    queue.claimed(1, false);
    let notes = queue.moved_breakers();
    assert_eq!(
        notes
            .iter()
            .map(|note| (note.endpoint, note.state))
            .collect::<Vec<_>>(),
        [(1, BreakerState::Closed)]
    );
}
