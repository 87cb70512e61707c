//! Another tenant's things do not exist: every route with an id, and every table.

pub mod things;

use platform::http::{Access, Route, Verb};
use reqwest::Method;
use schemas::events::admin::Role;
use schemas::events::api_key::ApiScope;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testkit::receiver::Receiver;

use self::things::{MARK, Things};
use crate::client::{Answer, Client, http, send};
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

/// Names of the right form for every parameter, for walks that ask for no more.
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

/// What a tenant calls its store and an item of it.
#[derive(Clone, Copy)]
struct Names {
    store: &'static str,
    sku: &'static str,
}

const OWNERS: Names = Names {
    store: "centro",
    sku: MARK,
};
const STRANGERS: Names = Names {
    store: "providencia",
    sku: "LIB-0001",
};

/// A body that the operation takes, so that the answer speaks of the path's id and not of the body.
fn body(operation: &str, names: Names) -> Value {
    let Names { store, sku } = names;
    let piece = json!([{ "sku": sku, "quantity": 1 }]);
    let line = json!([{ "line": 1, "quantity": 1 }]);
    match operation {
        "change_item" => json!({ "name": MARK }),
        "set_item_cost" => json!({ "cost_minor": 500 }),
        "change_credit" => json!({ "credit": { "kind": "none" } }),
        "change_customer_status" => json!({ "status": "blocked" }),
        "add_customer_note" | "correct_customer_note" => json!({ "text": MARK }),
        "return_delivered" | "dispatch_transfer" | "receive_purchase" | "return_to_supplier" => {
            json!({ "lines": line })
        }
        "exchange_goods" => {
            let returned = json!([{ "sale_line": 1, "quantity": 1 }]);
            json!({ "store": store, "returned": returned, "lines": piece })
        }
        "confirm_import" => json!({ "draft_sha256": "0" }),
        "charge_customer" => json!({ "amount_minor": 100 }),
        "receive_payment" => json!({ "amount_minor": 100, "method": "cash" }),
        "replace_draft" => json!({ "store": store, "lines": piece }),
        "complete_draft" => json!({ "payments": [] }),
        "change_order" => json!({ "expected_revision": 1, "store": store, "lines": piece }),
        "change_purchase" => {
            let lines = json!([{ "sku": sku, "quantity": 1, "unit_cost_minor": 100 }]);
            json!({ "expected_revision": 1, "supplier_id": MARK, "store": store, "lines": lines })
        }
        "return_from_sale" => {
            let lines = json!([{ "sale_line": 1, "quantity": 1, "restock": true }]);
            json!({ "store": store, "lines": lines, "refunds": [] })
        }
        "resolve_offline_sale" => json!({ "resolution": { "kind": "retry" } }),
        "cancel_offline_sale" => json!({ "note": "no cuenta" }),
        "resolve_difference" => json!({ "decision": "lost", "lines": line }),
        "resolve_surplus" => json!({ "decision": "not_accepted", "lines": line }),
        "change_supplier" | "add_supplier_contact" | "change_supplier_contact" => json!({ "name": MARK }),
        "pay_supplier" => json!({ "amount_minor": 100, "method": "transfer" }),
        "adjust_supplier_debt" => json!({ "delta_minor": 100 }),
        "invoice_reception" => json!({ "invoice": "F-1" }),
        "adjust_purchase_cost" => json!({ "lines": [{ "line": 1, "kind": "price", "delta_minor": 1 }] }),
        "diagnose_repair" | "diagnose_at_workshop" => json!({ "diagnosis": MARK }),
        "quote_repair" | "keep_parts" | "take_parts" | "give_back_parts" => json!({ "lines": piece }),
        "approve_repair" | "decline_repair" => json!({ "channel": "phone" }),
        "send_to_workshop" => json!({ "workshop": { "kind": "user", "username": "admin" } }),
        "finish_repair" => json!({ "work_done": "otro" }),
        "return_unrepaired" => json!({ "cause": "otro" }),
        "rename_user" => json!({ "display_name": MARK }),
        "rename_store" | "rename_terminal" => json!({ "name": MARK }),
        "change_user_role" => json!({ "role": "cashier" }),
        "change_user_password" => json!({ "password": "una contraseña larga" }),
        "set_tax_rate" => json!({ "name": "otro", "rate_ppm": 1 }),
        "set_numbering" => json!({ "prefix": "X-", "next": 1, "digits": 3 }),
        "change_endpoint" | "change_connector" => json!({ "name": MARK }),
        "replay_deliveries" => json!({ "select": { "kind": "dead" } }),
        _ => json!({}),
    }
}

/// A row with the ids of what the owner has.
async fn ask(client: &Client, row: &Route, things: &Things, names: Names) -> Answer {
    let path = things.path(row.path);
    let path = match row.operation {
        "count_replay" => format!("{path}?dead=true"),
        _ => path,
    };
    let request = client.request(method(row), &path);
    send(match row.method {
        Verb::Get | Verb::Delete => request,
        Verb::Post | Verb::Put | Verb::Patch => request.json(&body(row.operation, names)),
    })
    .await
}

fn method(row: &Route) -> Method {
    Method::from_bytes(row.method.as_str().as_bytes()).unwrap()
}

/// Rows whose names each tenant gives out itself, so that using one creates the stranger's own thing; and where the
/// owner sees that its own is as it was.
const NAMES_OF_ONES_OWN: &[(&str, &str)] = &[
    ("set_tax_rate", "/api/v1/admin/tax-rates?limit=200"),
    ("replace_draft", "/api/v1/sales/it-tenancy"),
    ("set_numbering", "/api/v1/admin/numbering"),
    ("end_numbering", "/api/v1/admin/numbering"),
];

/// Rows with an id, what ends something last.
fn with_ids() -> Vec<&'static Route> {
    let takes_ids = |row: &&Route| row.access.takes_users() && row.path.contains('{');
    let mut found: Vec<&Route> = rows().filter(takes_ids).collect();
    let is_end = |row: &Route| row.method == Verb::Delete || row.operation.starts_with("revoke_");
    found.sort_by_key(|row| (row.method != Verb::Get, is_end(row)));
    found
}

fn is_own(row: &Route) -> bool {
    NAMES_OF_ONES_OWN
        .iter()
        .any(|(operation, _)| *operation == row.operation)
}

/// What was found to be wrong, all of it.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, is_right: bool, who: &str, row: &Route, answer: &Answer) {
        if !is_right {
            let (method, path) = (row.method, row.path);
            self.0.push(format!(
                "{who} {method} {path}: {} {}",
                answer.status, answer.body
            ));
        }
    }
}

/// The owner finds each id, so that it says something when others do not.
async fn the_owner_finds(
    owner: &Client,
    things: &Things,
    wrong: &mut Wrong,
    wanted: impl Fn(&Route) -> bool,
) {
    for row in with_ids().into_iter().filter(|row| wanted(row)) {
        let answer = ask(owner, row, things, OWNERS).await;
        // A state may refuse what was asked for; a body or a query that is no such may not.
        let is_refused = [403, 409, 422].contains(&answer.status.as_u16());
        let is_denied = answer.body["code"] == "auth.role_forbidden";
        let is_found = answer.status.is_success() || (is_refused && !is_denied);
        let is_empty = answer.body["items"].as_array().is_some_and(Vec::is_empty);
        wrong.unless(is_found && !is_empty, "the owner", row, &answer);
    }
}

/// Every row × role of another tenant: 404 for who may do such things at all, an empty list, or 403.
async fn strangers_find_nothing(strangers: &[(Role, Client)], things: &Things, wrong: &mut Wrong) {
    let mut walked = 0;
    for row in with_ids().into_iter().filter(|row| !is_own(row)) {
        for (role, stranger) in strangers {
            let answer = ask(stranger, row, things, STRANGERS).await;
            let code = answer.body["code"].as_str().unwrap_or_default();
            let is_empty = answer.status.is_success() && answer.body["items"] == json!([]);
            let is_right = if row.roles.contains(role) {
                is_empty || (answer.status.as_u16() == 404 && speaks_of(row, code))
            } else {
                (answer.status.as_u16(), code) == (403, "auth.role_forbidden")
            };
            wrong.unless(is_right, role.as_str(), row, &answer);
            walked += 1;
        }
    }
    assert!(walked >= 400, "only {walked} requests were made");
}

/// Whether a 404 can be about the path's id: not about the path itself, nor about what the body names.
fn speaks_of(row: &Route, code: &str) -> bool {
    let named = |prefix: &str, parameter: &str| code.starts_with(prefix) && !row.path.contains(parameter);
    !(code == "request.path_unknown"
        || code == "feature.disabled"
        || named("store.", "{store}")
        || named("item.", "{sku}")
        || named("user.", "{username}"))
}

/// What a stranger does under a name that the owner uses, too, is the stranger's.
async fn same_names_are_other_things(
    owner: &Client,
    strangers: &[(Role, Client)],
    things: &Things,
    wrong: &mut Wrong,
) {
    for row in with_ids().into_iter().filter(|row| is_own(row)) {
        let (_, seen) = NAMES_OF_ONES_OWN
            .iter()
            .find(|(operation, _)| *operation == row.operation)
            .unwrap();
        let look = async || {
            let mut answer = owner.get(seen).await;
            answer.body.as_object_mut().unwrap().remove("position");
            answer
        };
        let before = look().await;
        for (role, stranger) in strangers {
            let answer = ask(stranger, row, things, STRANGERS).await;
            let is_allowed = answer.status.as_u16() != 403;
            wrong.unless(
                is_allowed == row.roles.contains(role),
                role.as_str(),
                row,
                &answer,
            );
            if let Some(position) = answer.body["position"].as_i64() {
                let path = format!("/api/v1/tenant?min_position={position}");
                owner.get(&path).await.ok();
            }
        }
        let after = look().await;
        wrong.unless(
            after.status.is_success() && after.body == before.body,
            "the owner after",
            row,
            &after,
        );
    }
}

/// Every list without an id: the owner's names what was made, the stranger's does not.
async fn lists_name_nothing_of_others(owner: &Client, stranger: &Client, things: &Things, wrong: &mut Wrong) {
    /// Lists of figures, and of what every tenant has alike.
    const NAMELESS: &[&str] = &["/api/v1/admin/features", "/api/v1/reports/sales/daily"];
    for row in rows().filter(|row| row.access.takes_users() && row.method == Verb::Get) {
        if row.path.contains('{') {
            continue;
        }
        // Whether it is a list is seen by its answer; one that is none refuses the parameter.
        let mut path = format!("{}?limit=200", row.path);
        let mut mine = owner.get(&path).await;
        if mine.body["code"] == "request.parameter_unknown" {
            path = row.path.to_owned();
            mine = owner.get(&path).await;
        }
        let theirs = stranger.get(&path).await;
        let is_list = mine.body["items"].is_array() && !NAMELESS.contains(&row.path);
        let is_shown = mine.status.is_success() && (!is_list || names(&mine.body, things));
        wrong.unless(is_shown, "the owner", row, &mine);
        let is_hidden = theirs.status.is_success() && !names(&theirs.body, things);
        wrong.unless(is_hidden, "a stranger", row, &theirs);
    }
}

fn names(body: &Value, things: &Things) -> bool {
    let text = body.to_string().to_lowercase();
    things
        .secrets()
        .iter()
        .any(|secret| text.contains(&secret.to_lowercase()))
}

/// A request of an external system, with nothing but its key.
async fn by_key(product: &Product, key: &str, row: &Route, things: &Things, names: Names) -> Answer {
    let url = format!("{}{}/", product.base_url(), things.path(row.path));
    let request = http()
        .request(method(row), url)
        .header("Authorization", format!("ApiKey {key}"));
    send(match row.operation {
        "external_put_article" => request.json(&json!({ "codigo": MARK, "nombre": names.store })),
        "external_create_movement" => {
            request.json(&json!({ "tipo": "ajuste", "articulo": MARK, "cantidad": 1, "tienda": names.store }))
        }
        operation if row.method == Verb::Post => request.json(&body(operation, names)),
        _ => request,
    })
    .await
}

/// Every row for keys, with a key of another tenant that may do everything there.
async fn keys_open_their_own_tenant(
    product: &Product,
    owner: &Client,
    stranger: &Client,
    things: &Things,
    wrong: &mut Wrong,
) {
    // Of the same name as the owner's, which changes nothing.
    let supplier = json!({ "supplier_id": MARK, "name": "Taller ajeno" });
    stranger.post("/api/v1/suppliers", &supplier).await.ok();
    let scopes = ApiScope::ALL.map(ApiScope::as_str);
    let key = json!({ "name": "ajena", "system": "ajena", "scopes": scopes, "workshop": MARK });
    let key = stranger.post("/api/v1/api-keys", &key).await.ok();
    let key = key["api_key"].as_str().unwrap();
    let mut keyed: Vec<&Route> = rows().filter(|row| row.access.takes_keys()).collect();
    // By which the stranger gets an item of the same name, too.
    keyed.sort_by_key(|row| row.operation == "external_put_article");
    let mut walked = 0;
    for row in keyed {
        let theirs = by_key(product, key, row, things, STRANGERS).await;
        let is_right = match row.operation {
            "external_create_movement" => theirs.body["code"] == "item.not_found",
            "diagnose_at_workshop" => theirs.body["code"] == "repair.not_found",
            "external_put_article" => theirs.body["resultado"] == "creado",
            _ => theirs.status.is_success() && !names(&theirs.body, things),
        };
        wrong.unless(is_right, "a stranger's key at", row, &theirs);
        let mine = by_key(product, &things.key, row, things, OWNERS).await;
        let is_right = match row.operation {
            "external_put_article" => mine.body["resultado"] == "modificado",
            _ => mine.status.is_success(),
        };
        wrong.unless(is_right, "the owner's key at", row, &mine);
        if let Some(position) = mine.body["posicion"].as_i64() {
            let path = format!("/api/v1/catalogue/items/{MARK}?min_position={position}");
            let item = owner.get(&path).await;
            wrong.unless(
                item.body["name"] != STRANGERS.store,
                "the owner after",
                row,
                &item,
            );
        }
        walked += 1;
    }
    assert!(walked >= 7, "only {walked} rows for keys");
}

/// Every row for connectors: a token opens the feed of its own tenant and slug.
async fn tokens_open_their_own_feed(
    product: &Product,
    stranger: &Client,
    things: &Things,
    wrong: &mut Wrong,
) {
    let grants = json!(["sale", "inventory"]);
    let mut tokens = Vec::new();
    for slug in [MARK, "ajeno"] {
        let connector = json!({ "slug": slug, "name": "ajeno", "grants": grants });
        let made = stranger.post("/api/v1/connectors", &connector).await.ok();
        tokens.push(made["token"].as_str().unwrap().to_owned());
    }
    let ask = async |row: &Route, token: &str| {
        // Looked at without taking anything, so that the next one sees it, too.
        let query = if row.method == Verb::Get { "?lease_s=0" } else { "" };
        let url = format!("{}{}{query}", product.base_url(), things.path(row.path));
        let request = http()
            .request(method(row), url)
            .header("X-Integration-Token", token);
        send(match row.method {
            Verb::Get => request,
            _ => request.json(&json!({ "status": "failed", "detail": "ajeno" })),
        })
        .await
    };
    let mut walked = 0;
    for row in rows().filter(|row| row.access == Access::Connector) {
        // Of the same slug: it is the stranger's own feed, in which nothing is yet.
        let theirs = ask(row, &tokens[0]).await;
        let is_empty = theirs.status.is_success() && theirs.body["items"] == json!([]);
        let is_right = is_empty || theirs.status.as_u16() == 404;
        wrong.unless(is_right, "a stranger's token at", row, &theirs);
        // Of another slug, and of none.
        let nobodys = "trastienda_it_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for token in [&tokens[1], nobodys] {
            let refused = ask(row, token).await;
            let is_refused = refused.body["code"] == "integration.token_invalid";
            wrong.unless(is_refused, "another token at", row, &refused);
        }
        let mine = ask(row, &things.connector_token).await;
        let is_right = mine.status.is_success() && mine.body["items"] != json!([]);
        wrong.unless(is_right, "the owner's token at", row, &mine);
        walked += 1;
    }
    assert!(walked >= 4, "only {walked} rows for connectors");
}

#[tokio::test]
async fn every_route_with_an_id_answers_404_for_another_tenants_id() {
    let receiver = Receiver::start().await;
    let allowed = receiver.address().to_string();
    let product = Product::start("tenancy", &["--allow-outbound", &allowed]).await;
    let owner = product.client(OWNER, "admin").await;
    let mut strangers = Vec::new();
    for role in Role::ALL {
        strangers.push((role, product.client(STRANGER, role.as_str()).await));
    }
    let stranger = product.client(STRANGER, "admin").await;
    let things = things::make(&owner, &receiver).await;
    // A call of the owner's key, so that the list of calls has one.
    let called = rows().find(|row| row.operation == "external_list_stock").unwrap();
    by_key(&product, &things.key, called, &things, OWNERS).await.ok();
    things::first(&owner, "/api/v1/integrations/logs").await;
    let wrong = &mut Wrong::default();
    the_owner_finds(&owner, &things, wrong, |row| row.method == Verb::Get).await;
    strangers_find_nothing(&strangers, &things, wrong).await;
    lists_name_nothing_of_others(&owner, &stranger, &things, wrong).await;
    // From here on the stranger has things of the same names.
    same_names_are_other_things(&owner, &strangers, &things, wrong).await;
    tokens_open_their_own_feed(&product, &stranger, &things, wrong).await;
    keys_open_their_own_tenant(&product, &owner, &stranger, &things, wrong).await;
    the_owner_finds(&owner, &things, wrong, |row| row.method != Verb::Get).await;
    assert!(
        wrong.0.is_empty(),
        "{} times:\n{}",
        wrong.0.len(),
        wrong.0.join("\n")
    );
}

#[tokio::test]
async fn lists_show_the_own_tenant_only() {
    let product = Product::shared().await;
    let (owner, stranger) = (
        product.client(OWNER, "admin").await,
        product.client(STRANGER, "admin").await,
    );
    for row in
        rows().filter(|row| row.access.takes_users() && row.method == Verb::Get && !row.path.contains('{'))
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
