//! Says what a repair would cost, and records what the customer answers.
//!
//! A quote is reckoned like a sale: parts and labour by article, discounts, the tenant's taxes. Quoting anew while work
//! is under way stops the work until the customer has answered.

use schemas::RepairId;
use schemas::events::repair::{QuoteAnswer, RepairApproved, RepairDeclined, RepairQuoted};
use schemas::events::sale::{Discount, DraftLine};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::repair::Repair;
use crate::bounds::check_entries;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{Refusal, RepairRefusal};
use crate::sales::{Terms, load_lines, price, resolve_offered};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Lines of one quote.
const MAX_LINES: usize = 200;

/// Offers the customer a price for a diagnosed repair, or a new one in place of the last one while it waits for an
/// answer, was declined or is being worked on. Each has the next number; the very same lines again make none. Refused
/// when the warranty pays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuoteRepair {
    pub repair_id: RepairId,
    /// 1 to 200: parts, and labour as services.
    pub lines: Vec<DraftLine>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    pub discount: Option<Discount>,
}

impl Decide for QuoteRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        check_entries("lines", self.lines.len(), MAX_LINES)?;
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        let tenant = work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        check_may_be_quoted(found, id)?;
        let skus = load_lines(&work, Vec::new(), &found.store, &self.lines)?;
        let lines = resolve_offered(&work, tenant, &self.lines, skus)?;
        let terms = Terms {
            currency: tenant.currency,
            prices_include_tax: tenant.prices_include_tax,
        };
        let priced = price(lines, self.discount, terms)?;
        let current = found.quote.as_ref();
        let is_same =
            found.status == Status::Quoted && current.is_some_and(|quote| quote.lines == priced.lines);
        let before = current.map_or(0, |quote| quote.number);
        let quote = if is_same { before } else { before.saturating_add(1) };
        if !is_same {
            let quoted = RepairQuoted {
                repair_id: id.clone(),
                store: found.store.clone(),
                customer_id: found.customer_id.clone(),
                quote,
                currency: terms.currency,
                lines: priced.lines,
                gross_minor: priced.gross_minor,
                discount_minor: priced.discount_minor,
                tax_minor: priced.tax_minor,
                total_minor: priced.total_minor,
                sla: found.clock(Status::Quoted, ctx.now),
            };
            work.emit(stream, quoted)?;
        }
        let answer = json!({ "repair_id": id, "status": "quoted", "quote": quote, "currency": terms.currency,
            "tax_minor": priced.tax_minor, "total_minor": priced.total_minor });
        Ok(work.finish(answer))
    }
}

fn check_may_be_quoted(found: &Repair, id: &RepairId) -> Result<(), Missing> {
    if found.covered && found.status.is_open() {
        let repair_id = id.clone();
        return Err(RepairRefusal::UnderWarranty { repair_id }.into());
    }
    match found.status {
        Status::Diagnosed | Status::Quoted | Status::Declined | Status::InProgress => Ok(()),
        Status::Received
        | Status::Approved
        | Status::WaitingForParts
        | Status::Ready
        | Status::Delivered
        | Status::ReturnedUnrepaired
        | Status::Cancelled => Err(found.refusal(id)),
    }
}

/// What the customer says to a quote. Saying it again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerQuote {
    pub repair_id: RepairId,
    /// Which quote; absent: the current one.
    #[serde(default)]
    pub quote: Option<i64>,
    pub approves: bool,
    pub answer: QuoteAnswer,
}

impl Decide for AnswerQuote {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.repair_id;
        let stream = streams::repair(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let found = work.repair(id)?;
        let status = if self.approves {
            Status::Approved
        } else {
            Status::Declined
        };
        let Some(quote) = &found.quote else {
            return Err(found.refusal(id));
        };
        if found.status != Status::Quoted && found.status != status {
            return Err(found.refusal(id));
        }
        let (current, total_minor) = (quote.number, quote.total_minor);
        if let Some(quote) = self.quote.filter(|quote| *quote != current) {
            let repair_id = id.clone();
            return Err(RepairRefusal::QuoteChanged {
                repair_id,
                quote,
                current,
            }
            .into());
        }
        if found.status == Status::Quoted {
            let (repair_id, store) = (id.clone(), found.store.clone());
            let sla = found.clock(status, ctx.now);
            let answer = self.answer.clone();
            if self.approves {
                let approved = RepairApproved {
                    repair_id,
                    store,
                    quote: current,
                    total_minor,
                    answer,
                    sla,
                };
                work.emit(stream, approved)?;
            } else {
                let declined = RepairDeclined {
                    repair_id,
                    store,
                    quote: current,
                    answer,
                    sla,
                };
                work.emit(stream, declined)?;
            }
        }
        Ok(work.finish(json!({ "repair_id": id, "status": status.as_str(), "quote": current })))
    }
}
