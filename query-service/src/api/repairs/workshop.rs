//! What an external workshop may see of a repair: the device, the fault, what was agreed to be done and by when.
//!
//! Deliberately absent: who the customer is, what anything costs, how it was paid, and who works in the shop. A supplier
//! sees what was sent to it, a user what was sent to them.

use platform::http::{KeyContext, Page, Principal, Problem, codes};
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::{StoreId, SupplierId, TenantId, Username};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use crate::QueryService;
use crate::column::JsonText;
use crate::failure::{bad_parameter, unavailable};
use crate::list::{List, push_equal};

/// What a machine credential needs that is to see this and nothing else.
pub const WORKSHOP_SCOPE: &str = "repairs:workshop";

/// A page of a workshop's repairs.
#[derive(Debug, Default)]
pub struct WorkshopPage<'s> {
    /// `supplier/<id>` or `user/<username>`; absent: of all workshops.
    pub workshop: Option<String>,
    /// Taken in there; empty: anywhere.
    pub stores: &'s [StoreId],
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    pub min_position: Option<i64>,
}

/// What was agreed to be done.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkshopLine {
    pub sku: String,
    pub name: String,
    pub quantity: i64,
}

/// A repair as a workshop sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WorkshopRepair {
    pub repair_id: String,
    /// The tenant's own number, where numbering is on.
    pub number: Option<String>,
    /// `supplier/<id>` or `user/<username>`.
    pub workshop: String,
    pub instructions: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub sent_at: Option<OffsetDateTime>,
    pub status: String,
    /// The device's IMEI or serial number.
    pub unit: String,
    pub description: String,
    /// What lies with the device.
    pub accessories: JsonText,
    pub fault: String,
    pub diagnosis: Option<String>,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub promised_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub sla_due_at: Option<OffsetDateTime>,
    /// Parts and labour of the quote that the customer approved; none before that.
    pub lines: Vec<WorkshopLine>,
}

#[derive(FromRow)]
struct WorkshopRow {
    repair_id: String,
    number: Option<String>,
    workshop: String,
    workshop_instructions: Option<String>,
    sent_at: Option<OffsetDateTime>,
    status: String,
    unit: String,
    description: String,
    accessories: JsonText,
    fault: String,
    diagnosis: Option<String>,
    priority: String,
    promised_at: Option<OffsetDateTime>,
    sla_due_at: Option<OffsetDateTime>,
    quote_lines: String,
    created_position: i64,
}

/// A workshop as a filter.
///
/// # Errors
/// 400 when it is neither `supplier/<id>` nor `user/<username>`.
pub(super) fn filter(text: Option<String>) -> Result<Option<String>, Problem> {
    let good = |text: &str| match text.split_once('/') {
        Some(("supplier", id)) => SupplierId::new(id).is_ok(),
        Some(("user", name)) => Username::new(name).is_ok(),
        _ => false,
    };
    match text {
        Some(text) if !good(&text) => Err(bad_parameter("workshop", "supplier/<id>, user/<username>")),
        text => Ok(text),
    }
}

/// Whose repairs somebody may see: the office every workshop's, anybody else their own whatever they ask for.
///
/// # Errors
/// As [`filter`].
pub(super) fn visible(principal: &Principal, asked: Option<String>) -> Result<Option<String>, Problem> {
    let asked = filter(asked)?;
    match principal.role {
        Role::Admin | Role::Manager | Role::Auditor => Ok(asked),
        Role::SyncOperator | Role::Cashier => Ok(Some(format!("user/{}", principal.username))),
    }
}

/// Whose repairs a key may see: its own workshop's, whatever it asks for.
///
/// # Errors
/// As [`filter`]; 403 for a key that has the scope and no workshop, which the rules do not let happen.
pub(super) fn of_key(context: &KeyContext, asked: Option<String>) -> Result<String, Problem> {
    filter(asked)?;
    match &context.holder.standing.settings.workshop {
        Some(supplier_id) => Ok(format!("supplier/{supplier_id}")),
        None => Err(Problem::new(&codes::API_KEY_SCOPE_MISSING)),
    }
}

/// The repairs whose device is at a workshop, in the order in which they were taken in. Who may ask for which workshop
/// is the caller's check.
///
/// # Errors
/// 400 for a page that cannot be; 503 when the database fails.
pub async fn workshop_repairs(
    service: &QueryService,
    tenant: &TenantId,
    asked: &WorkshopPage<'_>,
) -> Result<Page<WorkshopRepair>, Problem> {
    let workshop = filter(asked.workshop.clone())?;
    let filters @ [workshop] = [workshop.as_deref()];
    let cursor = asked.cursor.as_deref();
    let list = List::<i64>::new(service, "workshop_repairs", tenant, &filters, asked.limit, cursor)?;
    let snapshot = service.snapshot(tenant, asked.min_position).await?;
    // An open quote and its prices are between the shop and its customer.
    let mut query = QueryBuilder::new(
        "select repair_id, number, workshop, workshop_instructions, sent_at, status, unit, description, accessories,
                fault, diagnosis, priority, promised_at, sla_due_at,
                case when status in ('approved', 'in_progress', 'waiting_for_parts') then quote_lines else '[]' end
                  as quote_lines,
                created_position
         from rm_repairs where workshop is not null and tenant = ",
    );
    query.push_bind(tenant.as_str());
    push_equal(&mut query, "workshop", workshop);
    if !asked.stores.is_empty() {
        let stores: Vec<String> = asked.stores.iter().map(ToString::to_string).collect();
        query.push(" and store = any(").push_bind(stores).push(")");
    }
    list.ascending(&mut query, "created_position");
    let sort_key = |row: &WorkshopRow| row.created_position;
    let page = list.page(snapshot, query, sort_key).await?;
    let items = page.items.into_iter().map(shown);
    Ok(Page {
        items: items.collect::<Result<_, _>>()?,
        next: page.next,
        position: page.position,
    })
}

fn shown(row: WorkshopRow) -> Result<WorkshopRepair, Problem> {
    // Whatever else stands in a line, prices above all, is left out here.
    let lines: Vec<WorkshopLine> = serde_json::from_str(&row.quote_lines).map_err(unavailable)?;
    Ok(WorkshopRepair {
        repair_id: row.repair_id,
        number: row.number,
        workshop: row.workshop,
        instructions: row.workshop_instructions,
        sent_at: row.sent_at,
        status: row.status,
        unit: row.unit,
        description: row.description,
        accessories: row.accessories,
        fault: row.fault,
        diagnosis: row.diagnosis,
        priority: row.priority,
        promised_at: row.promised_at,
        sla_due_at: row.sla_due_at,
        lines,
    })
}
