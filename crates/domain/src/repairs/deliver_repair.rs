//! Hands the repaired device over, against payment or on the customer's account. Nothing is due when the warranty pays.

use schemas::Minor;
use schemas::RepairId;
use schemas::events::customer::LedgerCause;
use schemas::events::repair::RepairDelivered;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Status, warranty};
use crate::business_day::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::customers;
use crate::sales::{PaymentRequest, on_account, settle};
use crate::stock::end_custody;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Hands over a device whose repair is ready, once. Charges the approved quote unless the warranty pays, and starts the
/// warranty on the repair by today's terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliverRepair {
    pub repair_id: RepairId,
    /// At most 50; they come to the quote's total, and only cash gives change.
    #[serde(default)]
    pub payments: Vec<PaymentRequest>,
}

impl Decide for DeliverRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        let tenant = work.tenant(&ctx.tenant)?;
        let (currency, terms) = (tenant.currency, tenant.repair_terms);
        let business_day = business_day(ctx.now, &tenant.time_zone)?;
        let found = work.repair(id)?.clone();
        work.require([
            &streams::customer(&found.customer_id),
            &streams::unit(&found.unit),
        ])?;
        if found.status != Status::Ready {
            return Err(found.refusal(id));
        }
        let quote = found.quote.as_ref().filter(|_| !found.covered);
        let (total_minor, tax_minor) = quote.map_or((Minor::ZERO, Minor::ZERO), |quote| {
            (quote.total_minor, quote.tax_minor)
        });
        let settled = settle(total_minor, currency, &self.payments)?;
        let on_account = on_account(&work, Some(&found.customer_id), &settled.payments)?;
        let warranty_until = (terms.warranty_days > 0)
            .then(|| warranty::days_after(&business_day, terms.warranty_days))
            .flatten();
        let delivered = RepairDelivered {
            repair_id: id.clone(),
            store: found.store.clone(),
            customer_id: found.customer_id.clone(),
            currency,
            total_minor,
            tax_minor,
            payments: settled.payments,
            change_minor: settled.change_minor,
            warranty_until: warranty_until.clone(),
            business_day,
        };
        let mut answer = json!(delivered);
        answer["status"] = json!("delivered");
        work.emit(stream, delivered)?;
        let cause = LedgerCause::Repair {
            repair_id: id.clone(),
        };
        customers::charge(&mut work, &found.customer_id, on_account, cause)?;
        end_custody(&mut work, &found.unit, id, warranty_until)?;
        Ok(work.finish(answer))
    }
}
