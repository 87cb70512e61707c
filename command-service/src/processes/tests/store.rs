//! The tables: compare-and-swap, and turns between tenants.

use domain::processes::Reaction;

use super::super::changes::{Cause, Changes};
use super::super::store::{Settled, Store};
use super::*;

async fn open(bench: &Bench) -> Store {
    let connection = bench.pool.acquire().await.unwrap().detach();
    Store::open("test", connection).await.unwrap()
}

fn set(tenant: &str, position: i64, keys: &[&str]) -> Changes {
    let due_at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(position);
    let schedule = |key: &&str| Reaction::Schedule {
        key: (*key).to_owned(),
        due_at,
    };
    let mut changes = Changes::default();
    let tenant = TenantId::new(tenant).unwrap();
    let cause = Cause {
        tenant: &tenant,
        position: Position(position),
        traceparent: None,
    };
    changes.take(cause, "", keys.iter().map(schedule).collect());
    changes
}

#[tokio::test]
async fn a_runner_that_slept_through_anothers_work_finds_that_it_lost() {
    let bench = Bench::fresh().await;
    let (mut sleeper, mut worker) = (open(&bench).await, open(&bench).await);
    let from = sleeper.checkpoint().await.unwrap();
    assert!(
        worker
            .advance((from, Position(9)), set("t", 9, &["a", "b"]))
            .await
            .unwrap()
    );
    assert!(
        !sleeper
            .advance((from, Position(5)), set("t", 5, &["c"]))
            .await
            .unwrap()
    );
    assert_eq!(bench.timers().await, 2, "what the loser wanted is not there");
    assert_eq!(sleeper.checkpoint().await.unwrap(), Position(9));

    let seen = sleeper.due(10).await.unwrap().timers;
    let settle = |settled: Settled| {
        seen.iter()
            .map(|timer| (timer.clone(), settled))
            .collect::<Vec<_>>()
    };
    let again = Settled::Again {
        due_at: OffsetDateTime::UNIX_EPOCH,
        pause: Duration::from_secs(3_600),
    };
    worker.settle(&settle(again), Changes::default()).await.unwrap();
    sleeper
        .settle(&settle(Settled::Done), Changes::default())
        .await
        .unwrap();
    let postponed = Settled::Postponed {
        pause: Duration::ZERO,
    };
    sleeper
        .settle(&settle(postponed), Changes::default())
        .await
        .unwrap();
    let attempts: Vec<(i32, i32)> = sqlx::query_as("select attempt, failures from process_timers")
        .fetch_all(&bench.pool)
        .await
        .unwrap();
    assert_eq!(attempts, [(1, 0), (1, 0)]);
    assert!(
        worker.due(10).await.unwrap().timers.is_empty(),
        "the pause is kept"
    );
}

#[tokio::test]
async fn what_an_earlier_event_said_does_not_undo_what_a_later_one_said() {
    let bench = Bench::fresh().await;
    let mut store = open(&bench).await;
    store.settle(&[], set("t", 7, &["a"])).await.unwrap();
    store.settle(&[], set("t", 3, &["a"])).await.unwrap();
    let mut cancel = Changes::default();
    let tenant = TenantId::new("t").unwrap();
    let cause = Cause {
        tenant: &tenant,
        position: Position(6),
        traceparent: None,
    };
    cancel.take(cause, "", vec![Reaction::Cancel { key: "a".to_owned() }]);
    store.settle(&[], cancel).await.unwrap();
    let due = store.due(10).await.unwrap();
    assert_eq!(due.timers[0].position, Position(7));
    assert_eq!(due.count, 1);
}

#[tokio::test]
async fn tenants_take_turns_when_more_is_due_than_one_step_takes() {
    let bench = Bench::fresh().await;
    let mut store = open(&bench).await;
    let many: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    store.settle(&[], set("large", 1, &many)).await.unwrap();
    store.settle(&[], set("small", 2, &["a", "b"])).await.unwrap();
    let due = store.due(4).await.unwrap();
    assert_eq!(due.count, 302);
    let tenants: Vec<&str> = due.timers.iter().map(|timer| timer.tenant.as_str()).collect();
    assert_eq!(tenants, ["large", "small", "large", "small"]);
}

#[tokio::test]
async fn a_command_of_a_later_build_waits_for_that_build() {
    let bench = Bench::fresh().await;
    bench.open_shop("t1", 1, 1).await;
    let insert = "insert into process_timers (process, tenant, key, position, due_at, command)
                  values ('reservation_expiry', 't1', '#1.0', 1, now(), '{\"command\": \"beam_up\", \"body\": {}}')";
    sqlx::query(insert).execute(&bench.pool).await.unwrap();
    let _process = bench.expire();
    bench.submit("t1", reserve(0, 0)).await.unwrap();
    let expired = async {
        while bench.count("inventory.reservation_expired").await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, expired).await.unwrap();
    let failures: i32 = sqlx::query_scalar("select failures from process_timers where key = '#1.0'")
        .fetch_one(&bench.pool)
        .await
        .unwrap();
    assert!(failures > 0);
}
