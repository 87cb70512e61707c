//! Drafts without a database: what the rows of a file would change.

use std::collections::HashMap;

use domain::State;
use domain::catalogue::Item;
use domain::imports::{Base, ImportAction};
use domain::stock::{Place, Stock, Unit};
use imports::{Interpreted, Money, Table, WarningCode, interpret};
use schemas::events::admin::{StockPolicy, TaxRateSet, TenantCreated};
use schemas::events::catalogue::{ItemCreated, ItemDetails, ItemKind};
use schemas::events::import::ImportOverride;
use schemas::events::movement::MovementPolicySet;
use schemas::events::stock::StockReceived;
use schemas::{Currency, Minor, Quantity, Sku, StoreId, TaxCode, TenantId, UnitId};

use super::plan::{self, Draft, Part};
use super::settings::{Kind, PRICE_DROP_PPM, Settings, StockMode};
use super::world::World;

const IMEI: &str = "490154203237518";

pub(super) fn world() -> World {
    let stream = domain::streams::tenant();
    let mut tenant = State::initial(&stream);
    tenant.evolve(
        &TenantCreated {
            tenant: TenantId::new("t1").unwrap(),
            name: "Tienda".to_owned(),
            currency: Currency::new("HNL").unwrap(),
            time_zone: "America/Tegucigalpa".to_owned(),
            prices_include_tax: true,
            stock_policy: StockPolicy::Strict,
        }
        .into(),
    );
    tenant.evolve(
        &TaxRateSet {
            tax_code: TaxCode::new("ISV15").unwrap(),
            name: "ISV".to_owned(),
            rate_ppm: 150_000,
        }
        .into(),
    );
    let State::Tenant(Some(tenant)) = tenant else {
        panic!("a tenant")
    };
    let mut items = HashMap::new();
    for (name, kind) in [
        ("CABLE", ItemKind::Counted),
        ("PHONE", ItemKind::Serialised),
        ("FIX", ItemKind::Service),
    ] {
        let sku = Sku::new(name).unwrap();
        let mut state = State::initial(&domain::streams::item(&sku));
        state.evolve(
            &ItemCreated {
                sku: sku.clone(),
                name: name.to_owned(),
                kind,
                price_minor: Minor::new(10_000).unwrap(),
                currency: Currency::new("HNL").unwrap(),
                tax_code: None,
                details: ItemDetails {
                    brand: Some("Acme".to_owned()),
                    ..ItemDetails::default()
                },
            }
            .into(),
        );
        let State::Item(Some(item)) = state else {
            panic!("an item")
        };
        items.insert(sku, *item);
    }
    World {
        tenant: *tenant,
        items,
        shelves: HashMap::from([(Sku::new("CABLE").unwrap(), shelf(8, None))]),
        units: HashMap::new(),
    }
}

/// A shelf with so many pieces, at a cost where one is known.
fn shelf(on_hand: i64, cost: Option<i64>) -> Stock {
    let store = StoreId::new("centro").unwrap();
    let sku = Sku::new("CABLE").unwrap();
    let mut state = State::initial(&domain::streams::stock(&store, &sku));
    let received = StockReceived {
        store,
        sku,
        quantity: Quantity::new(on_hand).unwrap(),
        on_hand,
        unit_cost_minor: cost.map(|cost| Minor::new(cost).unwrap()),
        reference: None,
    };
    state.evolve(&received.into());
    let State::Stock(stock) = state else {
        panic!("a shelf")
    };
    stock
}

pub(super) fn settings(kind: Kind, stock: StockMode) -> Settings {
    Settings {
        kind,
        stock,
        store: Some(StoreId::new("centro").unwrap()),
        price_drop_ppm: PRICE_DROP_PPM,
    }
}

fn table(text: &str) -> Table {
    imports::read(text.as_bytes()).unwrap()
}

pub(super) fn drafted(text: &str, world: &World, settings: &Settings) -> Draft {
    plan::draft(
        &interpret(
            &table(text),
            Money {
                currency: Currency::new("HNL").unwrap(),
            },
        ),
        world,
        settings,
    )
}

fn draft(text: &str) -> Draft {
    drafted(text, &world(), &settings(Kind::Auto, StockMode::Counted))
}

fn codes(draft: &Draft, row: usize) -> Vec<WarningCode> {
    draft.rows[row]
        .warnings
        .iter()
        .map(|warning| warning.code)
        .collect()
}

#[test]
fn a_price_that_falls_by_exactly_the_limit_is_let_through_and_one_cent_more_is_not() {
    for (price, held) in [("70.00", false), ("69.99", true), ("100.01", false)] {
        let draft = draft(&format!("sku,price\nCABLE,{price}\n"));
        let Some(Part::Work { holds, work }) = &draft.rows[0].item else {
            panic!("{price}: {draft:?}")
        };
        assert_eq!(holds.contains(&ImportOverride::PriceDrop), held, "{price}");
        assert!(matches!(work.bases[..], [Base::Item { .. }]));
    }
}

#[test]
fn a_count_below_what_is_there_is_held_and_one_above_is_a_receipt() {
    let draft = draft("sku,qty,cost\nCABLE,3,\n");
    let Some(Part::Work { work, holds }) = &draft.rows[0].stock else {
        panic!("{draft:?}")
    };
    assert!(matches!(&work.action, ImportAction::AdjustStock(adjust) if adjust.delta == -5));
    assert_eq!(holds, &[ImportOverride::NegativeAdjustment]);
    let more = drafted(
        "sku,qty,cost\nCABLE,10,2.50\n",
        &world(),
        &settings(Kind::Stock, StockMode::Counted),
    );
    let Some(Part::Work { work, holds }) = &more.rows[0].stock else {
        panic!("{more:?}")
    };
    let ImportAction::ReceiveStock(receipt) = &work.action else {
        panic!("{work:?}")
    };
    assert_eq!((receipt.lines[0].quantity.get(), holds.len()), (2, 0));
    assert_eq!(receipt.lines[0].unit_cost_minor, Minor::new(250).ok());
    let came_in = drafted(
        "sku,qty\nCABLE,10\n",
        &world(),
        &settings(Kind::Stock, StockMode::Received),
    );
    assert!(
        matches!(&came_in.rows[0].stock, Some(Part::Work { work, .. }) if work.bases.is_empty()),
        "{came_in:?}"
    );
    let same = drafted(
        "sku,qty\nCABLE,8\n",
        &world(),
        &settings(Kind::Stock, StockMode::Counted),
    );
    assert_eq!(same.rows[0].stock, Some(Part::Unchanged));
}

#[test]
fn units_are_new_here_already_or_somebody_elses_business() {
    let unit = UnitId::new(&format!("imei:{IMEI}")).unwrap();
    let text = format!("sku,imei\nPHONE,{IMEI}\nPHONE,{IMEI}\nCABLE,352099001761481\nPHONE,\n");
    let fresh = draft(&text);
    assert!(matches!(&fresh.rows[0].stock, Some(Part::Work { holds, .. }) if holds.is_empty()));
    assert_eq!(codes(&fresh, 1), [WarningCode::UnitRepeated]);
    assert!(codes(&fresh, 2).contains(&WarningCode::UnitUnexpected));
    for (place, status) in [("centro", "unchanged"), ("norte", "held")] {
        let mut world = world();
        let known = Unit {
            sku: Sku::new("PHONE").unwrap(),
            place: Place::InStock {
                store: StoreId::new(place).unwrap(),
            },
            holder: None,
        };
        world.units.insert(unit.clone(), known);
        let draft = drafted(&text, &world, &settings(Kind::Auto, StockMode::Counted));
        let found = match &draft.rows[0].stock {
            Some(Part::Unchanged) => "unchanged",
            Some(Part::Work { holds, .. }) if holds == &[ImportOverride::KnownImei] => "held",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, status);
    }
}

#[test]
fn taxes_are_found_by_code_or_rate_and_not_guessed() {
    let text = "sku,name,price,tax\nA,a,1,isv15\nB,b,1,15%\nC,c,1,exento\nD,d,1,18%\nE,e,1,0.15\n";
    let draft = draft(text);
    let tax = |row: usize| match &draft.rows[row].item {
        Some(Part::Work { work, .. }) => match &work.action {
            ImportAction::CreateItem(create) => create.tax_code.as_ref().map(ToString::to_string),
            _ => panic!("{work:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(tax(0).as_deref(), Some("ISV15"));
    assert_eq!(tax(1).as_deref(), Some("ISV15"));
    assert_eq!(tax(2), None);
    assert!(draft.rows[3].is_invalid && codes(&draft, 3) == [WarningCode::TaxUnknown]);
    assert_eq!(tax(4).as_deref(), Some("ISV15"));
}

#[test]
fn the_first_row_of_an_article_speaks_for_it() {
    let text = "sku,name,price,qty\nN,Nuevo,5,3\nN,Nuevo,5,3\nN,Nuevo,6,3\nN,Nuevo,5,4\n";
    let draft = draft(text);
    assert!(!draft.rows[0].is_invalid);
    assert_eq!(codes(&draft, 1), [WarningCode::RowRepeated]);
    assert!(codes(&draft, 2).contains(&WarningCode::RowContradicts));
    assert!(codes(&draft, 3).contains(&WarningCode::RowContradicts));
    assert_eq!((draft.counts.planned, draft.counts.invalid), (1, 2));
}

#[test]
fn what_the_row_does_not_say_stays() {
    let draft = draft("sku,model,Material\nCABLE,M-2,Nylon\n");
    let Some(Part::Work { work, .. }) = &draft.rows[0].item else {
        panic!("{draft:?}")
    };
    let ImportAction::ChangeItem(change) = &work.action else {
        panic!("{work:?}")
    };
    let details = change.details.as_ref().unwrap();
    assert_eq!(
        (details.brand.as_deref(), details.model.as_deref()),
        (Some("Acme"), Some("M-2"))
    );
    assert_eq!(details.attributes.len(), 1);
    assert_eq!((&change.name, change.price_minor), (&None, None));
}

#[test]
fn stock_alone_needs_known_articles_and_services_have_none() {
    let text = "sku,name,price,qty\nNOPE,x,1,5\nFIX,y,1,5\n";
    let draft = drafted(text, &world(), &settings(Kind::Stock, StockMode::Counted));
    assert!(codes(&draft, 0).contains(&WarningCode::ItemUnknown));
    assert!(codes(&draft, 1).contains(&WarningCode::ServiceWithStock));
    assert_eq!(draft.counts.planned, 0);
}

#[test]
fn the_same_file_over_the_same_shop_is_the_same_draft_and_another_price_is_another() {
    let text = "sku,name,price\nN,Nuevo,5\n";
    assert_eq!(draft(text).sha256, draft(text).sha256);
    assert_ne!(draft(text).sha256, draft("sku,name,price\nN,Nuevo,6\n").sha256);
}

#[test]
fn a_cost_is_set_with_the_article_and_alone_when_nothing_else_changes() {
    let fresh = draft("sku,name,price,cost\nN,Nuevo,5,3\n");
    let Some(Part::Work { work, .. }) = &fresh.rows[0].item else {
        panic!("{fresh:?}")
    };
    assert!(matches!(&work.action, ImportAction::CreateItem(_)));
    let set = work.cost.as_ref().unwrap();
    assert_eq!((set.sku.as_str(), set.cost_minor), ("N", Minor::new(300).ok()));

    let alone = draft("sku,cost\nCABLE,101\n");
    let Some(Part::Work { work, holds }) = &alone.rows[0].item else {
        panic!("{alone:?}")
    };
    assert!(matches!(&work.action, ImportAction::SetItemCost(_)) && work.cost.is_none());
    assert!(holds.is_empty() && matches!(work.bases[..], [Base::Item { .. }]));
    assert_eq!(codes(&alone, 0), [WarningCode::PriceBelowCost]);
    let stock_only = drafted(
        "sku,cost\nCABLE,101\n",
        &world(),
        &settings(Kind::Stock, StockMode::Counted),
    );
    assert_eq!(stock_only.rows[0].item, None);
}

#[test]
fn a_cost_that_changes_by_exactly_the_limit_is_no_jump_and_one_cent_more_is() {
    let mut world = world();
    world
        .items
        .get_mut(&Sku::new("CABLE").unwrap())
        .unwrap()
        .cost_minor = Minor::new(1_000).ok();
    let draft = |cost: &str| {
        drafted(
            &format!("sku,cost\nCABLE,{cost}\n"),
            &world,
            &settings(Kind::Articles, StockMode::Counted),
        )
    };
    for (cost, jumps) in [("7.00", false), ("6.99", true), ("13.00", false), ("13.01", true)] {
        let found = codes(&draft(cost), 0).contains(&WarningCode::CostJump);
        assert_eq!(found, jumps, "{cost}");
    }
    assert_eq!(draft("10.00").rows[0].item, Some(Part::Unchanged));
}

#[test]
fn pieces_that_a_count_finds_are_worth_the_average_and_come_in_at_the_rows_cost_if_it_says_one() {
    let mut world = world();
    world
        .shelves
        .insert(Sku::new("CABLE").unwrap(), shelf(8, Some(600)));
    let counted = settings(Kind::Stock, StockMode::Counted);
    let found = drafted("sku,qty\nCABLE,10\n", &world, &counted);
    let Some(Part::Work { work, holds }) = &found.rows[0].stock else {
        panic!("{found:?}")
    };
    assert!(matches!(&work.action, ImportAction::AdjustStock(adjust) if adjust.delta == 2));
    assert!(holds.is_empty());
    let bought = drafted("sku,qty,cost\nCABLE,10,7\n", &world, &counted);
    let Some(Part::Work { work, .. }) = &bought.rows[0].stock else {
        panic!("{bought:?}")
    };
    assert!(matches!(&work.action, ImportAction::ReceiveStock(_)));
}

#[test]
fn differences_over_the_limit_of_movements_are_announced_and_so_are_goods_that_came_in() {
    let mut world = world();
    world.tenant.movement_policy = MovementPolicySet {
        max_quantity: None,
        // Six pieces at the article's price of 100.00.
        max_value_minor: Minor::new(60_000).ok(),
    };
    let announced = |quantity: i64, mode: StockMode| {
        let text = format!("sku,qty\nCABLE,{quantity}\n");
        let draft = drafted(&text, &world, &settings(Kind::Stock, mode));
        codes(&draft, 0).contains(&WarningCode::NeedsApproval)
    };
    for (quantity, waits) in [(14, false), (15, true), (2, false), (1, true)] {
        assert_eq!(announced(quantity, StockMode::Counted), waits, "{quantity}");
    }
    for (quantity, waits) in [(6, false), (7, true)] {
        assert_eq!(announced(quantity, StockMode::Received), waits, "{quantity}");
    }
}

#[test]
fn repeated_lines_of_goods_that_came_in_add_up_each_at_its_own_cost() {
    let text = "sku,qty,cost\nCABLE,7,1.00\nCABLE,7,1.00\nCABLE,2,3.00\n";
    let draft = drafted(text, &world(), &settings(Kind::Auto, StockMode::Received));
    let mut came_in = Vec::new();
    for row in &draft.rows {
        let Some(Part::Work { work, .. }) = &row.stock else {
            panic!("{row:?}")
        };
        let ImportAction::ReceiveStock(receipt) = &work.action else {
            panic!("{work:?}")
        };
        let line = &receipt.lines[0];
        came_in.push((line.quantity.get(), line.unit_cost_minor.map(Minor::get)));
    }
    assert_eq!(came_in, [(7, Some(100)), (7, Some(100)), (2, Some(300))]);
    assert_eq!(codes(&draft, 1), [WarningCode::RowAdded]);
    let last = draft.rows[2].changes.last().unwrap();
    assert_eq!((&last.from, &last.to), (&22.into(), &24.into()));
    assert_eq!((draft.counts.planned, draft.counts.unchanged), (3, 0));
    // What is counted is not added up.
    let counted = drafted(text, &world(), &settings(Kind::Stock, StockMode::Counted));
    assert!(codes(&counted, 2).contains(&WarningCode::RowContradicts));
}

#[test]
fn later_rows_of_devices_contradict_like_those_of_other_articles() {
    let text = format!(
        "sku,name,imei,price,colour,condition\nNEW,Tel,{IMEI},100,negro,nuevo\n\
         NEW,Otro,352099001761481,100,negro,nuevo\nNEW,Tel,356938035643809,90,negro,nuevo\n\
         NEW,Tel,353879234252633,100,blanco,usado\n"
    );
    let draft = draft(&text);
    for (row, field) in [(1, "name"), (2, "price")] {
        let warning = &draft.rows[row].warnings[0];
        assert_eq!(warning.code, WarningCode::RowContradicts, "{warning:?}");
        assert_eq!(warning.field.as_deref(), Some(field));
        assert!(draft.rows[row].is_invalid);
    }
    let told: Vec<_> = draft.rows[3]
        .warnings
        .iter()
        .map(|warning| (warning.code, warning.field.as_deref().unwrap()))
        .collect();
    let differs = WarningCode::RowDetailsDiffer;
    assert_eq!(told, [(differs, "colour"), (differs, "condition")]);
    assert!(matches!(&draft.rows[3].stock, Some(Part::Work { .. })));
}

#[test]
fn a_row_of_which_one_part_is_held_counts_as_held_and_says_so() {
    let draft = draft("sku,price,qty\nCABLE,101,3\n");
    assert!(codes(&draft, 0).contains(&WarningCode::RowInPart));
    assert_eq!((draft.counts.held, draft.counts.planned), (1, 0));
    let both = drafted(
        "sku,price,qty\nCABLE,1,3\n",
        &world(),
        &settings(Kind::Auto, StockMode::Counted),
    );
    assert!(!codes(&both, 0).contains(&WarningCode::RowInPart));
    assert_eq!(both.counts.held, 1);
}

#[test]
fn a_row_that_cannot_be_imported_is_found_by_its_code() {
    let draft = draft("sku,price\nCABLE,abc\n");
    assert!(draft.rows[0].is_invalid);
    assert_eq!(draft.rows[0].sku.as_ref().map(Sku::as_str), Some("CABLE"));
}

const EAN: &str = "5901234123457";

/// Articles with these codes and barcodes.
fn articles(with: &[(&str, &str)]) -> HashMap<Sku, Item> {
    let mut item = world().items[&Sku::new("CABLE").unwrap()].clone();
    let mut named = |(sku, gtin): &(&str, &str)| {
        item.details.gtin = domain::catalogue::normal_gtin(gtin).ok();
        (Sku::new(sku).unwrap(), item.clone())
    };
    with.iter().map(&mut named).collect()
}

fn resolved(text: &str, known: &HashMap<Sku, Item>) -> Interpreted {
    let hnl = Currency::new("HNL").unwrap();
    let mut file = interpret(&table(text), Money { currency: hnl });
    super::barcodes::resolve(&mut file, known);
    file
}

#[test]
fn a_row_with_a_barcode_alone_is_the_article_that_has_it() {
    let text = format!("codigo de barras,nombre,precio\n{EAN},Con barras,5\n");
    let file = resolved(&text, &articles(&[("BAR-1", EAN)]));
    let record = file.rows[0].record.as_ref().unwrap();
    assert_eq!(record.sku.as_str(), "BAR-1");
    let codes = |file: &Interpreted| -> Vec<WarningCode> {
        file.rows[0].warnings.iter().map(|warning| warning.code).collect()
    };
    assert_eq!(codes(&file), [WarningCode::SkuByGtin]);

    let several = resolved(&text, &articles(&[("BAR-1", EAN), ("BAR-2", EAN)]));
    assert!(several.rows[0].record.is_none());
    let warning = &several.rows[0].warnings[0];
    assert_eq!(warning.code, WarningCode::GtinAmbiguous);
    assert_eq!(warning.value.as_deref(), Some("BAR-1, BAR-2"));
    // One whose code is the barcode, as imports of earlier releases made them.
    let doubled = articles(&[("BAR-1", EAN), (EAN, "4006381333931")]);
    assert!(resolved(&text, &doubled).rows[0].record.is_none());
    let mut ended = articles(&[("BAR-1", EAN), (EAN, EAN)]);
    ended.get_mut(&Sku::new(EAN).unwrap()).unwrap().discontinued = true;
    let file = resolved(&text, &ended);
    assert_eq!(file.rows[0].record.as_ref().unwrap().sku.as_str(), "BAR-1");

    let unknown = resolved(&text, &HashMap::new());
    assert_eq!(unknown.rows[0].record.as_ref().unwrap().sku.as_str(), EAN);
    assert_eq!(codes(&unknown), [WarningCode::SkuDerived]);
}

#[test]
fn a_barcode_that_an_earlier_row_gives_to_a_code_means_that_code() {
    let text = format!("sku,ean,nombre,precio\nN-1,{EAN},Uno,5\n,{EAN},Uno,5\n");
    let file = resolved(&text, &HashMap::new());
    assert_eq!(file.rows[1].record.as_ref().unwrap().sku.as_str(), "N-1");
}
