//! Sets how fast repairs shall be ready and for how long they are guaranteed. Repairs that are taken in from now on
//! have these targets; the same terms again change nothing.

use schemas::events::settings::RepairTermsSet;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::AdminSettingsRefusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

const DAY_S: i64 = 24 * 60 * 60;
/// A target of more than a year is none.
const MAX_TARGET_S: i64 = 366 * DAY_S;
/// Ten years.
const MAX_WARRANTY_DAYS: i64 = 3_653;

/// What holds until a tenant says otherwise: a week, three days, a day and four hours; 90 days of warranty.
pub const DEFAULT_REPAIR_TERMS: RepairTermsSet = RepairTermsSet {
    low_target_s: 7 * DAY_S,
    normal_target_s: 3 * DAY_S,
    high_target_s: DAY_S,
    urgent_target_s: 4 * 60 * 60,
    warranty_days: 90,
};

/// Replaces all repair terms: targets of 1 second to 366 days, and 0 to 3,653 days of warranty. Repairs that are here
/// keep their target; a warranty is by the terms that hold at the delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetRepairTerms {
    pub terms: RepairTermsSet,
}

impl Decide for SetRepairTerms {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let terms = self.terms;
        let changes = work.tenant(&ctx.tenant)?.repair_terms != terms;
        for (field, value, min, max) in [
            ("low_target_s", terms.low_target_s, 1, MAX_TARGET_S),
            ("normal_target_s", terms.normal_target_s, 1, MAX_TARGET_S),
            ("high_target_s", terms.high_target_s, 1, MAX_TARGET_S),
            ("urgent_target_s", terms.urgent_target_s, 1, MAX_TARGET_S),
            ("warranty_days", terms.warranty_days, 0, MAX_WARRANTY_DAYS),
        ] {
            if !(min..=max).contains(&value) {
                let field = field.to_owned();
                return Err(AdminSettingsRefusal::NumberOutOfRange {
                    field,
                    value,
                    min,
                    max,
                }
                .into());
            }
        }
        if changes {
            work.emit(streams::tenant(), terms)?;
        }
        Ok(work.finish(json!(terms)))
    }
}
