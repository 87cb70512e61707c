//! Rows that name their article by its barcode alone: the article that has it is meant, not a new one of that name.
//!
//! Which articles may have a barcode is asked of the read models, since the log knows articles by their codes only; what
//! they say now is the engine's word. Not here: reading barcodes (crates/imports).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::catalogue::{Item, normal_gtin};
use imports::{Interpreted, NamedBy, Record, Row, Warning, WarningCode};
use platform::db;
use schemas::Sku;
use schemas::ids::TenantId;
use sqlx::{PgConnection, PgPool};

use super::runner::StepError;

/// How long a draft waits for the read models to have what was in the log when it began.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Barcodes of one statement.
const BLOCK: usize = 1_000;

/// The barcode of a row that has no code of its own, with 14 digits as articles have it.
fn alone(record: &Record) -> Option<String> {
    let gtin = record
        .gtin
        .as_deref()
        .filter(|_| record.named_by == NamedBy::Barcode)?;
    normal_gtin(gtin).ok()
}

/// Articles that the rows may mean: those that the read models know by such a barcode, and those that have one as code.
///
/// # Errors
/// When the database fails, or the read models are too far behind the log.
pub(super) async fn candidates(
    pool: &PgPool,
    tenant: &TenantId,
    file: &Interpreted,
) -> Result<BTreeSet<Sku>, StepError> {
    let records = file.rows.iter().filter_map(|row| row.record.as_ref());
    let rows: Vec<(String, &Sku)> = records
        .filter_map(|record| Some((alone(record)?, &record.sku)))
        .collect();
    let mut found: BTreeSet<Sku> = rows.iter().map(|(_, sku)| (*sku).clone()).collect();
    if rows.is_empty() {
        return Ok(found);
    }
    catch_up(pool).await?;
    let gtins: BTreeSet<String> = rows.into_iter().map(|(gtin, _)| gtin).collect();
    let gtins: Vec<String> = gtins.into_iter().collect();
    let mut transaction = db::tenant_transaction(pool, tenant).await?;
    serving(&mut transaction).await?;
    for block in gtins.chunks(BLOCK) {
        let skus: Vec<String> =
            sqlx::query_scalar("select sku from rm_items where tenant = $1 and gtin = any($2)")
                .bind(tenant.as_str())
                .bind(block)
                .fetch_all(&mut *transaction)
                .await?;
        found.extend(skus.iter().filter_map(|sku| Sku::new(sku).ok()));
    }
    transaction.commit().await?;
    Ok(found)
}

/// How far the group of read models is that answers queries, whose tables are seen from here on.
async fn serving(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let (_, position): (String, i64) = sqlx::query_as(
        "select set_config('search_path', quote_ident(schema) || ', public', true), position from projection_serving",
    )
    .fetch_one(connection)
    .await?;
    Ok(position)
}

/// Waits until the read models have all that is in the log now, so that an article of a moment ago is found, too.
async fn catch_up(pool: &PgPool) -> Result<(), StepError> {
    let head: i64 = sqlx::query_scalar(
        "select coalesce((select position from events order by position desc limit 1), 0)",
    )
    .fetch_one(pool)
    .await?;
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let position: i64 = sqlx::query_scalar("select position from projection_serving")
            .fetch_one(pool)
            .await?;
        if position >= head {
            return Ok(());
        }
        if tokio::time::Instant::now() >= until {
            return Err(StepError::Behind);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Gives rows without a code that of the one article that has their barcode, be it in the catalogue or earlier in the
/// file. Discontinued articles count where there is no other.
pub(super) fn resolve(file: &mut Interpreted, known: &HashMap<Sku, Item>) {
    let mut articles: BTreeMap<String, (BTreeSet<Sku>, BTreeSet<Sku>)> = BTreeMap::new();
    for (sku, item) in known {
        // An article whose code is such a barcode has it in effect.
        let own = normal_gtin(sku.as_str()).ok();
        for gtin in item.details.gtin.iter().chain(&own) {
            let (current, discontinued) = articles.entry(gtin.clone()).or_default();
            let which = if item.discontinued { discontinued } else { current };
            which.insert(sku.clone());
        }
    }
    let coded = file.rows.iter().filter_map(|row| row.record.as_ref());
    for record in coded.filter(|record| record.named_by == NamedBy::Code) {
        if let Some(gtin) = record.gtin.as_deref().and_then(|gtin| normal_gtin(gtin).ok()) {
            articles.entry(gtin).or_default().0.insert(record.sku.clone());
        }
    }
    for row in &mut file.rows {
        let Some(gtin) = row.record.as_ref().and_then(alone) else {
            continue;
        };
        if let Some((current, discontinued)) = articles.get(&gtin) {
            name(row, if current.is_empty() { discontinued } else { current });
        }
    }
}

/// Names a row's article, or says that several may be meant.
fn name(row: &mut Row, articles: &BTreeSet<Sku>) {
    let Some(record) = &mut row.record else { return };
    let mut articles_left = articles.iter();
    match (articles_left.next(), articles_left.next()) {
        (None, _) => {}
        (Some(sku), None) if *sku == record.sku => {}
        (Some(sku), None) => {
            record.sku = sku.clone();
            row.sku = Some(sku.clone());
            row.warnings
                .retain(|warning| warning.code != WarningCode::SkuDerived);
            row.warnings
                .push(Warning::about(WarningCode::SkuByGtin, "sku", sku.as_str()));
        }
        (Some(_), Some(_)) => {
            let names: Vec<&str> = articles.iter().map(Sku::as_str).collect();
            let warning = Warning::about(WarningCode::GtinAmbiguous, "gtin", &names.join(", "));
            row.warnings.insert(0, warning);
            row.record = None;
        }
    }
}
