//! Another tenant's things do not exist: every route with an id, and every table.

use platform::http::{Access, Route, Verb};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::client::send;
use crate::product::Product;
use crate::rebuild::projections;

const OWNER: &str = "telefonia-teg";
const STRANGER: &str = "libreria-scl";

pub fn rows() -> impl Iterator<Item = &'static Route> {
    [
        command_service::routes::ROUTES,
        command_service::imports::ROUTES,
        query_service::ROUTES,
        dispatcher::ROUTES,
        dispatcher::feed::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// Ids that exist in the owner's tenant and nowhere else.
pub fn existing(parameter: &str) -> &'static str {
    match parameter {
        "sku" => "USBC-1M",
        "customer_id" => "taller-el-buho",
        "sale_id" => "teg-2",
        "order_id" => "it-tenancy-order",
        "note_id" => "it-tenancy-note",
        "reservation_id" => "it-tenancy-reservation",
        "movement_id" => "it-tenancy-movement",
        "alert_id" => "it-tenancy-alert",
        "repair_id" => "it-tenancy-repair",
        "series" => "repair",
        "transfer_id" => "it-tenancy-transfer",
        "quarantine_id" => "it-tenancy-quarantine",
        "supplier_id" => "it-tenancy-supplier",
        "contact_id" => "it-tenancy-contact",
        "purchase_id" => "it-tenancy-purchase",
        "reception_id" => "it-tenancy-reception",
        "store" => "kennedy",
        "terminal" => "kennedy-1",
        "unit" => "imei:358240050001023",
        "endpoint_id" => "it-tenancy",
        "delivery_id" => "it-tenancy-1",
        "username" => "it-tenancy-user",
        "tax_code" => "ISV15",
        "slug" => "it-tenancy",
        "import_id" => "it-tenancy-import",
        "api_key_id" => "key-it-tenancy",
        other => panic!("no sample id for {{{other}}}: add one"),
    }
}

/// A body that the operation takes, so that the answer speaks of the id and not of the body.
fn body(operation: &str) -> Value {
    match operation {
        "change_item" => json!({ "name": "otro" }),
        "change_credit" => json!({ "credit": { "kind": "none" } }),
        "change_customer_status" => json!({ "status": "blocked" }),
        "add_customer_note" | "correct_customer_note" => json!({ "text": "otra" }),
        "return_delivered" => json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
        "exchange_goods" => {
            let (returned, lines) = (
                json!([{ "sale_line": 1, "quantity": 1 }]),
                json!([{ "sku": "LIB-0001", "quantity": 1 }]),
            );
            json!({ "store": "providencia", "returned": returned, "lines": lines })
        }
        "confirm_import" => json!({ "draft_sha256": "0" }),
        "charge_customer" => json!({ "amount_minor": 100 }),
        "receive_payment" => json!({ "amount_minor": 100, "method": "cash" }),
        "replace_draft" => json!({ "store": "providencia", "lines": [{ "sku": "LIB-0001", "quantity": 1 }] }),
        "complete_draft" => json!({ "payments": [] }),
        "return_from_sale" => {
            json!({ "store": "providencia", "lines": [{ "sale_line": 1, "quantity": 1, "restock": true }], "refunds": [] })
        }
        "resolve_offline_sale" => json!({ "resolution": { "kind": "retry" } }),
        "cancel_offline_sale" => json!({ "note": "no cuenta" }),
        "dispatch_transfer" => json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
        "resolve_difference" => json!({ "decision": "lost", "lines": [{ "line": 1, "quantity": 1 }] }),
        "change_supplier" | "add_supplier_contact" | "change_supplier_contact" => json!({ "name": "otro" }),
        "pay_supplier" => json!({ "amount_minor": 100, "method": "transfer" }),
        "adjust_supplier_debt" => json!({ "delta_minor": 100 }),
        "receive_purchase" | "return_to_supplier" => json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
        "invoice_reception" => json!({ "invoice": "F-1" }),
        "adjust_purchase_cost" => json!({ "lines": [{ "line": 1, "kind": "price", "delta_minor": 1 }] }),
        "diagnose_repair" => json!({ "diagnosis": "otro" }),
        "quote_repair" => json!({ "lines": [{ "sku": "LIB-0001", "quantity": 1 }] }),
        "approve_repair" | "decline_repair" => json!({ "channel": "phone" }),
        "keep_parts" | "take_parts" | "give_back_parts" => {
            json!({ "lines": [{ "sku": "LIB-0001", "quantity": 1 }] })
        }
        "send_to_workshop" => json!({ "workshop": { "kind": "user", "username": "admin" } }),
        "finish_repair" => json!({ "work_done": "otro" }),
        "return_unrepaired" => json!({ "cause": "otro" }),
        "rename_store" | "rename_terminal" => json!({ "name": "otro" }),
        "change_user_role" => json!({ "role": "cashier" }),
        "change_user_password" => json!({ "password": "una contraseña larga" }),
        "change_endpoint" | "change_connector" => json!({ "name": "otro" }),
        "replay_deliveries" => json!({ "select": { "kind": "dead" } }),
        _ => json!({}),
    }
}

#[tokio::test]
async fn every_route_with_an_id_answers_404_for_another_tenants_id() {
    let product = Product::shared().await;
    let stranger = product.client(STRANGER, "admin").await;
    let mut walked = 0;
    for row in rows().filter(|row| row.access == Access::User && row.path.contains('{')) {
        // Setting a tax rate creates it, a draft may be saved under any free id, and each tenant has all kinds of
        // documents: nothing of another tenant is read.
        if matches!(
            row.operation,
            "set_tax_rate" | "replace_draft" | "set_numbering" | "end_numbering"
        ) {
            continue;
        }
        let path: String = row
            .path
            .split('/')
            .map(
                |part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                    Some(parameter) => existing(parameter).to_owned(),
                    None => part.to_owned(),
                },
            )
            .collect::<Vec<_>>()
            .join("/");
        let path = match row.operation {
            "count_replay" => format!("{path}?dead=true"),
            _ => path,
        };
        let method = Method::from_bytes(row.method.as_str().as_bytes()).unwrap();
        let mut request = stranger.request(method, &path);
        if !matches!(row.method, Verb::Get | Verb::Delete) {
            request = request.json(&body(row.operation));
        }
        let answer = send(request).await;
        let is_empty_list =
            answer.status.is_success() && answer.body["items"].as_array().is_some_and(Vec::is_empty);
        assert!(
            answer.status.as_u16() == 404 || is_empty_list,
            "{} {path}: {} {}",
            row.method,
            answer.status,
            answer.body
        );
        walked += 1;
    }
    assert!(walked >= 20, "only {walked} routes were walked");
}

#[tokio::test]
async fn lists_show_the_own_tenant_only() {
    let product = Product::shared().await;
    let (owner, stranger) = (
        product.client(OWNER, "admin").await,
        product.client(STRANGER, "admin").await,
    );
    for row in
        rows().filter(|row| row.access == Access::User && row.method == Verb::Get && !row.path.contains('{'))
    {
        let (mine, theirs) = (owner.get(row.path).await.ok(), stranger.get(row.path).await.ok());
        let (Some(mine), Some(theirs)) = (mine["items"].as_array(), theirs["items"].as_array()) else {
            assert_ne!(mine, theirs, "{}", row.path);
            continue;
        };
        for item in mine {
            let same: Vec<&Value> = theirs.iter().filter(|other| *other == item).collect();
            // A till's name may repeat by chance; a whole row with its times does not.
            assert!(same.is_empty(), "{}: {item}", row.path);
        }
    }
}

#[tokio::test]
async fn every_table_with_a_tenant_forces_row_security_though_the_application_filters_nothing() {
    let product = Product::shared().await;
    // A second group of read models, as a rebuild leaves it: the walk must see it, too.
    let held = projections(product, &["rebuild", "--hold"])
        .output()
        .await
        .unwrap();
    assert!(held.status.success(), "{held:?}");
    let owner_url = product.demo["database_url"].as_str().unwrap();
    let mut owner = PgConnection::connect(owner_url).await.unwrap();
    let tables: Vec<(String, bool, bool)> = sqlx::query_as(
        "select c.oid::regclass::text, c.relrowsecurity, c.relforcerowsecurity from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
         join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%' order by 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    assert!(
        tables.iter().any(|(table, ..)| table == "rm_1.rm_stock"),
        "{tables:?}"
    );
    for (table, enabled, forced) in &tables {
        assert!(enabled & forced, "{table}: row security is not forced");
    }
    // As the role of the API handlers: nothing without a tenant, and one tenant's rows only with one.
    let api_url = owner_url.replace("trastienda_owner", "trastienda_api");
    let mut api = PgConnection::connect(&api_url).await.unwrap();
    let mut seen = 0;
    for (table, ..) in &tables {
        let readable: bool = sqlx::query_scalar("select has_table_privilege($1, 'select')")
            .bind(table)
            .fetch_one(&mut api)
            .await
            .unwrap();
        if !readable {
            continue;
        }
        let count = format!("select count(*) from {table} where $1::text is not null and tenant <> $1");
        let all = format!("select count(*) from {table}");
        let mut transaction = api.begin().await.unwrap();
        let unset: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(all.clone()))
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(unset, 0, "{table} shows rows without a tenant");
        sqlx::query("select set_config('trastienda.tenant', $1, true)")
            .bind(OWNER)
            .execute(&mut *transaction)
            .await
            .unwrap();
        let foreign: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count))
            .bind(OWNER)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(foreign, 0, "{table} shows other tenants' rows");
        let own: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(all))
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        seen += own;
        transaction.rollback().await.unwrap();
    }
    assert!(
        seen > 0,
        "the role saw nothing at all, so the check proves nothing"
    );
    let writes: Vec<(String,)> = sqlx::query_as(
        "select table_name::text from information_schema.role_table_grants
         where grantee = 'trastienda_api' and privilege_type <> 'SELECT'",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(writes.is_empty(), "the API role may write: {writes:?}");
}
