//! Which loads are older than what was written since they were asked for.
//!
//! A load runs beside the loop. What it read may be from before a commit whose result the cache has let go by the time
//! the load arrives; a refusal decided on it would be wrong, and no expected version would notice. So the streams that
//! were written since the oldest load under way are remembered. Owned by the loop alone.

use std::collections::{BTreeSet, HashMap};

use schemas::StreamName;
use schemas::ids::TenantId;

/// Streams that are remembered at a time; beyond, every load under way counts as too old.
const WRITTEN_MAX: usize = 65_536;

/// A load under way, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Load(u64);

#[derive(Default)]
pub(super) struct LoadsUnderWay {
    next: u64,
    asked: BTreeSet<Load>,
    /// Per stream the first load that was asked after it was written last.
    written: HashMap<(TenantId, StreamName), Load>,
    /// Loads before this one are too old for any stream.
    floor: u64,
}

impl LoadsUnderWay {
    /// A load is asked for.
    pub fn begin(&mut self) -> Load {
        let load = Load(self.next);
        self.next += 1;
        self.asked.insert(load);
        load
    }

    /// A load has arrived, or failed.
    pub fn end(&mut self, load: Load) {
        let was_oldest = self.asked.first() == Some(&load);
        self.asked.remove(&load);
        if !was_oldest || self.written.is_empty() {
            return;
        }
        match self.asked.first().copied() {
            None => self.written.clear(),
            Some(oldest) => self.written.retain(|_, since| *since > oldest),
        }
    }

    /// A stream's new state is durable.
    pub fn wrote(&mut self, tenant: &TenantId, stream: &StreamName) {
        if self.asked.is_empty() {
            return;
        }
        if self.written.len() >= WRITTEN_MAX {
            self.outdate();
        } else {
            self.written
                .insert((tenant.clone(), stream.clone()), Load(self.next));
        }
    }

    /// Another owner may have written anything: no load under way may be believed.
    pub fn outdate(&mut self) {
        self.floor = self.next;
        self.written.clear();
    }

    /// Whether a stream may have been written after the load read it. Asked before the load is ended.
    pub fn is_outdated(&self, load: Load, tenant: &TenantId, stream: &StreamName) -> bool {
        load.0 < self.floor
            || (!self.written.is_empty()
                && self
                    .written
                    .get(&(tenant.clone(), stream.clone()))
                    .is_some_and(|since| load < *since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(number: usize) -> (TenantId, StreamName) {
        (
            TenantId::new("t").unwrap(),
            StreamName::new("sale", &number.to_string()),
        )
    }

    #[test]
    fn a_load_is_outdated_by_what_was_written_after_it_was_asked_and_by_nothing_else() {
        let mut loads = LoadsUnderWay::default();
        let (tenant, stream) = names(1);
        loads.wrote(&tenant, &stream);
        let before = loads.begin();
        assert!(!loads.is_outdated(before, &tenant, &stream));
        loads.wrote(&tenant, &stream);
        let after = loads.begin();
        assert!(loads.is_outdated(before, &tenant, &stream));
        assert!(!loads.is_outdated(after, &tenant, &stream));
        assert!(!loads.is_outdated(before, &tenant, &names(2).1));
        loads.end(before);
        assert!(loads.written.is_empty(), "nobody can be outdated by it any more");
        loads.outdate();
        assert!(loads.is_outdated(after, &tenant, &names(2).1));
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_outdates_every_load() {
        let mut loads = LoadsUnderWay::default();
        let load = loads.begin();
        for number in 0..=WRITTEN_MAX {
            let (tenant, stream) = names(number);
            loads.wrote(&tenant, &stream);
        }
        assert!(loads.written.len() <= WRITTEN_MAX);
        let (tenant, stream) = names(WRITTEN_MAX + 1);
        assert!(loads.is_outdated(load, &tenant, &stream));
    }
}
