//! External systems with API keys: a marketplace reads stock, an ERP hands over articles and movements (CON-10, API-2).

use platform::http::Access;
use reqwest::Method;
use schemas::events::api_key::ApiScope;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::client::{Answer, Client, http, send};
use crate::product::{Product, is_ci};

const TENANT: &str = "telefonia-teg";
const OTHER: &str = "libreria-scl";
const KEYS: &str = "/api/v1/api-keys";

/// A key as the administrator got it.
struct Key {
    id: String,
    secret: String,
    position: Value,
}

async fn key(admin: &Client, name: &str, scopes: &[&str], more: Value) -> Key {
    let mut body = json!({ "name": name, "system": "Mercado en línea", "scopes": scopes });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().cloned().unwrap_or_default());
    let made = admin.post(KEYS, &body).await.ok();
    Key {
        id: made["api_key_id"].as_str().unwrap().to_owned(),
        secret: made["api_key"].as_str().unwrap().to_owned(),
        position: made["position"].clone(),
    }
}

/// A request as an external system writes it: nothing but the key.
async fn call(product: &Product, secret: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = http()
        .request(method, format!("{}{path}", product.base_url()))
        .header("Authorization", format!("ApiKey {secret}"));
    match body {
        Some(body) => send(request.json(body)).await,
        None => send(request).await,
    }
}

async fn read(product: &Product, secret: &str, path: &str) -> Answer {
    call(product, secret, Method::GET, path, None).await
}

async fn write(product: &Product, secret: &str, path: &str, body: &Value) -> Answer {
    call(product, secret, Method::POST, path, Some(body)).await
}

/// A counted item of the test's own with so many pieces in the centre.
async fn item(admin: &Client, sku: &str, pieces: i64) -> Value {
    let created =
        json!({ "sku": sku, "name": format!("Artículo {sku}"), "kind": "counted", "price_minor": 1_250 });
    admin.post("/api/v1/catalogue/items", &created).await.ok();
    let lines = json!([{ "sku": sku, "quantity": pieces, "unit_cost_minor": 500 }]);
    let receipt = json!({ "store": "centro", "lines": lines });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok()["position"].clone()
}

#[tokio::test]
async fn a_marketplace_reads_stock_by_its_key_as_the_documents_write_it() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let position = item(&admin, "it-ext-stock", 7).await;
    let key = key(&admin, "Mercado", &["stock:leer"], json!({})).await;
    assert!(key.secret.starts_with("sk_live_"));
    let path = format!("/api/external/stock/?articulo=it-ext-stock&min_position={position}");
    let answer = read(product, &key.secret, &path).await;
    assert_eq!(answer.headers["ratelimit-policy"], "\"hora\";q=1000;w=3600");
    assert!(
        answer.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"hora\";r=999;t=")
    );
    let body = answer.ok();
    let row = &body["resultados"][0];
    assert_eq!(
        (
            &row["articulo"],
            &row["nombre"],
            &row["tienda"],
            &row["disponible"]
        ),
        (
            &json!("it-ext-stock"),
            &json!("Artículo it-ext-stock"),
            &json!("centro"),
            &json!(7)
        )
    );
    assert!(!body.to_string().contains("500"), "costs are for reports: {body}");
    // Pages, with and without the slash.
    let page = read(product, &key.secret, "/api/external/stock?limite=1").await;
    let link = page.headers["link"].to_str().unwrap().to_owned();
    let next = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    let first = page.ok();
    let second = read(product, &key.secret, &next).await.ok();
    assert_eq!(second["resultados"].as_array().unwrap().len(), 1);
    assert_ne!(second["resultados"], first["resultados"]);
    // What it may not do, and what it is not.
    let denied = read(product, &key.secret, "/api/external/articulos/").await;
    let problem = denied.problem(403, "api_key.scope_missing");
    assert_eq!(problem["detail"], "La clave no tiene el permiso articulos:leer.");
    let user = admin.get("/api/external/stock/").await;
    user.problem(401, "api_key.required");
    read(product, "sk_live_abc123def456", "/api/external/stock/")
        .await
        .problem(401, "api_key.invalid");
    curl(product, &key.secret).await;
}

#[tokio::test]
async fn every_row_for_keys_asks_for_its_scope_and_every_other_scope_is_refused() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let rows = [command_service::routes::ROUTES, query_service::ROUTES];
    let rows: Vec<_> = rows
        .into_iter()
        .flatten()
        .filter(|row| row.access.takes_keys())
        .collect();
    assert_eq!(rows.len(), 7);
    supplier(&admin, "it-ext-taller").await;
    for scope in ApiScope::ALL.map(ApiScope::as_str) {
        let workshop = json!({ "workshop": "it-ext-taller" });
        let key = key(&admin, &format!("Solo {scope}"), &[scope], workshop).await;
        for row in &rows {
            let method = Method::from_bytes(row.method.as_str().as_bytes()).unwrap();
            let body = (method == Method::POST).then(|| json!({}));
            let path = format!("{}/", row.path.replace("{repair_id}", "it-ext-none"));
            let answer = call(product, &key.secret, method, &path, body.as_ref()).await;
            let is_denied = answer.body["code"] == "api_key.scope_missing";
            let case = format!("{scope} at {}: {}", row.operation, answer.body);
            assert_eq!(is_denied, row.scope != scope, "{case}");
            // Where it may, an empty body is refused for what it is.
            assert!(
                answer.status.is_success() || is_denied || answer.status.as_u16() == 400,
                "{case}"
            );
            // Keys are asked for by their own word, tokens by theirs.
            let stranger = http().request(
                Method::from_bytes(row.method.as_str().as_bytes()).unwrap(),
                format!("{}{path}", product.base_url()),
            );
            let anonymous = send(stranger).await;
            let asked_for = anonymous.headers["www-authenticate"].to_str().unwrap();
            assert_eq!(
                asked_for.starts_with("ApiKey"),
                row.access == Access::Key,
                "{asked_for}"
            );
        }
    }
}

async fn supplier(admin: &Client, id: &str) {
    let body = json!({ "supplier_id": id, "name": format!("Taller {id}") });
    admin.post("/api/v1/suppliers", &body).await.ok();
}

/// S2's own command line.
async fn curl(product: &Product, secret: &str) {
    let output = tokio::process::Command::new("curl")
        .args(["--silent", "--noproxy", "*", "-H"])
        .arg(format!("Authorization: ApiKey {secret}"))
        .arg(format!("{}/api/external/stock/", product.base_url()))
        .output()
        .await;
    let Ok(output) = output else {
        assert!(!is_ci(), "curl is absent");
        eprintln!("SKIPPED: curl is absent");
        return;
    };
    let body: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!body["resultados"].as_array().unwrap().is_empty(), "{body}");
}

#[tokio::test]
async fn an_article_with_attributes_is_created_changed_and_read_back() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let scopes = ["articulos:leer", "articulos:escribir"];
    let key = key(&admin, "ERP de compras", &scopes, json!({})).await;
    let path = "/api/external/articulos/";
    let mut article = json!({ "codigo": "it-tub-1", "nombre": "Tubería PVC", "precio": "145.50", "material": "PVC",
                              "diametro": 2.5, "piezas": 6 });
    let made = write(product, &key.secret, path, &article).await;
    assert_eq!(made.status.as_u16(), 201);
    assert_eq!(made.ok()["resultado"], "creado");
    let again = write(product, &key.secret, path, &article).await;
    assert_eq!(
        (again.status.as_u16(), &again.body["resultado"]),
        (200, &json!("sin_cambios"))
    );
    article = json!({ "codigo": "it-tub-1", "precio": 150, "piezas": null, "norma": "SDR-26" });
    let changed = write(product, &key.secret, path, &article).await.ok();
    assert_eq!(changed["resultado"], "modificado");
    let read_back = format!("{path}?codigo=it-tub-1&min_position={}", changed["posicion"]);
    let body = read(product, &key.secret, &read_back).await.ok();
    let row = &body["resultados"][0];
    assert_eq!(
        (&row["nombre"], &row["precio"]),
        (&json!("Tubería PVC"), &json!("150.00"))
    );
    let attributes = json!({ "material": "PVC", "diametro": "2.5", "norma": "SDR-26" });
    assert_eq!(row["atributos"], attributes);
    // It is the catalogue's item, and the audit trail says whose key it was.
    let item = admin.get("/api/v1/catalogue/items/it-tub-1").await.ok();
    assert_eq!(
        (&item["price_minor"], &item["kind"]),
        (&json!(15_000), &json!("counted"))
    );
    let audit = admin.get(&format!("/api/v1/audit?actor={}", key.id)).await.ok();
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["command"], &entry["reason"]),
        (&json!("put_item"), &json!("ERP de compras"))
    );
    let wrong = json!({ "codigo": "it-tub-2", "nombre": "x", "precio": "1.234" });
    let problem = write(product, &key.secret, path, &wrong).await;
    let problem = problem.problem(400, "request.body_invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/precio");
    // As the documents write it: a name and attributes; and a system that numbers its articles.
    let bare = json!({ "nombre": "Codo it PVC", "material": "PVC", "diametro": 2.5 });
    let made = write(product, &key.secret, path, &bare).await;
    assert_eq!(made.status.as_u16(), 201);
    assert_eq!(made.ok()["codigo"], "Codo it PVC");
    let again = write(product, &key.secret, path, &bare).await.ok();
    assert_eq!(again["resultado"], "sin_cambios");
    let numbered = json!({ "codigo": 990_017, "nombre": "Codo it 90" });
    let numbered = write(product, &key.secret, path, &numbered).await.ok();
    assert_eq!(
        (&numbered["codigo"], &numbered["resultado"]),
        (&json!("990017"), &json!("creado"))
    );
    // The same code in another tenant is another article.
    let stranger = product.client(OTHER, "admin").await;
    let theirs = self::key(&stranger, "Ajeno", &scopes, json!({})).await;
    let body = read(product, &theirs.secret, &format!("{path}?codigo=it-tub-1"))
        .await
        .ok();
    assert_eq!(body["resultados"], json!([]));
}

#[tokio::test]
async fn movements_by_key_move_stock_in_the_stores_of_the_key_alone() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    item(&admin, "it-ext-move", 10).await;
    let scopes = ["movimientos:escribir", "stock:leer", "reportes:leer"];
    let key = key(&admin, "Bodega", &scopes, json!({ "stores": ["centro"] })).await;
    let path = "/api/external/movimientos/";
    let entry = json!({ "tipo": "entrada", "articulo": "it-ext-move", "cantidad": 5, "tienda": "centro", "costo": "6.00",
                        "fecha": "2026-01-08T10:30:00" });
    let made = write(product, &key.secret, path, &entry).await.ok();
    assert_eq!(
        (&made["estado"], &made["tienda"]),
        (&json!("aprobado"), &json!("centro"))
    );
    let exit = json!({ "tipo": "salida", "articulo": "it-ext-move", "cantidad": 2, "motivo": "muestra" });
    write(product, &key.secret, path, &exit).await.ok();
    let fix =
        json!({ "tipo": "ajuste", "articulo": "it-ext-move", "cantidad": -1, "movimiento": "it-ext-fix" });
    let fixed = write(product, &key.secret, path, &fix).await.ok();
    let repeated = write(product, &key.secret, path, &fix).await;
    assert_eq!(repeated.status.as_u16(), 409, "{}", repeated.body);
    let stock = format!(
        "/api/external/stock/?articulo=it-ext-move&min_position={}",
        fixed["posicion"]
    );
    let body = read(product, &key.secret, &stock).await.ok();
    assert_eq!(body["resultados"][0]["existencia"], 12);
    let elsewhere =
        json!({ "tipo": "salida", "articulo": "it-ext-move", "cantidad": 1, "tienda": "kennedy" });
    write(product, &key.secret, path, &elsewhere)
        .await
        .problem(403, "api_key.store_forbidden");
    let too_many = json!({ "tipo": "salida", "articulo": "it-ext-move", "cantidad": 1_000 });
    let problem = write(product, &key.secret, path, &too_many)
        .await
        .problem(409, "stock.insufficient");
    assert_eq!(problem["errors"][0]["pointer"], "/cantidad");
    let report = read(product, &key.secret, "/api/external/reportes/").await.ok();
    let rows = report["resultados"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "only the key's store: {report}");
    assert_eq!(
        (&rows[0]["tienda"], &rows[0]["moneda"]),
        (&json!("centro"), &json!("HNL"))
    );
    assert!(rows[0]["valor_stock"].as_str().unwrap().contains('.'));
    for kind in ["ventas", "stock_bajo"] {
        let path = format!("/api/external/reportes/?tipo={kind}");
        let body = read(product, &key.secret, &path).await.ok();
        assert!(body["resultados"].is_array(), "{body}");
    }
}

#[tokio::test]
async fn a_workshop_with_a_key_sees_and_diagnoses_the_devices_that_were_sent_to_it_and_no_others() {
    const VIEW: &str = "/api/v1/repairs/workshop";
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let customer = json!({ "customer_id": "it-ext-lucia", "name": "Lucía Ñandú", "phone": "+504 9999-7777" });
    admin.post("/api/v1/customers", &customer).await.ok();
    supplier(&admin, "it-ext-norte").await;
    supplier(&admin, "it-ext-sur").await;
    let take_in = async |id: &str, store: &str, unit: &str| {
        let body = json!({ "repair_id": id, "store": store, "customer_id": "it-ext-lucia", "unit": unit,
                           "description": "Nokia 3310", "fault": "No carga" });
        admin.post("/api/v1/repairs", &body).await.ok();
        let sent = json!({ "workshop": { "kind": "supplier", "supplier_id": "it-ext-norte" },
                           "instructions": "Revisar el conector" });
        admin
            .post(&format!("/api/v1/repairs/{id}/workshop"), &sent)
            .await
            .ok()
    };
    take_in("it-ext-rep-1", "centro", "imei:868932036356090").await;
    let sent = take_in("it-ext-rep-2", "kennedy", "imei:353270079684223").await;

    // Without a workshop there is nothing that such a key could see.
    let nobodys = json!({ "name": "x", "system": "x", "scopes": ["repairs:workshop"] });
    admin
        .post(KEYS, &nobodys)
        .await
        .problem(422, "api_key.workshop_missing");
    let both = ["repairs:workshop", "repairs:diagnose"];
    let north = key(&admin, "Norte", &both, json!({ "workshop": "it-ext-norte" })).await;
    let south = key(&admin, "Sur", &both, json!({ "workshop": "it-ext-sur" })).await;
    let centre = json!({ "workshop": "it-ext-norte", "stores": ["centro"] });
    let centre = key(&admin, "Centro", &both, centre).await;

    let view = format!("{VIEW}?min_position={}", sent["position"]);
    let seen = read(product, &north.secret, &view).await;
    assert!(seen.headers.contains_key("ratelimit"));
    let seen = seen.ok();
    let ids = |seen: &Value| -> Vec<String> {
        let rows = seen["items"].as_array().unwrap().iter();
        rows.map(|row| row["repair_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&seen), ["it-ext-rep-1", "it-ext-rep-2"]);
    assert_eq!(seen["items"][0]["instructions"], "Revisar el conector");
    let text = seen.to_string();
    for private in ["it-ext-lucia", "Ñandú", "9999-7777", "minor"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    assert_eq!(
        ids(&read(product, &centre.secret, &view).await.ok()),
        ["it-ext-rep-1"]
    );
    for query in ["", "&workshop=supplier/it-ext-norte", "&workshop=user/admin"] {
        let seen = read(product, &south.secret, &format!("{view}{query}")).await.ok();
        assert_eq!(ids(&seen), [] as [&str; 0], "{query}");
    }

    let says = json!({ "diagnosis": "Conector sucio" });
    let at = |id: &str| format!("{VIEW}/{id}/diagnosis");
    for (secret, id) in [
        (&south.secret, "it-ext-rep-1"),
        (&centre.secret, "it-ext-rep-2"),
        (&north.secret, "ninguna"),
    ] {
        write(product, secret, &at(id), &says)
            .await
            .problem(404, "repair.not_found");
    }
    let pays = json!({ "diagnosis": "Conector sucio", "covered": true });
    write(product, &north.secret, &at("it-ext-rep-1"), &pays)
        .await
        .problem(400, "request.body_invalid");
    let said = write(product, &north.secret, &at("it-ext-rep-1"), &says)
        .await
        .ok();
    assert_eq!(said["status"], "diagnosed");
    let path = format!("/api/v1/repairs/it-ext-rep-1?min_position={}", said["position"]);
    let repair = admin.get(&path).await.ok();
    assert_eq!(
        (&repair["diagnosis"], &repair["covered"]),
        (&json!("Conector sucio"), &json!(false))
    );
    let audit = admin.get(&format!("/api/v1/audit?actor={}", north.id)).await.ok();
    assert_eq!(audit["items"][0]["reason"], "Norte");
    // Back in the shop it is nothing to them any more.
    let back = admin
        .post("/api/v1/repairs/it-ext-rep-1/workshop/return", &json!({}))
        .await
        .ok();
    let view = format!("{VIEW}?min_position={}", back["position"]);
    assert_eq!(
        ids(&read(product, &north.secret, &view).await.ok()),
        ["it-ext-rep-2"]
    );
    write(product, &north.secret, &at("it-ext-rep-1"), &says)
        .await
        .problem(404, "repair.not_found");
}

#[tokio::test]
async fn the_demos_keys_work_and_the_five_paths_take_them_with_and_without_a_slash_in_any_case() {
    let product = Product::shared().await;
    for tenant in product.demo["tenants"].as_array().unwrap() {
        let demo = &tenant["api_key"];
        assert!(
            demo["name"].is_string() && demo["scopes"].as_array().unwrap().len() == 5,
            "{demo}"
        );
        let secret = demo["key"].as_str().unwrap();
        for path in ["articulos", "stock", "reportes"] {
            for (slash, scheme) in [("", "ApiKey"), ("/", "apikey"), ("/?limite=1", "APIKEY")] {
                let url = format!("{}/api/external/{path}{slash}", product.base_url());
                let request = http()
                    .get(url)
                    .header("Authorization", format!("{scheme}  {secret}"));
                send(request).await.ok();
            }
            read(product, secret, &format!("/api/external/{path}//"))
                .await
                .problem(404, "request.path_unknown");
        }
        for path in ["articulos", "movimientos"] {
            for slash in ["", "/"] {
                let path = format!("/api/external/{path}{slash}");
                let answer = write(product, secret, &path, &json!({ "tipo": "otro" })).await;
                answer.problem(400, "request.body_invalid");
            }
        }
    }
    // What is not a key is not looked up, however it is spelt.
    for wrong in [
        "",
        "sk_live_",
        "SK_LIVE_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let answer = read(product, wrong, "/api/external/stock/").await;
        assert_eq!(answer.status.as_u16(), 401, "{wrong}: {}", answer.body);
    }
    let long = read(product, &"A".repeat(10_000), "/api/external/stock/").await;
    assert!([401, 431].contains(&long.status.as_u16()), "{}", long.status);
}

#[tokio::test]
async fn what_a_key_may_not_do_and_a_key_that_ended_are_recorded_with_the_cause_and_are_security_events() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let path = "/api/external/stock/?tienda=centro";
    let ended = key(&admin, "Vencida", &["stock:leer"], json!({})).await;
    read(product, &ended.secret, path).await.ok();
    read(product, &ended.secret, "/api/external/articulos/")
        .await
        .problem(403, "api_key.scope_missing");
    denied(&admin, &ended, &ended.position).await;
    let off = admin
        .post(&format!("{KEYS}/{}/deactivate", ended.id), &json!({}))
        .await
        .ok();
    let refused = read(product, &ended.secret, path).await;
    let problem = refused.problem(401, "api_key.invalid");
    assert!(
        !problem.to_string().contains("inactive"),
        "its holder is not told why"
    );
    let log = format!("/api/v1/integrations/logs?api_key_id={}&estado=ERROR", ended.id);
    let written = recorded(&admin, &log, 2).await;
    let shown = |row: usize| {
        let row = &written["items"][row];
        [&row["error"], &row["http_status"], &row["tipo"]].map(Value::clone)
    };
    let (inactive, missing) = ("api_key.inactive", "api_key.scope_missing");
    assert_eq!(shown(0), [json!(inactive), json!(401), json!("stock:leer")]);
    assert_eq!(shown(1), [json!(missing), json!(403), json!("articulos:leer")]);
    assert!(!written.to_string().contains(&ended.secret));
    denied(&admin, &ended, &off["position"]).await;
}

/// Waits for a security event about denied access with this key.
async fn denied(admin: &Client, key: &Key, from: &Value) {
    let stream = format!("security/{}", key.id);
    let path = format!("/api/v1/audit?command=record_denied_access&from_position={from}&limit=200");
    let denied = async {
        loop {
            let entries = admin.get(&path).await.ok()["items"].as_array().unwrap().clone();
            if entries.iter().any(|entry| entry["stream"] == stream) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let within = tokio::time::timeout(std::time::Duration::from_secs(30), denied).await;
    assert!(within.is_ok(), "no security event about {stream}");
}

#[tokio::test]
async fn a_rotated_key_overlaps_and_a_deactivated_or_revoked_one_ends_at_once() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let key = key(&admin, "Rotativa", &["stock:leer"], json!({})).await;
    let path = "/api/external/stock/";
    let rotate = |overlap_s: i64| {
        let (admin, path) = (admin.clone(), format!("{KEYS}/{}/rotate", key.id));
        async move { admin.post(&path, &json!({ "overlap_s": overlap_s })).await.ok() }
    };
    let second = rotate(3_600).await["api_key"].as_str().unwrap().to_owned();
    read(product, &key.secret, path).await.ok();
    read(product, &second, path).await.ok();
    let last = rotate(0).await;
    let third = last["api_key"].as_str().unwrap().to_owned();
    for gone in [&key.secret, &second] {
        read(product, gone, path).await.problem(401, "api_key.invalid");
    }
    read(product, &third, path).await.ok();
    let shown = admin
        .get(&format!("{KEYS}/{}?min_position={}", key.id, last["position"]))
        .await
        .ok();
    let text = shown.to_string();
    assert!(!text.contains(&third) && !text.contains("hash"), "{text}");
    assert!(third.ends_with(shown["secrets"][1]["ending"].as_str().unwrap()));
    for (act, accepted) in [("deactivate", false), ("activate", true), ("revoke", false)] {
        admin
            .post(&format!("{KEYS}/{}/{act}", key.id), &json!({}))
            .await
            .ok();
        let answer = read(product, &third, path).await;
        assert_eq!(answer.status.is_success(), accepted, "{act}: {}", answer.body);
    }
    let audit = admin
        .get(&format!("/api/v1/audit?from_position={}", key.position))
        .await
        .ok();
    let seen = |kind: &str| {
        let stream = format!("security/{}", key.id);
        let entries = audit["items"].as_array().unwrap();
        entries
            .iter()
            .any(|entry| entry["event_type"] == kind && entry["stream"] == stream)
    };
    assert!(seen("security.audit_event"), "{audit}");
}

/// Sends what shall be no example in the document, which shows our own names only.
async fn quietly(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_key_is_made_and_shown_under_the_names_of_the_customers_own_model_too() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let body = json!({ "nombre": "Sistema de Reportes", "sistema": "Reportes", "scopes": ["stock:leer"],
                       "fecha_expiracion": "2027-11-22T00:00:00Z" });
    let made = quietly(admin.request(Method::POST, KEYS).json(&body)).await;
    assert_eq!(made["clave"], made["api_key"]);
    read(product, made["clave"].as_str().unwrap(), "/api/external/stock/")
        .await
        .ok();
    let path = format!("{KEYS}/{}", made["api_key_id"].as_str().unwrap());
    let rename = json!({ "nombre": "Informes", "fecha_expiracion": null });
    let changed = quietly(admin.request(Method::PATCH, &path).json(&rename)).await;
    let shown = admin
        .get(&format!("{path}?min_position={}", changed["position"]))
        .await
        .ok();
    let of = |name: &str| &shown[name];
    assert_eq!(
        [of("nombre"), of("sistema"), of("activo"), of("fecha_expiracion")],
        [&json!("Informes"), &json!("Reportes"), &json!(true), &Value::Null]
    );
    assert_eq!(
        (of("nombre"), of("sistema"), of("fecha_creacion")),
        (of("name"), of("system"), of("created_at"))
    );
    let twice = json!({ "name": "a", "nombre": "b", "system": "c", "scopes": ["stock:leer"] });
    admin
        .post(KEYS, &twice)
        .await
        .problem(400, "request.body_invalid");
    let revoked = admin.post(&format!("{path}/revoke"), &json!({})).await.ok();
    let gone = admin
        .get(&format!("{path}?min_position={}", revoked["position"]))
        .await
        .ok();
    assert_eq!(gone["activo"], false, "{gone}");
}

#[tokio::test]
async fn the_hourly_limit_holds_over_a_restart_and_every_call_leaves_a_row() {
    let mut product = Product::start("external", &[]).await;
    let admin = product.client(TENANT, "admin").await;
    let key = key(
        &admin,
        "Limitada",
        &["stock:leer"],
        json!({ "requests_per_hour": 8 }),
    )
    .await;
    let path = "/api/external/stock/?limite=1&cliente=Ana";
    for _ in 0..5 {
        read(&product, &key.secret, path).await.ok();
    }
    product.signal(testkit::signal::TERM);
    assert_eq!(product.wait().await, Some(0), "{}", product.log());
    product.restart().await;
    for left in [2, 1, 0] {
        let answer = read(&product, &key.secret, path).await;
        let said = answer.headers["ratelimit"].to_str().unwrap().to_owned();
        assert!(said.starts_with(&format!("\"hora\";r={left};")), "{said}");
        answer.ok();
    }
    let refused = read(&product, &key.secret, path).await;
    assert!(refused.headers.contains_key("retry-after"));
    let problem = refused.problem(429, "rate_limit.exceeded");
    assert_eq!(problem["title"], "Demasiadas solicitudes");
    product.signal(testkit::signal::TERM);
    assert_eq!(product.wait().await, Some(0), "{}", product.log());
    product.restart().await;
    read(&product, &key.secret, path)
        .await
        .problem(429, "rate_limit.exceeded");

    let admin = product.client(TENANT, "admin").await;
    let log = format!("/api/v1/integrations/logs?api_key_id={}", key.id);
    let written = recorded(&admin, &log, 10).await;
    let rows = written["items"].as_array().unwrap();
    let at = |row: &Value| OffsetDateTime::parse(row["fecha"].as_str().unwrap(), &Rfc3339).unwrap();
    let times: Vec<OffsetDateTime> = rows.iter().map(at).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let states: Vec<&str> = rows.iter().map(|row| row["estado"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|state| **state == "EXITOSO").count(), 8);
    assert_eq!(rows[0]["error"], "rate_limit.exceeded");
    let done = rows.last().unwrap();
    assert_eq!(
        (&done["sistema"], &done["tipo"]),
        (&json!("Mercado en línea"), &json!("stock:leer"))
    );
    assert_eq!(done["datos_enviados"]["consulta"]["cliente"], "[omitido]");
    assert!(done["datos_recibidos"]["resultados"].is_array(), "{done}");
    assert!(!written.to_string().contains(&key.secret));
    let used = admin.get(&format!("{KEYS}/{}", key.id)).await.ok();
    assert!(used["last_used_at"].is_string(), "{used}");
    let stranger = product.client(OTHER, "admin").await;
    assert_eq!(stranger.get(&log).await.ok()["items"], json!([]));
}

/// The log once it has so many rows: it is written beside the requests.
async fn recorded(admin: &Client, path: &str, rows: usize) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let body = admin.get(path).await.ok();
        if body["items"].as_array().unwrap().len() >= rows {
            return body;
        }
        assert!(std::time::Instant::now() < deadline, "{body}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
