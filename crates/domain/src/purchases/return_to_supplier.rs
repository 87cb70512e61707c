//! Sends received goods back. The supplier owes what they cost in this purchase; the shelf loses what they are worth at
//! its average; the difference is recorded. The same return again sends nothing.

use std::collections::HashSet;

use schemas::events::purchase::{PurchaseReturned, ReturnedToSupplierLine};
use schemas::events::supplier::SupplierCause;
use schemas::{Minor, PurchaseId, Quantity, SupplierReturnId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::purchase::{Line, Purchase, document, share};
use super::terms::{MAX_ENTRIES, check_once, ordered_line};
use crate::bounds::{check_entries, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{PurchaseRefusal, Refusal};
use crate::stock::{Shelf, check_units, dispatch_unit};
use crate::streams;
use crate::suppliers::settle;
use crate::work::{Decision, Missing, Work};

/// Takes goods off the shelf of the purchase's store, which must be open, and off what the supplier is owed; also once
/// the purchase is closed. Never more than came and is not back already. An id that is known with other goods is
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnToSupplier {
    pub purchase_id: PurchaseId,
    /// Absent: one is generated.
    #[serde(default)]
    pub return_id: Option<SupplierReturnId>,
    /// Lines and units together at most 2,000.
    pub lines: Vec<SupplierReturnLineRequest>,
}

/// What goes back of one line of the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupplierReturnLineRequest {
    /// The order's line, from 1; each once.
    pub line: i64,
    /// Pieces.
    pub quantity: Quantity,
    /// For serialised items as many as `quantity`, of those that came with the line; else none.
    #[serde(default)]
    pub units: Vec<UnitId>,
}

impl Decide for ReturnToSupplier {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        self.check()?;
        let id = &self.purchase_id;
        let stream = streams::purchase(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let return_id = ctx.given_or_fresh(self.return_id.as_ref(), "supplier_return");
        let purchase = work.purchase(id)?;
        let (supplier_id, store) = (purchase.supplier_id.clone(), purchase.store.clone());
        let currency = purchase.currency;
        if let Some(known) = purchase.returns.get(&return_id) {
            if !self.repeats(known) {
                return Err(PurchaseRefusal::SupplierReturnExists { return_id }.into());
            }
            let known = known.clone();
            work.require([&streams::supplier(&supplier_id)])?;
            let answer = self.answer(&work, &return_id, &known)?;
            return Ok(work.finish(answer));
        }
        purchase.check_room(id, self.entries())?;
        self.load(&work, purchase)?;
        work.open_store(&store)?;

        let mut lines = Vec::with_capacity(self.lines.len());
        for (index, request) in self.lines.iter().enumerate() {
            lines.push(self.send_back(&mut work, ctx, request, index)?);
        }
        let sum = |figure: fn(&ReturnedToSupplierLine) -> Minor| Minor::sum(lines.iter().map(figure));
        let (net_minor, tax_minor) = (sum(|line| line.credit_minor)?, sum(|line| line.tax_minor)?);
        let total_minor = net_minor.plus(tax_minor)?;
        let event = PurchaseReturned {
            purchase_id: id.clone(),
            supplier_id: supplier_id.clone(),
            store,
            return_id: return_id.clone(),
            net_minor,
            tax_minor,
            total_minor,
            value_minor: sum(|line| line.value_minor)?,
            difference_minor: sum(|line| line.difference_minor)?,
            currency,
            lines: lines.clone(),
        };
        work.emit(stream, event)?;
        let cause = SupplierCause::Return {
            purchase_id: id.clone(),
            return_id: return_id.clone(),
        };
        settle(&mut work, &supplier_id, total_minor.negated(), cause)?;
        let answer = self.answer(&work, &return_id, &lines)?;
        Ok(work.finish(answer))
    }
}

impl ReturnToSupplier {
    fn entries(&self) -> usize {
        self.lines.iter().map(|line| 1 + line.units.len()).sum()
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {});
        }
        check_entries("lines", self.entries(), MAX_ENTRIES)?;
        check_once(self.lines.iter().map(|line| (line.line, ())))?;
        let mut seen = HashSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            if let Some(unit) = line.units.iter().find(|unit| !seen.insert(*unit)) {
                let (unit, line) = (unit.clone(), index);
                return Err(Refusal::UnitRepeated { unit, line });
            }
        }
        Ok(())
    }

    /// Asks for the store, the supplier, and each line's item, shelf and units.
    fn load(&self, work: &Work<'_>, purchase: &Purchase) -> Result<(), Missing> {
        let mut wanted = vec![
            streams::store(&purchase.store),
            streams::supplier(&purchase.supplier_id),
            streams::tenant(),
            streams::purchase(&self.purchase_id),
        ];
        for (index, request) in self.lines.iter().enumerate() {
            let line = ordered_line(purchase, &self.purchase_id, request.line, index)?;
            wanted.push(streams::item(&line.sku));
            wanted.push(streams::stock(&purchase.store, &line.sku));
            wanted.extend(request.units.iter().map(streams::unit));
        }
        work.require(&distinct(wanted)?)
    }

    /// Takes one line's goods off the shelf, and works out what they are credited with.
    fn send_back(
        &self,
        work: &mut Work<'_>,
        ctx: &Ctx,
        request: &SupplierReturnLineRequest,
        index: usize,
    ) -> Result<ReturnedToSupplierLine, Missing> {
        let id = &self.purchase_id;
        let policy = work.tenant(&ctx.tenant)?.stock_policy;
        let purchase = work.purchase(id)?;
        let line = ordered_line(purchase, id, request.line, index)?;
        let (number, quantity, kept) = (request.line, request.quantity, line.kept());
        if quantity.get() > kept {
            let quantity = quantity.get();
            return Err(PurchaseRefusal::ReturnExceedsKept {
                line: index,
                number,
                quantity,
                kept,
            }
            .into());
        }
        check_units(line.kind, &line.sku, quantity, &request.units, index)?;
        let came = purchase.units_of(number);
        if let Some(unit) = request.units.iter().find(|unit| !came.contains(unit)) {
            let unit = unit.clone();
            return Err(PurchaseRefusal::UnitNotReceived {
                unit,
                line: index,
                number,
            }
            .into());
        }
        let (credit_minor, tax_minor) = credit(line, quantity);
        let (store, sku, kind) = (purchase.store.clone(), line.sku.clone(), line.kind);
        let shelf = Shelf {
            store: &store,
            sku: &sku,
        };
        let pointer = || format!("/lines/{index}/quantity");
        shelf.check_available(work, (policy, kind), quantity.get(), pointer)?;
        let document = document(id);
        let cost = shelf.dispatch(work, quantity, &document)?;
        for unit in &request.units {
            dispatch_unit(work, unit, &store, None, &document, index)?;
        }
        let value_minor = Minor::new(cost.value_minor)?;
        Ok(ReturnedToSupplierLine {
            line: number,
            sku,
            quantity,
            units: request.units.clone(),
            credit_minor,
            tax_minor,
            costed_quantity: cost.quantity,
            value_minor,
            difference_minor: credit_minor.minus(value_minor)?,
        })
    }

    /// Whether a return is the one that is asked for.
    fn repeats(&self, known: &[ReturnedToSupplierLine]) -> bool {
        let mut pairs = self.lines.iter().zip(known);
        self.lines.len() == known.len()
            && pairs.all(|(asked, went)| {
                asked.line == went.line && asked.quantity == went.quantity && asked.units == went.units
            })
    }

    fn answer(
        &self,
        work: &Work<'_>,
        return_id: &SupplierReturnId,
        lines: &[ReturnedToSupplierLine],
    ) -> Result<Value, Missing> {
        let purchase = work.purchase(&self.purchase_id)?;
        let totals = lines.iter().flat_map(|line| [line.credit_minor, line.tax_minor]);
        Ok(json!({
            "purchase_id": self.purchase_id,
            "return_id": return_id,
            "total_minor": Minor::sum(totals)?,
            "value_minor": Minor::sum(lines.iter().map(|line| line.value_minor))?,
            "difference_minor": Minor::sum(lines.iter().map(|line| line.difference_minor))?,
            "supplier_balance_minor": work.supplier(&purchase.supplier_id)?.balance_minor,
        }))
    }
}

/// Price and tax of so many of a line's goods: all of them together are credited with exactly what they cost.
fn credit(line: &Line, quantity: Quantity) -> (Minor, Minor) {
    let kept = line.kept();
    (
        share(line.value_minor, quantity, kept),
        share(line.tax_minor, quantity, kept),
    )
}
