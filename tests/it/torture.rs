//! The fault harnesses in their short forms, one after the other: each takes the whole machine.
//!
//! What each proves, and its long form, stands in TESTING.md.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::sync::Mutex;

use crate::tools::lab;

static MACHINE: Mutex<()> = Mutex::const_new(());

/// Runs one harness while no other does.
async fn alone(args: &[&str]) -> (bool, Value, String) {
    let _machine = MACHINE.lock().await;
    lab(args).await
}

#[tokio::test]
async fn kills_at_random_moments_lose_and_double_nothing() {
    let (ok, result, text) = alone(&["torture", "--kills", "20", "--commands", "1000"]).await;
    assert!(ok, "{text}");
    for nothing in [
        "lost",
        "doubled",
        "webhooks_missing",
        "out_of_order_positions",
        "unexpected_exits",
    ] {
        assert_eq!(result[nothing], 0, "{nothing}: {text}");
    }
    assert!(result["kills"].as_i64().unwrap() >= 20);
    // The harness writes the names again, so that it shares no code with what it judges.
    let hit: BTreeSet<&str> = result["failpoints_hit"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(hit, BTreeSet::from(platform::failpoint::ALL));
}

/// Damage that is done on purpose must be found, by the figure that stands for it.
async fn assert_found(control: &str, found: impl Fn(&Value) -> bool) {
    let short = [
        "torture",
        "--mode",
        "standalone",
        "--kills",
        "3",
        "--commands",
        "300",
    ];
    let (ok, result, text) = alone(&[&short[..], &["--control", control]].concat()).await;
    assert!(!ok, "{control} went unnoticed: {text}");
    assert_eq!(result["ok"], false, "{text}");
    assert!(found(&result), "{control}: {text}");
}

#[tokio::test]
async fn answers_before_durability_are_found_as_losses() {
    assert_found("lost-ack", |result| result["lost"].as_i64().unwrap() > 0).await;
}

#[tokio::test]
async fn events_that_a_checkpoint_skips_are_found_in_read_models_and_webhooks() {
    assert_found("skip-event", |result| {
        let is_stale = |error: &Value| error.as_str().unwrap().starts_with("read_models");
        result["webhooks_missing"].as_i64().unwrap() > 0
            && result["errors"].as_array().unwrap().iter().any(is_stale)
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_carried_out_twice_is_found() {
    assert_found("double-effect", |result| result["doubled"].as_i64().unwrap() > 0).await;
}

#[tokio::test]
async fn copies_of_a_key_have_one_effect_though_the_engine_dies_before_it_answers() {
    let (ok, result, text) = alone(&["storm", "--keys", "150", "--copies", "5", "--kills", "10"]).await;
    assert!(ok, "{text}");
    assert_eq!(result["effects"], 150, "{text}");
    assert_eq!(result["answers"], 750);
    assert_eq!(result["differing"], 0);
    assert!(result["kills"].as_i64().unwrap() >= 10);
}

#[tokio::test]
async fn reservations_expire_in_time_though_the_process_is_killed() {
    let short = [
        "lateness",
        "--reservations",
        "40",
        "--seconds",
        "12",
        "--kill-every",
        "5",
    ];
    let (ok, result, text) = alone(&short).await;
    assert!(ok, "{text}");
    assert_eq!(result["expired"], 40, "{text}");
    assert!(result["p99_late_ms"].as_i64().unwrap() <= 30_000);
}
