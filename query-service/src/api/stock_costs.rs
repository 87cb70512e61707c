//! The ledger of what stock is worth (INV-2): one row per step, with the balance after.

use platform::http::{PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use schemas::{Sku, StoreId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::Group;
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::filter_id;

/// One step of one shelf's value. Amounts are in minor units of `currency`.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct CostStep {
    /// Of the movement in the log; steps are in this order.
    pub event_position: i64,
    pub store: String,
    pub sku: String,
    /// `received`, `issued`, `returned`, `adjusted`, `written_off`, `dispatched`, `arrived` or `cost_adjusted`.
    pub kind: String,
    /// Pieces that came or left, with a known cost or not.
    pub quantity_delta: i64,
    /// Of those, pieces with a known cost that came to stay, or left.
    pub costed_delta: i64,
    pub value_delta_minor: i64,
    /// What came in for goods that had been sold before they came; it does not stay on the shelf.
    pub absorbed_minor: i64,
    /// Pieces with a known cost after this.
    pub costed_quantity: i64,
    /// What those cost together.
    pub value_minor: i64,
    pub currency: Option<String>,
    /// What it rests on: `sale/<id>`, another document such as `transfer/<id>`, or words.
    pub reference: Option<String>,
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

/// Reads of what stock costs.
pub struct StockCostReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl StockCostReads {
    /// The steps of stock's value by store and SKU, the oldest first. The sum of one item's steps in one store is what its
    /// stock there is worth.
    #[oai(
        path = "/api/v1/inventory/costs",
        method = "get",
        operation_id = "list_stock_costs"
    )]
    async fn list_stock_costs(
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
    ) -> Result<PageAnswer<CostStep>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let filters @ [store, sku] = [store.as_ref().map(StoreId::as_str), sku.as_ref().map(Sku::as_str)];
        let list =
            List::<(String, String, i64)>::new(&self.0, "stock_costs", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select position as event_position, store, sku, kind, quantity_delta, costed_delta, value_delta_minor,
                    absorbed_minor, costed_quantity, value_minor,
                    (select currency from rm_tenant t where t.tenant = c.tenant) as currency, reference, actor,
                    recorded_at
             from rm_stock_costs c where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "sku", sku);
        if let Some((store, sku, position)) = list.after() {
            query.push(" and (store, sku, position) > (").push_bind(store);
            query.push(", ").push_bind(sku);
            query.push(", ").push_bind(*position).push(")");
        }
        query
            .push(" order by store, sku, position limit ")
            .push_bind(list.fetch());
        let sort_key = |row: &CostStep| (row.store.clone(), row.sku.clone(), row.event_position);
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }
}
