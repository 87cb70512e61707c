//! Webhooks as an ERP receives them: verified by the official libraries, complete, in order, traced.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use testkit::receiver::{Answer, Received, Receiver};
use tokio::io::AsyncWriteExt;

use crate::client::{Client, send};
use crate::product::{Product, is_absent, scratch, tools};

const TENANT: &str = "telefonia-teg";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn endpoint(
    client: &Client,
    receiver: &Receiver,
    name: &str,
    event_types: &[&str],
) -> (String, String) {
    let body =
        json!({ "name": name, "url": receiver.url("/hook"), "event_types": event_types, "payload": "full" });
    let created = client
        .post_keyed("/api/v1/webhooks/endpoints", name, &body)
        .await
        .ok();
    let again = client
        .post_keyed("/api/v1/webhooks/endpoints", name, &body)
        .await
        .ok();
    assert_eq!(created, again, "a repetition shows the same secret");
    (
        created["endpoint_id"].as_str().unwrap().to_owned(),
        created["secret"].as_str().unwrap().to_owned(),
    )
}

async fn product_with_receiver(name: &str) -> (Product, Receiver) {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    (
        Product::start(name, &["--allow-outbound", &allowed]).await,
        receiver,
    )
}

fn sale() -> Value {
    json!({ "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }],
        "payments": [{ "method": "cash", "amount_minor": 25_000 }] })
}

fn event(delivery: &Received) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

#[tokio::test]
async fn a_sale_reaches_the_receiver_signed_and_traced_and_official_libraries_agree() {
    let (product, receiver) = product_with_receiver("webhook").await;
    let admin = product.client(TENANT, "admin").await;
    let (_, secret) = endpoint(&admin, &receiver, "it-verify", &["sale.*"]).await;
    let traced = admin
        .request(reqwest::Method::POST, "/api/v1/pos/sale")
        .header("traceparent", TRACEPARENT)
        .json(&sale());
    let sold = send(traced).await.ok();
    let deliveries = receiver.wait_for(1).await;
    let delivery = &deliveries[0];
    let body = event(delivery);
    assert_eq!(body["type"], "sale.completed");
    assert_eq!(body["sequence"], "1");
    assert_eq!(body["data"]["sale_id"], sold["sale_id"]);
    let trace = delivery.header("traceparent").unwrap();
    assert_eq!(
        trace.split('-').nth(1),
        TRACEPARENT.split('-').nth(1),
        "one trace from the till to the webhook"
    );
    for verifier in [Verifier::python(), Verifier::javascript()].into_iter().flatten() {
        assert!(
            verifier.accepts(&secret, delivery, &delivery.body).await,
            "{} refuses it",
            verifier.name
        );
        let mut changed = delivery.body.clone();
        let last = changed.len() - 2;
        changed[last] ^= 1;
        assert!(
            !verifier.accepts(&secret, delivery, &changed).await,
            "{} accepts a changed byte",
            verifier.name
        );
    }
}

#[tokio::test]
async fn a_rotated_secret_and_the_one_before_both_verify_and_a_replay_repeats_id_and_bytes() {
    let (product, receiver) = product_with_receiver("rotate").await;
    let admin = product.client(TENANT, "admin").await;
    let (id, old) = endpoint(&admin, &receiver, "it-rotate", &["sale.*"]).await;
    let path = |rest: &str| format!("/api/v1/webhooks/endpoints/{id}{rest}");
    let rotated = admin
        .post(&path("/rotate-secret"), &json!({ "overlap_s": 600 }))
        .await
        .ok();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    let seen = format!("?min_position={}", rotated["position"]);
    let shown = admin.get(&path(&seen)).await.ok();
    assert!(!shown.to_string().contains("whsec_") && shown["previous_secret_until"].is_string());
    admin.post("/api/v1/pos/sale", &sale()).await.ok();
    let first = receiver.wait_for(1).await.remove(0);
    for verifier in [Verifier::python(), Verifier::javascript()].into_iter().flatten() {
        for secret in [&old, &new] {
            assert!(
                verifier.accepts(secret, &first, &first.body).await,
                "{} refuses it",
                verifier.name
            );
        }
    }
    admin.post(&path("/end-previous-secret"), &json!({})).await.ok();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let counted = loop {
        let counted = admin.get(&path("/replay?sequence=1")).await.ok();
        if counted["count"] == 1 {
            break counted;
        }
        assert!(std::time::Instant::now() < deadline, "not recorded: {counted}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(counted["first_sequence"], 1);
    let select = json!({ "select": { "kind": "delivery", "sequence": 1 } });
    let asked = admin.post(&path("/replay"), &select).await.ok();
    let again = receiver.wait_for(2).await.remove(1);
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
    assert_eq!(first.body, again.body);
    for verifier in [Verifier::python(), Verifier::javascript()].into_iter().flatten() {
        assert!(
            !verifier.accepts(&old, &again, &again.body).await,
            "{} takes the old secret",
            verifier.name
        );
        assert!(
            verifier.accepts(&new, &again, &again.body).await,
            "{} refuses it",
            verifier.name
        );
    }
    let listed = admin.get(&path("/replays")).await.ok();
    assert_eq!(listed["items"][0]["replay"], asked["position"]);
    assert_eq!(listed["items"][0]["reason"], "prueba automática");
}

#[tokio::test]
async fn failures_are_retried_with_the_same_id_and_bytes_and_410_disables() {
    let (product, receiver) = product_with_receiver("retry").await;
    let admin = product.client(TENANT, "admin").await;
    let (id, _) = endpoint(&admin, &receiver, "it-retry", &["sale.*"]).await;
    receiver.answer(|request| {
        if request.number == 0 {
            Answer::status(500)
        } else {
            Answer::status(200)
        }
    });
    admin.post("/api/v1/pos/sale", &sale()).await.ok();
    let deliveries = receiver.wait_for(2).await;
    assert_eq!(
        deliveries[0].header("webhook-id"),
        deliveries[1].header("webhook-id")
    );
    assert_eq!(deliveries[0].body, deliveries[1].body);
    receiver.answer(|_| Answer::status(410));
    admin.post("/api/v1/pos/sale", &sale()).await.ok();
    receiver.wait_for(3).await;
    // The dispatcher tells the log through the inbox; the endpoint's state follows.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let read = admin.get(&format!("/api/v1/webhooks/endpoints/{id}")).await.ok();
        if read["state"] == "disabled" {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "still not disabled: {read}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn deliveries_are_complete_and_gapless_though_the_standalone_is_killed() {
    let (mut product, receiver) = product_with_receiver("gapless").await;
    let admin = product.client(TENANT, "admin").await;
    endpoint(&admin, &receiver, "it-gapless", &["sale.completed"]).await;
    for round in 0..3 {
        let admin = product.client(TENANT, "admin").await;
        for number in 0..5 {
            admin
                .post_keyed("/api/v1/pos/sale", &format!("gapless-{round}-{number}"), &sale())
                .await
                .ok();
        }
        product.signal(testkit::signal::KILL);
        product.wait().await;
        product.restart().await;
    }
    let complete = |seen: &[Received]| {
        let numbers: std::collections::BTreeSet<String> = seen
            .iter()
            .map(|d| event(d)["sequence"].as_str().unwrap().to_owned())
            .collect();
        (1..=15).all(|number| numbers.contains(&number.to_string()))
    };
    let deliveries = receiver.wait_until("fifteen numbers", complete).await;
    for first in &deliveries {
        for other in deliveries
            .iter()
            .filter(|other| other.header("webhook-id") == first.header("webhook-id"))
        {
            assert_eq!(first.body, other.body, "a repetition has the same bytes");
        }
    }
}

#[tokio::test]
async fn spans_of_request_append_and_delivery_reach_a_collector_in_one_trace() {
    let collector = Receiver::start().await;
    let receiver = Receiver::start().await;
    let config = scratch("traced").with_extension("toml");
    let endpoint_of = collector.url("");
    std::fs::write(
        &config,
        format!("[telemetry]\notlp_endpoint = \"{endpoint_of}\"\n"),
    )
    .unwrap();
    let allowed = receiver.address().to_string();
    let extra = ["--config", config.to_str().unwrap(), "--allow-outbound", &allowed];
    let product = Product::start("traced", &extra).await;
    let admin = product.client(TENANT, "admin").await;
    endpoint(&admin, &receiver, "it-traced", &["sale.*"]).await;
    let traced = admin
        .request(reqwest::Method::POST, "/api/v1/pos/sale")
        .header("traceparent", TRACEPARENT)
        .json(&sale());
    send(traced).await.ok();
    let delivery = receiver.wait_for(1).await.remove(0);
    let parts: Vec<&str> = delivery.header("traceparent").unwrap().split('-').collect();
    let till: Vec<&str> = TRACEPARENT.split('-').collect();
    assert_eq!(parts[1], till[1], "the till's trace");
    assert_ne!(parts[2], till[2], "a span of our own");
    // Protobuf keeps names as text and the trace id as its sixteen bytes.
    let id: Vec<u8> = (0..16)
        .map(|i| u8::from_str_radix(&till[1][2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let holds = |body: &[u8], what: &[u8]| body.windows(what.len()).any(|window| window == what);
    collector
        .wait_until("the three spans", |exports| {
            let all: Vec<u8> = exports.iter().flat_map(|export| export.body.clone()).collect();
            let names: [&[u8]; 4] = [b"post_sale", b"engine.append", b"webhook.delivery", &id];
            names.into_iter().all(|what| holds(&all, what))
        })
        .await;
}

/// An official library, asked in its own language.
struct Verifier {
    name: &'static str,
    program: &'static str,
    script: &'static str,
    path: (&'static str, PathBuf),
}

impl Verifier {
    fn python() -> Option<Self> {
        let script = "import sys, json\nfrom standardwebhooks.webhooks import Webhook\n\
            q = json.load(sys.stdin)\nWebhook(q['secret']).verify(q['body'], q['headers'])";
        Self {
            name: "Python",
            program: "python3",
            script,
            path: ("PYTHONPATH", tools("py")),
        }
        .or_skip()
    }

    fn javascript() -> Option<Self> {
        let script = "const { Webhook } = require('standardwebhooks');\n\
            const q = JSON.parse(require('fs').readFileSync(0, 'utf8'));\nnew Webhook(q.secret).verify(q.body, q.headers);";
        Self {
            name: "JavaScript",
            program: "node",
            script,
            path: ("NODE_PATH", tools("js/node_modules")),
        }
        .or_skip()
    }

    /// Without the library the check says that it skipped; CI must have it.
    fn or_skip(self) -> Option<Self> {
        (!is_absent(&self.path.1.join("standardwebhooks"))).then_some(self)
    }

    async fn accepts(&self, secret: &str, delivery: &Received, body: &[u8]) -> bool {
        let headers: serde_json::Map<String, Value> =
            ["webhook-id", "webhook-timestamp", "webhook-signature"]
                .into_iter()
                .map(|name| (name.to_owned(), Value::from(delivery.header(name).unwrap())))
                .collect();
        let question = json!({ "secret": secret, "body": String::from_utf8_lossy(body), "headers": headers });
        let flag = if self.program == "node" { "-e" } else { "-c" };
        let mut child = tokio::process::Command::new(self.program)
            .args([flag, self.script])
            .env(self.path.0, &self.path.1)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(question.to_string().as_bytes())
            .await
            .unwrap();
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let is_verdict = output.status.success() || said.contains("WebhookVerification");
        assert!(is_verdict, "{} did not come to a verdict: {said}", self.name);
        output.status.success()
    }
}
