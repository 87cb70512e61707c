//! Whatever goods do: a shelf is worth the sum of what came less what left, to the minor unit.

use proptest::prelude::*;
use schemas::events::stock::ReturnCause;
use schemas::{Sku, StoreId};

use super::bench::Bench;
use super::*;
use crate::stock::{MovedCost, Shelf, ShelfCost};

#[derive(Debug, Clone)]
enum Step {
    Receive {
        pieces: i64,
        unit_cost: Option<i64>,
    },
    Issue {
        pieces: i64,
    },
    WriteOff {
        pieces: i64,
    },
    TakeBack {
        pieces: i64,
    },
    Adjust {
        delta: i64,
    },
    Dispatch {
        pieces: i64,
    },
    /// Of the goods that are away, so many arrive.
    Arrive {
        pieces: i64,
    },
    Correct {
        delta_minor: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        (1..9_i64, proptest::option::weighted(0.8, 0..1_000_i64))
            .prop_map(|(pieces, unit_cost)| Step::Receive { pieces, unit_cost }),
        (1..6_i64).prop_map(|pieces| Step::Issue { pieces }),
        (1..3_i64).prop_map(|pieces| Step::WriteOff { pieces }),
        (1..3_i64).prop_map(|pieces| Step::TakeBack { pieces }),
        (-4..5_i64).prop_map(|delta| Step::Adjust { delta }),
        (1..6_i64).prop_map(|pieces| Step::Dispatch { pieces }),
        (1..6_i64).prop_map(|pieces| Step::Arrive { pieces }),
        (-500..500_i64).prop_map(|delta_minor| Step::Correct { delta_minor }),
    ];
    proptest::collection::vec((any::<bool>(), step), 1..60)
}

/// By the rule as it is written down: what stays is rounded down.
fn leaving(cost: ShelfCost, pieces: i64) -> MovedCost {
    let gone = pieces.min(cost.quantity);
    let stays = if cost.quantity == 0 {
        0
    } else {
        cost.value_minor * (cost.quantity - gone) / cost.quantity
    };
    MovedCost {
        quantity: gone,
        value_minor: cost.value_minor - stays,
    }
}

/// By the rule as it is written down: the average, rounded half away from zero, or the last one that was known.
fn at_average(cost: ShelfCost, pieces: i64) -> MovedCost {
    let value_minor = match (cost.quantity, cost.last_unit_minor) {
        (0, None) => return MovedCost::default(),
        (0, Some(last)) => last * pieces,
        (whole, _) => (2 * cost.value_minor * pieces + whole) / (2 * whole),
    };
    MovedCost {
        quantity: pieces,
        value_minor,
    }
}

/// Two shelves and what is on the way between them, beside a ledger of value per shelf.
struct Books {
    bench: Bench,
    ledger: [i64; 2],
    away: Vec<(i64, MovedCost)>,
}

impl Books {
    fn take(&mut self, at: usize, (store, sku): (&StoreId, &Sku), step: &Step) {
        let shelf = Shelf { store, sku };
        let before = self.bench.stock(store, sku);
        let room = |pieces: i64| (before.on_hand + pieces).clamp(0, pieces);
        let coming = |cost: MovedCost, pieces: i64| {
            let stays = cost.quantity.min(room(pieces));
            if stays == 0 {
                0
            } else {
                cost.value_minor * stays / cost.quantity
            }
        };
        match *step {
            Step::Receive { pieces, unit_cost } => {
                let cost = unit_cost.map_or_else(MovedCost::default, |unit_cost| MovedCost {
                    quantity: pieces,
                    value_minor: pieces * unit_cost,
                });
                self.ledger[at] += coming(cost, pieces);
                let unit_cost = unit_cost.map(minor);
                self.bench
                    .run(|work| shelf.receive(work, quantity(pieces), unit_cost, None));
            }
            Step::Issue { pieces } => {
                self.ledger[at] -= leaving(before.cost, pieces).value_minor;
                self.bench
                    .run(|work| shelf.issue(work, quantity(pieces), &sale_id("v-1")));
            }
            Step::WriteOff { pieces } => {
                self.ledger[at] -= leaving(before.cost, pieces).value_minor;
                self.bench
                    .run(|work| shelf.write_off(work, quantity(pieces), None));
            }
            Step::TakeBack { pieces } => {
                self.ledger[at] += coming(at_average(before.cost, pieces), pieces);
                let cause = || ReturnCause::Void {
                    sale_id: sale_id("v-1"),
                };
                self.bench
                    .run(|work| shelf.take_back(work, quantity(pieces), cause()));
            }
            Step::Adjust { delta: 0 } => {}
            Step::Adjust { delta } if delta > 0 => {
                self.ledger[at] += coming(at_average(before.cost, delta), delta);
                self.bench.run(|work| shelf.adjust(work, delta, None));
            }
            Step::Adjust { delta } => {
                self.ledger[at] -= leaving(before.cost, -delta).value_minor;
                self.bench.run(|work| shelf.adjust(work, delta, None));
            }
            Step::Dispatch { pieces } => {
                let cost = self
                    .bench
                    .run(|work| shelf.dispatch(work, quantity(pieces), "transfer/t"));
                assert_eq!(cost, leaving(before.cost, pieces));
                self.ledger[at] -= cost.value_minor;
                self.away.push((pieces, cost));
            }
            Step::Arrive { pieces } => self.arrive(at, shelf, pieces, coming),
            Step::Correct { delta_minor } => {
                let corrected = self
                    .bench
                    .try_run(|work| shelf.adjust_cost(work, minor(delta_minor), "purchase/p"));
                let possible = before.cost.quantity > 0 && before.cost.value_minor + delta_minor >= 0;
                assert_eq!(corrected.is_ok(), possible || delta_minor == 0);
                if possible {
                    self.ledger[at] += delta_minor;
                }
            }
        }
    }

    /// A reception in parts: each takes its share, by the same rule as a shelf gives it.
    fn arrive(&mut self, at: usize, shelf: Shelf<'_>, pieces: i64, coming: impl Fn(MovedCost, i64) -> i64) {
        let Some((on_the_way, cost)) = self.away.pop() else {
            return;
        };
        let pieces = pieces.min(on_the_way);
        let part = leaving(
            ShelfCost {
                quantity: cost.quantity,
                value_minor: cost.value_minor,
                last_unit_minor: None,
            },
            pieces,
        );
        if pieces < on_the_way {
            let rest = MovedCost {
                quantity: cost.quantity - part.quantity,
                value_minor: cost.value_minor - part.value_minor,
            };
            self.away.push((on_the_way - pieces, rest));
        }
        self.ledger[at] += coming(part, pieces);
        self.bench
            .run(|work| shelf.arrive(work, quantity(pieces), "transfer/t", part));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_shelf_is_worth_the_sum_of_its_ledger_and_never_less_than_nothing(steps in steps()) {
        let stores = [centro(), norte()];
        let cable = sku("CABLE");
        let mut books = Books { bench: Bench::default(), ledger: [0, 0], away: Vec::new() };
        for (is_second, step) in &steps {
            let at = usize::from(*is_second);
            books.take(at, (&stores[at], &cable), step);
            let stock = books.bench.stock(&stores[at], &cable);
            prop_assert_eq!(stock.cost.value_minor, books.ledger[at], "after {:?}", step);
            prop_assert!(stock.cost.value_minor >= 0 && stock.cost.quantity >= 0);
            prop_assert!(stock.cost.quantity <= stock.on_hand.max(0));
            prop_assert!(stock.cost.quantity > 0 || stock.cost.value_minor == 0);
        }
        for (pieces, cost) in &books.away {
            prop_assert!(cost.quantity <= *pieces && cost.value_minor >= 0);
            prop_assert!(cost.quantity > 0 || cost.value_minor == 0);
        }
    }
}
