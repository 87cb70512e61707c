//! The part of a row that speaks of the article: new, changed in these fields, or as it is.

use domain::catalogue::{ChangeItem, CreateItem, Item, SetItemCost, normal_gtin};
use domain::imports::{Base, ImportAction, item_base};
use imports::{Record, TaxText, WarningCode};
use schemas::events::catalogue::{AttributeValue, ItemDetails, ItemKind};
use schemas::events::import::ImportOverride;
use schemas::{Minor, TaxCode};
use serde_json::Value;

use super::{Findings, Part, Planner, Work};
use crate::imports::settings::COST_CHANGE_PPM;

impl<'a> Planner<'a> {
    /// The article's kind, as far as the file tells: an IMEI or serial number says more than a word.
    fn kind(&self, record: &Record) -> Option<ItemKind> {
        match record.kind {
            Some(ItemKind::Service) => Some(ItemKind::Service),
            Some(ItemKind::Serialised) => Some(ItemKind::Serialised),
            _ if self.serialised.contains(&record.sku) => Some(ItemKind::Serialised),
            kind => kind,
        }
    }

    /// What the article is, or will be once this import is through.
    pub(super) fn kind_then(&self, record: &Record) -> ItemKind {
        match self.world.items.get(&record.sku) {
            Some(item) => item.kind,
            None => {
                let first = self.first.get(&record.sku).copied().unwrap_or(record);
                self.kind(first).unwrap_or(ItemKind::Counted)
            }
        }
    }

    pub(super) fn item(&self, record: &Record, found: &mut Findings) -> Option<Part> {
        let tax_code = self.tax_code(record.tax.as_ref(), found);
        match self.world.items.get(&record.sku) {
            None => self.create(record, tax_code, found),
            Some(item) => self.change(record, item, tax_code, found),
        }
    }

    /// Absent: the row says nothing; `Some(None)`: it says that there is no tax.
    fn tax_code(&self, tax: Option<&TaxText>, found: &mut Findings) -> Option<Option<TaxCode>> {
        let tax = tax?;
        let rates = &self.world.tenant.tax_rates;
        let named = rates
            .keys()
            .find(|code| code.as_str().eq_ignore_ascii_case(&tax.text));
        if let Some(code) = named {
            return Some(Some(code.clone()));
        }
        if tax.rates_ppm.contains(&0) {
            return Some(None);
        }
        let of_rate = tax
            .rates_ppm
            .iter()
            .find_map(|ppm| rates.iter().find(|(_, rate)| rate.rate_ppm == *ppm));
        if let Some((code, _)) = of_rate {
            return Some(Some(code.clone()));
        }
        found.warn(WarningCode::TaxUnknown, "tax", &tax.text);
        None
    }

    fn create(
        &self,
        record: &Record,
        tax_code: Option<Option<TaxCode>>,
        found: &mut Findings,
    ) -> Option<Part> {
        let Some(name) = record.name.clone() else {
            found.warn(WarningCode::NameMissing, "name", record.sku.as_str());
            return None;
        };
        let price_minor = record.price_minor.unwrap_or_else(|| {
            found.warn(WarningCode::PriceMissing, "price", record.sku.as_str());
            Minor::ZERO
        });
        let kind = self.kind(record).unwrap_or(ItemKind::Counted);
        let details = merged(&ItemDetails::default(), record);
        let tax_code = tax_code.flatten();
        found.change("create_item", "name", Value::Null, name.as_str());
        found.change("create_item", "kind", Value::Null, json(&kind));
        found.change("create_item", "price_minor", Value::Null, price_minor.get());
        if let Some(tax_code) = &tax_code {
            found.change("create_item", "tax_code", Value::Null, tax_code.as_str());
        }
        if details != ItemDetails::default() {
            found.change("create_item", "details", Value::Null, json(&details));
        }
        if let Some(cost) = record.cost_minor {
            found.change("create_item", "cost_minor", Value::Null, cost.get());
            if record.price_minor.is_some() {
                warn_below_cost(price_minor, cost, found);
            }
        }
        let create = CreateItem {
            sku: record.sku.clone(),
            name,
            kind,
            price_minor,
            tax_code,
            details,
        };
        Some(Part::Work {
            work: Work {
                // That it does not exist yet is the command's own rule.
                bases: Vec::new(),
                action: ImportAction::CreateItem(create),
                cost: set_cost(record),
            },
            holds: Vec::new(),
        })
    }

    fn change(
        &self,
        record: &Record,
        item: &Item,
        tax_code: Option<Option<TaxCode>>,
        found: &mut Findings,
    ) -> Option<Part> {
        if let Some(kind) = self.kind(record).filter(|kind| *kind != item.kind) {
            let is_said = record.kind.is_some() || self.settings.moves_stock();
            if is_said {
                found.warn(WarningCode::KindDiffers, "kind", &json(&kind).to_string());
            }
        }
        if item.discontinued {
            found.warn(WarningCode::ItemDiscontinued, "sku", record.sku.as_str());
        }
        let name = record.name.clone().filter(|name| *name != item.name);
        let price_minor = record.price_minor.filter(|price| *price != item.price_minor);
        let tax_code = tax_code.filter(|tax_code| *tax_code != item.tax_code);
        let details = Some(merged(&item.details, record)).filter(|details| *details != item.details);
        let mut holds = Vec::new();
        if let Some(name) = &name {
            found.change("change_item", "name", item.name.as_str(), name.as_str());
        }
        if let Some(price) = price_minor {
            found.change("change_item", "price_minor", item.price_minor.get(), price.get());
            if self.falls_too_far(item.price_minor, price) {
                found.warn(
                    WarningCode::PriceDrop,
                    "price",
                    &format!("{} → {price}", item.price_minor),
                );
                holds.push(ImportOverride::PriceDrop);
            }
        }
        if let Some(tax_code) = &tax_code {
            found.change("change_item", "tax_code", json(&item.tax_code), json(tax_code));
        }
        if let Some(details) = &details {
            found.change("change_item", "details", json(&item.details), json(details));
        }
        let cost = set_cost(record).filter(|set| set.cost_minor != item.cost_minor);
        if let Some(set) = &cost {
            found.change(
                "change_item",
                "cost_minor",
                json(&item.cost_minor),
                json(&set.cost_minor),
            );
            warn_jump(item.cost_minor, set.cost_minor, found);
        }
        if let Some(then) = record.cost_minor.or(item.cost_minor)
            && (cost.is_some() || price_minor.is_some())
        {
            warn_below_cost(price_minor.unwrap_or(item.price_minor), then, found);
        }
        let base = Base::Item {
            sku: record.sku.clone(),
            fingerprint: item_base(item),
        };
        let has_change = name.is_some() || price_minor.is_some() || tax_code.is_some() || details.is_some();
        if !has_change {
            let work = |set| Work {
                bases: vec![base],
                action: ImportAction::SetItemCost(set),
                cost: None,
            };
            return Some(cost.map_or(Part::Unchanged, |set| Part::Work {
                work: work(set),
                holds,
            }));
        }
        let change = ChangeItem {
            sku: record.sku.clone(),
            name,
            price_minor,
            tax_code,
            details,
        };
        Some(Part::Work {
            work: Work {
                bases: vec![base],
                action: ImportAction::ChangeItem(change),
                cost,
            },
            holds,
        })
    }

    fn falls_too_far(&self, from: Minor, to: Minor) -> bool {
        let fall = i128::from(from.get()) - i128::from(to.get());
        fall > 0 && fall * 1_000_000 > i128::from(from.get()) * i128::from(self.settings.price_drop_ppm)
    }
}

/// What the row says that a piece costs to buy; an empty cell says nothing.
fn set_cost(record: &Record) -> Option<SetItemCost> {
    record.cost_minor.map(|cost| SetItemCost {
        sku: record.sku.clone(),
        cost_minor: Some(cost),
    })
}

/// A cost that was known and becomes another one by far, up or down, is mostly a slip; it changes no money by itself, so
/// nobody has to take responsibility for it.
fn warn_jump(from: Option<Minor>, to: Option<Minor>, found: &mut Findings) {
    if let (Some(from), Some(to)) = (from, to) {
        let change = (i128::from(to.get()) - i128::from(from.get())).abs();
        if change * 1_000_000 > i128::from(from.get()) * i128::from(COST_CHANGE_PPM) {
            found.warn(WarningCode::CostJump, "cost", &format!("{from} → {to}"));
        }
    }
}

fn warn_below_cost(price: Minor, cost: Minor, found: &mut Findings) {
    if price < cost {
        found.warn(WarningCode::PriceBelowCost, "price", &format!("{price} < {cost}"));
    }
}

/// The details with what the row says; what it does not say stays.
fn merged(details: &ItemDetails, record: &Record) -> ItemDetails {
    let or = |said: &Option<String>, before: &Option<String>| said.clone().or_else(|| before.clone());
    let mut attributes = details.attributes.clone();
    attributes.extend(
        record
            .attributes
            .iter()
            .map(|(name, value): (&String, &AttributeValue)| (name.clone(), value.clone())),
    );
    let gtin = record.gtin.as_deref().and_then(|gtin| normal_gtin(gtin).ok());
    ItemDetails {
        gtin: gtin.or_else(|| details.gtin.clone()),
        brand: or(&record.brand, &details.brand),
        model: or(&record.model, &details.model),
        colour: or(&record.colour, &details.colour),
        capacity: or(&record.capacity, &details.capacity),
        condition: or(&record.condition, &details.condition),
        warranty_months: record.warranty_months.or(details.warranty_months),
        attributes,
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
