//! Stock of one item in one store: on hand, reserved by whom, and its average cost. Stream `stock/<store>/<sku>`.
//!
//! Not here: which physical units these are (`unit`).

use std::collections::BTreeMap;

use schemas::events::stock::StockEvent;
use schemas::{Minor, Sku, StoreId};
use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// What is there, reserved or not; below zero only where the policy allows it.
    pub on_hand: i64,
    /// What is kept for somebody, in all.
    pub reserved: i64,
    /// How much each holder keeps: `sale/<id>` for drafts.
    pub holders: BTreeMap<String, i64>,
    /// Pieces on hand whose cost is known.
    pub costed_quantity: i64,
    /// What those pieces cost together, in minor units of the tenant's currency.
    pub costed_value_minor: i64,
}

impl Stock {
    pub(crate) fn evolve(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Received(received) => {
                self.on_hand = received.on_hand;
                if let Some(cost) = received.unit_cost_minor {
                    self.add_cost(received.quantity.get(), cost);
                }
            }
            StockEvent::Adjusted(adjusted) => {
                self.on_hand = adjusted.on_hand;
                if adjusted.delta < 0 {
                    self.take_cost(adjusted.delta.saturating_neg());
                }
            }
            StockEvent::WrittenOff(written_off) => {
                self.on_hand = written_off.on_hand;
                self.take_cost(written_off.quantity.get());
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
            StockEvent::Issued(issued) => {
                self.on_hand = issued.on_hand;
                self.take_cost(issued.quantity.get());
            }
            // Goods that come back are valued at the average, which they leave as it is.
            StockEvent::Returned(returned) => self.on_hand = returned.on_hand,
        }
    }

    /// What may be promised to somebody new: on hand less reserved.
    pub fn available(&self) -> i64 {
        self.on_hand.saturating_sub(self.reserved)
    }

    pub fn held_by(&self, holder: &str) -> i64 {
        self.holders.get(holder).copied().unwrap_or(0)
    }

    /// Cost of one piece, averaged over those whose cost is known, rounded half away from zero.
    pub fn average_cost_minor(&self) -> Option<Minor> {
        Minor::new(self.costed_value_minor)
            .ok()?
            .ratio(1, self.costed_quantity)
            .ok()
    }

    fn add_cost(&mut self, quantity: i64, unit_cost: Minor) {
        self.costed_quantity = self.costed_quantity.saturating_add(quantity);
        self.costed_value_minor = self
            .costed_value_minor
            .saturating_add(unit_cost.get().saturating_mul(quantity));
    }

    /// What leaves takes its share of the value along, so that the average stays.
    fn take_cost(&mut self, quantity: i64) {
        if self.costed_quantity <= quantity {
            self.costed_quantity = 0;
            self.costed_value_minor = 0;
            return;
        }
        let left = self.costed_quantity - quantity;
        let value = i128::from(self.costed_value_minor) * i128::from(left) / i128::from(self.costed_quantity);
        self.costed_quantity = left;
        self.costed_value_minor = i64::try_from(value).unwrap_or(i64::MAX);
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
