//! Which numbers of a sequence have come: repeats and holes, in little memory.
//!
//! Deliveries of one endpoint arrive in any order (several at a time, retries), so a number that is missing now may
//! come later; only what is missing at the end is a hole.

use std::collections::BTreeMap;

/// What a number was when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next one.
    InOrder,
    /// New, but this many before it have not come yet.
    Ahead {
        missing: i64,
    },
    /// New, and fills a gap.
    Late,
    Repeated,
}

/// The numbers seen, as disjoint ranges.
#[derive(Debug, Clone, Default)]
pub struct Sequence {
    /// First number of each range to its last one.
    ranges: BTreeMap<i64, i64>,
}

impl Sequence {
    /// Takes a number into account.
    pub fn see(&mut self, number: i64) -> Arrival {
        let before = self
            .ranges
            .range(..=number)
            .next_back()
            .map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= number) {
            return Arrival::Repeated;
        }
        let highest = self.highest();
        let joins_before = before.filter(|(_, last)| last + 1 == number);
        let joins_after = self.ranges.remove(&(number + 1));
        let first = joins_before.map_or(number, |(first, _)| first);
        self.ranges.insert(first, joins_after.unwrap_or(number));
        if number == highest + 1 {
            Arrival::InOrder
        } else if number > highest {
            Arrival::Ahead {
                missing: number - highest - 1,
            }
        } else {
            Arrival::Late
        }
    }

    /// The highest number so far, 0 before the first.
    pub fn highest(&self) -> i64 {
        self.ranges.values().next_back().copied().unwrap_or(0)
    }

    /// How many different numbers came.
    pub fn distinct(&self) -> i64 {
        self.ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// How many of 1 to `last` (or to the highest that came) are missing.
    pub fn holes(&self, last: i64) -> i64 {
        let seen: i64 = self
            .ranges
            .iter()
            .filter(|(_, end)| **end >= 1)
            .map(|(first, end)| end - (*first).max(1) + 1)
            .sum();
        self.highest().max(last) - seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_order_leave_no_hole() {
        let mut sequence = Sequence::default();
        for number in 1..=100 {
            assert_eq!(sequence.see(number), Arrival::InOrder);
        }
        assert_eq!(
            (sequence.highest(), sequence.distinct(), sequence.holes(0)),
            (100, 100, 0)
        );
        assert_eq!(sequence.ranges.len(), 1);
    }

    #[test]
    fn a_gap_is_a_hole_until_it_is_filled() {
        let mut sequence = Sequence::default();
        sequence.see(1);
        assert_eq!(sequence.see(4), Arrival::Ahead { missing: 2 });
        assert_eq!(sequence.holes(0), 2);
        assert_eq!(sequence.see(3), Arrival::Late);
        assert_eq!(sequence.see(2), Arrival::Late);
        assert_eq!(sequence.holes(0), 0);
        assert_eq!(sequence.ranges.len(), 1);
    }

    #[test]
    fn what_should_have_come_after_the_highest_counts_as_missing() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.holes(3), 3);
        sequence.see(2);
        assert_eq!(sequence.holes(5), 4);
    }

    #[test]
    fn a_repeat_is_noticed_anywhere() {
        let mut sequence = Sequence::default();
        for number in [1, 2, 3, 7, 8] {
            sequence.see(number);
        }
        for number in [1, 2, 3, 7, 8] {
            assert_eq!(sequence.see(number), Arrival::Repeated);
        }
        assert_eq!(sequence.distinct(), 5);
    }
}
