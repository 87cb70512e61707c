//! Takes the supplier's invoice for a whole reception: its total is owed from now on.

use schemas::events::purchase::PurchaseInvoiced;
use schemas::events::supplier::SupplierCause;
use schemas::{PurchaseId, ReceptionId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::terms::MAX_INVOICE_CHARS;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::PurchaseRefusal;
use crate::streams;
use crate::suppliers::settle;
use crate::work::{Decision, Missing, Work};

/// Owes the supplier the total of one reception, with tax. A reception is invoiced once: the same number again changes
/// nothing, another one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceReception {
    pub purchase_id: PurchaseId,
    pub reception_id: ReceptionId,
    /// The supplier's number; 1 to 100 characters.
    pub invoice: String,
}

impl Decide for InvoiceReception {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.purchase_id;
        work.require([&streams::tenant(), &streams::purchase(id)])?;
        work.tenant(&ctx.tenant)?;
        let supplier_id = work.purchase(id)?.supplier_id.clone();
        work.require([&streams::supplier(&supplier_id)])?;
        check_text("invoice", &self.invoice, MAX_INVOICE_CHARS)?;
        let found = work.purchase(id)?.receptions.get(&self.reception_id);
        let reception_id = self.reception_id.clone();
        let Some(reception) = found else {
            let purchase_id = id.clone();
            return Err(PurchaseRefusal::ReceptionNotFound {
                purchase_id,
                reception_id,
            }
            .into());
        };
        let total_minor = reception.total_minor;
        match &reception.invoice {
            Some(invoice) if *invoice != self.invoice => {
                let invoice = invoice.clone();
                return Err(PurchaseRefusal::ReceptionInvoiced {
                    reception_id,
                    invoice,
                }
                .into());
            }
            Some(_) => {}
            None => invoice(&mut work, id, &self.reception_id, &self.invoice)?,
        }
        let balance_minor = work.supplier(&supplier_id)?.balance_minor;
        Ok(work.finish(json!({
            "purchase_id": id,
            "reception_id": self.reception_id,
            "invoice": self.invoice,
            "total_minor": total_minor,
            "supplier_balance_minor": balance_minor,
        })))
    }
}

/// Owes a reception's total, under the supplier's invoice number. The reception is there and not yet invoiced.
pub(super) fn invoice(
    work: &mut Work<'_>,
    id: &PurchaseId,
    reception_id: &ReceptionId,
    invoice: &str,
) -> Result<(), Missing> {
    let purchase = work.purchase(id)?;
    let (purchase_id, reception_id) = (id.clone(), reception_id.clone());
    let Some(reception) = purchase.receptions.get(&reception_id) else {
        return Err(PurchaseRefusal::ReceptionNotFound {
            purchase_id,
            reception_id,
        }
        .into());
    };
    let total_minor = reception.total_minor;
    let supplier_id = purchase.supplier_id.clone();
    let invoiced = PurchaseInvoiced {
        purchase_id: purchase_id.clone(),
        supplier_id: supplier_id.clone(),
        store: purchase.store.clone(),
        reception_id: reception_id.clone(),
        invoice: invoice.to_owned(),
        total_minor,
        currency: purchase.currency,
    };
    work.emit(streams::purchase(id), invoiced)?;
    let cause = SupplierCause::Invoice {
        purchase_id,
        reception_id,
        invoice: invoice.to_owned(),
    };
    settle(work, &supplier_id, total_minor, cause)
}
