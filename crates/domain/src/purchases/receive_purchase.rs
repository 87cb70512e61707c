//! Takes in goods of an order, all that is outstanding or a part: the shelf's value grows by what the order says that
//! they cost. The same reception again adds nothing.

use std::collections::HashSet;

use schemas::events::purchase::{Lot, PurchaseReceived, ReceivedLine};
use schemas::events::unit::UnitReceived;
use schemas::{Minor, PurchaseId, Quantity, ReceptionId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::invoice_reception::invoice;
use super::purchase::{Purchase, Reception, document};
use super::terms::{MAX_ENTRIES, MAX_INVOICE_CHARS, check_lots, check_once, ordered_line, tax_on};
use crate::bounds::{check_entries, check_optional_text, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{PurchaseRefusal, Refusal};
use crate::stock::{Place, Shelf, arrive_unit, check_may_come_in, check_units};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// How documents of units begin that went back to a supplier.
const BY_PURCHASE: &str = "purchase/";

/// Takes in what came of a purchase that was sent, at its store, which must be open. Never more than ordered and its
/// tolerance. With the supplier's invoice number its total is owed at once. An id that is known with other goods is
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceivePurchase {
    pub purchase_id: PurchaseId,
    /// Absent: one is generated.
    #[serde(default)]
    pub reception_id: Option<ReceptionId>,
    /// The supplier's number, if its invoice came along; 1 to 100 characters.
    #[serde(default)]
    pub invoice: Option<String>,
    /// Lines, units and lots together at most 2,000.
    pub lines: Vec<ReceptionLineRequest>,
}

/// What came of one line of the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceptionLineRequest {
    /// The order's line, from 1; each once.
    pub line: i64,
    /// Pieces.
    pub quantity: Quantity,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// Together at most `quantity`.
    #[serde(default)]
    pub lots: Vec<Lot>,
}

impl Decide for ReceivePurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        self.check()?;
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let reception_id = ctx.given_or_fresh(self.reception_id.as_ref(), "reception");
        let purchase = work.purchase(id)?;
        let (supplier_id, store) = (purchase.supplier_id.clone(), purchase.store.clone());
        if let Some(known) = purchase.receptions.get(&reception_id) {
            if self.repeats(known) {
                work.require([&streams::supplier(&supplier_id)])?;
                let answer = self.answer(&work, &reception_id)?;
                return Ok(work.finish(answer));
            }
            return Err(PurchaseRefusal::ReceptionExists { reception_id }.into());
        }
        purchase.check_receivable(id)?;
        purchase.check_room(id, self.entries())?;
        self.load(&work, purchase)?;
        work.open_store(&store)?;
        let lines = self.received(&work, purchase)?;
        let net_minor = Minor::sum(lines.iter().map(|line| line.net_minor))?;
        let tax_minor = Minor::sum(lines.iter().map(|line| line.tax_minor))?;
        let received = PurchaseReceived {
            purchase_id: id.clone(),
            supplier_id,
            store: store.clone(),
            reception_id: reception_id.clone(),
            lines: lines.clone(),
            net_minor,
            tax_minor,
            total_minor: net_minor.plus(tax_minor)?,
            currency: purchase.currency,
        };
        work.emit(stream, received)?;
        for (index, line) in lines.iter().enumerate() {
            take_in(&mut work, id, &store, line, index)?;
        }
        if let Some(number) = &self.invoice {
            invoice(&mut work, id, &reception_id, number)?;
        }
        let answer = self.answer(&work, &reception_id)?;
        Ok(work.finish(answer))
    }
}

impl ReceivePurchase {
    fn entries(&self) -> usize {
        let of_line = |line: &ReceptionLineRequest| 1 + line.units.len() + line.lots.len();
        self.lines.iter().map(of_line).sum()
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {});
        }
        check_entries("lines", self.entries(), MAX_ENTRIES)?;
        check_optional_text("invoice", self.invoice.as_deref(), MAX_INVOICE_CHARS)?;
        check_once(self.lines.iter().map(|line| (line.line, ())))
    }

    /// Asks for the store, the supplier, and each line's item, shelf and units.
    fn load(&self, work: &Work<'_>, purchase: &Purchase) -> Result<(), Missing> {
        let others = [
            streams::store(&purchase.store),
            streams::supplier(&purchase.supplier_id),
            streams::tenant(),
            streams::purchase(&self.purchase_id),
        ];
        let mut wanted = others.to_vec();
        for (index, request) in self.lines.iter().enumerate() {
            let line = ordered_line(purchase, &self.purchase_id, request.line, index)?;
            wanted.push(streams::item(&line.sku));
            wanted.push(streams::stock(&purchase.store, &line.sku));
            wanted.extend(request.units.iter().map(streams::unit));
        }
        work.require(&distinct(wanted)?)
    }

    /// Checks each line and works out what it costs.
    fn received(&self, work: &Work<'_>, purchase: &Purchase) -> Result<Vec<ReceivedLine>, Missing> {
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut seen = HashSet::new();
        for (index, request) in self.lines.iter().enumerate() {
            let line = ordered_line(purchase, &self.purchase_id, request.line, index)?;
            work.item(&line.sku)?;
            check_units(line.kind, &line.sku, request.quantity, &request.units, index)?;
            check_lots(&request.lots, request.quantity, index)?;
            let quantity = request.quantity.get();
            let limit = line.may_receive(purchase.tolerance_percent);
            if line.received.saturating_add(quantity) > limit {
                let (received, number) = (line.received, request.line);
                return Err(PurchaseRefusal::OverReceived {
                    line: index,
                    number,
                    quantity,
                    received,
                    limit,
                }
                .into());
            }
            for unit in &request.units {
                if !seen.insert(unit) {
                    let (unit, line) = (unit.clone(), index);
                    return Err(Refusal::UnitRepeated { unit, line }.into());
                }
                if gone_back(work, unit, &line.sku)?.is_none() {
                    check_may_come_in(work, unit, &line.sku, index)?;
                }
            }
            let net_minor = line.unit_cost_minor.times(request.quantity)?;
            lines.push(ReceivedLine {
                line: request.line,
                sku: line.sku.clone(),
                quantity: request.quantity,
                over_quantity: quantity.saturating_sub(line.outstanding()).max(0),
                units: request.units.clone(),
                lots: request.lots.clone(),
                unit_cost_minor: line.unit_cost_minor,
                net_minor,
                tax_minor: tax_on(net_minor, line.tax_rate_ppm)?,
            });
        }
        Ok(lines)
    }

    /// Whether a reception is the one that is asked for.
    fn repeats(&self, known: &Reception) -> bool {
        let same_invoice = self.invoice.is_none() || self.invoice == known.invoice;
        let mut pairs = self.lines.iter().zip(&known.lines);
        same_invoice
            && self.lines.len() == known.lines.len()
            && pairs.all(|(asked, came)| {
                asked.line == came.line
                    && asked.quantity == came.quantity
                    && asked.units == came.units
                    && asked.lots == came.lots
            })
    }

    fn answer(&self, work: &Work<'_>, reception_id: &ReceptionId) -> Result<Value, Missing> {
        let purchase = work.purchase(&self.purchase_id)?;
        let total_minor = purchase
            .receptions
            .get(reception_id)
            .map(|known| known.total_minor);
        Ok(json!({
            "purchase_id": self.purchase_id,
            "reception_id": reception_id,
            "status": purchase.status_word(),
            "outstanding": purchase.outstanding(),
            "total_minor": total_minor,
            "supplier_balance_minor": work.supplier(&purchase.supplier_id)?.balance_minor,
        }))
    }
}

/// The purchase that sent this unit back to its supplier, who may deliver it again.
fn gone_back(work: &Work<'_>, unit: &UnitId, sku: &Sku) -> Result<Option<String>, Missing> {
    let Some(known) = work.known_unit(unit)? else {
        return Ok(None);
    };
    match &known.place {
        Place::Away { document } if known.sku == *sku && document.starts_with(BY_PURCHASE) => {
            Ok(Some(document.clone()))
        }
        Place::Away { .. } | Place::InStock { .. } | Place::Sold { .. } | Place::WrittenOff => Ok(None),
    }
}

/// Puts a line's goods on the shelf at what they cost.
fn take_in(
    work: &mut Work<'_>,
    id: &PurchaseId,
    store: &StoreId,
    line: &ReceivedLine,
    index: usize,
) -> Result<(), Missing> {
    let shelf = Shelf {
        store,
        sku: &line.sku,
    };
    shelf.receive(
        work,
        line.quantity,
        Some(line.unit_cost_minor),
        Some(&document(id)),
    )?;
    for unit in &line.units {
        if let Some(sent_back_by) = gone_back(work, unit, &line.sku)? {
            arrive_unit(work, unit, store, &sent_back_by, index)?;
            continue;
        }
        let received = UnitReceived {
            unit: unit.clone(),
            sku: line.sku.clone(),
            store: store.clone(),
            cost_minor: Some(line.unit_cost_minor),
        };
        work.emit(streams::unit(unit), received)?;
    }
    Ok(())
}
