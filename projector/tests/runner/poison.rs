//! A row that cannot follow freezes alone, visibly, as it was before its culprit.

use event_store::MemoryLog;
use projector::models;
use projector::runner::{Runner, Step};
use sqlx::AssertSqlSafe;

use crate::support::events::{issued, item_created, received};
use crate::support::{Log, Models, event};

async fn run_to_end(models: &Models, log: &MemoryLog) -> Runner<MemoryLog> {
    let connection = models.engine.acquire().await.unwrap().detach();
    let mut runner = Runner::open(log.clone(), connection, models::all(), 100)
        .await
        .unwrap();
    while runner.step().await.unwrap() != Step::CaughtUp {}
    runner
}

async fn frozen(models: &Models) -> Vec<(String, String, i64)> {
    sqlx::query_as("select model, row_key, position from projection_poison order by model, row_key")
        .fetch_all(&models.engine)
        .await
        .unwrap()
}

async fn on_hand(models: &Models) -> Vec<(String, i64)> {
    sqlx::query_as("select sku, on_hand from rm_stock order by sku")
        .fetch_all(&models.engine)
        .await
        .unwrap()
}

/// A change of an item that was never created cannot be folded.
#[tokio::test]
async fn a_fold_that_fails_freezes_its_row_and_no_other() {
    let models = Models::new().await;
    let mut log = Log::new();
    log.append("t1", vec![("item/A", item_created("A"))]).await;
    let culprit = log
        .append(
            "t1",
            vec![(
                "item/GHOST",
                event("catalogue.item_discontinued", serde_json::json!({"sku": "GHOST"})),
            )],
        )
        .await;
    log.append(
        "t1",
        vec![
            ("item/B", item_created("B")),
            ("item/GHOST", item_created("GHOST")),
        ],
    )
    .await;
    let runner = run_to_end(&models, &log.reader).await;
    assert_eq!(runner.frozen_rows(), 1);
    assert_eq!(
        frozen(&models).await,
        [(
            "items".to_owned(),
            r#"{"tenant":"t1","sku":"GHOST"}"#.to_owned(),
            culprit
        )]
    );
    let skus: Vec<String> = sqlx::query_scalar("select sku from rm_items order by sku")
        .fetch_all(&models.engine)
        .await
        .unwrap();
    assert_eq!(
        skus,
        ["A", "B"],
        "what came behind the culprit is not folded into the frozen row"
    );
    let audited: i64 = sqlx::query_scalar("select count(*) from rm_audit")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert_eq!(audited, 4, "other models take the same events");
}

#[tokio::test]
async fn a_frozen_row_keeps_what_came_before_its_culprit_in_the_same_batch() {
    let models = Models::new().await;
    let mut log = Log::new();
    let overflow = event(
        "inventory.adjusted",
        serde_json::json!({"store": "centro", "sku": "A", "delta": i64::MAX, "on_hand": 0}),
    );
    log.append(
        "t1",
        vec![
            ("stock/centro/A", received("centro", "A", 5)),
            ("stock/centro/B", received("centro", "B", 5)),
        ],
    )
    .await;
    log.append("t1", vec![("stock/centro/A", overflow)]).await;
    log.append(
        "t1",
        vec![
            ("stock/centro/A", issued("centro", "A", "s1")),
            ("stock/centro/B", issued("centro", "B", "s1")),
        ],
    )
    .await;
    run_to_end(&models, &log.reader).await;
    assert_eq!(on_hand(&models).await, [("A".to_owned(), 5), ("B".to_owned(), 4)]);
}

/// A row that Postgres refuses: the batch is split until its event stands alone.
#[tokio::test]
async fn a_refused_row_among_many_freezes_alone() {
    let models = Models::new().await;
    refuse(&models, "rm_stock", "sku <> 'BAD' or on_hand <> 4").await;
    let mut log = Log::new();
    for sku in ["A", "BAD", "C"] {
        log.append(
            "t1",
            vec![(&format!("stock/centro/{sku}"), received("centro", sku, 5))],
        )
        .await;
    }
    let mut culprit = 0;
    for sale in 0..20 {
        for sku in ["A", "BAD", "C"] {
            if sku != "BAD" || sale == 10 {
                let position = log
                    .append(
                        "t1",
                        vec![(&format!("stock/centro/{sku}"), issued("centro", sku, "s"))],
                    )
                    .await;
                culprit = if sku == "BAD" { position } else { culprit };
            }
        }
    }
    run_to_end(&models, &log.reader).await;
    let expected = [
        ("A".to_owned(), -15),
        ("BAD".to_owned(), 5),
        ("C".to_owned(), -15),
    ];
    assert_eq!(on_hand(&models).await, expected);
    let key = r#"{"tenant":"t1","store":"centro","sku":"BAD"}"#.to_owned();
    assert_eq!(frozen(&models).await, [("stock".to_owned(), key, culprit)]);
}

#[tokio::test]
async fn of_one_event_with_many_rows_only_the_refused_row_freezes() {
    let models = Models::new().await;
    refuse(&models, "rm_sale_lines", "sku <> 'BAD'").await;
    let mut log = Log::new();
    let sale = crate::support::events::completed("s1", None, "2026-11-01", &["A", "BAD", "C"]);
    log.append("t1", vec![("sale/s1", sale)]).await;
    run_to_end(&models, &log.reader).await;
    let lines: Vec<i64> = sqlx::query_scalar("select line from rm_sale_lines order by line")
        .fetch_all(&models.engine)
        .await
        .unwrap();
    assert_eq!(lines, [1, 3]);
    assert_eq!(frozen(&models).await.len(), 1);
}

#[tokio::test]
async fn a_frozen_row_stays_frozen_after_a_restart() {
    let models = Models::new().await;
    let mut log = Log::new();
    log.append(
        "t1",
        vec![(
            "item/A",
            event("catalogue.item_discontinued", serde_json::json!({"sku": "A"})),
        )],
    )
    .await;
    run_to_end(&models, &log.reader).await;
    log.append("t1", vec![("item/A", item_created("A"))]).await;
    run_to_end(&models, &log.reader).await;
    let items: i64 = sqlx::query_scalar("select count(*) from rm_items")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert_eq!(items, 0);
}

async fn refuse(models: &Models, table: &str, condition: &str) {
    let owner = sqlx::PgPool::connect(models.url()).await.unwrap();
    let sql = format!("alter table {table} add constraint refused check ({condition})");
    sqlx::query(AssertSqlSafe(sql)).execute(&owner).await.unwrap();
}
