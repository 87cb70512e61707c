//! Drafts: saving, keeping goods, completing, discarding.

use schemas::events::sale::{Discount, DraftContent};

use super::*;
use crate::admin::CloseStore;
use crate::sales::{CompleteDraft, DiscardDraft, LineRequest, SaveDraft};

fn draft(lines: Vec<LineRequest>, hold_stock: bool) -> SaveDraft {
    let draft = DraftContent {
        store: centro(),
        terminal: None,
        customer_id: None,
        lines,
        discount: None,
        hold_stock,
    };
    SaveDraft {
        sale_id: Some(sale_id("d-1")),
        draft,
    }
}

fn complete(amount: i64) -> CompleteDraft {
    CompleteDraft {
        sale_id: sale_id("d-1"),
        payments: cash(amount),
        reservation_id: None,
        occurred_at: None,
    }
}

fn discard() -> DiscardDraft {
    DiscardDraft {
        sale_id: sale_id("d-1"),
    }
}

#[test]
fn a_draft_is_saved_changed_and_discarded() {
    let shop = shop()
        .when(draft(vec![line("CABLE", 1)], false))
        .then(["sale.drafted"]);
    let shop = shop.when(draft(vec![line("CABLE", 1)], false)).then_nothing();
    let shop = shop.when(draft(vec![], false)).then(["sale.draft_changed"]);
    shop.clone().when(complete(0)).then_refused("request.no_lines");
    let shop = shop.when(discard()).then(["sale.draft_discarded"]);
    let shop = shop.when(discard()).then_nothing();
    shop.clone().when(complete(1)).then_refused("sale.discarded");
    shop.when(draft(vec![], false)).then_refused("sale.discarded");
}

#[test]
fn a_draft_without_an_id_gets_one() {
    let anonymous = SaveDraft {
        sale_id: None,
        ..draft(vec![line("CABLE", 1)], false)
    };
    let shop = shop().when(anonymous.clone()).then(["sale.drafted"]);
    shop.when(anonymous).then(["sale.drafted"]);
}

#[test]
fn a_draft_keeps_its_goods_from_other_sales() {
    let shop = shop().when(draft(
        vec![line("CABLE", 8), unit_line(IMEI), line("FIX", 1)],
        true,
    ));
    let types = [
        "sale.drafted",
        "inventory.reserved",
        "inventory.reserved",
        "inventory.unit_reserved",
    ];
    let shop = shop.then(types);
    assert_eq!(level(&shop, "CABLE").available(), 2);
    let pointer = shop
        .clone()
        .when(sell("v", vec![line("CABLE", 3)], cash(30_000)))
        .then_refused("stock.insufficient");
    assert_eq!(pointer.unwrap(), "/lines/0/quantity");
    shop.clone()
        .when(sell("v", vec![unit_line(IMEI)], cash(500_000)))
        .then_refused("unit.reserved");
    let other = SaveDraft {
        sale_id: Some(sale_id("d-2")),
        ..draft(vec![line("CABLE", 3)], true)
    };
    shop.clone().when(other).then_refused("stock.insufficient");
    let other = SaveDraft {
        sale_id: Some(sale_id("d-2")),
        ..draft(vec![unit_line(IMEI)], true)
    };
    shop.clone().when(other).then_refused("unit.reserved");

    let shop = shop.when(complete(595_000)).then([
        "inventory.released",
        "inventory.released",
        "inventory.unit_released",
        "sale.completed",
        "inventory.issued",
        "inventory.issued",
        "inventory.unit_sold",
    ]);
    assert_eq!((on_hand(&shop, "CABLE"), level(&shop, "CABLE").reserved), (2, 0));
    assert!(level(&shop, "CABLE").holders.is_empty());
    shop.when(complete(595_000))
        .then_refused("sale.already_completed");
}

#[test]
fn a_changed_draft_moves_only_the_difference() {
    let shop = shop().and(draft(
        vec![line("CABLE", 8), line("CASE", 1), unit_line(IMEI)],
        true,
    ));
    let shop = shop
        .when(draft(
            vec![line("CABLE", 10), unit_line(IMEI), unit_line(SERIAL)],
            true,
        ))
        .then([
            "sale.draft_changed",
            "inventory.released",
            "inventory.reserved",
            "inventory.reserved",
            "inventory.unit_reserved",
        ]);
    assert_eq!(
        (level(&shop, "CABLE").reserved, level(&shop, "CASE").reserved),
        (10, 0)
    );
    let shop = shop.when(draft(vec![line("CABLE", 10)], false)).then([
        "sale.draft_changed",
        "inventory.released",
        "inventory.released",
        "inventory.unit_released",
        "inventory.unit_released",
    ]);
    assert_eq!(level(&shop, "PHONE").reserved, 0);
    assert_eq!(the_unit(&shop, IMEI).holder, None);
}

#[test]
fn a_draft_that_moves_to_another_store_gives_back_what_it_kept() {
    let shop = shop().and(draft(vec![line("CABLE", 8)], true));
    let mut moved = draft(vec![line("CABLE", 8)], true);
    moved.draft.store = norte();
    shop.clone()
        .when(moved.clone())
        .then_refused("stock.insufficient");
    moved.draft.hold_stock = false;
    let shop = shop
        .when(moved)
        .then(["sale.draft_changed", "inventory.released"]);
    assert_eq!(level(&shop, "CABLE").reserved, 0);
}

#[test]
fn a_discarded_draft_gives_back_what_it_kept_even_in_a_closed_store() {
    let shop = shop()
        .and(draft(vec![line("CABLE", 8), unit_line(IMEI)], true))
        .and(CloseStore { store: centro() });
    shop.clone().when(complete(1)).then_refused("store.closed");
    let shop = shop.when(discard()).then([
        "sale.draft_discarded",
        "inventory.released",
        "inventory.released",
        "inventory.unit_released",
    ]);
    assert_eq!(level(&shop, "CABLE").reserved, 0);
}

#[test]
fn a_draft_is_checked_when_it_is_saved() {
    let shop = shop();
    shop.clone()
        .when(draft(vec![line("NADA", 1)], false))
        .then_refused("item.not_found");
    shop.clone()
        .when(draft(vec![line("PHONE", 1)], false))
        .then_refused("unit.required");
    let mut discounted = draft(vec![line("CABLE", 1)], false);
    discounted.draft.discount = Some(Discount::Share { rate_ppm: 2_000_000 });
    shop.clone()
        .when(discounted)
        .then_refused("sale.discount_invalid");
    shop.when(complete(1)).then_refused("sale.not_found");
}

#[test]
fn a_draft_takes_the_price_of_the_day_it_completes() {
    let shop = shop().and(draft(vec![line("CABLE", 1)], false));
    let dearer = crate::catalogue::ChangeItem {
        sku: sku("CABLE"),
        name: None,
        price_minor: Some(minor(11_000)),
        tax_code: None,
        details: None,
    };
    let shop = shop.and(dearer);
    shop.clone()
        .when(complete(10_000))
        .then_refused("payment.too_low");
    assert_eq!(completed(&shop.when(complete(11_000))).total_minor, minor(11_000));
}

#[test]
fn a_completed_sale_is_no_draft() {
    let shop = shop().and(sell("d-1", vec![line("CABLE", 1)], cash(10_000)));
    shop.clone()
        .when(draft(vec![], false))
        .then_refused("sale.already_completed");
    shop.clone()
        .when(discard())
        .then_refused("sale.already_completed");
    let shop = shop.and(crate::sales::VoidSale {
        sale_id: sale_id("d-1"),
        occurred_at: None,
    });
    shop.when(complete(1)).then_refused("sale.voided");
}
