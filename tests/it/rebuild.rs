//! Read models rebuilt, switched and switched back while the shop sells, by the command line of the product.

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::receiver::Receiver;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::product::{Product, binary};

const TENANT: &str = "telefonia-teg";

pub fn projections(product: &Product, words: &[&str]) -> Command {
    let mut command = Command::new(binary("trastienda"));
    command
        .arg("projections")
        .args(words)
        .arg("--data")
        .arg(&product.data)
        .env_remove("TRASTIENDA_NATS_SERVER")
        .env_remove("TRASTIENDA_TOOLS");
    command
}

#[track_caller]
fn said(output: Output) -> String {
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}{errors}");
    said
}

fn sale() -> Value {
    json!({ "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }],
        "payments": [{ "method": "cash", "amount_minor": 25_000 }] })
}

/// Sells until told to stop, and reads each sale back at once; returns the sales.
async fn sell_and_read(client: Client, last: Arc<AtomicI64>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut sales = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let sold = client.post("/api/v1/pos/sale", &sale()).await.ok();
        let (id, position) = (
            sold["sale_id"].as_str().unwrap(),
            sold["position"].as_i64().unwrap(),
        );
        let path = format!("/api/v1/sales/{id}?min_position={position}");
        let read = client.get(&path).await.ok();
        let seen = read["position"].as_i64().unwrap();
        let before = last.fetch_max(seen, Ordering::SeqCst);
        assert!(seen >= position, "{seen} is behind {position} (and {before})");
        sales.push(id.to_owned());
    }
    sales
}

/// Whether a request is under way.
async fn is_asked(product: &Product) -> bool {
    said(projections(product, &["status"]).output().await.unwrap()).contains("request")
}

#[tokio::test]
async fn a_rebuild_under_sales_fails_no_query_and_sends_no_webhook_again() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let mut product = Product::start("rebuild", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let endpoint =
        json!({ "name": "it-rebuild", "url": receiver.url("/hook"), "event_types": ["sale.completed"] });
    admin.post("/api/v1/webhooks/endpoints", &endpoint).await.ok();

    let plenty = json!({ "store": "centro", "sku": "USBC-1M", "delta": 100_000 });
    admin.post("/api/v1/inventory/adjustments", &plenty).await.ok();
    let (last, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut tills = JoinSet::new();
    for _ in 0..2 {
        tills.spawn(sell_and_read(admin.clone(), Arc::clone(&last), Arc::clone(&stop)));
    }
    let rebuilt = said(projections(&product, &["rebuild"]).output().await.unwrap());
    assert!(rebuilt.contains("queries read group 1"), "{rebuilt}");
    let back = said(projections(&product, &["switch-back"]).output().await.unwrap());
    assert!(back.contains("queries read group 0"), "{back}");
    let status = said(projections(&product, &["status"]).output().await.unwrap());
    assert!(
        status.contains("serving") && status.contains("previous"),
        "{status}"
    );
    stop.store(true, Ordering::SeqCst);
    let sales = tills.join_all().await.concat();
    let deliveries = receiver.wait_for(sales.len()).await;
    let ids: std::collections::HashSet<_> = deliveries
        .iter()
        .map(|delivery| delivery.header("webhook-id"))
        .collect();
    assert_eq!(
        (ids.len(), deliveries.len()),
        (sales.len(), sales.len()),
        "each once"
    );

    // Killed somewhere in the middle of a rebuild: the next life carries it on.
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut asking = projections(&product, &["rebuild"]).spawn().unwrap();
    while !is_asked(&product).await {
        assert!(Instant::now() < deadline, "no rebuild is ever under way");
        if asking.try_wait().unwrap().is_some() {
            asking = projections(&product, &["rebuild"]).spawn().unwrap();
        }
    }
    product.signal(testkit::signal::KILL);
    product.wait().await;
    asking.wait().await.unwrap();
    product.restart().await;
    while is_asked(&product).await {
        assert!(Instant::now() < deadline, "the rebuild is not carried on");
    }
    let status = said(projections(&product, &["status"]).output().await.unwrap());
    let serving = status.lines().find(|line| line.contains("serving")).unwrap();
    assert!(!serving.trim_start().starts_with('0'), "{status}");
    let admin = product.client(TENANT, "admin").await;
    for id in sales {
        let path = format!("/api/v1/sales/{id}?min_position={}", last.load(Ordering::SeqCst));
        admin.get(&path).await.ok();
    }
    // The independent checker folds the log anew, and compares every group that stands at the head.
    let verify = Command::new(binary("lab"))
        .args(["verify", "--demo"])
        .arg(product.data.join("demo.json"))
        .output()
        .await
        .unwrap();
    let verdict = said(verify);
    assert!(verdict.contains("read_model_rows"), "{verdict}");
}
