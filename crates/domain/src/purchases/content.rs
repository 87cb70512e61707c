//! From what is to be bought to what an order says: items, costs and taxes. For writing an order and for changing one.

use schemas::events::purchase::PurchaseLine;
use schemas::events::settings::Series;
use schemas::{Currency, Minor, PurchaseId, Quantity, Sku, StoreId, SupplierId, TaxCode};
use serde::{Deserialize, Serialize};

use super::terms::{MAX_ENTRIES, check_day, tax_on};
use crate::admin::{Tenant, counter_needed};
use crate::bounds::{check_entries, check_not_negative, check_optional_text, distinct};
use crate::context::Ctx;
use crate::refusal::{PurchaseRefusal, Refusal};
use crate::stock::has_stock;
use crate::streams;
use crate::work::{Missing, Work};

/// So many pieces of one item at a cost. The item must be on sale and have stock: no services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLineRequest {
    pub sku: Sku,
    /// Pieces.
    pub quantity: Quantity,
    /// Without tax; not negative.
    pub unit_cost_minor: Minor,
    /// Absent: no tax.
    #[serde(default)]
    pub tax_code: Option<TaxCode>,
}

/// What an order is to say, but for the supplier's part in it.
pub(super) struct Asked<'a> {
    pub supplier_id: &'a SupplierId,
    pub store: &'a StoreId,
    pub lines: &'a [OrderLineRequest],
    pub tolerance_percent: i64,
    pub expected_on: Option<&'a str>,
    pub note: Option<&'a str>,
}

/// Lines with their costs and taxes, and what they come to.
pub(super) struct Reckoned {
    pub lines: Vec<PurchaseLine>,
    pub net_minor: Minor,
    pub tax_minor: Minor,
    /// Net and tax.
    pub total_minor: Minor,
    pub currency: Currency,
}

impl Asked<'_> {
    /// Loads all that it touches and the order itself, and reckons what it comes to.
    ///
    /// # Errors
    /// [`Missing::Streams`]; suppliers that are not active, stores that are closed, items that cannot be bought, limits
    /// of texts, tolerances and sums.
    pub fn reckon(&self, work: &Work<'_>, ctx: &Ctx, id: &PurchaseId) -> Result<Reckoned, Missing> {
        self.check()?;
        let others = [
            streams::tenant(),
            streams::store(self.store),
            streams::supplier(self.supplier_id),
            streams::purchase(id),
        ];
        let items = self.lines.iter().map(|line| streams::item(&line.sku));
        let counter = counter_needed(work, Series::Purchase);
        work.require(&distinct(others.into_iter().chain(counter).chain(items))?)?;
        let tenant = work.tenant(&ctx.tenant)?;
        work.active_supplier(self.supplier_id)?;
        work.open_store(self.store)?;
        let lines = self.priced(work, tenant)?;
        let net_minor = Minor::sum(lines.iter().map(|line| line.net_minor))?;
        let tax_minor = Minor::sum(lines.iter().map(|line| line.tax_minor))?;
        Ok(Reckoned {
            lines,
            net_minor,
            tax_minor,
            total_minor: net_minor.plus(tax_minor)?,
            currency: tenant.currency,
        })
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {});
        }
        check_entries("lines", self.lines.len(), MAX_ENTRIES)?;
        if !(0..=100).contains(&self.tolerance_percent) {
            let tolerance_percent = self.tolerance_percent;
            return Err(PurchaseRefusal::ToleranceInvalid { tolerance_percent }.into());
        }
        check_day(|| "expected_on".to_owned(), self.expected_on)?;
        check_optional_text("note", self.note, 500)
    }

    fn priced(&self, work: &Work<'_>, tenant: &Tenant) -> Result<Vec<PurchaseLine>, Missing> {
        let mut lines = Vec::with_capacity(self.lines.len());
        for ((index, number), line) in (0_usize..).zip(1..).zip(self.lines) {
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
