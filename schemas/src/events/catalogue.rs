//! What is sold: articles, devices and services. Stream `item/<sku>`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{Sku, TaxCode};
use crate::money::{Currency, Minor};

module_events! {
    /// The life of one catalogue item.
    CatalogueEvent {
        ItemCreated(ItemCreated) = "catalogue.item_created" v 1,
        ItemChanged(ItemChanged) = "catalogue.item_changed" v 1,
        ItemDiscontinued(ItemDiscontinued) = "catalogue.item_discontinued" v 1,
        ItemReinstated(ItemReinstated) = "catalogue.item_reinstated" v 1,
        ItemCostSet(ItemCostSet) = "catalogue.item_cost_set" v 1,
    }
}

/// How stock of an item is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// By quantity.
    Counted,
    /// Unit by unit, each with its IMEI or serial number.
    Serialised,
    /// Has no stock: fees, repairs, postage.
    Service,
}

/// A free attribute's value, with its type kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AttributeValue {
    Flag(bool),
    Integer(i64),
    /// Text and decimal figures; floats are not kept.
    Text(String),
}

/// Commercial data; every field may be absent, and change later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemDetails {
    /// GS1 GTIN, kept as 14 digits with a valid check digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<String>,
    /// Such as `new`, `refurbished`, `used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warranty_months: Option<i64>,
    /// At most 50 free attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeValue>,
}

/// Something to sell: goods that are counted, units with serial numbers, or a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemCreated {
    pub sku: Sku,
    pub name: String,
    pub kind: ItemKind,
    /// Price of one unit, in minor units of `currency`.
    pub price_minor: Minor,
    pub currency: Currency,
    /// Absent: no tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_code: Option<TaxCode>,
    #[serde(default)]
    pub details: ItemDetails,
}

/// The fields that changed, with their new values; absent fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemChanged {
    pub sku: Sku,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_minor: Option<Minor>,
    pub currency: Currency,
    /// `null` clears the tax.
    #[serde(default, with = "double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TaxCode>")]
    pub tax_code: Option<Option<TaxCode>>,
    /// Replaces all details when present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ItemDetails>,
}

/// No longer sold; stock and history stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemDiscontinued {
    pub sku: Sku,
}

/// Sold again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemReinstated {
    pub sku: Sku,
}

/// What one piece usually costs to buy. A fact of its own, so that partners may be told of prices and not of costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemCostSet {
    pub sku: Sku,
    /// Absent: not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_minor: Option<Minor>,
    pub currency: Currency,
}

/// Tells "absent" from "null": a change that clears a field differs from one that leaves it.
pub mod double_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer, T: Serialize>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}
