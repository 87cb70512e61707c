//! The rules for letterhead, document numbers, terms of repairs and new names.

use schemas::events::settings::{LetterheadSet, RepairTermsSet, Series};
use serde_json::json;

use super::*;
use crate::testing::*;
use crate::{Missing, State, View, Work, streams};

fn letterhead(legal_name: &str) -> SetLetterhead {
    SetLetterhead {
        letterhead: LetterheadSet {
            legal_name: legal_name.to_owned(),
            footer_es: Some("Gracias".to_owned()),
            ..LetterheadSet::default()
        },
    }
}

fn number(prefix: &str, next: i64) -> SetNumbering {
    SetNumbering {
        series: Series::Repair,
        prefix: prefix.to_owned(),
        next,
        digits: 4,
    }
}

#[test]
fn a_letterhead_is_set_and_the_same_again_changes_nothing() {
    let shop = shop()
        .when(letterhead("Celulares"))
        .then(["admin.letterhead_set"]);
    let shop = shop.when(letterhead("Celulares")).then_nothing();
    let State::Tenant(Some(tenant)) = shop.state(&streams::tenant()) else {
        panic!("no tenant")
    };
    assert_eq!(tenant.letterhead.unwrap().legal_name, "Celulares");
    let pointer = shop.when(letterhead("")).then_refused("request.text_invalid");
    assert_eq!(pointer.unwrap(), "/legal_name");
}

#[test]
fn a_letterhead_has_bounded_texts() {
    let mut long = letterhead("Celulares");
    long.letterhead.footer_en = Some("x".repeat(501));
    let pointer = shop().when(long).then_refused("request.text_invalid");
    assert_eq!(pointer.unwrap(), "/footer_en");
}

/// A number, if there is one, and the events that came of taking it.
type Taken = (Option<String>, Vec<(schemas::StreamName, schemas::Event)>);

/// What a module does that numbers its documents.
fn take(given: &Given, series: Series) -> Result<Taken, Missing> {
    struct All(std::collections::HashMap<schemas::StreamName, State>);
    impl View for All {
        fn state(&self, stream: &schemas::StreamName) -> Option<&State> {
            self.0.get(stream)
        }
    }
    let streams = [streams::tenant(), streams::counter(series)];
    let states = streams.map(|stream| (stream.clone(), given.state(&stream)));
    let view = All(states.into());
    let mut work = Work::new(&view);
    let number = next_number(&mut work, series, "repair/r-1")?;
    Ok((number, work.finish(json!({})).events))
}

fn taken(shop: Given, series: Series) -> (Given, String) {
    let (number, events) = take(&shop, series).unwrap();
    (shop.append_all(events), number.unwrap())
}

#[test]
fn documents_get_numbers_only_where_they_are_on() {
    let shop = shop();
    assert_eq!(take(&shop, Series::Repair).unwrap().0, None);
    let shop = shop.when(number("R-", 7)).then(["admin.numbering_set"]);
    assert_eq!(take(&shop, Series::Order).unwrap().0, None);
    let (shop, first) = taken(shop, Series::Repair);
    let (shop, second) = taken(shop, Series::Repair);
    assert_eq!((first.as_str(), second.as_str()), ("R-0007", "R-0008"));
    let shop = shop.and(EndNumbering {
        series: Series::Repair,
    });
    assert_eq!(take(&shop, Series::Repair).unwrap().0, None);
    shop.when(EndNumbering {
        series: Series::Repair,
    })
    .then_nothing();
}

#[test]
fn no_number_is_handed_out_twice_whatever_prefix_comes_back() {
    let (shop, _) = taken(shop().and(number("A", 5)), Series::Repair);
    shop.clone().when(number("A", 5)).then_nothing();
    shop.clone()
        .when(number("A", 4))
        .then_refused("numbering.number_used");
    let (shop, other) = taken(shop.and(number("B", 1)), Series::Repair);
    assert_eq!(other, "B0001");
    shop.clone()
        .when(number("A", 5))
        .then_refused("numbering.number_used");
    let (_, back) = taken(shop.and(number("A", 6)), Series::Repair);
    assert_eq!(back, "A0006");
}

#[test]
fn numbering_is_bounded() {
    let out = |setting: SetNumbering, code| shop().when(setting).then_refused(code).unwrap();
    assert_eq!(out(number("R", 0), "settings.number_out_of_range"), "/next");
    let digits = SetNumbering {
        digits: 13,
        ..number("R", 1)
    };
    assert_eq!(out(digits, "settings.number_out_of_range"), "/digits");
    assert_eq!(out(number(&"R".repeat(21), 1), "request.text_invalid"), "/prefix");
    let (used_up, _) = taken(shop().and(number("R", 999_999_999_999)), Series::Repair);
    assert!(take(&used_up, Series::Repair).is_err());
}

#[test]
fn repair_terms_are_bounded_and_the_same_again_changes_nothing() {
    let terms = RepairTermsSet {
        urgent_target_s: 60,
        ..DEFAULT_REPAIR_TERMS
    };
    let shop = shop()
        .when(SetRepairTerms { terms })
        .then(["admin.repair_terms_set"]);
    let shop = shop.when(SetRepairTerms { terms }).then_nothing();
    let terms = RepairTermsSet {
        warranty_days: -1,
        ..terms
    };
    let pointer = shop
        .when(SetRepairTerms { terms })
        .then_refused("settings.number_out_of_range");
    assert_eq!(pointer.unwrap(), "/warranty_days");
}

#[test]
fn stores_and_tills_get_new_names() {
    let store = |name: &str| RenameStore {
        store: centro(),
        name: name.to_owned(),
    };
    let shop = shop()
        .when(store("Centro Histórico"))
        .then(["admin.store_renamed"]);
    let shop = shop.when(store("Centro Histórico")).then_nothing();
    shop.clone().when(store("")).then_refused("request.text_invalid");
    let till = |terminal: &str| RenameTerminal {
        terminal: schemas::TerminalId::new(terminal).unwrap(),
        name: "Principal".to_owned(),
    };
    let shop = shop.when(till("caja-1")).then(["admin.terminal_renamed"]);
    let shop = shop.when(till("caja-1")).then_nothing();
    shop.when(till("caja-9")).then_refused("terminal.not_found");
}

#[test]
fn the_organisation_gets_a_new_name_and_keeps_everything_else() {
    let rename = |name: &str| RenameTenant {
        name: name.to_owned(),
    };
    let tenant = |given: &Given| match given.state(&streams::tenant()) {
        State::Tenant(Some(tenant)) => tenant.clone(),
        other => panic!("{other:?}"),
    };
    let before = tenant(&shop());
    let renamed = shop().when(rename("Otro Nombre")).then(["admin.tenant_renamed"]);
    let mut expected = before;
    expected.name = "Otro Nombre".to_owned();
    assert_eq!(tenant(&renamed), expected);
    let renamed = renamed.when(rename("Otro Nombre")).then_nothing();
    renamed.when(rename("")).then_refused("request.text_invalid");
    given([]).when(rename("Nadie")).then_refused("tenant.not_found");
}

#[test]
fn a_store_that_is_opened_again_sells_what_it_had() {
    let close = CloseStore { store: centro() };
    let reopen = ReopenStore { store: centro() };
    let sale = || sell("v-1", vec![line("CABLE", 1)], cash(20_000));
    let closed = shop().when(close).then(["admin.store_closed"]);
    closed.clone().when(sale()).then_refused("store.closed");
    let open = closed.when(reopen.clone()).then(["admin.store_reopened"]);
    let open = open.when(reopen).then_nothing();
    assert!(open.when(sale()).result.is_ok());
    let nowhere = ReopenStore {
        store: schemas::StoreId::new("no-existe").unwrap(),
    };
    shop().when(nowhere).then_refused("store.not_found");
}

#[test]
fn a_user_gets_another_display_name_and_stays_signed_in() {
    let username = || schemas::Username::new("rosa").unwrap();
    let create = CreateUser {
        username: username(),
        role: schemas::events::admin::Role::Cashier,
        display_name: sealed("Rosa"),
        password_hash: sealed("hash"),
    };
    let rename = |text: &str| RenameUser {
        username: username(),
        display_name: sealed(text),
    };
    let user = |given: &Given| match given.state(&streams::user(&username())) {
        State::User(Some(user)) => user.clone(),
        other => panic!("{other:?}"),
    };
    let created = shop().and(create);
    let before = user(&created);
    let renamed = created.when(rename("Rosa María")).then(["admin.user_renamed"]);
    let after = user(&renamed);
    assert_eq!(after.display_name, sealed("Rosa María"));
    assert_eq!(after.session_version, before.session_version);
    renamed.when(rename("Rosa María")).then_nothing();
    shop().when(rename("Nadie")).then_refused("user.not_found");
}
