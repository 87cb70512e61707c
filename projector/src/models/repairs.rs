//! Repairs: whose device, what has become of it, the quote, the clock, where it is (CRM-3).
//!
//! Not here: the parts (`repair_parts`). The name of who answered a quote stays sealed.

use schemas::events::RepairEvent;
use schemas::events::repair::{
    AnswerChannel, KeptPart, MovedPart, QuoteAnswer, RepairPriority, RepairReceived, SlaClock, Workshop,
};
use schemas::{Event, Quantity, RepairId};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One repair. Amounts are in minor units of `currency`.
    RepairRow, RepairKey {
        key { tenant: String, repair_id: String }
        /// The tenant's own number.
        number: Option<String>,
        store: String,
        customer_id: String,
        /// `received`, `diagnosed`, `quoted`, `approved`, `declined`, `in_progress`, `waiting_for_parts`, `ready`,
        /// `delivered`, `returned_unrepaired` or `cancelled`.
        status: String,
        unit: String,
        description: String,
        /// The sale or the sales order, and the article, when we sold it.
        sale_id: Option<String>,
        order_id: Option<String>,
        sku: Option<String>,
        /// Texts as a JSON array.
        accessories: String,
        fault: String,
        /// `low`, `normal`, `high` or `urgent`.
        priority: String,
        promised_at: Option<OffsetDateTime>,
        /// Last day of the warranty at the intake.
        warranty_until: Option<String>,
        under_warranty: bool,
        diagnosis: Option<String>,
        /// The warranty pays.
        covered: bool,
        /// The current quote's number, from 1; 0 without one.
        quote: i64,
        /// `SaleLine`s as a JSON array.
        quote_lines: String,
        quote_tax_minor: i64,
        quote_total_minor: i64,
        currency: Option<String>,
        /// How the customer answered: `in_person`, `phone`, `message` or `email`.
        answer_channel: Option<String>,
        /// Who answered in the customer's stead.
        answered_by_sealed: Option<String>,
        answered_at: Option<OffsetDateTime>,
        /// `KeptPart`s as a JSON array.
        kept: String,
        /// `supplier/<id>` or `user/<username>`, while it is there.
        workshop: Option<String>,
        workshop_instructions: Option<String>,
        sent_at: Option<OffsetDateTime>,
        work_done: Option<String>,
        /// Why it waits for parts, was cancelled or went back unrepaired.
        note: Option<String>,
        /// What was due at the delivery, or for a device that went back unrepaired all the same.
        total_minor: i64,
        /// `SaleLine`s of what was charged for a device that went back unrepaired, as a JSON array.
        fee_lines: String,
        /// `SalePayment`s as a JSON array.
        payments: String,
        change_minor: i64,
        /// Last day of the warranty on the work.
        repair_warranty_until: Option<String>,
        sla_target_s: i64,
        /// Microseconds that the clock ran before `sla_since`.
        sla_spent_us: i64,
        /// Absent while the clock rests.
        sla_since: Option<OffsetDateTime>,
        sla_due_at: Option<OffsetDateTime>,
        sla_breached: bool,
        /// Who took it in.
        actor: String,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
        /// Position of the intake: lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

pub(super) fn id_of(event: &RepairEvent) -> &RepairId {
    match event {
        RepairEvent::Received(e) => &e.repair_id,
        RepairEvent::Diagnosed(e) => &e.repair_id,
        RepairEvent::Quoted(e) => &e.repair_id,
        RepairEvent::Approved(e) => &e.repair_id,
        RepairEvent::Declined(e) => &e.repair_id,
        RepairEvent::Started(e) => &e.repair_id,
        RepairEvent::WaitingForParts(e) => &e.repair_id,
        RepairEvent::Resumed(e) => &e.repair_id,
        RepairEvent::PartsKept(e) => &e.repair_id,
        RepairEvent::PartsTaken(e) => &e.repair_id,
        RepairEvent::PartsGivenBack(e) => &e.repair_id,
        RepairEvent::SentToWorkshop(e) => &e.repair_id,
        RepairEvent::BackFromWorkshop(e) => &e.repair_id,
        RepairEvent::Ready(e) => &e.repair_id,
        RepairEvent::Delivered(e) => &e.repair_id,
        RepairEvent::ReturnedUnrepaired(e) => &e.repair_id,
        RepairEvent::Cancelled(e) => &e.repair_id,
        RepairEvent::SlaBreached(e) => &e.repair_id,
    }
}

fn priority_name(priority: RepairPriority) -> &'static str {
    match priority {
        RepairPriority::Low => "low",
        RepairPriority::Normal => "normal",
        RepairPriority::High => "high",
        RepairPriority::Urgent => "urgent",
    }
}

fn channel_name(channel: AnswerChannel) -> &'static str {
    match channel {
        AnswerChannel::InPerson => "in_person",
        AnswerChannel::Phone => "phone",
        AnswerChannel::Message => "message",
        AnswerChannel::Email => "email",
    }
}

fn workshop_name(workshop: &Workshop) -> String {
    match workshop {
        Workshop::Supplier { supplier_id } => format!("supplier/{supplier_id}"),
        Workshop::User { username } => format!("user/{username}"),
    }
}

impl RepairRow {
    fn received(key: &RepairKey, e: &RepairReceived, fact: &Fact) -> Result<Self, FoldError> {
        let sold = e.device.sold.as_ref();
        Ok(RepairRow {
            tenant: key.tenant.clone(),
            repair_id: key.repair_id.clone(),
            number: e.number.clone(),
            store: e.store.to_string(),
            customer_id: e.customer_id.to_string(),
            status: "received".to_owned(),
            unit: e.device.unit.to_string(),
            description: e.device.description.clone(),
            sale_id: sold.and_then(|sold| Some(sold.sale_id.as_ref()?.to_string())),
            order_id: sold.and_then(|sold| Some(sold.order_id.as_ref()?.to_string())),
            sku: sold.map(|sold| sold.sku.to_string()),
            accessories: document(&e.accessories)?,
            fault: e.fault.clone(),
            priority: priority_name(e.priority).to_owned(),
            promised_at: e.promised_at,
            warranty_until: e.warranty_until.clone(),
            under_warranty: e.under_warranty,
            diagnosis: None,
            covered: false,
            quote: 0,
            quote_lines: "[]".to_owned(),
            quote_tax_minor: 0,
            quote_total_minor: 0,
            currency: None,
            answer_channel: None,
            answered_by_sealed: None,
            answered_at: None,
            kept: "[]".to_owned(),
            workshop: None,
            workshop_instructions: None,
            sent_at: None,
            work_done: None,
            note: None,
            total_minor: 0,
            fee_lines: "[]".to_owned(),
            payments: "[]".to_owned(),
            change_minor: 0,
            repair_warranty_until: None,
            sla_target_s: e.sla_target_s,
            sla_spent_us: e.sla.spent_us,
            sla_since: e.sla.since,
            sla_due_at: e.sla.due_at,
            sla_breached: false,
            actor: fact.actor().to_owned(),
            created_at: fact.recorded_at,
            changed_at: fact.recorded_at,
            created_position: fact.position,
            last_position: fact.position,
        })
    }

    fn turn(&mut self, status: &str, sla: &SlaClock) {
        status.clone_into(&mut self.status);
        self.sla_spent_us = sla.spent_us;
        self.sla_since = sla.since;
        self.sla_due_at = sla.due_at;
        if matches!(status, "ready" | "returned_unrepaired" | "cancelled") {
            "[]".clone_into(&mut self.kept);
        }
    }

    /// What was taken is not kept any more.
    fn keep_less(&mut self, taken: &[MovedPart]) -> Result<(), FoldError> {
        let mut kept: Vec<KeptPart> =
            serde_json::from_str(&self.kept).map_err(|error| FoldError::Document(error.to_string()))?;
        for part in taken {
            let mut left = part.quantity.get();
            kept.retain_mut(|kept| {
                if kept.sku != part.sku || kept.unit != part.unit {
                    return true;
                }
                let stays = kept.quantity.get().saturating_sub(left);
                left = left.saturating_sub(kept.quantity.get()).max(0);
                Quantity::new(stays).is_ok_and(|stays| {
                    kept.quantity = stays;
                    true
                })
            });
        }
        self.kept = document(&kept)?;
        Ok(())
    }

    fn answered(&mut self, answer: &QuoteAnswer, at: OffsetDateTime) {
        self.answer_channel = Some(channel_name(answer.channel).to_owned());
        self.answered_by_sealed = answer.answered_by.as_ref().map(|name| name.sealed.clone());
        self.answered_at = Some(at);
    }

    fn follow(&mut self, event: &RepairEvent, at: OffsetDateTime) -> Result<(), FoldError> {
        match event {
            RepairEvent::Diagnosed(e) => {
                self.diagnosis = Some(e.diagnosis.clone());
                self.covered = e.covered;
                self.turn("diagnosed", &e.sla);
            }
            RepairEvent::Quoted(e) => {
                self.quote = e.quote;
                self.quote_lines = document(&e.lines)?;
                self.quote_tax_minor = e.tax_minor.get();
                self.quote_total_minor = e.total_minor.get();
                self.currency = Some(e.currency.code().to_owned());
                self.answer_channel = None;
                self.answered_by_sealed = None;
                self.answered_at = None;
                self.turn("quoted", &e.sla);
            }
            RepairEvent::Approved(e) => {
                self.answered(&e.answer, at);
                self.turn("approved", &e.sla);
            }
            RepairEvent::Declined(e) => {
                self.answered(&e.answer, at);
                self.turn("declined", &e.sla);
            }
            RepairEvent::Started(e) => self.turn("in_progress", &e.sla),
            RepairEvent::WaitingForParts(e) => {
                self.note.clone_from(&e.note);
                self.turn("waiting_for_parts", &e.sla);
            }
            RepairEvent::Resumed(e) => {
                self.note = None;
                self.turn("in_progress", &e.sla);
            }
            RepairEvent::PartsKept(e) => self.kept = document(&e.lines)?,
            RepairEvent::PartsTaken(e) => self.keep_less(&e.lines)?,
            RepairEvent::PartsGivenBack(_) | RepairEvent::Received(_) => {}
            RepairEvent::SentToWorkshop(e) => {
                self.workshop = Some(workshop_name(&e.workshop));
                self.workshop_instructions.clone_from(&e.instructions);
                self.sent_at = Some(at);
            }
            RepairEvent::BackFromWorkshop(_) => {
                self.workshop = None;
                self.workshop_instructions = None;
                self.sent_at = None;
            }
            RepairEvent::Ready(e) => {
                self.work_done = Some(e.work_done.clone());
                self.turn("ready", &e.sla);
            }
            RepairEvent::Delivered(e) => {
                "delivered".clone_into(&mut self.status);
                self.total_minor = e.total_minor.get();
                self.currency = Some(e.currency.code().to_owned());
                self.payments = document(&e.payments)?;
                self.change_minor = e.change_minor.get();
                self.repair_warranty_until.clone_from(&e.warranty_until);
            }
            RepairEvent::ReturnedUnrepaired(e) => {
                self.note = Some(e.cause.clone());
                if let Some(fee) = &e.fee {
                    self.total_minor = fee.total_minor.get();
                    self.currency = Some(fee.currency.code().to_owned());
                    self.fee_lines = document(&fee.lines)?;
                    self.payments = document(&fee.payments)?;
                    self.change_minor = fee.change_minor.get();
                }
                self.turn("returned_unrepaired", &e.sla);
            }
            RepairEvent::Cancelled(e) => {
                self.note.clone_from(&e.note);
                self.turn("cancelled", &e.sla);
            }
            RepairEvent::SlaBreached(_) => self.sla_breached = true,
        }
        Ok(())
    }
}

impl ReadModel for RepairRow {
    const NAME: &'static str = "repairs";
    const VERSION: i32 = 4;
    const INDEXES: &'static str = "
        create index rm_repairs_order on rm_repairs (tenant, created_position);
        create index rm_repairs_number on rm_repairs (tenant, number) where number is not null;
        create index rm_repairs_open on rm_repairs (tenant, store, created_position)
          where status not in ('delivered', 'returned_unrepaired', 'cancelled');
        create index rm_repairs_customer on rm_repairs (tenant, customer_id, created_position);
        create index rm_repairs_unit on rm_repairs (tenant, unit, created_position);
        create index rm_repairs_workshop on rm_repairs (tenant, workshop, created_position)
          where workshop is not null;";

    fn keys(fact: &Fact) -> Vec<RepairKey> {
        let Event::Repair(event) = &fact.event else {
            return Vec::new();
        };
        vec![RepairKey {
            tenant: fact.tenant.clone(),
            repair_id: id_of(event).to_string(),
        }]
    }

    fn opens(fact: &Fact) -> bool {
        matches!(&fact.event, Event::Repair(RepairEvent::Received(_)))
    }

    fn fold(row: Option<Self>, key: &RepairKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Repair(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let RepairEvent::Received(received) = event {
            return Self::received(key, received, fact);
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        row.follow(event, fact.recorded_at)?;
        row.changed_at = fact.recorded_at;
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! The way of one repair.

    use serde_json::{Value, json};

    use super::*;
    use crate::fact::given::event;

    pub fn received() -> Event {
        event(
            "repair.received",
            json!({"repair_id": "r1", "store": "centro", "customer_id": "c1", "number": "R-1", "fault": "No enciende",
                   "device": {"unit": "serial:1", "description": "Nokia"}, "accessories": ["funda"],
                   "priority": "normal", "under_warranty": false, "sla_target_s": 60,
                   "sla": {"spent_us": 0, "since": "2026-11-22T18:00:00Z", "due_at": "2026-11-22T18:01:00Z"}}),
        )
    }

    /// An event of the same repair.
    pub fn next(kind: &str, fields: Value) -> Event {
        let mut data = json!({"repair_id": "r1", "store": "centro"});
        data.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        event(&format!("repair.{kind}"), data)
    }

    pub fn resting() -> Value {
        json!({"spent_us": 5})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::samples::{next, received, resting};
    use super::*;
    use crate::fact::given::folded;

    fn quoted() -> Event {
        next(
            "quoted",
            json!({"customer_id": "c1", "quote": 1, "currency": "HNL", "lines": [], "gross_minor": 9,
                   "discount_minor": 0, "tax_minor": 1, "total_minor": 9, "sla": resting()}),
        )
    }

    #[test]
    fn a_repair_says_what_has_become_of_it_and_how_its_clock_stands() {
        let rows = folded::<RepairRow>([received()]).unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].number.as_deref()),
            ("received", Some("R-1"))
        );
        assert!(rows[0].sla_due_at.is_some());
        let diagnosed = next(
            "diagnosed",
            json!({"diagnosis": "Pantalla", "covered": false, "sla": resting()}),
        );
        let approved = next(
            "approved",
            json!({"quote": 1, "total_minor": 9, "sla": resting(),
                   "answer": {"channel": "phone", "answered_by": {"sealed": "v1.x"}}}),
        );
        let rows = folded::<RepairRow>([received(), diagnosed, quoted(), approved]).unwrap();
        let row = &rows[0];
        assert_eq!((row.status.as_str(), row.quote_total_minor), ("approved", 9));
        assert_eq!((row.sla_spent_us, row.sla_due_at), (5, None));
        assert_eq!(row.answered_by_sealed.as_deref(), Some("v1.x"));
        let again = folded::<RepairRow>([received(), quoted(), quoted()]).unwrap();
        assert_eq!(again[0].answer_channel, None);
    }

    #[test]
    fn a_device_is_at_a_workshop_until_it_is_back() {
        let workshop = json!({"kind": "supplier", "supplier_id": "buho"});
        let sent = next(
            "sent_to_workshop",
            json!({"workshop": workshop, "instructions": "Conector"}),
        );
        let rows = folded::<RepairRow>([received(), sent.clone()]).unwrap();
        assert_eq!(rows[0].workshop.as_deref(), Some("supplier/buho"));
        let back = next("back_from_workshop", json!({"workshop": workshop}));
        let rows = folded::<RepairRow>([received(), sent, back]).unwrap();
        assert_eq!((rows[0].workshop.as_deref(), rows[0].sent_at), (None, None));
    }

    #[test]
    fn what_was_taken_is_not_kept_any_more() {
        let kept = next(
            "parts_kept",
            json!({"lines": [{"sku": "A", "quantity": 3}, {"sku": "B", "quantity": 1}]}),
        );
        let part = |sku: &str| json!({"sku": sku, "quantity": 1, "costed_quantity": 0, "cost_minor": 0});
        let taken = next("parts_taken", json!({"lines": [part("A"), part("B"), part("C")]}));
        let rows = folded::<RepairRow>([received(), kept, taken]).unwrap();
        assert_eq!(rows[0].kept, r#"[{"sku":"A","quantity":2}]"#);
    }

    #[test]
    fn a_missed_target_stays_missed() {
        let breached = next(
            "sla_breached",
            json!({"priority": "normal", "target_s": 60, "due_at": "2026-11-22T18:01:00Z"}),
        );
        let ready = next("ready", json!({"work_done": "Hecho", "sla": resting()}));
        let rows = folded::<RepairRow>([received(), breached, ready]).unwrap();
        assert!(rows[0].sla_breached && rows[0].status == "ready");
    }

    #[test]
    fn what_was_never_taken_in_cannot_go_on() {
        assert!(folded::<RepairRow>([quoted()]).is_err());
    }
}
