//! Sales with lines, payments and returns (POS-1, POS-2). Not here: their receipts (`receipts`).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::events::sale::{DraftContent, Refund, SalePayment, SaleReturned};
use schemas::{CustomerId, SaleId, StoreId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::failure::not_found;
use crate::list::{List, push_equal};
use crate::parameters::{filter_day, filter_id, filter_number, filter_word, path_id};
use crate::snapshot::Snapshot;

/// A sale's header. Amounts are in minor units of `currency`; those of a draft are 0.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct SaleHeader {
    pub sale_id: String,
    /// The tenant's own number of the receipt, where it numbers receipts.
    pub number: Option<String>,
    /// `draft`, `completed`, `voided` or `discarded`.
    pub status: String,
    pub store: String,
    pub terminal: Option<String>,
    pub cashier: String,
    pub customer_id: Option<String>,
    pub currency: Option<String>,
    pub business_day: Option<String>,
    /// When it happened by the till's clock.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub occurred_at: Option<OffsetDateTime>,
    pub line_count: i64,
    pub gross_minor: i64,
    pub discount_minor: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
    pub change_minor: i64,
    /// What came back of it, without voids.
    pub returned_minor: i64,
    /// What its void undid.
    pub voided_minor: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub opened_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
    #[serde(skip)]
    pub(super) opened_position: i64,
}

/// One line as it was sold.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Line {
    pub line: i64,
    pub sku: String,
    pub unit: Option<String>,
    pub name: String,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub gross_minor: i64,
    pub discount_minor: i64,
    pub tax_code: Option<String>,
    pub tax_rate_ppm: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
    pub returned_quantity: i64,
    pub returned_minor: i64,
}

/// What a sale's row keeps as JSON.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Documents {
    #[schemars(with = "Vec<SalePayment>")]
    pub payments: JsonText,
    #[schemars(with = "Vec<SaleReturned>")]
    pub returns: JsonText,
    /// What a void gave back.
    #[schemars(with = "Vec<Refund>")]
    pub void_refunds: JsonText,
    /// What a draft holds; absent once it is completed.
    #[schemars(with = "Option<DraftContent>")]
    pub draft: Option<JsonText>,
}

/// A whole sale.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sale {
    #[serde(flatten)]
    pub header: SaleHeader,
    pub lines: Vec<Line>,
    #[serde(flatten)]
    pub documents: Documents,
}

const HEADER: &str =
    "select sale_id, number, status, store, terminal, cashier, customer_id, currency, business_day, occurred_at, line_count, gross_minor, discount_minor, tax_minor, total_minor, change_minor, returned_minor, voided_minor, opened_at,
    changed_at, opened_position from rm_sales";

/// Reads of sales.
pub struct SaleReads(pub QueryService);

#[OpenApi(tag = "Group::Sales")]
impl SaleReads {
    /// Sales and drafts, the newest first.
    #[oai(path = "/api/v1/sales", method = "get", operation_id = "list_sales")]
    async fn list_sales(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        customer_id: Query<Option<String>>,
        /// Business day, such as `2026-11-01`.
        day: Query<Option<String>>,
        /// `draft`, `completed`, `voided` or `discarded`.
        status: Query<Option<String>>,
        /// The receipt's number, whole and as it is printed: at most 32 characters.
        number: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<SaleHeader>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let customer: Option<CustomerId> = filter_id("customer_id", customer_id.0)?;
        let day = filter_day("day", day.0)?;
        let status = filter_word("status", status.0, &["draft", "completed", "voided", "discarded"])?;
        let number = filter_number(number.0)?;
        let filters @ [store, customer, day, status, number] = [
            store.as_ref().map(StoreId::as_str),
            customer.as_ref().map(CustomerId::as_str),
            day.as_deref(),
            status.as_deref(),
            number.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "sales", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "customer_id", customer);
        push_equal(&mut query, "business_day", day);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "number", number);
        list.descending(&mut query, "opened_position");
        let sort_key = |row: &SaleHeader| row.opened_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One sale with its lines, payments and returns.
    #[oai(path = "/api/v1/sales/:sale_id", method = "get", operation_id = "get_sale")]
    async fn get_sale(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Sale>>, Problem> {
        let id: SaleId = path_id(&sale_id.0)?;
        let mut snapshot = self.0.snapshot(&context.principal.tenant, min_position.0).await?;
        let sale = load_sale(&mut snapshot, &id).await?.ok_or_else(not_found)?;
        snapshot.answer(sale).await
    }
}

/// A whole sale, by its id.
pub(super) async fn load_sale(snapshot: &mut Snapshot, id: &SaleId) -> Result<Option<Sale>, Problem> {
    let tenant = snapshot.tenant.clone();
    let mut query = QueryBuilder::new(HEADER);
    query
        .push(" where tenant = ")
        .push_bind(tenant.as_str())
        .push(" and sale_id = ")
        .push_bind(id.as_str());
    let header: Option<SaleHeader> = snapshot.row_if_any(query.build_query_as()).await?;
    let Some(header) = header else { return Ok(None) };
    let statement = sqlx::query_as(
        "select payments, returns, void_refunds, draft from rm_sales where tenant = $1 and sale_id = $2",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    let documents: Documents = snapshot.row(statement).await?;
    let statement = sqlx::query_as(
        "select line, sku, unit, name, quantity, unit_price_minor, gross_minor, discount_minor, tax_code, tax_rate_ppm,
                tax_minor, total_minor, returned_quantity, returned_minor
         from rm_sale_lines where tenant = $1 and sale_id = $2 order by line",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    let lines: Vec<Line> = snapshot.rows(statement).await?;
    Ok(Some(Sale {
        header,
        lines,
        documents,
    }))
}

/// A whole sale, by the position of its first event.
pub(super) async fn load_sale_at(snapshot: &mut Snapshot, position: i64) -> Result<Option<Sale>, Problem> {
    let tenant = snapshot.tenant.clone();
    let statement = sqlx::query_as("select sale_id from rm_sales where tenant = $1 and opened_position = $2")
        .bind(tenant.as_str())
        .bind(position);
    let found: Option<(String,)> = snapshot.row_if_any(statement).await?;
    match found.and_then(|(id,)| SaleId::new(&id).ok()) {
        Some(id) => load_sale(snapshot, &id).await,
        None => Ok(None),
    }
}
