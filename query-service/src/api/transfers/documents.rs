//! What came of a transfer and what was decided about differences, as answers show it: without the goods' costs for
//! cashiers.
//!
//! Not here: how far each line is (`super`).

use platform::http::Problem;
use schemars::JsonSchema;
use schemas::events::transfer::SurplusTransferLine;
use schemas::{Minor, Quantity, Sku, TenantId, UnitId};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::OffsetDateTime;

use crate::failure::unavailable;
use crate::snapshot::Snapshot;

/// Receptions and decisions that an answer has at most, the newest; a transfer has at most 200 receptions.
const MAX_DOCUMENTS: i64 = 1_000;

/// Goods of one line that came, or that were decided about.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TransferMovedLine {
    pub line: i64,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Serialised goods are named one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// How many of these pieces have a known cost; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costed_quantity: Option<i64>,
    /// What those cost together; absent for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_minor: Option<Minor>,
}

impl TransferMovedLine {
    fn forget_costs(&mut self) {
        self.costed_quantity = None;
        self.value_minor = None;
    }
}

/// Goods that came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransferReception {
    pub reception_id: String,
    /// What was in transit; empty if only a surplus came.
    pub lines: Vec<TransferMovedLine>,
    /// What came beyond what was dispatched.
    pub surplus: Vec<SurplusTransferLine>,
    pub actor: String,
    /// `X-Reason`, as given; so it is with a decision's.
    pub reason: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
    /// Of the event, in the log.
    pub event_position: i64,
}

/// What somebody decided about goods that did not come, or that came beyond what was dispatched.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransferDecision {
    /// `difference`, or `surplus`.
    pub about: String,
    /// Of a difference `lost` or `back_at_origin`, of a surplus `sent_by_origin` or `not_accepted`.
    pub decision: Option<String>,
    pub lines: Vec<TransferMovedLine>,
    pub note: Option<String>,
    pub actor: String,
    pub reason: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
    /// Of the event, in the log.
    pub event_position: i64,
}

/// All that happened to a transfer after its dispatch, in the order of the log: at most the newest 1,000 together.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransferDocuments {
    pub receptions: Vec<TransferReception>,
    pub decisions: Vec<TransferDecision>,
}

impl TransferDocuments {
    pub(super) fn forget_costs(&mut self) {
        let received = self
            .receptions
            .iter_mut()
            .flat_map(|document| &mut document.lines);
        let decided = self.decisions.iter_mut().flat_map(|document| &mut document.lines);
        received.chain(decided).for_each(TransferMovedLine::forget_costs);
    }
}

#[derive(FromRow)]
struct DocumentRow {
    kind: String,
    reception_id: Option<String>,
    decision: Option<String>,
    lines: String,
    surplus: String,
    note: Option<String>,
    actor: String,
    reason: Option<String>,
    recorded_at: OffsetDateTime,
    event_position: i64,
}

/// The documents of one transfer.
pub(super) async fn documents_of(
    snapshot: &mut Snapshot,
    tenant: &TenantId,
    transfer_id: &str,
) -> Result<TransferDocuments, Problem> {
    let statement = sqlx::query_as(
        "select d.kind, d.reception_id, d.decision, d.lines, d.surplus, d.note, d.actor, a.reason, d.recorded_at,
                d.event_position
         from rm_transfer_documents d left join rm_audit a on a.tenant = d.tenant and a.position = d.event_position
         where d.tenant = $1 and d.transfer_id = $2 order by d.event_position desc limit $3",
    )
    .bind(tenant.as_str())
    .bind(transfer_id)
    .bind(MAX_DOCUMENTS);
    let rows: Vec<DocumentRow> = snapshot.rows(statement).await?;
    let (mut receptions, mut decisions) = (Vec::new(), Vec::new());
    for row in rows.into_iter().rev() {
        let lines = serde_json::from_str(&row.lines).map_err(unavailable)?;
        match row.reception_id {
            Some(reception_id) => receptions.push(TransferReception {
                reception_id,
                lines,
                surplus: serde_json::from_str(&row.surplus).map_err(unavailable)?,
                actor: row.actor,
                reason: row.reason,
                recorded_at: row.recorded_at,
                event_position: row.event_position,
            }),
            None => decisions.push(TransferDecision {
                about: row.kind,
                decision: row.decision,
                lines,
                note: row.note,
                actor: row.actor,
                reason: row.reason,
                recorded_at: row.recorded_at,
                event_position: row.event_position,
            }),
        }
    }
    Ok(TransferDocuments {
        receptions,
        decisions,
    })
}
