//! Ends quotes that nobody accepted in time: one timer per quote.

use schemas::events::OrderEvent;
use schemas::{Event, OrderId};

use super::{Fact, Process, Reaction, Timer};
use crate::orders::ExpireQuote;
use crate::refusal::{OrderRefusal, Refusal};

/// Submits [`ExpireQuote`] when a quote's time is over by the database's clock; the timer's key is the order's id.
pub const QUOTE_EXPIRY: Process = Process {
    name: "quote_expiry",
    event_types: &[
        "order.quoted",
        "order.changed",
        "order.accepted",
        "order.cancelled",
        "order.expired",
    ],
    react,
};

fn react(fact: &Fact<'_>) -> Vec<Reaction> {
    match fact {
        Fact::Happened(Event::Order(event)) => of_event(event).into_iter().collect(),
        Fact::Happened(_) => Vec::new(),
        Fact::Due(timer) => OrderId::new(timer.key)
            .map(|order_id| Reaction::submit(ExpireQuote { order_id }))
            .into_iter()
            .collect(),
        Fact::Refused { timer, refusal } => of_refusal(timer, refusal).into_iter().collect(),
    }
}

fn of_event(event: &OrderEvent) -> Option<Reaction> {
    let cancel = |id: &OrderId| Some(Reaction::Cancel { key: id.to_string() });
    match event {
        OrderEvent::Quoted(quoted) => Some(Reaction::Schedule {
            key: quoted.order_id.to_string(),
            due_at: quoted.valid_until,
        }),
        // Sets the same timer anew; an order that is none any more has no time.
        OrderEvent::Changed(changed) => changed.valid_until.map(|due_at| Reaction::Schedule {
            key: changed.order_id.to_string(),
            due_at,
        }),
        OrderEvent::Accepted(event) => cancel(&event.order_id),
        OrderEvent::Cancelled(event) => cancel(&event.order_id),
        OrderEvent::Expired(event) => cancel(&event.order_id),
        OrderEvent::Placed(_)
        | OrderEvent::Confirmed(_)
        | OrderEvent::Delivered(_)
        | OrderEvent::Invoiced(_)
        | OrderEvent::Returned(_) => None,
    }
}

/// The database's clock, by which timers are due, may be ahead of the engine's; then it is tried again. Any other
/// refusal says that the quote was accepted or cancelled meanwhile.
fn of_refusal(timer: &Timer<'_>, refusal: &Refusal) -> Option<Reaction> {
    if let Refusal::Order(OrderRefusal::NotDue { .. }) = refusal {
        return Some(Reaction::Schedule {
            key: timer.key.to_owned(),
            due_at: timer.due_at,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::orders::ChangeOrder;
    use crate::orders::tests::{THE, accept, cancel, quote, the, until};
    use crate::testing::*;

    fn changed() -> ChangeOrder {
        ChangeOrder {
            order_id: the(),
            expected_revision: 1,
            store: centro(),
            customer_id: Some(customer("ana")),
            reference: None,
            lines: vec![line("CABLE", 2)],
            discount: None,
            valid_until: None,
            valid_for_s: None,
        }
    }

    /// What the process makes of the last event of a quote.
    fn after(given: &Given) -> Vec<Reaction> {
        let shown = |event: &&Event| QUOTE_EXPIRY.event_types.contains(&event.event_type());
        react(&Fact::Happened(
            given.events().filter(shown).last().expect("an event of a quote"),
        ))
    }

    fn timer() -> Timer<'static> {
        Timer {
            key: THE,
            due_at: until(),
            attempt: 0,
        }
    }

    #[test]
    fn a_quote_sets_a_timer_and_whatever_ends_its_waiting_takes_it_away() {
        let quoted = shop().and(quote());
        let schedule = Reaction::Schedule {
            key: THE.to_owned(),
            due_at: until(),
        };
        assert_eq!(after(&quoted), [schedule]);
        let later = ChangeOrder {
            valid_until: Some(until() + Duration::hours(2)),
            ..changed()
        };
        let schedule = Reaction::Schedule {
            key: THE.to_owned(),
            due_at: until() + Duration::hours(2),
        };
        assert_eq!(after(&quoted.clone().and(later)), [schedule]);
        let order = quoted.clone().and(accept()).and(ChangeOrder {
            expected_revision: 2,
            ..changed()
        });
        assert_eq!(after(&order), [], "an order has no time");
        let gone = [Reaction::Cancel { key: THE.to_owned() }];
        assert_eq!(after(&quoted.clone().and(accept())), gone);
        assert_eq!(after(&quoted.clone().and(cancel())), gone);
        let order_id = the();
        assert_eq!(after(&quoted.at(until()).and(ExpireQuote { order_id })), gone);
    }

    #[test]
    fn an_expiry_that_is_not_due_yet_is_tried_again_and_any_other_refusal_closes_the_matter() {
        let expire = || ExpireQuote { order_id: the() };
        assert_eq!(react(&Fact::Due(timer())), [Reaction::submit(expire())]);
        let quoted = shop().and(quote());
        let refusal = quoted.clone().when(expire()).result.unwrap_err();
        let again = react(&Fact::Refused {
            timer: timer(),
            refusal: &refusal,
        });
        assert!(matches!(&again[..], [Reaction::Schedule { key, .. }] if key == THE));
        let accepted = quoted.and(accept()).at(until());
        let refusal = accepted.when(expire()).result.unwrap_err();
        assert_eq!(refusal.code(), "order.accepted");
        let closed = react(&Fact::Refused {
            timer: timer(),
            refusal: &refusal,
        });
        assert_eq!(closed, []);
    }
}
