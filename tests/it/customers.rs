//! A customer's life over HTTP: registered, sold to on credit, paying, noted about, blocked (CRM-1).

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, send};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const CUSTOMERS: &str = "/api/v1/customers";

/// A counted item of the test's own.
async fn item(admin: &Client, sku: &str, pieces: i64) {
    let created = json!({ "sku": sku, "name": sku, "kind": "counted", "price_minor": 1_000 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let receipt = json!({ "store": "centro", "lines": [{ "sku": sku, "quantity": pieces }] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

async fn register(admin: &Client, id: &str, name: &str, limit_minor: i64) {
    let body = json!({ "customer_id": id, "name": name, "phone": "+504 9999-0000",
                       "credit": { "kind": "limited", "limit_minor": limit_minor } });
    admin.post(CUSTOMERS, &body).await.ok();
}

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    send(client.request(Method::PUT, path).json(body)).await
}

fn on_credit(id: &str, sku: &str, pieces: i64) -> Value {
    json!({ "store": "centro", "customer_id": id, "lines": [{ "sku": sku, "quantity": pieces }],
            "payments": [{ "method": "credit", "amount_minor": 1_000 * pieces }] })
}

#[tokio::test]
async fn a_customer_is_registered_buys_on_credit_pays_is_noted_about_and_blocked() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let cashier = product.client(TENANT, "cashier").await;
    item(&admin, "IT-CUS-1", 20).await;
    let generous = json!({ "name": "Zoila Peñalver", "credit": { "kind": "unlimited" } });
    cashier
        .post(CUSTOMERS, &generous)
        .await
        .problem(403, "auth.role_forbidden");
    register(&admin, "it-cus-1", "Zoila Peñalver", 5_000).await;
    let me = format!("{CUSTOMERS}/it-cus-1");

    let sold = cashier
        .post("/api/v1/pos/sale", &on_credit("it-cus-1", "IT-CUS-1", 4))
        .await
        .ok();
    let payment = json!({ "payment_id": "it-cus-1-p", "amount_minor": 1_500, "method": "transfer" });
    let paid = cashier.post(&format!("{me}/payments"), &payment).await.ok();
    assert_eq!(paid["balance_minor"], 2_500);
    let summary = admin
        .get(&format!("{me}/summary?min_position={}", paid["position"]))
        .await
        .ok();
    assert_eq!(
        (&summary["balance_minor"], &summary["store_credit_minor"]),
        (&json!(2_500), &json!(0))
    );
    assert_eq!(summary["credit"]["available_minor"], 2_500);
    assert_eq!(
        (
            &summary["ageing"]["days_0_30_minor"],
            &summary["ageing"]["over_90_minor"]
        ),
        (&json!(2_500), &json!(0))
    );
    assert_eq!(
        (
            &summary["purchases"]["sales"],
            &summary["purchases"]["total_minor"]
        ),
        (&json!(1), &json!(4_000))
    );
    assert_eq!(summary["purchases"]["last_sale_id"], sold["sale_id"]);
    assert_eq!(summary["payments_minor"], 1_500);

    let note = cashier
        .post(
            &format!("{me}/notes"),
            &json!({ "text": "Prefiere que la llamen los lunes" }),
        )
        .await
        .ok();
    let note_path = format!("{me}/notes/{}", note["note_id"].as_str().unwrap());
    let corrected = put(&cashier, &note_path, &json!({ "text": "Prefiere los martes" }))
        .await
        .ok();
    let notes = admin
        .get(&format!("{me}/notes?min_position={}", corrected["position"]))
        .await
        .ok();
    assert_eq!(notes["items"][0]["text"], "Prefiere los martes");
    let removed = send(cashier.request(Method::DELETE, &note_path)).await.ok();
    let notes = admin
        .get(&format!("{me}/notes?min_position={}", removed["position"]))
        .await
        .ok();
    assert_eq!(notes["items"], json!([]));
    send(cashier.request(Method::DELETE, &note_path))
        .await
        .problem(404, "note.not_found");

    let changes =
        json!({ "kind": "company", "name": "Peñalver e Hijas", "phone": null, "email": "zoila@example.com" });
    send(cashier.request(Method::PATCH, &me).json(&changes))
        .await
        .ok();
    put(&cashier, &format!("{me}/status"), &json!({ "status": "blocked" }))
        .await
        .problem(403, "auth.role_forbidden");
    let blocked = put(&admin, &format!("{me}/status"), &json!({ "status": "blocked" }))
        .await
        .ok();
    let read = admin
        .get(&format!("{me}?min_position={}", blocked["position"]))
        .await
        .ok();
    assert_eq!(
        (&read["status"], &read["kind"], &read["phone"]),
        (&json!("blocked"), &json!("company"), &Value::Null)
    );
    assert_eq!(
        (&read["name"], &read["email"]),
        (&json!("Peñalver e Hijas"), &json!("zoila@example.com"))
    );
    cashier
        .post("/api/v1/pos/sale", &on_credit("it-cus-1", "IT-CUS-1", 1))
        .await
        .problem(409, "customer.blocked");
    put(&admin, &format!("{me}/status"), &json!({ "status": "archived" }))
        .await
        .problem(409, "customer.balance_open");
    let listed = admin
        .get(&format!(
            "{CUSTOMERS}?status=blocked&kind=company&min_debt_minor=2500"
        ))
        .await
        .ok();
    let ids: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["customer_id"])
        .collect();
    assert_eq!(ids, ["it-cus-1"]);
}

#[tokio::test]
async fn customers_are_found_by_name_debt_and_status() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    for number in 0..5 {
        register(
            &admin,
            &format!("it-find-{number}"),
            &format!("Íñigo Búsqueda {number}"),
            1_000,
        )
        .await;
    }
    let charged = admin
        .post(
            &format!("{CUSTOMERS}/it-find-3/charges"),
            &json!({ "amount_minor": 700 }),
        )
        .await
        .ok();
    let ids = |query: String| {
        let admin = admin.clone();
        let position = charged["position"].clone();
        async move {
            let path = format!("{CUSTOMERS}?min_position={position}&{query}");
            let body = admin.get(&path).await.ok();
            let rows = body["items"].as_array().unwrap().clone();
            let ids: Vec<String> = rows
                .iter()
                .map(|row| row["customer_id"].as_str().unwrap().to_owned())
                .collect();
            (ids, body["next"].as_str().map(str::to_owned))
        }
    };
    let (all, next) = ids("name=INIGO%20busqueda".to_owned()).await;
    assert_eq!((all.len(), next), (5, None));
    let (first, next) = ids("name=busqueda&limit=2".to_owned()).await;
    assert_eq!(first, ["it-find-0", "it-find-1"]);
    let (second, _) = ids(format!("name=busqueda&limit=2&cursor={}", next.unwrap())).await;
    assert_eq!(second, ["it-find-2", "it-find-3"]);
    assert_eq!(
        ids("name=busqueda&with_debt=true".to_owned()).await.0,
        ["it-find-3"]
    );
    assert_eq!(
        ids("name=busqueda&min_debt_minor=701".to_owned()).await.0,
        [""; 0]
    );
    admin
        .get(&format!("{CUSTOMERS}?name=a"))
        .await
        .problem(400, "request.parameter_invalid");
}

#[tokio::test]
async fn of_two_sales_that_fit_only_singly_one_passes_when_they_are_sent_together() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-CUS-2", 100).await;
    for number in 0..12 {
        let id = format!("it-race-{number}");
        register(&admin, &id, "Carrera", 3_000).await;
        let sale = on_credit(&id, "IT-CUS-2", 2);
        let (one, other) = tokio::join!(
            admin.post("/api/v1/pos/sale", &sale),
            admin.post("/api/v1/pos/sale", &sale)
        );
        let (passed, refused): (Vec<Answer>, Vec<Answer>) = [one, other]
            .into_iter()
            .partition(|answer| answer.status.is_success());
        assert_eq!((passed.len(), refused.len()), (1, 1));
        let refused = refused.into_iter().next().unwrap();
        refused.problem(409, "credit.limit_exceeded");
        let position = &passed[0].body["position"];
        let read = admin
            .get(&format!("{CUSTOMERS}/{id}?min_position={position}"))
            .await
            .ok();
        assert_eq!(read["balance_minor"], 2_000);
    }
}

#[tokio::test]
async fn payments_settle_the_oldest_charges_first_and_what_is_overpaid_is_store_credit() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    register(&admin, "it-age", "Vieja Cuenta", 100_000).await;
    let me = format!("{CUSTOMERS}/it-age");
    let charges = format!("{me}/charges");
    for amount in [300, 200] {
        let charge = json!({ "charge_id": format!("it-age-{amount}"), "amount_minor": amount });
        admin.post(&charges, &charge).await.ok();
        admin
            .post(&charges, &charge)
            .await
            .problem(409, "customer.charge_already_exists");
    }
    let pay = |amount: i64| json!({ "amount_minor": amount, "method": "cash" });
    let paid = admin.post(&format!("{me}/payments"), &pay(350)).await.ok();
    let summary = admin
        .get(&format!("{me}/summary?min_position={}", paid["position"]))
        .await
        .ok();
    assert_eq!(summary["ageing"]["days_0_30_minor"], 150);
    let ledger = admin.get(&format!("{me}/ledger")).await.ok();
    assert_eq!(ledger["items"][1]["reference"], "it-age-200");
    assert_eq!(
        summary["ageing"]["oldest_open_at"],
        ledger["items"][1]["recorded_at"]
    );
    let paid = admin.post(&format!("{me}/payments"), &pay(400)).await.ok();
    let summary = admin
        .get(&format!("{me}/summary?min_position={}", paid["position"]))
        .await
        .ok();
    assert_eq!(
        (&summary["balance_minor"], &summary["store_credit_minor"]),
        (&json!(-250), &json!(250))
    );
    assert_eq!(
        (
            &summary["ageing"]["days_0_30_minor"],
            &summary["ageing"]["oldest_open_at"]
        ),
        (&json!(0), &Value::Null)
    );
}
