//! Imports of files: the history, where one stands, and row by row what would change or has changed (INV-6).
//!
//! Imports are data of their own beside the log, which the write side keeps; this only reads it, in the same snapshot
//! and under the same row security as the read models.
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use std::collections::BTreeMap;

use platform::http::{JsonAnswer, Language, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{ImportId, Sku, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_word, path_id};
use crate::snapshot::Snapshot;

const STATUSES: &[&str] = &[
    "received",
    "drafted",
    "confirming",
    "applying",
    "completed",
    "repeated",
    "failed",
];
const ROW_STATUSES: &[&str] = &[
    "planned",
    "held",
    "unchanged",
    "invalid",
    "applied",
    "refused",
    "changed_meanwhile",
    "waiting_approval",
];

/// One import, without its rows.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Import {
    pub import_id: String,
    /// `received`, `drafted`, `confirming`, `applying`, `completed`, `repeated` or `failed`.
    pub status: String,
    /// `auto`, `articles` or `stock`.
    pub kind: String,
    /// What quantities mean: `counted` or `received`.
    pub stock: String,
    /// Absent when it only concerns the catalogue.
    pub store: Option<String>,
    pub file_name: Option<String>,
    /// Lower-case hexadecimal.
    pub file_sha256: String,
    pub file_bytes: i64,
    /// What a confirmation names; absent until there is a draft.
    pub draft_sha256: Option<String>,
    /// What somebody took responsibility for.
    pub overrides: Vec<String>,
    /// Who wanted it: of the upload, then of the confirmation.
    pub actor: Option<String>,
    pub reason: Option<String>,
    /// Rows of the draft, and what has become of them once it is completed.
    pub counts: Option<Value>,
    /// About the whole file: `code`, and `field` or `value` where there is one.
    pub warnings: Option<Value>,
    /// `code`, `en` and `es`, when it failed or its confirmation was refused.
    pub failure: Option<Value>,
    /// The import that took the same file, when this one is `repeated`.
    pub same_as: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub drafted_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub confirmed_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<OffsetDateTime>,
    #[serde(skip)]
    number: i64,
}

/// One import, and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportProgress {
    #[serde(flatten)]
    pub import: Import,
    /// Rows in all.
    pub rows: i64,
    /// Rows that have come to something: everything but what is planned.
    pub done: i64,
    /// 0 to 100; 100 once it is over.
    pub percent: i64,
    /// Rows by status, as they stand now.
    pub rows_by_status: Value,
    /// How the file was read: format, encoding, separator, sheet, heading row, and what each column is taken for.
    pub layout: Option<Value>,
}

/// One row of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportRow {
    /// As the file counts, from 1.
    pub line: i64,
    pub sku: Option<String>,
    /// `planned`, `held`, `unchanged`, `invalid`, `applied`, `waiting_approval`, `refused` or `changed_meanwhile`.
    pub status: String,
    /// Overrides that it needs.
    pub needs: Vec<String>,
    /// Each with `action`, `field`, `from` and `to`.
    pub changes: Value,
    /// Each with `code`, `severity`, `field`, `value` and `detail`, a sentence in the language of `Accept-Language`.
    pub warnings: Value,
    /// Why the rules refused it: `code`, `en`, `es`.
    pub problem: Option<Value>,
    /// The movement that the difference became, when it is over the limit of movements.
    pub movement_id: Option<String>,
    /// What has become of that movement: `pending_approval`, `approved` or `rejected`.
    pub movement_status: Option<String>,
}

#[derive(FromRow)]
struct RowOfFile {
    line: i64,
    sku: Option<String>,
    status: String,
    needs: Vec<String>,
    changes: Value,
    warnings: Value,
    problem: Option<Value>,
    movement_id: Option<String>,
    movement_status: Option<String>,
}

const IMPORT: &str = "select import_id, status, kind, stock, store, file_name, file_sha256, file_bytes, draft_sha256, overrides,
    coalesce(actor->>'username', actor->>'name') as actor, reason, counts, warnings, failure, same_as, created_at, drafted_at,
    confirmed_at, ended_at, number from imports";

/// Reads of imports.
pub struct ImportReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl ImportReads {
    /// Imports, the newest first, with their warnings.
    #[oai(
        path = "/api/v1/inventory/import/smart/history",
        method = "get",
        operation_id = "list_imports"
    )]
    async fn list_imports(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// `received`, `drafted`, `confirming`, `applying`, `completed`, `repeated` or `failed`.
        status: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<PageAnswer<Import>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let filters @ [store, status] = [store.as_ref().map(StoreId::as_str), status.as_deref()];
        let list = List::<i64>::new(&self.0, "imports", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, None).await?;
        let mut query = QueryBuilder::new(IMPORT);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        list.descending(&mut query, "number");
        let sort_key = |row: &Import| row.number;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One import and how far it is; made to be polled.
    #[oai(
        path = "/api/v1/inventory/import/smart/:import_id",
        method = "get",
        operation_id = "get_import"
    )]
    async fn get_import(
        &self,
        context: Data<&RequestContext>,
        import_id: Path<String>,
    ) -> Result<JsonAnswer<At<ImportProgress>>, Problem> {
        let tenant = &context.principal.tenant;
        let import_id: ImportId = path_id(&import_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, None).await?;
        let import = find(&mut snapshot, &import_id).await?;
        let statement =
            sqlx::query_as("select layout, progress from imports where tenant = $1 and import_id = $2")
                .bind(tenant.as_str())
                .bind(import_id.as_str());
        let (layout, counted): (Option<Value>, Option<Value>) = snapshot.row(statement).await?;
        let counted = serde_json::from_value(counted.unwrap_or_default()).unwrap_or_default();
        snapshot.answer(progress(import, layout, counted)).await
    }

    /// Rows of an import in the file's order: what each would change, or what has become of it.
    #[oai(
        path = "/api/v1/inventory/import/smart/:import_id/rows",
        method = "get",
        operation_id = "list_import_rows"
    )]
    async fn list_import_rows(
        &self,
        context: Data<&RequestContext>,
        import_id: Path<String>,
        /// `planned`, `held`, `unchanged`, `invalid`, `applied`, `waiting_approval`, `refused` or `changed_meanwhile`.
        status: Query<Option<String>>,
        sku: Query<Option<String>>,
        /// Rows with warnings only.
        warnings: Query<Option<bool>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<PageAnswer<ImportRow>, Problem> {
        let tenant = &context.principal.tenant;
        let import_id: ImportId = path_id(&import_id.0)?;
        let status = filter_word("status", status.0, ROW_STATUSES)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let warned = warnings.0.unwrap_or(false);
        let filters @ [_, status, sku, _] = [
            Some(import_id.as_str()),
            status.as_deref(),
            sku.as_ref().map(Sku::as_str),
            warned.then_some("warnings"),
        ];
        let list = List::<i64>::new(&self.0, "import_rows", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, None).await?;
        find(&mut snapshot, &import_id).await?;
        let mut query = QueryBuilder::new(
            "select r.line, r.sku, r.status, r.item_holds || r.stock_holds as needs, r.changes, r.warnings, r.problem,
               r.movement_id, m.status as movement_status
             from import_rows r
             left join rm_movement_requests m on m.tenant = r.tenant and m.movement_id = r.movement_id
             where r.tenant = ",
        );
        query.push_bind(tenant.as_str());
        query.push(" and r.import_id = ").push_bind(import_id.as_str());
        push_equal(&mut query, "r.status", status);
        push_equal(&mut query, "r.sku", sku);
        if warned {
            query.push(" and json_array_length(r.warnings) > 0");
        }
        list.ascending(&mut query, "r.line");
        let sort_key = |row: &RowOfFile| row.line;
        let page = list.page(snapshot, query, sort_key).await?;
        let items = page.items.into_iter().map(|row| shown(row, context.language));
        Ok(PageAnswer(Page {
            items: items.collect(),
            next: page.next,
            position: page.position,
        }))
    }
}

async fn find(snapshot: &mut Snapshot, id: &ImportId) -> Result<Import, Problem> {
    let tenant = snapshot.tenant.clone();
    let mut query = QueryBuilder::new(IMPORT);
    query.push(" where tenant = ").push_bind(tenant.as_str());
    query.push(" and import_id = ").push_bind(id.as_str());
    snapshot.row_or_404(query.build_query_as()).await
}

/// How far an import is, as the write side counts it. Articles are carried out before stock, so it counts parts of rows.
#[derive(Debug, Default, Deserialize)]
struct Counted {
    /// Articles and stock of all rows.
    parts: i64,
    /// Of them, those still to be carried out.
    open: i64,
    rows: BTreeMap<String, i64>,
}

fn progress(import: Import, layout: Option<Value>, counted: Counted) -> ImportProgress {
    let Counted { parts, open, rows } = counted;
    let by_status: BTreeMap<String, i64> = rows.into_iter().filter(|(_, rows)| *rows > 0).collect();
    let rows: i64 = by_status.values().sum();
    let done = rows - by_status.get("planned").copied().unwrap_or(0);
    let percent = match import.status.as_str() {
        "completed" | "repeated" | "failed" => 100,
        "applying" => (parts - open)
            .saturating_mul(100)
            .checked_div(parts)
            .unwrap_or(0)
            .min(99),
        _ => 0,
    };
    let rows_by_status: Map<String, Value> = by_status
        .into_iter()
        .map(|(status, rows)| (status, rows.into()))
        .collect();
    ImportProgress {
        import,
        rows,
        done,
        percent,
        rows_by_status: Value::Object(rows_by_status),
        layout,
    }
}

/// A row with its warnings in words.
fn shown(row: RowOfFile, language: Language) -> ImportRow {
    let RowOfFile {
        line,
        sku,
        status,
        needs,
        changes,
        warnings,
        problem,
        movement_id,
        movement_status,
    } = row;
    ImportRow {
        line,
        sku,
        status,
        needs,
        changes,
        warnings: said(warnings, language),
        problem,
        movement_id,
        movement_status,
    }
}

/// Each warning with its severity and a sentence.
fn said(warnings: Value, language: Language) -> Value {
    let Value::Array(warnings) = warnings else {
        return warnings;
    };
    let say = |mut warning: Value| {
        let known: Option<::imports::Warning> = serde_json::from_value(warning.clone()).ok();
        if let (Some(known), Some(fields)) = (known, warning.as_object_mut()) {
            let text = match language {
                Language::Spanish => known.code.es(),
                Language::English => known.code.en(),
            };
            fields.insert("detail".to_owned(), text.into());
            let severity = if known.is_error() { "error" } else { "warning" };
            fields.insert("severity".to_owned(), severity.into());
        }
        warning
    };
    Value::Array(warnings.into_iter().map(say).collect())
}
