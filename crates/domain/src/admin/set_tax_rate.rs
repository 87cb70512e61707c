//! Adds a tax rate or changes one; sales from then on use it. The same rate again changes nothing.

use schemas::TaxCode;
use schemas::events::admin::TaxRateSet;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::TaxRate;
use crate::bounds::{check_entries, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Tax codes of one tenant.
const MAX_TAX_CODES: usize = 200;

/// Sets name and rate of one tax code, new or known; none is ever taken away, and there are at most 200. What was sold
/// keeps the rate that it had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetTaxRate {
    pub tax_code: TaxCode,
    /// 1 to 100 characters.
    pub name: String,
    /// Parts per million, 0 to 1,000,000: 150,000 is 15 %.
    pub rate_ppm: i64,
}

impl Decide for SetTaxRate {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let rates = &work.tenant(&ctx.tenant)?.tax_rates;
        check_text("name", &self.name, 100)?;
        if !(0..=1_000_000).contains(&self.rate_ppm) {
            return Err(Refusal::TaxRateOutOfRange {
                rate_ppm: self.rate_ppm,
            }
            .into());
        }
        let wanted = TaxRate {
            name: self.name.clone(),
            rate_ppm: self.rate_ppm,
        };
        let current = rates.get(&self.tax_code);
        if current.is_none() {
            check_entries("tax_code", rates.len() + 1, MAX_TAX_CODES)?;
        }
        if current != Some(&wanted) {
            let TaxRate { name, rate_ppm } = wanted;
            work.emit(
                streams::tenant(),
                TaxRateSet {
                    tax_code: self.tax_code.clone(),
                    name,
                    rate_ppm,
                },
            )?;
        }
        Ok(work.finish(json!({ "tax_code": self.tax_code })))
    }
}
