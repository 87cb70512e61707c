//! The load: short stories of one to three commands, arriving at their own pace whether or not others are answered.
//!
//! A story's choices come from the seed and its number alone, so a seed can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::Instant;

use super::world::{self, CUSTOMERS, ITEMS, STORE, TERMINAL, World};
use crate::api::{self, Call, SaleLine, Ticket};
use crate::client::Answer;
use crate::journal::Journal;

/// On average; turns a rate of commands into one of stories.
const COMMANDS_PER_STORY: f64 = 1.4;

/// How far the load is, and how far it may go: the killer watches the one and moves the other.
#[derive(Debug)]
pub(super) struct Progress {
    answered: AtomicU64,
    /// Commands that may be planned by now, so that each blow falls on a system at work.
    allowed: watch::Sender<u64>,
    /// From when a command was due to when its answer was journalled.
    latencies_ms: Mutex<Vec<u32>>,
}

impl Progress {
    pub(super) fn new(allowed: u64) -> Self {
        Self {
            answered: AtomicU64::new(0),
            allowed: watch::Sender::new(allowed),
            latencies_ms: Mutex::default(),
        }
    }

    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn allow(&self, commands: u64) {
        self.allowed.send_replace(commands);
    }

    fn count(&self, due: Instant) {
        let waited = u32::try_from(due.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.latencies_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waited);
    }

    /// All of them, in ascending order.
    pub(super) fn latencies_ms(&self) -> Vec<u32> {
        let mut all = self
            .latencies_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        all.sort_unstable();
        all
    }
}

/// A share of sorted figures lies at or below the answer; 0 without figures.
pub(super) fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(0)
}

pub(super) struct Load<'a> {
    pub seed: u64,
    /// Commands in all, over every tenant.
    pub commands: u64,
    /// Per second.
    pub rate: f64,
    pub workers: usize,
    pub worlds: &'a [World],
    pub acks: &'a Journal,
    pub progress: &'a Progress,
}

/// What happens to one customer at the till, or in the storeroom.
enum Story {
    Adjust {
        item: usize,
        delta: i64,
    },
    Receive {
        item: usize,
        quantity: i64,
    },
    WriteOff {
        item: usize,
        quantity: i64,
    },
    Sale(Basket),
    /// On credit, and paid back in part.
    Credit(Basket, i64),
    SaleAndReturn(Basket),
    SaleAndVoid(Basket),
    /// Saved, then completed or discarded.
    Draft {
        basket: Basket,
        holds: bool,
        completes: bool,
    },
}

/// Lines of one sale.
struct Basket {
    customer: Option<String>,
    lines: Vec<SaleLine>,
}

impl Basket {
    fn draw(random: &mut StdRng, with_customer: bool) -> Self {
        let lines = (0..random.random_range(1..=5)).map(|_| {
            let item = random.random_range(0..ITEMS);
            SaleLine {
                sku: world::sku(item),
                quantity: random.random_range(1..=3),
                unit_price_minor: world::price_minor(item),
                discount_minor: 0,
            }
        });
        let lines = lines.collect();
        let customer = with_customer.then(|| world::customer(random.random_range(0..CUSTOMERS)));
        Self { customer, lines }
    }

    fn total_minor(&self) -> i64 {
        self.lines
            .iter()
            .map(|line| line.quantity * line.unit_price_minor)
            .sum()
    }

    fn ticket<'a>(&'a self, id: &'a str, method: &'a str) -> Ticket<'a> {
        Ticket {
            id,
            store: STORE,
            terminal: Some(TERMINAL),
            customer_id: self.customer.as_deref(),
            lines: &self.lines,
            money: Some((method, self.total_minor())),
            occurred_at: None,
        }
    }
}

impl Story {
    fn draw(random: &mut StdRng) -> Self {
        let item = random.random_range(0..ITEMS);
        match random.random_range(0..100) {
            0..25 => {
                let delta: i64 = random.random_range(1..=5);
                Story::Adjust {
                    item,
                    delta: if random.random_bool(0.5) { delta } else { -delta },
                }
            }
            25..30 => Story::Receive {
                item,
                quantity: random.random_range(1..=10),
            },
            30..35 => Story::WriteOff {
                item,
                quantity: random.random_range(1..=4),
            },
            35..60 => Story::Sale(Basket::draw(random, false)),
            60..70 => {
                let part = random.random_range(1..=100);
                Story::Credit(Basket::draw(random, true), part)
            }
            70..80 => Story::SaleAndReturn(Basket::draw(random, false)),
            80..85 => Story::SaleAndVoid(Basket::draw(random, false)),
            _ => Story::Draft {
                basket: Basket::draw(random, false),
                holds: random.random_bool(0.7),
                completes: random.random_bool(0.7),
            },
        }
    }

    /// The story's commands in order; each is sent only if the one before it was accepted.
    fn calls(&self, id: &str) -> Vec<Call> {
        match self {
            Story::Adjust { item, delta } => {
                vec![api::adjust_stock(STORE, &world::sku(*item), *delta, "torture")]
            }
            Story::Receive { item, quantity } => {
                vec![api::receive_stock(STORE, id, &[(&world::sku(*item), *quantity)])]
            }
            Story::WriteOff { item, quantity } => {
                vec![api::write_off(
                    STORE,
                    &[(&world::sku(*item), *quantity, Some("torture"))],
                )]
            }
            Story::Sale(basket) => vec![api::complete_sale(&basket.ticket(id, "cash"))],
            Story::Credit(basket, part) => {
                let customer = basket.customer.as_deref().unwrap_or_default();
                let amount = (basket.total_minor() * part / 100).max(1);
                vec![
                    api::complete_sale(&basket.ticket(id, "credit")),
                    api::receive_payment(customer, &format!("{id}-payment"), amount),
                ]
            }
            Story::SaleAndReturn(basket) => vec![
                api::complete_sale(&basket.ticket(id, "card")),
                api::return_from_sale(id, &format!("{id}-return"), STORE, 1, 1),
            ],
            Story::SaleAndVoid(basket) => {
                vec![api::complete_sale(&basket.ticket(id, "cash")), api::void_sale(id)]
            }
            Story::Draft {
                basket,
                holds,
                completes,
            } => {
                let ticket = basket.ticket(id, "cash");
                let end = if *completes {
                    api::complete_draft(&ticket)
                } else {
                    api::discard_draft(id)
                };
                vec![api::save_draft(&ticket, *holds), end]
            }
        }
    }
}

impl Load<'_> {
    /// Sends all commands.
    ///
    /// # Errors
    /// When one gets no answer for longer than any recovery takes.
    pub(super) async fn run(&self) -> anyhow::Result<()> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut under_way = FuturesUnordered::new();
        let (mut planned, mut number) = (0, 0_u64);
        let mut arrival = Instant::now();
        let mut allowed = self.progress.allowed.subscribe();
        while planned < self.commands || !under_way.is_empty() {
            let is_allowed = planned < self.commands.min(*allowed.borrow_and_update());
            let may_arrive = is_allowed && under_way.len() < self.workers;
            tokio::select! {
                () = tokio::time::sleep_until(arrival), if may_arrive => {
                    number += 1;
                    let left = usize::try_from(self.commands - planned).unwrap_or(usize::MAX);
                    let id = format!("torture-{:x}-{number}", self.seed);
                    let mut calls = Story::draw(&mut StdRng::seed_from_u64(self.seed.wrapping_add(number << 20))).calls(&id);
                    calls.truncate(left);
                    planned += u64::try_from(calls.len())?;
                    under_way.push(self.tell(number, id, calls, arrival));
                    arrival += exponential(&mut random, self.rate / COMMANDS_PER_STORY);
                }
                // What a refusal cut short makes room for other stories.
                Some(untold) = under_way.next(), if !under_way.is_empty() => planned -= untold?,
                // Nothing was due while nothing was allowed.
                changed = allowed.changed(), if !is_allowed && planned < self.commands => {
                    changed?;
                    arrival = arrival.max(Instant::now());
                }
            }
        }
        Ok(())
    }

    /// Answers how many commands were not sent because the one before them was refused.
    async fn tell(&self, number: u64, id: String, calls: Vec<Call>, mut due: Instant) -> anyhow::Result<u64> {
        let place = usize::try_from(number)? % self.worlds.len();
        let mut left = u64::try_from(calls.len())?;
        for (step, call) in calls.into_iter().enumerate() {
            let answer = self.worlds[place]
                .ask(call.keyed(format!("{id}-{step}")), self.acks)
                .await?;
            self.progress.count(due);
            due = Instant::now();
            left -= 1;
            if matches!(answer, Answer::Refused(_)) {
                break;
            }
        }
        Ok(left)
    }
}

/// The time to the next arrival when so many come in a second.
fn exponential(random: &mut StdRng, per_second: f64) -> Duration {
    let share: f64 = random.random_range(f64::EPSILON..1.0);
    Duration::from_secs_f64((-share.ln() / per_second.max(0.001)).min(60.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_the_same_stories_again() {
        let told = |seed| -> Vec<String> {
            let story =
                |number| Story::draw(&mut StdRng::seed_from_u64(u64::wrapping_add(seed, number))).calls("s");
            (0..200)
                .flat_map(story)
                .map(|call| format!("{} {:?}", call.path, call.body))
                .collect()
        };
        assert_eq!(told(7), told(7));
        assert_ne!(told(7), told(8));
    }

    #[test]
    fn a_percentile_is_one_of_the_figures() {
        let figures: Vec<u32> = (1..=200).collect();
        assert_eq!((percentile(&figures, 50), percentile(&figures, 99)), (100, 198));
        assert_eq!((percentile(&[7], 99), percentile(&[], 99)), (7, 0));
    }

    #[test]
    fn every_kind_of_command_is_told() {
        let paths: std::collections::BTreeSet<String> = (0..500)
            .flat_map(|number| Story::draw(&mut StdRng::seed_from_u64(number)).calls("s"))
            .map(|call| call.path)
            .collect();
        for end in [
            "adjustments",
            "receipts",
            "write-offs",
            "pos/sale",
            "payments",
            "s/returns",
            "s/void",
            "s/complete",
            "s/discard",
        ] {
            assert!(paths.iter().any(|path| path.ends_with(end)), "{end}");
        }
    }
}
