//! Imports: drafted, confirmed once per file, carried out against what the draft saw.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schemas::envelope::Actor;
use schemas::events::import::{DraftCounts, ImportCounts, ImportOverride};
use schemas::{ImportId, Minor, Quantity};

use super::*;
use crate::catalogue::{ChangeItem, CreateItem, SetItemCost};
use crate::movements::{ApproveMovement, SetMovementPolicy};
use crate::stock::{AdjustStock, ReceiptLine, ReceiveStock};
use crate::testing::{Given, centro, receipt, shop, sku};
use crate::{State, streams};

const FILE: &str = "aa11";

fn id(name: &str) -> ImportId {
    ImportId::new(name).unwrap()
}

fn draft(name: &str, draft_sha256: &str) -> DraftImport {
    DraftImport {
        import_id: id(name),
        store: Some(centro()),
        file_name: Some("lista.xlsx".to_owned()),
        file_sha256: FILE.to_owned(),
        draft_sha256: draft_sha256.to_owned(),
        counts: DraftCounts::default(),
    }
}

fn confirm(name: &str, overrides: &[ImportOverride]) -> ConfirmImport {
    ConfirmImport {
        import_id: id(name),
        draft_sha256: "d1".to_owned(),
        overrides: overrides.iter().copied().collect(),
    }
}

fn complete(name: &str, held: i64) -> CompleteImport {
    CompleteImport {
        import_id: id(name),
        counts: ImportCounts {
            rows: held,
            held,
            ..ImportCounts::default()
        },
    }
}

fn fail(name: &str) -> FailImport {
    FailImport {
        import_id: id(name),
        store: None,
        file_name: None,
        file_sha256: FILE.to_owned(),
        code: "import.file_unsupported".to_owned(),
        detail: None,
    }
}

fn drafted() -> Given {
    shop().when(draft("i1", "d1")).then(["import.drafted"])
}

fn confirmed() -> Given {
    drafted()
        .when(confirm("i1", &[]))
        .then(["import.file_taken", "import.confirmed"])
}

fn create(name: &str) -> ImportAction {
    ImportAction::CreateItem(CreateItem {
        sku: sku(name),
        name: name.to_owned(),
        kind: schemas::events::catalogue::ItemKind::Counted,
        price_minor: Minor::new(500).unwrap(),
        tax_code: None,
        details: schemas::events::catalogue::ItemDetails::default(),
    })
}

fn apply(bases: Vec<Base>, action: ImportAction) -> ApplyImport {
    ApplyImport {
        import_id: id("i1"),
        bases,
        action,
        cost: None,
    }
}

#[test]
fn a_draft_may_be_replaced_until_it_is_confirmed() {
    drafted().when(draft("i1", "d1")).then_nothing();
    drafted()
        .when(draft("i1", "d2"))
        .then(["import.drafted"])
        .when(confirm("i1", &[]))
        .then_refused("import.draft_differs");
    confirmed()
        .when(draft("i1", "d2"))
        .then_refused("import.not_open");
    shop()
        .when(fail("i1"))
        .then(["import.failed"])
        .when(draft("i1", "d1"))
        .then(["import.drafted"]);
}

#[test]
fn the_same_file_is_confirmed_once_unless_somebody_wants_it_again() {
    let second = confirmed().when(draft("i2", "d1")).then(["import.drafted"]);
    second
        .clone()
        .when(confirm("i2", &[]))
        .then_refused("import.file_already_confirmed");
    second
        .when(confirm("i2", &[ImportOverride::RepeatedFile]))
        .then(["import.file_taken", "import.confirmed"]);
    confirmed().when(confirm("i1", &[])).then_nothing();
    shop().when(confirm("i1", &[])).then_refused("import.not_found");
    shop()
        .when(fail("i1"))
        .then(["import.failed"])
        .when(ConfirmImport {
            draft_sha256: String::new(),
            ..confirm("i1", &[])
        })
        .then_refused("import.not_open");
}

#[test]
fn what_was_held_back_is_let_through_later_by_those_who_may() {
    let done = confirmed().when(complete("i1", 3)).then(["import.completed"]);
    done.clone().when(confirm("i1", &[])).then_nothing();
    let again = done
        .clone()
        .when(confirm("i1", &[ImportOverride::PriceDrop]))
        .then(["import.confirmed"]);
    again
        .clone()
        .when(confirm("i1", &[ImportOverride::NegativeAdjustment]))
        .then_refused("import.not_open");
    again.when(complete("i1", 0)).then(["import.completed"]);
    let mut operator = done;
    operator.ctx.actor = Actor::User {
        username: "sync".to_owned(),
        role: "sync_operator".to_owned(),
    };
    operator
        .clone()
        .when(confirm("i1", &[ImportOverride::PriceDrop]))
        .then_refused("import.override_forbidden");
    operator.when(confirm("i1", &[])).then_nothing();
    confirmed()
        .when(complete("i1", 0))
        .then(["import.completed"])
        .when(confirm("i1", &[ImportOverride::PriceDrop]))
        .then_nothing();
}

#[test]
fn an_import_ends_once() {
    drafted().when(complete("i1", 0)).then_refused("import.not_open");
    let done = confirmed().when(complete("i1", 0)).then(["import.completed"]);
    done.clone().when(complete("i1", 0)).then_nothing();
    done.when(fail("i1")).then_refused("import.not_open");
    shop()
        .when(fail("i1"))
        .then(["import.failed"])
        .when(fail("i1"))
        .then_nothing();
}

#[test]
fn a_part_is_carried_out_only_while_the_import_is_confirmed() {
    drafted()
        .when(apply(vec![], create("NEW")))
        .then_refused("import.not_open");
    let applied = confirmed()
        .when(apply(vec![], create("NEW")))
        .then(["catalogue.item_created"]);
    applied
        .when(apply(vec![], create("NEW")))
        .then_refused("item.already_exists");
}

#[test]
fn what_was_changed_since_the_draft_is_not_overwritten() {
    let given = confirmed()
        .when(apply(vec![], create("NEW")))
        .then(["catalogue.item_created"]);
    let State::Item(Some(item)) = given.state(&streams::item(&sku("NEW"))) else {
        panic!("the article is there")
    };
    let base = Base::Item {
        sku: sku("NEW"),
        fingerprint: item_base(&item),
    };
    let change = |price: i64| ChangeItem {
        sku: sku("NEW"),
        name: None,
        price_minor: Some(Minor::new(price).unwrap()),
        tax_code: None,
        details: None,
    };
    let by_import = |price| apply(vec![base.clone()], ImportAction::ChangeItem(change(price)));
    given
        .clone()
        .when(change(700))
        .then(["catalogue.item_changed"])
        .when(by_import(900))
        .then_refused("import.base_changed");
    let shelf = |on_hand| Base::Shelf {
        store: centro(),
        sku: sku("NEW"),
        on_hand,
    };
    let receive = ReceiveStock {
        store: centro(),
        reference: None,
        lines: vec![ReceiptLine {
            sku: sku("NEW"),
            quantity: Quantity::new(5).unwrap(),
            unit_cost_minor: None,
            units: vec![],
        }],
    };
    let received = given
        .when(by_import(900))
        .then(["catalogue.item_changed"])
        .when(apply(vec![shelf(0)], ImportAction::ReceiveStock(receive.clone())))
        .then(["inventory.received"]);
    received
        .clone()
        .when(apply(vec![shelf(0)], ImportAction::ReceiveStock(receive)))
        .then_refused("import.base_changed");
    let adjust = AdjustStock {
        store: centro(),
        sku: sku("NEW"),
        delta: -2,
        comment: None,
    };
    received
        .when(apply(vec![shelf(5)], ImportAction::AdjustStock(adjust)))
        .then(["inventory.adjusted"]);
}

/// Everything over this many pieces waits.
fn waiting_above(pieces: i64) -> Given {
    let policy = SetMovementPolicy {
        max_quantity: Some(pieces),
        max_value_minor: None,
    };
    confirmed().and(policy)
}

fn shelf(name: &str, on_hand: i64) -> Base {
    Base::Shelf {
        store: centro(),
        sku: sku(name),
        on_hand,
    }
}

fn more(lines: &[(&str, i64)]) -> ImportAction {
    let line = |(name, quantity): &(&str, i64)| ReceiptLine {
        sku: sku(name),
        quantity: Quantity::new(*quantity).unwrap(),
        unit_cost_minor: Some(Minor::new(250).unwrap()),
        units: vec![],
    };
    ImportAction::ReceiveStock(ReceiveStock {
        store: centro(),
        reference: Some("import/i1".to_owned()),
        lines: lines.iter().map(line).collect(),
    })
}

fn less(delta: i64) -> ImportAction {
    ImportAction::AdjustStock(AdjustStock {
        store: centro(),
        sku: sku("CABLE"),
        delta,
        comment: None,
    })
}

#[test]
fn a_row_over_the_limit_waits_be_it_counted_up_or_down_or_received() {
    let shop = waiting_above(3);
    let counted = || vec![shelf("CABLE", 10)];
    for (bases, action) in [
        (counted(), more(&[("CABLE", 4)])),
        (counted(), less(-4)),
        (vec![], more(&[("CABLE", 4)])),
    ] {
        let outcome = shop.clone().when(apply(bases, action));
        assert_eq!(outcome.decision().answer["status"], "pending_approval");
        let movement = outcome.decision().answer["movement_id"]
            .as_str()
            .map(str::to_owned);
        let waiting = outcome.result.map(|_| outcome.given).unwrap();
        let State::Stock(stock) = waiting.state(&streams::stock(&centro(), &sku("CABLE"))) else {
            panic!("another state")
        };
        assert_eq!(stock.on_hand, 10, "nothing has moved");
        let mut other = waiting;
        other.ctx.actor = Actor::User {
            username: "somebody-else".to_owned(),
            role: "manager".to_owned(),
        };
        let approval = ApproveMovement {
            movement_id: movement.unwrap().parse().unwrap(),
            note: None,
        };
        let approved = other.and(approval);
        let State::Stock(stock) = approved.state(&streams::stock(&centro(), &sku("CABLE"))) else {
            panic!("another state")
        };
        assert!([14, 6].contains(&stock.on_hand), "{}", stock.on_hand);
    }
    for action in [more(&[("CABLE", 3)]), less(-3)] {
        let outcome = shop.clone().when(apply(vec![shelf("CABLE", 10)], action));
        assert_eq!(outcome.decision().answer.get("movement_id"), None);
    }
    shop.clone()
        .when(apply(vec![], more(&[("CABLE", 3)])))
        .then(["inventory.received"]);
    shop.when(apply(vec![shelf("CABLE", 9)], more(&[("CABLE", 4)])))
        .then_refused("import.base_changed");
}

#[test]
fn units_are_rows_of_their_own_however_many_come_in_together() {
    let phones = |units: &[&str]| {
        ImportAction::ReceiveStock(ReceiveStock {
            store: centro(),
            reference: None,
            lines: vec![receipt("PHONE", i64::try_from(units.len()).unwrap(), units)],
        })
    };
    let many = phones(&["serial:N-1", "serial:N-2", "serial:N-3", "serial:N-4"]);
    waiting_above(3).when(apply(vec![], many.clone())).result.unwrap();
    let shop = waiting_above(0);
    shop.clone()
        .when(apply(vec![], many))
        .then_refused("import.approval_needed");
    let outcome = shop.when(apply(vec![], phones(&["serial:N-1"])));
    assert_eq!(outcome.decision().answer["status"], "pending_approval");
}

#[test]
fn of_several_counted_lines_none_waits_together_with_others() {
    let shop = waiting_above(3);
    let bases = vec![shelf("CABLE", 10), shelf("GLASS", 0)];
    let shop = shop
        .when(apply(vec![], create("GLASS")))
        .then(["catalogue.item_created"]);
    shop.clone()
        .when(apply(bases.clone(), more(&[("GLASS", 2), ("CABLE", 4)])))
        .then_refused("import.approval_needed");
    shop.when(apply(bases, more(&[("GLASS", 2), ("CABLE", 3)])))
        .then(["inventory.received", "inventory.received"]);
}

#[test]
fn an_article_and_its_cost_are_one_decision() {
    let cost = |name: &str, minor: i64| SetItemCost {
        sku: sku(name),
        cost_minor: Some(Minor::new(minor).unwrap()),
    };
    let with_cost = |action, cost| ApplyImport {
        cost: Some(cost),
        ..apply(vec![], action)
    };
    let shop = confirmed()
        .when(with_cost(create("NEW"), cost("NEW", 300)))
        .then(["catalogue.item_created", "catalogue.item_cost_set"]);
    let State::Item(Some(item)) = shop.state(&streams::item(&sku("NEW"))) else {
        panic!("the article is there")
    };
    assert_eq!(item.cost_minor.map(Minor::get), Some(300));
    shop.clone()
        .when(apply(vec![], ImportAction::SetItemCost(cost("NEW", 300))))
        .then_nothing();
    shop.clone()
        .when(apply(vec![], ImportAction::SetItemCost(cost("NEW", 310))))
        .then(["catalogue.item_cost_set"]);
    // A cost that is refused takes the article's change along.
    shop.when(with_cost(create("OTHER"), cost("OTHER", -1)))
        .then_refused("amount.negative");
}

proptest! {
    /// Whatever is tried in whatever order: a file is taken by one import at a time, and only with an override by another.
    #[test]
    fn a_file_has_one_taker_whatever_is_tried(steps in proptest::collection::vec((0_usize..5, 0_usize..3, any::<bool>()), 0..30)) {
        let mut given = shop();
        let mut taker: Option<String> = None;
        for (what, which, repeated) in steps {
            let name = ["i1", "i2", "i3"][which];
            let overrides: BTreeSet<ImportOverride> =
                repeated.then_some(ImportOverride::RepeatedFile).into_iter().collect();
            let outcome = match what {
                0 => given.clone().when(draft(name, "d1")),
                1 | 2 => given.clone().when(ConfirmImport { overrides, ..confirm(name, &[]) }),
                3 => given.clone().when(complete(name, 1)),
                _ => given.clone().when(fail(name)),
            };
            if let Ok(decision) = &outcome.result {
                let takes = decision.events.iter().any(|(_, event)| event.event_type() == "import.file_taken");
                if takes {
                    prop_assert!(taker.is_none() || repeated || taker.as_deref() == Some(name));
                    taker = Some(name.to_owned());
                }
                given = outcome.given;
            }
            let file = given.state(&streams::import_file(Some(&centro()), FILE));
            let State::ImportFile(file) = file else { panic!("another state") };
            prop_assert_eq!(file.taken_by.map(|id| id.to_string()), taker.clone());
        }
    }
}
