//! Transfers between stores, and what is on its way (TRD-3).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

mod documents;

use std::collections::HashMap;

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{Sku, StoreId, TenantId, TransferId, UnitId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::costs::{self, HasCosts};
use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_number, filter_word, path_id};
use crate::snapshot::Snapshot;

pub use documents::{TransferDecision, TransferDocuments, TransferMovedLine, TransferReception};

const STATUSES: &[&str] = &["requested", "in_transit", "closed", "cancelled"];

/// A transfer without its lines. Amounts are in minor units of the tenant's currency.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct TransferHeader {
    pub transfer_id: String,
    /// The tenant's own number for it, where it numbers transfers.
    pub number: Option<String>,
    /// The store that sends.
    pub from_store: String,
    /// The store that receives.
    pub to_store: String,
    /// `requested`, `in_transit`, `closed` or `cancelled`.
    pub status: String,
    /// Pieces that are in neither store.
    pub in_transit: i64,
    /// What those of them with a known cost cost together; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_transit_value_minor: Option<i64>,
    /// Whether goods were decided to be lost or back where they came from.
    pub incomplete: bool,
    /// Pieces that came beyond what was dispatched, as long as nobody has decided about them. They are on the sending
    /// store's books.
    pub surplus: i64,
    pub lost: i64,
    /// What those cost, as far as it is known; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_value_minor: Option<i64>,
    pub note: Option<String>,
    /// Who asked for it.
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub dispatched_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
    #[serde(skip)]
    created_position: i64,
}

/// One line: each dispatched piece is received, lost, back, or in transit.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct TransferLine {
    pub line: i64,
    pub sku: String,
    pub requested: i64,
    pub dispatched: i64,
    pub received: i64,
    pub lost: i64,
    pub back: i64,
    /// Pieces that came beyond what was dispatched, as long as nobody has decided about them.
    pub surplus: i64,
    /// Pieces that came beyond what was dispatched and that the sending store turned out to have sent.
    pub surplus_accepted: i64,
    pub in_transit: i64,
    /// What the pieces in transit cost, as far as it is known; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_transit_value_minor: Option<i64>,
    /// Of serialised goods those that are in transit, by IMEI or serial number. Only in the answer with one transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<UnitId>>")]
    pub units_in_transit: Option<JsonText>,
    #[serde(skip)]
    transfer_id: String,
}

/// A transfer with what came of it and what was decided.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WholeTransfer {
    #[serde(flatten)]
    pub transfer: Transfer,
    #[serde(flatten)]
    pub documents: TransferDocuments,
}

/// A transfer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Transfer {
    #[serde(flatten)]
    pub header: TransferHeader,
    pub lines: Vec<TransferLine>,
}

/// Goods of one item that are on their way to one store.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct GoodsInTransit {
    /// The store that will receive them.
    pub store: String,
    pub sku: String,
    pub quantity: i64,
    /// What they cost, as far as it is known, in minor units of the tenant's currency; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_minor: Option<i64>,
    /// How many transfers carry them.
    pub transfers: i64,
}

impl HasCosts for Transfer {
    fn forget_costs(&mut self) {
        self.header.in_transit_value_minor = None;
        self.header.lost_value_minor = None;
        for line in &mut self.lines {
            line.in_transit_value_minor = None;
        }
    }
}

impl HasCosts for WholeTransfer {
    fn forget_costs(&mut self) {
        self.transfer.forget_costs();
        self.documents.forget_costs();
    }
}

impl HasCosts for GoodsInTransit {
    fn forget_costs(&mut self) {
        self.value_minor = None;
    }
}

const HEADER: &str =
    "select transfer_id, number, from_store, to_store, status, in_transit, in_transit_value_minor, incomplete, surplus,
    lost, lost_value_minor, note, actor, requested_at, dispatched_at, changed_at, created_position from rm_transfers t";

/// Reads of transfers.
pub struct TransferReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl TransferReads {
    /// Transfers, the newest first.
    #[oai(path = "/api/v1/transfers", method = "get", operation_id = "list_transfers")]
    async fn list_transfers(
        &self,
        context: Data<&RequestContext>,
        /// Those that this store sends.
        from: Query<Option<String>>,
        /// Those that this store receives.
        to: Query<Option<String>>,
        /// `requested`, `in_transit`, `closed` or `cancelled`.
        status: Query<Option<String>>,
        /// Those with this item among their lines.
        sku: Query<Option<String>>,
        /// `true`: only those with a surplus that nobody has decided about.
        surplus: Query<Option<bool>>,
        /// The transfer's number, whole and as it is printed: at most 32 characters.
        number: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Transfer>, Problem> {
        let tenant = &context.principal.tenant;
        let from: Option<StoreId> = filter_id("from", from.0)?;
        let to: Option<StoreId> = filter_id("to", to.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let number = filter_number(number.0)?;
        let filters @ [from, to, status, sku, _, number] = [
            from.as_ref().map(StoreId::as_str),
            to.as_ref().map(StoreId::as_str),
            status.as_deref(),
            sku.as_ref().map(Sku::as_str),
            surplus.0.filter(|only| *only).map(|_| "surplus"),
            number.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "transfers", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "from_store", from);
        push_equal(&mut query, "to_store", to);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "number", number);
        if surplus.0 == Some(true) {
            query.push(" and surplus > 0");
        }
        if let Some(sku) = sku {
            query
                .push(
                    " and exists (select from rm_transfer_lines l where l.tenant = t.tenant
                       and l.transfer_id = t.transfer_id and l.sku = ",
                )
                .push_bind(sku)
                .push(")");
        }
        list.descending(&mut query, "created_position");
        let sort_key = |row: &TransferHeader| row.created_position;
        let page = list.page_in(&mut snapshot, query, sort_key).await?;
        let mut items = with_lines(&mut snapshot, tenant, page.items).await?;
        costs::hide(context.0, &mut items);
        snapshot.close().await?;
        Ok(PageAnswer(Page {
            items,
            next: page.next,
            position: page.position,
        }))
    }

    /// One transfer with its lines, the units that are on their way, its receptions, and what was decided about differences.
    /// Of receptions and decisions together at most the newest 1,000.
    #[oai(
        path = "/api/v1/transfers/:transfer_id",
        method = "get",
        operation_id = "get_transfer"
    )]
    async fn get_transfer(
        &self,
        context: Data<&RequestContext>,
        transfer_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<WholeTransfer>>, Problem> {
        let tenant = &context.principal.tenant;
        let transfer_id: TransferId = path_id(&transfer_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and transfer_id = ").push_bind(transfer_id.as_str());
        let header: TransferHeader = snapshot.row_or_404(query.build_query_as()).await?;
        let lines = lines_of(&mut snapshot, tenant, vec![transfer_id.as_str()], Units::Named).await?;
        let documents = documents::documents_of(&mut snapshot, tenant, transfer_id.as_str()).await?;
        let transfer = Transfer { header, lines };
        let mut found = WholeTransfer { transfer, documents };
        costs::hide(context.0, [&mut found]);
        snapshot.answer(found).await
    }

    /// What is on its way, in the order of receiving store and SKU.
    #[oai(
        path = "/api/v1/inventory/in-transit",
        method = "get",
        operation_id = "list_goods_in_transit"
    )]
    async fn list_goods_in_transit(
        &self,
        context: Data<&RequestContext>,
        /// Only what this store will receive.
        store: Query<Option<String>>,
        sku: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<GoodsInTransit>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let filters @ [store, sku] = [store.as_ref().map(StoreId::as_str), sku.as_ref().map(Sku::as_str)];
        let list =
            List::<(String, String)>::new(&self.0, "goods_in_transit", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select to_store as store, sku, sum(dispatched - received - lost - back)::bigint as quantity,
                    sum(dispatched_value_minor - settled_value_minor)::bigint as value_minor,
                    count(*) as transfers
             from rm_transfer_lines where dispatched > received + lost + back and tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "to_store", store);
        push_equal(&mut query, "sku", sku);
        if let Some((store, sku)) = list.after() {
            query.push(" and (to_store, sku) > (").push_bind(store);
            query.push(", ").push_bind(sku).push(")");
        }
        query
            .push(" group by to_store, sku order by to_store, sku limit ")
            .push_bind(list.fetch());
        let sort_key = |row: &GoodsInTransit| (row.store.clone(), row.sku.clone());
        let mut page = list.page(snapshot, query, sort_key).await?;
        costs::hide(context.0, &mut page.items);
        Ok(PageAnswer(page))
    }
}

/// Puts the lines of a page's transfers to them, with one query.
async fn with_lines(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    headers: Vec<TransferHeader>,
) -> Result<Vec<Transfer>, Problem> {
    if headers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = headers.iter().map(|header| header.transfer_id.as_str()).collect();
    let rows = lines_of(snapshot, tenant, ids, Units::LeftOut).await?;
    let mut lines: HashMap<String, Vec<TransferLine>> = HashMap::new();
    for row in rows {
        lines.entry(row.transfer_id.clone()).or_default().push(row);
    }
    let whole = headers.into_iter().map(|header| Transfer {
        lines: lines.remove(&header.transfer_id).unwrap_or_default(),
        header,
    });
    Ok(whole.collect())
}

/// Whether lines name their units: a page of transfers may have many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    Named,
    LeftOut,
}

/// The lines of transfers, in order.
async fn lines_of(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    transfers: Vec<&str>,
    units: Units,
) -> Result<Vec<TransferLine>, Problem> {
    let statement = sqlx::query_as(
        "select transfer_id, line, sku, requested, dispatched, received, lost, back, surplus, surplus_accepted,
                dispatched - received - lost - back as in_transit,
                dispatched_value_minor - settled_value_minor as in_transit_value_minor,
                case when $3 then units_in_transit end as units_in_transit
         from rm_transfer_lines where tenant = $1 and transfer_id = any($2) order by transfer_id, line",
    )
    .bind(tenant.as_str())
    .bind(transfers)
    .bind(units == Units::Named);
    snapshot.rows(statement).await
}
