//! Repairs by store, status, customer, device, workshop and clock (CRM-3).
//!
//! What an external workshop may see is in `workshop`.
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

mod workshop;

use platform::http::{Caller, JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{CustomerId, RepairId, Sealed, StoreId, UnitId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::costs::{self, HasCosts};
use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_number, filter_word, path_id};
use crate::people::{self, SealedField};

pub use workshop::{WORKSHOP_SCOPE, WorkshopLine, WorkshopPage, WorkshopRepair, workshop_repairs};

const STATUSES: &[&str] = &[
    "received",
    "diagnosed",
    "quoted",
    "approved",
    "declined",
    "in_progress",
    "waiting_for_parts",
    "ready",
    "delivered",
    "returned_unrepaired",
    "cancelled",
];

/// A repair as lists show it. Amounts are in minor units of the tenant's currency.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct RepairHeader {
    pub repair_id: String,
    /// The tenant's own number, where numbering is on.
    pub number: Option<String>,
    pub store: String,
    pub customer_id: String,
    /// `received`, `diagnosed`, `quoted`, `approved`, `declined`, `in_progress`, `waiting_for_parts`, `ready`,
    /// `delivered`, `returned_unrepaired` or `cancelled`.
    pub status: String,
    /// The device's IMEI or serial number.
    pub unit: String,
    pub description: String,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// The warranty pays.
    pub covered: bool,
    /// Of the current quote; 0 without one.
    pub quote_total_minor: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub promised_at: Option<OffsetDateTime>,
    /// `supplier/<id>` or `user/<username>`, while the device is there.
    pub workshop: Option<String>,
    /// When the target is missed if the clock goes on; absent while it rests.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub sla_due_at: Option<OffsetDateTime>,
    /// Whether the target was missed, at any time.
    pub sla_breached: bool,
    /// The repair is open, and its target is missed.
    pub overdue: bool,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
    #[serde(skip)]
    created_position: i64,
}

/// What only the whole repair shows.
#[derive(Debug, FromRow)]
struct RestRow {
    sale_id: Option<String>,
    order_id: Option<String>,
    sku: Option<String>,
    accessories: JsonText,
    fault: String,
    warranty_until: Option<String>,
    under_warranty: bool,
    diagnosis: Option<String>,
    quote: i64,
    quote_lines: JsonText,
    quote_tax_minor: i64,
    currency: Option<String>,
    answer_channel: Option<String>,
    answered_by_sealed: Option<String>,
    answered_at: Option<OffsetDateTime>,
    kept: JsonText,
    workshop_instructions: Option<String>,
    work_done: Option<String>,
    note: Option<String>,
    total_minor: i64,
    fee_lines: JsonText,
    payments: JsonText,
    change_minor: i64,
    repair_warranty_until: Option<String>,
    sla_target_s: i64,
    sla_spent_us: i64,
    sla_since: Option<OffsetDateTime>,
    actor: String,
}

/// One article that a repair took.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct RepairPart {
    pub sku: String,
    pub taken: i64,
    pub given_back: i64,
    /// What those cost that were not given back, as far as it is known; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_minor: Option<i64>,
}

impl HasCosts for RepairPart {
    fn forget_costs(&mut self) {
        self.cost_minor = None;
    }
}

/// A whole repair.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Repair {
    #[serde(flatten)]
    pub header: RepairHeader,
    /// The sale or the sales order, and the article, when we sold the device.
    pub sale_id: Option<String>,
    pub order_id: Option<String>,
    pub sku: Option<String>,
    /// What was left with the device.
    pub accessories: JsonText,
    pub fault: String,
    /// Last day of the warranty at the intake: `2027-11-01`.
    pub warranty_until: Option<String>,
    /// Whether it held on the day of the intake.
    pub under_warranty: bool,
    pub diagnosis: Option<String>,
    /// The current quote's number, from 1; 0 without one.
    pub quote: i64,
    /// As lines of a sale.
    pub quote_lines: JsonText,
    pub quote_tax_minor: i64,
    pub currency: Option<String>,
    /// How the customer answered: `in_person`, `phone`, `message` or `email`.
    pub answer_channel: Option<String>,
    /// Who answered in the customer's stead; absent also when the customer was erased.
    pub answered_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub answered_at: Option<OffsetDateTime>,
    /// What is kept for it on the shelf.
    pub kept: JsonText,
    /// What it took, article by article.
    pub parts: Vec<RepairPart>,
    pub workshop_instructions: Option<String>,
    pub work_done: Option<String>,
    /// Why it waits for parts, was cancelled or went back unrepaired.
    pub note: Option<String>,
    /// What was due at the delivery, or all the same when the device went back unrepaired.
    pub total_minor: i64,
    /// What was charged for a device that went back unrepaired, as lines of a sale.
    pub fee_lines: JsonText,
    pub payments: JsonText,
    pub change_minor: i64,
    /// Last day of the warranty on the work.
    pub repair_warranty_until: Option<String>,
    pub sla_target_s: i64,
    /// Microseconds that the clock ran before `sla_since`.
    pub sla_spent_us: i64,
    /// From when it runs; absent while it rests.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub sla_since: Option<OffsetDateTime>,
    /// Who took it in.
    pub actor: String,
}

/// Open, and the target was missed, or would be by the database's clock.
const OVERDUE: &str = "(status not in ('delivered', 'returned_unrepaired', 'cancelled')
    and (sla_breached or coalesce(sla_due_at < now(), false)))";

const HEADER: &str =
    "select repair_id, number, store, customer_id, status, unit, description, priority, covered,
    quote_total_minor, promised_at, workshop, sla_due_at, sla_breached,
    (status not in ('delivered', 'returned_unrepaired', 'cancelled')
      and (sla_breached or coalesce(sla_due_at < now(), false))) as overdue,
    created_at, changed_at, created_position from rm_repairs";

/// Reads of repairs.
pub struct RepairReads(pub QueryService);

#[OpenApi(tag = "Group::Repairs")]
impl RepairReads {
    /// Repairs, the newest first.
    #[oai(path = "/api/v1/repairs", method = "get", operation_id = "list_repairs")]
    async fn list_repairs(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// One of the statuses of a repair.
        status: Query<Option<String>>,
        customer_id: Query<Option<String>>,
        /// The device's IMEI or serial number.
        unit: Query<Option<String>>,
        /// `supplier/<id>` or `user/<username>`: those whose device is there.
        workshop: Query<Option<String>>,
        /// `true`: open ones whose target is missed.
        overdue: Query<Option<bool>>,
        /// The repair's number, whole and as it is printed: at most 32 characters.
        number: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<RepairHeader>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let customer: Option<CustomerId> = filter_id("customer_id", customer_id.0)?;
        let unit: Option<UnitId> = filter_id("unit", unit.0)?;
        let workshop = workshop::filter(workshop.0)?;
        let number = filter_number(number.0)?;
        let filters @ [store, status, customer, unit, workshop, number] = [
            store.as_ref().map(StoreId::as_str),
            status.as_deref(),
            customer.as_ref().map(CustomerId::as_str),
            unit.as_ref().map(UnitId::as_str),
            workshop.as_deref(),
            number.as_deref(),
        ];
        let overdue = overdue.0.unwrap_or(false);
        let name = if overdue { "overdue_repairs" } else { "repairs" };
        let list = List::<i64>::new(&self.0, name, tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "status", status);
        push_equal(&mut query, "number", number);
        push_equal(&mut query, "customer_id", customer);
        push_equal(&mut query, "unit", unit);
        push_equal(&mut query, "workshop", workshop);
        if overdue {
            query.push(" and ").push(OVERDUE);
        }
        list.descending(&mut query, "created_position");
        let sort_key = |row: &RepairHeader| row.created_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// Repairs whose device is at a workshop, as the workshop may see them
    ///
    /// Nothing of the customer, and no prices. Administrators, managers and auditors see every workshop's, or those of
    /// `workshop`; everybody else only what was sent to themselves as `user/<username>`, and a key only what was sent to
    /// its own workshop from its stores. In the order in which they were taken in.
    #[oai(
        path = "/api/v1/repairs/workshop",
        method = "get",
        operation_id = "list_workshop_repairs"
    )]
    async fn list_workshop_repairs(
        &self,
        caller: Caller<'_>,
        /// `supplier/<id>` or `user/<username>`.
        workshop: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<WorkshopRepair>, Problem> {
        let (tenant, workshop, stores) = match caller {
            Caller::User(context) => {
                let workshop = workshop::visible(&context.principal, workshop.0)?;
                (&context.principal.tenant, workshop, &[][..])
            }
            Caller::Key(context) => {
                let workshop = workshop::of_key(context, workshop.0)?;
                (context.tenant(), Some(workshop), context.stores())
            }
        };
        let asked = WorkshopPage {
            workshop,
            stores,
            limit: limit.0,
            cursor: cursor.0,
            min_position: min_position.0,
        };
        workshop_repairs(&self.0, tenant, &asked).await.map(PageAnswer)
    }

    /// One repair with its quote, parts and clock.
    #[oai(
        path = "/api/v1/repairs/:repair_id",
        method = "get",
        operation_id = "get_repair"
    )]
    async fn get_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Repair>>, Problem> {
        let tenant = &context.principal.tenant;
        let repair_id: RepairId = path_id(&repair_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(HEADER);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and repair_id = ").push_bind(repair_id.as_str());
        let header: RepairHeader = snapshot.row_or_404(query.build_query_as()).await?;
        let statement = sqlx::query_as(
            "select sale_id, order_id, sku, accessories, fault, warranty_until, under_warranty, diagnosis, quote, quote_lines,
                    quote_tax_minor, currency, answer_channel, answered_by_sealed, answered_at, kept,
                    workshop_instructions, work_done, note, total_minor, fee_lines, payments, change_minor,
                    repair_warranty_until, sla_target_s, sla_spent_us, sla_since, actor
             from rm_repairs where tenant = $1 and repair_id = $2",
        )
        .bind(tenant.as_str())
        .bind(repair_id.as_str());
        let rest: RestRow = snapshot.row(statement).await?;
        // A repair has at most as many articles as its quote and its commands have lines.
        let statement = sqlx::query_as(
            "select sku, taken, given_back, cost_minor from rm_repair_parts
             where tenant = $1 and repair_id = $2 order by sku limit 2000",
        )
        .bind(tenant.as_str())
        .bind(repair_id.as_str());
        let mut parts: Vec<RepairPart> = snapshot.rows(statement).await?;
        costs::hide(context.0, &mut parts);
        let position = snapshot.position;
        snapshot.close().await?;
        let sealed = rest.answered_by_sealed.as_ref().map(|sealed| SealedField {
            person: format!("customer/{}", header.customer_id),
            field: "answered_by",
            value: Sealed {
                sealed: sealed.clone(),
            },
        });
        let opened = people::open(&self.0.vault, tenant, vec![sealed]).await?;
        let value = whole(header, rest, parts, opened.into_iter().next().flatten());
        Ok(JsonAnswer(At { value, position }))
    }
}

fn whole(header: RepairHeader, rest: RestRow, parts: Vec<RepairPart>, answered_by: Option<String>) -> Repair {
    Repair {
        header,
        sale_id: rest.sale_id,
        order_id: rest.order_id,
        sku: rest.sku,
        accessories: rest.accessories,
        fault: rest.fault,
        warranty_until: rest.warranty_until,
        under_warranty: rest.under_warranty,
        diagnosis: rest.diagnosis,
        quote: rest.quote,
        quote_lines: rest.quote_lines,
        quote_tax_minor: rest.quote_tax_minor,
        currency: rest.currency,
        answer_channel: rest.answer_channel,
        answered_by,
        answered_at: rest.answered_at,
        kept: rest.kept,
        parts,
        workshop_instructions: rest.workshop_instructions,
        work_done: rest.work_done,
        note: rest.note,
        total_minor: rest.total_minor,
        fee_lines: rest.fee_lines,
        payments: rest.payments,
        change_minor: rest.change_minor,
        repair_warranty_until: rest.repair_warranty_until,
        sla_target_s: rest.sla_target_s,
        sla_spent_us: rest.sla_spent_us,
        sla_since: rest.sla_since,
        actor: rest.actor,
    }
}
