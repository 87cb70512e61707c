//! Takes in one sale that a till took without a network: the next of its numbers, completed or quarantined.
//!
//! A till that was retired meanwhile still has what it took: a manager sends it in, or it waits for one.

use schemas::envelope::Actor;
use schemas::events::offline::{OfflineLine, OfflineSale, OfflineSaleQuarantined, OfflineSaleRecorded};
use schemas::text::is_hidden;
use schemas::{Incarnation, QuarantineId, TerminalId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempt, attempt, number_of, retired, take_over};
use super::quarantine::Leniency;
use crate::admin::put_number;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::OfflineRefusal;
use crate::sales::{Sale, check_reference};
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Incarnations of one till.
const MAX_INCARNATIONS: usize = 1_000;
/// Roles that send in what a retired till still held.
const MAY_VOUCH: [&str; 2] = ["admin", "manager"];
/// What is kept of a word that a till noted: every SKU and every unit fits, so that what is cut off was neither.
const MAX_NOTED_CHARS: usize = 100;

/// Takes in the next sale of a till's count in the sender's name; a gap in the count is refused. Whatever keeps the
/// sale from being completed does not refuse it: it is quarantined, since it has happened. A number that is known is
/// answered as a duplicate if it is the same sale, else refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordOfflineSale {
    /// Which life of the till counts; another one counts from 1.
    pub incarnation: Incarnation,
    /// From 1, one by one.
    pub sequence: i64,
    /// Its content names the terminal. Lines and payments as many as came: a sale that is too long is kept, too, and the
    /// request's body bounds them.
    pub sale: OfflineSale,
}

impl Decide for RecordOfflineSale {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let content = &self.sale.content;
        let terminal = content
            .terminal
            .clone()
            .ok_or(OfflineRefusal::TerminalMissing {})?;
        let quarantine_id = quarantine_id(&terminal, &self.incarnation, self.sequence);
        let sale_stream = streams::sale(&self.sale.sale_id);
        let (till, quarantine) = (streams::till(&terminal), streams::quarantine(&quarantine_id));
        work.require([
            &streams::tenant(),
            &streams::terminal(&terminal),
            &streams::store(&content.store),
            &till,
            &quarantine,
            &sale_stream,
        ])?;
        let currency = work.tenant(&ctx.tenant)?.currency;
        let is_retired = work.terminal_of(&terminal, &content.store)?.retired;
        let numbers = work.till(&terminal)?;
        let expected = numbers.expected(&self.incarnation);
        if self.sequence < 1 || self.sequence > expected {
            return Err(OfflineRefusal::SequenceGap {
                terminal,
                expected,
                sequence: self.sequence,
            }
            .into());
        }
        if self.sequence < expected {
            let mut answer = self.again(&work, &terminal, &quarantine_id)?;
            answer["expected"] = json!(expected);
            return Ok(work.finish(answer));
        }
        if expected == 1 && numbers.last.len() >= MAX_INCARNATIONS {
            let max = MAX_INCARNATIONS;
            return Err(OfflineRefusal::TooManyIncarnations { terminal, max }.into());
        }

        let (cashier, sale) = (ctx.actor_name(), self.as_it_is_kept());
        let attempted = if is_retired && !may_vouch(&ctx.actor) {
            Attempt::Blocked(retired(&terminal))
        } else {
            attempt(&work, ctx, &sale, cashier, Leniency::default())?
        };
        let (mut answer, quarantined) = match attempted {
            Attempt::Completes(decision) => {
                let mut answer = self.answer("accepted");
                answer["total_minor"] = decision.answer.get("total_minor").cloned().unwrap_or(Value::Null);
                put_number(&mut answer, number_of(&decision));
                take_over(&mut work, decision)?;
                (answer, None)
            }
            Attempt::Blocked(cause) => {
                let mut answer = self.answer("quarantined");
                answer["quarantine_id"] = json!(quarantine_id);
                answer["kind"] = json!(cause.kind);
                answer["code"] = json!(cause.code);
                let quarantined = OfflineSaleQuarantined {
                    quarantine_id: quarantine_id.clone(),
                    terminal: terminal.clone(),
                    incarnation: self.incarnation.clone(),
                    sequence: self.sequence,
                    cashier: cashier.to_owned(),
                    sale,
                    cause,
                    currency,
                };
                work.emit(quarantine, quarantined)?;
                (answer, Some(quarantine_id))
            }
        };
        let recorded = OfflineSaleRecorded {
            terminal,
            store: content.store.clone(),
            incarnation: self.incarnation.clone(),
            sequence: self.sequence,
            sale_id: self.sale.sale_id.clone(),
            quarantine_id: quarantined,
            occurred_at: self.sale.occurred_at,
        };
        work.emit(till, recorded)?;
        answer["expected"] = json!(self.sequence.saturating_add(1));
        Ok(work.finish(answer))
    }
}

impl RecordOfflineSale {
    fn answer(&self, outcome: &str) -> Value {
        json!({ "sequence": self.sequence, "sale_id": self.sale.sale_id, "outcome": outcome })
    }

    /// The sale without the references of payments that may not be kept, such as card numbers: a quarantined sale is
    /// stored as it is, and one that is asked for again by a person does not come with another reference. Words of lines
    /// are bounded and printable.
    fn as_it_is_kept(&self) -> OfflineSale {
        let mut sale = self.sale.clone();
        for OfflineLine { sku, unit, .. } in &mut sale.content.lines {
            for word in [sku, unit].into_iter().flatten() {
                keep_printable(word);
            }
        }
        for (index, payment) in sale.payments.iter_mut().enumerate() {
            if check_reference(index, payment.reference.as_deref()).is_err() {
                payment.reference = None;
            }
        }
        sale
    }

    /// A number that was taken care of: the same sale again, or a till that counts anew under an old name. The latter
    /// must not be taken for the former, or its sale would be lost.
    fn again(&self, work: &Work<'_>, terminal: &TerminalId, id: &QuarantineId) -> Result<Value, Missing> {
        if let State::Quarantine(Some(kept)) = work.state(&streams::quarantine(id))? {
            if kept.sale.sale_id == self.sale.sale_id {
                let mut answer = self.answer("duplicate");
                answer["quarantine_id"] = json!(id);
                return Ok(answer);
            }
        } else if let State::Sale(Some(known)) = work.state(&streams::sale(&self.sale.sale_id))?
            && matches!(**known, Sale::Completed(_) | Sale::Voided { .. })
        {
            return Ok(self.answer("duplicate"));
        }
        Err(OfflineRefusal::SequenceReused {
            terminal: terminal.clone(),
            sequence: self.sequence,
            sale_id: self.sale.sale_id.clone(),
        }
        .into())
    }
}

/// Whether this person may send in what a retired till still held; what others send waits for such a person.
fn may_vouch(actor: &Actor) -> bool {
    match actor {
        Actor::User { role, .. } => MAY_VOUCH.contains(&role.as_str()),
        Actor::System { .. } | Actor::ApiKey { .. } => false,
    }
}

/// Cuts a word to [`MAX_NOTED_CHARS`], and shows what controls as what it is: not readable. A space before such a word makes
/// sure of that, whenever it is read again: neither an item nor a unit begins with one.
fn keep_printable(word: &mut String) {
    let controls = word.chars().any(is_hidden);
    if word.len() > MAX_NOTED_CHARS || controls {
        let shown = word.chars().map(|c| match c {
            c if is_hidden(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        });
        let mark = controls.then_some(' ');
        *word = mark.into_iter().chain(shown).take(MAX_NOTED_CHARS).collect();
    }
}

/// Where the sale of a till's number stands if it collides: the same at every try.
fn quarantine_id(terminal: &TerminalId, incarnation: &Incarnation, sequence: i64) -> QuarantineId {
    let name = format!("trastienda:offline:{terminal}/{incarnation}/{sequence}");
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes());
    QuarantineId::new(&id.to_string()).expect("a UUID is letters, digits and hyphens")
}
