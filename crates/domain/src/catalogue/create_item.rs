//! Adds an article, device or service to the catalogue, under a new SKU.

use schemas::events::catalogue::{ItemCreated, ItemDetails, ItemKind};
use schemas::{Minor, Sku, TaxCode};
use serde::{Deserialize, Serialize};

use super::fields::{self, MAX_NAME_CHARS, normal_details};
use crate::bounds::{check_not_negative, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Adds an item that is on sale at once in every store. A SKU that was ever taken is refused, and so is a tax code that
/// has no rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateItem {
    pub sku: Sku,
    /// 1 to 200 characters.
    pub name: String,
    /// Counted, serialised or service; it never changes.
    pub kind: ItemKind,
    /// Of one unit, in minor units of the tenant's currency; 0 is allowed.
    pub price_minor: Minor,
    /// Absent: no tax.
    #[serde(default)]
    pub tax_code: Option<TaxCode>,
    #[serde(default)]
    pub details: ItemDetails,
}

impl Decide for CreateItem {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::item(&self.sku);
        work.require([&streams::tenant(), &stream])?;
        let tenant = work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::Item(None)) {
            return Err(Refusal::ItemExists {
                sku: self.sku.clone(),
            }
            .into());
        }
        check_text("name", &self.name, MAX_NAME_CHARS)?;
        check_not_negative("price_minor", Some(self.price_minor))?;
        tenant.rate_ppm(self.tax_code.as_ref())?;
        let created = ItemCreated {
            sku: self.sku.clone(),
            name: self.name.clone(),
            kind: self.kind,
            price_minor: self.price_minor,
            currency: tenant.currency,
            tax_code: self.tax_code.clone(),
            details: normal_details(&self.details)?,
        };
        work.emit(stream, created)?;
        Ok(work.finish(fields::answer(&self.sku)))
    }
}
