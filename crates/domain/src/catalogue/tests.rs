//! The rules for catalogue items.

use schemas::events::catalogue::{AttributeValue, ItemChanged, ItemDetails, ItemKind};
use schemas::{Currency, TaxCode};
use serde_json::json;

use super::*;
use crate::streams;
use crate::testing::*;

fn change(name: &str) -> ChangeItem {
    ChangeItem {
        sku: sku(name),
        name: None,
        price_minor: None,
        tax_code: None,
        details: None,
    }
}

fn with_details(details: ItemDetails) -> CreateItem {
    CreateItem {
        details,
        ..create_item("NEW", ItemKind::Counted, 1, false)
    }
}

#[test]
fn an_item_is_created_once_whatever_its_kind() {
    for kind in [ItemKind::Counted, ItemKind::Serialised, ItemKind::Service] {
        let outcome = shop().when(create_item("NEW", kind, 0, true));
        assert_eq!(outcome.decision().answer, json!({ "sku": "NEW" }));
        let shop = outcome.then(["catalogue.item_created"]);
        shop.when(create_item("NEW", kind, 5, true))
            .then_refused("item.already_exists");
    }
}

#[test]
fn an_items_gtin_is_kept_with_fourteen_digits() {
    let details = |gtin: &str| ItemDetails {
        gtin: Some(gtin.to_owned()),
        ..ItemDetails::default()
    };
    let shop = shop().and(with_details(details("4006381333931")));
    assert_eq!(shop_item(&shop, "NEW").details.gtin.unwrap(), "04006381333931");
    let same = ChangeItem {
        details: Some(details("4006381333931")),
        ..change("NEW")
    };
    let shop = shop.when(same).then_nothing();
    let wrong = ChangeItem {
        details: Some(details("4006381333932")),
        ..change("NEW")
    };
    assert_eq!(
        shop.when(wrong).then_refused("item.gtin_invalid").unwrap(),
        "/details/gtin"
    );
}

fn shop_item(given: &Given, name: &str) -> Item {
    match given.state(&streams::item(&sku(name))) {
        crate::State::Item(Some(item)) => *item,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_items_fields_have_bounds() {
    let shop = shop();
    let priced = create_item("NEW", ItemKind::Counted, -1, false);
    shop.clone().when(priced).then_refused("amount.negative");
    let named = CreateItem {
        name: "x".repeat(201),
        ..with_details(ItemDetails::default())
    };
    shop.clone().when(named).then_refused("request.text_invalid");
    let warranty = ItemDetails {
        warranty_months: Some(-1),
        ..ItemDetails::default()
    };
    shop.clone()
        .when(with_details(warranty))
        .then_refused("item.warranty_out_of_range");
    let brand = ItemDetails {
        brand: Some("x".repeat(201)),
        ..ItemDetails::default()
    };
    let pointer = shop
        .clone()
        .when(with_details(brand))
        .then_refused("request.text_invalid");
    assert_eq!(pointer.unwrap(), "/details/brand");
    let many = (0..51)
        .map(|n| (format!("a{n}"), AttributeValue::Integer(n)))
        .collect();
    let attributes = ItemDetails {
        attributes: many,
        ..ItemDetails::default()
    };
    shop.when(with_details(attributes))
        .then_refused("request.too_many_entries");
}

#[test]
fn an_items_tax_must_exist() {
    let iva = TaxCode::new("IVA").unwrap();
    let created = CreateItem {
        tax_code: Some(iva.clone()),
        ..with_details(ItemDetails::default())
    };
    shop().when(created).then_refused("tax_code.not_found");
    let changed = ChangeItem {
        tax_code: Some(Some(iva)),
        ..change("CABLE")
    };
    shop().when(changed).then_refused("tax_code.not_found");
}

#[test]
fn a_change_carries_only_what_differs() {
    let wanted = ChangeItem {
        name: Some("Artículo CABLE".to_owned()),
        price_minor: Some(minor(12_000)),
        tax_code: Some(None),
        ..change("CABLE")
    };
    let changed = ItemChanged {
        sku: sku("CABLE"),
        name: None,
        price_minor: Some(minor(12_000)),
        currency: Currency::new("HNL").unwrap(),
        tax_code: Some(None),
        details: None,
    };
    let shop = shop()
        .when(wanted.clone())
        .then_events([(streams::item(&sku("CABLE")), changed.into())]);
    assert_eq!(shop_item(&shop, "CABLE").tax_code, None);
    shop.when(wanted).then_nothing();
}

#[test]
fn an_item_that_does_not_exist_cannot_be_changed() {
    shop().when(change("NADA")).then_refused("item.not_found");
    shop()
        .when(DiscontinueItem { sku: sku("NADA") })
        .then_refused("item.not_found");
    shop()
        .when(ReinstateItem { sku: sku("NADA") })
        .then_refused("item.not_found");
    let priced = ChangeItem {
        price_minor: Some(minor(-1)),
        ..change("CABLE")
    };
    shop().when(priced).then_refused("amount.negative");
}

#[test]
fn a_discontinued_item_is_not_sold_until_it_is_reinstated() {
    let shop = shop()
        .when(DiscontinueItem { sku: sku("CABLE") })
        .then(["catalogue.item_discontinued"]);
    let shop = shop.when(DiscontinueItem { sku: sku("CABLE") }).then_nothing();
    let sale = sell("v-1", vec![line("CABLE", 1)], cash(10_000));
    shop.clone().when(sale.clone()).then_refused("item.discontinued");
    let shop = shop
        .when(ReinstateItem { sku: sku("CABLE") })
        .then(["catalogue.item_reinstated"]);
    let shop = shop.when(ReinstateItem { sku: sku("CABLE") }).then_nothing();
    shop.and(sale);
}
