//! Changes what received goods cost: freight, or a price that the supplier's later invoice corrects. The share of goods
//! that are still on the shelf changes their value; the rest is an expense. Exact to the minor unit: both together are
//! the difference.

use schemas::events::purchase::{AdjustedLine, CostKind, PurchaseCostAdjusted};
use schemas::events::supplier::SupplierCause;
use schemas::{CostAdjustmentId, Minor, PurchaseId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::purchase::{Line, Purchase, document};
use super::terms::{MAX_ENTRIES, MAX_INVOICE_CHARS, check_once, ordered_line, tax_on};
use crate::bounds::{check_entries, check_optional_text, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{PurchaseRefusal, Refusal};
use crate::stock::{Shelf, Stock};
use crate::streams;
use crate::suppliers::settle;
use crate::work::{Decision, Missing, Work};

/// Adds to what received goods of an order cost, or takes off; also once it is closed. The supplier's balance moves by
/// the differences and their tax. The same adjustment again adds nothing; one of the same id with other amounts is
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdjustPurchaseCost {
    /// Lines of it must have been received.
    pub purchase_id: PurchaseId,
    /// Absent: one is generated.
    #[serde(default)]
    pub adjustment_id: Option<CostAdjustmentId>,
    /// The supplier's number; 1 to 100 characters.
    #[serde(default)]
    pub invoice: Option<String>,
    /// 1 to 2,000.
    pub lines: Vec<CostLineRequest>,
}

/// One line's difference: of its price, or freight. Neither may fall below zero in all, and a price cannot change once
/// everything went back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostLineRequest {
    /// The order's line, from 1; each once for each kind.
    pub line: i64,
    pub kind: CostKind,
    /// For all of the line's goods together, without tax; not 0.
    pub delta_minor: Minor,
}

impl Decide for AdjustPurchaseCost {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        self.check()?;
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let adjustment_id = ctx.given_or_fresh(self.adjustment_id.as_ref(), "cost_adjustment");
        let purchase = work.purchase(id)?;
        let (supplier_id, store) = (purchase.supplier_id.clone(), purchase.store.clone());
        let currency = purchase.currency;
        if let Some(known) = purchase.adjustments.get(&adjustment_id) {
            if !self.repeats(known) {
                return Err(PurchaseRefusal::AdjustmentExists { adjustment_id }.into());
            }
            let known = known.clone();
            work.require([&streams::supplier(&supplier_id)])?;
            let answer = self.answer(&work, &adjustment_id, &known)?;
            return Ok(work.finish(answer));
        }
        purchase.check_room(id, self.lines.len())?;
        self.load(&work, purchase)?;

        let mut lines = Vec::with_capacity(self.lines.len());
        for (index, request) in self.lines.iter().enumerate() {
            let line = ordered_line(work.purchase(id)?, id, request.line, index)?;
            let adjusted = adjusted(line, request, work.stock(&store, &line.sku)?, index)?;
            let shelf = Shelf {
                store: &store,
                sku: &adjusted.sku,
            };
            shelf.adjust_cost(&mut work, adjusted.on_shelf_minor, &document(id))?;
            lines.push(adjusted);
        }
        let sum = |figure: fn(&AdjustedLine) -> Minor| Minor::sum(lines.iter().map(figure));
        let (net_minor, tax_minor) = (sum(|line| line.delta_minor)?, sum(|line| line.tax_minor)?);
        let total_minor = net_minor.plus(tax_minor)?;
        let event = PurchaseCostAdjusted {
            purchase_id: id.clone(),
            supplier_id: supplier_id.clone(),
            store,
            adjustment_id: adjustment_id.clone(),
            invoice: self.invoice.clone(),
            net_minor,
            tax_minor,
            total_minor,
            on_shelf_minor: sum(|line| line.on_shelf_minor)?,
            expensed_minor: sum(|line| line.expensed_minor)?,
            currency,
            lines: lines.clone(),
        };
        work.emit(stream, event)?;
        let cause = SupplierCause::CostAdjustment {
            purchase_id: id.clone(),
            adjustment_id: adjustment_id.clone(),
        };
        settle(&mut work, &supplier_id, total_minor, cause)?;
        let answer = self.answer(&work, &adjustment_id, &lines)?;
        Ok(work.finish(answer))
    }
}

impl AdjustPurchaseCost {
    fn check(&self) -> Result<(), Refusal> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {});
        }
        check_entries("lines", self.lines.len(), MAX_ENTRIES)?;
        check_optional_text("invoice", self.invoice.as_deref(), MAX_INVOICE_CHARS)?;
        if let Some(line) = self.lines.iter().position(|line| line.delta_minor.is_zero()) {
            return Err(PurchaseRefusal::CostDeltaZero { line }.into());
        }
        let is_freight = |line: &CostLineRequest| line.kind == CostKind::Freight;
        check_once(self.lines.iter().map(|line| (line.line, is_freight(line))))
    }

    /// Asks for the supplier and each line's item and shelf.
    fn load(&self, work: &Work<'_>, purchase: &Purchase) -> Result<(), Missing> {
        let mut wanted = vec![
            streams::supplier(&purchase.supplier_id),
            streams::tenant(),
            streams::purchase(&self.purchase_id),
        ];
        for (index, request) in self.lines.iter().enumerate() {
            let line = ordered_line(purchase, &self.purchase_id, request.line, index)?;
            wanted.push(streams::item(&line.sku));
            wanted.push(streams::stock(&purchase.store, &line.sku));
        }
        work.require(&distinct(wanted)?)
    }

    /// Whether an adjustment is the one that is asked for.
    fn repeats(&self, known: &[AdjustedLine]) -> bool {
        let mut pairs = self.lines.iter().zip(known);
        self.lines.len() == known.len()
            && pairs.all(|(asked, done)| {
                asked.line == done.line && asked.kind == done.kind && asked.delta_minor == done.delta_minor
            })
    }

    fn answer(
        &self,
        work: &Work<'_>,
        adjustment_id: &CostAdjustmentId,
        lines: &[AdjustedLine],
    ) -> Result<Value, Missing> {
        let purchase = work.purchase(&self.purchase_id)?;
        Ok(json!({
            "purchase_id": self.purchase_id,
            "adjustment_id": adjustment_id,
            "on_shelf_minor": Minor::sum(lines.iter().map(|line| line.on_shelf_minor))?,
            "expensed_minor": Minor::sum(lines.iter().map(|line| line.expensed_minor))?,
            "supplier_balance_minor": work.supplier(&purchase.supplier_id)?.balance_minor,
        }))
    }
}

/// Divides a line's difference. Goods of one shelf are alike, so those of this line are taken to be there as long as
/// enough are; and a shelf is never worth less than nothing.
fn adjusted(
    line: &Line,
    request: &CostLineRequest,
    stock: &Stock,
    index: usize,
) -> Result<AdjustedLine, Refusal> {
    let (number, delta) = (request.line, request.delta_minor);
    if line.received == 0 {
        return Err(PurchaseRefusal::LineNotReceived { line: index, number }.into());
    }
    let kept = line.kept();
    let spent = match request.kind {
        CostKind::Price => line.value_minor,
        CostKind::Freight => line.freight_minor,
    };
    // What went back was credited at its price, so that a later price of it alone is nobody's.
    if kept == 0 && request.kind == CostKind::Price {
        return Err(PurchaseRefusal::NothingKept { line: index, number }.into());
    }
    if spent.plus(delta)?.is_negative() {
        return Err(PurchaseRefusal::CostBelowZero { line: index, number }.into());
    }
    let there = kept.min(stock.cost.quantity);
    let on_shelf_minor = if there > 0 {
        let worth = Minor::new(stock.cost.value_minor)?;
        delta.ratio(there, kept)?.max(worth.negated())
    } else {
        Minor::ZERO
    };
    // Taxes are rounded reception by reception, so that taking all of it back must not take more than there was.
    let tax_minor = match request.kind {
        CostKind::Price => tax_on(delta, line.tax_rate_ppm)?.max(line.tax_minor.negated()),
        CostKind::Freight => tax_on(delta, line.tax_rate_ppm)?,
    };
    Ok(AdjustedLine {
        line: number,
        sku: line.sku.clone(),
        kind: request.kind,
        delta_minor: delta,
        tax_minor,
        on_shelf_minor,
        expensed_minor: delta.minus(on_shelf_minor)?,
    })
}
