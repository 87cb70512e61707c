//! Measures appends against `pgbench` in the same run: `append_rate DATABASE_URL BASELINE_SQL [SECONDS]`.
//!
//! The database is one that may be spoilt; its role must own it. Events of about 300 bytes, one per command, each on a new
//! stream with one command record; submitters wait for their answer before they go on. Not a test: figures of one machine
//! prove nothing, ratios of one run do.
#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use event_store::{
    Append, CommandRecord, LogReader, LogWriter, MIGRATIONS, NewEvent, PostgresReader, PostgresWriter,
    StreamWrite, WriterOptions,
};
use schemas::ids::TenantId;
use schemas::{Position, StreamName, Version};
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

type Queue = mpsc::Sender<(Append, oneshot::Sender<()>)>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .context("usage: append_rate DATABASE_URL BASELINE_SQL [SECONDS]")?;
    let baseline = arguments.next().context("the baseline's script is missing")?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    prepare(&url).await?;
    for submitters in [1, 8, 64, 256] {
        let before = pgbench(&url, &baseline, submitters, seconds)?;
        let (rate, mean_batch) = appends(&url, submitters, Duration::from_secs(seconds)).await?;
        let after = pgbench(&url, &baseline, submitters, seconds)?;
        let ratio = rate / f64::midpoint(before, after);
        println!(
            "{submitters:>4} submitters: {rate:>8.0}/s, mean batch {mean_batch:>6.1}, pgbench {before:.0} and {after:.0}, ratio {ratio:.2}"
        );
    }
    replay(&url).await
}

async fn prepare(url: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    connection
        .execute(
            "do $$ begin
               if not exists (select from pg_roles where rolname = 'trastienda_engine') then create role trastienda_engine login bypassrls; end if;
             end $$;
             drop table if exists baseline_events, events, commands, engine_owner;
             create table baseline_events (
               global_position bigint generated always as identity primary key, stream_id text not null, version int not null,
               type text not null, data jsonb not null, metadata jsonb not null, event_id uuid not null,
               recorded_at timestamptz not null default now(), unique (stream_id, version))",
        )
        .await?;
    for (_, sql) in MIGRATIONS {
        connection.execute(AssertSqlSafe(*sql)).await?;
    }
    Ok(())
}

/// Runs the baseline; answers transactions per second.
fn pgbench(url: &str, script: &str, clients: usize, seconds: u64) -> anyhow::Result<f64> {
    let output = Command::new("pgbench")
        .args([
            "-n",
            "-M",
            "prepared",
            "-f",
            script,
            "-c",
            &clients.to_string(),
            "-j",
            "2",
        ])
        .args(["-T", &seconds.to_string(), url])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(rate) = text.lines().find_map(|line| line.strip_prefix("tps = ")) else {
        bail!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    Ok(rate.split(' ').next().unwrap_or_default().parse()?)
}

/// Runs submitters against one owner; answers appends per second and the mean batch.
async fn appends(url: &str, submitters: usize, time: Duration) -> anyhow::Result<(f64, f64)> {
    let mut writer = PostgresWriter::connect(url, WriterOptions::default()).await?;
    let (queue, mut waiting) = mpsc::channel::<(Append, oneshot::Sender<()>)>(4096);
    let owner = async move {
        let (mut total, mut batches) = (0_u32, 0_u32);
        let mut received = Vec::with_capacity(1024);
        while waiting.recv_many(&mut received, 1024).await > 0 {
            let (batch, answers): (Vec<_>, Vec<_>) = received.drain(..).unzip();
            writer.append(&batch).await?;
            total += u32::try_from(batch.len())?;
            batches += 1;
            for answer in answers {
                let _ = answer.send(());
            }
            // Those who were just answered get to send their next command, so that it joins this batch.
            tokio::task::yield_now().await;
        }
        anyhow::Ok((total, batches))
    };
    let mut tasks = tokio::task::JoinSet::new();
    let owner = tasks.spawn(async move { owner.await.map(Some) });
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    for _ in 0..submitters {
        let (queue, stop) = (queue.clone(), stop.clone());
        tasks.spawn(async move { submit(&queue, &stop).await.map(|()| None) });
    }
    drop(queue);
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut counts = (0, 0);
    while let Some(result) = tasks.join_next_with_id().await {
        let (id, result) = result?;
        if let Some(result) = result?
            && id == owner.id()
        {
            counts = result;
        }
    }
    let (total, batches) = counts;
    Ok((
        f64::from(total) / started.elapsed().as_secs_f64(),
        f64::from(total) / f64::from(batches.max(1)),
    ))
}

async fn submit(queue: &Queue, stop: &AtomicBool) -> anyhow::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let (answer, answered) = oneshot::channel();
        queue.send((command()?, answer)).await?;
        answered.await?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a load generator draws its own ids and times"
)]
fn command() -> anyhow::Result<Append> {
    let id = Uuid::now_v7();
    Ok(Append {
        tenant: TenantId::new("bench")?,
        writes: vec![StreamWrite {
            stream: StreamName::new("sale", &id.to_string()),
            expected: Version::EMPTY,
            events: vec![NewEvent {
                id,
                event_type: "sale.completed",
                schema_version: 1,
                data: json(DATA)?,
            }],
        }],
        meta: json(r#"{"correlation":"c-1","causation":"k-1"}"#)?,
        recorded_at: OffsetDateTime::now_utc(),
        record: CommandRecord {
            id: id.to_string(),
            fingerprint: [7; 32],
            keyed: true,
            outcome: json(r#"{"accepted":true}"#)?,
        },
    })
}

const DATA: &str = r#"{"orderId":"0191d3a2-7c1e-7b1e-9f2a-1b2c3d4e5f60","customer":"cust-123456","items":[{"sku":"SKU-0001","qty":2,"price":1999},{"sku":"SKU-0002","qty":1,"price":4999}],"currency":"EUR","total":8997,"note":"benchmark payload of about three hundred bytes, padded out xxxxxxxxxxxxxxxxxxxx"}"#;

fn json(text: &str) -> anyhow::Result<Box<RawValue>> {
    Ok(RawValue::from_string(text.to_owned())?)
}

/// Reads everything in batches of a thousand.
async fn replay(url: &str) -> anyhow::Result<()> {
    let reader = PostgresReader::new(PgPool::connect(url).await?);
    let started = Instant::now();
    let (mut position, mut events) = (Position::START, 0_u32);
    loop {
        let batch = reader.read_all(position, 1_000).await?;
        let Some(last) = batch.last() else { break };
        position = last.position;
        events += u32::try_from(batch.len())?;
    }
    println!(
        "replay: {events} events, {:.0}/s",
        f64::from(events) / started.elapsed().as_secs_f64()
    );
    Ok(())
}
