//! A tenant's settings over HTTP: letterhead, document numbers, new names, and modules that are switched off (ADM-1).

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, http, send};
use crate::product::Product;
use crate::tools::lab;

const TENANT: &str = "telefonia-teg";

async fn put(client: &Client, path: &str, body: &Value) -> Answer {
    send(client.request(Method::PUT, path).json(body)).await
}

async fn patch(client: &Client, path: &str, body: &Value) -> Answer {
    send(client.request(Method::PATCH, path).json(body)).await
}

#[tokio::test]
async fn a_tenant_sets_its_papers_and_repairs_are_numbered_while_reports_are_switched_off() {
    let off = [
        "env",
        "TRASTIENDA_ENABLE_ANALYTICS=false",
        "TRASTIENDA_ENABLE_HYBRID_PREP=false",
        "TRASTIENDA_ENABLE_ORDERS=false",
    ];
    let product = Product::start_under(&off, "administration", &[]).await;
    let admin = product.client(TENANT, "admin").await;

    let unset = admin.get("/api/v1/admin/letterhead").await.ok();
    assert_eq!(unset["letterhead"], Value::Null);
    let letterhead = json!({ "legal_name": "Celulares Tegus, S. de R. L.", "tax_id": "08011999123456",
                             "footer_es": "Gracias por su compra" });
    let set = put(&admin, "/api/v1/admin/letterhead", &letterhead).await.ok();
    let path = format!("/api/v1/admin/letterhead?min_position={}", set["position"]);
    assert_eq!(
        admin.get(&path).await.ok()["letterhead"]["tax_id"],
        "08011999123456"
    );
    let manager = product.client(TENANT, "manager").await;
    put(&manager, "/api/v1/admin/letterhead", &letterhead)
        .await
        .problem(403, "auth.role_forbidden");

    let numbering = json!({ "prefix": "R-", "next": 41, "digits": 5 });
    let set = put(&admin, "/api/v1/admin/numbering/repair", &numbering)
        .await
        .ok();
    assert_eq!(set["next_number"], "R-00041");
    put(&admin, "/api/v1/admin/numbering/bill", &numbering)
        .await
        .problem(400, "request.parameter_invalid");
    let customer = json!({ "customer_id": "it-adm", "name": "Ana" });
    admin.post("/api/v1/customers", &customer).await.ok();
    for (serial, number) in [("A", "R-00041"), ("B", "R-00042")] {
        let body = json!({ "store": "centro", "customer_id": "it-adm", "unit": format!("serial:{serial}"),
                           "description": "Nokia", "fault": "No enciende" });
        let repair = admin.post("/api/v1/repairs", &body).await.ok();
        assert_eq!(repair["number"], number);
    }
    put(
        &admin,
        "/api/v1/admin/numbering/repair",
        &json!({ "prefix": "R-", "next": 42, "digits": 5 }),
    )
    .await
    .problem(409, "numbering.number_used");
    let ended = admin
        .post("/api/v1/admin/numbering/repair/end", &json!({}))
        .await
        .ok();
    let path = format!("/api/v1/admin/numbering?min_position={}", ended["position"]);
    let row = &admin.get(&path).await.ok()["items"][0];
    assert_eq!(
        (&row["enabled"], &row["taken"], &row["last_number"]),
        (&json!(false), &json!(2), &json!("R-00042"))
    );

    let renamed = patch(
        &admin,
        "/api/v1/admin/stores/centro",
        &json!({ "name": "Centro Histórico" }),
    )
    .await
    .ok();
    let path = format!("/api/v1/admin/stores?min_position={}", renamed["position"]);
    let stores = admin.get(&path).await.ok();
    let names: Vec<&str> = stores["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|store| store["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"Centro Histórico"), "{names:?}");

    people_and_places_change(&product, &admin).await;

    admin
        .get("/api/v1/reports/sales/daily")
        .await
        .problem(404, "feature.disabled");
    // A module takes along operations whose path others share, and every path of its own.
    admin
        .post("/api/v1/sales", &json!({}))
        .await
        .problem(404, "feature.disabled");
    admin.get("/api/v1/sales").await.ok();
    for path in ["/api/v1/sync/integrations/hooks", "/api/v1/integrations/hooks"] {
        admin
            .get(&format!("{path}/erp/events"))
            .await
            .problem(404, "feature.disabled");
    }
    admin.get("/api/v1/integrations/logs").await.ok();
    let features = admin.get("/api/v1/admin/features").await.ok();
    let on = |name: &str| {
        let features = features["features"].as_array().unwrap();
        features
            .iter()
            .find(|feature| feature["feature"] == json!(name))
            .unwrap()["enabled"]
            .clone()
    };
    assert_eq!(
        (on("analytics"), on("hybrid_prep"), on("repairs")),
        (json!(false), json!(false), json!(true))
    );

    let demo = product.data.join("demo.json");
    let (ok, verified, text) = lab(&["verify", "--demo", &demo.to_string_lossy()]).await;
    assert!(ok, "{text}");
    assert_eq!(verified["checks"]["repairs"], json!(2), "{text}");
}

/// The organisation and a user get new names, a closed store opens again, and a user sets their own password.
async fn people_and_places_change(product: &Product, admin: &Client) {
    let seen = async |path: &str, written: &Value| {
        let path = format!("{path}?min_position={}", written["position"]);
        admin.get(&path).await.ok()
    };
    let name = json!({ "name": "Telefonía del Centro" });
    let renamed = patch(admin, "/api/v1/tenant", &name).await.ok();
    let tenant = seen("/api/v1/tenant", &renamed).await;
    assert_eq!(tenant["name"], name["name"]);
    assert_eq!(tenant["time_zone"], "America/Tegucigalpa");
    let zone = json!({ "name": "x", "time_zone": "UTC" });
    patch(admin, "/api/v1/tenant", &zone)
        .await
        .problem(400, "request.body_invalid");

    let closed = admin
        .post("/api/v1/admin/stores/centro/close", &json!({}))
        .await
        .ok();
    let customer = json!({ "store": "centro", "customer_id": "it-adm", "unit": "serial:C",
                           "description": "Nokia", "fault": "No enciende" });
    admin
        .post("/api/v1/repairs", &customer)
        .await
        .problem(409, "store.closed");
    let reopened = admin
        .post("/api/v1/admin/stores/centro/reopen", &json!({}))
        .await
        .ok();
    assert!(reopened["position"].as_i64() > closed["position"].as_i64());
    let stores = seen("/api/v1/admin/stores", &reopened).await;
    let stores = stores["items"].as_array().unwrap();
    let centro = stores.iter().find(|row| row["store"] == "centro").unwrap();
    assert_eq!(centro["closed"], false);

    let user = json!({ "username": "it-rosa", "role": "cashier", "display_name": "Rosa",
                       "password": "una contraseña larga" });
    admin.post("/api/v1/admin/users", &user).await.ok();
    let display_name = json!({ "display_name": "Rosa María" });
    let renamed = patch(admin, "/api/v1/admin/users/it-rosa", &display_name)
        .await
        .ok();
    let users = seen("/api/v1/admin/users", &renamed).await;
    let users = users["items"].as_array().unwrap();
    let rosa = users.iter().find(|row| row["username"] == "it-rosa").unwrap();
    assert_eq!(rosa["display_name"], "Rosa María");
    // With no token at all: who knows the password is asked for it.
    let own = async |password: &str| {
        let body = json!({ "tenant": TENANT, "username": "it-rosa", "password": password,
                           "new_password": "otra contraseña larga" });
        let url = format!("{}/api/v1/auth/password", product.base_url());
        send(http().post(url).json(&body)).await
    };
    own("una contraseña que no es")
        .await
        .problem(401, "auth.sign_in_failed");
    own("una contraseña larga").await.ok();
    own("una contraseña larga")
        .await
        .problem(401, "auth.sign_in_failed");
    Client::sign_in(product.base_url(), TENANT, "it-rosa", "otra contraseña larga").await;
}
