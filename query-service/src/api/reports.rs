//! Figures by store, business day and item (REP-1). Every report needs a reason.
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use schemas::StoreId;
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder};

use super::Group;
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::{filter_day, filter_id};

/// One store's business day.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct DailySales {
    pub store: String,
    pub day: String,
    pub currency: String,
    /// Sales completed at the till, those voided later included.
    pub sales: i64,
    /// Invoices of orders. A delivery counts when it is invoiced.
    pub invoices: i64,
    /// Of sales, and of orders when something of them had been invoiced.
    pub returns: i64,
    pub voids: i64,
    /// Before discounts, of all `sales` and `invoices`.
    pub gross_minor: i64,
    /// Of all `sales` and `invoices`.
    pub discount_minor: i64,
    /// Tax in `sales_minor`.
    pub tax_minor: i64,
    /// Totals of all `sales`, tax included.
    pub sales_minor: i64,
    /// Totals of all `invoices`, tax included.
    pub invoiced_minor: i64,
    /// What went back to customers on this day.
    pub returned_minor: i64,
    /// What voids took off this day's sales.
    pub voided_minor: i64,
    /// `sales_minor` + `invoiced_minor` − `returned_minor` − `voided_minor`.
    pub net_minor: i64,
    /// Tax in `net_minor`.
    pub net_tax_minor: i64,
    /// Pieces of sales and invoices, those of sales voided later included.
    pub sold_quantity: i64,
    /// Pieces that came back after they had been sold or invoiced.
    pub returned_quantity: i64,
    /// What was paid in cash, less what went back in cash; so with the other methods. Together they are `net_minor`.
    pub cash_minor: i64,
    pub card_minor: i64,
    pub transfer_minor: i64,
    /// Charged to customers' accounts.
    pub credit_minor: i64,
    /// From what the shop owed customers.
    pub store_credit_minor: i64,
    /// Goods against goods.
    pub exchange_minor: i64,
}

/// One item over the days asked for.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct ItemSales {
    pub sku: String,
    pub currency: String,
    pub sold_quantity: i64,
    pub returned_quantity: i64,
    pub voided_quantity: i64,
    /// Before discounts, of all that was sold at the till or invoiced of orders, sales voided later included; with the tax
    /// where prices include it.
    pub gross_minor: i64,
    /// What was taken off it.
    pub discount_minor: i64,
    /// What was sold at the till or invoiced of orders, tax included, sales voided later included.
    pub sales_minor: i64,
    pub returned_minor: i64,
    pub voided_minor: i64,
    /// `sales_minor` − `returned_minor` − `voided_minor`.
    pub net_minor: i64,
}

/// What a report is about.
pub(super) struct Range {
    store: Option<StoreId>,
    from: Option<String>,
    to: Option<String>,
}

impl Range {
    pub(super) fn new(
        store: Option<String>,
        from: Option<String>,
        to: Option<String>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            store: filter_id("store", store)?,
            from: filter_day("from", from)?,
            to: filter_day("to", to)?,
        })
    }

    fn filters(&self) -> [Option<&str>; 3] {
        [
            self.store.as_ref().map(StoreId::as_str),
            self.from.as_deref(),
            self.to.as_deref(),
        ]
    }

    /// Adds the conditions for a day and a store column.
    fn push(&self, query: &mut QueryBuilder<Postgres>, day: &str, store: &str) {
        for (bound, comparison) in [(&self.from, ">="), (&self.to, "<=")] {
            if let Some(bound) = bound {
                query
                    .push(format!(" and {day} {comparison} "))
                    .push_bind(bound.as_str());
            }
        }
        push_equal(query, store, self.store.as_ref().map(StoreId::as_str));
    }
}

/// Reports.
pub struct Reports(pub QueryService);

#[OpenApi(tag = "Group::Reports")]
impl Reports {
    /// Sales by business day and store, in this order.
    #[oai(
        path = "/api/v1/reports/sales/daily",
        method = "get",
        operation_id = "report_daily_sales"
    )]
    async fn report_daily_sales(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// First business day, such as `2026-11-01`.
        from: Query<Option<String>>,
        /// Last business day.
        to: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<DailySales>, Problem> {
        let tenant = &context.principal.tenant;
        let range = Range::new(store.0, from.0, to.0)?;
        let list = List::<(String, String)>::new(
            &self.0,
            "daily_sales",
            tenant,
            &range.filters(),
            limit.0,
            cursor.0,
        )?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select store, day, currency, sales, invoices, returns, voids, gross_minor, discount_minor, tax_minor,
                    sales_minor, invoiced_minor, returned_minor, voided_minor, net_minor, sold_quantity,
                    returned_quantity, cash_minor, card_minor, transfer_minor, credit_minor, store_credit_minor,
                    exchange_minor,
                    tax_minor + invoiced_tax_minor - returned_tax_minor - voided_tax_minor as net_tax_minor
             from rm_daily_sales where tenant = ",
        );
        query.push_bind(tenant.as_str());
        range.push(&mut query, "day", "store");
        list.ascending_pair(&mut query, "day, store");
        let sort_key = |row: &DailySales| (row.day.clone(), row.store.clone());
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// Sales by item over a range of business days, in the order of the SKU.
    #[oai(
        path = "/api/v1/reports/sales/items",
        method = "get",
        operation_id = "report_item_sales"
    )]
    async fn report_item_sales(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// First business day, such as `2026-11-01`.
        from: Query<Option<String>>,
        /// Last business day.
        to: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<ItemSales>, Problem> {
        let tenant = &context.principal.tenant;
        let range = Range::new(store.0, from.0, to.0)?;
        let list = List::<String>::new(&self.0, "item_sales", tenant, &range.filters(), limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = item_query(tenant.as_str(), &range, list.after().map(String::as_str));
        query.push(" order by sku limit ").push_bind(list.fetch());
        let sort_key = |row: &ItemSales| row.sku.clone();
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }
}

/// Sums by item. A void names no lines, so voided sales of the range are taken off by their own lines, less what had
/// been returned of them before.
pub(super) fn item_query(tenant: &str, range: &Range, after: Option<&str>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "with sold as (
           select sku, min(currency) as currency, sum(sold_quantity)::bigint as sold_quantity,
                  sum(returned_quantity)::bigint as returned_quantity, sum(gross_minor)::bigint as gross_minor,
                  sum(discount_minor)::bigint as discount_minor, sum(sales_minor)::bigint as sales_minor,
                  sum(returned_minor)::bigint as returned_minor
           from rm_item_sales where tenant = ",
    );
    query.push_bind(tenant);
    range.push(&mut query, "day", "store");
    if let Some(after) = after {
        query.push(" and sku > ").push_bind(after);
    }
    query.push(
        " group by sku), voided as (
           select l.sku, sum(l.quantity - l.returned_quantity)::bigint as voided_quantity,
                  sum(l.total_minor - l.returned_minor)::bigint as voided_minor
           from rm_sales s join rm_sale_lines l on l.tenant = s.tenant and l.sale_id = s.sale_id
           where s.status = 'voided' and s.tenant = ",
    );
    query.push_bind(tenant);
    range.push(&mut query, "s.business_day", "s.store");
    if let Some(after) = after {
        query.push(" and l.sku > ").push_bind(after);
    }
    query.push(
        " group by l.sku)
         select sku, currency, sold_quantity, returned_quantity, coalesce(voided_quantity, 0) as voided_quantity,
                gross_minor, discount_minor, sales_minor, returned_minor, coalesce(voided_minor, 0) as voided_minor,
                sales_minor - returned_minor - coalesce(voided_minor, 0) as net_minor
         from sold left join voided using (sku)",
    );
    query
}
