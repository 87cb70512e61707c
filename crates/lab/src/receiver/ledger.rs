//! What came, per hook: ids with the hash of their first body, and the sequence.

use std::collections::HashMap;

use super::Receipt;
use crate::sequence::{Arrival, Sequence};

/// What a delivery was among all that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    pub first: bool,
    /// The id came before with other bytes.
    pub altered: bool,
    pub arrival: Option<Arrival>,
}

/// Counts of one hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Different ids with a valid signature.
    pub received: i64,
    /// Deliveries in all, repeats included.
    pub deliveries: i64,
    pub duplicates: i64,
    /// Repeats with other bytes: a broken promise.
    pub altered: i64,
    /// Without a valid signature.
    pub unverified: i64,
    pub highest_sequence: i64,
    /// Different sequence numbers.
    pub distinct_sequences: i64,
    pub holes: i64,
    /// The highest position of an event that came.
    pub highest_position: i64,
}

#[derive(Debug, Default)]
struct Hook {
    bodies: HashMap<String, String>,
    sequence: Sequence,
    counts: Summary,
}

/// All hooks.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    hooks: HashMap<String, Hook>,
}

impl Ledger {
    /// Takes a delivery into account.
    pub(super) fn note(&mut self, receipt: &Receipt) -> Noted {
        let hook = self.hooks.entry(receipt.path.clone()).or_default();
        hook.counts.deliveries += 1;
        if !receipt.signature_ok {
            hook.counts.unverified += 1;
            return Noted {
                first: false,
                altered: false,
                arrival: None,
            };
        }
        if let Some(body) = hook.bodies.get(&receipt.id) {
            let altered = *body != receipt.sha256;
            hook.counts.duplicates += 1;
            hook.counts.altered += i64::from(altered);
            return Noted {
                first: false,
                altered,
                arrival: receipt.sequence.map(|_| Arrival::Repeated),
            };
        }
        hook.bodies.insert(receipt.id.clone(), receipt.sha256.clone());
        hook.counts.received += 1;
        hook.counts.highest_position = hook.counts.highest_position.max(receipt.position.unwrap_or(0));
        Noted {
            first: true,
            altered: false,
            arrival: receipt.sequence.map(|number| hook.sequence.see(number)),
        }
    }

    /// Takes a delivery of an earlier run into account.
    pub(super) fn restore(&mut self, receipt: &Receipt) {
        self.note(receipt);
    }

    pub(super) fn summary(&self, path: &str) -> Summary {
        self.hooks
            .get(path)
            .map_or_else(Summary::default, |hook| Summary {
                highest_sequence: hook.sequence.highest(),
                distinct_sequences: hook.sequence.distinct(),
                holes: hook.sequence.holes(0),
                ..hook.counts
            })
    }
}
