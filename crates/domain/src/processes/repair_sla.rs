//! Notices that a repair's target is missed: one timer per repair whose clock runs.

use schemas::events::RepairEvent;
use schemas::events::repair::SlaClock;
use schemas::{Event, RepairId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Fact, Process, Reaction, Timer};
use crate::refusal::{Refusal, RepairRefusal};
use crate::repairs::RecordSlaBreach;

/// Submits [`RecordSlaBreach`] when a running clock comes to its target; the timer's key is the repair's id.
pub const REPAIR_SLA: Process = Process {
    name: "repair_sla",
    event_types: &[
        "repair.received",
        "repair.diagnosed",
        "repair.quoted",
        "repair.approved",
        "repair.declined",
        "repair.started",
        "repair.waiting_for_parts",
        "repair.resumed",
        "repair.ready",
        "repair.returned_unrepaired",
        "repair.cancelled",
        "repair.sla_breached",
    ],
    react,
};

fn react(fact: &Fact<'_>) -> Vec<Reaction> {
    match fact {
        Fact::Happened(Event::Repair(event)) => of_event(event).into_iter().collect(),
        Fact::Happened(_) => Vec::new(),
        Fact::Due(timer) => RepairId::new(timer.key)
            .map(|repair_id| Reaction::submit(RecordSlaBreach { repair_id }))
            .into_iter()
            .collect(),
        Fact::Refused { timer, refusal } => of_refusal(timer, refusal).into_iter().collect(),
    }
}

/// Each event that moves a repair on says how its clock stands.
fn of_event(event: &RepairEvent) -> Option<Reaction> {
    let clock = |id: &RepairId, sla: &SlaClock| {
        let key = id.to_string();
        Some(match sla.due_at {
            Some(due_at) => Reaction::Schedule { key, due_at },
            None => Reaction::Cancel { key },
        })
    };
    match event {
        RepairEvent::Received(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Diagnosed(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Quoted(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Approved(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Declined(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Started(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::WaitingForParts(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Resumed(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Ready(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::ReturnedUnrepaired(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::Cancelled(e) => clock(&e.repair_id, &e.sla),
        RepairEvent::SlaBreached(e) => Some(Reaction::Cancel {
            key: e.repair_id.to_string(),
        }),
        // These leave the clock alone; a repair that is delivered was ready before.
        RepairEvent::PartsKept(_)
        | RepairEvent::PartsTaken(_)
        | RepairEvent::PartsGivenBack(_)
        | RepairEvent::SentToWorkshop(_)
        | RepairEvent::BackFromWorkshop(_)
        | RepairEvent::Delivered(_) => None,
    }
}

/// The clock had rested meanwhile and runs again, or the database's clock is ahead of the engine's: then it is tried
/// again when it is due. Any other refusal says that the matter is closed.
fn of_refusal(timer: &Timer<'_>, refusal: &Refusal) -> Option<Reaction> {
    if let Refusal::Repairs(RepairRefusal::SlaNotDue { due_at, .. }) = refusal {
        return Some(Reaction::Schedule {
            key: timer.key.to_owned(),
            due_at: OffsetDateTime::parse(due_at, &Rfc3339).unwrap_or(timer.due_at),
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::repairs::tests::{THE, diagnose, intake, quote, the};
    use crate::testing::*;

    /// What the process makes of the last event of a repair that it is shown.
    fn after(given: &Given) -> Vec<Reaction> {
        let happened = given
            .events()
            .filter(|event| REPAIR_SLA.event_types.contains(&event.event_type()));
        react(&Fact::Happened(happened.last().expect("an event of a repair")))
    }

    #[test]
    fn a_running_clock_sets_a_timer_and_a_resting_one_takes_it_away() {
        let shop = crate::repairs::tests::workshop().and(intake());
        let due_at = NOW + Duration::days(3);
        let key = THE.to_owned();
        assert_eq!(
            after(&shop),
            [Reaction::Schedule {
                key: key.clone(),
                due_at
            }]
        );
        let quoted = shop.and(diagnose()).at(NOW + Duration::hours(2)).and(quote());
        assert_eq!(after(&quoted), [Reaction::Cancel { key }]);
    }

    #[test]
    fn a_due_timer_asks_for_the_breach_and_comes_again_when_it_is_not_due_yet() {
        let timer = Timer {
            key: THE,
            due_at: NOW,
            attempt: 0,
        };
        let breach = || RecordSlaBreach { repair_id: the() };
        assert_eq!(react(&Fact::Due(timer)), [Reaction::submit(breach())]);
        let shop = crate::repairs::tests::workshop().and(intake());
        let refusal = shop.clone().when(breach()).result.unwrap_err();
        let (key, due_at) = (THE.to_owned(), NOW + Duration::days(3));
        let refusal = &refusal;
        let again = react(&Fact::Refused { timer, refusal });
        assert_eq!(again, [Reaction::Schedule { key, due_at }]);
        let shop = shop.and(diagnose()).and(quote());
        let refusal = &shop.when(breach()).result.unwrap_err();
        assert_eq!(refusal.code(), "repair.sla_resting");
        assert_eq!(react(&Fact::Refused { timer, refusal }), []);
    }
}
