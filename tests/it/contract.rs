//! The committed contract: what the product serves is what the repository says.

use serde_json::Value;

use crate::client::http;
use crate::product::{Product, is_absent, repository, tools};

#[tokio::test]
async fn the_served_document_is_the_committed_one() {
    let product = Product::shared().await;
    let served = http()
        .get(format!("{}/openapi.json", product.base_url()))
        .send()
        .await
        .unwrap();
    let served: Value = serde_json::from_slice(&served.bytes().await.unwrap()).unwrap();
    let committed = std::fs::read(repository().join("docs/openapi.json")).unwrap();
    let committed: Value = serde_json::from_slice(&committed).unwrap();
    assert_eq!(
        served, committed,
        "run `cargo xtask gen` and commit docs/openapi.json"
    );
    assert_eq!(served["openapi"], "3.1.0");
}

#[tokio::test]
async fn the_document_is_valid_openapi_3_1() {
    let place = tools("js");
    if is_absent(&place.join("node_modules/@seriousme/openapi-schema-validator")) {
        return;
    }
    let script = "import { Validator } from '@seriousme/openapi-schema-validator';\n\
        import { readFileSync } from 'node:fs';\n\
        const validator = new Validator();\n\
        const result = await validator.validate(JSON.parse(readFileSync(process.argv[1], 'utf8')));\n\
        console.log(validator.version, JSON.stringify(result.errors ?? []));\n\
        process.exit(result.valid && validator.version === '3.1' ? 0 : 1);";
    let output = tokio::process::Command::new("node")
        .args(["--input-type=module", "-e", script])
        .arg(repository().join("docs/openapi.json"))
        .current_dir(&place)
        .output()
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn metrics_and_health_speak_without_a_credential_and_name_no_tenant() {
    let product = Product::shared().await;
    let admin = product.client("telefonia-teg", "admin").await;
    admin.get("/api/v1/sales").await.ok();
    let metrics = http()
        .get(product.demo["metrics_url"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for name in [
        "trastienda_log_head_position",
        "http_server_request_duration_seconds",
        "process_resident_memory_bytes",
    ] {
        assert!(metrics.contains(name), "{name} is missing");
    }
    assert!(!metrics.contains("telefonia-teg"));
    for path in ["/livez", "/readyz"] {
        let answer = http()
            .get(format!("{}{path}", product.base_url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn secrets_and_passwords_are_in_no_log() {
    let product = Product::shared().await;
    let password = product.demo["tenants"][0]["users"][0]["password"]
        .as_str()
        .unwrap();
    product.client("telefonia-teg", "admin").await;
    let log = std::fs::read_to_string(product.data.with_extension("log")).unwrap();
    // The greeting at the terminal shows the demo's passwords on purpose; the structured log must not.
    for line in log.lines().filter(|line| line.starts_with('{')) {
        assert!(
            !line.contains(password)
                && !line.contains("trastienda_it_")
                && !line.contains("whsec_")
                && !line.contains("$argon2"),
            "{line}"
        );
    }
}
