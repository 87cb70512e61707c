//! Gives documents of one kind numbers, changes how they look, or ends them. The same setting again changes nothing.

use schemas::events::settings::{NumberingEnded, NumberingSet, Series};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::numbering::{MAX_COUNT, Numbering};
use crate::bounds::check_entries;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::{AdminSettingsRefusal, Refusal};
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Prefixes that one series may have had.
const MAX_PREFIXES: usize = 500;

/// Starts numbering documents of one kind or changes how. A count that this prefix has used up already is refused, so
/// that no number is handed out twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetNumbering {
    pub series: Series,
    /// At most 20 characters; may be empty.
    pub prefix: String,
    /// The next count, 1 to 999,999,999,999.
    pub next: i64,
    /// 1 to 12.
    pub digits: i64,
}

impl Decide for SetNumbering {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let counter_stream = streams::counter(self.series);
        work.require([&streams::tenant(), &counter_stream])?;
        let tenant = work.tenant(&ctx.tenant)?;
        self.check()?;
        let wanted = Numbering {
            prefix: self.prefix.clone(),
            next: self.next,
            digits: self.digits,
        };
        let changes = tenant.numbering.get(&self.series) != Some(&wanted);
        let State::Counter(counter) = work.state(&counter_stream)? else {
            return Err(Missing::Streams(vec![counter_stream]));
        };
        if changes {
            if let Some(free) = counter.free.get(&self.prefix).filter(|free| **free > self.next) {
                return Err(AdminSettingsRefusal::NumberUsed { free: *free }.into());
            }
            let new = usize::from(!counter.free.contains_key(&self.prefix));
            check_entries("prefix", counter.free.len().saturating_add(new), MAX_PREFIXES)?;
        }
        let next = wanted.number(counter.next(&wanted));
        if changes {
            let set = NumberingSet {
                series: self.series,
                prefix: self.prefix.clone(),
                next: self.next,
                digits: self.digits,
            };
            work.emit(streams::tenant(), set)?;
        }
        Ok(work.finish(json!({ "series": self.series, "next_number": next })))
    }
}

impl SetNumbering {
    fn check(&self) -> Result<(), Missing> {
        let prefix = &self.prefix;
        if prefix.chars().count() > 20 || prefix.chars().any(char::is_control) {
            return Err(Refusal::TextInvalid {
                field: "prefix".to_owned(),
                max_chars: 20,
            }
            .into());
        }
        for (field, value, max) in [("next", self.next, MAX_COUNT), ("digits", self.digits, 12)] {
            if !(1..=max).contains(&value) {
                return Err(AdminSettingsRefusal::NumberOutOfRange {
                    field: field.to_owned(),
                    value,
                    min: 1,
                    max,
                }
                .into());
            }
        }
        Ok(())
    }
}

/// Documents of this kind get no numbers any more; those that have one keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndNumbering {
    pub series: Series,
}

impl Decide for EndNumbering {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if work.tenant(&ctx.tenant)?.numbering.contains_key(&self.series) {
            work.emit(streams::tenant(), NumberingEnded { series: self.series })?;
        }
        Ok(work.finish(json!({ "series": self.series })))
    }
}
