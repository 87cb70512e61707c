//! Purchases by supplier, store, status, item and day, and each with all that happened to it (TRD-2).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::events::purchase::{AdjustedLine, ReceivedLine, ReturnedToSupplierLine};
use schemas::{PurchaseId, Sku, StoreId, SupplierId, TenantId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::failure::unavailable;
use crate::list::{List, push_equal};
use crate::parameters::{filter_day, filter_id, filter_number, filter_word, path_id};
use crate::snapshot::Snapshot;

const STATUSES: &[&str] = &[
    "ordered",
    "sent",
    "partially_received",
    "received",
    "closed",
    "cancelled",
];

/// A purchase without its lines and documents. Amounts are in minor units of `currency`.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct PurchaseHeader {
    pub purchase_id: String,
    /// The tenant's own number for it, where it numbers purchases.
    pub number: Option<String>,
    /// 1 as it was written, one more with each change and each time that lines were given up; a change names the one that
    /// it replaces.
    pub revision: i64,
    pub supplier_id: String,
    pub store: String,
    /// `ordered`, `sent`, `partially_received`, `received`, `closed` or `cancelled`.
    pub status: String,
    /// How much more than ordered may be received of a line, in percent.
    pub tolerance_percent: i64,
    /// `2026-12-01`.
    pub expected_on: Option<String>,
    pub note: Option<String>,
    pub currency: String,
    /// As ordered: without tax, the tax, and both.
    pub net_minor: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
    /// Pieces: ordered, still to come, received, given up, sent back.
    pub ordered: i64,
    pub outstanding: i64,
    pub received: i64,
    pub cancelled: i64,
    pub returned: i64,
    /// Totals with tax: of what was received, of that what is invoiced, of later costs, of returns' credits.
    pub received_minor: i64,
    pub invoiced_minor: i64,
    pub adjusted_minor: i64,
    pub credited_minor: i64,
    /// Later costs of goods that had left; below zero a gain.
    pub expensed_minor: i64,
    /// Returns' credits without tax, less what the goods were worth: a gain, or below zero a loss.
    pub difference_minor: i64,
    /// Who ordered it.
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

/// What was ordered of one item, and what has become of it.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct PurchasedLine {
    pub line: i64,
    pub sku: String,
    /// `counted` or `serialised`.
    pub kind: String,
    /// Pieces: ordered, still to come, received, given up, sent back.
    pub ordered: i64,
    pub outstanding: i64,
    pub received: i64,
    pub cancelled: i64,
    pub returned: i64,
    /// Of one piece, without tax, as ordered.
    pub unit_cost_minor: i64,
    pub tax_code: Option<String>,
    /// Parts per million.
    pub tax_rate_ppm: i64,
    /// Later costs without tax, and of these what was an expense.
    pub adjusted_minor: i64,
    pub expensed_minor: i64,
    /// What returns were credited with, without tax.
    pub credited_minor: i64,
}

/// A reception, later cost or return of a purchase.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Document")]
pub struct PurchaseDocument<T> {
    /// The reception's, cost adjustment's or return's.
    pub id: String,
    /// The supplier's number, once it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// Without tax; below zero for a credit note.
    pub net_minor: i64,
    pub tax_minor: i64,
    /// With tax.
    pub total_minor: i64,
    pub lines: Vec<T>,
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
    /// Of the event, in the log.
    pub event_position: i64,
}

/// A purchase.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Purchase {
    #[serde(flatten)]
    pub header: PurchaseHeader,
    pub lines: Vec<PurchasedLine>,
    /// In the order of the log, like the others.
    pub receptions: Vec<PurchaseDocument<ReceivedLine>>,
    pub cost_adjustments: Vec<PurchaseDocument<AdjustedLine>>,
    pub returns: Vec<PurchaseDocument<ReturnedToSupplierLine>>,
}

#[derive(FromRow)]
struct DocumentRow {
    kind: String,
    document_id: String,
    invoice: Option<String>,
    net_minor: i64,
    tax_minor: i64,
    total_minor: i64,
    lines: String,
    actor: String,
    recorded_at: OffsetDateTime,
    event_position: i64,
}

const HEADER: &str =
    "select purchase_id, number, revision, supplier_id, store, status, tolerance_percent, expected_on, note, currency, net_minor,
    tax_minor, total_minor, ordered, outstanding, received, cancelled, returned, received_minor, invoiced_minor,
    adjusted_minor, credited_minor, expensed_minor, difference_minor, actor, created_at, changed_at, created_position
    from rm_purchases p";

/// Reads of purchases.
pub struct PurchaseReads(pub QueryService);

#[OpenApi(tag = "Group::Purchases")]
impl PurchaseReads {
    /// Purchases, the newest first.
    #[oai(path = "/api/v1/purchases", method = "get", operation_id = "list_purchases")]
    async fn list_purchases(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Query<Option<String>>,
        store: Query<Option<String>>,
        /// `ordered`, `sent`, `partially_received`, `received`, `closed` or `cancelled`.
        status: Query<Option<String>>,
        /// Those with this item among their lines.
        sku: Query<Option<String>>,
        /// Ordered on this day or later, in the tenant's time zone: `2026-11-01`.
        from: Query<Option<String>>,
        /// Ordered on this day or before.
        to: Query<Option<String>>,
        /// The purchase's number, whole and as it is printed: at most 32 characters.
        number: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<PurchaseHeader>, Problem> {
        let tenant = &context.principal.tenant;
        let supplier: Option<SupplierId> = filter_id("supplier_id", supplier_id.0)?;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let (from, to) = (filter_day("from", from.0)?, filter_day("to", to.0)?);
        let number = filter_number(number.0)?;
        let filters @ [supplier, store, status, sku, from, to, number] = [
            supplier.as_ref().map(SupplierId::as_str),
            store.as_ref().map(StoreId::as_str),
            status.as_deref(),
            sku.as_ref().map(Sku::as_str),
            from.as_deref(),
            to.as_deref(),
            number.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "purchases", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "supplier_id", supplier);
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "number", number);
        if let Some(sku) = sku {
            query
                .push(
                    " and exists (select from rm_purchase_lines l where l.tenant = p.tenant
                       and l.purchase_id = p.purchase_id and not l.removed and l.sku = ",
                )
                .push_bind(sku)
                .push(")");
        }
        for (comparison, day, days) in [(">=", from, 0), ("<", to, 1)] {
            let Some(day) = day else { continue };
            // Midnight of the tenant, whose zone stands in its one row.
            query
                .push(format!(" and created_at {comparison} (select ("))
                .push_bind(day)
                .push(format!(
                    "::date + {days})::timestamp at time zone t.time_zone from rm_tenant t where t.tenant = p.tenant)"
                ));
        }
        list.descending(&mut query, "created_position");
        let sort_key = |row: &PurchaseHeader| row.created_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One purchase with its lines, receptions, later costs and returns. Its documents together have at most 20,000
    /// lines, units and lots.
    #[oai(
        path = "/api/v1/purchases/:purchase_id",
        method = "get",
        operation_id = "get_purchase"
    )]
    async fn get_purchase(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Purchase>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: PurchaseId = path_id(&purchase_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and purchase_id = ").push_bind(id.as_str());
        let header: PurchaseHeader = snapshot.row_or_404(query.build_query_as()).await?;
        let lines = lines_of(&mut snapshot, tenant, &id).await?;
        let documents = documents_of(&mut snapshot, tenant, &id).await?;
        let position = snapshot.position;
        snapshot.close().await?;
        let value = Purchase {
            header,
            lines,
            receptions: of_kind("reception", &documents)?,
            cost_adjustments: of_kind("cost_adjustment", &documents)?,
            returns: of_kind("return", &documents)?,
        };
        Ok(JsonAnswer(At { value, position }))
    }
}

async fn lines_of(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    id: &PurchaseId,
) -> Result<Vec<PurchasedLine>, Problem> {
    let statement = sqlx::query_as(
        "select line, sku, kind, ordered, greatest(ordered - cancelled - received, 0) as outstanding, received,
           cancelled, returned, unit_cost_minor, tax_code, tax_rate_ppm, adjusted_minor, expensed_minor, credited_minor
         from rm_purchase_lines where tenant = $1 and purchase_id = $2 and not removed order by line",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    snapshot.rows(statement).await
}

async fn documents_of(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    id: &PurchaseId,
) -> Result<Vec<DocumentRow>, Problem> {
    let statement = sqlx::query_as(
        "select kind, document_id, invoice, net_minor, tax_minor, total_minor, lines, actor, recorded_at, event_position
         from rm_purchase_documents where tenant = $1 and purchase_id = $2 order by event_position",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    snapshot.rows(statement).await
}

/// The documents of one kind, their lines read.
fn of_kind<T: DeserializeOwned>(
    kind: &str,
    documents: &[DocumentRow],
) -> Result<Vec<PurchaseDocument<T>>, Problem> {
    let of_kind = documents.iter().filter(|row| row.kind == kind);
    let whole = of_kind.map(|row| {
        Ok(PurchaseDocument {
            id: row.document_id.clone(),
            invoice: row.invoice.clone(),
            net_minor: row.net_minor,
            tax_minor: row.tax_minor,
            total_minor: row.total_minor,
            lines: serde_json::from_str(&row.lines).map_err(unavailable)?,
            actor: row.actor.clone(),
            recorded_at: row.recorded_at,
            event_position: row.event_position,
        })
    });
    whole.collect()
}
