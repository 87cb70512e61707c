//! How long 20,000 rows take (INV-6): a measurement, which prints and asserts no times. Run it alone, against a release build:
//!
//! ```text
//! cargo build --release -p standalone
//! cargo test --release --workspace --test it import_speed -- --ignored --nocapture
//! ```
//! Not here: whether imports are right (`imports`).

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::client::{Client, send};
use crate::product::Product;

const ROWS: usize = 20_000;
const SMART: &str = "/api/v1/inventory/import/smart";

/// New articles with price, cost, quantity, brand and a free attribute.
fn price_list() -> String {
    let mut text = "sku,name,price,cost,qty,brand,material\n".to_owned();
    for row in 0..ROWS {
        let pieces = row % 40 + 1;
        writeln!(text, "SPEED-{row},Artículo {row},123.45,60.00,{pieces},Marca,PVC").unwrap();
    }
    text
}

/// Asks for the progress every 50 ms until the import is in this state: what the last look said, and how long looks took.
async fn watch(client: &Client, id: &str, status: &str) -> (serde_json::Value, Vec<Duration>) {
    let mut looks = Vec::new();
    let reached = async {
        loop {
            let asked = Instant::now();
            let import = client.get(&format!("{SMART}/{id}")).await.ok();
            looks.push(asked.elapsed());
            if import["status"] == status {
                return import;
            }
            assert_ne!(import["status"], "failed", "{import}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let last = tokio::time::timeout(Duration::from_secs(600), reached)
        .await
        .unwrap();
    (last, looks)
}

#[tokio::test]
#[ignore = "a measurement: see the top of the file"]
async fn twenty_thousand_rows_are_drafted_and_carried_out_while_their_progress_is_watched() {
    let product = Product::start("import-speed", &[]).await;
    let manager = product.client("telefonia-teg", "manager").await;
    let begun = Instant::now();
    let request = manager
        .request(Method::POST, &format!("{SMART}?store=centro&file_name=20000.csv"))
        .header("Content-Type", "text/csv")
        .body(price_list());
    let received = send(request).await.ok();
    let id = received["import_id"].as_str().unwrap();
    let (drafted, draft_looks) = watch(&manager, id, "drafted").await;
    let draft = begun.elapsed();
    assert_eq!(drafted["counts"]["planned"], ROWS, "{drafted}");
    let begun = Instant::now();
    let body = json!({ "draft_sha256": drafted["draft_sha256"] });
    manager.post(&format!("{SMART}/{id}/confirm"), &body).await.ok();
    let (done, looks) = watch(&manager, id, "completed").await;
    let confirm = begun.elapsed();
    assert_eq!(done["counts"]["applied"], ROWS, "{done}");
    let mut all: Vec<Duration> = draft_looks.into_iter().chain(looks).collect();
    all.sort();
    let at = |share: usize| all[(all.len() - 1) * share / 100];
    eprintln!(
        "{ROWS} rows: draft {draft:.1?}, confirm to completed {confirm:.1?}; progress ({} looks) p50 {:.1?}, p99 {:.1?}",
        all.len(),
        at(50),
        at(99)
    );
}
