//! Confirms against expiries: every race has one winner, and the other side is told.

use std::collections::HashMap;

use domain::reservations::{ConfirmReservation, ExpireReservation};
use futures::StreamExt;
use futures::stream;

use super::*;

const ITEMS: usize = 500;

/// Numbers of reservations whose time is over and that nobody has ended yet.
async fn due_reservations(bench: &Bench, races: usize) {
    bench.open_shop("t1", ITEMS, i64::try_from(races).unwrap()).await;
    bench.clock.set_behind(60);
    let made = stream::iter(0..races).map(|number| bench.submit("t1", reserve(number, number % ITEMS)));
    let mut made = made.buffer_unordered(1_000);
    while let Some(made) = made.next().await {
        made.unwrap();
    }
    bench.clock.set_behind(0);
}

/// Counts confirmed and expired ones; each reservation is one of them, and once.
async fn winners(bench: &Bench, races: usize) -> (usize, usize) {
    let mut ends: HashMap<String, Vec<String>> = HashMap::new();
    for event in bench
        .events(&["inventory.reservation_confirmed", "inventory.reservation_expired"])
        .await
    {
        let end = event.event_type.to_string();
        ends.entry(event.stream.to_string()).or_default().push(end);
    }
    assert_eq!(ends.len(), races, "every race has a winner");
    assert!(
        ends.values().all(|of_one| of_one.len() == 1),
        "and no race has two"
    );
    let confirmed = ends
        .values()
        .filter(|of_one| of_one[0] == "inventory.reservation_confirmed")
        .count();
    let reserved: i64 = sqlx::query_scalar(
        "select coalesce(sum(case type when 'inventory.reserved' then 1 else -1 end * (data->>'quantity')::bigint), 0)::bigint
         from events where type in ('inventory.reserved', 'inventory.released')",
    )
    .fetch_one(&bench.pool)
    .await
    .unwrap();
    assert_eq!(
        usize::try_from(reserved).unwrap(),
        confirmed,
        "what is confirmed is kept, and nothing else"
    );
    (confirmed, races - confirmed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_confirms_race_expiries_and_each_race_has_one_winner() {
    const RACES: usize = 10_000;
    let bench = Bench::fresh().await;
    due_reservations(&bench, RACES).await;
    let race = |number: usize| {
        let bench = &bench;
        async move {
            let confirm = || {
                let reservation_id = id(number);
                bench.submit("t1", ConfirmReservation { reservation_id })
            };
            let expire = || {
                let reservation_id = id(number);
                bench.submit("t1", ExpireReservation { reservation_id })
            };
            // Who knocks first alternates; they are in the same batches all the same.
            let (confirmed, expired) = if number.is_multiple_of(2) {
                tokio::join!(confirm(), expire())
            } else {
                let (expired, confirmed) = tokio::join!(expire(), confirm());
                (confirmed, expired)
            };
            match (confirmed, expired) {
                (Ok(()), Err(refusal)) => assert_eq!(refusal.code(), "reservation.confirmed"),
                (Err(refusal), Ok(())) => assert_eq!(refusal.code(), "reservation.expired"),
                both => panic!("race {number}: {both:?}"),
            }
        }
    };
    stream::iter(0..RACES)
        .map(race)
        .buffer_unordered(500)
        .collect::<Vec<()>>()
        .await;
    let (confirmed, expired) = winners(&bench, RACES).await;
    assert!(
        confirmed > 0 && expired > 0,
        "{confirmed} confirmed, {expired} expired"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirms_race_the_process_itself_and_each_race_has_one_winner() {
    const RACES: usize = 2_000;
    let bench = Bench::fresh().await;
    due_reservations(&bench, RACES).await;
    let _process = bench.expire();
    // From the other end, so that the two meet in the middle.
    let confirms = stream::iter((0..RACES).rev()).map(|number| {
        let reservation_id = id(number);
        bench.submit("t1", ConfirmReservation { reservation_id })
    });
    let mut confirms = confirms.buffer_unordered(16);
    while let Some(confirmed) = confirms.next().await {
        if let Err(refusal) = confirmed {
            assert_eq!(refusal.code(), "reservation.expired");
        }
    }
    bench.has_settled(RESERVATION_EXPIRY).await;
    let (confirmed, expired) = winners(&bench, RACES).await;
    assert_eq!(confirmed + expired, RACES);
}
