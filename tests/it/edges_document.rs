//! Everything that the OpenAPI document allows, and much that it does not, asked of the product by Schemathesis.

use crate::client::http;
use crate::product::{Product, is_absent, scratch, tools};

const TENANT: &str = "telefonia-teg";
const SECONDS: &str = "20";
/// Python 3.11 has a race in its parser, which Schemathesis uses: a second worker would sometimes meet it.
const WORKERS: &str = "1";

/// A server error is a fault of ours whatever was asked. What cannot be reached is left out: operations that would make
/// the product call addresses that were made up, and positions that the log does not have (an honest 503).
#[tokio::test]
async fn nothing_that_the_document_allows_is_a_server_error() {
    let place = tools("schemathesis");
    if is_absent(&place.join("schemathesis")) {
        return;
    }
    let product = Product::start("document", &[]).await;
    let base = product.base_url();
    let settings = scratch("document-settings").with_extension("toml");
    std::fs::write(&settings, "[parameters]\nmin_position = 1\nstore = \"centro\"\n").unwrap();
    let token = product.client(TENANT, "admin").await.authorization();
    let start = "from schemathesis.cli import schemathesis; schemathesis()";
    let output = tokio::process::Command::new("python3")
        .env("PYTHONPATH", &place)
        .current_dir(&product.data)
        .args(["-c", start, "--config-file"])
        .arg(&settings)
        .args(["run", &format!("{base}/openapi.json"), "--url", base])
        .args(["--header", &format!("Authorization: {token}")])
        .args(["--header", "X-Reason: what the document allows"])
        .args(["--checks", "not_a_server_error", "--phases", "coverage,fuzzing"])
        .args(["--exclude-operation-id", "create_endpoint"])
        .args(["--exclude-operation-id", "change_endpoint"])
        .args([
            "--generation-deterministic",
            "--max-examples",
            "10",
            "--no-shrink",
        ])
        .args([
            "--continue-on-failure",
            "--max-time",
            SECONDS,
            "--workers",
            WORKERS,
        ])
        .args(["--warnings", "off", "--no-color"])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains(" generated, "), "nothing was asked: {said}");
    let alive = http().get(format!("{base}/readyz")).send().await.unwrap();
    assert!(alive.status().is_success());
}
