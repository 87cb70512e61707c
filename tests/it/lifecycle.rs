//! Starting, stopping and being killed.

use serde_json::json;

use crate::product::{Product, binary, scratch, spawn};

const TENANT: &str = "libreria-scl";

#[tokio::test]
async fn answers_and_stock_survive_a_kill_and_a_restart() {
    let mut product = Product::start("killed", &[]).await;
    let admin = product.client(TENANT, "admin").await;
    let adjust = json!({ "store": "providencia", "sku": "LIB-0001", "delta": 5 });
    let first = admin
        .post_keyed("/api/v1/inventory/adjustments", "restart-1", &adjust)
        .await
        .ok();
    product.signal(testkit::signal::KILL);
    product.wait().await;
    product.restart().await;
    let admin = product.client(TENANT, "admin").await;
    let again = admin
        .post_keyed("/api/v1/inventory/adjustments", "restart-1", &adjust)
        .await;
    assert!(again.is_replayed());
    assert_eq!(again.ok(), first);
    let path = format!(
        "/api/v1/inventory/stock?store=providencia&sku=LIB-0001&min_position={}",
        first["position"]
    );
    assert_eq!(
        admin.get(&path).await.ok()["items"][0]["on_hand"],
        first["on_hand"]
    );
    let sales = admin.get("/api/v1/sales?limit=200").await.ok();
    assert_eq!(
        sales["items"].as_array().unwrap().len(),
        3,
        "the demo is seeded once"
    );
}

#[tokio::test]
async fn a_polite_stop_ends_with_success_and_leaves_nothing_running() {
    let mut product = Product::start("stopped", &[]).await;
    product.signal(testkit::signal::TERM);
    assert_eq!(product.wait().await, Some(0));
    let data = product.data.to_string_lossy().into_owned();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        assert!(!line.contains(&data), "still running: {line}");
    }
}

#[tokio::test]
async fn a_busy_port_is_an_error_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = scratch("busy-port");
    let log = data.with_extension("log");
    let args = ["standalone", "--port", &port, "--data", &data.to_string_lossy()].map(str::to_owned);
    let mut child = spawn(&binary("trastienda"), &args, &log);
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    assert!(!status.success());
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("cannot listen"), "{said}");
}
