//! Changes an item's name, price, tax or details. What stays as it is does not appear in the event, and a change to
//! what holds already is none.

use schemas::events::catalogue::{ItemChanged, ItemDetails, double_option};
use schemas::{Minor, Sku, TaxCode};
use serde::{Deserialize, Serialize};

use super::fields::{self, MAX_NAME_CHARS, normal_details};
use crate::bounds::{check_not_negative, check_optional_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes fields of an item, discontinued or not; sku and kind never change. Sales, quotes and orders that were made
/// keep their prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeItem {
    pub sku: Sku,
    /// 1 to 200 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// Of one unit, in minor units of the tenant's currency; 0 is allowed.
    #[serde(default)]
    pub price_minor: Option<Minor>,
    /// Absent leaves the tax, `null` clears it.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    pub tax_code: Option<Option<TaxCode>>,
    /// Replaces all details when present.
    #[serde(default)]
    pub details: Option<ItemDetails>,
}

impl Decide for ChangeItem {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::item(&self.sku);
        work.require([&streams::tenant(), &stream])?;
        let tenant = work.tenant(&ctx.tenant)?;
        let item = work.item(&self.sku)?;
        check_optional_text("name", self.name.as_deref(), MAX_NAME_CHARS)?;
        check_not_negative("price_minor", self.price_minor)?;
        if let Some(tax_code) = &self.tax_code {
            tenant.rate_ppm(tax_code.as_ref())?;
        }
        let details = self.details.as_ref().map(normal_details).transpose()?;
        let changed = ItemChanged {
            sku: self.sku.clone(),
            name: self.name.clone().filter(|name| *name != item.name),
            price_minor: self.price_minor.filter(|price| *price != item.price_minor),
            currency: tenant.currency,
            tax_code: self
                .tax_code
                .clone()
                .filter(|tax_code| *tax_code != item.tax_code),
            details: details.filter(|details| *details != item.details),
        };
        let nothing = changed.name.is_none()
            && changed.price_minor.is_none()
            && changed.tax_code.is_none()
            && changed.details.is_none();
        if !nothing {
            work.emit(stream, changed)?;
        }
        Ok(work.finish(fields::answer(&self.sku)))
    }
}
