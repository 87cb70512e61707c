//! The product's clock is ten minutes wrong, first ahead and then behind, while Postgres' is right.

use std::path::PathBuf;

use platform::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use sqlx::Connection;
use testkit::receiver::{Answer, Receiver};
use time::Duration;
use time::format_description::well_known::Rfc3339;

use crate::client::Client;
use crate::edges_outage::{OwnPostgres, config};
use crate::product::{Product, is_absent};

const TENANT: &str = "telefonia-teg";

/// libfaketime for programs with threads, where Debian puts it.
fn library() -> PathBuf {
    let places = std::fs::read_dir("/usr/lib").unwrap().flatten();
    places
        .map(|place| place.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1"))
}

/// The words that run a program with a clock that is wrong; timers, which are not about the time of day, stay right.
fn with_clock(offset: &str) -> [String; 4] {
    [
        "env".to_owned(),
        format!("LD_PRELOAD={}", library().display()),
        format!("FAKETIME={offset}"),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ]
}

fn words(wrapper: &[String; 4]) -> [&str; 4] {
    wrapper.each_ref().map(String::as_str)
}

/// A sale that a till says happened so many minutes from now, by the clock that is right.
fn sale(minutes: i64) -> Value {
    let occurred_at = SystemClock.now() + Duration::minutes(minutes);
    json!({ "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }],
        "payments": [{ "method": "cash", "amount_minor": 25_000 }],
        "occurred_at": occurred_at.format(&Rfc3339).unwrap() })
}

async fn sell(client: &Client, key: &str, minutes: i64) -> crate::client::Answer {
    client.post_keyed("/api/v1/pos/sale", key, &sale(minutes)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_ten_minutes_wrong_is_borne() {
    if is_absent(&library()) {
        return;
    }
    let postgres = OwnPostgres::start("clock").await;
    let receiver = Receiver::start().await;
    // Each delivery fails once, so that its second attempt is due by a clock.
    receiver.answer(|request| Answer::status(if request.number % 2 == 0 { 500 } else { 204 }));
    let text = format!(
        "database_url = {:?}\n[dispatcher]\nretry_schedule_s = [1, 1, 1]\n",
        postgres.url()
    );
    let (config, allowed) = (config("clock", &text), receiver.address().to_string());
    let args = ["--config", &config, "--allow-outbound", &allowed];

    let ahead = with_clock("+10m");
    let mut product = Product::start_under(&words(&ahead), "clock", &args).await;
    let admin = product.client(TENANT, "admin").await;
    let endpoint = json!({ "name": "it-clock", "url": receiver.url("/hook"),
        "event_types": ["sale.completed"], "payload": "full" });
    admin.post("/api/v1/webhooks/endpoints", &endpoint).await.ok();
    let first = sell(&admin, "clock-now", 0).await.ok();
    sell(&admin, "clock-far", 25).await.problem(422, "time.in_future");
    receiver.wait_for(2).await;

    product.signal(testkit::signal::TERM);
    assert_eq!(product.wait().await, Some(0));
    let behind = with_clock("-10m");
    product.restart_under(&words(&behind)).await;
    // A token from the future is nobody's; whoever signs in again is served.
    let old = admin.with_base(product.base_url());
    old.get("/api/v1/sales").await.problem(401, "auth.token_invalid");
    let admin = product.client(TENANT, "admin").await;
    sell(&admin, "clock-behind", 0).await.ok();
    sell(&admin, "clock-near", 5).await.problem(422, "time.in_future");
    receiver.wait_for(4).await;
    let stock = json!({ "store": "centro", "sku": "USBC-1M", "delta": 1 });
    admin.post("/api/v1/inventory/adjustments", &stock).await.ok();
    let id = first["sale_id"].as_str().unwrap();
    let path = format!("/api/v1/sales/{id}?min_position={}", first["position"]);
    assert_eq!(admin.get(&path).await.ok()["total_minor"], first["total_minor"]);
    assert_eq!(backward_steps(&product).await, 0, "the log's time runs backwards");

    drop(product);
    postgres.remove().await;
}

/// How often the log's time falls from one event to the next.
async fn backward_steps(product: &Product) -> i64 {
    let url = product.demo["database_url"].as_str().unwrap();
    let mut log = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(
        "select count(*) from
         (select recorded_at < lag(recorded_at) over (order by position) as falls from events) steps where falls",
    )
    .fetch_one(&mut log)
    .await
    .unwrap()
}
