//! One article, device or service of the catalogue. Stream `item/<sku>`.
//!
//! Not here: its stock, which each store keeps in a stream of its own.

use schemas::events::catalogue::{AttributeValue, CatalogueEvent, ItemDetails, ItemKind};
use schemas::{Minor, Sku, TaxCode};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// An item as the rules know it; nothing ever leaves the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub name: String,
    /// Fixed when the item was created.
    pub kind: ItemKind,
    /// Price of one unit, in minor units of the tenant's currency.
    pub price_minor: Minor,
    /// Absent: no tax.
    pub tax_code: Option<TaxCode>,
    pub details: ItemDetails,
    /// Not sold or bought any more, until it is reinstated.
    pub discontinued: bool,
    /// What one piece usually costs to buy.
    pub cost_minor: Option<Minor>,
}

impl Item {
    pub(crate) fn evolve(slot: &mut Option<Box<Item>>, event: &CatalogueEvent) {
        if let CatalogueEvent::ItemCreated(created) = event {
            *slot = Some(Box::new(Item {
                name: created.name.clone(),
                kind: created.kind,
                price_minor: created.price_minor,
                tax_code: created.tax_code.clone(),
                details: created.details.clone(),
                discontinued: false,
                cost_minor: None,
            }));
            return;
        }
        let Some(item) = slot else { return };
        match event {
            CatalogueEvent::ItemChanged(changed) => {
                if let Some(name) = &changed.name {
                    item.name.clone_from(name);
                }
                if let Some(price) = changed.price_minor {
                    item.price_minor = price;
                }
                if let Some(tax_code) = &changed.tax_code {
                    item.tax_code.clone_from(tax_code);
                }
                if let Some(details) = &changed.details {
                    item.details.clone_from(details);
                }
            }
            CatalogueEvent::ItemDiscontinued(_) => item.discontinued = true,
            CatalogueEvent::ItemReinstated(_) => item.discontinued = false,
            CatalogueEvent::ItemCostSet(set) => item.cost_minor = set.cost_minor,
            CatalogueEvent::ItemCreated(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let attribute = |(name, value): (&String, &AttributeValue)| {
            let text = if let AttributeValue::Text(text) = value {
                text.len()
            } else {
                0
            };
            name.len() + text + 100
        };
        let details = &self.details;
        let texts = [
            &details.gtin,
            &details.brand,
            &details.model,
            &details.colour,
            &details.capacity,
            &details.condition,
        ];
        size_of::<Self>()
            + self.name.len()
            + texts.into_iter().flatten().map(String::len).sum::<usize>()
            + details.attributes.iter().map(attribute).sum::<usize>()
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::ItemNotFound`].
    pub fn item(&self, sku: &Sku) -> Result<&Item, Missing> {
        let State::Item(Some(found)) = self.state(&streams::item(sku))? else {
            return Err(Refusal::ItemNotFound { sku: sku.clone() }.into());
        };
        Ok(found)
    }

    /// An item that may be sold.
    ///
    /// # Errors
    /// As [`Work::item`], and [`Refusal::ItemDiscontinued`].
    pub fn sellable_item(&self, sku: &Sku) -> Result<&Item, Missing> {
        let found = self.item(sku)?;
        if found.discontinued {
            Err(Refusal::ItemDiscontinued { sku: sku.clone() }.into())
        } else {
            Ok(found)
        }
    }
}
