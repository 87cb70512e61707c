//! A cashier's day at the till, in the cashier's role alone: draft, completion, a credit that is refused, a return, an
//! exchange, a void, and the receipt of what was sold (POS-1, POS-2, POS-3, CRM-2).

use serde_json::{Value, json};

use crate::client::{Client, http};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const NAME: &str = "it-cashier-day";

/// What an administrator has ready before the shop opens: a till, goods at 10.00 and 500.00, a customer with little credit.
async fn open_shop(admin: &Client) {
    let terminal = json!({ "terminal": NAME, "store": STORE, "name": "Caja de prueba" });
    admin.post("/api/v1/admin/terminals", &terminal).await.ok();
    for (suffix, kind, price) in [("cable", "counted", 1_000), ("phone", "serialised", 50_000)] {
        let item =
            json!({ "sku": format!("{NAME}-{suffix}"), "name": suffix, "kind": kind, "price_minor": price });
        admin.post("/api/v1/catalogue/items", &item).await.ok();
    }
    let units: Vec<String> = (1..=2).map(|number| format!("serial:{NAME}-{number}")).collect();
    let phones = json!({ "sku": format!("{NAME}-phone"), "quantity": 2, "units": units });
    let cables = json!({ "sku": format!("{NAME}-cable"), "quantity": 10 });
    let receipt = json!({ "store": STORE, "lines": [cables, phones] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
    let customer = json!({ "customer_id": NAME, "name": "Zoila Peñalver" });
    admin.post("/api/v1/customers", &customer).await.ok();
    let credit = json!({ "credit": { "kind": "limited", "limit_minor": 1_500 } });
    let path = format!("/api/v1/customers/{NAME}/credit");
    let request = admin.request(reqwest::Method::PUT, &path).json(&credit);
    crate::client::send(request).await.ok();
}

fn cables(pieces: i64) -> Value {
    json!({ "sku": format!("{NAME}-cable"), "quantity": pieces })
}

fn phone(number: i64) -> Value {
    json!({ "unit": format!("serial:{NAME}-{number}"), "quantity": 1 })
}

fn sale(id: &str, lines: &[Value]) -> Value {
    json!({ "sale_id": format!("{NAME}-{id}"), "store": STORE, "terminal": NAME, "lines": lines })
}

fn paid(method: &str, amount_minor: i64) -> Value {
    json!([{ "method": method, "amount_minor": amount_minor }])
}

/// The address that an answer names, which answers at once.
async fn receipt_of(cashier: &Client, answer: &Value) -> Value {
    let url = answer["receipt_url"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"));
    cashier.get(&format!("{url}&format=json")).await.ok()
}

#[tokio::test]
async fn a_cashiers_day_needs_nobody_else() {
    let product = Product::shared().await;
    open_shop(&product.client(TENANT, "admin").await).await;
    let cashier = product.client_at(TENANT, "cashier", NAME).await;

    // A draft grows, keeps its goods, and is completed with change.
    let mut draft = sale("1", &[cables(2)]);
    draft["draft"] = json!(true);
    let saved = cashier.post("/api/v1/pos/sale", &draft).await.ok();
    assert!(
        saved.get("receipt_url").is_none(),
        "a draft has no receipt: {saved}"
    );
    let grown =
        json!({ "store": STORE, "terminal": NAME, "lines": [cables(3), phone(1)], "hold_stock": true });
    let path = format!("/api/v1/pos/sale/{NAME}-1");
    let request = cashier.request(reqwest::Method::PUT, &path).json(&grown);
    crate::client::send(request).await.ok();
    let payments =
        json!([{ "method": "card", "amount_minor": 50_000 }, { "method": "cash", "amount_minor": 5_000 }]);
    let completion = json!({ "payments": payments });
    let first = cashier.post(&format!("{path}/complete"), &completion).await.ok();
    assert_eq!(
        (&first["total_minor"], &first["change_minor"]),
        (&json!(53_000), &json!(2_000))
    );
    let receipt = receipt_of(&cashier, &first).await;
    assert_eq!(receipt["lines"].as_array().unwrap().len(), 2, "{receipt}");
    assert_eq!(receipt["payments"].as_array().unwrap().len(), 2, "{receipt}");

    // Two cables would exceed what the customer may owe; nothing of it happens. One is within it.
    let on_credit = |id: &str, pieces: i64| {
        let mut body = sale(id, &[cables(pieces)]);
        body["customer_id"] = json!(NAME);
        body["payments"] = paid("credit", pieces * 1_000);
        body
    };
    cashier
        .post("/api/v1/pos/sale", &on_credit("2", 2))
        .await
        .problem(409, "credit.limit_exceeded");
    let second = cashier.post("/api/v1/pos/sale", &on_credit("2", 1)).await.ok();
    assert_eq!(second["balance_minor"], 1_000);
    let paid_out = json!({ "store": STORE, "lines": [{ "sale_line": 1, "quantity": 1 }],
                           "refunds": paid("cash", 1_000) });
    cashier
        .post(&format!("/api/v1/pos/sale/{NAME}-2/returns"), &paid_out)
        .await
        .problem(403, "refund.exceeds_paid");

    // A cable comes back for cash, the phone for another phone.
    let back = json!({ "return_id": format!("{NAME}-r1"), "store": STORE, "terminal": NAME,
                       "lines": [{ "sale_line": 1, "quantity": 1 }],
                       "refunds": [{ "method": "cash", "amount_minor": 1_000 }] });
    let returned = cashier.post(&format!("{path}/returns"), &back).await.ok();
    assert_eq!(returned["total_minor"], 1_000);
    let swap = json!({ "new_sale_id": format!("{NAME}-3"), "store": STORE, "terminal": NAME,
                       "returned": [{ "sale_line": 2, "quantity": 1 }], "lines": [phone(2), cables(1)],
                       "payments": paid("cash", 1_000) });
    let exchanged = cashier.post(&format!("{path}/exchange"), &swap).await.ok();
    assert_eq!(
        (&exchanged["exchanged_minor"], &exchanged["paid_minor"]),
        (&json!(50_000), &json!(1_000))
    );
    let receipt = receipt_of(&cashier, &exchanged).await;
    assert_eq!(
        receipt["total_minor"], 51_000,
        "the receipt is the new sale's: {receipt}"
    );

    // The last sale was a mistake.
    let mut mistake = sale("4", &[cables(1)]);
    mistake["payments"] = paid("cash", 1_000);
    cashier.post("/api/v1/pos/sale", &mistake).await.ok();
    let voided = cashier
        .post(&format!("/api/v1/pos/sale/{NAME}-4/void"), &json!({}))
        .await
        .ok();

    // The receipt on paper, and the shelf at the end of the day.
    let url = first["receipt_url"].as_str().unwrap();
    let request = http()
        .get(format!("{}{url}", product.base_url()))
        .header("Authorization", cashier.authorization());
    let printed = request.send().await.unwrap();
    assert_eq!(printed.headers()["content-type"], "application/pdf");
    assert!(printed.bytes().await.unwrap().starts_with(b"%PDF-"));
    let position = &voided["position"];
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={NAME}-cable&min_position={position}");
    let shelf = cashier.get(&path).await.ok();
    // Three and one sold, one back, one more in the exchange; the void took nothing.
    assert_eq!(shelf["items"][0]["on_hand"], 6);
    let mine = cashier
        .get(&format!("/api/v1/customers/{NAME}?min_position={position}"))
        .await
        .ok();
    assert_eq!(mine["balance_minor"], 1_000);
}
