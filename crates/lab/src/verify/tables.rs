//! The product's read models against the fold from scratch, row by row, in both directions: the group that queries read,
//! and every other group that has reached the head.

use std::collections::HashMap;

use anyhow::Context;
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::findings::Findings;
use super::fold::{Folded, Key, Row};

pub(super) const DAILY_FIGURES: [&str; 23] = [
    "sales",
    "invoices",
    "invoiced_minor",
    "invoiced_tax_minor",
    "sold_quantity",
    "returned_quantity",
    "cash_minor",
    "card_minor",
    "transfer_minor",
    "credit_minor",
    "store_credit_minor",
    "exchange_minor",
    "returns",
    "voids",
    "gross_minor",
    "discount_minor",
    "tax_minor",
    "sales_minor",
    "returned_minor",
    "returned_tax_minor",
    "voided_minor",
    "voided_tax_minor",
    "net_minor",
];

/// Each table and its key's columns. The compared columns are those that the fold fills.
const TABLES: &[(&str, &[&str])] = &[
    ("rm_tenant", &["tenant"]),
    ("rm_stores", &["tenant", "store"]),
    ("rm_terminals", &["tenant", "terminal"]),
    ("rm_users", &["tenant", "username"]),
    ("rm_tax_rates", &["tenant", "tax_code"]),
    ("rm_audit", &["tenant", "position"]),
    ("rm_api_keys", &["tenant", "api_key_id"]),
    ("rm_items", &["tenant", "sku"]),
    ("rm_stock", &["tenant", "store", "sku"]),
    ("rm_stock_movements", &["tenant", "position", "store", "sku"]),
    ("rm_stock_costs", &["tenant", "store", "sku", "position"]),
    ("rm_units", &["tenant", "unit"]),
    ("rm_unit_movements", &["tenant", "unit", "position"]),
    ("rm_thresholds", &["tenant", "store", "sku"]),
    ("rm_alerts", &["tenant", "alert_id"]),
    ("rm_movement_policies", &["tenant"]),
    ("rm_movement_requests", &["tenant", "movement_id"]),
    ("rm_movement_request_lines", &["tenant", "movement_id", "line"]),
    ("rm_letterheads", &["tenant"]),
    ("rm_numbering", &["tenant", "series"]),
    ("rm_repair_terms", &["tenant"]),
    ("rm_repairs", &["tenant", "repair_id"]),
    ("rm_repair_parts", &["tenant", "repair_id", "sku"]),
    ("rm_reservations", &["tenant", "reservation_id"]),
    ("rm_reservation_lines", &["tenant", "reservation_id", "line"]),
    ("rm_offline_sales", &["tenant", "quarantine_id"]),
    ("rm_offline_lines", &["tenant", "quarantine_id", "line"]),
    ("rm_offline_tills", &["tenant", "terminal", "incarnation"]),
    ("rm_transfers", &["tenant", "transfer_id"]),
    ("rm_transfer_lines", &["tenant", "transfer_id", "line"]),
    (
        "rm_transfer_documents",
        &["tenant", "transfer_id", "event_position"],
    ),
    ("rm_customers", &["tenant", "customer_id"]),
    ("rm_customer_ledger", &["tenant", "customer_id", "position"]),
    ("rm_customer_notes", &["tenant", "customer_id", "note_id"]),
    ("rm_orders", &["tenant", "order_id"]),
    ("rm_order_lines", &["tenant", "order_id", "line"]),
    ("rm_suppliers", &["tenant", "supplier_id"]),
    ("rm_supplier_contacts", &["tenant", "supplier_id", "contact_id"]),
    ("rm_supplier_ledger", &["tenant", "supplier_id", "position"]),
    ("rm_supplier_lots", &["tenant", "supplier_id", "sku", "lot"]),
    ("rm_purchases", &["tenant", "purchase_id"]),
    ("rm_purchase_lines", &["tenant", "purchase_id", "line"]),
    (
        "rm_purchase_documents",
        &["tenant", "purchase_id", "kind", "document_id"],
    ),
    ("rm_sales", &["tenant", "sale_id"]),
    ("rm_sale_lines", &["tenant", "sale_id", "line"]),
    ("rm_daily_sales", &["tenant", "store", "day"]),
    ("rm_item_sales", &["tenant", "store", "day", "sku"]),
];

/// Compares every table of every group that stands at the head; the serving one in any case.
pub(super) async fn compare(
    connection: &mut PgConnection,
    folded: &Folded,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let schemas: Vec<String> = sqlx::query_scalar(
        "select g.schema from projection_groups g join projection_checkpoint c on c.name = g.schema
         where g.dropped_at is null and (g.id = (select serving from projection_pointer)
           or c.position = (select max(position) from events)) order by g.id",
    )
    .fetch_all(&mut *connection)
    .await
    .context("cannot read which groups of read models there are")?;
    let none = HashMap::new();
    for schema in schemas {
        for (table, key_columns) in TABLES {
            let expected = folded.tables.get(table).unwrap_or(&none);
            compare_table(connection, &schema, table, key_columns, expected, findings).await?;
        }
        let frozen: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "select count(*) from {schema}.projection_poison"
        )))
        .fetch_one(&mut *connection)
        .await?;
        if frozen > 0 {
            findings.error(
                "read_models",
                format!("{frozen} rows are frozen ({schema}.projection_poison)"),
            );
        }
    }
    Ok(())
}

async fn compare_table(
    connection: &mut PgConnection,
    schema: &str,
    table: &'static str,
    key_columns: &[&str],
    expected: &HashMap<Key, Row>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    // The table's name is one of the constants above, the schema's is the product's own.
    let table = format!("{schema}.{table}");
    let sql = format!("select to_jsonb(t) from {table} t");
    let mut rows = sqlx::query_scalar::<_, Value>(AssertSqlSafe(sql)).fetch(connection);
    let mut found = 0;
    while let Some(row) = rows
        .try_next()
        .await
        .with_context(|| format!("cannot read {table}"))?
    {
        found += 1;
        let key: Key = key_columns.iter().map(|column| key_text(&row[*column])).collect();
        match expected.get(&key) {
            None => findings.error(
                "read_models",
                format!("{table} has {key:?}, which follows from no event"),
            ),
            Some(expected) => {
                for (column, figure) in expected {
                    let stored = row.get(*column).unwrap_or(&Value::Null);
                    if stored != figure {
                        findings.error(
                            "read_models",
                            format!("{table} {key:?} has {column} {stored}, and the log says {figure}"),
                        );
                    }
                }
            }
        }
    }
    findings.add("read_model_rows", found);
    // Keys are unique, so a difference in number means rows that are absent.
    if found < expected.len() {
        findings.error(
            "read_models",
            format!("{table} has {found} rows, and the log makes {}", expected.len()),
        );
    }
    Ok(())
}

fn key_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
