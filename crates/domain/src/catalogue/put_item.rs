//! Creates an item, or changes the one that there is: how outside systems hand over their articles, again and again.
//!
//! What is absent stays as it is; attributes are put one by one. The same again changes nothing.

use std::collections::BTreeMap;

use schemas::events::catalogue::{AttributeValue, ItemChanged, ItemCreated, ItemDetails, ItemKind};
use schemas::{Minor, Sku, TaxCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fields::{MAX_NAME_CHARS, normal_details};
use super::item::Item;
use crate::bounds::{check_not_negative, check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::ApiKeyRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Puts an item as it should be; the answer says whether it was created, changed or left as it was. Another kind than
/// it has is refused, and a discontinued item stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PutItem {
    pub sku: Sku,
    /// 1 to 200 characters; a new item needs one.
    #[serde(default)]
    pub name: Option<String>,
    /// Of a new item, counted when absent; an item that exists keeps its own.
    #[serde(default)]
    pub kind: Option<ItemKind>,
    /// Of one unit, in minor units of the tenant's currency; 0 for a new item when absent.
    #[serde(default)]
    pub price_minor: Option<Minor>,
    /// Absent: a new item has no tax, and one that exists keeps its own; none can be cleared this way.
    #[serde(default)]
    pub tax_code: Option<TaxCode>,
    #[serde(default)]
    pub details: DetailsPatch,
}

/// The details that are given; the others stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DetailsPatch {
    #[serde(default)]
    pub gtin: Option<String>,
    #[serde(default)]
    pub brand: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub colour: Option<String>,
    #[serde(default)]
    pub capacity: Option<String>,
    #[serde(default)]
    pub condition: Option<String>,
    #[serde(default)]
    pub warranty_months: Option<i64>,
    /// `None` takes an attribute away.
    #[serde(default)]
    pub attributes: BTreeMap<String, Option<AttributeValue>>,
}

impl DetailsPatch {
    fn over(&self, before: &ItemDetails) -> ItemDetails {
        let mut attributes = before.attributes.clone();
        for (name, value) in &self.attributes {
            match value {
                Some(value) => attributes.insert(name.clone(), value.clone()),
                None => attributes.remove(name),
            };
        }
        let or = |given: &Option<String>, before: &Option<String>| given.clone().or_else(|| before.clone());
        ItemDetails {
            gtin: or(&self.gtin, &before.gtin),
            brand: or(&self.brand, &before.brand),
            model: or(&self.model, &before.model),
            colour: or(&self.colour, &before.colour),
            capacity: or(&self.capacity, &before.capacity),
            condition: or(&self.condition, &before.condition),
            warranty_months: self.warranty_months.or(before.warranty_months),
            attributes,
        }
    }
}

impl PutItem {
    fn created(&self, work: &Work<'_>, ctx: &Ctx) -> Result<ItemCreated, Missing> {
        let name = self.name.clone().unwrap_or_default();
        check_text("name", &name, MAX_NAME_CHARS)?;
        Ok(ItemCreated {
            sku: self.sku.clone(),
            name,
            kind: self.kind.unwrap_or(ItemKind::Counted),
            price_minor: self.price_minor.unwrap_or(Minor::ZERO),
            currency: work.tenant(&ctx.tenant)?.currency,
            tax_code: self.tax_code.clone(),
            details: normal_details(&self.details.over(&ItemDetails::default()))?,
        })
    }

    /// `None` when everything is as it should be already.
    fn changed(&self, work: &Work<'_>, ctx: &Ctx, item: &Item) -> Result<Option<ItemChanged>, Missing> {
        if self.kind.is_some_and(|kind| kind != item.kind) {
            let sku = self.sku.clone();
            return Err(ApiKeyRefusal::ItemKindFixed { sku }.into());
        }
        check_optional_text("name", self.name.as_deref(), MAX_NAME_CHARS)?;
        let details = normal_details(&self.details.over(&item.details))?;
        let tax_code = self.tax_code.clone().map(Some);
        let changed = ItemChanged {
            sku: self.sku.clone(),
            name: self.name.clone().filter(|name| *name != item.name),
            price_minor: self.price_minor.filter(|price| *price != item.price_minor),
            currency: work.tenant(&ctx.tenant)?.currency,
            tax_code: tax_code.filter(|tax_code| *tax_code != item.tax_code),
            details: Some(details).filter(|details| *details != item.details),
        };
        let is_something = changed.name.is_some()
            || changed.price_minor.is_some()
            || changed.tax_code.is_some()
            || changed.details.is_some();
        Ok(is_something.then_some(changed))
    }
}

impl Decide for PutItem {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::item(&self.sku);
        work.require([&streams::tenant(), &stream])?;
        let tenant = work.tenant(&ctx.tenant)?;
        tenant.rate_ppm(self.tax_code.as_ref())?;
        check_not_negative("price_minor", self.price_minor)?;
        let before = if let State::Item(before) = work.state(&stream)? {
            before.clone()
        } else {
            None
        };
        let outcome = if let Some(item) = before {
            match self.changed(&work, ctx, &item)? {
                Some(changed) => {
                    work.emit(stream, changed)?;
                    "changed"
                }
                None => "unchanged",
            }
        } else {
            let created = self.created(&work, ctx)?;
            work.emit(stream, created)?;
            "created"
        };
        Ok(work.finish(json!({ "sku": self.sku, "outcome": outcome })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn put(name: Option<&str>, attributes: &[(&str, Option<AttributeValue>)]) -> PutItem {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        PutItem {
            sku: sku("TUB-1"),
            name: name.map(str::to_owned),
            kind: None,
            price_minor: None,
            tax_code: None,
            details: DetailsPatch {
                attributes,
                ..DetailsPatch::default()
            },
        }
    }

    fn text(text: &str) -> Option<AttributeValue> {
        Some(AttributeValue::Text(text.to_owned()))
    }

    #[test]
    fn an_article_is_created_then_changed_and_the_same_again_changes_nothing() {
        let new = put(
            Some("Tubería"),
            &[("material", text("PVC")), ("diametro", text("2.50"))],
        );
        let outcome = shop().when(new.clone());
        assert_eq!(
            outcome.decision().answer,
            json!({ "sku": "TUB-1", "outcome": "created" })
        );
        let shop = outcome.then(["catalogue.item_created"]);
        let outcome = shop.when(new);
        assert_eq!(outcome.decision().answer["outcome"], "unchanged");
        let shop = outcome.then_nothing();
        let attributes = [("diametro", text("3")), ("material", None)];
        let outcome = shop.when(put(None, &attributes));
        assert_eq!(outcome.decision().answer["outcome"], "changed");
        let shop = outcome.then(["catalogue.item_changed"]);
        let State::Item(Some(item)) = shop.state(&streams::item(&sku("TUB-1"))) else {
            panic!("no item")
        };
        assert_eq!((item.name.as_str(), item.kind), ("Tubería", ItemKind::Counted));
        let kept: Vec<_> = item.details.attributes.into_iter().collect();
        assert_eq!(
            kept,
            [("diametro".to_owned(), AttributeValue::Text("3".to_owned()))]
        );
    }

    #[test]
    fn a_new_article_needs_a_name_and_an_old_one_keeps_its_kind() {
        shop().when(put(None, &[])).then_refused("request.text_invalid");
        let shop = shop().and(put(Some("Tubería"), &[]));
        let other = PutItem {
            kind: Some(ItemKind::Service),
            ..put(None, &[])
        };
        shop.when(other).then_refused("item.kind_fixed");
    }

    #[test]
    fn a_tax_that_does_not_exist_and_a_negative_price_are_refused() {
        let taxed = PutItem {
            tax_code: Some(TaxCode::new("NADA").unwrap()),
            ..put(Some("Tubería"), &[])
        };
        shop().when(taxed).then_refused("tax_code.not_found");
        let negative = PutItem {
            price_minor: Some(Minor::new(-1).unwrap()),
            ..put(Some("Tubería"), &[])
        };
        shop().when(negative).then_refused("amount.negative");
    }
}
