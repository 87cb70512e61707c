//! Ends reservations that nobody confirmed in time: one timer per pending reservation.

use schemas::events::ReservationEvent;
use schemas::{Event, ReservationId};

use super::{Fact, Process, Reaction, Timer};
use crate::refusal::Refusal;
use crate::reservations::ExpireReservation;

/// Submits [`ExpireReservation`] when a pending reservation's time is over by the database's clock; the timer's key is
/// the reservation's id.
pub const RESERVATION_EXPIRY: Process = Process {
    name: "reservation_expiry",
    event_types: &[
        "inventory.reservation_created",
        "inventory.reservation_confirmed",
        "inventory.reservation_fulfilled",
        "inventory.reservation_released",
        "inventory.reservation_expired",
    ],
    react,
};

fn react(fact: &Fact<'_>) -> Vec<Reaction> {
    match fact {
        Fact::Happened(Event::Reservation(event)) => vec![of_event(event)],
        Fact::Happened(_) => Vec::new(),
        Fact::Due(timer) => ReservationId::new(timer.key)
            .map(|reservation_id| Reaction::submit(ExpireReservation { reservation_id }))
            .into_iter()
            .collect(),
        Fact::Refused { timer, refusal } => of_refusal(timer, refusal).into_iter().collect(),
    }
}

fn of_event(event: &ReservationEvent) -> Reaction {
    let cancel = |id: &ReservationId| Reaction::Cancel { key: id.to_string() };
    match event {
        ReservationEvent::Created(created) => Reaction::Schedule {
            key: created.reservation_id.to_string(),
            due_at: created.expires_at,
        },
        ReservationEvent::Confirmed(event) => cancel(&event.reservation_id),
        ReservationEvent::Fulfilled(event) => cancel(&event.reservation_id),
        ReservationEvent::Released(event) => cancel(&event.reservation_id),
        ReservationEvent::Expired(event) => cancel(&event.reservation_id),
    }
}

/// The database's clock, by which timers are due, may be ahead of the engine's; then it is tried again. Any other
/// refusal says that the reservation has come to another end meanwhile, or is confirmed.
fn of_refusal(timer: &Timer<'_>, refusal: &Refusal) -> Option<Reaction> {
    if let Refusal::ReservationNotDue { .. } = refusal {
        return Some(Reaction::Schedule {
            key: timer.key.to_owned(),
            due_at: timer.due_at,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reservations::tests::{THE, due, reserve, the};
    use crate::reservations::{ConfirmReservation, ReleaseReservation};
    use crate::testing::*;

    /// What the process makes of the last event of a reservation.
    fn after(given: &Given) -> Vec<Reaction> {
        let happened = given
            .events()
            .filter(|event| RESERVATION_EXPIRY.event_types.contains(&event.event_type()));
        react(&Fact::Happened(
            happened.last().expect("an event of a reservation"),
        ))
    }

    fn timer() -> Timer<'static> {
        Timer {
            key: THE,
            due_at: due(),
            attempt: 0,
        }
    }

    #[test]
    fn a_reservation_sets_a_timer_and_whatever_ends_its_waiting_takes_it_away() {
        let pending = shop().and(reserve(vec![("CABLE", 2)]));
        let schedule = Reaction::Schedule {
            key: THE.to_owned(),
            due_at: due(),
        };
        assert_eq!(after(&pending), [schedule]);
        let cancel = [Reaction::Cancel { key: THE.to_owned() }];
        let reservation_id = the();
        let confirmed = pending.clone().and(ConfirmReservation {
            reservation_id: reservation_id.clone(),
        });
        assert_eq!(after(&confirmed), cancel);
        let released = pending.clone().and(ReleaseReservation {
            reservation_id: reservation_id.clone(),
        });
        assert_eq!(after(&released), cancel);
        let expired = pending.at(due()).and(ExpireReservation { reservation_id });
        assert_eq!(after(&expired), cancel);
    }

    #[test]
    fn a_due_timer_asks_for_the_expiry() {
        let expire = ExpireReservation {
            reservation_id: the(),
        };
        assert_eq!(react(&Fact::Due(timer())), [Reaction::submit(expire)]);
    }

    #[test]
    fn an_expiry_that_is_not_due_yet_is_tried_again_and_any_other_refusal_closes_the_matter() {
        let pending = shop().and(reserve(vec![("CABLE", 2)]));
        let expire = || ExpireReservation {
            reservation_id: the(),
        };
        let refusal = pending.clone().when(expire()).result.unwrap_err();
        let timer = timer();
        let again = react(&Fact::Refused {
            timer,
            refusal: &refusal,
        });
        assert!(matches!(&again[..], [Reaction::Schedule { key, .. }] if key == THE));
        let confirmed = pending.and(ConfirmReservation {
            reservation_id: the(),
        });
        let refusal = confirmed.at(due()).when(expire()).result.unwrap_err();
        assert_eq!(refusal.code(), "reservation.confirmed");
        let closed = react(&Fact::Refused {
            timer,
            refusal: &refusal,
        });
        assert_eq!(closed, []);
    }

    #[test]
    fn every_event_of_a_reservation_is_shown_to_the_process() {
        let types: Vec<&str> = ReservationEvent::TYPES.iter().map(|known| known.name).collect();
        assert_eq!(RESERVATION_EXPIRY.event_types, types);
    }
}
