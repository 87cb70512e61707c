//! Why stock is what it is: every movement of every shelf, and the life of every unit, step by step (INV-2).
//!
//! Not here: movements that wait for somebody's approval (`movements`), and what goods cost (`stock_costs`).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{Sku, StoreId, TenantId, UnitId};
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::Group;
use crate::QueryService;
use crate::failure::{bad_parameter, not_found};
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_time, filter_word, path_id};

/// Characters of what a movement rests on.
const MAX_DOCUMENT_CHARS: usize = 500;

const KINDS: &[&str] = &[
    "received",
    "adjusted",
    "written_off",
    "reserved",
    "released",
    "issued",
    "returned",
    "dispatched",
    "arrived",
    "cost_adjusted",
];

/// One movement of one item in one store. The sum of them is what stands in the store's stock.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct StockMovement {
    /// Of the movement in the log.
    pub event_position: i64,
    pub store: String,
    pub sku: String,
    /// `received`, `adjusted`, `written_off`, `reserved`, `released`, `issued`, `returned`, `dispatched`, `arrived` or
    /// `cost_adjusted`.
    pub kind: String,
    /// Pieces that came (or left, below zero).
    pub on_hand_delta: i64,
    /// Pieces that are kept for somebody from here on (or not any more, below zero).
    pub reserved_delta: i64,
    /// What it rests on: `sale/<id>`, `return/<id>`, another document such as `transfer/<id>`, or words.
    pub document: Option<String>,
    /// Who did it.
    pub actor: String,
    /// `X-Reason`, as given.
    pub reason: Option<String>,
    /// Movements with the same one were done together.
    pub command_id: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

/// One step of one unit.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct UnitStep {
    /// Of the step in the log.
    pub event_position: i64,
    /// `received`, `reserved`, `released`, `sold`, `returned`, `written_off`, `dispatched`, `arrived`, or
    /// `custody_taken` and `custody_ended` when a repair takes the device in and hands it back.
    pub kind: String,
    /// Absent where only custody changes, as `store` and `status`: whose it is stays as it was.
    pub sku: Option<String>,
    /// Where it is from here on, or was last.
    pub store: Option<String>,
    /// What it is from here on: `in_stock`, `reserved`, `sold`, `away` or `written_off`.
    pub status: Option<String>,
    /// Who has or had it: `sale/<id>`, `return/<id>`, `transfer/<id>`, `repair/<id>` and so on; or words. Of `received`
    /// what brought it, as the shelf's movement has it: `purchase/<id>`, or the reference that was given.
    pub document: Option<String>,
    /// Who did it.
    pub actor: String,
    /// `X-Reason`, as given.
    pub reason: Option<String>,
    pub command_id: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

const MOVEMENT: &str =
    "select m.position as event_position, m.store, m.sku, m.kind, m.on_hand_delta, m.reserved_delta,
    m.reference as document, m.actor, a.reason, m.command_id, m.recorded_at
    from rm_stock_movements m left join rm_audit a on a.tenant = m.tenant and a.position = m.position
    where m.tenant = ";

// What a unit was received by is told by its shelf, which moved with it, by the same command.
const STEP: &str =
    "select m.position as event_position, m.kind, m.sku, m.store, m.status,
    coalesce(m.reference, case when m.kind = 'received' then
      (select s.reference from rm_stock_movements s where s.tenant = m.tenant and s.sku = m.sku and s.store = m.store
         and s.kind = 'received' and s.command_id = m.command_id
         and s.position between m.position - 10000 and m.position + 10000 order by s.position limit 1) end) as document,
    m.actor, a.reason, m.command_id, m.recorded_at
    from rm_unit_movements m left join rm_audit a on a.tenant = m.tenant and a.position = m.position
    where m.tenant = ";

/// Which movements are wanted.
struct Wanted {
    store: Option<StoreId>,
    sku: Option<Sku>,
    unit: Option<UnitId>,
    kind: Option<String>,
    document: Option<String>,
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
}

impl Wanted {
    fn push(&self, tenant: &TenantId, query: &mut QueryBuilder<Postgres>) {
        push_equal(query, "m.store", self.store.as_ref().map(StoreId::as_str));
        push_equal(query, "m.sku", self.sku.as_ref().map(Sku::as_str));
        // A word of ours, not bound: so the planner sees whether the index of the rare kinds has it.
        if let Some(kind) = self
            .kind
            .as_deref()
            .and_then(|kind| KINDS.iter().find(|known| **known == kind))
        {
            query.push(format!(" and m.kind = '{kind}'"));
        }
        push_equal(query, "m.reference", self.document.as_deref());
        if let Some(from) = self.from {
            query.push(" and m.recorded_at >= ").push_bind(from);
        }
        if let Some(to) = self.to {
            query.push(" and m.recorded_at < ").push_bind(to);
        }
        // A unit moves with its shelf, by the same command, whose events stand together in the log.
        if let Some(unit) = &self.unit {
            query
                .push(
                    " and m.position in (select s.position from rm_unit_movements u join rm_stock_movements s
                      on s.tenant = u.tenant and s.store = u.store and s.sku = u.sku and s.command_id = u.command_id
                      and s.position between u.position - 10000 and u.position + 10000
                      where u.tenant = ",
                )
                .push_bind(tenant.as_str().to_owned())
                .push(" and u.unit = ")
                .push_bind(unit.as_str().to_owned())
                .push(")");
        }
    }
}

/// Reads of what moved.
pub struct StockMovementReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl StockMovementReads {
    /// Movements of stock, the newest first.
    #[oai(
        path = "/api/v1/inventory/stock/movements",
        method = "get",
        operation_id = "list_stock_movements"
    )]
    async fn list_stock_movements(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        sku: Query<Option<String>>,
        /// Those in which this unit moved: `imei:` with 15 digits or `serial:`.
        unit: Query<Option<String>>,
        /// `received`, `adjusted`, `written_off`, `reserved`, `released`, `issued`, `returned`, `dispatched`, `arrived`
        /// or `cost_adjusted`.
        kind: Query<Option<String>>,
        /// What they rest on, exactly, such as `transfer/<id>`; at most 500 characters.
        document: Query<Option<String>>,
        /// Recorded at this time or later, such as `2026-11-01T00:00:00-06:00`.
        from: Query<Option<String>>,
        /// Recorded before this time.
        to: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<StockMovement>, Problem> {
        let tenant = &context.principal.tenant;
        if document
            .0
            .as_ref()
            .is_some_and(|text| text.chars().count() > MAX_DOCUMENT_CHARS)
        {
            return Err(bad_parameter("document", "1-500"));
        }
        let (since, until) = (
            filter_time("from", from.0.as_deref())?,
            filter_time("to", to.0.as_deref())?,
        );
        let wanted = Wanted {
            store: filter_id("store", store.0)?,
            sku: filter_id("sku", sku.0)?,
            unit: filter_id("unit", unit.0)?,
            kind: filter_word("kind", kind.0, KINDS)?,
            document: document.0,
            from: since,
            to: until,
        };
        let filters = [
            wanted.store.as_ref().map(StoreId::as_str),
            wanted.sku.as_ref().map(Sku::as_str),
            wanted.unit.as_ref().map(UnitId::as_str),
            wanted.kind.as_deref(),
            wanted.document.as_deref(),
            from.0.as_deref(),
            to.0.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "stock_movements", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(MOVEMENT);
        query.push_bind(tenant.as_str());
        wanted.push(tenant, &mut query);
        list.descending(&mut query, "m.position");
        let sort_key = |row: &StockMovement| row.event_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// The life of one unit or device, the newest step first.
    #[oai(
        path = "/api/v1/inventory/units/:unit/history",
        method = "get",
        operation_id = "list_unit_history"
    )]
    async fn list_unit_history(
        &self,
        context: Data<&RequestContext>,
        /// `imei:` with 15 digits or `serial:` with the maker's number.
        unit: Path<String>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<UnitStep>, Problem> {
        let tenant = &context.principal.tenant;
        let unit: UnitId = path_id(&unit.0)?;
        let filters = [Some(unit.as_str())];
        let list = List::<i64>::new(&self.0, "unit_history", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(STEP);
        query.push_bind(tenant.as_str());
        query.push(" and m.unit = ").push_bind(unit.as_str());
        list.descending(&mut query, "m.position");
        let sort_key = |row: &UnitStep| row.event_position;
        let page = list.page(snapshot, query, sort_key).await?;
        if page.items.is_empty() && list.after().is_none() {
            return Err(not_found());
        }
        Ok(PageAnswer(page))
    }
}
