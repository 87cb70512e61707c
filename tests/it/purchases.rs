//! A purchase over HTTP, from the order to the second partial reception, with IMEIs, lots, a late cost, a return and a
//! payment: what the shelf is worth and what is owed are checked to the minor unit on the way (TRD-2, TRD-4, CRM-2).

use serde_json::{Value, json};
use testkit::receiver::Receiver;

use crate::client::Client;
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const CABLE: &str = "IT-COM-CABLE";
const PHONE: &str = "IT-COM-FONO";
const IMEIS: [&str; 3] = [
    "imei:356938035643809",
    "imei:490154203237518",
    "imei:353918051234561",
];

async fn item(admin: &Client, sku: &str, kind: &str) {
    let created = json!({ "sku": sku, "name": sku, "kind": kind, "price_minor": 900_000 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
}

/// On hand, what all of it cost, and the average, once the read models hold `position`.
async fn shelf(admin: &Client, sku: &str, position: &Value) -> (i64, i64, i64) {
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={sku}&min_position={position}");
    let body = admin.get(&path).await.ok();
    let figure = |name: &str| body["items"][0][name].as_i64().unwrap();
    (
        figure("on_hand"),
        figure("total_cost_minor"),
        figure("average_cost_minor"),
    )
}

async fn balance(admin: &Client, supplier: &str, position: &Value) -> i64 {
    let path = format!("/api/v1/suppliers/{supplier}?min_position={position}");
    admin.get(&path).await.ok()["balance_minor"].as_i64().unwrap()
}

async fn supplier(admin: &Client) {
    let body = json!({ "supplier_id": "it-com-sur", "name": "Distribuidora del Sur", "payment_days": 30 });
    admin.post("/api/v1/suppliers", &body).await.ok();
    let contact = json!({ "contact_id": "rosa", "role": "ventas", "name": "Rosa Ñ. Mejía", "email": "rosa@sur.example" });
    admin
        .post("/api/v1/suppliers/it-com-sur/contacts", &contact)
        .await
        .ok();
}

/// Ten cables at 60.00 and 15 % and three phones at 4,000.00, sent at once.
fn order() -> Value {
    json!({ "purchase_id": "it-com-1", "supplier_id": "it-com-sur", "store": STORE, "expected_on": "2026-12-01",
        "lines": [{ "sku": CABLE, "quantity": 10, "unit_cost_minor": 6_000, "tax_code": "ISV15" },
                  { "sku": PHONE, "quantity": 3, "unit_cost_minor": 400_000 }] })
}

#[tokio::test]
async fn a_purchase_from_the_order_to_the_second_partial_reception_a_late_cost_a_return_and_a_payment() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("purchases", &["--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let endpoint = json!({ "name": "compras", "url": receiver.url("/hook"), "event_types": ["purchase.*"],
                           "payload": "full" });
    admin.post("/api/v1/webhooks/endpoints", &endpoint).await.ok();
    item(&admin, CABLE, "counted").await;
    item(&admin, PHONE, "serialised").await;

    // The supplier must exist first.
    admin
        .post("/api/v1/purchases", &order())
        .await
        .problem(404, "supplier.not_found");
    supplier(&admin).await;
    let ordered = admin.post("/api/v1/purchases", &order()).await.ok();
    assert_eq!(
        (&ordered["status"], &ordered["total_minor"]),
        (&json!("ordered"), &json!(1_269_000))
    );
    let path = |rest: &str| format!("/api/v1/purchases/it-com-1{rest}");
    let first = json!({ "reception_id": "r-1", "invoice": "F-100", "lines": [
        { "line": 1, "quantity": 4, "lots": [{ "lot": "L-7", "quantity": 4, "expires_on": "2028-10-01" }] },
        { "line": 2, "quantity": 2, "units": IMEIS[..2] }] });
    admin
        .post(&path("/receptions"), &first)
        .await
        .problem(409, "purchase.not_sent");
    admin.post(&path("/send"), &json!({})).await.ok();

    // The same reception sent twice adds nothing.
    let received = admin.post(&path("/receptions"), &first).await.ok();
    let again = admin.post(&path("/receptions"), &first).await.ok();
    assert_eq!(received["status"], "partially_received");
    assert_eq!(
        (&received["outstanding"], &again["outstanding"]),
        (&json!(7), &json!(7))
    );
    // Four cables with 15 % and two phones.
    let owed = 4 * 6_000 * 115 / 100 + 2 * 400_000;
    assert_eq!(again["supplier_balance_minor"], json!(owed));
    assert_eq!(
        shelf(&admin, CABLE, &received["position"]).await,
        (4, 24_000, 6_000)
    );
    assert_eq!(
        shelf(&admin, PHONE, &received["position"]).await,
        (2, 800_000, 400_000)
    );

    // One cable is sold; the carrier's invoice comes late: three of four cables are still there.
    let sale = json!({ "store": STORE, "lines": [{ "sku": CABLE, "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 900_000 }] });
    admin.post("/api/v1/pos/sale", &sale).await.ok();
    let freight = json!({ "adjustment_id": "a-1", "invoice": "F-101",
                          "lines": [{ "line": 1, "kind": "freight", "delta_minor": 1_001 }] });
    let adjusted = admin.post(&path("/cost-adjustments"), &freight).await.ok();
    assert_eq!(
        (&adjusted["on_shelf_minor"], &adjusted["expensed_minor"]),
        (&json!(751), &json!(250))
    );
    let owed = owed + 1_001 + 150;
    assert_eq!(adjusted["supplier_balance_minor"], json!(owed));
    assert_eq!(
        shelf(&admin, CABLE, &adjusted["position"]).await,
        (3, 18_751, 6_250)
    );

    // A phone goes back, by its IMEI; then the rest comes.
    let back = json!({ "return_id": "d-1", "lines": [{ "line": 2, "quantity": 1, "units": [IMEIS[1]] }] });
    let returned = admin.post(&path("/returns"), &back).await.ok();
    assert_eq!(
        (&returned["total_minor"], &returned["difference_minor"]),
        (&json!(400_000), &json!(0))
    );
    let unit = admin
        .get(&format!(
            "/api/v1/inventory/units/{}?min_position={}",
            IMEIS[1], returned["position"]
        ))
        .await
        .ok();
    assert_eq!(unit["status"], "away");
    let second = json!({ "reception_id": "r-2", "lines": [{ "line": 1, "quantity": 6 },
                                                          { "line": 2, "quantity": 1, "units": [IMEIS[2]] }] });
    let too_many = json!({ "reception_id": "r-2", "lines": [{ "line": 1, "quantity": 7 }] });
    admin
        .post(&path("/receptions"), &too_many)
        .await
        .problem(409, "purchase.over_received");
    let rest = admin.post(&path("/receptions"), &second).await.ok();
    assert_eq!(rest["status"], "received");
    assert_eq!(shelf(&admin, CABLE, &rest["position"]).await, (9, 54_751, 6_083));
    assert_eq!(
        shelf(&admin, PHONE, &rest["position"]).await,
        (2, 800_000, 400_000)
    );
    let owed = owed - 400_000;
    assert_eq!(balance(&admin, "it-com-sur", &rest["position"]).await, owed);

    // Its invoice comes later; then the debt is paid, but for a discount.
    let invoice = json!({ "invoice": "F-102" });
    let invoiced = admin.post(&path("/receptions/r-2/invoice"), &invoice).await.ok();
    let owed = owed + 6 * 6_000 * 115 / 100 + 400_000;
    assert_eq!(invoiced["supplier_balance_minor"], json!(owed));
    let payment = json!({ "payment_id": "p-1", "amount_minor": owed - 1_000, "method": "transfer" });
    let paid = admin
        .post("/api/v1/suppliers/it-com-sur/payments", &payment)
        .await
        .ok();
    assert_eq!(paid["balance_minor"], 1_000);
    let discount = json!({ "adjustment_id": "it-com-a1", "delta_minor": -1_000, "note": "pronto pago" });
    let adjustments = "/api/v1/suppliers/it-com-sur/adjustments";
    let adjusted = admin.post(adjustments, &discount).await.ok();
    admin
        .post(adjustments, &discount)
        .await
        .problem(409, "supplier.adjustment_already_exists");
    let closed = admin.post(&path("/close"), &json!({})).await.ok();
    assert_eq!(
        (&adjusted["balance_minor"], &closed["status"]),
        (&json!(0), &json!("closed"))
    );

    read_back(&admin, &ordered["position"], &closed["position"]).await;
    guarded(&product).await;

    // Every step was told to whoever listens, in order.
    let deliveries = receiver.wait_for(9).await;
    let told: Vec<String> = deliveries
        .iter()
        .map(|delivery| {
            let event: Value = serde_json::from_slice(&delivery.body).unwrap();
            event["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        told,
        [
            "purchase.ordered",
            "purchase.sent",
            "purchase.received",
            "purchase.invoiced",
            "purchase.cost_adjusted",
            "purchase.returned",
            "purchase.received",
            "purchase.invoiced",
            "purchase.closed"
        ]
    );
    let demo = product.data.join("demo.json");
    let (ok, verified, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["checks"]["purchases"], json!(1), "{text}");
}

/// What lists and single reads say once all of it is there.
async fn read_back(admin: &Client, first: &Value, position: &Value) {
    let whole = admin
        .get(&format!("/api/v1/purchases/it-com-1?min_position={position}"))
        .await
        .ok();
    assert_eq!(whole["status"], "closed");
    assert_eq!(
        (&whole["received"], &whole["returned"], &whole["outstanding"]),
        (&json!(13), &json!(1), &json!(0))
    );
    assert_eq!(whole["lines"][0]["received"], 10);
    let receptions = whole["receptions"].as_array().unwrap();
    let seen: Vec<_> = receptions.iter().map(|r| (&r["id"], &r["invoice"])).collect();
    assert_eq!(
        seen,
        [(&json!("r-1"), &json!("F-100")), (&json!("r-2"), &json!("F-102"))]
    );
    assert_eq!(receptions[0]["lines"][1]["units"], json!(IMEIS[..2]));
    assert_eq!(whole["returns"][0]["lines"][0]["units"], json!([IMEIS[1]]));
    assert_eq!(whole["cost_adjustments"][0]["lines"][0]["expensed_minor"], 250);

    let of = |filters: &'static str| async move {
        let body = admin.get(&format!("/api/v1/purchases?{filters}")).await.ok();
        body["items"].as_array().unwrap().len()
    };
    assert_eq!(of("supplier_id=it-com-sur&status=closed&store=centro").await, 1);
    assert_eq!(of("supplier_id=it-com-sur&status=sent").await, 0);
    assert_eq!(of("sku=IT-COM-FONO&from=2020-01-01&to=2099-12-31").await, 1);
    assert_eq!(of("sku=IT-COM-FONO&to=2020-01-01").await, 0);

    let lots = admin
        .get("/api/v1/suppliers/it-com-sur/lots?sku=IT-COM-CABLE&expires_by=2028-10-01")
        .await
        .ok();
    assert_eq!(
        (&lots["items"][0]["lot"], &lots["items"][0]["quantity"]),
        (&json!("L-7"), &json!(4))
    );
    let contacts = admin.get("/api/v1/suppliers/it-com-sur/contacts").await.ok();
    assert_eq!(contacts["items"][0]["name"], "Rosa Ñ. Mejía");
    let ledger = admin
        .get("/api/v1/suppliers/it-com-sur/ledger?limit=4")
        .await
        .ok();
    let kinds: Vec<_> = ledger["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["cause"])
        .collect();
    assert_eq!(kinds, ["invoice", "cost_adjustment", "return", "invoice"]);
    let next = ledger["next"].as_str().unwrap();
    let rest = admin
        .get(&format!(
            "/api/v1/suppliers/it-com-sur/ledger?limit=4&cursor={next}"
        ))
        .await
        .ok();
    assert_eq!(rest["items"][1]["balance_minor"], 0);
    // TRD-4: who, why and by which command.
    let audit = admin
        .get(&format!("/api/v1/audit?limit=200&from_position={first}"))
        .await
        .ok();
    let steps: Vec<&Value> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["event_type"].as_str().unwrap().starts_with("purchase."))
        .collect();
    assert_eq!(steps.len(), 9);
    for step in steps {
        assert_eq!(
            (&step["actor"], &step["reason"]),
            (&json!("admin"), &json!("prueba automática"))
        );
        assert!(step["command_id"].as_str().is_some_and(|id| !id.is_empty()));
    }
}

/// What goods cost and what is owed for them is no business of the till's.
async fn guarded(product: &Product) {
    let cashier = product.client(TENANT, "cashier").await;
    cashier
        .get("/api/v1/suppliers/it-com-sur")
        .await
        .problem(403, "auth.role_forbidden");
    cashier
        .post("/api/v1/purchases", &order())
        .await
        .problem(403, "auth.role_forbidden");
    // Who only orders does not approve.
    let clerk = product.client(TENANT, "sync_operator").await;
    let mut at_once = order();
    at_once["purchase_id"] = json!("it-com-2");
    at_once["send"] = json!(true);
    clerk
        .post("/api/v1/purchases", &at_once)
        .await
        .problem(403, "auth.role_forbidden");
}
