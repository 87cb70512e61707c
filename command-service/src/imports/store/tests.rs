//! What a large import reads of its tables.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use schemas::envelope::Actor;
use schemas::{ImportId, TenantId};
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use super::{Inserted, Job, NewImport, Outcome, PartName, Passed, Status};
use crate::imports::settings::{Kind, StockMode};
use crate::imports::tests::{drafted, settings, world};

const PAGE: i64 = 800;

/// Rows that were read of the drafts so far, those that were passed over with them, as Postgres counts them.
async fn rows_read(pool: &PgPool) -> i64 {
    // One connection only, so that what it counted is told before it asks.
    sqlx::query("select pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_scalar(
        "select (coalesce((select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'import_rows'), 0)
           + (select seq_tup_read from pg_stat_user_tables where relname = 'import_rows'))::bigint",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// An import of so many new articles, each with stock, that is about to be carried out.
async fn confirmed(pool: &PgPool, rows: usize) -> Job {
    let mut file = "sku,name,price,qty,cost\n".to_owned();
    for row in 1..=rows {
        writeln!(file, "A-{row},Article {row},100,5,60").unwrap();
    }
    of_file(pool, &file).await
}

/// An import of a file that is about to be carried out.
async fn of_file(pool: &PgPool, file: &str) -> Job {
    let settings = settings(Kind::Auto, StockMode::Counted);
    let draft = Arc::new(drafted(file, &world(), &settings));
    let (tenant, id) = (TenantId::new("t1").unwrap(), ImportId::new("large").unwrap());
    let new = NewImport {
        tenant: &tenant,
        id: &id,
        settings: &settings,
        confirms: true,
        overrides: &BTreeSet::new(),
        file_name: None,
        file_sha256: "00",
        content: b"sku",
        actor: &Actor::System {
            name: "test".to_owned(),
        },
        reason: None,
        traceparent: None,
    };
    assert_eq!(super::insert(pool, &new).await.unwrap(), Inserted::New);
    let job = super::find(pool, &tenant, &id).await.unwrap().unwrap();
    super::put_draft(pool, &job, &json!({}), &draft).await.unwrap();
    super::advance(pool, &job, Status::Confirming).await.unwrap();
    super::begin_to_apply(pool, &job).await.unwrap();
    super::find(pool, &tenant, &id).await.unwrap().unwrap()
}

/// Takes a part through, as the runner does; the lines in the order in which they came.
async fn carry_out(pool: &PgPool, job: &Job, part: PartName) -> Vec<i64> {
    let (mut passed, mut seen) = (Passed::default(), Vec::new());
    loop {
        let rows = super::to_do(pool, job, part, passed, PAGE).await.unwrap();
        if rows.is_empty() {
            return seen;
        }
        let outcomes: Vec<(i64, Outcome)> = rows
            .iter()
            .map(|row| match row.line % 100 {
                7 => (row.line, Outcome::Refused(json!({ "code": "no" }))),
                8 => (row.line, Outcome::ChangedMeanwhile),
                _ => (row.line, Outcome::Applied),
            })
            .collect();
        super::settle(pool, job, part, &outcomes).await.unwrap();
        passed = Passed::page(&rows);
        seen.extend(rows.iter().map(|row| row.line));
    }
}

#[tokio::test]
async fn each_page_of_a_large_import_reads_its_own_rows_and_no_others() {
    const ROWS: usize = 12_000;
    let database = testkit::database_from_template("write side", |url| async move {
        Ok(platform::db::migrate(&url, &crate::start::migrations()).await?)
    })
    .await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(database.url())
        .await
        .unwrap();
    // Nothing is known of a table that was filled a moment ago, and then everything: neither may matter.
    sqlx::query("alter table import_rows set (autovacuum_enabled = off)")
        .execute(&pool)
        .await
        .unwrap();
    let job = confirmed(&pool, ROWS).await;
    for (part, prepare) in [
        (PartName::Item, "select 1"),
        (PartName::Stock, "analyze import_rows"),
    ] {
        sqlx::query(AssertSqlSafe(prepare)).execute(&pool).await.unwrap();
        let before = rows_read(&pool).await;
        let seen = carry_out(&pool, &job, part).await;
        let read = rows_read(&pool).await - before;
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), ROWS, "{part:?}");
        assert_eq!(seen.len(), ROWS, "{part:?}");
        // Once to be carried out and once to note what came of it, a page's last chunk again, and of each row the version
        // before, which nobody has cleaned up yet.
        let most = i64::try_from(ROWS).unwrap() * 5;
        assert!(read > 0 && read <= most, "{part:?} read {read} rows of {ROWS}");
    }
    let counts = super::counts(&pool, &job).await.unwrap();
    assert_eq!((counts.refused, counts.changed_meanwhile), (120, 120));
    assert_eq!(counts.applied, counts.rows - 240);
    let progress: serde_json::Value = sqlx::query_scalar("select progress from imports")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        (progress["open"].as_i64(), progress["parts"].as_i64()),
        (Some(0), Some(24_000))
    );
    assert_eq!(progress["rows"]["refused"].as_i64(), Some(120));
    assert_eq!(progress["rows"]["applied"].as_i64(), Some(counts.applied));
    let problem: String = sqlx::query_scalar("select problem ->> 'code' from import_rows where line = 107")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(problem, "no");
}

#[tokio::test]
async fn a_row_of_which_one_part_is_held_is_held_while_and_after_its_other_part_is_carried_out() {
    let database = testkit::database_from_template("write side", |url| async move {
        Ok(platform::db::migrate(&url, &crate::start::migrations()).await?)
    })
    .await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(database.url())
        .await
        .unwrap();
    // Another price, and fewer pieces than are there.
    let job = of_file(&pool, "sku,price,qty\nCABLE,101,3\n").await;
    let statuses = async || -> (String, serde_json::Value) {
        sqlx::query_as("select r.status, i.progress -> 'rows' from import_rows r, imports i")
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    let (status, before) = statuses().await;
    assert_eq!((status.as_str(), before), ("held", json!({ "held": 1 })));
    assert_eq!(carry_out(&pool, &job, PartName::Item).await, [2]);
    let (status, after) = statuses().await;
    assert_eq!((status.as_str(), after), ("held", json!({ "held": 1 })));
    assert_eq!(super::counts(&pool, &job).await.unwrap().held, 1);
}
