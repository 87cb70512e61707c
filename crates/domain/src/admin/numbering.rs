//! Numbers of documents: the tenant says for which kinds there are any, and each is handed out once.
//! Stream `counter/<series>`.
//!
//! A number is taken by the command that makes the document, so that a refused command takes none. Not here: which
//! documents ask for one (drawn up in `docs/domain/numbering.md`).

use std::collections::BTreeMap;

use schemas::StreamName;
use schemas::events::settings::{NumberTaken, Series, SettingsEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::refusal::AdminSettingsRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// Largest count of a series, so that a number fits its digits.
pub const MAX_COUNT: i64 = 999_999_999_999;

/// How documents of one kind are numbered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// Stands before the digits; counts of another prefix are counted apart.
    pub prefix: String,
    /// No count below this is handed out.
    pub next: i64,
    /// Filled up with zeros to so many digits.
    pub digits: i64,
}

impl Numbering {
    /// A count as it stands on the document.
    pub fn number(&self, count: i64) -> String {
        let width = usize::try_from(self.digits).unwrap_or(1);
        format!("{}{count:0width$}", self.prefix)
    }
}

/// What was handed out so far, by prefix: the next free count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Prefixes that ever numbered a document, with the count after the last one that was taken.
    pub free: BTreeMap<String, i64>,
}

impl Counter {
    pub(crate) fn evolve(&mut self, event: &SettingsEvent) {
        if let SettingsEvent::NumberTaken(taken) = event {
            let next = taken.count.saturating_add(1);
            let free = self.free.entry(taken.prefix.clone()).or_insert(next);
            *free = next.max(*free);
        }
    }

    /// The count that the next document gets.
    pub fn next(&self, numbering: &Numbering) -> i64 {
        let free = self
            .free
            .get(&numbering.prefix)
            .copied()
            .unwrap_or(numbering.next);
        free.max(numbering.next)
    }

    pub(crate) fn weight(&self) -> usize {
        self.free.keys().map(|prefix| prefix.len() + 72).sum()
    }
}

/// The counter that the next document of this kind needs, if the tenant numbers these and is loaded: asked for with all
/// the rest, it costs no round trip of its own.
pub(crate) fn counter_needed(work: &Work<'_>, series: Series) -> Option<StreamName> {
    let Some(State::Tenant(Some(tenant))) = work.view(&streams::tenant()) else {
        return None;
    };
    let is_numbered = tenant.numbering.contains_key(&series);
    is_numbered.then(|| streams::counter(series))
}

/// Says a document's number in the answer to whoever made it; without a number there is no such field.
pub(crate) fn put_number(answer: &mut Value, number: Option<&str>) {
    if let Some(number) = number {
        answer["number"] = json!(number);
    }
}

/// Gives `document` (such as `sale/<sale_id>`) the next number of its series; `None` where the tenant has no numbers for it.
/// The tenant is loaded; the counter is asked for where it is needed.
///
/// # Errors
/// [`Missing::Streams`]; [`AdminSettingsRefusal::NumbersUsedUp`].
pub(crate) fn next_number(
    work: &mut Work<'_>,
    series: Series,
    document: &str,
) -> Result<Option<String>, Missing> {
    let State::Tenant(Some(tenant)) = work.state(&streams::tenant())? else {
        return Ok(None);
    };
    let Some(numbering) = tenant.numbering.get(&series).cloned() else {
        return Ok(None);
    };
    let stream = streams::counter(series);
    let State::Counter(counter) = work.state(&stream)? else {
        return Err(Missing::Streams(vec![stream]));
    };
    let count = counter.next(&numbering);
    if count > MAX_COUNT {
        return Err(AdminSettingsRefusal::NumbersUsedUp {
            series: series.as_str().to_owned(),
        }
        .into());
    }
    let number = numbering.number(count);
    let taken = NumberTaken {
        series,
        prefix: numbering.prefix,
        count,
        number: number.clone(),
        document: document.to_owned(),
    };
    work.emit(stream, taken)?;
    Ok(Some(number))
}
