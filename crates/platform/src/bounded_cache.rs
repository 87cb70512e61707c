//! A cache bounded in entries and in age, in two generations: when the young one is full or old, it becomes the old
//! one, and what stood there is dropped. Reading an old entry does not make it young, so that no entry outlives twice
//! the maximum age: what another process changed is noticed.
//!
//! Deliberately absent: exact least-recently-used order, which costs a list and buys little here.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Values are cheap to clone (an `Arc` inside).
pub(crate) struct BoundedCache<K, V> {
    per_generation: usize,
    max_age: Duration,
    generations: Mutex<Generations<K, V>>,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    young_since: Instant,
}

impl<K: Eq + Hash, V: Clone> BoundedCache<K, V> {
    /// At most `max_entries` entries; none lives longer than twice `max_age`, most live as long as it.
    pub(crate) fn new(max_entries: usize, max_age: Duration) -> Self {
        let generations = Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            young_since: Instant::now(),
        };
        Self {
            per_generation: (max_entries / 2).max(1),
            max_age,
            generations: Mutex::new(generations),
        }
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.locked(|g| g.young.get(key).or_else(|| g.old.get(key)).cloned())
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.locked(|g| {
            if g.young.len() >= self.per_generation && !g.young.contains_key(&key) {
                g.turn();
            }
            g.old.remove(&key);
            g.young.insert(key, value);
        });
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.locked(|g| g.young.len() + g.old.len())
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Generations<K, V>) -> T) -> T {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let age = generations.young_since.elapsed();
        if age >= self.max_age {
            generations.turn();
            if age >= self.max_age * 2 {
                generations.turn();
            }
        }
        work(&mut generations)
    }
}

impl<K, V> Generations<K, V> {
    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.young_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let cache = BoundedCache::new(10, Duration::from_secs(3600));
        for number in 0..1_000 {
            cache.insert(number, number);
            assert!(cache.len() <= 10);
            assert_eq!(cache.get(&number), Some(number));
        }
        assert_eq!(cache.get(&0), None);
    }

    #[test]
    fn an_entry_does_not_outlive_twice_the_maximum_age() {
        let cache = BoundedCache::new(10, Duration::ZERO);
        cache.insert(1, 1);
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn a_new_value_replaces_one_in_the_old_generation() {
        let cache = BoundedCache::new(4, Duration::from_secs(3600));
        for (key, value) in [(1, 1), (2, 2), (3, 3), (1, 9)] {
            cache.insert(key, value);
        }
        assert_eq!(cache.get(&1), Some(9));
    }
}
