//! Appends per second that are durable and answered: submitters, a queue, one owner, the product's Postgres log.
//!
//! This is the log's writer with the batching of the engine's loop (take what waits, at most 1,024, no timer, one batch
//! in flight), command records and hash chain included. Deciding, JSON of commands, tenants' queues and idempotency
//! look-ups are not in it: the figures over HTTP hold those.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use event_store::{
    Append, CommandRecord, LogWriter, MIGRATIONS, NewEvent, PostgresWriter, StreamWrite, WriterOptions,
};
use schemas::ids::TenantId;
use schemas::{StreamName, Version};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::baseline;
use crate::cpu::{OWN, Spent};
use crate::histogram::{Latencies, rate};

/// Commands of one batch, as in the engine.
const BATCH_MAX: usize = 1_024;
const QUEUE: usize = 4_096;
/// About 300 bytes, as in the baseline.
const DATA: &str = r#"{"orderId":"0191d3a2-7c1e-7b1e-9f2a-1b2c3d4e5f60","customer":"cust-123456","items":[{"sku":"SKU-0001","qty":2,"price":1999},{"sku":"SKU-0002","qty":1,"price":4999}],"currency":"EUR","total":8997,"note":"benchmark payload of about three hundred bytes, padded out xxxxxxxxxxxxxxxxxxxx"}"#;
const META: &str = r#"{"correlation":"c-1","causation":"k-1"}"#;

type Queue = mpsc::Sender<(Append, oneshot::Sender<()>)>;

/// What submitters saw.
#[derive(Debug, Clone, Copy)]
pub struct Appended {
    /// Events per second.
    pub rate: f64,
    pub mean_batch: f64,
    pub p99_ms: f64,
    /// Microseconds of processor time per event: submitters and owner together, and the database.
    pub own_us: f64,
    pub postgres_us: f64,
}

/// Makes the log's tables in an empty database. The roles exist already: they belong to the server.
///
/// # Errors
/// When the database refuses.
pub async fn prepare(url: &str) -> anyhow::Result<()> {
    for (_, sql) in MIGRATIONS {
        baseline::execute(url, *sql).await?;
    }
    Ok(())
}

/// Empties the log, so that every block begins alike.
///
/// # Errors
/// When the database fails.
pub async fn clear(url: &str) -> anyhow::Result<()> {
    baseline::execute(url, "truncate events, commands").await
}

/// Lets this many submitters append for a while, each to a stream of its own with the version that it expects.
///
/// # Errors
/// When an append fails.
pub async fn measure(url: &str, submitters: u32, time: Duration) -> anyhow::Result<Appended> {
    let writer = PostgresWriter::connect(url, WriterOptions::default()).await?;
    let (queue, waiting) = mpsc::channel(QUEUE);
    let mut owner = JoinSet::new();
    owner.spawn(own(writer, waiting));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    let spent_before = Spent::now();
    let started = Instant::now();
    for _ in 0..submitters {
        tasks.spawn(submit(queue.clone(), Arc::clone(&stop)));
    }
    drop(queue);
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Latencies::new()?;
    while let Some(ended) = tasks.join_next().await {
        latencies.add(&ended??)?;
    }
    let took = started.elapsed();
    let (mut total, mut batches) = (0, 0);
    while let Some(ended) = owner.join_next().await {
        (total, batches) = ended??;
    }
    let spent = Spent::now();
    Ok(Appended {
        own_us: spent.per_command_us(&spent_before, OWN, total),
        postgres_us: spent.per_command_us(&spent_before, "postgres", total),
        rate: rate(total, took),
        mean_batch: rate(total, Duration::from_secs(batches.max(1))),
        p99_ms: latencies.quantile_ms(0.99),
    })
}

/// The one owner; answers appends and batches.
async fn own(
    mut writer: PostgresWriter,
    mut waiting: mpsc::Receiver<(Append, oneshot::Sender<()>)>,
) -> anyhow::Result<(u64, u64)> {
    let (mut total, mut batches) = (0, 0);
    let mut received = Vec::with_capacity(BATCH_MAX);
    while waiting.recv_many(&mut received, BATCH_MAX).await > 0 {
        let (batch, answers): (Vec<_>, Vec<_>) = received.drain(..).unzip();
        writer.append(&batch).await?;
        total += u64::try_from(batch.len())?;
        batches += 1;
        for answer in answers {
            // A submitter that has stopped wants no answer.
            let _gone = answer.send(());
        }
        // Those who were just answered get to send their next command, so that it joins the next batch.
        tokio::task::yield_now().await;
    }
    Ok((total, batches))
}

async fn submit(queue: Queue, stop: Arc<AtomicBool>) -> anyhow::Result<Latencies> {
    let stream = StreamName::new("order", &fresh_id().to_string());
    let (mut version, mut latencies) = (Version::EMPTY, Latencies::new()?);
    while !stop.load(Ordering::Relaxed) {
        let (answer, answered) = oneshot::channel();
        let sent = Instant::now();
        queue.send((command(&stream, version)?, answer)).await?;
        answered.await?;
        latencies.record(sent.elapsed());
        version = Version(version.0 + 1);
    }
    Ok(latencies)
}

fn command(stream: &StreamName, expected: Version) -> anyhow::Result<Append> {
    let id = fresh_id();
    Ok(Append {
        tenant: TenantId::new("bench")?,
        writes: vec![StreamWrite {
            stream: stream.clone(),
            expected,
            events: vec![NewEvent {
                id,
                event_type: "sale.completed",
                schema_version: 1,
                data: json(DATA)?,
            }],
        }],
        meta: json(META)?,
        recorded_at: lab::clock::now(),
        record: CommandRecord {
            id: id.to_string(),
            fingerprint: [7; 32],
            keyed: true,
            outcome: json(r#"{"accepted":true}"#)?,
        },
    })
}

fn fresh_id() -> Uuid {
    platform::clock::fresh_id()
}

fn json(text: &str) -> anyhow::Result<Box<RawValue>> {
    Ok(RawValue::from_string(text.to_owned())?)
}
