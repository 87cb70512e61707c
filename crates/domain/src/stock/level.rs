//! Stock of one item in one store: on hand, reserved by whom, and what it cost. Stream `stock/<store>/<sku>`.
//!
//! Not here: which physical units these are (`unit`), and how costs are rounded (`cost`).

use std::collections::BTreeMap;

use schemas::events::stock::StockEvent;
use schemas::{Minor, Sku, StoreId};
use serde::{Deserialize, Serialize};

use super::cost::{MovedCost, ShelfCost};
use super::threshold::Threshold;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// What one store has of one item: pieces on hand, who keeps how many of them, their value, and when somebody is to be
/// told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// What is there, reserved or not; below zero only where the policy allows it.
    pub on_hand: i64,
    /// What is kept for somebody, in all.
    pub reserved: i64,
    /// How much each holder keeps: `sale/<id>` for drafts.
    pub holders: BTreeMap<String, i64>,
    /// What they cost.
    pub cost: ShelfCost,
    /// Below which figure of `on_hand` somebody is told.
    pub threshold: Threshold,
}

impl Stock {
    pub(crate) fn evolve(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Received(received) => {
                let quantity = received.quantity.get();
                let cost = received
                    .unit_cost_minor
                    .map_or_else(MovedCost::default, |cost| MovedCost {
                        quantity,
                        value_minor: cost.get().saturating_mul(quantity),
                    });
                self.come_in(quantity, received.on_hand, cost);
            }
            StockEvent::Adjusted(adjusted) if adjusted.delta > 0 => {
                let cost = self.cost.at_average(adjusted.delta);
                self.come_in(adjusted.delta, adjusted.on_hand, cost);
            }
            StockEvent::Adjusted(adjusted) => self.leave(adjusted.delta.saturating_neg(), adjusted.on_hand),
            StockEvent::WrittenOff(written_off) => {
                self.leave(written_off.quantity.get(), written_off.on_hand);
            }
            StockEvent::Reserved(reserved) => {
                self.reserved = reserved.reserved;
                let held = self.holders.entry(reserved.holder.clone()).or_default();
                *held = held.saturating_add(reserved.quantity.get());
            }
            StockEvent::Released(released) => {
                self.reserved = released.reserved;
                if let Some(held) = self.holders.get_mut(&released.holder) {
                    *held = held.saturating_sub(released.quantity.get());
                    if *held <= 0 {
                        self.holders.remove(&released.holder);
                    }
                }
            }
            StockEvent::Issued(issued) => self.leave(issued.quantity.get(), issued.on_hand),
            // Goods that come back, or that a count finds, are valued at the average, which they leave as it is.
            StockEvent::Returned(returned) => {
                let quantity = returned.quantity.get();
                self.come_in(quantity, returned.on_hand, self.cost.at_average(quantity));
            }
            StockEvent::Dispatched(dispatched) => {
                self.on_hand = dispatched.on_hand;
                self.cost.take(MovedCost {
                    quantity: dispatched.costed_quantity,
                    value_minor: dispatched.value_minor.get(),
                });
            }
            StockEvent::Arrived(arrived) => {
                let cost = MovedCost {
                    quantity: arrived.costed_quantity,
                    value_minor: arrived.value_minor.get(),
                };
                self.come_in(arrived.quantity.get(), arrived.on_hand, cost);
            }
            StockEvent::CostAdjusted(adjusted) => self.cost.revalue(adjusted.delta_minor.get()),
        }
    }

    /// Goods that fill what was sold before they came leave no value behind.
    fn come_in(&mut self, quantity: i64, on_hand: i64, cost: MovedCost) {
        self.on_hand = on_hand;
        self.cost.put(cost, on_hand.min(quantity));
    }

    /// What leaves takes its share of the value along, so that the average stays.
    fn leave(&mut self, quantity: i64, on_hand: i64) {
        self.on_hand = on_hand;
        self.cost.take(self.cost.leaving(quantity));
    }

    /// What may be promised to somebody new: on hand less reserved.
    pub fn available(&self) -> i64 {
        self.on_hand.saturating_sub(self.reserved)
    }

    /// How many pieces a holder such as `sale/<id>` keeps; 0 when it keeps none.
    pub fn held_by(&self, holder: &str) -> i64 {
        self.holders.get(holder).copied().unwrap_or(0)
    }

    /// Cost of one piece, averaged over those whose cost is known, rounded half away from zero.
    pub fn average_cost_minor(&self) -> Option<Minor> {
        self.cost
            .average_minor()
            .and_then(|average| Minor::new(average).ok())
    }

    pub(crate) fn weight(&self) -> usize {
        self.holders.keys().map(|holder| holder.len() + 64).sum()
    }
}

impl Work<'_> {
    /// Stock of an item in a store; nothing at all when none ever came.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn stock(&self, store: &StoreId, sku: &Sku) -> Result<&Stock, Missing> {
        let stream = streams::stock(store, sku);
        let State::Stock(found) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(found)
    }
}
