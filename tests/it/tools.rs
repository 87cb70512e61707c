//! The bench as tests: a month of a real retailer's sales. Not here: the fault harnesses (`torture`).

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::product::{Product, binary, is_absent, repository};

const LISTEN: &str = "127.0.0.1:18097";

/// Runs the bench's binary and returns the JSON of its last line.
pub async fn lab(args: &[&str]) -> (bool, Value, String) {
    let output = tokio::process::Command::new(binary("lab"))
        .args(args)
        .env("TRASTIENDA_BIN", binary("trastienda"))
        .env_remove("TRASTIENDA_TOOLS")
        .current_dir(repository())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text
        .lines()
        .rev()
        .find(|line| line.starts_with('{'))
        .unwrap_or_default()
        .to_owned();
    (
        output.status.success(),
        serde_json::from_str(&last).unwrap_or(Value::Null),
        text,
    )
}

/// The shared file, or `None` where it is absent.
fn retail_file() -> Option<PathBuf> {
    let path = repository().join("../shared/data/online-retail-2010-12.csv.gz");
    (!is_absent(&path)).then_some(path)
}

#[tokio::test]
async fn a_month_of_real_sales_reconciles_to_the_penny_and_a_second_run_adds_nothing() {
    let Some(file) = retail_file() else { return };
    let product = Product::start("replay", &["--allow-outbound", LISTEN]).await;
    let demo = product.data.join("demo.json");
    let (file, demo) = (
        file.to_string_lossy().into_owned(),
        demo.to_string_lossy().into_owned(),
    );
    let port = LISTEN.rsplit(':').next().unwrap();
    let args = ["replay", &file, "--demo", &demo, "--receiver-port", port];
    let (ok, first, text) = lab(&args).await;
    assert!(ok, "{text}");
    assert_eq!(first["lines"], 42_481);
    assert_eq!(first["net_minor"], 74_895_702);
    assert_eq!(first["net_expected_minor"], 74_895_702);
    assert_eq!(first["refused"], 0);
    assert_eq!(first["sequence_holes"], 0);
    assert_eq!(first["webhooks_received"], first["webhooks_expected"]);
    let (ok, second, text) = lab(&args).await;
    assert!(ok, "{text}");
    for key in [
        "net_minor",
        "webhooks_expected",
        "webhooks_received",
        "head_after",
    ] {
        assert_eq!(second[key], first[key], "{key}");
    }
    assert_eq!(second["head_before"], second["head_after"]);
    let (ok, verified, text) = lab(&["verify", "--demo", &demo]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["ok"], true);
}
