//! Stock by store and item, and single units (INV-2).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{Sku, StoreId, UnitId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::costs::{self, HasCosts};
use super::{At, Group};
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_word, path_id};

/// One item in one store.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Stock {
    pub store: String,
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    /// On hand less reserved.
    pub available: i64,
    /// On its way to this store by transfers; in no store's stock until it is received.
    pub in_transit: i64,
    /// Average of one piece with a known cost; while there is none the last one known. Absent when none was ever known,
    /// and for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_cost_minor: Option<i64>,
    /// Pieces on hand whose cost is known; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costed_quantity: Option<i64>,
    /// What those pieces cost together; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_cost_minor: Option<i64>,
    pub currency: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub last_moved_at: OffsetDateTime,
}

/// One physical unit, where it is now.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Unit {
    /// `imei:` with 15 digits or `serial:`.
    pub unit: String,
    pub sku: String,
    pub store: String,
    /// `in_stock`, `reserved`, `sold`, `away` or `written_off`.
    pub status: String,
    /// Who has it reserved: `sale/<id>` for a draft.
    pub holder: Option<String>,
    pub sale_id: Option<String>,
    /// The document that has it while it is away, such as `transfer/<id>`.
    pub document: Option<String>,
    /// What it cost; absent when that is not known, and for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_minor: Option<i64>,
    pub currency: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub last_moved_at: OffsetDateTime,
}

impl HasCosts for Stock {
    fn forget_costs(&mut self) {
        self.average_cost_minor = None;
        self.costed_quantity = None;
        self.total_cost_minor = None;
    }
}

impl HasCosts for Unit {
    fn forget_costs(&mut self) {
        self.cost_minor = None;
    }
}

const UNIT_STATUSES: &[&str] = &["in_stock", "reserved", "sold", "away", "written_off"];

const UNIT: &str = "select unit, sku, store, status, holder, sale_id, document, cost_minor,
    (select currency from rm_tenant t where t.tenant = u.tenant) as currency, last_moved_at from rm_units u";

/// Reads of the inventory.
pub struct InventoryReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl InventoryReads {
    /// Stock in the order of store and SKU; also where nothing is yet but something is on its way.
    #[oai(path = "/api/v1/inventory/stock", method = "get", operation_id = "list_stock")]
    async fn list_stock(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        sku: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Stock>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let filters @ [store, sku] = [store.as_ref().map(StoreId::as_str), sku.as_ref().map(Sku::as_str)];
        let list = List::<(String, String)>::new(&self.0, "stock", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select store, sku, on_hand, reserved, on_hand - reserved as available, in_transit, average_cost_minor,
                    costed_quantity, total_cost_minor,
                    (select currency from rm_tenant t where t.tenant = s.tenant) as currency, last_moved_at
             from rm_stock s where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "sku", sku);
        list.ascending_pair(&mut query, "store, sku");
        let sort_key = |row: &Stock| (row.store.clone(), row.sku.clone());
        let mut page = list.page(snapshot, query, sort_key).await?;
        costs::hide(context.0, &mut page.items);
        Ok(PageAnswer(page))
    }

    /// Units in the order of their IMEI or serial number.
    #[oai(path = "/api/v1/inventory/units", method = "get", operation_id = "list_units")]
    async fn list_units(
        &self,
        context: Data<&RequestContext>,
        sku: Query<Option<String>>,
        /// Where they are, or were last.
        store: Query<Option<String>>,
        /// `in_stock`, `reserved`, `sold`, `away` or `written_off`.
        status: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Unit>, Problem> {
        let tenant = &context.principal.tenant;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, UNIT_STATUSES)?;
        let filters @ [sku, store, status] = [
            sku.as_ref().map(Sku::as_str),
            store.as_ref().map(StoreId::as_str),
            status.as_deref(),
        ];
        let list = List::<String>::new(&self.0, "units", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(UNIT);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "sku", sku);
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        list.ascending(&mut query, "unit");
        let sort_key = |row: &Unit| row.unit.clone();
        let mut page = list.page(snapshot, query, sort_key).await?;
        costs::hide(context.0, &mut page.items);
        Ok(PageAnswer(page))
    }

    /// One unit by its IMEI or serial number.
    #[oai(
        path = "/api/v1/inventory/units/:unit",
        method = "get",
        operation_id = "get_unit"
    )]
    async fn get_unit(
        &self,
        context: Data<&RequestContext>,
        /// `imei:` with 15 digits or `serial:` with the maker's number.
        unit: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Unit>>, Problem> {
        let tenant = &context.principal.tenant;
        let unit: UnitId = path_id(&unit.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(UNIT);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and unit = ").push_bind(unit.as_str());
        let mut found: Unit = snapshot.row_or_404(query.build_query_as()).await?;
        costs::hide(context.0, [&mut found]);
        snapshot.answer(found).await
    }
}
