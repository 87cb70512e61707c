//! Smart imports over HTTP: a price list from draft to done, twice; a kill in the middle; hostile files; the command line.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, send};
use crate::product::{Product, binary, is_absent, repository};

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const SMART: &str = "/api/v1/inventory/import/smart";

/// Uploads a file as the body itself.
async fn upload(client: &Client, query: &str, content: impl Into<Vec<u8>>) -> Answer {
    let request = client
        .request(Method::POST, &format!("{SMART}?{query}"))
        .header("Content-Type", "application/octet-stream")
        .body(content.into());
    send(request).await
}

/// Polls as a page would, until the import is in one of these states.
async fn until(client: &Client, id: &str, statuses: &[&str]) -> Value {
    let reached = async {
        loop {
            let import = client.get(&format!("{SMART}/{id}")).await.ok();
            if statuses.contains(&import["status"].as_str().unwrap()) {
                return import;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), reached)
        .await
        .unwrap_or_else(|_| panic!("import {id} does not come to {statuses:?}"))
}

async fn rows(client: &Client, id: &str, filter: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("{SMART}/{id}/rows?limit=200{filter}{cursor}");
        let page = client.get(&path).await.ok();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn id_of(answer: &Value) -> &str {
    answer["import_id"].as_str().unwrap()
}

async fn on_hand(client: &Client, sku: &str) -> i64 {
    let head = client.get("/api/v1/tenant").await.ok()["position"].clone();
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={sku}&min_position={head}");
    client.get(&path).await.ok()["items"][0]["on_hand"]
        .as_i64()
        .unwrap_or(0)
}

async fn price(client: &Client, sku: &str) -> i64 {
    client.get(&format!("/api/v1/catalogue/items/{sku}")).await.ok()["price_minor"]
        .as_i64()
        .unwrap()
}

/// Waits until the read models have all that was carried out so far: what is written now comes after it.
async fn caught_up(client: &Client) {
    static MARKS: AtomicU64 = AtomicU64::new(0);
    let sku = format!("MARK-{}", MARKS.fetch_add(1, Ordering::Relaxed));
    let item = json!({ "sku": sku, "name": sku, "kind": "service", "price_minor": 0 });
    let mark = client.post("/api/v1/catalogue/items", &item).await.ok();
    let path = format!(
        "/api/v1/catalogue/items?limit=1&min_position={}",
        mark["position"]
    );
    client.get(&path).await.ok();
}

#[tokio::test]
async fn a_price_list_is_drafted_looked_at_confirmed_and_confirmed_again() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    for (sku, price) in [("IMP-OLD", 10_000), ("IMP-SAME", 5_000)] {
        let item = json!({ "sku": sku, "name": sku, "kind": "counted", "price_minor": price });
        manager.post("/api/v1/catalogue/items", &item).await.ok();
    }
    let receipt = json!({ "store": STORE, "lines": [{ "sku": "IMP-OLD", "quantity": 8 }] });
    manager.post("/api/v1/inventory/receipts", &receipt).await.ok();
    let text = "Lista de precios;;;;;\n\
                Código;Descripción;Precio (L.);Impuesto;Existencias;Material\n\
                IMP-NEW;Cable de 2 m;1.234,50;15%;12;Nylon\n\
                IMP-OLD;IMP-OLD;50,00;;3;\n\
                IMP-SAME;IMP-SAME;50,00;;;\n\
                IMP-BAD;Sin precio;abc;;;\n";
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();

    let drafted = upload(
        &manager,
        &format!("store={STORE}&file_name=lista.csv"),
        latin.clone(),
    )
    .await
    .ok();
    assert_eq!(drafted["status"], "drafted", "{drafted}");
    let counts = &drafted["counts"];
    let figures =
        ["rows", "planned", "unchanged", "held", "invalid"].map(|name| counts[name].as_i64().unwrap());
    assert_eq!(figures, [4, 1, 1, 1, 1], "{drafted}");
    let id = id_of(&drafted);
    let shown = rows(&manager, id, "").await;
    assert_eq!(shown[0]["status"], "planned");
    assert_eq!(
        shown[0]["changes"][2],
        json!({ "action": "create_item", "field": "price_minor", "from": null, "to": 123_450 })
    );
    assert_eq!(
        shown[1]["needs"],
        json!(["price_drop", "negative_adjustment"]),
        "{}",
        shown[1]
    );
    assert_eq!(shown[1]["warnings"][0]["code"], "price.drop");
    assert_eq!(shown[3]["warnings"][0]["severity"], "error");
    assert_eq!(rows(&manager, id, "&status=invalid").await[0]["line"], 6);
    manager
        .get("/api/v1/catalogue/items/IMP-NEW")
        .await
        .problem(404, "resource.not_found");

    let confirm = format!("{SMART}/{id}/confirm");
    manager
        .post(&confirm, &json!({ "draft_sha256": "0" }))
        .await
        .problem(409, "import.draft_differs");
    let body = json!({ "draft_sha256": drafted["draft_sha256"] });
    manager.post(&confirm, &body).await.ok();
    let done = until(&manager, id, &["completed"]).await;
    caught_up(&manager).await;
    assert_eq!(
        (&done["percent"], &done["counts"]["applied"]),
        (&json!(100), &json!(1))
    );
    assert_eq!(done["counts"]["held"], 1);
    assert_eq!(price(&manager, "IMP-OLD").await, 10_000, "held back");
    assert_eq!(on_hand(&manager, "IMP-NEW").await, 12);

    // The same file again, as another upload: nothing more, and it says so.
    let again = upload(&manager, &format!("store={STORE}&mode=confirm"), latin)
        .await
        .ok();
    assert_eq!(
        (&again["status"], &again["already_confirmed"], &again["same_as"]),
        (&json!("repeated"), &json!(true), &json!(id))
    );
    let once_more = manager.post(&confirm, &body).await.ok();
    assert_eq!(once_more["already_confirmed"], true);
    assert_eq!(on_hand(&manager, "IMP-NEW").await, 12);

    // Somebody who may takes responsibility for what was held back.
    let body = json!({ "draft_sha256": drafted["draft_sha256"], "overrides": ["price_drop", "negative_adjustment"] });
    manager.post(&confirm, &body).await.ok();
    let done = until(&manager, id, &["completed"]).await;
    assert_eq!(
        (&done["counts"]["applied"], &done["counts"]["held"]),
        (&json!(2), &json!(0))
    );
    caught_up(&manager).await;
    assert_eq!(on_hand(&manager, "IMP-OLD").await, 3);
    assert_eq!(price(&manager, "IMP-OLD").await, 5_000);
    let history = manager.get(&format!("{SMART}/history?limit=200")).await.ok();
    let items = history["items"].as_array().unwrap();
    let mine = items.iter().find(|item| item["import_id"] == id).unwrap();
    assert_eq!(mine["file_name"], "lista.csv");
    assert_eq!(mine["overrides"], json!(["price_drop", "negative_adjustment"]));
    assert_eq!(mine["warnings"][0]["code"], "column.attribute");
}

/// The same upload as a form, whose boundary no two programs choose alike.
async fn keyed_form(client: &Client, key: &str, boundary: &str, text: &str) -> Answer {
    let part = |name: &str, value: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n")
    };
    let body = format!(
        "{}{}--{boundary}--\r\n",
        part("\"store\"", STORE),
        part("\"file\"; filename=\"lista.csv\"", text)
    );
    let request = client
        .request(Method::POST, SMART)
        .header("X-Idempotency-Key", key)
        .header(
            "Content-Type",
            format!("multipart/form-data; boundary={boundary}"),
        )
        .body(body);
    send(request).await
}

#[tokio::test]
async fn a_key_is_kept_to_one_upload_and_to_one_confirmation_whatever_the_envelope() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    let text = "sku,name,price\nIMP-KEY,Con clave,10.00\n";
    let drafted = keyed_form(&manager, "it-imp-key", "aaaa", text).await.ok();
    let again = keyed_form(&manager, "it-imp-key", "bbbb", text).await;
    assert!(again.is_replayed());
    assert_eq!(id_of(&again.body), id_of(&drafted), "{again:?}");
    let other = text.replace("10.00", "11.00");
    keyed_form(&manager, "it-imp-key", "aaaa", &other)
        .await
        .problem(422, "idempotency.key_reused");
    let confirm = |id: &str| format!("{SMART}/{id}/confirm");
    let body = json!({ "draft_sha256": drafted["draft_sha256"] });
    manager
        .post_keyed(&confirm(id_of(&drafted)), "it-imp-key", &body)
        .await
        .problem(422, "idempotency.key_reused");
    let mine = confirm(id_of(&drafted));
    let confirmed = manager.post_keyed(&mine, "it-imp-key-2", &body).await.ok();
    until(&manager, id_of(&confirmed), &["completed"]).await;
    let again = manager.post_keyed(&mine, "it-imp-key-2", &body).await;
    assert!(again.is_replayed());
    assert_eq!(again.ok()["status"], "completed");
    let more = json!({ "draft_sha256": drafted["draft_sha256"], "overrides": ["price_drop"] });
    manager
        .post_keyed(&mine, "it-imp-key-2", &more)
        .await
        .problem(422, "idempotency.key_reused");
}

#[tokio::test]
async fn what_somebody_changed_since_the_draft_is_reported_and_not_overwritten() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    let text = "sku,name,price,qty\nIMP-RACE-1,Uno,10,5\nIMP-RACE-2,Dos,20,5\n";
    let first = upload(&manager, &format!("store={STORE}&mode=confirm"), text)
        .await
        .ok();
    until(&manager, id_of(&first), &["completed"]).await;
    let text = "sku,name,price,qty\nIMP-RACE-1,Uno,11,9\nIMP-RACE-2,Dos,21,9\n";
    let drafted = upload(&manager, &format!("store={STORE}"), text).await.ok();
    let change = json!({ "price_minor": 1_500 });
    let path = "/api/v1/catalogue/items/IMP-RACE-1";
    send(manager.request(Method::PATCH, path).json(&change))
        .await
        .ok();
    let adjust = json!({ "store": STORE, "sku": "IMP-RACE-2", "delta": -1 });
    manager.post("/api/v1/inventory/adjustments", &adjust).await.ok();
    let confirm = format!("{SMART}/{}/confirm", id_of(&drafted));
    let body = json!({ "draft_sha256": drafted["draft_sha256"] });
    manager.post(&confirm, &body).await.ok();
    let done = until(&manager, id_of(&drafted), &["completed"]).await;
    assert_eq!(done["counts"]["changed_meanwhile"], 2, "{done}");
    caught_up(&manager).await;
    assert_eq!(price(&manager, "IMP-RACE-1").await, 1_500);
    assert_eq!(on_hand(&manager, "IMP-RACE-1").await, 9);
    assert_eq!(price(&manager, "IMP-RACE-2").await, 2_100);
    assert_eq!(on_hand(&manager, "IMP-RACE-2").await, 4);
}

#[tokio::test]
async fn overrides_need_the_role_and_uploads_need_a_reason() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    let operator = product.client(TENANT, "sync_operator").await;
    upload(&operator, "overrides=price_drop", "sku,name\nA,b\n")
        .await
        .problem(403, "import.override_forbidden");
    upload(&operator, "price_drop_percent=90", "sku,name\nA,b\n")
        .await
        .problem(403, "import.override_forbidden");
    upload(&manager, "kind=stock", "sku,qty\nA,1\n")
        .await
        .problem(422, "import.store_required");
    upload(&manager, "mode=maybe", "sku,qty\nA,1\n")
        .await
        .problem(400, "request.parameter_invalid");
    let cashier = product.client(TENANT, "cashier").await;
    upload(&cashier, "", "sku,qty\nA,1\n")
        .await
        .problem(403, "auth.role_forbidden");
}

/// A workbook within every limit of size, whose table of strings says that it is larger than any memory.
fn greedy_workbook() -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/{kind}\" \
             Target=\"{target}\"/></Relationships>"
        )
    };
    let parts = [
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml")),
        (
            "xl/_rels/workbook.xml.rels",
            relation("worksheet", "worksheets/sheet1.xml"),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>\
                 <sheet name=\"a\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData/></worksheet>"),
        ),
        (
            "xl/sharedStrings.xml",
            format!(
                "<sst xmlns=\"{MAIN}\" count=\"4000000000\" uniqueCount=\"4000000000\"><si><t>a</t></si></sst>"
            ),
        ),
    ];
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test]
async fn hostile_files_end_as_failures_and_the_service_goes_on() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    upload(&manager, "", &b"%PDF-1.7 not a list"[..])
        .await
        .problem(422, "import.file_unsupported");
    let bad = upload(&manager, "file_name=nada.csv", "1,2,3\n4,5,6\n")
        .await
        .ok();
    assert_eq!(
        (&bad["status"], &bad["failure"]["code"]),
        (&json!("failed"), &json!("import.headings_unknown"))
    );
    let damaged = upload(&manager, "", [&b"PK\x03\x04"[..], &[7; 5_000]].concat())
        .await
        .ok();
    assert_eq!(damaged["failure"]["code"], "import.file_rejected", "{damaged}");
    let greedy = upload(&manager, "", greedy_workbook()).await.ok();
    assert_eq!(greedy["failure"]["code"], "import.file_rejected", "{greedy}");
    let long = vec![b'a'; (20 << 20) + (100 << 10)];
    let answer = upload(&manager, "", long).await;
    assert_eq!(answer.status.as_u16(), 413, "{}", answer.body);
    let stranger = product.client("libreria-scl", "admin").await;
    stranger
        .get(&format!("{SMART}/{}", id_of(&bad)))
        .await
        .problem(404, "resource.not_found");
}

#[tokio::test]
async fn drafts_beyond_what_is_kept_end_and_cannot_be_confirmed() {
    let product = Product::shared().await;
    let admin = product.client("libreria-scl", "admin").await;
    let mut drafts = Vec::new();
    for number in 0..51 {
        let text = format!("sku,name\nDRAFT-{number},Borrador\n");
        let drafted = upload(&admin, "", text).await.ok();
        assert!(["received", "drafted"].contains(&drafted["status"].as_str().unwrap()));
        drafts.push(id_of(&drafted).to_owned());
    }
    let ended = until(&admin, &drafts[0], &["failed"]).await;
    assert_eq!(ended["failure"]["code"], "import.draft_expired", "{ended}");
    let body = json!({ "draft_sha256": ended["draft_sha256"] });
    admin
        .post(&format!("{SMART}/{}/confirm", drafts[0]), &body)
        .await
        .problem(409, "import.not_open");
    let newest = until(&admin, &drafts[50], &["drafted"]).await;
    let body = json!({ "draft_sha256": newest["draft_sha256"] });
    let confirm = format!("{SMART}/{}/confirm", drafts[50]);
    admin.post(&confirm, &body).await.ok();
    until(&admin, &drafts[50], &["completed"]).await;
    too_many_at_once(product, &admin).await;
}

/// As if twenty files waited to be read.
async fn too_many_at_once(product: &Product, admin: &Client) {
    let mut database =
        <sqlx::PgConnection as sqlx::Connection>::connect(product.demo["database_url"].as_str().unwrap())
            .await
            .unwrap();
    sqlx::query(
        "insert into imports (tenant, import_id, status, kind, stock, price_drop_ppm, confirms, file_sha256, file_bytes,
           actor, due_at)
         select 'libreria-scl', 'it-open-' || n, 'received', 'auto', 'counted', 0, false, '00', 0,
           json_build_object('kind', 'system', 'name', 'it'), now() + interval '1 day' from generate_series(1, 20) n",
    )
    .execute(&mut database)
    .await
    .unwrap();
    upload(admin, "", "sku,name\nOPEN-1,Uno\n")
        .await
        .problem(409, "import.too_many_open");
    sqlx::query("delete from imports where tenant = 'libreria-scl' and import_id like 'it-open-%'")
        .execute(&mut database)
        .await
        .unwrap();
    upload(admin, "", "sku,name\nOPEN-1,Uno\n").await.ok();
}

/// An IMEI of a TAC, a number and its check digit (3GPP TS 23.003).
fn imei(tac: &str, number: usize) -> String {
    let body = format!("{tac}{number:06}");
    let sum: u32 = body
        .bytes()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// Devices of the shared TAC list: brand, model, IMEI, two of each type. None where the list is absent.
fn devices(wanted: usize) -> Option<String> {
    let path = repository().join("../shared/data/tac-osmocom-2016.csv");
    if is_absent(&path) {
        return None;
    }
    let list = std::fs::read_to_string(path).unwrap();
    let mut text = String::from("SKU;Marca;Modelo;Nombre;IMEI;Precio;Costo\n");
    let mut made = 0;
    for line in list.lines() {
        let mut cells = line.split(',');
        let (Some(tac), Some(brand), Some(model)) = (cells.next(), cells.next(), cells.next()) else {
            continue;
        };
        if tac.len() != 8 || !tac.bytes().all(|b| b.is_ascii_digit()) || made >= wanted {
            continue;
        }
        let plain = |cell: &str| cell.replace([';', '"'], " ").trim().to_owned();
        let (brand, model) = (plain(brand), plain(model));
        if brand.is_empty() || model.is_empty() {
            continue;
        }
        for number in 0..2 {
            writeln!(
                text,
                "TAC-{tac};{brand};{model};{brand} {model};{};1.999,00;1.500,00",
                imei(tac, number)
            )
            .unwrap();
            made += 1;
        }
    }
    Some(text)
}

#[tokio::test]
async fn a_kill_in_the_middle_of_five_thousand_devices_loses_and_doubles_nothing() {
    let Some(text) = devices(5_000) else { return };
    let mut product = Product::start("imports-killed", &[]).await;
    let mut manager = product.client(TENANT, "manager").await;
    assert!(text.lines().count() > 5_000);
    let answer = upload(&manager, &format!("store={STORE}&mode=confirm"), text)
        .await
        .ok();
    let id = id_of(&answer).to_owned();
    for least in [0, 30] {
        let in_the_middle = async {
            loop {
                let import = manager.get(&format!("{SMART}/{id}")).await.ok();
                let is_applying =
                    import["status"] == "applying" && import["percent"].as_i64().unwrap() >= least;
                if is_applying || import["status"] == "completed" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), in_the_middle)
            .await
            .unwrap();
        product.signal(testkit::signal::KILL);
        product.wait().await;
        product.restart().await;
        manager = manager.with_base(product.base_url());
    }
    let done = until(&manager, &id, &["completed"]).await;
    let applied = done["counts"]["applied"].as_i64().unwrap();
    assert_eq!(done["counts"]["rows"], done["counts"]["applied"], "{done}");
    assert!(applied >= 5_000);
    let mut database =
        <sqlx::PgConnection as sqlx::Connection>::connect(product.demo["database_url"].as_str().unwrap())
            .await
            .unwrap();
    let (units, items, pieces, completed): (i64, i64, i64, i64) = sqlx::query_as(
        "select count(*) filter (where type = 'inventory.unit_received' and data->>'sku' like 'TAC-%'),
                count(*) filter (where type = 'catalogue.item_created' and data->>'sku' like 'TAC-%'),
                coalesce(sum((data->>'quantity')::bigint) filter (where type = 'inventory.received'
                  and data->>'sku' like 'TAC-%'), 0)::bigint,
                count(*) filter (where type = 'import.completed')
         from events where tenant = $1",
    )
    .bind(TENANT)
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert_eq!(
        (units, pieces, items, completed),
        (applied, applied, applied / 2, 1)
    );
}

/// A count of this many articles that are new: every other one differs by ten pieces, the others by two.
fn counts(articles: usize) -> String {
    let mut text = String::from("sku,name,price,cost,qty\n");
    for number in 0..articles {
        let pieces = if number % 2 == 0 { 10 } else { 2 };
        writeln!(text, "APPR-{number},Artículo {number},10.00,6.00,{pieces}").unwrap();
    }
    text
}

#[tokio::test]
async fn differences_over_the_limit_become_movements_that_wait_once_each_through_a_kill() {
    const ARTICLES: usize = 600;
    let mut product = Product::start("imports-approval", &[]).await;
    let admin = product.client(TENANT, "admin").await;
    let mut manager = product.client(TENANT, "manager").await;
    let limit = json!({ "max_quantity": 3 });
    send(
        admin
            .request(Method::PUT, "/api/v1/admin/policies/movements")
            .json(&limit),
    )
    .await
    .ok();
    let drafted = upload(&manager, &format!("store={STORE}"), counts(ARTICLES))
        .await
        .ok();
    let id = id_of(&drafted).to_owned();
    let first = &rows(&manager, &id, "").await[0];
    assert_eq!(first["warnings"][0]["code"], "stock.needs_approval", "{first}");
    let body = json!({ "draft_sha256": drafted["draft_sha256"] });
    manager.post(&format!("{SMART}/{id}/confirm"), &body).await.ok();
    let in_the_stock = async {
        loop {
            let import = manager.get(&format!("{SMART}/{id}")).await.ok();
            if import["status"] == "completed" || import["percent"].as_i64().unwrap() >= 50 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), in_the_stock)
        .await
        .unwrap();
    product.signal(testkit::signal::KILL);
    product.wait().await;
    product.restart().await;
    manager = manager.with_base(product.base_url());
    let admin = admin.with_base(product.base_url());

    let done = until(&manager, &id, &["completed"]).await;
    caught_up(&manager).await;
    let half = i64::try_from(ARTICLES / 2).unwrap();
    assert_eq!(
        (&done["counts"]["applied"], &done["counts"]["waiting"]),
        (&json!(half), &json!(half)),
        "{done}"
    );
    let mut database =
        <sqlx::PgConnection as sqlx::Connection>::connect(product.demo["database_url"].as_str().unwrap())
            .await
            .unwrap();
    let (movements, articles, received): (i64, i64, i64) = sqlx::query_as(
        "select count(*) filter (where type = 'inventory.movement_created'),
                count(distinct data->'lines'->0->>'sku') filter (where type = 'inventory.movement_created'),
                count(*) filter (where type = 'inventory.received' and data->>'sku' like 'APPR-%')
         from events where tenant = $1",
    )
    .bind(TENANT)
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert_eq!((movements, articles, received), (half, half, half));

    let waiting = rows(&manager, &id, "&status=waiting_approval").await;
    assert_eq!(waiting.len(), ARTICLES / 2);
    let row = waiting.iter().find(|row| row["sku"] == "APPR-0").unwrap();
    assert_eq!(row["movement_status"], "pending_approval", "{row}");
    assert_eq!(on_hand(&manager, "APPR-0").await, 0);
    assert_eq!(on_hand(&manager, "APPR-1").await, 2);
    let movement = format!(
        "/api/v1/inventory/movements/{}",
        row["movement_id"].as_str().unwrap()
    );
    let shown = manager.get(&movement).await.ok();
    assert_eq!(shown["comment"], format!("import/{id}"));
    let approve = format!("{movement}/approve");
    manager
        .post(&approve, &json!({}))
        .await
        .problem(403, "movement.self_approval");
    admin.post(&approve, &json!({})).await.ok();
    caught_up(&manager).await;
    assert_eq!(on_hand(&manager, "APPR-0").await, 10);
    let row = &rows(&manager, &id, "&sku=APPR-0").await[0];
    assert_eq!(
        (&row["status"], &row["movement_status"]),
        (&json!("waiting_approval"), &json!("approved"))
    );

    // Fewer than are there, by more than the limit: the override lets the row through, and approval is still another's.
    let query = format!("store={STORE}&mode=confirm&overrides=negative_adjustment");
    let less = upload(&manager, &query, "sku,qty\nAPPR-0,1\n").await.ok();
    let less = until(&manager, id_of(&less), &["completed"]).await;
    assert_eq!(less["counts"]["waiting"], 1, "{less}");
    caught_up(&manager).await;
    assert_eq!(on_hand(&manager, "APPR-0").await, 10);
}

#[tokio::test]
async fn a_column_of_costs_sets_what_articles_cost_and_says_where_that_is_far_off() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    let cost = async |sku: &str| {
        let item = manager.get(&format!("/api/v1/catalogue/items/{sku}")).await.ok();
        item["cost_minor"].clone()
    };
    let text = "sku,name,price,cost\nIMP-COST-1,Uno,10,6.50\nIMP-COST-2,Dos,5,\n";
    let first = upload(&manager, "mode=confirm", text).await.ok();
    until(&manager, id_of(&first), &["completed"]).await;
    caught_up(&manager).await;
    assert_eq!(
        (cost("IMP-COST-1").await, cost("IMP-COST-2").await),
        (json!(650), Value::Null)
    );
    let text = "sku,name,price,cost\nIMP-COST-1,Uno,10,65.00\nIMP-COST-2,Dos,4.50,3\n";
    let drafted = upload(&manager, "", text).await.ok();
    let id = id_of(&drafted);
    let shown = rows(&manager, id, "").await;
    assert_eq!(
        shown[0]["changes"],
        json!([{ "action": "change_item", "field": "cost_minor", "from": 650, "to": 6_500 }])
    );
    let codes: Vec<&str> = shown[0]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["cost.jump", "price.below_cost"]);
    assert_eq!(shown[1]["changes"].as_array().unwrap().len(), 2, "{}", shown[1]);
    let body = json!({ "draft_sha256": drafted["draft_sha256"] });
    manager.post(&format!("{SMART}/{id}/confirm"), &body).await.ok();
    until(&manager, id, &["completed"]).await;
    caught_up(&manager).await;
    assert_eq!(
        (cost("IMP-COST-1").await, cost("IMP-COST-2").await),
        (json!(6_500), json!(300))
    );
    assert_eq!(price(&manager, "IMP-COST-2").await, 450);
}

#[tokio::test]
async fn rows_with_a_barcode_alone_are_the_article_that_has_it_and_received_lines_add_up() {
    const EAN: &str = "5901234123457";
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    let item = json!({
        "sku": "IMP-BAR", "name": "Con barras", "kind": "counted", "price_minor": 500, "details": { "gtin": EAN }
    });
    manager.post("/api/v1/catalogue/items", &item).await.ok();
    // At once: the draft waits until the read models have it.
    let counted = format!("codigo de barras,cantidad\n{EAN},7\n");
    let drafted = upload(&manager, &format!("kind=stock&store={STORE}"), counted)
        .await
        .ok();
    let shown = rows(&manager, id_of(&drafted), "&sku=IMP-BAR").await;
    assert_eq!(shown[0]["warnings"][0]["code"], "sku.by_gtin", "{shown:?}");
    assert_eq!(drafted["counts"]["planned"], 1, "{drafted}");

    let boxes = format!("codigo de barras,cantidad,costo\n{EAN},7,1.00\n{EAN},7,1.00\n{EAN},2,3.00\n");
    let query = format!("kind=stock&store={STORE}&stock=received&mode=confirm");
    let import = upload(&manager, &query, boxes).await.ok();
    let done = until(&manager, id_of(&import), &["completed"]).await;
    assert_eq!(done["rows_by_status"], json!({ "applied": 3 }), "{done}");
    caught_up(&manager).await;
    assert_eq!(on_hand(&manager, "IMP-BAR").await, 16);

    // A second article with the barcode: nobody can tell.
    let other = json!({
        "sku": "IMP-BAR-2", "name": "Otra", "kind": "counted", "price_minor": 500, "details": { "gtin": EAN }
    });
    manager.post("/api/v1/catalogue/items", &other).await.ok();
    let listed = format!("codigo de barras,nombre,precio\n{EAN},Con barras,6\n");
    let drafted = upload(&manager, "", listed).await.ok();
    let shown = rows(&manager, id_of(&drafted), "&status=invalid").await;
    assert_eq!(shown[0]["warnings"][0]["code"], "gtin.ambiguous", "{shown:?}");
    assert_eq!(shown[0]["warnings"][0]["value"], "IMP-BAR, IMP-BAR-2");
}

#[tokio::test]
async fn a_row_that_is_held_in_part_is_held_from_the_draft_on() {
    let product = Product::shared().await;
    let manager = product.client(TENANT, "manager").await;
    let item = json!({ "sku": "IMP-PART", "name": "Uno", "kind": "counted", "price_minor": 500 });
    manager.post("/api/v1/catalogue/items", &item).await.ok();
    let receipt = json!({ "store": STORE, "lines": [{ "sku": "IMP-PART", "quantity": 8 }] });
    manager.post("/api/v1/inventory/receipts", &receipt).await.ok();
    let text = "sku,precio,cantidad\nIMP-PART,5.01,3\n";
    let drafted = upload(&manager, &format!("store={STORE}"), text).await.ok();
    let counts = &drafted["counts"];
    assert_eq!(
        (counts["held"].as_i64(), counts["planned"].as_i64()),
        (Some(1), Some(0))
    );
    let id = id_of(&drafted);
    let held = rows(&manager, id, "&status=held").await;
    assert_eq!(held[0]["needs"], json!(["negative_adjustment"]), "{held:?}");
    let confirm = format!("{SMART}/{id}/confirm");
    let sha256 = &drafted["draft_sha256"];
    manager
        .post(&confirm, &json!({ "draft_sha256": sha256 }))
        .await
        .ok();
    let done = until(&manager, id, &["completed"]).await;
    assert_eq!(done["rows_by_status"], json!({ "held": 1 }), "{done}");
    caught_up(&manager).await;
    assert_eq!(
        (
            price(&manager, "IMP-PART").await,
            on_hand(&manager, "IMP-PART").await
        ),
        (501, 8)
    );
    let body = json!({ "draft_sha256": sha256, "overrides": ["negative_adjustment"] });
    manager.post(&confirm, &body).await.ok();
    let done = until(&manager, id, &["completed"]).await;
    assert_eq!(done["rows_by_status"], json!({ "applied": 1 }), "{done}");
    caught_up(&manager).await;
    assert_eq!(on_hand(&manager, "IMP-PART").await, 3);
}

/// Runs the command line on a file: its exit code, and all that it said.
async fn command_line(product: &Product, name: &str, text: &str, args: &[&str]) -> (i32, String) {
    let folder = product.data.join("lists");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    let output = tokio::process::Command::new(binary("trastienda"))
        .arg("import")
        .arg(&file)
        .args(["--tenant", TENANT, "--data"])
        .arg(&product.data)
        .args(args)
        .env_remove("TRASTIENDA_NATS_SERVER")
        .env_remove("TRASTIENDA_TOOLS")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.code().unwrap(),
        said + &String::from_utf8_lossy(&output.stderr),
    )
}

#[tokio::test]
async fn the_command_line_imports_articles_and_then_their_stock() {
    let product = Product::shared().await;
    let run = async |name: &str, text: &str, args: &[&str]| command_line(product, name, text, args).await;
    let articles = "nombre,material,diametro\nTubería IMP-CLI,PVC,12.5\n";
    let (code, said) = run("articulos.csv", articles, &["--tipo", "articulos"]).await;
    assert!(
        code == 0 && said.contains("1 filas: 1 aplicadas") && said.contains("[sku.derived]"),
        "{said}"
    );
    let (code, said) = run("articulos.csv", articles, &["--tipo", "articulos"]).await;
    assert!(
        code == 0 && said.contains("el mismo archivo ya se confirmó"),
        "{said}"
    );
    let stock = "nombre,cantidad\nTubería IMP-CLI,40\nTubería que no existe,1\n";
    let args = ["--tipo", "stock", "--tienda", STORE];
    let (code, said) = run("stock.csv", stock, &[&args[..], &["--borrador"]].concat()).await;
    assert!(
        code == 0 && said.contains("existencias: 0 → 40") && said.contains("borrador"),
        "{said}"
    );
    let (code, said) = run("stock.csv", stock, &args).await;
    assert!(
        code == 3 && said.contains("línea 3") && said.contains("[item.unknown]"),
        "{said}"
    );
    let (code, said) = run("stock.csv", stock, &args).await;
    assert!(
        code == 3 && said.contains("el mismo archivo ya se confirmó") && said.contains("1 no válidas"),
        "what was left is left still: {said}"
    );
    let manager = product.client(TENANT, "manager").await;
    caught_up(&manager).await;
    assert_eq!(on_hand(&manager, "Tuber%C3%ADa%20IMP-CLI").await, 40);
    let (code, said) = run("abierta.csv", "sku,nombre\nA,\"abierta\nB,x\n", &[]).await;
    assert!(
        code == 1 && said.contains("unas comillas que se abren en la línea 2 no se cierran"),
        "{said}"
    );
    let (code, said) = run("nada.csv", "1,2\n", &["--idioma", "en"]).await;
    assert!(
        code == 1
            && said.contains("No row of headings was recognised")
            && said.contains("import.headings_unknown"),
        "{said}"
    );
    for (args, wrong) in [
        (&["--tipo", "stock"][..], "--tienda"),
        (&["--motivo", "no"], "--motivo"),
    ] {
        let (code, said) = run("articulos.csv", articles, args).await;
        assert!(code == 1 && said.contains(wrong), "{said}");
    }
    let (code, said) = run("articulos.csv", articles, &["--excepciones", "price_drop"]).await;
    assert!(code == 2 && said.contains("--usuario"), "{said}");
}

#[tokio::test]
async fn overrides_on_the_command_line_are_a_persons_who_signs_in_with_a_reason() {
    let product = Product::shared().await;
    let tenants = product.demo["tenants"].as_array().unwrap();
    let users = tenants.iter().find(|tenant| tenant["id"] == TENANT).unwrap()["users"].clone();
    let sign_in = |role: &str| {
        let user = users
            .as_array()
            .unwrap()
            .iter()
            .find(|user| user["role"] == role)
            .unwrap();
        let file = product.data.join(format!("password-{role}"));
        std::fs::write(&file, user["password"].as_str().unwrap()).unwrap();
        let file = file.to_string_lossy().into_owned();
        let username = user["username"].as_str().unwrap().to_owned();
        ["--usuario".to_owned(), username, "--clave".to_owned(), file]
    };
    let manager = product.client(TENANT, "manager").await;
    let dear = "sku,nombre,precio\nIMP-CLI-DROP,Uno,100.00\n";
    let (code, said) = command_line(product, "caro.csv", dear, &[]).await;
    assert_eq!(code, 0, "{said}");
    let cheap = "sku,nombre,precio\nIMP-CLI-DROP,Uno,10.00\n";
    let (code, said) = command_line(product, "barato.csv", cheap, &[]).await;
    assert!(code == 3 && said.contains("[price.drop]"), "{said}");
    caught_up(&manager).await;
    assert_eq!(price(&manager, "IMP-CLI-DROP").await, 10_000);
    let wanted = [
        "--excepciones",
        "price_drop,repeated_file",
        "--motivo",
        "Liquidación de enero",
    ];
    let as_user = async |role: &str| {
        let words = sign_in(role);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        command_line(product, "barato.csv", cheap, &[&words[..], &wanted[..]].concat()).await
    };
    let (code, said) = as_user("sync_operator").await;
    assert!(
        code == 1 && said.contains("[import.override_forbidden]"),
        "{said}"
    );
    let (code, said) = as_user("manager").await;
    assert!(code == 0 && said.contains("1 aplicadas"), "{said}");
    let history = manager.get(&format!("{SMART}/history?limit=200")).await.ok();
    let mine = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["reason"] == "Liquidación de enero")
        .unwrap();
    assert_eq!(mine["overrides"], json!(["price_drop", "repeated_file"]));
    assert_eq!(mine["file_name"], "barato.csv");
    caught_up(&manager).await;
    assert_eq!(price(&manager, "IMP-CLI-DROP").await, 1_000);
}
