//! A log of sales in the order of their days, the same in every run: ten stores, five hundred items, four lines and so five events per sale.

use event_store::{Append, CommandRecord, LogWriter, NewEvent, PostgresWriter, StreamWrite, WriterOptions};
use platform::db::{self, DbRole, Migration};
use schemas::envelope::Actor;
use schemas::ids::TenantId;
use schemas::{Event, EventMeta, StreamName, Version};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::baseline;

const ITEMS: u32 = 500;
const STORES: u32 = 10;
const LINES: u32 = 4;
/// Sales of one append.
const BATCH: u32 = 200;
/// A fixed moment of November 2026: the log is the same in every run.
const RECORDED_AT_S: i64 = 1_794_000_000;

/// Fills an empty database with the schema of log and read models, and with this many sales.
///
/// # Errors
/// When the database refuses.
pub async fn fill(url: &str, sales: u32) -> anyhow::Result<()> {
    let log: Vec<Migration> = event_store::MIGRATIONS
        .iter()
        .map(|(version, sql)| Migration {
            module: "log",
            version: *version,
            sql,
        })
        .collect();
    db::migrate(url, &[&log, projector::migrations()].concat()).await?;
    let target = db::options(url, DbRole::Engine)?;
    let mut writer = PostgresWriter::connect_with(target, WriterOptions::default()).await?;
    let mut versions = vec![0_i64; usize::try_from(ITEMS * STORES)?];
    let mut number = 0;
    while number < sales {
        let next = sales.min(number + BATCH);
        let batch: Vec<Append> = (number..next)
            .map(|number| sale(number, sales, &mut versions))
            .collect::<anyhow::Result<_>>()?;
        writer.append(&batch).await?;
        number = next;
    }
    drop(writer);
    // A log that has been there for a while has been vacuumed.
    baseline::execute(url, "vacuum analyze events").await
}

fn sale(number: u32, of: u32, versions: &mut [i64]) -> anyhow::Result<Append> {
    let (id, store) = (format!("s{number}"), number % STORES);
    let items: Vec<u32> = (0..LINES).map(|line| (number * 7 + line * 131) % ITEMS).collect();
    let mut writes = vec![write(
        &format!("sale/{id}"),
        0,
        "sale.completed",
        completed(&id, day(number, of), &items),
    )?];
    for item in &items {
        let version = versions.get_mut(usize::try_from(store * ITEMS + item)?);
        let version = version.ok_or_else(|| anyhow::anyhow!("no such item"))?;
        let (store, sku) = (format!("tienda-{store}"), sku(*item));
        let issued = json!({ "store": store, "sku": sku, "quantity": 1, "sale_id": id, "on_hand": 0 });
        writes.push(write(
            &format!("stock/{store}/{sku}"),
            *version,
            "inventory.issued",
            issued,
        )?);
        *version += 1;
    }
    let meta = EventMeta {
        actor: Actor::User {
            username: "ana".to_owned(),
            role: "cashier".to_owned(),
        },
        reason: Some("venta de mostrador".to_owned()),
        command_id: format!("command-{number}"),
        command: "complete_sale".to_owned(),
        traceparent: None,
    };
    Ok(Append {
        tenant: TenantId::new("t1")?,
        writes,
        meta: to_raw_value(&meta)?,
        recorded_at: OffsetDateTime::from_unix_timestamp(RECORDED_AT_S)?,
        record: CommandRecord {
            id: meta.command_id,
            fingerprint: [0; 32],
            keyed: false,
            outcome: to_raw_value(&())?,
        },
    })
}

fn sku(item: u32) -> String {
    format!("SKU-{item:04}")
}

/// Four weeks, one day after the other, as shops sell.
fn day(number: u32, of: u32) -> String {
    let day = 1 + u64::from(number) * 28 / u64::from(of.max(1));
    format!("2026-11-{day:02}")
}

fn completed(id: &str, day: String, items: &[u32]) -> Value {
    let lines: Vec<Value> = (1..)
        .zip(items)
        .map(|(line, item)| {
            json!({
                "line": line, "sku": sku(*item), "name": format!("Artículo {item}"), "quantity": 1,
                "unit_price_minor": 100, "gross_minor": 100, "discount_minor": 0, "tax_rate_ppm": 0, "tax_minor": 0,
                "total_minor": 100,
            })
        })
        .collect();
    let total = 100 * items.len();
    json!({
        "sale_id": id, "store": "centro", "cashier": "ana", "currency": "HNL", "lines": lines,
        "payments": [{ "method": "cash", "amount_minor": total, "tendered_minor": total }],
        "gross_minor": total, "discount_minor": 0, "tax_minor": 0, "total_minor": total, "change_minor": 0,
        "occurred_at": format!("{day}T10:00:00-06:00"), "business_day": day,
    })
}

/// The payload is written as the product writes it: decoded and encoded once.
fn write(stream: &str, version: i64, event_type: &str, data: Value) -> anyhow::Result<StreamWrite> {
    let event = Event::decode(event_type, 1, &data.to_string())?;
    let event = NewEvent {
        id: platform::clock::fresh_id(),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        data: event.encode()?,
    };
    Ok(StreamWrite {
        stream: StreamName::stored(stream),
        expected: Version(version),
        events: vec![event],
    })
}
