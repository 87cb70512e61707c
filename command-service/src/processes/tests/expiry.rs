//! Reservations expire by themselves, once, whatever happens to whoever sees to it.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use domain::reservations::{ConfirmReservation, ReleaseReservation};
use domain::{State, streams};
use futures::FutureExt;
use futures::future::BoxFuture;
use schemas::StreamName;

use super::*;

#[tokio::test]
async fn a_reservation_expires_by_itself_and_what_was_confirmed_or_released_does_not() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 3).await;
    let _process = bench.expire();
    for number in 0..3 {
        let long = CreateReservation {
            expires_in_s: Some(if number == 0 { 1 } else { 3_600 }),
            ..reserve(number, 0)
        };
        bench.submit("t1", long).await.unwrap();
    }
    let reservation_id = id(1);
    bench
        .submit("t1", ConfirmReservation { reservation_id })
        .await
        .unwrap();
    let reservation_id = id(2);
    bench
        .submit("t1", ReleaseReservation { reservation_id })
        .await
        .unwrap();
    bench.has_settled(RESERVATION_EXPIRY).await;
    let expired = bench.events(&["inventory.reservation_expired"]).await;
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].stream, streams::reservation(&id(0)));
    let actor = expired[0].meta().unwrap().actor;
    let process = Actor::System {
        name: "process reservation_expiry".to_owned(),
    };
    assert_eq!(actor, process);
    let tenant = TenantId::new("t1").unwrap();
    let shelf = bench
        .engine
        .peek(&tenant, &streams::stock(&centro(), &sku(0)))
        .await
        .unwrap();
    let State::Stock(shelf) = shelf else {
        panic!("{shelf:?}")
    };
    assert_eq!((shelf.on_hand, shelf.reserved), (3, 1));
}

#[tokio::test]
async fn an_expiry_that_is_not_due_by_the_engines_clock_is_tried_again_until_it_is() {
    let bench = Bench::fresh().await;
    bench.clock.set_behind(3_600);
    bench.open_shop("t1", 1, 1).await;
    let _process = bench.expire();
    bench.submit("t1", reserve(0, 0)).await.unwrap();
    // The engine's clock is held at a moment at which nothing is due, while the database's is an hour ahead.
    bench.clock.set_behind(7_200);
    let tried_twice = async {
        loop {
            let attempt: Option<i32> = sqlx::query_scalar("select attempt from process_timers")
                .fetch_optional(&bench.pool)
                .await
                .unwrap();
            if attempt.is_some_and(|attempt| attempt >= 2) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tried_twice).await.unwrap();
    assert_eq!(bench.count("inventory.reservation_expired").await, 0);
    bench.clock.set_behind(0);
    bench.has_settled(RESERVATION_EXPIRY).await;
    assert_eq!(bench.count("inventory.reservation_expired").await, 1);
}

#[tokio::test]
async fn a_process_that_forgets_where_it_was_asks_again_and_doubles_nothing() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 5).await;
    for number in 0..5 {
        bench.submit("t1", reserve(number, 0)).await.unwrap();
    }
    // Two at once, as when an owner that was stopped comes back beside the new one.
    let (first, second) = (bench.expire(), bench.expire());
    bench.has_settled(RESERVATION_EXPIRY).await;
    for process in [first, second] {
        process.stop(PATIENCE).await.unwrap();
    }
    let before = bench.reader.head().await.unwrap();
    assert_eq!(bench.count("inventory.reservation_expired").await, 5);
    sqlx::query("update process_checkpoints set position = 0")
        .execute(&bench.pool)
        .await
        .unwrap();
    let _again = bench.expire();
    bench.has_settled(RESERVATION_EXPIRY).await;
    assert_eq!(bench.reader.head().await.unwrap(), before);
}

#[tokio::test]
async fn a_checkpoint_ahead_of_the_log_stops_the_process_loudly() {
    let bench = Bench::fresh().await;
    sqlx::query("insert into process_checkpoints (process, position) values ($1, 99)")
        .bind(RESERVATION_EXPIRY.name)
        .execute(&bench.pool)
        .await
        .unwrap();
    let process = bench.expire();
    let cause = tokio::time::timeout(PATIENCE, process.failure()).await.unwrap();
    assert!(cause.contains("ahead of the log"), "{cause}");
}

/// An engine that does not answer one tenant as long as it is told not to.
struct Deaf {
    engine: Engine,
    is_deaf: AtomicBool,
}

impl Commands for Deaf {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Reply, SubmitError>> {
        if submission.tenant.as_str() == "bad" && self.is_deaf.load(Ordering::SeqCst) {
            return async { Err(SubmitError::Busy { retry_after_s: 1 }) }.boxed();
        }
        self.engine.submit(submission).boxed()
    }

    fn peek<'a>(
        &'a self,
        tenant: &'a TenantId,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<State, SubmitError>> {
        self.engine.peek(tenant, stream).boxed()
    }
}

#[tokio::test]
async fn a_tenant_whose_commands_fail_holds_up_no_other_and_loses_nothing() {
    let bench = Bench::fresh().await;
    for tenant in ["bad", "good"] {
        bench.open_shop(tenant, 1, 400).await;
    }
    // More than a step takes, and all of them due before the others.
    for number in 0..300 {
        bench.submit("bad", reserve(number, 0)).await.unwrap();
    }
    for number in 0..20 {
        bench.submit("good", reserve(number, 0)).await.unwrap();
    }
    let deaf = Arc::new(Deaf {
        engine: bench.engine.clone(),
        is_deaf: AtomicBool::new(true),
    });
    let write_side = WriteSide {
        commands: Arc::clone(&deaf) as _,
        ..bench.write_side()
    };
    let _process = bench.run(RESERVATION_EXPIRY, &write_side);
    let good_ones_expired = async {
        while bench.count("inventory.reservation_expired").await < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, good_ones_expired).await.unwrap();
    let tenants: HashSet<String> = bench
        .events(&["inventory.reservation_expired"])
        .await
        .iter()
        .map(|event| event.tenant.to_string())
        .collect();
    assert_eq!(tenants, HashSet::from(["good".to_owned()]));
    deaf.is_deaf.store(false, Ordering::SeqCst);
    bench.has_settled(RESERVATION_EXPIRY).await;
    assert_eq!(bench.count("inventory.reservation_expired").await, 320);
}
