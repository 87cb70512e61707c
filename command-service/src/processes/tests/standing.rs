//! Commands that events lead to, and refusals that are dealt with; with a process made up for the purpose.

use domain::processes::{Fact, Reaction};
use domain::reservations::{ConfirmReservation, ReleaseReservation};
use schemas::Event;
use schemas::events::{ReservationEvent, StockEvent};

use super::*;

/// Confirms whatever is reserved; gives up on what a person released, after having tried for a while.
const EAGER: Process = Process {
    name: "eager_confirmation",
    event_types: &["inventory.reservation_created", "inventory.received"],
    react: eager,
};

fn eager(fact: &Fact<'_>) -> Vec<Reaction> {
    match fact {
        Fact::Happened(Event::Reservation(ReservationEvent::Created(created))) => {
            let reservation_id = created.reservation_id.clone();
            vec![Reaction::submit(ConfirmReservation { reservation_id })]
        }
        // Something that is refused for ever.
        Fact::Happened(Event::Stock(StockEvent::Received(_))) => {
            vec![Reaction::submit(ReleaseReservation {
                reservation_id: id(99),
            })]
        }
        Fact::Refused { timer, refusal }
            if refusal.code() == "reservation.not_found" && timer.attempt < 3 =>
        {
            vec![Reaction::Schedule {
                key: timer.key.to_owned(),
                due_at: timer.due_at,
            }]
        }
        Fact::Happened(_) | Fact::Due(_) | Fact::Refused { .. } => Vec::new(),
    }
}

#[tokio::test]
async fn an_event_leads_to_its_command_once_though_two_run_and_one_starts_over() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 50).await;
    let made = (0..50).map(|number| bench.submit("t1", reserve(number, 0)));
    for made in futures::future::join_all(made).await {
        made.unwrap();
    }
    let (first, second) = (
        bench.run(EAGER, &bench.write_side()),
        bench.run(EAGER, &bench.write_side()),
    );
    bench.has_settled(EAGER).await;
    for process in [first, second] {
        process.stop(PATIENCE).await.unwrap();
    }
    let head = bench.reader.head().await.unwrap();
    sqlx::query("update process_checkpoints set position = 0")
        .execute(&bench.pool)
        .await
        .unwrap();
    let _again = bench.run(EAGER, &bench.write_side());
    bench.has_settled(EAGER).await;
    assert_eq!(bench.count("inventory.reservation_confirmed").await, 50);
    assert_eq!(bench.reader.head().await.unwrap(), head);
}

#[tokio::test]
async fn what_a_process_does_belongs_to_the_trace_of_what_led_to_it() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 2).await;
    let trace = |name: &str| format!("00-{name:0>32}-00f067aa0ba902b7-01");
    let traced = [Some(trace("a1")), None];
    for (number, traceparent) in (0..).zip(&traced) {
        let submission = Submission {
            traceparent: traceparent.clone(),
            ..bench.submission("t1", reserve(number, 0))
        };
        bench.engine.submit(submission).await.unwrap();
    }
    let _process = bench.run(EAGER, &bench.write_side());
    bench.has_settled(EAGER).await;
    let query = "select meta->>'traceparent' from events where type = 'inventory.reservation_confirmed'
                 order by stream";
    let found: Vec<Option<String>> = sqlx::query_scalar(query).fetch_all(&bench.pool).await.unwrap();
    assert_eq!(found, traced);
}

#[tokio::test]
async fn a_refusal_is_tried_again_under_a_new_number_as_often_as_the_process_wants() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 1).await;
    let _process = bench.run(EAGER, &bench.write_side());
    bench.has_settled(EAGER).await;
    let ids: Vec<String> = sqlx::query_scalar("select id from commands where id like 'eager%' order by id")
        .fetch_all(&bench.pool)
        .await
        .unwrap();
    let attempts: Vec<&str> = ids.iter().filter_map(|id| id.rsplit(' ').next()).collect();
    assert_eq!(attempts, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn nothing_runs_while_the_log_is_somebody_elses() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 1).await;
    let (owns, ownership) = watch::channel(false);
    let write_side = WriteSide {
        ownership,
        ..bench.write_side()
    };
    let _process = bench.run(EAGER, &write_side);
    bench.submit("t1", reserve(0, 0)).await.unwrap();
    let checkpoints = || async {
        let count: i64 = sqlx::query_scalar("select count(*) from process_checkpoints")
            .fetch_one(&bench.pool)
            .await
            .unwrap();
        count
    };
    // A full round trip of the engine later the process has not even looked.
    bench.submit("t1", reserve(1, 0)).await.unwrap_err();
    assert_eq!(checkpoints().await, 0);
    owns.send_replace(true);
    bench.has_settled(EAGER).await;
    assert_eq!(bench.count("inventory.reservation_confirmed").await, 1);
}
