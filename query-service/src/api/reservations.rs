//! Reservations by store, status, item and customer (INV-5).
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
use schemas::{CustomerId, ReservationId, Sku, StoreId, TenantId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::failure::not_found;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_word, path_id};
use crate::snapshot::Snapshot;

const STATUSES: &[&str] = &["pending", "confirmed", "fulfilled", "released", "expired"];

/// A reservation without its lines.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct ReservationHeader {
    pub reservation_id: String,
    pub store: String,
    pub customer_id: Option<String>,
    /// `pending`, `confirmed`, `fulfilled`, `released` or `expired`.
    pub status: String,
    /// A reservation that is still pending then is released by itself.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub expires_at: OffsetDateTime,
    /// The sale that took the goods.
    pub sale_id: Option<String>,
    /// Who made it.
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
    #[serde(skip)]
    created_position: i64,
}

/// What one line keeps, or kept.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReservationLine {
    pub line: i64,
    pub sku: String,
    pub unit: Option<String>,
    pub quantity: i64,
}

/// A reservation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reservation {
    #[serde(flatten)]
    pub header: ReservationHeader,
    pub lines: Vec<ReservationLine>,
}

#[derive(FromRow)]
struct LineRow {
    reservation_id: String,
    line: i64,
    sku: String,
    unit: Option<String>,
    quantity: i64,
}

const HEADER: &str =
    "select reservation_id, store, customer_id, status, expires_at, sale_id, actor, created_at, changed_at,
    created_position from rm_reservations r";

/// Reads of reservations.
pub struct ReservationReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl ReservationReads {
    /// Reservations, the newest first.
    #[oai(
        path = "/api/v1/inventory/reservations",
        method = "get",
        operation_id = "list_reservations"
    )]
    async fn list_reservations(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// `pending`, `confirmed`, `fulfilled`, `released` or `expired`.
        status: Query<Option<String>>,
        /// Those with this item among their lines.
        sku: Query<Option<String>>,
        customer_id: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Reservation>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let customer: Option<CustomerId> = filter_id("customer_id", customer_id.0)?;
        let filters @ [store, status, customer, sku] = [
            store.as_ref().map(StoreId::as_str),
            status.as_deref(),
            customer.as_ref().map(CustomerId::as_str),
            sku.as_ref().map(Sku::as_str),
        ];
        let list = List::<i64>::new(&self.0, "reservations", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "customer_id", customer);
        if let Some(sku) = sku {
            query
                .push(
                    " and exists (select from rm_reservation_lines l where l.tenant = r.tenant
                       and l.reservation_id = r.reservation_id and l.sku = ",
                )
                .push_bind(sku)
                .push(")");
        }
        list.descending(&mut query, "created_position");
        let sort_key = |row: &ReservationHeader| row.created_position;
        let page = list.page_in(&mut snapshot, query, sort_key).await?;
        let items = with_lines(&mut snapshot, tenant, page.items).await?;
        snapshot.close().await?;
        Ok(PageAnswer(Page {
            items,
            next: page.next,
            position: page.position,
        }))
    }

    /// One reservation with its lines.
    #[oai(
        path = "/api/v1/inventory/reservations/:reservation_id",
        method = "get",
        operation_id = "get_reservation"
    )]
    async fn get_reservation(
        &self,
        context: Data<&RequestContext>,
        reservation_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Reservation>>, Problem> {
        let tenant = &context.principal.tenant;
        let reservation_id: ReservationId = path_id(&reservation_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query
            .push(" and reservation_id = ")
            .push_bind(reservation_id.as_str());
        let found: Option<ReservationHeader> = snapshot.row_if_any(query.build_query_as()).await?;
        let found = with_lines(&mut snapshot, tenant, found.into_iter().collect()).await?;
        let found = found.into_iter().next().ok_or_else(not_found)?;
        snapshot.answer(found).await
    }
}

/// Puts the lines of a page's reservations to them, with one query.
async fn with_lines(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    headers: Vec<ReservationHeader>,
) -> Result<Vec<Reservation>, Problem> {
    if headers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = headers
        .iter()
        .map(|header| header.reservation_id.as_str())
        .collect();
    let statement = sqlx::query_as(
        "select reservation_id, line, sku, unit, quantity from rm_reservation_lines
         where tenant = $1 and reservation_id = any($2) order by reservation_id, line",
    )
    .bind(tenant.as_str())
    .bind(ids);
    let rows: Vec<LineRow> = snapshot.rows(statement).await?;
    let mut lines: HashMap<String, Vec<ReservationLine>> = HashMap::new();
    for row in rows {
        let LineRow {
            reservation_id,
            line,
            sku,
            unit,
            quantity,
        } = row;
        lines.entry(reservation_id).or_default().push(ReservationLine {
            line,
            sku,
            unit,
            quantity,
        });
    }
    let whole = headers.into_iter().map(|header| Reservation {
        lines: lines.remove(&header.reservation_id).unwrap_or_default(),
        header,
    });
    Ok(whole.collect())
}
