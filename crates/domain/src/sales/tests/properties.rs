//! Properties of sales: sums that add up, stock that never falls below zero, no panics whatever the figures.

use proptest::prelude::*;
use schemas::events::admin::StockPolicy;
use schemas::events::sale::{Discount, PaymentMethod};
use schemas::money::MAX_MINOR;
use schemas::quantity::MAX_QUANTITY;
use schemas::{Minor, ReturnId};

use super::*;
use crate::sales::{CompleteSale, LineRequest, PaymentRequest, ReturnGoods, ReturnLineRequest, VoidSale};

fn discounts() -> impl Strategy<Value = Option<Discount>> {
    prop_oneof![
        Just(None),
        (0..=1_000_000_i64).prop_map(|rate_ppm| Some(Discount::Share { rate_ppm })),
        (0..=5_000_i64).prop_map(|amount| Some(Discount::Amount {
            amount_minor: minor(amount)
        })),
    ]
}

fn lines() -> impl Strategy<Value = Vec<LineRequest>> {
    let name = prop_oneof![Just("CABLE"), Just("CASE"), Just("FIX")];
    let one = (name, 1..=6_i64, proptest::option::of(0..=20_000_i64), discounts());
    let line = one.prop_map(|(name, pieces, price, discount)| LineRequest {
        unit_price_minor: price.map(minor),
        discount,
        ..line(name, pieces)
    });
    proptest::collection::vec(line, 1..12)
}

/// Any figures that a request may hold, sensible or not.
fn wild_lines() -> impl Strategy<Value = Vec<LineRequest>> {
    let figure = prop_oneof![
        Just(0),
        Just(1),
        Just(MAX_MINOR),
        Just(-MAX_MINOR),
        -MAX_MINOR..=MAX_MINOR
    ];
    let pieces = prop_oneof![Just(1), Just(MAX_QUANTITY), 1..=MAX_QUANTITY];
    let share = prop_oneof![Just(i64::MIN), Just(i64::MAX), 0..=1_000_000_i64];
    let discount = prop_oneof![
        Just(None),
        share.prop_map(|rate_ppm| Some(Discount::Share { rate_ppm })),
        figure.clone().prop_map(|amount| Some(Discount::Amount {
            amount_minor: minor(amount)
        })),
    ];
    let one = (pieces, proptest::option::of(figure), discount);
    let line = one.prop_map(|(pieces, price, discount)| LineRequest {
        unit_price_minor: price.map(minor),
        discount,
        ..line("CABLE", pieces)
    });
    proptest::collection::vec(line, 0..6)
}

fn sum(amounts: impl Iterator<Item = Minor>) -> i64 {
    amounts.map(Minor::get).sum()
}

/// Pays a sale exactly, by asking once what it comes to.
fn paid(shop: &Given, sale: CompleteSale) -> Option<CompleteSale> {
    let enough = CompleteSale {
        payments: cash(1_000_000_000),
        ..sale.clone()
    };
    match shop.clone().when(enough).result {
        Ok(decision) => {
            let total = decision.answer["total_minor"].as_i64().unwrap();
            let payments = if total == 0 { vec![] } else { halves(total) };
            Some(CompleteSale { payments, ..sale })
        }
        Err(_) => None,
    }
}

fn halves(total: i64) -> Vec<PaymentRequest> {
    let first = total / 2;
    let second = pay(PaymentMethod::Cash, total - first);
    if first == 0 {
        vec![second]
    } else {
        vec![pay(PaymentMethod::Card, first), second]
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sales_sums_add_up(lines in lines(), discount in discounts(), negative in any::<bool>()) {
        let policy = if negative { StockPolicy::AllowNegative } else { StockPolicy::Strict };
        let shop = shop().policy(policy);
        let sale = CompleteSale { discount, ..sell("v-1", lines, vec![]) };
        if let Some(sale) = paid(&shop, sale) {
            let outcome = shop.when(sale.clone());
            let sold = completed(&outcome);
            prop_assert_eq!(sum(sold.lines.iter().map(|line| line.total_minor)), sold.total_minor.get());
            prop_assert_eq!(sum(sold.payments.iter().map(|payment| payment.amount_minor)), sold.total_minor.get());
            prop_assert_eq!(sum(sold.lines.iter().map(|line| line.tax_minor)), sold.tax_minor.get());
            prop_assert_eq!(sum(sold.lines.iter().map(|line| line.gross_minor)), sold.gross_minor.get());
            prop_assert_eq!(sold.gross_minor.get() - sold.discount_minor.get(), sold.total_minor.get());
            for line in &sold.lines {
                prop_assert!((0..=line.gross_minor.get()).contains(&line.discount_minor.get()));
                prop_assert_eq!(line.gross_minor.get() - line.discount_minor.get(), line.total_minor.get());
                prop_assert!(line.tax_minor <= line.total_minor);
            }
            let shop = outcome.given;
            for name in ["CABLE", "CASE"] {
                prop_assert!(negative || on_hand(&shop, name) >= 0);
            }
            shop.when(sale).then_refused("sale.already_exists");
        }
    }

    #[test]
    fn what_was_sold_comes_back_whole_in_any_parts(
        lines in lines(), discount in discounts(), parts in proptest::collection::vec((1..12_i64, 1..=4_i64), 0..8),
    ) {
        let before = shop().policy(StockPolicy::AllowNegative);
        if let Some(sale) = paid(&before, CompleteSale { discount, ..sell("v-1", lines, vec![]) }) {
            let outcome = before.clone().when(sale);
            let sold = completed(&outcome);
            let mut shop = outcome.given;
            let mut back = 0;
            for (index, (number, pieces)) in parts.into_iter().enumerate() {
                let line = ReturnLineRequest {
                    sale_line: Some(number), sku: None, unit: None, quantity: quantity(pieces),
                    unit_price_minor: None, restock: true,
                };
                let returned = ReturnGoods {
                    return_id: Some(ReturnId::new(&format!("r-{index}")).unwrap()), sale_id: Some(sale_id("v-1")),
                    store: centro(), terminal: None, customer_id: None, lines: vec![line], refunds: vec![],
                    occurred_at: None,
                };
                let outcome = shop.when(returned);
                if let Ok(decision) = &outcome.result {
                    back += decision.answer["total_minor"].as_i64().unwrap();
                }
                shop = outcome.given;
            }
            prop_assert!((0..=sold.total_minor.get()).contains(&back));
            let void = VoidSale { sale_id: sale_id("v-1"), occurred_at: None };
            let outcome = shop.when(void.clone());
            match &outcome.result {
                Ok(decision) => back += decision.answer["total_minor"].as_i64().unwrap(),
                Err(refusal) => prop_assert_eq!(refusal.code(), "sale.fully_returned"),
            }
            prop_assert_eq!(back, sold.total_minor.get());
            let shop = outcome.given;
            for name in ["CABLE", "CASE"] {
                prop_assert_eq!(on_hand(&shop, name), on_hand(&before, name));
            }
        }
    }

    #[test]
    fn no_figures_make_the_rules_panic(lines in wild_lines(), tendered in 0..=MAX_MINOR, discount in discounts()) {
        for policy in [StockPolicy::Strict, StockPolicy::AllowNegative] {
            let payments = if tendered == 0 { vec![] } else { cash(tendered) };
            let sale = CompleteSale { discount, ..sell("v-1", lines.clone(), payments) };
            let outcome = shop().policy(policy).when(sale);
            if policy == StockPolicy::Strict {
                prop_assert!(on_hand(&outcome.given, "CABLE") >= 0);
            }
        }
    }
}
