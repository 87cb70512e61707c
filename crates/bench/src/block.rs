//! One block: every part once, each between two runs of the baseline.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::baseline::{Baseline, Rate};
use crate::cpu::{OWN, Spent};
use crate::deliveries::Backlog;
use crate::histogram::rate;
use crate::http::{Load, Measured, Until};
use crate::product::{Product, rss_mib};
use crate::profile::Profile;
use crate::receiver::Receiver;
use crate::report::Figures;
use crate::requests::Requests;
use crate::shop::Shop;
use crate::sizes::{CONNECTIONS, Sizes, WRITERS};
use crate::{append, projector_rate, rebuild};

/// How often the memory is looked at under load.
const MEMORY_EVERY: Duration = Duration::from_millis(50);

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Append,
    Adjust,
    Sale,
    Projector,
    Rebuild,
    Deliveries,
}

/// Everything that the blocks share.
pub struct Bench {
    pub sizes: Sizes,
    pub parts: Vec<Part>,
    pub product: Product,
    /// The product's program, for what its command line does.
    pub binary: PathBuf,
    pub shop: Shop,
    pub receiver: Receiver,
    pub baseline: Baseline,
    /// Of the log that is appended to.
    pub append_url: String,
    /// The database with the projector's log, which is copied for each block.
    pub sales_database: &'static str,
    /// Numbers of requests, hence idempotency keys: each once.
    pub numbers: Arc<AtomicU64>,
    pub profile: Profile,
}

/// One block while it runs.
pub struct Block<'a> {
    bench: &'a Bench,
    number: usize,
    figures: Figures,
    /// The baseline that ran last, if nothing else ran since: it is the next part's "before", too.
    last: Option<(u32, Rate)>,
}

/// Microseconds of processor time per command, by program.
struct PerCommand {
    product: f64,
    postgres: f64,
    nats: f64,
    load: f64,
}

impl PerCommand {
    fn of(now: &Spent, before: &Spent, commands: u64) -> Self {
        let of = |program: &str| now.per_command_us(before, program, commands);
        Self {
            product: of("trastienda"),
            postgres: of("postgres"),
            nats: of("nats-server"),
            load: of(OWN),
        }
    }
}

type Write = fn(&Requests, u64, &mut Vec<u8>);

impl<'a> Block<'a> {
    /// Runs all parts.
    ///
    /// # Errors
    /// When any of them fails.
    pub async fn run(bench: &'a Bench, number: usize) -> anyhow::Result<Figures> {
        let mut block = Self {
            bench,
            number,
            figures: Figures::new(),
            last: None,
        };
        bench.baseline.clear().await?;
        for part in &bench.parts {
            let began = Instant::now();
            match part {
                Part::Append => block.append().await?,
                Part::Adjust => block.adjust().await?,
                Part::Sale => block.sale().await?,
                Part::Projector => block.projector().await?,
                Part::Rebuild => block.rebuild().await?,
                Part::Deliveries => block.deliveries().await?,
            }
            eprintln!(
                "bench: block {number}: {part:?} took {:.1} s",
                began.elapsed().as_secs_f64()
            );
        }
        Ok(block.figures)
    }

    fn set(&mut self, name: &'static str, figure: f64) {
        self.figures.insert(name, figure);
    }

    async fn before(&mut self, clients: u32) -> anyhow::Result<f64> {
        match self.last.take() {
            Some((same, rate)) if same == clients => Ok(rate.tps),
            _ => Ok(self.bench.baseline.run(clients).await?.tps),
        }
    }

    async fn after(&mut self, clients: u32) -> anyhow::Result<f64> {
        let rate = self.bench.baseline.run(clients).await?;
        self.last = Some((clients, rate));
        Ok(rate.tps)
    }

    async fn append(&mut self) -> anyhow::Result<()> {
        let bench = self.bench;
        append::clear(&bench.append_url).await?;
        // 64 comes last, so that its baseline is the next part's, too.
        for writers in WRITERS
            .into_iter()
            .filter(|writers| *writers != CONNECTIONS)
            .chain([CONNECTIONS])
        {
            let before = self.before(writers).await?;
            let work = append::measure(&bench.append_url, writers, bench.sizes.stretch);
            let name = format!("append-{writers}-{}", self.number);
            let appended = bench.profile.around(&name, work).await?;
            let after = self.after(writers).await?;
            let (ratio, rate) = match writers {
                1 => ("append_1", "append_1_rate"),
                8 => ("append_8", "append_8_rate"),
                64 => ("append_64", "append_64_rate"),
                _ => ("append_256", "append_256_rate"),
            };
            self.set(ratio, appended.rate / f64::midpoint(before, after));
            self.set(rate, appended.rate);
            if writers == CONNECTIONS {
                self.set("append_64_batch", appended.mean_batch);
                self.set("append_64_p99_ms", appended.p99_ms);
                self.set("append_64_own_us", appended.own_us);
                self.set("append_64_postgres_us", appended.postgres_us);
            }
        }
        Ok(())
    }

    async fn adjust(&mut self) -> anyhow::Result<()> {
        let (measured, spent, _events, baseline) = self.load("adjust", Requests::adjust).await?;
        let rate = rate(measured.answered, measured.took);
        self.set("adjust_ratio", rate / baseline);
        self.set("adjust_rate", rate);
        self.set("adjust_p50_ms", measured.latencies.quantile_ms(0.5));
        self.set("adjust_p99_ms", measured.latencies.quantile_ms(0.99));
        self.set("adjust_product_us", spent.product);
        self.set("adjust_postgres_us", spent.postgres);
        self.set("adjust_nats_us", spent.nats);
        self.set("adjust_load_us", spent.load);
        Ok(())
    }

    async fn sale(&mut self) -> anyhow::Result<()> {
        let (measured, spent, events, baseline) = self.load("sale", Requests::sale).await?;
        let commands = rate(measured.answered, measured.took);
        self.set("sale_ratio", commands / baseline);
        self.set("sale_events_ratio", rate(events, measured.took) / baseline);
        self.set("sale_rate", commands);
        self.set("sale_p50_ms", measured.latencies.quantile_ms(0.5));
        self.set("sale_p99_ms", measured.latencies.quantile_ms(0.99));
        self.set("sale_product_us", spent.product);
        self.set("sale_postgres_us", spent.postgres);
        self.set("sale_nats_us", spent.nats);
        self.set("sale_load_us", spent.load);
        Ok(())
    }

    /// A stretch of HTTP load between two baselines: what it did, what it cost until everybody had followed, events that
    /// it made, the baselines' mean.
    async fn load(&mut self, name: &str, write: Write) -> anyhow::Result<(Measured, PerCommand, u64, f64)> {
        let bench = self.bench;
        bench.product.settle().await?;
        let requests = bench.shop.requests().await?;
        let before = self.before(CONNECTIONS).await?;
        let head = bench.product.head().await?;
        let spent_before = Spent::now();
        let load = Load {
            address: bench.product.address,
            connections: CONNECTIONS,
            until: Until::After(bench.sizes.stretch),
            numbers: Arc::clone(&bench.numbers),
            write: Arc::new(move |number, out| write(&requests, number, out)),
        };
        let (pid, name) = (bench.product.pid()?, format!("{name}-{}", self.number));
        let work = async {
            tokio::select! {
                measured = load.run() => measured,
                never = self.watch_memory(pid) => Err(never),
            }
        };
        let measured = bench.profile.around(&name, work).await?;
        let events = bench.product.head().await? - head;
        bench.product.settle().await?;
        let spent = PerCommand::of(&Spent::now(), &spent_before, measured.answered);
        let after = self.after(CONNECTIONS).await?;
        Ok((measured, spent, events, f64::midpoint(before, after)))
    }

    /// Notes the highest memory until it is dropped; ends only with an error.
    async fn watch_memory(&mut self, pid: u32) -> anyhow::Error {
        loop {
            let now = match rss_mib(pid) {
                Ok(now) => now,
                Err(error) => return error,
            };
            let highest = self.figures.entry("rss_load_mib").or_insert(now);
            *highest = highest.max(now);
            tokio::time::sleep(MEMORY_EVERY).await;
        }
    }

    async fn projector(&mut self) -> anyhow::Result<()> {
        let bench = self.bench;
        let name = format!("bench_projector_{}", self.number);
        let url = bench.product.database(&name, Some(bench.sales_database)).await?;
        let work = projector_rate::measure(&url);
        let followed = bench
            .profile
            .around(&format!("projector-{}", self.number), work)
            .await?;
        bench.product.drop_database(&name).await?;
        self.set("projector_ratio", followed.ratio());
        self.set("projector_rate", followed.projector);
        self.set("projector_scan_rate", followed.scan);
        self.last = None;
        Ok(())
    }

    async fn rebuild(&mut self) -> anyhow::Result<()> {
        let bench = self.bench;
        bench.product.settle().await?;
        let work = rebuild::measure(&bench.product, &bench.binary);
        let rebuilt = bench
            .profile
            .around(&format!("rebuild-{}", self.number), work)
            .await?;
        self.set("rebuild_ratio", rebuilt.followed.ratio());
        self.set("rebuild_rate", rebuilt.followed.projector);
        self.set("rebuild_scan_rate", rebuilt.followed.scan);
        self.set("rebuild_whole_s", rebuilt.whole_s);
        self.last = None;
        Ok(())
    }

    async fn deliveries(&mut self) -> anyhow::Result<()> {
        let bench = self.bench;
        let (product, shop, number) = (&bench.product, &bench.shop, self.number);
        let name = format!("backlog-{number}");
        let length = bench.sizes.deliveries;
        let backlog = Backlog::build(product, shop, &bench.receiver, &name, length, &bench.numbers).await?;
        let spent_before = Spent::now();
        let work = backlog.drain();
        let delivered = bench
            .profile
            .around(&format!("deliveries-{number}"), work)
            .await?;
        let spent = PerCommand::of(&Spent::now(), &spent_before, u64::from(length));
        let single = backlog.single(bench.sizes.webhooks, number).await?;
        backlog.end().await?;
        self.set("deliveries_ratio", delivered.ratio());
        self.set("deliveries_rate", delivered.rate);
        self.set("deliveries_bare_rate", delivered.bare);
        self.set("deliveries_product_us", spent.product);
        self.set("deliveries_postgres_us", spent.postgres);
        self.set("webhook_p50_ms", single.quantile_ms(0.5));
        self.set("webhook_p99_ms", single.quantile_ms(0.99));
        self.last = None;
        Ok(())
    }
}
