//! The part of a row that speaks of stock: a count that becomes the figure, goods that came in, or one unit.

use domain::imports::{Base, ImportAction};
use domain::movements::would_wait;
use domain::stock::{AdjustStock, Place, ReceiptLine, ReceiveStock, Stock};
use imports::{Record, WarningCode};
use schemas::events::catalogue::ItemKind;
use schemas::events::import::ImportOverride;
use schemas::{Minor, Quantity, StoreId, UnitId};

use super::{Findings, Part, Planner, Work};
use crate::imports::settings::StockMode;

impl<'a> Planner<'a> {
    /// `first` is the article's first row, when this is a later one.
    pub(super) fn stock(
        &mut self,
        record: &'a Record,
        first: Option<&Record>,
        found: &mut Findings,
    ) -> Option<Part> {
        if !self.settings.moves_stock() {
            return None;
        }
        let store = self.settings.store.as_ref()?;
        match (self.kind_then(record), &record.unit) {
            (ItemKind::Service, _) => {
                if record.quantity.is_some_and(|quantity| quantity != 0) || record.unit.is_some() {
                    found.warn(WarningCode::ServiceWithStock, "sku", record.sku.as_str());
                }
                None
            }
            (ItemKind::Serialised, Some(unit)) => self.unit(record, unit, store, found),
            (ItemKind::Serialised, None) => {
                if record.quantity.is_some_and(|quantity| quantity > 0) {
                    found.warn(WarningCode::UnitMissing, "imei", record.sku.as_str());
                }
                None
            }
            (ItemKind::Counted, Some(unit)) => {
                found.warn(WarningCode::UnitUnexpected, "imei", unit.as_str());
                None
            }
            (ItemKind::Counted, None) => match (record.quantity, first) {
                (None, _) => {
                    if self.has_quantity {
                        found.warn(WarningCode::QuantityMissing, "quantity", record.sku.as_str());
                    }
                    None
                }
                (Some(quantity), Some(_)) if self.settings.stock == StockMode::Received => {
                    if self.received.contains_key(&record.sku) {
                        found.warn(WarningCode::RowAdded, "quantity", &quantity.to_string());
                    }
                    Some(self.counted(record, quantity, store, found))
                }
                (Some(quantity), Some(first)) => {
                    if first.quantity != Some(quantity) {
                        found.warn(WarningCode::RowContradicts, "quantity", &quantity.to_string());
                    }
                    None
                }
                (Some(quantity), None) => Some(self.counted(record, quantity, store, found)),
            },
        }
    }

    fn unit(
        &mut self,
        record: &'a Record,
        unit: &'a UnitId,
        store: &StoreId,
        found: &mut Findings,
    ) -> Option<Part> {
        if record.quantity == Some(0) {
            return None;
        }
        if !self.units.insert(unit) {
            found.warn(WarningCode::UnitRepeated, "imei", unit.as_str());
            return None;
        }
        let mut holds = Vec::new();
        if let Some(known) = self.world.units.get(unit) {
            if known.sku != record.sku {
                found.warn(WarningCode::UnitOfOtherItem, "imei", known.sku.as_str());
                return None;
            }
            if matches!(&known.place, Place::InStock { store: at } if at == store) {
                return Some(Part::Unchanged);
            }
            found.warn(WarningCode::UnitKnown, "imei", unit.as_str());
            holds.push(ImportOverride::KnownImei);
        }
        self.warn_waiting(record, self.world.shelves.get(&record.sku), 1, found);
        found.change("receive_stock", "unit", serde_json::Value::Null, unit.as_str());
        // Where the unit is, is the command's own rule.
        let action = receive(record, Quantity::ONE, store, vec![unit.clone()]);
        Some(planned(Vec::new(), action, holds))
    }

    fn counted(&self, record: &Record, quantity: i64, store: &StoreId, found: &mut Findings) -> Part {
        let shelf = self.world.shelves.get(&record.sku);
        // What earlier rows bring is there by then.
        let earlier = self.received.get(&record.sku).copied().unwrap_or(0);
        let on_hand = shelf.map_or(0, |shelf| shelf.on_hand).saturating_add(earlier);
        let (delta, bases) = match self.settings.stock {
            StockMode::Counted => {
                let base = Base::Shelf {
                    store: store.clone(),
                    sku: record.sku.clone(),
                    on_hand,
                };
                (quantity.saturating_sub(on_hand), vec![base])
            }
            StockMode::Received => (quantity, Vec::new()),
        };
        if delta == 0 {
            return Part::Unchanged;
        }
        let then = on_hand.saturating_add(delta);
        self.warn_waiting(record, shelf, delta, found);
        // Pieces that a count finds are worth the shelf's average, where there is one and the row says no cost.
        let is_found = self.settings.stock == StockMode::Counted
            && record.cost_minor.is_none()
            && shelf.is_some_and(|shelf| shelf.average_cost_minor().is_some());
        if let (1.., Ok(quantity), false) = (delta, Quantity::new(delta), is_found) {
            found.change("receive_stock", "on_hand", on_hand, then);
            let action = receive(record, quantity, store, Vec::new());
            return planned(bases, action, Vec::new());
        }
        found.change("adjust_stock", "on_hand", on_hand, then);
        let mut holds = Vec::new();
        if delta < 0 {
            let figures = format!("{on_hand} → {then}");
            found.warn(WarningCode::NegativeAdjustment, "quantity", &figures);
            holds.push(ImportOverride::NegativeAdjustment);
        }
        let adjust = AdjustStock {
            store: store.clone(),
            sku: record.sku.clone(),
            delta,
            comment: None,
        };
        planned(bases, ImportAction::AdjustStock(adjust), holds)
    }

    /// Says that a difference would wait for somebody else. What counts is the limit when it is carried out.
    fn warn_waiting(&self, record: &Record, shelf: Option<&Stock>, delta: i64, found: &mut Findings) {
        let price = self.world.items.get(&record.sku).map(|item| item.price_minor);
        let price = record.price_minor.or(price).unwrap_or(Minor::ZERO);
        let cost = record.cost_minor.filter(|_| delta > 0);
        let nothing = Stock::default();
        let policy = &self.world.tenant.movement_policy;
        if would_wait(policy, shelf.unwrap_or(&nothing), price, (delta, cost)) {
            found.warn(WarningCode::NeedsApproval, "quantity", &format!("{delta:+}"));
        }
    }
}

fn planned(bases: Vec<Base>, action: ImportAction, holds: Vec<ImportOverride>) -> Part {
    let work = Work {
        bases,
        action,
        cost: None,
    };
    Part::Work { work, holds }
}

/// One line's receipt; the runner puts many into one command.
fn receive(record: &Record, quantity: Quantity, store: &StoreId, units: Vec<UnitId>) -> ImportAction {
    ImportAction::ReceiveStock(ReceiveStock {
        store: store.clone(),
        reference: None,
        lines: vec![ReceiptLine {
            sku: record.sku.clone(),
            quantity,
            unit_cost_minor: record.cost_minor,
            units,
        }],
    })
}
