//! Movements that were asked for, with their lines, and the rule that lets large ones wait (INV-3).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use std::collections::HashMap;

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{MovementId, StoreId, TenantId, UnitId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::failure::not_found;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_word, path_id};
use crate::snapshot::Snapshot;

const STATUSES: &[&str] = &["pending_approval", "approved", "rejected"];
const KINDS: &[&str] = &["in", "out", "adjustment", "write_off"];

/// A movement without its lines. Amounts are in minor units of the tenant's currency.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct MovementHeader {
    pub movement_id: String,
    /// `in`, `out`, `adjustment` or `write_off`.
    pub kind: String,
    pub store: String,
    /// `pending_approval`, `approved` or `rejected`.
    pub status: String,
    /// Pieces in all, without their sign.
    pub quantity: i64,
    /// At cost where it was known, else at the price that they sell for.
    pub value_minor: i64,
    pub needs_approval: bool,
    pub comment: Option<String>,
    pub requested_by: String,
    /// Absent while it waits, and when nobody had to decide.
    pub decided_by: Option<String>,
    pub note: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub decided_at: Option<OffsetDateTime>,
    #[serde(skip)]
    created_position: i64,
}

/// One item of a movement.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MovementLine {
    /// Counts from 1.
    pub line: i64,
    pub sku: String,
    /// The item's name when it was asked for.
    pub item_name: String,
    /// Pieces; a difference, and perhaps negative, in an adjustment.
    pub quantity: i64,
    pub unit_cost_minor: Option<i64>,
    #[schemars(with = "Vec<UnitId>")]
    pub units: JsonText,
    pub cause: Option<String>,
}

/// A movement.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Movement {
    #[serde(flatten)]
    pub header: MovementHeader,
    pub lines: Vec<MovementLine>,
}

/// From which size on movements wait; without any limit nothing waits.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct MovementPolicy {
    /// Movements of more pieces than this wait.
    pub max_quantity: Option<i64>,
    /// Movements of goods worth more than this wait, in minor units of the tenant's currency.
    pub max_value_minor: Option<i64>,
    /// Of `max_value_minor`.
    pub currency: String,
    /// Absent while nobody has said anything.
    pub set_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub set_at: Option<OffsetDateTime>,
}

#[derive(FromRow)]
struct LineRow {
    movement_id: String,
    line: i64,
    sku: String,
    item_name: String,
    quantity: i64,
    unit_cost_minor: Option<i64>,
    units: JsonText,
    cause: Option<String>,
}

const HEADER: &str =
    "select movement_id, kind, store, status, quantity, value_minor, needs_approval, comment, requested_by,
    decided_by, note, requested_at, decided_at, created_position from rm_movement_requests";

/// Reads of movements.
pub struct MovementReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl MovementReads {
    /// Movements that were asked for, the newest first.
    #[oai(
        path = "/api/v1/inventory/movements",
        method = "get",
        operation_id = "list_movements"
    )]
    async fn list_movements(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// `pending_approval`, `approved` or `rejected`.
        status: Query<Option<String>>,
        /// `in`, `out`, `adjustment` or `write_off`.
        kind: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Movement>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let kind = filter_word("kind", kind.0, KINDS)?;
        let filters @ [store, status, kind] = [
            store.as_ref().map(StoreId::as_str),
            status.as_deref(),
            kind.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "movements", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "kind", kind);
        list.descending(&mut query, "created_position");
        let sort_key = |row: &MovementHeader| row.created_position;
        let page = list.page_in(&mut snapshot, query, sort_key).await?;
        let items = with_lines(&mut snapshot, tenant, page.items).await?;
        snapshot.close().await?;
        Ok(PageAnswer(Page {
            items,
            next: page.next,
            position: page.position,
        }))
    }

    /// One movement with its lines.
    #[oai(
        path = "/api/v1/inventory/movements/:movement_id",
        method = "get",
        operation_id = "get_movement"
    )]
    async fn get_movement(
        &self,
        context: Data<&RequestContext>,
        movement_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Movement>>, Problem> {
        let tenant = &context.principal.tenant;
        let movement_id: MovementId = path_id(&movement_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and movement_id = ").push_bind(movement_id.as_str());
        let found: Option<MovementHeader> = snapshot.row_if_any(query.build_query_as()).await?;
        let found = with_lines(&mut snapshot, tenant, found.into_iter().collect()).await?;
        let found = found.into_iter().next().ok_or_else(not_found)?;
        snapshot.answer(found).await
    }

    /// From which size on movements wait for approval.
    #[oai(
        path = "/api/v1/admin/policies/movements",
        method = "get",
        operation_id = "get_movement_policy"
    )]
    async fn get_movement_policy(
        &self,
        context: Data<&RequestContext>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<MovementPolicy>>, Problem> {
        let tenant = &context.principal.tenant;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let statement = sqlx::query_as(
            "select p.max_quantity, p.max_value_minor, t.currency, p.set_by, p.set_at
             from rm_tenant t left join rm_movement_policies p using (tenant) where t.tenant = $1",
        )
        .bind(tenant.as_str());
        let found: MovementPolicy = snapshot.row_or_404(statement).await?;
        snapshot.answer(found).await
    }
}

/// Puts the lines of a page's movements to them, with one query.
async fn with_lines(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    headers: Vec<MovementHeader>,
) -> Result<Vec<Movement>, Problem> {
    if headers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = headers.iter().map(|header| header.movement_id.as_str()).collect();
    let statement = sqlx::query_as(
        "select movement_id, line, sku, item_name, quantity, unit_cost_minor, units, cause
         from rm_movement_request_lines where tenant = $1 and movement_id = any($2) order by movement_id, line",
    )
    .bind(tenant.as_str())
    .bind(ids);
    let rows: Vec<LineRow> = snapshot.rows(statement).await?;
    let mut lines: HashMap<String, Vec<MovementLine>> = HashMap::new();
    for row in rows {
        let line = MovementLine {
            line: row.line,
            sku: row.sku,
            item_name: row.item_name,
            quantity: row.quantity,
            unit_cost_minor: row.unit_cost_minor,
            units: row.units,
            cause: row.cause,
        };
        lines.entry(row.movement_id).or_default().push(line);
    }
    let whole = headers.into_iter().map(|header| Movement {
        lines: lines.remove(&header.movement_id).unwrap_or_default(),
        header,
    });
    Ok(whole.collect())
}
