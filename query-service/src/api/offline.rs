//! Sales that tills took offline: those that collided, and how far each till has come (POS-5).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::events::offline::OfflineSale;
use schemas::{QuarantineId, StoreId, TerminalId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::failure::bad_parameter;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_word, path_id};

const STATUSES: &[&str] = &["quarantined", "accepted", "cancelled"];
const KINDS: &[&str] = &[
    "serial_sold_twice",
    "insufficient_stock",
    "credit_exceeded",
    "unknown_item",
    "price_changed",
    "refused",
];

/// A sale that is or was in quarantine. While it is, its goods and its money are in no other figure.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuarantinedSale {
    #[serde(flatten)]
    pub header: QuarantineHeader,
    /// The sale as the till took it.
    pub sale: OfflineSale,
}

/// What is known of it beside the sale itself.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct QuarantineHeader {
    pub quarantine_id: String,
    pub terminal: String,
    pub store: String,
    pub incarnation: String,
    pub sequence: i64,
    pub sale_id: String,
    /// `quarantined`, `accepted` or `cancelled`.
    pub status: String,
    /// `serial_sold_twice`, `insufficient_stock`, `credit_exceeded`, `unknown_item`, `price_changed` or `refused`: the
    /// last cause that held.
    pub kind: String,
    /// The refusal's code, such as `unit.sold`.
    pub code: String,
    /// The line to blame, from 1.
    pub line: Option<i64>,
    pub customer_id: Option<String>,
    pub cashier: String,
    /// What the till charged, tax included, in minor units of `currency`.
    pub total_minor: i64,
    pub currency: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub occurred_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub resolved_at: Option<OffsetDateTime>,
    /// Who decided last.
    pub resolved_by: Option<String>,
    /// Why it was cancelled.
    pub note: Option<String>,
    #[serde(skip)]
    content: String,
    #[serde(skip)]
    created_position: i64,
}

/// How far one incarnation of a till has come.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct OfflineTill {
    pub terminal: String,
    pub incarnation: String,
    pub store: String,
    /// The last number that was taken care of.
    pub last_sequence: i64,
    /// The number that comes next.
    pub expected: i64,
    /// How many were quarantined when they came.
    pub quarantined: i64,
    /// How many of them still wait for somebody's decision.
    pub open_sales: i64,
    /// What these noted in pieces: they have left the shop, and stock still counts them. Quantities that cannot be (below 1,
    /// above 1,000,000,000) are not counted.
    pub open_pieces: i64,
    /// What the till charged for these, tax included, in minor units of the tenant's currency: in no day's sales.
    pub open_total_minor: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub last_recorded_at: OffsetDateTime,
}

const HEADER: &str = "select quarantine_id, terminal, store, incarnation, sequence, sale_id, status, kind, code, line,
    customer_id, cashier, total_minor, currency, content, occurred_at, recorded_at, resolved_at, resolved_by, note,
    created_position from rm_offline_sales";

fn with_sale(header: QuarantineHeader) -> Result<QuarantinedSale, Problem> {
    let sale = serde_json::from_str(&header.content).map_err(|error| {
        tracing::error!(%error, quarantine_id = header.quarantine_id, "a quarantined sale cannot be read");
        Problem::new(&platform::http::codes::INTERNAL)
    })?;
    Ok(QuarantinedSale { header, sale })
}

/// What waits of each till of a page (`t`), summed for these alone.
const OPEN_OF_TILLS: &str = ") t cross join lateral (
        select count(*) as open_sales,
               least(coalesce(sum(l.pieces), 0), 9223372036854775807)::bigint as open_pieces,
               greatest(least(coalesce(sum(s.total_minor), 0), 9223372036854775807),
                        -9223372036854775807)::bigint as open_total_minor
          from rm_offline_sales s
         cross join lateral (select sum(l.quantity) as pieces from rm_offline_lines l where l.tenant = s.tenant
               and l.quarantine_id = s.quarantine_id and l.quantity between 1 and 1000000000) l
         where s.tenant = t.tenant and s.terminal = t.terminal and s.incarnation = t.incarnation
           and s.status = 'quarantined') o
     order by t.terminal, t.incarnation";

/// The beginning of a filter by a line of the sale; two brackets stay open.
fn of_line(condition: &str) -> String {
    format!(
        " and exists (select from rm_offline_lines l where l.tenant = rm_offline_sales.tenant
            and l.quarantine_id = rm_offline_sales.quarantine_id and ({condition}"
    )
}

/// A word as a till may have noted it, which need not be what it should be.
///
/// # Errors
/// 400 when no till's line holds such a word.
fn filter_noted(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    let can_be = |text: &String| text.chars().count() <= 100 && !text.chars().any(char::is_control);
    if text.as_ref().is_none_or(can_be) {
        return Ok(text);
    }
    Err(bad_parameter(name, "at most 100 printable characters"))
}

/// Reads of sales that were taken offline.
pub struct OfflineReads(pub QueryService);

#[OpenApi(tag = "Group::Sales")]
impl OfflineReads {
    /// Sales that collided, the newest first.
    ///
    /// With `status=quarantined` and `sku` or `unit`, which goods have left the shop though stock still counts them.
    #[oai(
        path = "/api/v1/pos/offline/quarantine",
        method = "get",
        operation_id = "list_offline_sales"
    )]
    async fn list_offline_sales(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        terminal: Query<Option<String>>,
        /// `quarantined`, `accepted` or `cancelled`.
        status: Query<Option<String>>,
        /// Such as `serial_sold_twice`.
        kind: Query<Option<String>>,
        /// Sales with a line of this item: as the till noted it or somebody put it right, or by one of its units. At most
        /// 100 characters.
        sku: Query<Option<String>>,
        /// Sales with a line of this unit, as the till noted it, right or wrong, or somebody put it right. At most 100
        /// characters.
        unit: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<QuarantinedSale>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let terminal: Option<TerminalId> = filter_id("terminal", terminal.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let kind = filter_word("kind", kind.0, KINDS)?;
        let sku = filter_noted("sku", sku.0)?;
        let unit = filter_noted("unit", unit.0)?;
        let filters @ [store, terminal, status, kind, sku, unit] = [
            store.as_ref().map(StoreId::as_str),
            terminal.as_ref().map(TerminalId::as_str),
            status.as_deref(),
            kind.as_deref(),
            sku.as_deref(),
            unit.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "offline_sales", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "terminal", terminal);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "kind", kind);
        if let Some(sku) = sku {
            query
                .push(of_line("l.sku = "))
                .push_bind(sku)
                .push(
                    " or exists (select from rm_units u where u.tenant = l.tenant and u.unit = l.unit and u.sku = ",
                )
                .push_bind(sku)
                .push(")))");
        }
        if let Some(unit) = unit {
            query.push(of_line("l.unit = ")).push_bind(unit).push("))");
        }
        list.descending(&mut query, "created_position");
        let sort_key = |row: &QuarantineHeader| row.created_position;
        let page = list.page(snapshot, query, sort_key).await?;
        let items = page.items.into_iter().map(with_sale).collect::<Result<_, _>>()?;
        Ok(PageAnswer(platform::http::Page {
            items,
            next: page.next,
            position: page.position,
        }))
    }

    /// One sale that collided.
    #[oai(
        path = "/api/v1/pos/offline/quarantine/:quarantine_id",
        method = "get",
        operation_id = "get_offline_sale"
    )]
    async fn get_offline_sale(
        &self,
        context: Data<&RequestContext>,
        quarantine_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<QuarantinedSale>>, Problem> {
        let tenant = &context.principal.tenant;
        let quarantine_id: QuarantineId = path_id(&quarantine_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query
            .push(" and quarantine_id = ")
            .push_bind(quarantine_id.as_str());
        let header: QuarantineHeader = snapshot.row_or_404(query.build_query_as()).await?;
        snapshot.answer(with_sale(header)?).await
    }

    /// How far tills have come, in the order of terminal and incarnation, and what of theirs waits for a decision.
    #[oai(
        path = "/api/v1/pos/offline/tills",
        method = "get",
        operation_id = "list_offline_tills"
    )]
    async fn list_offline_tills(
        &self,
        context: Data<&RequestContext>,
        terminal: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<OfflineTill>, Problem> {
        let tenant = &context.principal.tenant;
        let terminal: Option<TerminalId> = filter_id("terminal", terminal.0)?;
        let filters @ [terminal] = [terminal.as_ref().map(TerminalId::as_str)];
        let list =
            List::<(String, String)>::new(&self.0, "offline_tills", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select t.*, o.*
               from (select terminal, incarnation, store, last_sequence, last_sequence + 1 as expected, quarantined,
                            last_recorded_at, tenant from rm_offline_tills where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "terminal", terminal);
        list.ascending_pair(&mut query, "terminal, incarnation");
        query.push(OPEN_OF_TILLS);
        let sort_key = |row: &OfflineTill| (row.terminal.clone(), row.incarnation.clone());
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }
}
