//! Hands a confirmed reservation's goods to the sale that names it.

use std::collections::HashSet;

use schemas::events::reservation::ReservationFulfilled;
use schemas::events::sale::DraftContent;
use schemas::{ReservationId, SaleId, Sku, UnitId};

use super::Status;
use super::reservation::let_go;
use crate::refusal::Refusal;
use crate::stock::{Goods, Quantities};
use crate::streams;
use crate::work::{Missing, Work};

/// Ends the reservation in favour of a sale of these goods, so that they are available to it alone: what follows in the
/// same command takes them. The sale must take all that is kept; what it sells beyond that must be available as usual.
/// The reservation's stream and the goods' are loaded.
///
/// # Errors
/// A reservation that is not confirmed, of another store or customer, or that keeps goods which the sale does not take.
pub(crate) fn hand_over(
    work: &mut Work<'_>,
    id: &ReservationId,
    sale_id: &SaleId,
    content: &DraftContent,
    goods: &[Goods],
) -> Result<(), Missing> {
    let found = work.reservation(id)?.clone();
    let reservation_id = id.clone();
    if found.status != Status::Confirmed {
        return Err(found.refusal(id).into());
    }
    if found.store != content.store {
        return Err(Refusal::ReservationElsewhere {
            reservation_id,
            store: content.store.clone(),
            reserved_in: found.store,
        }
        .into());
    }
    if let (Some(kept_for), Some(customer)) = (&found.customer_id, &content.customer_id)
        && kept_for != customer
    {
        let customer_id = customer.clone();
        return Err(Refusal::ReservationOtherCustomer {
            reservation_id,
            customer_id,
        }
        .into());
    }
    let (mut kept, mut taken) = (Quantities::default(), Quantities::default());
    for line in &found.lines {
        kept.add(&line.sku, line.quantity.get());
    }
    for goods in goods {
        taken.add(&goods.sku, goods.quantity.get());
    }
    let missing = |sku: &Sku, kept, taken| Refusal::ReservationGoodsMissing {
        reservation_id: id.clone(),
        sku: sku.clone(),
        kept,
        taken,
    };
    for (sku, kept) in kept.iter() {
        if taken.get(sku) < kept {
            return Err(missing(sku, kept, taken.get(sku)).into());
        }
    }
    let units: HashSet<&UnitId> = goods.iter().filter_map(|goods| goods.unit.as_ref()).collect();
    for line in &found.lines {
        if line.unit.as_ref().is_some_and(|unit| !units.contains(unit)) {
            return Err(missing(&line.sku, 1, 0).into());
        }
    }
    let fulfilled = ReservationFulfilled {
        reservation_id,
        store: found.store.clone(),
        sale_id: sale_id.clone(),
    };
    work.emit(streams::reservation(id), fulfilled)?;
    let_go(work, id, &found)
}
