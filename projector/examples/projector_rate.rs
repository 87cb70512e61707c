//! Measures the projector against a raw scan of the same log: `projector_rate DATABASE_URL [SALES] [SALES_OF_A_DAY]`.
//! With one sale of a day each batch touches the figures of every day, as no shop does.
//!
//! The database is one that may be spoilt; the URL's role must own it. A sale is five events (four items). Not a test:
//! figures of one machine prove nothing, ratios of one run do. Where the server runs on this machine, the processor
//! time that client and server took is printed, too: it says the same however busy the machine is.
#![allow(clippy::print_stdout, reason = "a program that prints figures")]
#![allow(clippy::unwrap_used, reason = "the tests' events, which it shares, may panic")]

#[path = "../tests/support/events.rs"]
mod shop;

use std::time::{Duration, Instant};

use anyhow::Context;
use event_store::{
    Append, CommandRecord, LogReader, LogWriter, PostgresReader, PostgresWriter, StreamWrite, WriterOptions,
};
use platform::db::{self, DbRole, Migration};
use projector::runner::{Runner, Step};
use projector::{groups, models};
use schemas::envelope::Actor;
use schemas::{Event, EventMeta, Position, StreamName, TenantId, Version};
use serde_json::value::to_raw_value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgPool};
use time::OffsetDateTime;

/// Items, in ten stores.
const ITEMS: usize = 500;
/// Lines of a sale.
const LINES: usize = 4;
const SALES_OF_A_DAY: usize = 1_000;
const BATCH: usize = 1_000;
/// As a rebuild takes them.
const REBUILD_BATCH: usize = 5_000;
const ROUNDS: usize = 3;

/// An event by its wire name and payload.
fn event(event_type: &str, data: serde_json::Value) -> Event {
    Event::decode(event_type, 1, &data.to_string()).expect("the samples are events")
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .context("usage: projector_rate DATABASE_URL [SALES]")?;
    let sales: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let sales_of_a_day: usize = arguments.next().map_or(Ok(SALES_OF_A_DAY), |text| text.parse())?;
    let log: Vec<Migration> = event_store::MIGRATIONS
        .iter()
        .map(|(version, sql)| Migration {
            module: "log",
            version: *version,
            sql,
        })
        .collect();
    db::migrate(&url, &[&log, projector::migrations()].concat()).await?;
    let pool = db::pool(&url, DbRole::Engine, 8).await?;
    let owner = PgPool::connect(&url).await?;
    let reader = PostgresReader::new(pool.clone());
    if reader.head().await? == Position::START {
        fill(&url, sales, sales_of_a_day.max(1)).await?;
        sqlx::query("vacuum analyze events").execute(&owner).await?;
    }
    let server = Server::find(&owner).await?;
    for round in 1..=ROUNDS {
        let started = server.used();
        let (events, before) = scan(&reader, false).await?;
        let scanned_by = server.used().since(started);
        let (_, decoded) = scan(&reader, true).await?;
        let started = server.used();
        let projected = project(&owner, &pool, &reader).await?;
        let projected_by = server.used().since(started);
        let started = server.used();
        let rebuilt = rebuild(&pool, &reader).await?;
        let rebuilt_by = server.used().since(started);
        let (_, after) = scan(&reader, false).await?;
        let scanned = rate(events, (before + after) / 2);
        let (projected, rebuilt) = (rate(events, projected), rate(events, rebuilt));
        println!(
            "round {round}: {events} events, scan {scanned:.0}/s, scan and decode {:.0}/s, projector {projected:.0}/s = {:.3}, rebuild {rebuilt:.0}/s = {:.3}",
            rate(events, decoded),
            projected / scanned,
            rebuilt / scanned
        );
        println!(
            "  processor time per event, client + server: scan {}, projector {}, rebuild {}",
            scanned_by.per(events),
            projected_by.per(events),
            rebuilt_by.per(events)
        );
    }
    Ok(())
}

/// Processor time of this process and of the whole server.
#[derive(Clone, Copy)]
struct Used {
    client: f64,
    server: f64,
}

impl Used {
    fn since(self, earlier: Self) -> Self {
        Self {
            client: self.client - earlier.client,
            server: self.server - earlier.server,
        }
    }

    fn per(self, events: usize) -> String {
        let events = f64::from(u32::try_from(events).unwrap_or(u32::MAX));
        let micros = |seconds: f64| seconds * 1e6 / events;
        format!("{:.1} + {:.1} µs", micros(self.client), micros(self.server))
    }
}

/// A server on this machine, by its first process.
struct Server(Option<i32>);

impl Server {
    async fn find(owner: &PgPool) -> anyhow::Result<Self> {
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(owner)
            .await?;
        Ok(Self(stat(&backend.to_string()).map(|stat| stat.parent)))
    }

    fn used(&self) -> Used {
        let client = stat("self").map_or(0.0, |stat| stat.seconds);
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let backends: f64 = processes
            .filter_map(|process| stat(process.file_name().to_str()?))
            .filter(|stat| Some(stat.parent) == self.0)
            .map(|stat| stat.seconds)
            .sum();
        let first = self.0.and_then(|pid| stat(&pid.to_string()));
        let server = backends + first.map_or(0.0, |stat| stat.children_seconds);
        Used { client, server }
    }
}

struct Stat {
    parent: i32,
    seconds: f64,
    /// Of processes that have ended.
    children_seconds: f64,
}

/// `/proc/<pid>/stat`; a tick is 10 ms on every Linux that we know.
fn stat(pid: &str) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        seconds: (ticks(11)? + ticks(12)?) / 100.0,
        children_seconds: (ticks(13)? + ticks(14)?) / 100.0,
    })
}

fn rate(events: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(events).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

async fn scan(reader: &PostgresReader, decode: bool) -> anyhow::Result<(usize, Duration)> {
    let (mut after, mut events, started) = (Position::START, 0, Instant::now());
    loop {
        let batch = reader.read_shared(after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok((events, started.elapsed()));
        };
        after = last.position;
        events += batch.len();
        if decode {
            projector::fact::decode(&batch)?;
        }
    }
}

/// From nothing to the end of the log.
async fn project(owner: &PgPool, pool: &PgPool, reader: &PostgresReader) -> anyhow::Result<Duration> {
    for model in models::all() {
        sqlx::query(AssertSqlSafe(format!("truncate rm_{}", model.name())))
            .execute(owner)
            .await?;
    }
    sqlx::query("update projection_checkpoint set position = 0 where name = 'public'")
        .execute(pool)
        .await?;
    let connection = pool.acquire().await?.detach();
    let mut runner = Runner::open(reader.clone(), connection, models::all(), BATCH).await?;
    let started = Instant::now();
    while runner.step().await? != Step::CaughtUp {}
    Ok(started.elapsed())
}

/// A new group from nothing to the end of the log, with indexes.
async fn rebuild(pool: &PgPool, reader: &PostgresReader) -> anyhow::Result<Duration> {
    let mut connection = pool.acquire().await?.detach();
    let started = Instant::now();
    let group = groups::create(&mut connection).await?;
    let id = group.id;
    let mut runner = Runner::open_group(
        reader.clone(),
        connection,
        models::all(),
        REBUILD_BATCH,
        group.clone(),
    )
    .await?;
    while runner.step().await? != Step::CaughtUp {}
    groups::index(runner.connection(), &group).await?;
    let took = started.elapsed();
    groups::drop_group(runner.connection(), id).await?;
    Ok(took)
}

async fn fill(url: &str, sales: usize, sales_of_a_day: usize) -> anyhow::Result<()> {
    let target = url.parse::<PgConnectOptions>()?.username("trastienda_engine");
    let mut writer = PostgresWriter::connect_with(target, WriterOptions::default()).await?;
    let meta = EventMeta {
        actor: Actor::User {
            username: "ana".to_owned(),
            role: "cashier".to_owned(),
        },
        reason: Some("venta de mostrador".to_owned()),
        command_id: String::new(),
        command: "complete_sale".to_owned(),
        traceparent: None,
    };
    let mut stock_versions = vec![0_i64; ITEMS * 10];
    for from in (0..sales).step_by(200) {
        let batch: Vec<Append> = (from..sales.min(from + 200))
            .map(|number| sale(number, number / sales_of_a_day, &meta, &mut stock_versions))
            .collect::<anyhow::Result<_>>()?;
        writer.append(&batch).await?;
    }
    Ok(())
}

fn sale(number: usize, day: usize, meta: &EventMeta, stock_versions: &mut [i64]) -> anyhow::Result<Append> {
    let (id, store) = (format!("s{number}"), number % 10);
    // One day after the other, as shops sell: figures of a day are busy while it lasts.
    let day = format!("2026-{:02}-{:02}", 1 + day / 28 % 12, 1 + day % 28);
    let items: Vec<usize> = (0..LINES).map(|line| (number * 7 + line * 131) % ITEMS).collect();
    let skus: Vec<String> = items.iter().map(|item| format!("SKU-{item:04}")).collect();
    let names: Vec<&str> = skus.iter().map(String::as_str).collect();
    let mut writes = vec![write(
        &format!("sale/{id}"),
        0,
        shop::completed(&id, None, &day, &names),
    )?];
    for (item, sku) in items.iter().zip(&skus) {
        let version = &mut stock_versions[store * ITEMS + item];
        let store = format!("tienda-{store}");
        writes.push(write(
            &format!("stock/{store}/{sku}"),
            *version,
            shop::issued(&store, sku, &id),
        )?);
        *version += 1;
    }
    let meta = EventMeta {
        command_id: format!("command-{number}"),
        ..meta.clone()
    };
    Ok(Append {
        tenant: TenantId::new("t1")?,
        writes,
        meta: to_raw_value(&meta)?,
        recorded_at: OffsetDateTime::from_unix_timestamp(1_790_000_000)?,
        record: CommandRecord {
            id: meta.command_id,
            fingerprint: [0; 32],
            keyed: false,
            outcome: to_raw_value(&())?,
        },
    })
}

fn write(stream: &str, version: i64, event: Event) -> anyhow::Result<StreamWrite> {
    let event = event_store::NewEvent {
        id: platform::clock::fresh_id(),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        data: event.encode()?,
    };
    Ok(StreamWrite {
        stream: StreamName::stored(stream),
        expected: Version(version),
        events: vec![event],
    })
}
