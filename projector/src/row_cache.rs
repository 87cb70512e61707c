//! The rows of one model as the last batches left them, so that busy ones are not read again for each batch.
//!
//! True only while this projector is the one that writes: whoever uses it drops it when a transaction does not land.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations: when the young one is full it becomes the old one, and what was not used since is forgotten. Holds
/// at most twice `generation_rows`.
#[derive(Debug)]
pub(crate) struct RowCache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation_rows: usize,
}

impl<K: Eq + Hash, V> RowCache<K, V> {
    pub fn new(generation_rows: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation_rows,
        }
    }

    /// Takes a row out.
    pub fn take(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub fn put(&mut self, key: K, row: V) {
        if self.generation_rows == 0 {
            return;
        }
        if self.young.len() >= self.generation_rows {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, row);
    }

    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_within_two_generations_and_those_in_use_stay() {
        let mut cache = RowCache::new(10);
        cache.put(0, 0);
        for key in 1..1_000 {
            cache.put(key, key);
            let busy = cache.take(&0).expect("what is used stays");
            cache.put(0, busy + 1);
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.take(&0), Some(999));
        assert_eq!(cache.take(&1), None);
        cache.clear();
        assert_eq!(cache.take(&999), None);
    }
}
