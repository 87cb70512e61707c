//! What a customer pays although the device goes back as it was, such as a diagnosis: services, reckoned and paid like a
//! quote.
//!
//! Not here: how the repair ends (`end_repair`).

use schemas::Minor;
use schemas::events::catalogue::ItemKind;
use schemas::events::repair::RepairFee;
use schemas::events::sale::DraftLine;

use super::repair::Repair;
use crate::bounds::check_entries;
use crate::business_day::business_day;
use crate::context::Ctx;
use crate::refusal::{Refusal, RepairRefusal};
use crate::sales::{PaymentRequest, Terms, load_lines, on_account, price, resolve_offered, settle};
use crate::streams;
use crate::work::{Missing, Work};

/// Lines of one fee.
const MAX_LINES: usize = 20;

/// A fee, and how much of it goes on the customer's account.
pub(super) struct Reckoned {
    pub fee: RepairFee,
    pub on_account: Minor,
}

/// Prices the fee's lines and settles its payments; no lines are no fee.
///
/// # Errors
/// [`RepairRefusal::FeeNotDue`] when the warranty pays, [`RepairRefusal::FeeNotService`] for goods; what is wrong with a
/// line or a payment; [`Missing::Streams`].
pub(super) fn reckon(
    work: &Work<'_>,
    ctx: &Ctx,
    found: &Repair,
    (lines, payments): (&[DraftLine], &[PaymentRequest]),
) -> Result<Option<Reckoned>, Missing> {
    if lines.is_empty() {
        // Money for nothing is a mistake of whoever asks.
        let is_nothing = payments.is_empty();
        return if is_nothing {
            Ok(None)
        } else {
            Err(Refusal::LinesMissing {}.into())
        };
    }
    check_entries("fee", lines.len(), MAX_LINES)?;
    if found.covered {
        return Err(RepairRefusal::FeeNotDue {}.into());
    }
    let owner = streams::customer(&found.customer_id);
    let skus = load_lines(work, vec![streams::tenant(), owner], &found.store, lines)?;
    let tenant = work.tenant(&ctx.tenant)?;
    let resolved = resolve_offered(work, tenant, lines, skus)?;
    if let Some(line) = resolved
        .iter()
        .position(|line| line.goods.kind != ItemKind::Service)
    {
        let sku = resolved[line].goods.sku.clone();
        return Err(RepairRefusal::FeeNotService { sku, line }.into());
    }
    let terms = Terms {
        currency: tenant.currency,
        prices_include_tax: tenant.prices_include_tax,
    };
    let priced = price(resolved, None, terms)?;
    let settled = settle(priced.total_minor, terms.currency, payments)?;
    let on_account = on_account(work, Some(&found.customer_id), &settled.payments)?;
    let fee = RepairFee {
        currency: terms.currency,
        lines: priced.lines,
        tax_minor: priced.tax_minor,
        total_minor: priced.total_minor,
        payments: settled.payments,
        change_minor: settled.change_minor,
        business_day: business_day(ctx.now, &tenant.time_zone)?,
    };
    Ok(Some(Reckoned { fee, on_account }))
}
