//! Row security holds on every table, with the application's own filters switched off.

use platform::db::tenant_transaction;
use projector::runner::{Runner, Step};
use projector::{groups, models};
use schemas::TenantId;
use sqlx::AssertSqlSafe;

use crate::support::events as shop;
use crate::support::{Log, Models, event};

/// Touches every read model, poison included.
async fn one_of_each(log: &mut Log, tenant: &str) {
    let ghost = event("catalogue.item_discontinued", serde_json::json!({"sku": "GHOST"}));
    log.append(
        tenant,
        vec![
            ("tenant/self", shop::tenant_created(tenant)),
            ("tenant/self", shop::tax_rate()),
            ("store/centro", shop::store_opened("centro")),
            ("terminal/caja", shop::terminal_registered("caja")),
            ("user/ana", shop::user_created("ana", "v1.ana")),
            ("item/A", shop::item_created("A")),
            ("item/GHOST", ghost),
            ("stock/centro/A", shop::received("centro", "A", 10)),
            ("unit/serial:1", shop::unit_received("serial:1")),
            ("customer/c1", shop::customer_registered("c1", "v1.c1")),
            ("sale/s1", shop::completed("s1", Some("c1"), "2026-11-01", &["A"])),
            ("customer/c1", shop::charged("c1", 100, "s1")),
            ("reservation/r1", shop::reserved("r1", None, &["A"])),
        ],
    )
    .await;
    // The other modules' tables, by the events' golden samples; each stream's name only tells them apart.
    let samples = [
        ("alert/a", "inventory.alert_raised"),
        ("stock/centro/CABLE", "inventory.received"),
        ("stock/centro/CABLE", "inventory.threshold_set"),
        ("movement/m", "inventory.movement_created"),
        ("tenant/self", "admin.movement_policy_set"),
        ("tenant/self", "admin.letterhead_set"),
        ("tenant/self", "admin.numbering_set"),
        ("tenant/self", "admin.repair_terms_set"),
        ("api_key/k", "admin.api_key_created"),
        ("customer/ana", "customer.registered"),
        ("customer/ana", "customer.note_added"),
        ("till/caja-1", "sale.offline_recorded"),
        ("quarantine/q", "sale.offline_quarantined"),
        ("transfer/t", "transfer_order.requested"),
        ("transfer/t", "transfer_order.dispatched"),
        ("transfer/t", "transfer_order.received"),
        ("supplier/s", "supplier.registered"),
        ("supplier/s", "supplier.contact_added"),
        ("supplier/s", "supplier.charged"),
        ("purchase/p", "purchase.ordered"),
        ("purchase/p", "purchase.received"),
        ("order/o", "order.placed"),
        ("repair/r", "repair.received"),
        ("repair/r", "repair.quoted"),
        ("repair/r", "repair.parts_taken"),
    ];
    let samples = samples.map(|(stream, event_type)| (stream, shop::golden(event_type)));
    log.append(tenant, samples.to_vec()).await;
}

#[tokio::test]
async fn the_api_role_sees_one_tenant_in_every_table_and_nothing_without_one() {
    let models = Models::new().await;
    let mut log = Log::new();
    one_of_each(&mut log, "t1").await;
    one_of_each(&mut log, "t2").await;
    let connection = models.engine.acquire().await.unwrap().detach();
    let mut runner = Runner::open(log.reader.clone(), connection, models::all(), 100)
        .await
        .unwrap();
    while runner.step().await.unwrap() != Step::CaughtUp {}
    // A second group, as a rebuild makes it.
    let mut connection = runner.into_connection();
    let shadow = groups::create(&mut connection).await.unwrap();
    let mut runner = Runner::open_group(log.reader.clone(), connection, models::all(), 100, shadow.clone())
        .await
        .unwrap();
    while runner.step().await.unwrap() != Step::CaughtUp {}
    groups::index(runner.connection(), &shadow).await.unwrap();

    let tables: Vec<String> = sqlx::query_scalar(
        "select case when c.table_schema = 'public' then '' else c.table_schema || '.' end || c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
         where (c.table_schema = 'public' or c.table_schema like 'rm\\_%') and c.column_name = 'tenant' and t.table_type = 'BASE TABLE' order by 1",
    )
    .fetch_all(&models.engine)
    .await
    .unwrap();
    let mut readable = 0;
    for table in tables {
        // Not filled from the log: the walk over the whole product's tables has it (tests/it/tenancy).
        if ["api_key_usage", "integration_log"].contains(&table.as_str()) {
            continue;
        }
        let tenants = format!("select distinct tenant from {table} order by tenant");
        if !table.starts_with("rm_") && table != "projection_poison" && !table.contains('.') {
            let denied = sqlx::query(AssertSqlSafe(tenants)).execute(&models.api).await;
            assert!(denied.is_err(), "{table} is nothing for queries");
            continue;
        }
        readable += 1;
        let stored: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tenants.clone()))
            .fetch_all(&models.engine)
            .await
            .unwrap();
        assert_eq!(
            stored,
            ["t1", "t2"],
            "{table} is filled for both, or this test shows nothing"
        );
        let mut one = tenant_transaction(&models.api, &TenantId::new("t1").unwrap())
            .await
            .unwrap();
        let seen: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tenants.clone()))
            .fetch_all(&mut *one)
            .await
            .unwrap();
        one.rollback().await.unwrap();
        assert_eq!(seen, ["t1"], "{table}");
        let unset: Vec<String> = sqlx::query_scalar(AssertSqlSafe(tenants))
            .fetch_all(&models.api)
            .await
            .unwrap();
        assert!(unset.is_empty(), "{table} shows nothing while no tenant is set");
        let forced: bool =
            sqlx::query_scalar("select relforcerowsecurity from pg_class where oid = $1::regclass")
                .bind(&table)
                .fetch_one(&models.engine)
                .await
                .unwrap();
        assert!(forced, "{table}");
        let write = format!("update {table} set tenant = 't1'");
        assert!(
            sqlx::query(AssertSqlSafe(write))
                .execute(&models.api)
                .await
                .is_err(),
            "{table} is read-only for queries"
        );
    }
    assert_eq!(
        readable,
        2 * (models::all().len() + 1),
        "every read model and the frozen rows, in both groups"
    );
}
