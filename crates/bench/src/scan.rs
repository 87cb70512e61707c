//! A raw scan of a log: the product's reader, a thousand events at a time, and nothing done with them.

use std::time::{Duration, Instant};

use event_store::{LogReader, PostgresReader};
use schemas::Position;

const BATCH: usize = 1_000;

/// Reads everything once; how many events, and how long it took.
///
/// # Errors
/// When the log cannot be read.
pub async fn scan(reader: &PostgresReader) -> anyhow::Result<(u64, Duration)> {
    let (mut after, mut events, started) = (Position::START, 0, Instant::now());
    loop {
        let batch = reader.read_all(after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok((events, started.elapsed()));
        };
        after = last.position;
        events += u64::try_from(batch.len())?;
    }
}
