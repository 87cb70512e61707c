//! States of aggregates that the loop keeps, bounded in bytes.
//!
//! Owned by the loop alone. Entries that a waiting command needs are pinned and never evicted.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use domain::State;
use schemas::ids::TenantId;
use schemas::{StreamName, Version};

/// A stream's state at a version.
#[derive(Debug, Clone)]
pub(super) struct Resident {
    pub state: State,
    pub version: Version,
    /// The version of the newest snapshot, as far as known.
    pub snapshot: Version,
}

struct Entry {
    resident: Resident,
    weight: usize,
    pins: u32,
    last_used: Cell<u64>,
}

/// States by tenant and stream. Over its bound the ones that were not used for longest go, at the next turn.
pub(super) struct Cache {
    tenants: HashMap<TenantId, HashMap<StreamName, Entry>>,
    bytes: usize,
    bytes_max: usize,
    /// Counts batches; the measure of "recently used".
    turn: u64,
}

/// Map overhead of one entry, beside the state's own weight.
const ENTRY_BYTES: usize = 160;

impl Cache {
    /// Empty; `bytes_max` bounds the approximate weight of states, names and overhead.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            tenants: HashMap::new(),
            bytes: 0,
            bytes_max,
            turn: 0,
        }
    }

    /// A state if it is here; it counts as used in this turn.
    pub fn get(&self, tenant: &TenantId, stream: &StreamName) -> Option<&Resident> {
        let entry = self.tenants.get(tenant)?.get(stream)?;
        entry.last_used.set(self.turn);
        Some(&entry.resident)
    }

    /// Puts or replaces a state.
    pub fn put(&mut self, tenant: &TenantId, stream: StreamName, resident: Resident) {
        let weight = resident.state.weight() + stream.as_str().len() + ENTRY_BYTES;
        let streams = match self.tenants.get_mut(tenant) {
            Some(streams) => streams,
            None => self.tenants.entry(tenant.clone()).or_default(),
        };
        self.bytes += weight;
        match streams.get_mut(&stream) {
            Some(entry) => {
                self.bytes -= entry.weight;
                entry.resident = resident;
                entry.weight = weight;
                entry.last_used.set(self.turn);
            }
            None => {
                streams.insert(
                    stream,
                    Entry {
                        resident,
                        weight,
                        pins: 0,
                        last_used: Cell::new(self.turn),
                    },
                );
            }
        }
    }

    /// Keeps an entry until it is unpinned as often.
    pub fn pin(&mut self, tenant: &TenantId, stream: &StreamName) {
        if let Some(entry) = self
            .tenants
            .get_mut(tenant)
            .and_then(|streams| streams.get_mut(stream))
        {
            entry.pins += 1;
            entry.last_used.set(self.turn);
        }
    }

    /// Takes one pin off each entry; those that are gone or not pinned are passed over.
    pub fn unpin(&mut self, tenant: &TenantId, streams: &HashSet<StreamName>) {
        if streams.is_empty() {
            return;
        }
        if let Some(entries) = self.tenants.get_mut(tenant) {
            for stream in streams {
                if let Some(entry) = entries.get_mut(stream) {
                    entry.pins = entry.pins.saturating_sub(1);
                }
            }
        }
    }

    /// Forgets one state, pinned or not; the next command that needs it loads it.
    pub fn remove(&mut self, tenant: &TenantId, stream: &StreamName) {
        if let Some(entry) = self
            .tenants
            .get_mut(tenant)
            .and_then(|streams| streams.remove(stream))
        {
            self.bytes -= entry.weight;
        }
    }

    /// Forgets everything: another owner may have written.
    pub fn clear(&mut self) {
        self.tenants.clear();
        self.bytes = 0;
    }

    /// Begins a turn; when over the bound, drops unpinned entries that were not used for longest until a tenth is free.
    pub fn next_turn(&mut self) {
        self.turn += 1;
        if self.bytes <= self.bytes_max {
            return;
        }
        let mut candidates: Vec<(u64, usize, TenantId, StreamName)> = self
            .tenants
            .iter()
            .flat_map(|(tenant, streams)| {
                streams
                    .iter()
                    .filter(|(_, entry)| entry.pins == 0)
                    .map(|(stream, entry)| {
                        (
                            entry.last_used.get(),
                            entry.weight,
                            tenant.clone(),
                            stream.clone(),
                        )
                    })
            })
            .collect();
        candidates.sort_unstable_by_key(|(last_used, ..)| *last_used);
        let goal = self.bytes_max / 10 * 9;
        for (_, _, tenant, stream) in candidates {
            if self.bytes <= goal {
                break;
            }
            self.remove(&tenant, &stream);
        }
        self.tenants.retain(|_, streams| !streams.is_empty());
    }

    /// The approximate weight of all entries; over the bound within a turn.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
