//! What holds whatever is done in whichever order: parts are accounted for, and the clock counts only work.

use proptest::prelude::*;
use time::Duration;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Diagnose,
    Quote(i64),
    Answer(bool),
    Start,
    Keep(i64, bool),
    Take(i64, bool),
    GiveBack(i64, bool),
    WaitForParts,
    Resume,
    Finish,
    Deliver,
    Return,
    Receive(i64, i64),
    Pass(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Diagnose),
        2 => (1..3_i64).prop_map(Step::Quote),
        2 => any::<bool>().prop_map(Step::Answer),
        3 => Just(Step::Start),
        3 => (0..4_i64, any::<bool>()).prop_map(|(pieces, board)| Step::Keep(pieces, board)),
        5 => (1..4_i64, any::<bool>()).prop_map(|(pieces, board)| Step::Take(pieces, board)),
        4 => (1..4_i64, any::<bool>()).prop_map(|(pieces, board)| Step::GiveBack(pieces, board)),
        2 => Just(Step::WaitForParts),
        2 => Just(Step::Resume),
        1 => Just(Step::Finish),
        1 => Just(Step::Deliver),
        1 => Just(Step::Return),
        2 => (1..4_i64, 1..9_999_i64).prop_map(|(pieces, cost)| Step::Receive(pieces, cost)),
        4 => (1..90_000_i64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..60)
}

fn lines(pieces: i64, board: bool) -> Vec<PartRequest> {
    let screens = (pieces > 0).then(|| part("SCREEN", pieces));
    screens
        .into_iter()
        .chain(board.then(|| unit_part("serial:B-1")))
        .collect()
}

fn step(shop: Given, step: Step) -> Given {
    match step {
        Step::Diagnose => shop.when(diagnose()).given,
        Step::Quote(screens) => {
            let lines = vec![line("SCREEN", screens)];
            shop.when(QuoteRepair { lines, ..quote() }).given
        }
        Step::Answer(approves) => shop.when(answer(approves)).given,
        Step::Start => shop.when(start()).given,
        Step::Keep(pieces, board) => shop.when(keep_parts(lines(pieces, board))).given,
        Step::Take(pieces, board) => shop.when(take(lines(pieces, board))).given,
        Step::GiveBack(pieces, board) => shop.when(give_back(lines(pieces, board))).given,
        Step::WaitForParts => shop.when(wait()).given,
        Step::Resume => shop.when(resume()).given,
        Step::Finish => shop.when(done()).given,
        Step::Deliver => shop.when(deliver(cash(10_000_000))).given,
        Step::Return => shop.when(unrepaired()).given,
        Step::Receive(pieces, cost) => {
            let mut receipt = receipt("SCREEN", pieces, &[]);
            receipt.unit_cost_minor = Some(minor(cost));
            shop.and(receive(vec![receipt]))
        }
        Step::Pass(seconds) => {
            let now = shop.ctx.now + Duration::seconds(seconds);
            shop.at(now)
        }
    }
}

/// Pieces that came into the shop, and what those with a known cost cost.
fn received(given: &Given) -> (i64, i64) {
    given.events().fold((0, 0), |(pieces, value), event| match event {
        schemas::Event::Stock(schemas::events::StockEvent::Received(e)) if e.sku == sku("SCREEN") => {
            let cost = e.unit_cost_minor.map_or(0, |cost| cost.get() * e.quantity.get());
            (pieces + e.quantity.get(), value + cost)
        }
        _ => (pieces, value),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_taken_less_given_back_are_those_used_and_nothing_gets_lost(steps in steps()) {
        let mut shop = workshop().and(intake());
        for next in steps {
            shop = step(shop, next);
            let (repair, shelf) = (state(&shop), level(&shop, "SCREEN"));
            let bench = repair.parts.get(&sku("SCREEN")).cloned().unwrap_or_default();
            let (pieces, value) = received(&shop);
            prop_assert_eq!(shelf.on_hand + bench.quantity, pieces);
            prop_assert_eq!(shelf.cost.value_minor + bench.cost.value_minor, value);
            prop_assert!(bench.quantity >= bench.cost.quantity && bench.cost.quantity >= 0 && bench.cost.value_minor >= 0);
            let board = repair.parts.get(&sku("BOARD")).map_or(0, |bench| bench.quantity);
            let away = matches!(shop.state(&streams::unit(&unit("serial:B-1"))),
                State::Unit(Some(unit), _) if matches!(unit.place, crate::stock::Place::Away { .. }));
            prop_assert_eq!(i64::from(away), board);
            for name in ["SCREEN", "BOARD"] {
                let level = level(&shop, name);
                prop_assert!(level.available() >= 0 && level.reserved >= 0);
                let kept: i64 = repair.kept.iter().filter(|part| part.sku == sku(name)).map(|part| part.quantity.get()).sum();
                prop_assert_eq!(level.reserved, kept, "{}", name);
            }
        }
    }

    #[test]
    fn the_clock_counts_exactly_the_time_in_which_the_shop_was_at_work(steps in steps()) {
        let mut shop = workshop().and(intake());
        let mut worked_us = 0;
        for next in steps {
            let (before, from) = (state(&shop), shop.ctx.now);
            shop = step(shop, next);
            if matches!(before.status, Status::Received | Status::Diagnosed | Status::Approved | Status::InProgress) {
                worked_us += i64::try_from((shop.ctx.now - from).whole_microseconds()).unwrap();
            }
            let repair = state(&shop);
            let ran = super::super::clock::spent_us(&repair.sla, shop.ctx.now);
            prop_assert_eq!(ran, worked_us, "{:?}", repair.status);
            if let Some(due_at) = repair.sla.due_at {
                let left = i64::try_from((due_at - shop.ctx.now).whole_microseconds()).unwrap();
                prop_assert_eq!(left + worked_us, repair.sla_target_s * 1_000_000);
            }
        }
    }
}
