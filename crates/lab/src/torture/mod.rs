//! `torture`: the standalone under load while it and its servers are killed at random; then the checker.
//!
//! Clients journal every answer on disk before they count it, and repeat what got no answer under the same key. At the
//! end everything that was answered must be there, once, and every webhook must have come. The seed decides the load
//! and the victims; what the machine does in between is chance.

mod load;
mod standalone;
mod victims;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use self::load::{Counters, Load};
use self::standalone::{Program, Standalone};
use self::victims::Victim;
use self::world::World;
use crate::api;
use crate::clock::Deadline;
use crate::journal::{self, Durability, Journal};
use crate::receiver::{self, Receiver};
use crate::verify::{self, Evidence, Verdict};

/// Tenants that the load is spread over.
const TENANTS: &[&str] = &["telefonia-teg", "libreria-scl"];
/// After the load: everything must be delivered by then.
const QUIET_PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A load that the rules mostly refuse tests nothing.
const MIN_ACCEPTED_PERCENT: u64 = 50;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How often something is killed.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// How many commands are sent.
    #[arg(long, default_value_t = 5_000)]
    commands: u64,
    /// Work here (the folder must be new) and keep it; by default a temporary folder, removed when all is well.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Decides the load and the victims; drawn and printed when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// Commands that arrive in a second, whether or not earlier ones are answered.
    #[arg(long, default_value_t = 250.0)]
    rate: f64,
    /// Unanswered commands at which arrivals wait.
    #[arg(long, default_value_t = 64)]
    workers: usize,
    /// The product's binary; by default the one beside this.
    #[arg(long, env = "TRASTIENDA_BIN")]
    binary: Option<PathBuf>,
    /// NATS's binary, when the product does not find it by itself.
    #[arg(long, env = "TRASTIENDA_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

/// Tortures and judges. True when nothing was lost, doubled or missed.
///
/// # Errors
/// When the standalone does not come up, or the bench itself fails.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    let folder = work_folder(arguments.data.as_deref(), seed)?;
    say(&format!("seed {seed}, working in {}", folder.display()));
    let torture = Torture {
        seed,
        binary: binary(arguments.binary.clone())?,
        folder: folder.clone(),
        arguments,
    };
    let ok = torture.run().await?;
    if ok && torture.arguments.data.is_none() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    } else {
        say(&format!("kept: {}", folder.display()));
    }
    Ok(ok)
}

fn binary(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("trastienda"),
    };
    anyhow::ensure!(
        path.is_file(),
        "{} is not there: build the standalone, or set TRASTIENDA_BIN",
        path.display()
    );
    Ok(path)
}

fn work_folder(given: Option<&Path>, seed: u64) -> anyhow::Result<PathBuf> {
    // Short: the path of a Unix socket inside has a limit of about a hundred bytes.
    let folder = given.map_or_else(
        || std::env::temp_dir().join(format!("torture-{seed:x}")),
        Path::to_owned,
    );
    let is_new = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    anyhow::ensure!(is_new, "{} is not empty", folder.display());
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

struct Torture {
    seed: u64,
    binary: PathBuf,
    folder: PathBuf,
    arguments: Arguments,
}

/// What the kills did.
#[derive(Debug, Default)]
struct Killed {
    standalone: u32,
    postgres: u32,
    nats: u32,
    /// The standalone ended although it was not the victim.
    exits: u32,
}

impl Killed {
    fn total(&self) -> u32 {
        self.standalone + self.postgres + self.nats
    }
}

impl Torture {
    async fn run(&self) -> anyhow::Result<bool> {
        let started = Instant::now();
        let receiver = Receiver::start(receiver::Options {
            journal: Some(self.folder.join("receipts.jsonl")),
            ..receiver::Options::default()
        })
        .await?;
        let program = Program {
            binary: self.binary.clone(),
            nats_server: self.arguments.nats_server.clone(),
            receiver_port: receiver.address().port(),
        };
        let mut standalone = Standalone::start(program, &self.folder).await?;
        let (acks, writing) = Journal::open(&self.folder.join("acks.jsonl"), Durability::Synced)?;
        let demo = standalone.demo()?;
        let worlds = world::build(&demo, TENANTS, self.seed, &receiver, &acks).await?;

        let counters = Arc::new(Counters::default());
        let load = Load {
            seed: self.seed,
            commands: self.arguments.commands,
            rate: self.arguments.rate,
            workers: self.arguments.workers,
            worlds: &worlds,
            acks: &acks,
            counters: Arc::clone(&counters),
        };
        let ((), killed) = tokio::try_join!(load.run(), self.kill(&mut standalone, &counters))?;
        standalone.revive().await?;
        say("the load is over: waiting for webhooks and read models");
        self.wait_for_quiet(&worlds, &receiver).await?;
        drop(load);
        drop(acks);
        writing.finish().await?;

        let received: i64 = worlds
            .iter()
            .map(|world| receiver.summary(&world.hook).received)
            .sum();
        receiver.stop().await?;
        let evidence = Evidence {
            database_url: standalone
                .demo()?
                .database_url
                .context("demo.json names no database_url")?,
            acks: journal::read(&self.folder.join("acks.jsonl"))?,
            receipts: journal::read(&self.folder.join("receipts.jsonl"))?,
            logs: Some(self.folder.clone()),
        };
        let verdict = verify::check(&evidence).await?;
        standalone.stop().await?;
        self.judge(&evidence, &verdict, &killed, received, started)
    }

    /// Kills at random moments, spread over the load, and waits for recovery after each.
    async fn kill(&self, standalone: &mut Standalone, counters: &Counters) -> anyhow::Result<Killed> {
        let mut random = StdRng::seed_from_u64(self.seed ^ 0x6b69_6c6c);
        let mut moments: Vec<u64> = (0..self.arguments.kills)
            .map(|_| random.random_range(0..=self.arguments.commands * 19 / 20))
            .collect();
        moments.sort_unstable();
        let mut killed = Killed::default();
        for (number, moment) in (1..).zip(moments) {
            while counters.answered() < moment && !counters.is_over() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            // Not always right after an answer.
            tokio::time::sleep(Duration::from_millis(random.random_range(0..150))).await;
            let victim = Victim::ALL[random.random_range(0..Victim::ALL.len())];
            let pid = standalone.kill(victim).await?;
            match victim {
                Victim::Standalone => killed.standalone += 1,
                Victim::Postgres => killed.postgres += 1,
                Victim::Nats => killed.nats += 1,
            }
            let restarted = standalone.revive().await?;
            killed.exits += u32::from(restarted && victim != Victim::Standalone);
            say(&format!(
                "kill {number} of {}: {victim:?} (pid {pid}) after {} answers; ready again",
                self.arguments.kills,
                counters.answered()
            ));
        }
        Ok(killed)
    }

    async fn wait_for_quiet(&self, worlds: &[World], receiver: &Receiver) -> anyhow::Result<()> {
        let deadline = Deadline::after(QUIET_PATIENCE);
        for world in worlds {
            let position = world.last_position();
            world.client.accepted(&api::tenant().at_least(position)).await?;
            loop {
                // In this order: once the last event has come all are matched.
                let received = receiver.summary(&world.hook);
                let statistics: api::EndpointStatistics = world
                    .client
                    .read(&api::endpoint_statistics(&world.endpoint_id))
                    .await?;
                let is_quiet = statistics.delivered == statistics.matched
                    && received.received >= statistics.matched
                    && received.highest_position >= position;
                if is_quiet || !deadline.pause(LOOK_EVERY).await {
                    break;
                }
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        evidence: &Evidence,
        verdict: &Verdict,
        killed: &Killed,
        received: i64,
        started: Instant,
    ) -> anyhow::Result<bool> {
        verdict.print_table();
        let accepted = verdict.counted("acks_accepted").unsigned_abs();
        let acked = u64::try_from(evidence.acks.len())?;
        // Every command of the load changes something, so an accepted one without events lost them.
        let lost = verdict.errors_of("lost") + verdict.counted("acks_without_events");
        let expected = verdict.counted("deliveries_expected");
        let missing = (expected - received)
            .max(verdict.errors_of("webhooks_missing"))
            .max(0);
        let is_meaningful = accepted * 100 >= acked * MIN_ACCEPTED_PERCENT;
        if !is_meaningful {
            say("most of the load was refused: this shows nothing");
        }
        let ok = verdict.ok()
            && lost == 0
            && missing == 0
            && is_meaningful
            && killed.total() == self.arguments.kills
            && verdict.counted("deliveries_open") == 0;
        let line = json!({
            "acked": acked,
            "accepted": accepted,
            "refused": verdict.counted("acks_refused"),
            "lost": lost,
            "doubled": verdict.errors_of("doubled"),
            "webhooks_expected": expected,
            "webhooks_received": received,
            "webhooks_missing": missing,
            "kills": killed.total(),
            "kills_standalone": killed.standalone,
            "kills_postgres": killed.postgres,
            "kills_nats": killed.nats,
            "unexpected_exits": killed.exits,
            "events": verdict.counted("events"),
            "errors": verdict.errors().iter().take(20).collect::<Vec<_>>(),
            "seed": self.seed,
            "seconds": started.elapsed().as_secs(),
            "ok": ok,
        });
        say(&serde_json::to_string(&line)?);
        Ok(ok)
    }
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}
