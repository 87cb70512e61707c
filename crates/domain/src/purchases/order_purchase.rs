//! Writes an order to a supplier, which must exist and be active; sends it in the same step when that is asked for.

use schemas::events::purchase::{PurchaseLine, PurchaseOrdered, PurchaseSent};
use schemas::events::settings::Series;
use schemas::{Minor, PurchaseId, Quantity, Sku, StoreId, SupplierId, TaxCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::purchase::document;
use super::terms::{MAX_ENTRIES, check_day, tax_on};
use crate::admin::{Tenant, next_number};
use crate::bounds::{check_entries, check_not_negative, check_optional_text, distinct};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{PurchaseRefusal, Refusal};
use crate::state::State;
use crate::stock::has_stock;
use crate::streams;
use crate::work::{Decision, Missing, Work};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPurchase {
    /// Absent: one is generated.
    #[serde(default)]
    pub purchase_id: Option<PurchaseId>,
    pub supplier_id: SupplierId,
    /// Where the goods are to arrive; open.
    pub store: StoreId,
    /// 1 to 2,000.
    pub lines: Vec<OrderLineRequest>,
    /// 0 to 100.
    pub tolerance_percent: i64,
    /// `2026-12-01`.
    #[serde(default)]
    pub expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    pub note: Option<String>,
    /// Approve and send it at once.
    #[serde(default)]
    pub send: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLineRequest {
    pub sku: Sku,
    pub quantity: Quantity,
    /// Without tax; not negative.
    pub unit_cost_minor: Minor,
    /// Absent: no tax.
    #[serde(default)]
    pub tax_code: Option<TaxCode>,
}

impl Decide for OrderPurchase {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        self.check()?;
        let purchase_id = ctx.given_or_fresh(self.purchase_id.as_ref(), "purchase");
        let stream = streams::purchase(&purchase_id);
        let others = [
            streams::tenant(),
            streams::store(&self.store),
            streams::supplier(&self.supplier_id),
            stream.clone(),
        ];
        let items = self.lines.iter().map(|line| streams::item(&line.sku));
        work.require(&distinct(others.into_iter().chain(items))?)?;
        let tenant = work.tenant(&ctx.tenant)?;
        work.active_supplier(&self.supplier_id)?;
        work.open_store(&self.store)?;
        if !matches!(work.state(&stream)?, State::Purchase(None)) {
            return Err(PurchaseRefusal::PurchaseExists { purchase_id }.into());
        }
        let currency = tenant.currency;
        let lines = self.priced(&work, tenant)?;
        let number = next_number(&mut work, Series::Purchase, &document(&purchase_id))?;
        let net_minor = Minor::sum(lines.iter().map(|line| line.net_minor))?;
        let tax_minor = Minor::sum(lines.iter().map(|line| line.tax_minor))?;
        let (supplier_id, store) = (self.supplier_id.clone(), self.store.clone());
        let ordered = PurchaseOrdered {
            purchase_id: purchase_id.clone(),
            number,
            supplier_id: supplier_id.clone(),
            store: store.clone(),
            lines,
            tolerance_percent: self.tolerance_percent,
            expected_on: self.expected_on.clone(),
            note: self.note.clone(),
            net_minor,
            tax_minor,
            total_minor: net_minor.plus(tax_minor)?,
            currency,
        };
        let mut answer = json!(ordered);
        work.emit(stream.clone(), ordered)?;
        if self.send {
            let sent = PurchaseSent {
                purchase_id: purchase_id.clone(),
                supplier_id,
                store,
            };
            work.emit(stream, sent)?;
        }
        answer["status"] = json!(work.purchase(&purchase_id)?.status_word());
        Ok(work.finish(answer))
    }
}

impl OrderPurchase {
    fn check(&self) -> Result<(), Refusal> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {});
        }
        check_entries("lines", self.lines.len(), MAX_ENTRIES)?;
        if !(0..=100).contains(&self.tolerance_percent) {
            let tolerance_percent = self.tolerance_percent;
            return Err(PurchaseRefusal::ToleranceInvalid { tolerance_percent }.into());
        }
        check_day(|| "expected_on".to_owned(), self.expected_on.as_deref())?;
        check_optional_text("note", self.note.as_deref(), 500)
    }

    fn priced(&self, work: &Work<'_>, tenant: &Tenant) -> Result<Vec<PurchaseLine>, Missing> {
        let mut lines = Vec::with_capacity(self.lines.len());
        for ((index, number), line) in (0_usize..).zip(1..).zip(&self.lines) {
            let item = work.sellable_item(&line.sku)?;
            if !has_stock(item.kind) {
                let sku = line.sku.clone();
                return Err(Refusal::StockOfService { sku }.into());
            }
            check_not_negative(
                &format!("lines/{index}/unit_cost_minor"),
                Some(line.unit_cost_minor),
            )?;
            let tax_rate_ppm = tenant.rate_ppm(line.tax_code.as_ref())?;
            let net_minor = line.unit_cost_minor.times(line.quantity)?;
            lines.push(PurchaseLine {
                line: number,
                sku: line.sku.clone(),
                kind: item.kind,
                quantity: line.quantity,
                unit_cost_minor: line.unit_cost_minor,
                tax_code: line.tax_code.clone(),
                tax_rate_ppm,
                net_minor,
                tax_minor: tax_on(net_minor, tax_rate_ppm)?,
            });
        }
        Ok(lines)
    }
}
