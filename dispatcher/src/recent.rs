//! Events that were read a moment ago, so that fresh deliveries need no second read, and a bulk read for the others.
//!
//! A cache with a bound in bytes; losing all of it costs reads of the log, nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use event_store::{LogReader, ReadError};
use futures::{StreamExt, TryStreamExt};
use schemas::{Position, RecordedEvent};

/// Bytes of payload that are kept.
const KEPT_BYTES: usize = 32 * 1_024 * 1_024;
/// What an event takes beside its payload.
const EVENT_BYTES: usize = 400;
/// Positions apart, up to which two events are fetched by one read.
const RUN_GAP: i64 = 64;
/// Events of one read.
const RUN_MAX: i64 = 2_000;
/// Reads at the same time.
const READS: usize = 4;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    by_position: HashMap<i64, Arc<RecordedEvent>>,
    order: VecDeque<i64>,
    bytes: usize,
}

fn size(event: &RecordedEvent) -> usize {
    EVENT_BYTES + event.data.get().len() + event.meta.get().len()
}

impl Recent {
    /// Keeps events, dropping the oldest ones beyond the bound.
    pub fn keep(&self, events: &[Arc<RecordedEvent>]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if kept
                .by_position
                .insert(event.position.0, Arc::clone(event))
                .is_none()
            {
                kept.order.push_back(event.position.0);
                kept.bytes += size(event);
            }
        }
        while kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.order.pop_front() else {
                break;
            };
            if let Some(event) = kept.by_position.remove(&oldest) {
                kept.bytes -= size(&event);
            }
        }
    }

    /// The events at these positions; one that the log does not have is missing from the answer.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn fetch<R: LogReader>(
        &self,
        reader: &R,
        mut positions: Vec<i64>,
    ) -> Result<HashMap<i64, Arc<RecordedEvent>>, ReadError> {
        positions.sort_unstable();
        positions.dedup();
        let mut found = HashMap::with_capacity(positions.len());
        let mut missing = Vec::new();
        {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for position in positions {
                match kept.by_position.get(&position) {
                    Some(event) => drop(found.insert(position, Arc::clone(event))),
                    None => missing.push(position),
                }
            }
        }
        let read: Vec<Vec<RecordedEvent>> = futures::stream::iter(runs(&missing))
            .map(|(first, last)| async move {
                let max = usize::try_from(last - first + 1).unwrap_or(1);
                reader.read_all(Position(first - 1), max).await
            })
            .buffered(READS)
            .try_collect()
            .await?;
        let read: Vec<Arc<RecordedEvent>> = read
            .into_iter()
            .flatten()
            .filter(|e| missing.binary_search(&e.position.0).is_ok())
            .map(Arc::new)
            .collect();
        self.keep(&read);
        found.extend(read.into_iter().map(|event| (event.position.0, event)));
        Ok(found)
    }
}

/// Ranges that cover the sorted positions with few reads.
fn runs(positions: &[i64]) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for &position in positions {
        match runs.last_mut() {
            Some((first, last)) if position - *last <= RUN_GAP && position - *first < RUN_MAX => {
                *last = position
            }
            _ => runs.push((position, position)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_positions_share_a_read_and_no_read_is_unbounded() {
        assert_eq!(runs(&[1, 2, 50, 200, 201]), [(1, 50), (200, 201)]);
        let all: Vec<i64> = (1..=5_000).collect();
        assert_eq!(runs(&all), [(1, 2_000), (2_001, 4_000), (4_001, 5_000)]);
        assert!(runs(&[]).is_empty());
    }
}
