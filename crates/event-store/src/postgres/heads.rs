//! The owner's memory of stream versions, bounded in entries.

use std::collections::HashMap;

use schemas::Version;

use crate::staging::{NewHeads, StreamKey};

/// Two generations: when the young one is full it becomes the old one, and what was not used since is forgotten. Holds at
/// most twice `generation_entries`.
pub(super) struct Heads {
    young: HashMap<StreamKey, Version>,
    old: HashMap<StreamKey, Version>,
    generation_entries: usize,
}

impl Heads {
    pub fn new(generation_entries: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation_entries: generation_entries.max(1),
        }
    }

    pub fn get(&self, key: &StreamKey) -> Option<Version> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    pub fn set(&mut self, key: StreamKey, version: Version) {
        if self.young.len() >= self.generation_entries && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, version);
    }

    pub fn extend(&mut self, heads: NewHeads) {
        for (key, version) in heads {
            self.set(key, version);
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::StreamName;
    use schemas::ids::TenantId;

    use super::*;

    fn key(name: u64) -> StreamKey {
        (
            TenantId::new("t").unwrap(),
            StreamName::new("sale", &name.to_string()),
        )
    }

    #[test]
    fn entries_stay_within_two_generations_and_the_newest_value_wins() {
        let mut heads = Heads::new(10);
        for name in 0..1_000 {
            heads.set(key(name), Version(1));
            heads.set(key(0), Version(i64::try_from(name).unwrap()));
            assert!(heads.young.len() + heads.old.len() <= 20);
            assert_eq!(heads.get(&key(0)), Some(Version(i64::try_from(name).unwrap())));
        }
        assert_eq!(heads.get(&key(999)), Some(Version(1)));
        assert_eq!(heads.get(&key(1)), None);
    }
}
