//! Sends commands many at a time, yet in order wherever order matters.
//!
//! Each resource (an item's stock, a customer) has a queue of the commands that change it; a command is sent when it
//! is first in all of its queues. So the outcome is that of sending them one by one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::orders::{Order, Resource};
use super::progress::Progress;
use crate::client::{Accepted, Answer, Client, Refused};
use crate::retail::file::Line;

/// A command that the rules refused, with the file's lines that it carried.
#[derive(Debug, Clone)]
pub struct RefusedOrder {
    pub what: String,
    pub lines: Vec<Line>,
    pub refused: Refused,
}

/// What was sent and how it was answered.
#[derive(Debug, Default)]
pub struct Sent {
    pub commands: u64,
    /// Rows of imported files that were carried out.
    pub imported_rows: i64,
    /// Answered from an earlier run.
    pub replayed: u64,
    pub refused: Vec<RefusedOrder>,
    /// The highest position of an answer.
    pub last_position: i64,
}

impl Sent {
    pub fn count(&mut self, accepted: &Accepted) {
        self.commands += 1;
        self.replayed += u64::from(accepted.replayed);
        self.last_position = self.last_position.max(accepted.position().unwrap_or(0));
    }

    pub fn add(&mut self, other: Sent) {
        self.commands += other.commands;
        self.replayed += other.replayed;
        self.imported_rows += other.imported_rows;
        self.refused.extend(other.refused);
        self.last_position = self.last_position.max(other.last_position);
    }

    fn count_refused(&mut self, order: &Order<'_>, refused: Refused) {
        self.commands += 1;
        self.replayed += u64::from(refused.replayed);
        let lines = order
            .document
            .map(|document| document.lines.clone())
            .unwrap_or_default();
        let what = order.call.key.clone().unwrap_or_else(|| order.call.path.clone());
        self.refused.push(RefusedOrder { what, lines, refused });
    }
}

/// Which commands may go.
struct Schedule<'a> {
    queues: HashMap<Resource<'a>, VecDeque<usize>>,
    /// In how many queues a command is not first yet.
    blocked: Vec<usize>,
    resources: Vec<Vec<Resource<'a>>>,
    /// The earliest goes first.
    ready: BinaryHeap<Reverse<usize>>,
}

impl<'a> Schedule<'a> {
    fn new(orders: &mut [Order<'a>]) -> Self {
        let mut schedule = Self {
            queues: HashMap::new(),
            blocked: Vec::with_capacity(orders.len()),
            resources: Vec::with_capacity(orders.len()),
            ready: BinaryHeap::new(),
        };
        for (number, order) in orders.iter_mut().enumerate() {
            let mut resources = std::mem::take(&mut order.resources);
            resources.sort_unstable();
            resources.dedup();
            let mut blocked = 0;
            for resource in &resources {
                let queue = schedule.queues.entry(*resource).or_default();
                blocked += usize::from(!queue.is_empty());
                queue.push_back(number);
            }
            if blocked == 0 {
                schedule.ready.push(Reverse(number));
            }
            schedule.blocked.push(blocked);
            schedule.resources.push(resources);
        }
        schedule
    }

    fn next(&mut self) -> Option<usize> {
        self.ready.pop().map(|Reverse(number)| number)
    }

    /// The command was answered: those behind it move up.
    fn done(&mut self, number: usize) {
        for resource in std::mem::take(&mut self.resources[number]) {
            let Some(queue) = self.queues.get_mut(&resource) else {
                continue;
            };
            queue.pop_front();
            if let Some(next) = queue.front() {
                self.blocked[*next] -= 1;
                if self.blocked[*next] == 0 {
                    self.ready.push(Reverse(*next));
                }
            }
        }
    }
}

/// Sends all of them, at most `concurrency` at the same time.
///
/// # Errors
/// When a command gets no answer in time.
pub async fn send(
    client: &Client,
    what: &str,
    mut orders: Vec<Order<'_>>,
    concurrency: usize,
) -> anyhow::Result<Sent> {
    let mut schedule = Schedule::new(&mut orders);
    let mut under_way = FuturesUnordered::new();
    let mut sent = Sent::default();
    let progress = Progress::new(what, orders.len());
    loop {
        while under_way.len() < concurrency
            && let Some(number) = schedule.next()
        {
            let call = &orders[number].call;
            under_way.push(async move { (number, client.call(call).await) });
        }
        let Some((number, answer)) = under_way.next().await else {
            break;
        };
        match answer? {
            Answer::Accepted(accepted) => sent.count(&accepted),
            Answer::Refused(refused) => sent.count_refused(&orders[number], refused),
        }
        schedule.done(number);
        progress.step();
    }
    progress.finish();
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    fn orders(resources: &[&[Resource<'static>]]) -> Vec<Order<'static>> {
        let order = |resources: &&[Resource<'static>]| Order {
            call: api::tenant(),
            resources: resources.to_vec(),
            document: None,
        };
        resources.iter().map(order).collect()
    }

    const A: Resource<'static> = Resource::Stock("A");
    const B: Resource<'static> = Resource::Stock("B");
    const C: Resource<'static> = Resource::Customer("A");

    #[test]
    fn commands_that_share_nothing_go_together() {
        let mut schedule = Schedule::new(&mut orders(&[&[A], &[B], &[C], &[]]));
        assert_eq!(
            std::iter::from_fn(|| schedule.next()).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn a_command_waits_for_every_earlier_one_that_it_shares_something_with() {
        let mut schedule = Schedule::new(&mut orders(&[&[A, A], &[B], &[A, B, C], &[C]]));
        assert_eq!(std::iter::from_fn(|| schedule.next()).collect::<Vec<_>>(), [0, 1]);
        schedule.done(1);
        assert_eq!(schedule.next(), None);
        schedule.done(0);
        assert_eq!(schedule.next(), Some(2));
        assert_eq!(schedule.next(), None);
        schedule.done(2);
        assert_eq!(schedule.next(), Some(3));
    }
}
