//! A young company's first week: the people, tills, articles, keys and receivers that an office sets up, changes and
//! puts away again. Each step is looked at where a user would see it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, http, send};
use crate::product::Product;

const TENANT: &str = "london";

async fn put(client: &Client, path: &str, body: Value) -> Value {
    send(client.request(Method::PUT, path).json(&body)).await.ok()
}

async fn patch(client: &Client, path: &str, body: Value) -> Value {
    send(client.request(Method::PATCH, path).json(&body)).await.ok()
}

async fn post(client: &Client, path: &str, body: Value) -> Value {
    client.post(path, &body).await.ok()
}

/// Reads what is at least as new as a write's answer.
async fn after(client: &Client, path: &str, written: &Value) -> Value {
    let mark = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{mark}min_position={}", written["position"]);
    client.get(&path).await.ok()
}

/// Opens a store with something to sell; the ids end in the test's name.
async fn shop(admin: &Client, name: &str) -> (String, String) {
    let (store, sku) = (format!("it-{name}"), format!("IT-MUG-{}", name.to_uppercase()));
    let body = json!({ "store": store, "name": "Camden Market" });
    post(admin, "/api/v1/admin/stores", body).await;
    let item = json!({ "sku": sku, "name": "Enamel mug, blue", "kind": "counted", "price_minor": 850 });
    post(admin, "/api/v1/catalogue/items", item).await;
    let lines = json!([{ "sku": sku, "quantity": 24, "unit_cost_minor": 310 }]);
    post(
        admin,
        "/api/v1/inventory/receipts",
        json!({ "store": store, "lines": lines }),
    )
    .await;
    (store, sku)
}

/// Her token has not run out, and neither reads nor commands take it any more.
async fn until_shut_out(somebody: &Client) {
    let patience = Instant::now() + Duration::from_secs(20);
    while somebody.get("/api/v1/customers").await.status != reqwest::StatusCode::UNAUTHORIZED {
        assert!(Instant::now() < patience, "a token outlives its user");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let customer = json!({ "name": "Nobody", "kind": "person" });
    let refused = somebody.post("/api/v1/customers", &customer).await;
    refused.problem(401, "auth.token_invalid");
}

#[tokio::test]
async fn an_office_hires_moves_and_dismisses_people_and_tills() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let (store, _) = shop(&admin, "people").await;
    let user = json!({ "username": "it-grace", "role": "cashier", "display_name": "Grace Okafor",
                       "password": "a long passphrase" });
    let hired = post(&admin, "/api/v1/admin/users", user).await;
    Client::sign_in(product.base_url(), TENANT, "it-grace", "a long passphrase").await;
    let of_grace = |rest: &str| format!("/api/v1/admin/users/it-grace/{rest}");
    put(&admin, &of_grace("role"), json!({ "role": "manager" })).await;
    put(
        &admin,
        &of_grace("password"),
        json!({ "password": "another long passphrase" }),
    )
    .await;
    let grace = Client::sign_in(product.base_url(), TENANT, "it-grace", "another long passphrase").await;
    grace.get("/api/v1/customers").await.ok();
    post(&admin, &of_grace("disable"), json!({})).await;
    until_shut_out(&grace).await;
    let back = post(&admin, &of_grace("enable"), json!({})).await;
    let users = after(&admin, "/api/v1/admin/users?limit=200", &back).await;
    let users = users["items"].as_array().unwrap();
    let grace = users.iter().find(|user| user["username"] == "it-grace").unwrap();
    assert_eq!(
        (&grace["role"], &grace["display_name"]),
        (&json!("manager"), &json!("Grace Okafor"))
    );
    assert!(hired["position"].is_i64());

    let till = json!({ "terminal": "it-people-1", "store": store, "name": "Counter by the door" });
    post(&admin, "/api/v1/admin/terminals", till).await;
    let name = json!({ "name": "Counter at the back" });
    patch(&admin, "/api/v1/admin/terminals/it-people-1", name).await;
    let retired = post(&admin, "/api/v1/admin/terminals/it-people-1/retire", json!({})).await;
    let tills = after(&admin, "/api/v1/admin/terminals?limit=200", &retired).await;
    let tills = tills["items"].as_array().unwrap();
    let till = tills
        .iter()
        .find(|till| till["terminal"] == "it-people-1")
        .unwrap();
    assert_eq!(till["name"], "Counter at the back");
    post(&admin, &format!("/api/v1/admin/stores/{store}/close"), json!({})).await;
    let policy = json!({ "stock_policy": "strict" });
    put(&admin, "/api/v1/admin/policies/stock", policy).await;
    let tax = json!({ "name": "VAT", "rate_ppm": 200_000 });
    put(&admin, "/api/v1/admin/tax-rates/VAT20", tax).await;

    let keys = send(http().get(format!("{}/.well-known/jwks.json", product.base_url()))).await;
    assert!(!keys.ok()["keys"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_shop_prices_counts_and_clears_out_what_it_sells() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let (store, sku) = shop(&admin, "shelf").await;
    let item = format!("/api/v1/catalogue/items/{sku}");
    put(&admin, &format!("{item}/cost"), json!({ "cost_minor": 320 })).await;
    let minimum = json!({ "store": store, "sku": sku, "minimum": 23 });
    put(&admin, "/api/v1/inventory/thresholds", minimum).await;
    let lines = json!([{ "sku": sku, "quantity": 2, "cause": "Chipped in the window" }]);
    let gone = post(
        &admin,
        "/api/v1/inventory/write-offs",
        json!({ "store": store, "lines": lines }),
    )
    .await;
    let stock = after(&admin, &format!("/api/v1/inventory/stock?sku={sku}"), &gone).await;
    assert_eq!(stock["items"][0]["on_hand"], 22);
    let alert = first(&admin, &format!("/api/v1/inventory/alerts?store={store}")).await;
    let path = format!(
        "/api/v1/inventory/alerts/{}/resolve",
        alert["alert_id"].as_str().unwrap()
    );
    let resolved = post(&admin, &path, json!({ "note": "Ordered 24 more on Monday" })).await;
    let alert = after(&admin, path.strip_suffix("/resolve").unwrap(), &resolved).await;
    assert_eq!(alert["status"], "resolved");
    let none = json!({ "store": store, "sku": sku });
    let cleared = post(&admin, "/api/v1/inventory/thresholds/clear", none).await;
    let rows = after(
        &admin,
        &format!("/api/v1/inventory/thresholds?store={store}"),
        &cleared,
    )
    .await;
    assert_eq!(rows["items"], json!([]));

    let draft = json!({ "store": store, "hold_stock": true, "lines": [{ "sku": sku, "quantity": 3 }] });
    let held = put(&admin, "/api/v1/pos/sale/it-shelf-1", draft.clone()).await;
    let stock = after(&admin, &format!("/api/v1/inventory/stock?sku={sku}"), &held).await;
    assert_eq!(stock["items"][0]["reserved"], 3);
    post(&admin, "/api/v1/pos/sale/it-shelf-1/discard", json!({})).await;
    put(&admin, "/api/v1/pos/sale/it-shelf-2", draft).await;
    let paid = json!({ "payments": [{ "method": "cash", "amount_minor": 3_000 }] });
    let sold = post(&admin, "/api/v1/pos/sale/it-shelf-2/complete", paid).await;
    let stock = after(&admin, &format!("/api/v1/inventory/stock?sku={sku}"), &sold).await;
    assert_eq!(
        (&stock["items"][0]["on_hand"], &stock["items"][0]["reserved"]),
        (&json!(19), &json!(0))
    );
    let report = after(&admin, "/api/v1/reports/sales/items", &sold).await;
    let row = report["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["sku"] == json!(sku));
    assert!(row.is_some(), "{report}");

    let back = json!({ "store": store, "lines": [{ "sku": sku, "quantity": 1, "unit_price_minor": 850 }],
                       "refunds": [{ "method": "cash", "amount_minor": 850 }] });
    let back = post(&admin, "/api/v1/pos/returns", back).await;
    let stock = after(&admin, &format!("/api/v1/inventory/stock?sku={sku}"), &back).await;
    assert_eq!(stock["items"][0]["on_hand"], 20);

    post(&admin, &format!("{item}/discontinue"), json!({})).await;
    let customer = json!({ "customer_id": "it-priya", "name": "Priya Shah" });
    post(&admin, "/api/v1/customers", customer).await;
    let till = json!({ "terminal": "it-shelf-1", "store": store, "name": "Counter" });
    post(&admin, "/api/v1/admin/terminals", till).await;
    // A tenth off: 15.30, of which 10.00 by card and the rest out of a ten-pound note.
    let refused = json!({ "sale_id": "it-receipt-1001", "store": store, "terminal": "it-shelf-1",
        "customer_id": "it-priya", "discount": { "kind": "share", "rate_ppm": 100_000 },
        "lines": [{ "sku": sku, "quantity": 2 }],
        "payments": [{ "method": "card", "amount_minor": 1_000, "reference": "auth 004512" },
                     { "method": "cash", "amount_minor": 1_000 }] });
    admin
        .post("/api/v1/pos/sale", &refused)
        .await
        .problem(409, "item.discontinued");
    post(&admin, &format!("{item}/reinstate"), json!({})).await;
    let sold = admin.post("/api/v1/pos/sale", &refused).await.ok();
    assert_eq!(
        (&sold["total_minor"], &sold["change_minor"]),
        (&json!(1_530), &json!(470))
    );
    let counted = json!({ "store": store, "sku": sku, "delta": 1, "comment": "One was behind the shelf" });
    let counted = post(&admin, "/api/v1/inventory/adjustments", counted).await;
    assert_eq!(counted["on_hand"], 19);
}

#[tokio::test]
async fn an_office_changes_terms_of_customers_suppliers_and_keys() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let customer = json!({ "customer_id": "it-cafe", "kind": "company", "name": "Regent Street Café Ltd",
                           "email": "accounts@regent-cafe.example" });
    post(&admin, "/api/v1/customers", customer).await;
    let credit = json!({ "credit": { "kind": "limited", "limit_minor": 50_000 } });
    let changed = put(&admin, "/api/v1/customers/it-cafe/credit", credit).await;
    let seen = after(&admin, "/api/v1/customers/it-cafe", &changed).await;
    assert_eq!(seen["credit"]["limit_minor"], 50_000);

    let supplier = json!({ "supplier_id": "it-pottery", "name": "Stoke Pottery", "payment_days": 30 });
    post(&admin, "/api/v1/suppliers", supplier).await;
    let terms = json!({ "name": "Stoke Pottery Ltd", "payment_days": 45, "tax_id": "GB123456789" });
    put(&admin, "/api/v1/suppliers/it-pottery", terms).await;
    let contact =
        json!({ "contact_id": "joan", "role": "sales", "name": "Joan Hale", "email": "joan@stoke.example" });
    post(&admin, "/api/v1/suppliers/it-pottery/contacts", contact).await;
    let joan = "/api/v1/suppliers/it-pottery/contacts/joan";
    put(
        &admin,
        joan,
        json!({ "role": "accounts", "name": "Joan Hale", "phone": "+44 20 7946 0958" }),
    )
    .await;
    let removed = send(admin.request(Method::DELETE, joan)).await.ok();
    let contacts = after(&admin, "/api/v1/suppliers/it-pottery/contacts", &removed).await;
    assert_eq!(contacts["items"], json!([]));
    post(&admin, "/api/v1/suppliers/it-pottery/deactivate", json!({})).await;
    post(&admin, "/api/v1/suppliers/it-pottery/reactivate", json!({})).await;

    let key = json!({ "name": "Marketplace", "system": "Shopfront", "scopes": ["stock:leer"] });
    let made = post(&admin, "/api/v1/api-keys", key).await;
    let id = made["api_key_id"].as_str().unwrap();
    let (path, secret) = (
        format!("/api/v1/api-keys/{id}"),
        made["api_key"].as_str().unwrap().to_owned(),
    );
    let stock = || async {
        let url = format!("{}/api/external/stock/", product.base_url());
        send(
            http()
                .get(url)
                .header("Authorization", format!("ApiKey {secret}")),
        )
        .await
    };
    stock().await.ok();
    patch(
        &admin,
        &path,
        json!({ "name": "Marketplace in Europe", "requests_per_hour": 200 }),
    )
    .await;
    post(&admin, &format!("{path}/deactivate"), json!({})).await;
    stock().await.problem(401, "api_key.invalid");
    post(&admin, &format!("{path}/activate"), json!({})).await;
    stock().await.ok();

    let connector = json!({ "slug": "it-warehouse", "name": "Warehouse", "grants": ["inventory.adjusted"] });
    post(&admin, "/api/v1/connectors", connector).await;
    let grants = json!({ "name": "Warehouse of the north", "grants": ["inventory.adjusted", "sale"] });
    let changed = patch(&admin, "/api/v1/connectors/it-warehouse", grants).await;
    let seen = after(&admin, "/api/v1/connectors/it-warehouse", &changed).await;
    assert_eq!(seen["name"], "Warehouse of the north");
}

#[tokio::test]
async fn what_was_ordered_asked_for_or_taken_in_by_mistake_is_called_off() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let (store, sku) = shop(&admin, "mistakes").await;
    let supplier = json!({ "supplier_id": "it-enamel", "name": "Enamel Works" });
    post(&admin, "/api/v1/suppliers", supplier).await;
    let lines = json!([{ "sku": sku, "quantity": 48, "unit_cost_minor": 300 }]);
    let order =
        json!({ "purchase_id": "it-po-7", "supplier_id": "it-enamel", "store": store, "lines": lines });
    post(&admin, "/api/v1/purchases", order).await;
    let cancelled = post(&admin, "/api/v1/purchases/it-po-7/cancel", json!({})).await;
    assert_eq!(
        after(&admin, "/api/v1/purchases/it-po-7", &cancelled).await["status"],
        "cancelled"
    );

    let (other, _) = shop(&admin, "elsewhere").await;
    let transfer = json!({ "transfer_id": "it-tr-3", "from": store, "to": other,
                           "lines": [{ "sku": sku, "quantity": 6 }] });
    post(&admin, "/api/v1/transfers", transfer).await;
    let cancelled = post(&admin, "/api/v1/transfers/it-tr-3/cancel", json!({})).await;
    assert_eq!(
        after(&admin, "/api/v1/transfers/it-tr-3", &cancelled).await["status"],
        "cancelled"
    );

    let customer = json!({ "customer_id": "it-iris", "name": "Iris Chen" });
    post(&admin, "/api/v1/customers", customer).await;
    let service = json!({ "sku": "IT-LABOUR", "name": "Bench work, one hour", "kind": "service", "price_minor": 4_500 });
    post(&admin, "/api/v1/catalogue/items", service).await;
    let intake = |id: &str, serial: &str| {
        json!({ "repair_id": id, "store": store, "customer_id": "it-iris", "unit": format!("serial:{serial}"),
                "description": "Espresso machine", "fault": "Does not heat" })
    };
    post(&admin, "/api/v1/repairs", intake("it-rp-1", "EM-1001")).await;
    let note = json!({ "note": "She brought the wrong one" });
    let cancelled = post(&admin, "/api/v1/repairs/it-rp-1/cancel", note).await;
    assert_eq!(
        after(&admin, "/api/v1/repairs/it-rp-1", &cancelled).await["status"],
        "cancelled"
    );

    post(&admin, "/api/v1/repairs", intake("it-rp-2", "EM-1002")).await;
    let of = |step: &str| format!("/api/v1/repairs/it-rp-2/{step}");
    post(
        &admin,
        &of("diagnosis"),
        json!({ "diagnosis": "Heating element burnt" }),
    )
    .await;
    let quote = json!({ "lines": [{ "sku": "IT-LABOUR", "quantity": 1 }] });
    post(&admin, &of("quotes"), quote).await;
    post(&admin, &of("approval"), json!({ "channel": "phone" })).await;
    post(&admin, &of("start"), json!({})).await;
    let note = json!({ "note": "A heating element, from the importer" });
    let resting = post(&admin, &of("wait-for-parts"), note).await;
    assert_eq!(
        after(&admin, "/api/v1/repairs/it-rp-2", &resting).await["status"],
        "waiting_for_parts"
    );
    let resumed = post(&admin, &of("resume"), json!({})).await;
    assert_eq!(
        after(&admin, "/api/v1/repairs/it-rp-2", &resumed).await["status"],
        "in_progress"
    );
}

#[tokio::test]
async fn a_receiver_is_tried_paused_and_looked_at() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    // Nobody listens there: attempts fail, which is what an administrator looks at.
    let endpoint = json!({ "name": "Accounting", "description": "Sales for the ledger", "url": "http://127.0.0.1:18098/hooks",
                "event_types": ["sale.*"], "payload": "full", "start": { "kind": "now" }, "timeout_ms": 10_000 });
    let made = post(&admin, "/api/v1/webhooks/endpoints", endpoint).await;
    let path = format!(
        "/api/v1/webhooks/endpoints/{}",
        made["endpoint_id"].as_str().unwrap()
    );
    post(&admin, &format!("{path}/test"), json!({})).await;
    let delivery = first(&admin, &format!("{path}/deliveries?limit=5")).await;
    let id = delivery["delivery_id"].as_str().unwrap();
    let attempt = first(&admin, &format!("/api/v1/webhooks/deliveries/{id}/attempts")).await;
    assert_eq!(attempt["number"], 1, "{attempt}");
    let change = json!({ "event_types": ["sale.*", "customer.*"], "payload": "full", "timeout_ms": 5_000 });
    patch(&admin, &path, change).await;
    post(&admin, &format!("{path}/pause"), json!({})).await;
    let resumed = post(&admin, &format!("{path}/resume"), json!({})).await;
    let seen = after(&admin, &path, &resumed).await;
    assert_eq!(seen["state"], "active");
    let sums = after(&admin, &format!("{path}/statistics"), &resumed).await;
    // The other tests' sales of this tenant may have come, too.
    assert!(sums["matched"].as_i64().unwrap() >= 1, "{sums}");
    send(admin.request(Method::DELETE, &path)).await.ok();
}

/// The first row of a list, as soon as there is one.
async fn first(client: &Client, path: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = client.get(path).await.ok();
        if let Some(row) = page["items"].get(0) {
            return row.clone();
        }
        assert!(Instant::now() < deadline, "{path} stays empty");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
