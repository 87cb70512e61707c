//! Quotes and orders by store, status, customer and item, with their deliveries, invoices and returns (TRD-1).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

mod documents;

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{CustomerId, OrderId, Sku, StoreId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group, costs};
use crate::QueryService;
use crate::failure::unavailable;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_number, filter_word, path_id};

pub use documents::{OrderDelivery, OrderDeliveryLine, OrderDocuments, OrderReturn, OrderReturnedLine};

use documents::DocumentsRow;

const STATUSES: &[&str] = &[
    "quote",
    "open",
    "confirmed",
    "partly_delivered",
    "delivered",
    "invoiced",
    "returned",
    "cancelled",
    "expired",
];

/// A quote or an order without its lines. Amounts are in minor units of `currency`.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct OrderHeader {
    pub order_id: String,
    /// The tenant's own number for it, where it numbers orders.
    pub number: Option<String>,
    /// 1 as it was made, one more with each change and the acceptance; a change names the one that it replaces.
    pub revision: i64,
    /// `quote`, `open`, `confirmed`, `partly_delivered`, `delivered`, `invoiced`, `returned`, `cancelled` or `expired`.
    pub status: String,
    pub store: String,
    pub customer_id: Option<String>,
    /// The customer's own number for it.
    pub reference: Option<String>,
    pub currency: String,
    pub line_count: i64,
    pub gross_minor: i64,
    pub discount_minor: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
    /// Pieces of all lines together; so it is with the following ones.
    pub ordered_quantity: i64,
    pub delivered_quantity: i64,
    pub returned_quantity: i64,
    /// Less what was credited for returns.
    pub invoiced_quantity: i64,
    /// What was invoiced, less what was credited for returns.
    pub invoiced_minor: i64,
    /// Until when the quote can be, or could have been, accepted.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub valid_until: Option<OffsetDateTime>,
    /// Who made it.
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
    /// When goods left last.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub delivered_at: Option<OffsetDateTime>,
    #[serde(skip)]
    created_position: i64,
}

/// One line as it was offered or ordered, and what has become of it.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct OrderLine {
    pub line: i64,
    pub sku: String,
    /// The one unit that was ordered, when it was named.
    pub unit: Option<String>,
    pub name: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub gross_minor: i64,
    pub discount_minor: i64,
    pub tax_code: Option<String>,
    /// Parts per million.
    pub tax_rate_ppm: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
    pub delivered_quantity: i64,
    pub returned_quantity: i64,
    /// Less what was credited for returns.
    pub invoiced_quantity: i64,
}

/// A whole quote or order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Order {
    #[serde(flatten)]
    pub header: OrderHeader,
    pub lines: Vec<OrderLine>,
    #[serde(flatten)]
    pub documents: OrderDocuments,
}

const HEADER: &str = "select order_id, number, revision, status, store, customer_id, reference, currency, line_count, gross_minor,
    discount_minor, tax_minor, total_minor, ordered_quantity, delivered_quantity, returned_quantity, invoiced_quantity,
    invoiced_minor, valid_until, actor, created_at, changed_at, delivered_at, created_position from rm_orders o";

/// Reads of quotes and orders.
pub struct OrderReads(pub QueryService);

#[OpenApi(tag = "Group::Sales")]
impl OrderReads {
    /// Quotes and orders, the newest first.
    #[oai(path = "/api/v1/sales/orders", method = "get", operation_id = "list_orders")]
    async fn list_orders(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// `quote`, `open`, `confirmed`, `partly_delivered`, `delivered`, `invoiced`, `returned`, `cancelled` or
        /// `expired`.
        status: Query<Option<String>>,
        customer_id: Query<Option<String>>,
        /// Those with this item among their lines.
        sku: Query<Option<String>>,
        /// The quote's or order's number, whole and as it is printed: at most 32 characters.
        number: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<OrderHeader>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let customer: Option<CustomerId> = filter_id("customer_id", customer_id.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let number = filter_number(number.0)?;
        let filters @ [store, status, customer, sku, number] = [
            store.as_ref().map(StoreId::as_str),
            status.as_deref(),
            customer.as_ref().map(CustomerId::as_str),
            sku.as_ref().map(Sku::as_str),
            number.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "orders", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "number", number);
        push_equal(&mut query, "customer_id", customer);
        if let Some(sku) = sku {
            query
                .push(
                    " and exists (select from rm_order_lines l where l.tenant = o.tenant
                       and l.order_id = o.order_id and not l.removed and l.sku = ",
                )
                .push_bind(sku)
                .push(")");
        }
        list.descending(&mut query, "created_position");
        let sort_key = |row: &OrderHeader| row.created_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One quote or order with its lines, deliveries, invoices and returns.
    #[oai(
        path = "/api/v1/sales/orders/:order_id",
        method = "get",
        operation_id = "get_order"
    )]
    async fn get_order(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Order>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: OrderId = path_id(&order_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and order_id = ").push_bind(id.as_str());
        let header: OrderHeader = snapshot.row_or_404(query.build_query_as()).await?;
        let statement = sqlx::query_as(
            "select deliveries, invoices, returns from rm_orders where tenant = $1 and order_id = $2",
        )
        .bind(tenant.as_str())
        .bind(id.as_str());
        let documents: DocumentsRow = snapshot.row(statement).await?;
        let mut documents = documents.read().map_err(unavailable)?;
        costs::hide(context.0, [&mut documents]);
        let statement = sqlx::query_as(
            "select line, sku, unit, name, quantity, unit_price_minor, gross_minor, discount_minor, tax_code,
               tax_rate_ppm, tax_minor, total_minor, delivered_quantity, returned_quantity, invoiced_quantity
             from rm_order_lines where tenant = $1 and order_id = $2 and not removed order by line",
        )
        .bind(tenant.as_str())
        .bind(id.as_str());
        let lines: Vec<OrderLine> = snapshot.rows(statement).await?;
        let order = Order {
            header,
            lines,
            documents,
        };
        snapshot.answer(order).await
    }
}
