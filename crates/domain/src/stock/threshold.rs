//! The threshold of one shelf: below which figure somebody shall be told, once per crossing.
//!
//! What counts is what is on hand, whether it is kept for somebody or not. Every movement of goods ends with
//! [`Shelf::settle`], so no command has to think of thresholds. Not here: alerts (`crate::alerts`).

use schemas::events::alert::{ThresholdBreached, ThresholdEvent, ThresholdRecovered};
use schemas::{AlertId, Minor, Sku, StoreId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::level::Stock;
use super::movement::Shelf;
use crate::streams;
use crate::work::{Missing, Work};

/// Ids of alerts derive from it.
const ALERTS: Uuid = Uuid::from_u128(0x6f1d_92a4_5f0e_4b7e_9c5b_1a86_70cd_3e12);

/// The minimum of a shelf and the crossing that lasts. Default: nobody is to be told of anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// Absent: there is none.
    pub minimum: Option<i64>,
    /// The alert of the crossing that lasts; absent while stock is not below the minimum.
    pub alert_id: Option<AlertId>,
    /// How often stock fell below a minimum, in all.
    pub crossings: i64,
}

impl Threshold {
    pub(crate) fn evolve(&mut self, event: &ThresholdEvent) {
        match event {
            ThresholdEvent::Set(set) => self.minimum = Some(set.minimum),
            ThresholdEvent::Cleared(_) => {
                self.minimum = None;
                self.alert_id = None;
            }
            ThresholdEvent::Breached(breached) => {
                self.crossings = self.crossings.saturating_add(1);
                self.alert_id = Some(breached.alert_id.clone());
            }
            ThresholdEvent::Recovered(_) => self.alert_id = None,
        }
    }
}

/// The id of the alert about a shelf's crossing: each crossing has its own.
fn alert_id(store: &StoreId, sku: &Sku, crossing: i64) -> AlertId {
    let id = Uuid::new_v5(&ALERTS, format!("{store}/{sku}/{crossing}").as_bytes());
    AlertId::new(&id.to_string()).expect("a UUID is letters, digits and hyphens")
}

/// Which way a shelf has crossed its threshold, and not said so yet.
enum Crossing {
    Breached(AlertId),
    Recovered(AlertId),
}

fn crossing(stock: &Stock, store: &StoreId, sku: &Sku) -> Option<(i64, Crossing)> {
    let minimum = stock.threshold.minimum?;
    let is_below = stock.on_hand < minimum;
    let crossing = match &stock.threshold.alert_id {
        None if is_below => {
            let number = stock.threshold.crossings.saturating_add(1);
            Crossing::Breached(alert_id(store, sku, number))
        }
        Some(alert_id) if !is_below => Crossing::Recovered(alert_id.clone()),
        None | Some(_) => return None,
    };
    Some((minimum, crossing))
}

impl Shelf<'_> {
    /// What each movement of goods ends with: the shelf's value must be money, and its threshold is looked at.
    ///
    /// # Errors
    /// [`crate::Refusal::AmountOutOfRange`], [`Missing::Streams`] for the item's name when the threshold is crossed.
    pub(super) fn settle(&self, work: &mut Work<'_>) -> Result<(), Missing> {
        let stock = work.stock(self.store, self.sku)?;
        Minor::new(stock.cost.value_minor)?;
        let quantity = stock.on_hand;
        let Some((minimum, crossing)) = crossing(stock, self.store, self.sku) else {
            return Ok(());
        };
        let item_name = work.item(self.sku)?.name.clone();
        let (store, sku) = (self.store.clone(), self.sku.clone());
        let stream = streams::stock(self.store, self.sku);
        match crossing {
            Crossing::Breached(alert_id) => work.emit(
                stream,
                ThresholdBreached {
                    store,
                    sku,
                    item_name,
                    quantity,
                    minimum,
                    alert_id,
                },
            ),
            Crossing::Recovered(alert_id) => work.emit(
                stream,
                ThresholdRecovered {
                    store,
                    sku,
                    item_name,
                    quantity,
                    minimum,
                    alert_id,
                },
            ),
        }
    }
}
