//! From what is asked for to what is offered: goods, prices, discounts and taxes, by the rules of a sale.
//!
//! Serialised goods may be ordered by item; which units they are is said at the delivery.

use std::collections::HashMap;

use schemas::events::order::OrderContent;
use schemas::events::sale::{Discount, DraftLine};
use schemas::events::settings::Series;
use schemas::{CustomerId, Minor, OrderId, Sku, StoreId};

use crate::admin::counter_needed;
use crate::bounds::check_optional_text;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::sales::{Terms, load_lines, price, resolve_offered};
use crate::streams;
use crate::work::{Missing, Work};

/// What an order is to be about.
pub(super) struct Asked<'a> {
    pub store: &'a StoreId,
    pub customer_id: Option<&'a CustomerId>,
    pub reference: Option<&'a str>,
    pub lines: &'a [DraftLine],
    pub discount: Option<Discount>,
    /// What it was about, if it is there already: a line that gives no price keeps the one that its item had.
    pub before: Option<&'a OrderContent>,
}

impl Asked<'_> {
    /// Loads all that it touches and puts prices to it.
    ///
    /// # Errors
    /// [`Missing::Streams`]; goods that are not on sale, sums that cannot be, a customer who may not buy.
    pub fn content(&self, work: &Work<'_>, ctx: &Ctx, id: &OrderId) -> Result<OrderContent, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let mut others = vec![streams::tenant(), streams::store(self.store), streams::order(id)];
        others.extend(self.customer_id.map(streams::customer));
        if self.before.is_none() {
            others.extend(counter_needed(work, Series::Order));
        }
        let skus = load_lines(work, others, self.store, self.lines)?;
        let tenant = work.tenant(&ctx.tenant)?;
        work.open_store(self.store)?;
        if let Some(customer) = self.customer_id {
            work.customer(customer)?.check_may_buy(customer)?;
        }
        check_optional_text("reference", self.reference, 100)?;
        let lines = match self.before {
            Some(before) => {
                let asked = with_promised_prices(self.lines, &skus, before);
                resolve_offered(work, tenant, &asked, skus)?
            }
            None => resolve_offered(work, tenant, self.lines, skus)?,
        };
        let terms = Terms {
            currency: tenant.currency,
            prices_include_tax: tenant.prices_include_tax,
        };
        let priced = price(lines, self.discount, terms)?;
        Ok(OrderContent {
            store: self.store.clone(),
            customer_id: self.customer_id.cloned(),
            reference: self.reference.map(str::to_owned),
            currency: tenant.currency,
            lines: priced.lines,
            gross_minor: priced.gross_minor,
            discount_minor: priced.discount_minor,
            tax_minor: priced.tax_minor,
            total_minor: priced.total_minor,
        })
    }
}

/// What was promised for an item holds until somebody says another price: of several lines of an item the first one's.
fn with_promised_prices(asked: &[DraftLine], skus: &[Sku], before: &OrderContent) -> Vec<DraftLine> {
    let mut promised: HashMap<&Sku, Minor> = HashMap::with_capacity(before.lines.len());
    for line in &before.lines {
        promised.entry(&line.sku).or_insert(line.unit_price_minor);
    }
    let priced = |(line, sku): (&DraftLine, &Sku)| DraftLine {
        unit_price_minor: line.unit_price_minor.or_else(|| promised.get(sku).copied()),
        ..line.clone()
    };
    asked.iter().zip(skus).map(priced).collect()
}
