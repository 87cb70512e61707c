//! Catalogue and opening stock as files, imported as a shop would when it begins.
//!
//! Under idempotency keys, so that a second run finds the imports of the first. Not here: what the files hold (`retail`).

use std::time::Duration;

use anyhow::Context;

use super::orders::{STORE, Shop};
use crate::api::{self, Call, Import};
use crate::client::{Accepted, Client};
use crate::clock::Deadline;

/// From an upload to its last row.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Every item with its name, kind and price.
///
/// # Errors
/// When the file cannot be written, which would be a bug.
pub fn catalogue(shop: Shop<'_>) -> anyhow::Result<Call> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["sku", "name", "kind", "price"])?;
    for item in &shop.plan.items {
        let kind = if item.is_service { "service" } else { "counted" };
        let price = format!("{}.{:02}", item.price_minor / 100, item.price_minor % 100);
        file.write_record([&item.code, &item.name, kind, &price])?;
    }
    let call = api::import_file("kind=articles&file_name=catalogue.csv", file.into_inner()?);
    Ok(call.keyed(format!("{}-catalogue", shop.prefix)))
}

/// Every code with the stock that it starts with.
///
/// # Errors
/// When the file cannot be written, which would be a bug.
pub fn opening_stock(shop: Shop<'_>) -> anyhow::Result<Call> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["sku", "quantity"])?;
    for (code, quantity) in &shop.plan.opening {
        file.write_record([code, &quantity.to_string()])?;
    }
    let settings = format!("kind=stock&store={STORE}&file_name=opening-stock.csv");
    let call = api::import_file(&settings, file.into_inner()?);
    Ok(call.keyed(format!("{}-opening", shop.prefix)))
}

/// Waits until every row is carried out, and gives their number.
///
/// # Errors
/// When a row is not carried out, or it takes too long.
pub async fn carried_out(client: &Client, accepted: Accepted) -> anyhow::Result<i64> {
    let mut import: Import =
        serde_json::from_value(accepted.body).context("unexpected answer to an import")?;
    let deadline = Deadline::after(PATIENCE);
    while matches!(import.status.as_str(), "received" | "confirming" | "applying") {
        anyhow::ensure!(
            deadline.pause(LOOK_EVERY).await,
            "import {} is still {}",
            import.import_id,
            import.status
        );
        import = client.read(&api::import(&import.import_id)).await?;
    }
    let counts = import.counts.unwrap_or_default();
    anyhow::ensure!(
        import.status == "completed" && counts.applied == counts.rows,
        "import {} is {} with {} of {} rows carried out: {:?}",
        import.import_id,
        import.status,
        counts.applied,
        counts.rows,
        import.failure
    );
    Ok(counts.applied)
}
