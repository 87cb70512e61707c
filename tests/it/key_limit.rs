//! One key's hour over several processes (API-2): two query services on one database let through what the key may ask for
//! together, and say so in the same words.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::client::{Answer, http, send};
use crate::standby::{PATIENCE, Service, Shop};

/// Not a multiple of what a process takes at once, so that a share has to be divided.
const LIMIT: usize = 33;
const STOCK: &str = "/api/external/stock/";

async fn ask(service: &Service, key: &str) -> Answer {
    let request = http().get(format!("{}{STOCK}", service.base));
    send(request.header("Authorization", format!("ApiKey {key}"))).await
}

/// Requests that are left, as `RateLimit` says it.
fn left(headers: &HeaderMap) -> usize {
    let text = headers["ratelimit"].to_str().unwrap();
    let rest = text
        .strip_prefix("\"hora\";r=")
        .unwrap_or_else(|| panic!("{text}"));
    rest.split(';').next().unwrap().parse().unwrap()
}

/// Seconds after which a refused caller may come back: what is left of the hour.
fn retry_after(headers: &HeaderMap) -> u64 {
    headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn two_processes_share_one_keys_hour_and_say_when_it_begins_anew() {
    let shop = Shop::new("key-limit").await;
    let writer = Service::run(&shop, "command-service", "writer", &[]).await;
    writer.until("/readyz", 200, PATIENCE).await;
    shop.open().await;
    let nats = format!("NATS_URL={}", testkit::nats().await.url());
    let _projector = Service::run(&shop, "projector", "projector", &[nats]).await;
    let admin = writer.sign_in().await;
    let body = json!({ "name": "Mercado", "system": "Mercado", "scopes": ["stock:leer"],
                       "requests_per_hour": LIMIT });
    let made = admin.post("/api/v1/api-keys", &body).await.ok();
    let key = made["api_key"].as_str().unwrap();
    let one = Service::run(&shop, "query-service", "one", &[]).await;
    let other = Service::run(&shop, "query-service", "other", &[]).await;
    for service in [&one, &other] {
        service.until("/readyz", 200, PATIENCE).await;
    }
    // What the projector has built is not for this key to find out: other requests would use up its hour.
    let reads = admin.with_base(&one.base);
    let position = &made["position"];
    let seen = format!("/api/v1/api-keys?min_position={position}");
    let shown = async {
        while !reads.get(&seen).await.status.is_success() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.unwrap();

    // In turns, and at once, until both refuse.
    let mut passed = [0, 0];
    let mut lowest = LIMIT;
    for _ in 0..LIMIT * 4 {
        let answers = tokio::join!(ask(&one, key), ask(&other, key));
        let mut refused = 0;
        for (process, answer) in [answers.0, answers.1].into_iter().enumerate() {
            assert_eq!(
                answer.headers["ratelimit-policy"],
                format!("\"hora\";q={LIMIT};w=3600")
            );
            lowest = lowest.min(left(&answer.headers));
            if answer.status.is_success() {
                passed[process] += 1;
            } else {
                assert!((1..=3_600).contains(&retry_after(&answer.headers)));
                assert_eq!(left(&answer.headers), 0);
                answer.problem(429, "rate_limit.exceeded");
                refused += 1;
            }
        }
        if refused == 2 && passed[0] + passed[1] >= LIMIT {
            break;
        }
        if refused > 0 {
            // What the other process holds and does not use comes back after two seconds.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    assert_eq!(passed[0] + passed[1], LIMIT, "{passed:?}");
    assert!(passed[0] > 0 && passed[1] > 0, "{passed:?}");
    assert_eq!(lowest, 0);

    // A third process knows of it from the start, and a revoked key is refused in all of them at once.
    let third = Service::run(&shop, "query-service", "third", &[]).await;
    third.until("/readyz", 200, PATIENCE).await;
    ask(&third, key).await.problem(429, "rate_limit.exceeded");
    let id = made["api_key_id"].as_str().unwrap();
    let revoked = admin
        .post(&format!("/api/v1/api-keys/{id}/revoke"), &json!({}))
        .await;
    revoked.ok();
    for service in [&one, &other, &third] {
        ask(service, key).await.problem(401, "api_key.invalid");
    }
    // Each call left its row, whoever answered it: those that passed, and those of a key that had ended.
    let count = async |filter: &str, wanted: usize| {
        let path = format!("/api/v1/integrations/logs?api_key_id={id}&limit=200&{filter}");
        let reached = async {
            loop {
                let rows = reads.get(&path).await.ok()["items"].clone();
                let ended = |row: &&Value| filter != "estado=ERROR" || row["error"] == "api_key.revoked";
                if rows.as_array().unwrap().iter().filter(ended).count() == wanted {
                    return rows;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap()
    };
    count("estado=EXITOSO", LIMIT).await;
    let refused = count("estado=ERROR", 3).await;
    let status = |status: u16| {
        refused
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["http_status"] == status)
    };
    assert!(status(401) && status(429), "{refused}");
}
