//! Orders and exchanges over HTTP: from a quote to two deliveries and an invoice on credit (TRD-1), and goods against
//! goods at the till (POS-2).

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";
const ORDERS: &str = "/api/v1/sales/orders";

/// A counted item of the test's own with so many pieces.
async fn item(admin: &Client, sku: &str, price_minor: i64, pieces: i64) {
    let created = json!({ "sku": sku, "name": sku, "kind": "counted", "price_minor": price_minor });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let line = json!({ "sku": sku, "quantity": pieces, "unit_cost_minor": price_minor / 2 });
    let receipt = json!({ "store": "centro", "lines": [line] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

/// On hand, reserved and available once the read models hold `position`.
async fn stock(admin: &Client, sku: &str, position: &Value) -> (i64, i64, i64) {
    let path = format!("/api/v1/inventory/stock?store=centro&sku={sku}&min_position={position}");
    let body = admin.get(&path).await.ok();
    let figure = |name: &str| body["items"][0][name].as_i64().unwrap();
    (figure("on_hand"), figure("reserved"), figure("available"))
}

async fn register(admin: &Client, id: &str, limit_minor: i64) {
    let body = json!({ "customer_id": id, "name": "Taller del Pedido",
                       "credit": { "kind": "limited", "limit_minor": limit_minor } });
    admin.post("/api/v1/customers", &body).await.ok();
}

#[tokio::test]
async fn a_quote_becomes_an_order_that_is_delivered_in_two_parts_and_invoiced_on_credit() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-ORD-1", 1_000, 10).await;
    register(&admin, "it-ord-1", 5_000).await;
    let line =
        json!({ "sku": "IT-ORD-1", "quantity": 6, "discount": { "kind": "share", "rate_ppm": 100_000 } });
    let quote = json!({ "kind": "quote", "order_id": "it-ord-1", "store": "centro", "customer_id": "it-ord-1",
                        "reference": "OC 17", "lines": [line], "valid_for_s": 3_600 });
    let quoted = admin.post("/api/v1/sales", &quote).await.ok();
    assert_eq!(
        (&quoted["status"], &quoted["total_minor"]),
        (&json!("quote"), &json!(5_400))
    );
    let order = format!("{ORDERS}/it-ord-1");
    let step = |step: &'static str, body: Value| {
        let (admin, path) = (admin.clone(), format!("{order}/{step}"));
        async move { admin.post(&path, &body).await }
    };
    step("confirm", json!({})).await.problem(409, "order.is_quote");
    assert_eq!(step("accept", json!({})).await.ok()["status"], "open");
    step("deliver", json!({}))
        .await
        .problem(409, "order.not_confirmed");
    let confirmed = step("confirm", json!({})).await.ok();
    assert_eq!(
        stock(&admin, "IT-ORD-1", &confirmed["position"]).await,
        (10, 6, 4)
    );

    let first = json!({ "delivery_id": "e-1", "lines": [{ "line": 1, "quantity": 4 }] });
    let delivered = step("deliver", first.clone()).await.ok();
    assert_eq!(delivered["status"], "partly_delivered");
    let again = step("deliver", first).await.ok();
    assert_eq!(stock(&admin, "IT-ORD-1", &again["position"]).await, (6, 2, 4));
    let too_much = json!({ "lines": [{ "line": 1, "quantity": 3 }] });
    step("deliver", too_much)
        .await
        .problem(409, "order.delivery_exceeds_ordered");
    let rest = step("deliver", json!({ "delivery_id": "e-2" })).await.ok();
    assert_eq!(rest["status"], "delivered");
    assert_eq!(stock(&admin, "IT-ORD-1", &rest["position"]).await, (4, 0, 4));

    let credit = |amount: i64| json!([{ "method": "credit", "amount_minor": amount }]);
    step("invoice", json!({ "payments": credit(5_400) }))
        .await
        .problem(409, "credit.limit_exceeded");
    let part = json!({ "lines": [{ "line": 1, "quantity": 5 }], "payments": credit(4_500) });
    let invoiced = step("invoice", part).await.ok();
    assert_eq!(
        (&invoiced["total_minor"], &invoiced["balance_minor"]),
        (&json!(4_500), &json!(4_500))
    );
    let cash = json!([{ "method": "cash", "amount_minor": 1_000 }]);
    let invoiced = step("invoice", json!({ "invoice_id": "f-2", "payments": cash }))
        .await
        .ok();
    assert_eq!(
        (&invoiced["status"], &invoiced["change_minor"]),
        (&json!("invoiced"), &json!(100))
    );

    let back = step(
        "returns",
        json!({ "return_id": "d-1", "lines": [{ "line": 1, "quantity": 1 }] }),
    )
    .await
    .ok();
    assert_eq!(
        (&back["total_minor"], &back["balance_minor"]),
        (&json!(900), &json!(3_600))
    );
    assert_eq!(stock(&admin, "IT-ORD-1", &back["position"]).await, (5, 0, 5));
    let read = admin.get(&order).await.ok();
    assert_eq!(
        (&read["invoiced_minor"], &read["status"]),
        (&json!(4_500), &json!("invoiced"))
    );
    assert_eq!(
        (
            &read["lines"][0]["delivered_quantity"],
            &read["lines"][0]["returned_quantity"]
        ),
        (&json!(6), &json!(1))
    );
    for (list, length) in [("deliveries", 2), ("invoices", 2), ("returns", 1)] {
        assert_eq!(read[list].as_array().unwrap().len(), length, "{list}");
    }
    let listed = admin
        .get(&format!(
            "{ORDERS}?sku=IT-ORD-1&status=invoiced&customer_id=it-ord-1"
        ))
        .await
        .ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let ledger = admin.get("/api/v1/customers/it-ord-1/ledger").await.ok();
    assert_eq!(
        (&ledger["items"][0]["cause"], &ledger["items"][0]["reference"]),
        (&json!("order"), &json!("it-ord-1"))
    );
    // The shared product writes more than a page in the meantime, so the trail is read command by command.
    let (from, to) = (&quoted["position"], &back["position"]);
    let path = format!("/api/v1/audit?command=deliver_order&from_position={from}&min_position={to}");
    let audit = admin.get(&path).await.ok();
    let ours: Vec<&Value> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["stream"] == "order/it-ord-1")
        .collect();
    assert_eq!(ours.len(), 2, "{audit}");
    assert!(
        ours.iter()
            .all(|row| row["reason"] == "prueba automática" && row["actor"] != Value::Null)
    );
}

#[tokio::test]
async fn a_cancelled_order_gives_its_goods_back_and_a_quote_expires_by_itself() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-ORD-2", 1_000, 3).await;
    let body = json!({ "kind": "order", "store": "centro", "lines": [{ "sku": "IT-ORD-2", "quantity": 3 }] });
    let made = admin.post("/api/v1/sales", &body).await.ok();
    let order = format!("{ORDERS}/{}", made["order_id"].as_str().unwrap());
    admin.post(&format!("{order}/confirm"), &json!({})).await.ok();
    let sale = json!({ "store": "centro", "lines": [{ "sku": "IT-ORD-2", "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 1_000 }] });
    admin
        .post("/api/v1/pos/sale", &sale)
        .await
        .problem(409, "stock.insufficient");
    let cancelled = admin.post(&format!("{order}/cancel"), &json!({})).await.ok();
    assert_eq!(stock(&admin, "IT-ORD-2", &cancelled["position"]).await, (3, 0, 3));
    admin
        .post(&format!("{order}/deliver"), &json!({}))
        .await
        .problem(409, "order.cancelled");
    let unwanted = json!({ "kind": "order", "store": "centro", "lines": [], "valid_for_s": 5 });
    admin
        .post("/api/v1/sales", &unwanted)
        .await
        .problem(400, "request.body_invalid");

    let quote = json!({ "kind": "quote", "store": "centro", "lines": [{ "sku": "IT-ORD-2", "quantity": 1 }],
                        "valid_for_s": 1 });
    let quoted = admin.post("/api/v1/sales", &quote).await.ok();
    let path = format!("{ORDERS}/{}", quoted["order_id"].as_str().unwrap());
    let expired = async {
        let seen = format!("{path}?min_position={}", quoted["position"]);
        while admin.get(&seen).await.ok()["status"] != "expired" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), expired)
        .await
        .unwrap();
    admin
        .post(&format!("{path}/accept"), &json!({}))
        .await
        .problem(409, "order.expired");
}

#[tokio::test]
async fn goods_are_exchanged_for_others_and_only_the_difference_is_paid() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-EXC-1", 1_000, 10).await;
    item(&admin, "IT-EXC-2", 1_600, 10).await;
    register(&admin, "it-exc", 2_500).await;
    let sale = json!({ "store": "centro", "customer_id": "it-exc", "lines": [{ "sku": "IT-EXC-1", "quantity": 2 }],
                       "payments": [{ "method": "credit", "amount_minor": 2_000 }] });
    let sold = admin.post("/api/v1/pos/sale", &sale).await.ok();
    let path = format!("/api/v1/pos/sale/{}/exchange", sold["sale_id"].as_str().unwrap());
    let swap = |payments: Value| {
        json!({ "store": "centro", "returned": [{ "sale_line": 1, "quantity": 1 }],
                "lines": [{ "sku": "IT-EXC-2", "quantity": 1 }], "payments": payments })
    };
    admin
        .post(&path, &swap(json!([])))
        .await
        .problem(422, "payment.too_low");
    let on_credit = json!([{ "method": "credit", "amount_minor": 600 }]);
    admin
        .post(&path, &swap(on_credit))
        .await
        .problem(409, "credit.limit_exceeded");
    let done = admin
        .post(&path, &swap(json!([{ "method": "cash", "amount_minor": 1_000 }])))
        .await
        .ok();
    let figures = [
        "returned_minor",
        "sold_minor",
        "exchanged_minor",
        "paid_minor",
        "change_minor",
        "balance_minor",
    ];
    let figures: Vec<i64> = figures.iter().map(|name| done[*name].as_i64().unwrap()).collect();
    assert_eq!(figures, [1_000, 1_600, 1_000, 600, 400, 2_000]);
    assert_eq!(stock(&admin, "IT-EXC-1", &done["position"]).await.0, 9);
    assert_eq!(stock(&admin, "IT-EXC-2", &done["position"]).await.0, 9);
    let new = done["new_sale_id"].as_str().unwrap();
    let read = admin.get(&format!("/api/v1/sales/{new}")).await.ok();
    assert_eq!(
        (&read["payments"][0]["method"], &read["total_minor"]),
        (&json!("exchange"), &json!(1_600))
    );
    admin
        .post(&format!("/api/v1/pos/sale/{new}/void"), &json!({}))
        .await
        .problem(409, "sale.paid_by_exchange");
    let summary = admin.get("/api/v1/customers/it-exc/summary").await.ok();
    assert_eq!(
        (&summary["purchases"]["total_minor"], &summary["balance_minor"]),
        (&json!(2_600), &json!(2_000))
    );
}

/// Three invoices of 1, 2 and 3 pieces at 1,000, of which 2 came back: each counts once, though all were delivered before.
async fn the_day_counts_invoices(admin: &Client, position: &Value) {
    let path = format!("/api/v1/reports/sales/daily?store=centro&min_position={position}");
    let days = admin.get(&path).await.ok();
    let day = days["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|day| day["invoices"] != 0)
        .unwrap_or_else(|| panic!("a day with invoices: {days}"));
    let figure = |name: &str| day[name].as_i64().unwrap_or_else(|| panic!("{name} in {day}"));
    assert_eq!((figure("invoices"), figure("invoiced_minor")), (3, 6_000));
    let reckoned = figure("sales_minor") + figure("invoiced_minor");
    let reckoned = reckoned - figure("returned_minor") - figure("voided_minor");
    assert_eq!(figure("net_minor"), reckoned);
    let methods = ["cash", "card", "transfer", "credit", "store_credit", "exchange"];
    let paid: i64 = methods.iter().map(|name| figure(&format!("{name}_minor"))).sum();
    assert_eq!(paid, figure("net_minor"));
    let path = format!("/api/v1/reports/sales/items?store=centro&min_position={position}&limit=200");
    let items = admin.get(&path).await.ok();
    let item = items["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["sku"] == "IT-VER-1")
        .unwrap_or_else(|| panic!("the item: {items}"));
    // Six pieces were invoiced and two came back; one was sold and one exchanged for another.
    assert_eq!(
        (
            &item["sold_quantity"],
            &item["returned_quantity"],
            &item["net_minor"]
        ),
        (&json!(8), &json!(3), &json!(5_000))
    );
}

#[tokio::test]
async fn orders_customers_and_exchanges_hold_before_the_checker() {
    let product = Product::start("orders-verified", &[]).await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "IT-VER-1", 1_000, 20).await;
    register(&admin, "it-ver", 100_000).await;
    for number in 0..3 {
        let id = format!("it-ver-{number}");
        let body = json!({ "kind": "order", "order_id": id, "store": "centro", "customer_id": "it-ver",
                           "lines": [{ "sku": "IT-VER-1", "quantity": 4 }] });
        admin.post("/api/v1/sales", &body).await.ok();
        for (step, body) in [
            ("confirm", json!({})),
            (
                "deliver",
                json!({ "lines": [{ "line": 1, "quantity": 1 + number }] }),
            ),
            (
                "invoice",
                json!({ "payments": [{ "method": "credit", "amount_minor": 1_000 * (1 + number) }] }),
            ),
        ] {
            admin.post(&format!("{ORDERS}/{id}/{step}"), &body).await.ok();
        }
    }
    let back = json!({ "lines": [{ "line": 1, "quantity": 2 }] });
    admin
        .post(&format!("{ORDERS}/it-ver-2/returns"), &back)
        .await
        .ok();
    admin
        .post(&format!("{ORDERS}/it-ver-1/cancel"), &json!({}))
        .await
        .ok();
    let sale = json!({ "sale_id": "it-ver-sale", "store": "centro", "lines": [{ "sku": "IT-VER-1", "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 1_000 }] });
    admin.post("/api/v1/pos/sale", &sale).await.ok();
    let swap = json!({ "store": "centro", "returned": [{ "sale_line": 1, "quantity": 1 }],
                       "lines": [{ "sku": "IT-VER-1", "quantity": 1 }] });
    admin
        .post("/api/v1/pos/sale/it-ver-sale/exchange", &swap)
        .await
        .ok();
    let noted = admin
        .post(
            "/api/v1/customers/it-ver/notes",
            &json!({ "text": "paga puntual" }),
        )
        .await
        .ok();
    admin
        .get(&format!(
            "/api/v1/customers/it-ver?min_position={}",
            noted["position"]
        ))
        .await
        .ok();
    the_day_counts_invoices(&admin, &noted["position"]).await;
    let demo = product.data.join("demo.json");
    let (ok, verified, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["checks"]["orders"], json!(3), "{text}");
}
