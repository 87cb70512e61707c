//! The bench with tiny sizes: that it runs and what its last line looks like. Figures are not judged here: those of a
//! debug build on a shared machine mean nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What `cargo xtask bench` promises to programs.
const FIGURES: [&str; 17] = [
    "/append_ratio/1",
    "/append_ratio/8",
    "/append_ratio/64",
    "/append_ratio/256",
    "/http_adjust/ratio_64",
    "/http_adjust/p99_ms_64",
    "/http_sale/ratio_64",
    "/http_sale/events_ratio_64",
    "/http_sale/p99_ms_64",
    "/pgbench/tps_64",
    "/pgbench/latency_ms_64",
    "/projector_ratio",
    "/rebuild_ratio",
    "/deliveries_ratio",
    "/webhook_p99_ms",
    "/rss_mib/rest",
    "/rss_mib/load",
];

#[test]
fn the_bench_ends_with_one_line_of_positive_figures() {
    let bench = Path::new(env!("CARGO_BIN_EXE_bench"));
    let product = bench.with_file_name("trastienda");
    assert!(
        product.is_file(),
        "{} is missing: run the tests with `cargo xtask test`",
        product.display()
    );
    let output = Command::new(bench)
        .arg("--smoke")
        .env("TRASTIENDA_BIN", product)
        // From the repository's root the NATS server is found without being named.
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{said}");
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    for pointer in FIGURES {
        let figure = last.pointer(pointer).and_then(Value::as_f64);
        assert!(figure.is_some_and(|figure| figure > 0.0), "{pointer} in {last}");
    }
    // A new figure gets a line above, and a line in docs/performance.md.
    assert_eq!(numbers(&last), FIGURES.len(), "{last}");
}

fn numbers(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields.values().map(numbers).sum(),
        _ => 1,
    }
}
