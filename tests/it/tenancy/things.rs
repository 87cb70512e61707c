//! One of everything that a route names by an id, made over HTTP in the owner's tenant with names that nobody else uses.
//!
//! Ids that a caller may choose begin with [`MARK`]; the others are asked for. Not here: what is done with them.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::receiver::Receiver;

use crate::client::{Client, send};

/// In every id, name and text of what is made here.
pub const MARK: &str = "it-tenancy";
const STORE: &str = "centro";
const PATIENCE: Duration = Duration::from_secs(60);

/// What was made, by the name of the path's parameter.
pub struct Things {
    ids: HashMap<&'static str, String>,
    /// The secrets of a connector and of a key with every scope.
    pub connector_token: String,
    pub key: String,
}

impl Things {
    pub fn id(&self, parameter: &str) -> &str {
        self.ids
            .get(parameter)
            .unwrap_or_else(|| panic!("nothing was made for {{{parameter}}}: add it"))
    }

    /// A route's path with the ids of what was made.
    pub fn path(&self, route: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(parameter) => self.id(parameter).to_owned(),
            None => part.to_owned(),
        };
        route.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// Texts that stand in no answer to another tenant: the mark, and every id that was drawn.
    pub fn secrets(&self) -> Vec<&str> {
        let drawn = [
            "alert_id",
            "quarantine_id",
            "endpoint_id",
            "delivery_id",
            "import_id",
        ];
        let drawn = drawn.into_iter().chain(["api_key_id"]).map(|name| self.id(name));
        drawn.chain([MARK]).collect()
    }
}

async fn post(admin: &Client, path: &str, body: Value) -> Value {
    let answer = admin.post(&format!("/api/v1{path}"), &body).await;
    assert!(
        answer.status.is_success(),
        "{path}: {} {}",
        answer.status,
        answer.body
    );
    answer.body
}

async fn put(admin: &Client, path: &str, body: Value) -> Value {
    let path = format!("/api/v1{path}");
    send(admin.request(Method::PUT, &path).json(&body)).await.ok()
}

/// Asks until a list has a row, and gives the first.
pub async fn first(admin: &Client, path: &str) -> Value {
    let found = async {
        loop {
            let body = admin.get(path).await.ok();
            if let Some(row) = body["items"].as_array().and_then(|items| items.first()) {
                return row.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let within = tokio::time::timeout(PATIENCE, found).await;
    within.unwrap_or_else(|_| panic!("{path} stays empty"))
}

/// Makes everything, and waits until reads show it.
pub async fn make(admin: &Client, receiver: &Receiver) -> Things {
    let mut ids: HashMap<&'static str, String> = HashMap::new();
    let text = |value: &Value| {
        value
            .as_str()
            .unwrap_or_else(|| panic!("no text: {value}"))
            .to_owned()
    };
    shop(admin).await;
    let endpoint = json!({ "name": MARK, "url": receiver.url("/hook"), "event_types": ["sale.*"] });
    ids.insert(
        "endpoint_id",
        text(&post(admin, "/webhooks/endpoints", endpoint).await["endpoint_id"]),
    );
    let connector = json!({ "slug": MARK, "name": MARK, "grants": ["sale", "inventory"] });
    let connector_token = text(&post(admin, "/connectors", connector).await["token"]);
    people(admin).await;
    goods(admin).await;
    trade(admin).await;
    ids.insert("quarantine_id", quarantine(admin).await);
    ids.insert("import_id", import(admin).await);
    let scopes = schemas::events::api_key::ApiScope::ALL.map(schemas::events::api_key::ApiScope::as_str);
    let key = json!({ "name": MARK, "system": MARK, "scopes": scopes, "workshop": MARK });
    let key = post(admin, "/api-keys", key).await;
    ids.insert("api_key_id", text(&key["api_key_id"]));
    let alerts = format!("/api/v1/inventory/alerts?sku={MARK}");
    ids.insert("alert_id", text(&first(admin, &alerts).await["alert_id"]));
    let deliveries = format!("/api/v1/webhooks/endpoints/{}/deliveries", ids["endpoint_id"]);
    ids.insert(
        "delivery_id",
        text(&first(admin, &deliveries).await["delivery_id"]),
    );
    let replay = format!("/webhooks/endpoints/{}/replay", ids["endpoint_id"]);
    post(
        admin,
        &replay,
        json!({ "select": { "kind": "from_position", "position": 1 } }),
    )
    .await;
    for parameter in [
        "sku",
        "customer_id",
        "sale_id",
        "order_id",
        "note_id",
        "reservation_id",
        "movement_id",
    ] {
        ids.insert(parameter, MARK.to_owned());
    }
    for parameter in [
        "repair_id",
        "transfer_id",
        "supplier_id",
        "contact_id",
        "purchase_id",
        "reception_id",
    ] {
        ids.insert(parameter, MARK.to_owned());
    }
    for parameter in ["store", "terminal", "username", "slug", "tax_code"] {
        ids.insert(parameter, MARK.to_owned());
    }
    ids.insert("unit", format!("serial:{MARK}"));
    ids.insert("series", "repair".to_owned());
    // Of the feed: numbers begin with 1 in every tenant.
    ids.insert("id", "1".to_owned());
    let head = &post(
        admin,
        "/admin/stores",
        json!({ "store": "it-tenancy-last", "name": MARK }),
    )
    .await;
    admin
        .get(&format!("/api/v1/tenant?min_position={}", head["position"]))
        .await
        .ok();
    Things {
        ids,
        connector_token,
        key: text(&key["api_key"]),
    }
}

/// Places, tills, settings and the catalogue.
async fn shop(admin: &Client) {
    post(admin, "/admin/stores", json!({ "store": MARK, "name": MARK })).await;
    let terminal = json!({ "terminal": MARK, "store": MARK, "name": MARK });
    post(admin, "/admin/terminals", terminal).await;
    put(
        admin,
        &format!("/admin/tax-rates/{MARK}"),
        json!({ "name": MARK, "rate_ppm": 150_000 }),
    )
    .await;
    put(
        admin,
        "/admin/numbering/repair",
        json!({ "prefix": "IT-TENANCY-", "next": 1, "digits": 6 }),
    )
    .await;
    put(admin, "/admin/letterhead", json!({ "legal_name": MARK })).await;
    for (sku, kind) in [
        (MARK.to_owned(), "counted"),
        (format!("{MARK}-unit"), "serialised"),
    ] {
        let item = json!({ "sku": sku, "name": MARK, "kind": kind, "price_minor": 1_000 });
        post(admin, "/catalogue/items", item).await;
    }
    let counted = json!({ "sku": MARK, "quantity": 50, "unit_cost_minor": 500 });
    let units = [format!("serial:{MARK}"), format!("serial:{MARK}-2")];
    let serial =
        json!({ "sku": format!("{MARK}-unit"), "quantity": 2, "unit_cost_minor": 500, "units": units });
    post(
        admin,
        "/inventory/receipts",
        json!({ "store": STORE, "lines": [counted, serial] }),
    )
    .await;
}

/// A user, a customer with a ledger and a note, a supplier with a contact.
async fn people(admin: &Client) {
    let user = json!({ "username": MARK, "role": "cashier", "display_name": MARK, "password": "una contraseña larga" });
    post(admin, "/admin/users", user).await;
    let credit = json!({ "kind": "limited", "limit_minor": 1_000_000 });
    let customer = json!({ "customer_id": MARK, "name": MARK, "credit": credit });
    post(admin, "/customers", customer).await;
    post(
        admin,
        &format!("/customers/{MARK}/charges"),
        json!({ "amount_minor": 500 }),
    )
    .await;
    let note = json!({ "note_id": MARK, "text": MARK });
    post(admin, &format!("/customers/{MARK}/notes"), note).await;
    post(admin, "/suppliers", json!({ "supplier_id": MARK, "name": MARK })).await;
    post(
        admin,
        &format!("/suppliers/{MARK}/adjustments"),
        json!({ "delta_minor": 100 }),
    )
    .await;
    let contact = json!({ "contact_id": MARK, "name": MARK });
    post(admin, &format!("/suppliers/{MARK}/contacts"), contact).await;
}

/// A threshold that is crossed, a movement that waits, a reservation, goods on the way, a device in a workshop.
async fn goods(admin: &Client) {
    let line = |quantity: i64| json!([{ "sku": MARK, "quantity": quantity }]);
    put(
        admin,
        "/inventory/thresholds",
        json!({ "store": STORE, "sku": MARK, "minimum": 100 }),
    )
    .await;
    put(admin, "/admin/policies/movements", json!({ "max_quantity": 5 })).await;
    let movement =
        json!({ "movement_id": MARK, "kind": "out", "store": STORE, "lines": line(6), "comment": MARK });
    post(admin, "/inventory/movements", movement).await;
    let reservation =
        json!({ "reservation_id": MARK, "store": STORE, "lines": line(1), "expires_in_s": 3_600 });
    post(admin, "/inventory/reservations", reservation).await;
    let transfer =
        json!({ "transfer_id": MARK, "from": STORE, "to": "kennedy", "lines": line(2), "note": MARK });
    post(admin, "/transfers", transfer).await;
    let sent = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
    post(admin, &format!("/transfers/{MARK}/dispatch"), sent).await;
    let repair = json!({ "repair_id": MARK, "store": STORE, "customer_id": MARK, "unit": "imei:352099001761481",
                         "description": MARK, "fault": MARK });
    post(admin, "/repairs", repair).await;
    let workshop = json!({ "workshop": { "kind": "supplier", "supplier_id": MARK }, "instructions": MARK });
    post(admin, &format!("/repairs/{MARK}/workshop"), workshop).await;
}

/// A sale, an order, a purchase that came with a lot.
async fn trade(admin: &Client) {
    let line = json!([{ "sku": MARK, "quantity": 1 }]);
    let sale = json!({ "sale_id": MARK, "store": STORE, "customer_id": MARK, "lines": line,
                       "payments": [{ "method": "cash", "amount_minor": 1_000 }] });
    post(admin, "/pos/sale", sale).await;
    let order =
        json!({ "kind": "order", "order_id": MARK, "store": STORE, "customer_id": MARK, "lines": line });
    post(admin, "/sales", order).await;
    let purchase = json!({ "purchase_id": MARK, "supplier_id": MARK, "store": STORE,
                           "lines": [{ "sku": MARK, "quantity": 2, "unit_cost_minor": 500 }] });
    post(admin, "/purchases", purchase).await;
    post(admin, &format!("/purchases/{MARK}/send"), json!({})).await;
    let lots = json!([{ "lot": MARK, "quantity": 1 }]);
    let came = json!({ "reception_id": MARK, "lines": [{ "line": 1, "quantity": 1, "lots": lots }] });
    post(admin, &format!("/purchases/{MARK}/receptions"), came).await;
}

/// A sale that a till took offline, of a unit that another one sold.
async fn quarantine(admin: &Client) -> String {
    let unit = format!("serial:{MARK}-2");
    let line = json!({ "unit": unit, "quantity": 1 });
    let paid = json!([{ "method": "cash", "amount_minor": 1_000 }]);
    let sold = json!({ "store": STORE, "lines": [line], "payments": paid });
    post(admin, "/pos/sale", sold).await;
    let terminal = json!({ "terminal": "it-tenancy-till", "store": STORE, "name": MARK });
    post(admin, "/admin/terminals", terminal).await;
    let line = json!({ "unit": unit, "quantity": 1, "unit_price_minor": 1_000 });
    let sale = json!({ "sequence": 1, "sale_id": "it-tenancy-off", "occurred_at": "2026-11-21T17:30:00-06:00",
                       "lines": [line], "payments": paid, "total_minor": 1_000 });
    let batch =
        json!({ "terminal": "it-tenancy-till", "store": STORE, "incarnation": MARK, "sales": [sale] });
    let answer = post(admin, "/pos/offline/batches", batch).await;
    let id = &answer["sales"][0]["quarantine_id"];
    id.as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A draft of an import.
async fn import(admin: &Client) -> String {
    let path = format!("/api/v1/inventory/import/smart?store={STORE}&file_name={MARK}.csv");
    let request = admin
        .request(Method::POST, &path)
        .header("Content-Type", "application/octet-stream")
        .body(format!("sku,nombre,precio\n{MARK}-import,{MARK},10.00\n"));
    let answer = send(request).await.ok();
    let id = answer["import_id"].as_str().unwrap().to_owned();
    first(admin, &format!("/api/v1/inventory/import/smart/{id}/rows")).await;
    id
}
