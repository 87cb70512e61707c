//! Reservations over HTTP: kept, sold, and over in time though the process is killed (INV-5).

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::client::Client;
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const RESERVATIONS: &str = "/api/v1/inventory/reservations";

/// A counted item of the test's own with so many pieces.
async fn item(admin: &Client, sku: &str, pieces: i64) {
    let created = json!({ "sku": sku, "name": sku, "kind": "counted", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let receipt = json!({ "store": STORE, "lines": [{ "sku": sku, "quantity": pieces }] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

/// On hand, reserved and available once the read models hold `position`.
async fn stock(admin: &Client, sku: &str, position: &Value) -> (i64, i64, i64) {
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={sku}&min_position={position}");
    let body = admin.get(&path).await.ok();
    let figure = |name: &str| body["items"][0][name].as_i64().unwrap();
    (figure("on_hand"), figure("reserved"), figure("available"))
}

fn reservation(sku: &str, quantity: i64, expires_in_s: i64) -> Value {
    json!({ "store": STORE, "lines": [{ "sku": sku, "quantity": quantity }], "expires_in_s": expires_in_s })
}

#[tokio::test]
async fn what_is_reserved_is_sold_to_who_reserved_it_and_to_nobody_else() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-RES-1", 5).await;
    let made = admin
        .post(RESERVATIONS, &reservation("IT-RES-1", 4, 900))
        .await
        .ok();
    assert_eq!(made["status"], "pending");
    assert_eq!(stock(&admin, "IT-RES-1", &made["position"]).await, (5, 4, 1));
    let id = made["reservation_id"].as_str().unwrap();

    let sale = |quantity: i64, reservation: Option<&str>| {
        json!({ "store": STORE, "lines": [{ "sku": "IT-RES-1", "quantity": quantity }], "reservation_id": reservation,
                "payments": [{ "method": "cash", "amount_minor": 1_000 * quantity }] })
    };
    admin
        .post("/api/v1/pos/sale", &sale(2, None))
        .await
        .problem(409, "stock.insufficient");
    admin
        .post("/api/v1/pos/sale", &sale(4, Some(id)))
        .await
        .problem(409, "reservation.not_confirmed");
    let confirmed = admin
        .post(&format!("{RESERVATIONS}/{id}/confirm"), &json!({}))
        .await
        .ok();
    assert_eq!(confirmed["status"], "confirmed");
    let sold = admin.post("/api/v1/pos/sale", &sale(5, Some(id))).await.ok();
    assert_eq!(stock(&admin, "IT-RES-1", &sold["position"]).await, (0, 0, 0));
    let kept = admin.get(&format!("{RESERVATIONS}/{id}")).await.ok();
    assert_eq!(
        (&kept["status"], &kept["sale_id"]),
        (&json!("fulfilled"), &sold["sale_id"])
    );
    admin
        .post(&format!("{RESERVATIONS}/{id}/release"), &json!({}))
        .await
        .problem(409, "reservation.fulfilled");
}

#[tokio::test]
async fn a_released_reservation_gives_back_and_lists_show_what_has_become_of_each() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-RES-2", 3).await;
    let mut ids = Vec::new();
    for seconds in [900, 900, 1] {
        let made = admin
            .post(RESERVATIONS, &reservation("IT-RES-2", 1, seconds))
            .await
            .ok();
        ids.push(made["reservation_id"].as_str().unwrap().to_owned());
    }
    let path = format!("{RESERVATIONS}/{}/release", ids[1]);
    let released = admin.post(&path, &json!({})).await.ok();
    assert_eq!(released["status"], "released");
    admin
        .post(&format!("{RESERVATIONS}/{}/expire", ids[0]), &json!({}))
        .await
        .problem(409, "reservation.not_due");
    let of = |status: &'static str| {
        let admin = admin.clone();
        async move {
            let path = format!("{RESERVATIONS}?sku=IT-RES-2&status={status}");
            let body = admin.get(&path).await.ok();
            let items = body["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["reservation_id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    let expired = async {
        while of("expired").await != ids[2..] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), expired)
        .await
        .unwrap();
    let again = admin
        .post(&format!("{RESERVATIONS}/{}/expire", ids[2]), &json!({}))
        .await
        .ok();
    assert_eq!(again["status"], "expired", "what is done changes nothing");
    assert_eq!(of("released").await, ids[1..2]);
    assert_eq!(of("pending").await, ids[..1]);
    assert_eq!(stock(&admin, "IT-RES-2", &released["position"]).await, (3, 1, 2));
}

/// The promise: at most so late at p99 though the process is killed every 20 s.
const LATE_S: f64 = 30.0;
const ROUNDS: usize = 3;
const PER_ROUND: usize = 40;

#[tokio::test]
async fn reservations_expire_once_and_in_time_though_the_process_is_killed() {
    let mut product = Product::start("reservations-killed", &[]).await;
    let mut admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-RES-3", 1_000).await;
    for round in 0..ROUNDS {
        for number in 0..PER_ROUND {
            let mut body = reservation("IT-RES-3", 1, i64::try_from(number % 8).unwrap() + 1);
            body["reservation_id"] = json!(format!("killed-{round}-{number}"));
            admin.post(RESERVATIONS, &body).await.ok();
        }
        // Some are over by now, some while nobody lives, and some come to it later.
        product.signal(testkit::signal::KILL);
        product.wait().await;
        product.restart().await;
        admin = admin.with_base(product.base_url());
    }
    let all = ROUNDS * PER_ROUND;
    let mut database = PgConnection::connect(product.demo["database_url"].as_str().unwrap())
        .await
        .unwrap();
    let all_over = async {
        loop {
            let (expired, timers): (i64, i64) = sqlx::query_as(
                "select (select count(*) from events where type = 'inventory.reservation_expired'),
                        (select count(*) from process_timers)",
            )
            .fetch_one(&mut database)
            .await
            .unwrap();
            if usize::try_from(expired).unwrap() >= all && timers == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all_over)
        .await
        .unwrap();
    let mut late: Vec<f64> = sqlx::query_scalar(
        "select extract(epoch from max(recorded_at) - max((data->>'expires_at')::timestamptz))::float8
         from events where type = 'inventory.reservation_expired' group by tenant, stream having count(*) = 1",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    assert_eq!(late.len(), all, "each of them once");
    late.sort_by(f64::total_cmp);
    let p99 = late[all - 1 - all / 100];
    eprintln!("late by {:.1} s at the median, {p99:.1} s at p99", late[all / 2]);
    assert!(late[0] >= 0.0, "none too early: {late:?}");
    assert!(p99 <= LATE_S, "{late:?}");
    let head: i64 = sqlx::query_scalar("select max(position) from events")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(stock(&admin, "IT-RES-3", &json!(head)).await, (1_000, 0, 1_000));
    let demo = product.data.join("demo.json");
    let (ok, verified, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["checks"]["reservations_expired"], json!(all), "{text}");
}
