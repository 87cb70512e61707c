//! The catalogue as it stands (INV-1).

use platform::search;
use schemas::Event;
use schemas::events::CatalogueEvent;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One item.
    ItemRow, ItemKey {
        key { tenant: String, sku: String }
        name: String,
        /// `counted`, `serialised` or `service`.
        kind: String,
        price_minor: i64,
        currency: String,
        tax_code: Option<String>,
        gtin: Option<String>,
        /// In lower case, to look for.
        brand: Option<String>,
        /// What a search looks through, in lower case and without accents: SKU, name, brand, model and GTIN.
        search: String,
        /// What one piece usually costs to buy.
        cost_minor: Option<i64>,
        /// `ItemDetails` as JSON.
        details: String,
        discontinued: bool,
        last_position: i64,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

fn kind_name(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Counted => "counted",
        ItemKind::Serialised => "serialised",
        ItemKind::Service => "service",
    }
}

fn search_text(sku: &str, name: &str, details: &ItemDetails) -> String {
    let optional = [&details.brand, &details.model, &details.gtin];
    let parts = [Some(sku), Some(name)]
        .into_iter()
        .chain(optional.into_iter().map(|part| part.as_deref()));
    search::folded(&parts.flatten().collect::<Vec<_>>().join(" "))
}

impl ReadModel for ItemRow {
    const NAME: &'static str = "items";
    const VERSION: i32 = 2;
    const INDEXES: &'static str =
        "create index rm_items_gtin on rm_items (tenant, gtin) where gtin is not null;
         create index rm_items_brand on rm_items (tenant, brand, sku) where brand is not null;";

    fn keys(fact: &Fact) -> Vec<ItemKey> {
        let Event::Catalogue(event) = &fact.event else {
            return Vec::new();
        };
        let sku = match event {
            CatalogueEvent::ItemCreated(e) => &e.sku,
            CatalogueEvent::ItemChanged(e) => &e.sku,
            CatalogueEvent::ItemDiscontinued(e) => &e.sku,
            CatalogueEvent::ItemReinstated(e) => &e.sku,
            CatalogueEvent::ItemCostSet(e) => &e.sku,
        };
        vec![ItemKey {
            tenant: fact.tenant.clone(),
            sku: sku.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &ItemKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Catalogue(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let CatalogueEvent::ItemCreated(e) = event {
            return Ok(ItemRow {
                tenant: key.tenant.clone(),
                sku: key.sku.clone(),
                name: e.name.clone(),
                kind: kind_name(e.kind).to_owned(),
                price_minor: e.price_minor.get(),
                currency: e.currency.code().to_owned(),
                tax_code: e.tax_code.as_ref().map(ToString::to_string),
                gtin: e.details.gtin.clone(),
                brand: e.details.brand.as_deref().map(search::folded),
                search: search_text(&key.sku, &e.name, &e.details),
                cost_minor: None,
                details: document(&e.details)?,
                discontinued: false,
                last_position: fact.position,
                created_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            CatalogueEvent::ItemCreated(_) => {}
            CatalogueEvent::ItemChanged(e) => {
                if let Some(name) = &e.name {
                    row.name.clone_from(name);
                }
                if let Some(price) = e.price_minor {
                    row.price_minor = price.get();
                }
                if let Some(tax_code) = &e.tax_code {
                    row.tax_code = tax_code.as_ref().map(ToString::to_string);
                }
                if let Some(details) = &e.details {
                    row.gtin.clone_from(&details.gtin);
                    row.brand = details.brand.as_deref().map(search::folded);
                    row.details = document(details)?;
                }
                if e.name.is_some() || e.details.is_some() {
                    let details: ItemDetails = serde_json::from_str(&row.details)
                        .map_err(|error| FoldError::Document(error.to_string()))?;
                    row.search = search_text(&key.sku, &row.name, &details);
                }
            }
            CatalogueEvent::ItemDiscontinued(_) => row.discontinued = true,
            CatalogueEvent::ItemReinstated(_) => row.discontinued = false,
            CatalogueEvent::ItemCostSet(e) => row.cost_minor = e.cost_minor.map(schemas::Minor::get),
        }
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    fn created() -> Event {
        event(
            "catalogue.item_created",
            json!({"sku": "A", "name": "Cable", "kind": "counted", "price_minor": 900, "currency": "HNL",
                   "tax_code": "ISV15", "details": {"brand": "Acme"}}),
        )
    }

    #[test]
    fn a_change_touches_only_the_fields_that_it_names() {
        let change = json!({"sku": "A", "price_minor": 950, "currency": "HNL"});
        let rows = folded::<ItemRow>([created(), event("catalogue.item_changed", change)]).unwrap();
        assert_eq!(
            (
                rows[0].price_minor,
                rows[0].name.as_str(),
                rows[0].tax_code.as_deref()
            ),
            (950, "Cable", Some("ISV15"))
        );
        assert_eq!(rows[0].details, r#"{"brand":"Acme"}"#);
    }

    #[test]
    fn an_item_is_found_by_what_people_type() {
        let change = json!({"sku": "A", "name": "Cargador rápido", "currency": "HNL",
                            "details": {"brand": "ÁCME", "model": "X-1"}});
        let cost = event(
            "catalogue.item_cost_set",
            json!({"sku": "A", "cost_minor": 600, "currency": "HNL"}),
        );
        let rows = folded::<ItemRow>([created(), event("catalogue.item_changed", change), cost]).unwrap();
        assert_eq!(rows[0].search, "a cargador rapido acme x-1");
        assert_eq!(
            (rows[0].brand.as_deref(), rows[0].cost_minor),
            (Some("acme"), Some(600))
        );
    }

    #[test]
    fn a_null_tax_code_clears_the_tax() {
        let change = json!({"sku": "A", "tax_code": null, "currency": "HNL"});
        let rows = folded::<ItemRow>([created(), event("catalogue.item_changed", change)]).unwrap();
        assert_eq!(rows[0].tax_code, None);
    }

    #[test]
    fn a_discontinued_item_stays_and_can_come_back() {
        let gone = event("catalogue.item_discontinued", json!({"sku": "A"}));
        assert!(folded::<ItemRow>([created(), gone.clone()]).unwrap()[0].discontinued);
        let back = event("catalogue.item_reinstated", json!({"sku": "A"}));
        assert!(!folded::<ItemRow>([created(), gone, back]).unwrap()[0].discontinued);
    }

    #[test]
    fn a_change_of_an_item_that_never_was_cannot_be_folded() {
        let change = event("catalogue.item_discontinued", json!({"sku": "A"}));
        assert!(matches!(
            folded::<ItemRow>([change]),
            Err(FoldError::MissingRow { .. })
        ));
    }
}
