//! Repeated keys that nobody looked up before their commands were decided.

use super::*;

/// An engine that looks no key up in advance.
fn careless(log: &MemoryLog) -> Bench {
    let options = EngineOptions {
        cautious_for: Duration::ZERO,
        ..EngineOptions::default()
    };
    Bench::start(log, &[], options)
}

fn is_replayed(reply: &Result<Reply, SubmitError>) -> bool {
    match reply {
        Ok(Reply::Accepted { replayed, .. } | Reply::Refused { replayed, .. }) => *replayed,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_repeated_key_is_found_by_the_append_and_its_neighbours_are_decided_without_it() {
    let bench = careless(&MemoryLog::new());
    bench.open_shop(TENANT, 10).await;
    let first = bench.accept(submission(TENANT, Some("k1"), take_one())).await;
    let events = bench.events().await;
    let closed = bench.close_gate().await;
    let keys = ["a", "k1", "b", "c", "k1-other", "d"];
    let all = join_all(
        keys.iter()
            .map(|key| bench.engine.submit(submission(TENANT, Some(key), take_one()))),
    );
    let (replies, ()) = tokio::join!(all, async {
        settle().await;
        drop(closed);
    });
    for (key, reply) in keys.iter().zip(&replies) {
        assert_eq!(is_replayed(reply), *key == "k1", "{key}");
    }
    assert!(matches!(&replies[1], Ok(Reply::Accepted { position, .. }) if *position == first));
    assert_eq!(bench.events().await, events + 5, "the repetition adds nothing");
    // Ten pieces, six taken: four are left, and the fifth is refused.
    let left = join_all((0..5).map(|_| bench.engine.submit(submission(TENANT, None, take_one())))).await;
    let refused = left
        .iter()
        .filter(|reply| matches!(reply, Ok(Reply::Refused { .. })));
    assert_eq!(refused.count(), 1);
}

#[tokio::test]
async fn a_repeated_refusal_and_a_reused_key_are_told_apart() {
    let bench = careless(&MemoryLog::new());
    bench.open_shop(TENANT, 1).await;
    let much = AdjustStock {
        delta: -5,
        ..take_one()
    };
    let refused = bench
        .engine
        .submit(submission(TENANT, Some("k"), much.clone()))
        .await;
    assert!(matches!(refused, Ok(Reply::Refused { replayed: false, .. })));
    let more = AdjustStock {
        delta: 50,
        ..take_one()
    };
    bench.accept(submission(TENANT, None, more)).await;
    let again = bench.engine.submit(submission(TENANT, Some("k"), much)).await;
    assert!(matches!(again, Ok(Reply::Refused { replayed: true, .. })));
    let reused = bench
        .engine
        .submit(submission(TENANT, Some("k"), take_one()))
        .await;
    assert_eq!(reused.unwrap_err(), SubmitError::KeyReused);
}

#[tokio::test]
async fn after_a_repetition_keys_are_looked_up_before_anything_is_decided() {
    let log = MemoryLog::new();
    let bench = Bench::start(&log, &[], EngineOptions::default());
    bench.open_shop(TENANT, 10).await;
    bench.accept(submission(TENANT, Some("k1"), take_one())).await;
    let appends = bench.appends.load(Ordering::SeqCst);
    for _ in 0..3 {
        let again = bench
            .engine
            .submit(submission(TENANT, Some("k1"), take_one()))
            .await;
        assert!(is_replayed(&again));
    }
    assert_eq!(
        bench.appends.load(Ordering::SeqCst),
        appends,
        "just after the start repetitions are expected"
    );
}
