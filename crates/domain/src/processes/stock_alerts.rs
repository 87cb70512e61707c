//! Raises an alert for each fall below a threshold, and ends it when stock is back or the threshold goes.
//!
//! Not here: whether a threshold is crossed, which the shelf's own events say.

use schemas::Event;
use schemas::events::ThresholdEvent;
use schemas::events::alert::AlertEnd;

use super::{Fact, Process, Reaction};
use crate::alerts::{EndAlert, RaiseAlert};

/// Submits [`RaiseAlert`] for each breach and [`EndAlert`] for each end of one; keeps no timers.
pub const STOCK_ALERTS: Process = Process {
    name: "stock_alerts",
    event_types: &[
        "inventory.threshold_breach",
        "inventory.threshold_recovered",
        "inventory.threshold_cleared",
    ],
    react,
};

fn react(fact: &Fact<'_>) -> Vec<Reaction> {
    match fact {
        Fact::Happened(Event::Threshold(event)) => of_event(event).into_iter().collect(),
        // It keeps no timers, and neither command is ever refused to it for good.
        Fact::Happened(_) | Fact::Due(_) | Fact::Refused { .. } => Vec::new(),
    }
}

fn of_event(event: &ThresholdEvent) -> Option<Reaction> {
    let end = |alert_id: &schemas::AlertId, cause| {
        Reaction::submit(EndAlert {
            alert_id: alert_id.clone(),
            cause,
        })
    };
    match event {
        ThresholdEvent::Set(_) => None,
        ThresholdEvent::Breached(breached) => Some(Reaction::submit(RaiseAlert {
            alert_id: breached.alert_id.clone(),
            store: breached.store.clone(),
            sku: breached.sku.clone(),
            item_name: breached.item_name.clone(),
            quantity: breached.quantity,
            minimum: breached.minimum,
        })),
        ThresholdEvent::Recovered(recovered) => Some(end(&recovered.alert_id, AlertEnd::Recovered)),
        ThresholdEvent::Cleared(cleared) => cleared
            .alert_id
            .as_ref()
            .map(|alert_id| end(alert_id, AlertEnd::Cleared)),
    }
}
