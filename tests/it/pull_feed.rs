//! The pull feed as an ERP uses it: create a connector, fetch, acknowledge, prove that nothing is missing.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, http, send};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const STRANGER: &str = "libreria-scl";
const REASON: &str = "prueba automática";

/// An outside system: a slug, a token, no user.
#[derive(Clone)]
struct Erp {
    base: String,
    slug: String,
    token: String,
}

impl Erp {
    async fn create(product: &Product, admin: &Client, slug: &str, grants: &[&str]) -> Self {
        let body = json!({ "slug": slug, "name": "ERP de prueba", "grants": grants });
        let created = admin.post("/api/v1/connectors", &body).await.ok();
        Self {
            base: product.base_url().to_owned(),
            slug: slug.to_owned(),
            token: created["token"].as_str().unwrap().to_owned(),
        }
    }

    fn demo(product: &Product, tenant: &str) -> Self {
        let tenants = product.demo["tenants"].as_array().unwrap();
        let connector = &tenants.iter().find(|t| t["id"] == tenant).unwrap()["connector"];
        Self {
            base: product.base_url().to_owned(),
            slug: connector["slug"].as_str().unwrap().to_owned(),
            token: connector["token"].as_str().unwrap().to_owned(),
        }
    }

    fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// `prefix` is `/sync` or empty: both are the same feed.
    async fn request(&self, method: Method, prefix: &str, rest: &str, body: Option<&Value>) -> Answer {
        let path = format!(
            "{}/api/v1{prefix}/integrations/hooks/{}/events{rest}",
            self.base, self.slug
        );
        let mut request = http()
            .request(method, path)
            .header("X-Integration-Token", &self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        send(request).await
    }

    async fn pull(&self, query: &str) -> Answer {
        self.request(Method::GET, "/sync", query, None).await
    }

    async fn ack(&self, id: i64, body: &Value) -> Answer {
        self.request(Method::POST, "", &format!("/{id}/ack"), Some(body))
            .await
    }
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

/// Other tests sell in the same tenant: which event of the page is this sale's.
fn of_sale(page: &Value, sold: &Value) -> Value {
    let found = items(page)
        .iter()
        .find(|item| item["payload"]["sale_id"] == sold["sale_id"]);
    found.unwrap_or_else(|| panic!("{sold} is not in {page}")).clone()
}

fn ids(page: &Value) -> Vec<i64> {
    items(page)
        .iter()
        .map(|item| item["id"].as_i64().unwrap())
        .collect()
}

async fn sell(client: &Client) -> Value {
    let body = json!({ "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }],
        "payments": [{ "method": "cash", "amount_minor": 25_000 }] });
    client.post("/api/v1/pos/sale", &body).await.ok()
}

#[tokio::test]
async fn a_sale_is_fetched_with_its_reason_and_acknowledged_once() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let before = sell(&admin).await;
    let erp = Erp::create(product, &admin, "it-feed", &["sale"]).await;
    let sold = sell(&admin).await;
    let page = erp
        .pull(&format!("?min_position={}&limit=200", sold["position"]))
        .await
        .ok();
    let event = of_sale(&page, &sold);
    let id = event["id"].as_i64().unwrap();
    assert_eq!(event["sequence"], id);
    assert_eq!(ids(&page)[0], 1);
    assert_eq!(event["event_type"], "sale.completed");
    assert_eq!(event["entity"], "sale");
    assert_eq!(event["status"], "PENDING");
    assert_eq!(event["reason"], REASON);
    let earlier = items(&page)
        .iter()
        .any(|item| item["payload"]["sale_id"] == before["sale_id"]);
    assert!(!earlier, "never retroactive");

    // Both prefixes and a trailing slash are the same feed.
    for (prefix, slash) in [("/sync", ""), ("/sync", "/"), ("", ""), ("", "/")] {
        let looked = erp
            .request(
                Method::GET,
                prefix,
                &format!("{slash}?lease_s=0&limit=1&after={}", id - 1),
                None,
            )
            .await
            .ok();
        assert_eq!(ids(&looked), [id], "{prefix} {slash}");
        let acked = erp
            .request(
                Method::POST,
                prefix,
                &format!("/{id}/ack{slash}"),
                Some(&json!({ "status": "sent" })),
            )
            .await
            .ok();
        assert_eq!(acked["status"], "SENT", "{prefix} {slash}");
    }
    let failed = json!({ "status": "failed", "detail": "tarde" });
    erp.ack(id, &failed).await.problem(409, "feed.already_sent");
    erp.ack(999_999, &failed).await.problem(404, "resource.not_found");
    erp.ack(id, &json!({ "status": "perhaps" }))
        .await
        .problem(400, "request.body_invalid");
}

#[tokio::test]
async fn the_demo_connector_works_and_no_other_token_opens_it() {
    let product = Product::shared().await;
    let (mine, theirs) = (Erp::demo(product, TENANT), Erp::demo(product, STRANGER));
    mine.pull("?lease_s=0").await.ok();
    theirs.pull("?lease_s=0").await.ok();
    let admin = product.client(TENANT, "admin").await;
    let other = Erp::create(product, &admin, "it-feed-other", &["customer"]).await;
    // A token opens its own tenant's feed, whoever else uses the slug; here both demo tenants do.
    let sold = sell(&admin).await;
    let page = mine
        .pull(&format!("?lease_s=0&limit=200&min_position={}", sold["position"]))
        .await
        .ok();
    assert!(page["last_sequence"].as_i64().unwrap() > 0);
    let foreign = theirs.pull("?lease_s=0&limit=200").await.ok();
    let events = |page: &Value| -> BTreeSet<String> {
        items(page).iter().map(|i| i["event_id"].to_string()).collect()
    };
    assert!(events(&page).is_disjoint(&events(&foreign)));

    let wrong = [
        other.with_token(&mine.token),
        mine.with_token(&other.token),
        mine.with_token("trastienda_it_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        Erp {
            slug: "it-nobody".to_owned(),
            ..mine.clone()
        },
    ];
    let mut answers = BTreeSet::new();
    for erp in &wrong {
        let mut body = erp.pull("").await.problem(401, "integration.token_invalid");
        body["request_id"] = Value::Null;
        answers.insert(body.to_string());
    }
    assert_eq!(
        answers.len(),
        1,
        "nothing tells which connectors exist: {answers:?}"
    );
    let without = http().get(format!(
        "{}/api/v1/sync/integrations/hooks/{}/events",
        mine.base, mine.slug
    ));
    send(without).await.problem(401, "integration.token_invalid");
    // A token is no user, and a user's token is no connector's.
    let as_user = http()
        .get(format!("{}/api/v1/sales", mine.base))
        .header("X-Integration-Token", &mine.token);
    send(as_user).await.problem(401, "auth.required");
    let bearer = admin.request(
        Method::GET,
        &format!("/api/v1/sync/integrations/hooks/{}/events", mine.slug),
    );
    send(bearer).await.problem(401, "integration.token_invalid");
}

#[tokio::test]
async fn tokens_rotate_with_an_overlap_and_a_revoked_connector_is_closed() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let first = Erp::create(product, &admin, "it-rotate", &["sale"]).await;
    let rotate = async |overlap_s: i64| {
        let path = "/api/v1/connectors/it-rotate/rotate";
        admin.post(path, &json!({ "overlap_s": overlap_s })).await.ok()
    };
    let rotated = rotate(3_600).await;
    let second = first.with_token(rotated["token"].as_str().unwrap());
    first.pull("").await.ok();
    second.pull("").await.ok();
    let rotated = rotate(0).await;
    let third = first.with_token(rotated["token"].as_str().unwrap());
    // The new token is accepted only once the rotation was matched, so from here on the old ones are known to be gone.
    third.pull("").await.ok();
    first.pull("").await.problem(401, "integration.token_invalid");
    second.pull("").await.problem(401, "integration.token_invalid");

    let off = admin
        .post("/api/v1/connectors/it-rotate/disable", &json!({}))
        .await
        .ok();
    let sold = sell(&admin).await;
    let at = |position: &Value| format!("/api/v1/connectors/it-rotate?min_position={position}");
    assert_eq!(admin.get(&at(&off["position"])).await.ok()["state"], "disabled");
    third.pull("").await.problem(403, "integration.disabled");
    let enabled = admin
        .post("/api/v1/connectors/it-rotate/enable", &json!({}))
        .await
        .ok();
    admin.get(&at(&enabled["position"])).await.ok();
    let waited = third.pull("?lease_s=0&limit=200").await.ok();
    assert_eq!(
        of_sale(&waited, &sold)["status"],
        "PENDING",
        "what happened meanwhile waits"
    );
    let ended = admin
        .post("/api/v1/connectors/it-rotate/revoke", &json!({}))
        .await
        .ok();
    let standing = admin.get(&at(&ended["position"])).await.ok();
    assert_eq!(
        (&standing["state"], &standing["tokens"]),
        (&json!("revoked"), &json!([]))
    );
    third.pull("").await.problem(401, "integration.token_invalid");
    let again = json!({ "slug": "it-rotate", "name": "x", "grants": ["sale"] });
    admin
        .post("/api/v1/connectors", &again)
        .await
        .problem(409, "connector.already_exists");
    let cashier = product.client(TENANT, "cashier").await;
    cashier
        .post("/api/v1/connectors", &again)
        .await
        .problem(403, "auth.role_forbidden");
    cashier
        .get("/api/v1/connectors")
        .await
        .problem(403, "auth.role_forbidden");
}

#[tokio::test]
async fn a_feed_is_complete_and_gapless_though_the_standalone_is_killed() {
    let mut product = Product::start("feed-kill", &[]).await;
    let admin = product.client(TENANT, "admin").await;
    let mut erp = Erp::create(&product, &admin, "it-kill", &["sale"]).await;
    let mut sold = BTreeSet::new();
    let mut got = BTreeSet::new();
    for round in 0..3 {
        let admin = product.client(TENANT, "admin").await;
        let mut last = Value::Null;
        for _ in 0..5 {
            last = sell(&admin).await;
            sold.insert(last["sale_id"].to_string());
        }
        // One event of each round is acknowledged, and some are taken and never heard of again.
        let page = erp
            .pull(&format!("?lease_s=1&limit=3&min_position={}", last["position"]))
            .await
            .ok();
        let first = &items(&page)[0];
        erp.ack(first["id"].as_i64().unwrap(), &json!({ "status": "sent" }))
            .await
            .ok();
        got.insert(first["payload"]["sale_id"].to_string());
        if round < 2 {
            product.signal(testkit::signal::KILL);
            product.wait().await;
            product.restart().await;
            erp.base = product.base_url().to_owned();
        }
    }
    assert_eq!(
        Erp::demo(&product, TENANT)
            .pull("?lease_s=0")
            .await
            .status
            .as_u16(),
        200,
        "the demo's token is the same after a restart"
    );
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while got.len() < sold.len() {
        assert!(std::time::Instant::now() < deadline, "{got:?} of {sold:?}");
        let page = erp.pull("?lease_s=1").await.ok();
        for item in items(&page) {
            let id = item["id"].as_i64().unwrap();
            assert!(
                got.insert(item["payload"]["sale_id"].to_string()),
                "came again after sent: {item}"
            );
            erp.ack(id, &json!({ "status": "sent" })).await.ok();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(got, sold);
    let all = erp.pull("?status=SENT&limit=200").await.ok();
    assert!(ids(&all).into_iter().eq(1..=15), "{all}");
    assert_eq!(all["last_sequence"], 15);
}
