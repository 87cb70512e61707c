//! What happened to purchases, document by document: receptions with their units and lots, later costs, returns.
//!
//! Their lines are kept as text, since they are read with their document only.

use schemas::Event;
use schemas::events::PurchaseEvent;
use time::OffsetDateTime;

use super::purchases::id_of;
use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One document. Amounts are in minor units of the tenant's currency.
    PurchaseDocumentRow, PurchaseDocumentKey {
        key { tenant: String, purchase_id: String, kind: String, document_id: String }
        /// The supplier's number, once it is here.
        invoice: Option<String>,
        net_minor: i64,
        tax_minor: i64,
        total_minor: i64,
        /// The event's lines, as JSON.
        lines: String,
        actor: String,
        recorded_at: OffsetDateTime,
        /// Of the event that made it.
        event_position: i64,
    }
}

/// Kind and id of the document that an event makes or changes.
fn document_of(event: &PurchaseEvent) -> Option<(&'static str, String)> {
    match event {
        PurchaseEvent::Received(e) => Some(("reception", e.reception_id.to_string())),
        PurchaseEvent::Invoiced(e) => Some(("reception", e.reception_id.to_string())),
        PurchaseEvent::CostAdjusted(e) => Some(("cost_adjustment", e.adjustment_id.to_string())),
        PurchaseEvent::Returned(e) => Some(("return", e.return_id.to_string())),
        PurchaseEvent::Ordered(_)
        | PurchaseEvent::Changed(_)
        | PurchaseEvent::Sent(_)
        | PurchaseEvent::Cancelled(_)
        | PurchaseEvent::Closed(_) => None,
    }
}

impl ReadModel for PurchaseDocumentRow {
    const NAME: &'static str = "purchase_documents";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<PurchaseDocumentKey> {
        let Event::Purchase(event) = &fact.event else {
            return Vec::new();
        };
        let key = |(kind, document_id): (&str, String)| PurchaseDocumentKey {
            tenant: fact.tenant.clone(),
            purchase_id: id_of(event).to_string(),
            kind: kind.to_owned(),
            document_id,
        };
        document_of(event).map(key).into_iter().collect()
    }

    fn opens(fact: &Fact) -> bool {
        !matches!(&fact.event, Event::Purchase(PurchaseEvent::Invoiced(_)))
    }

    fn fold(row: Option<Self>, key: &PurchaseDocumentKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Purchase(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        let (invoice, [net, tax, total], lines) = match event {
            PurchaseEvent::Received(e) => (
                None,
                [e.net_minor, e.tax_minor, e.total_minor],
                document(&e.lines)?,
            ),
            PurchaseEvent::CostAdjusted(e) => (
                e.invoice.clone(),
                [e.net_minor, e.tax_minor, e.total_minor],
                document(&e.lines)?,
            ),
            PurchaseEvent::Returned(e) => (
                None,
                [e.net_minor, e.tax_minor, e.total_minor],
                document(&e.lines)?,
            ),
            PurchaseEvent::Invoiced(e) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.invoice = Some(e.invoice.clone());
                return Ok(row);
            }
            PurchaseEvent::Ordered(_)
            | PurchaseEvent::Changed(_)
            | PurchaseEvent::Sent(_)
            | PurchaseEvent::Cancelled(_)
            | PurchaseEvent::Closed(_) => return Err(FoldError::foreign(fact)),
        };
        Ok(PurchaseDocumentRow {
            tenant: key.tenant.clone(),
            purchase_id: key.purchase_id.clone(),
            kind: key.kind.clone(),
            document_id: key.document_id.clone(),
            invoice,
            net_minor: net.get(),
            tax_minor: tax.get(),
            total_minor: total.get(),
            lines,
            actor: fact.actor().to_owned(),
            recorded_at: fact.recorded_at,
            event_position: fact.position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::purchases::samples;
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn each_document_is_a_row_and_an_invoice_changes_its_reception_only() {
        let rows = folded::<PurchaseDocumentRow>(samples::life()).unwrap();
        let documents: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.kind.as_str(),
                    row.document_id.as_str(),
                    row.invoice.as_deref(),
                    row.total_minor,
                )
            })
            .collect();
        assert_eq!(
            documents,
            [
                ("cost_adjustment", "a1", Some("F-3"), 69),
                ("reception", "r1", None, 400),
                ("reception", "r2", Some("F-2"), 400),
                ("return", "d1", None, 115),
            ]
        );
        assert!(rows[1].lines.contains("serial:1"));
    }
}
