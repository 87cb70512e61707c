//! Reservations: where they stand, until when they keep their goods, and which sale took those (INV-5).
//!
//! Not here: the lines (`reservation_lines`), and the shelf's figures (`stock`).

use schemas::Event;
use schemas::ReservationId;
use schemas::events::ReservationEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One reservation.
    ReservationRow, ReservationKey {
        key { tenant: String, reservation_id: String }
        store: String,
        customer_id: Option<String>,
        /// `pending`, `confirmed`, `fulfilled`, `released` or `expired`.
        status: String,
        /// Until when it is pending at most.
        expires_at: OffsetDateTime,
        /// The sale that took the goods.
        sale_id: Option<String>,
        /// Who made it.
        actor: String,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
        /// Position of the event that made it: lists are in this order.
        created_position: i64,
        last_position: i64,
    }
}

pub(super) fn id_of(event: &ReservationEvent) -> &ReservationId {
    match event {
        ReservationEvent::Created(e) => &e.reservation_id,
        ReservationEvent::Confirmed(e) => &e.reservation_id,
        ReservationEvent::Fulfilled(e) => &e.reservation_id,
        ReservationEvent::Released(e) => &e.reservation_id,
        ReservationEvent::Expired(e) => &e.reservation_id,
    }
}

impl ReadModel for ReservationRow {
    const NAME: &'static str = "reservations";
    const VERSION: i32 = 1;
    const INDEXES: &'static str = "
        create index rm_reservations_order on rm_reservations (tenant, created_position);
        create index rm_reservations_open on rm_reservations (tenant, store, created_position)
          where status in ('pending', 'confirmed');
        create index rm_reservations_customer on rm_reservations (tenant, customer_id, created_position)
          where customer_id is not null;";

    fn keys(fact: &Fact) -> Vec<ReservationKey> {
        let Event::Reservation(event) = &fact.event else {
            return Vec::new();
        };
        vec![ReservationKey {
            tenant: fact.tenant.clone(),
            reservation_id: id_of(event).to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &ReservationKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Reservation(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let ReservationEvent::Created(created) = event {
            return Ok(ReservationRow {
                tenant: key.tenant.clone(),
                reservation_id: key.reservation_id.clone(),
                store: created.store.to_string(),
                customer_id: created.customer_id.as_ref().map(ToString::to_string),
                status: "pending".to_owned(),
                expires_at: created.expires_at,
                sale_id: None,
                actor: fact.actor().to_owned(),
                created_at: fact.recorded_at,
                changed_at: fact.recorded_at,
                created_position: fact.position,
                last_position: fact.position,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        let status = match event {
            ReservationEvent::Created(_) => "pending",
            ReservationEvent::Confirmed(_) => "confirmed",
            ReservationEvent::Fulfilled(e) => {
                row.sale_id = Some(e.sale_id.to_string());
                "fulfilled"
            }
            ReservationEvent::Released(_) => "released",
            ReservationEvent::Expired(_) => "expired",
        };
        row.status = status.to_owned();
        row.changed_at = fact.recorded_at;
        row.last_position = fact.position;
        Ok(row)
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! A reservation of three cables and a phone.

    use serde_json::json;

    use super::*;
    use crate::fact::given::event;

    pub fn created() -> Event {
        event(
            "inventory.reservation_created",
            json!({"reservation_id": "r1", "store": "centro", "customer_id": "c1", "expires_at": "2026-11-22T18:15:00Z",
                   "lines": [{"line": 1, "sku": "A", "quantity": 3},
                             {"line": 2, "sku": "P", "unit": "serial:1", "quantity": 1}]}),
        )
    }

    pub fn ended(how: &str) -> Event {
        event(
            &format!("inventory.reservation_{how}"),
            json!({"reservation_id": "r1", "store": "centro", "sale_id": "s1", "expires_at": "2026-11-22T18:15:00Z"}),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::given::folded;

    #[test]
    fn a_reservation_says_what_has_become_of_it() {
        let status = |events: Vec<Event>| {
            let rows = folded::<ReservationRow>(events).unwrap();
            (rows[0].status.clone(), rows[0].sale_id.clone())
        };
        let pending = vec![samples::created()];
        assert_eq!(status(pending.clone()), ("pending".to_owned(), None));
        for how in ["confirmed", "released", "expired"] {
            let ended = [pending.clone(), vec![samples::ended(how)]].concat();
            assert_eq!(status(ended), (how.to_owned(), None));
        }
        let taken = [
            pending,
            vec![samples::ended("confirmed"), samples::ended("fulfilled")],
        ]
        .concat();
        assert_eq!(status(taken), ("fulfilled".to_owned(), Some("s1".to_owned())));
    }

    #[test]
    fn what_was_never_made_cannot_end() {
        assert!(folded::<ReservationRow>([samples::ended("expired")]).is_err());
    }
}
