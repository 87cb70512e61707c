//! One layout's run: start, load, blows, quiet, check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::control::Control;
use super::fleet::{Exit, Fleet, Plan, TenantPlan};
use super::killer::{Killed, Killer};
use super::load::{Load, Progress};
use super::report::Findings;
use super::world::{self, World};
use super::{blows, failpoints, fleet, say};
use crate::clock::Deadline;
use crate::journal::{self, Durability, Journal};
use crate::observer::Observer;
use crate::receiver::{self, Receiver};
use crate::verify::{self, Evidence};

/// Tenants that the load is spread over.
const TENANTS: [TenantPlan; 2] = [
    TenantPlan {
        id: "telefonia-teg",
        currency: "HNL",
        time_zone: "America/Tegucigalpa",
    },
    TenantPlan {
        id: "libreria-scl",
        currency: "CLP",
        time_zone: "America/Santiago",
    },
];
/// After the load: everything must be delivered by then.
const QUIET_PATIENCE: Duration = Duration::from_secs(300);
/// A damaged product never gets quiet.
const CONTROL_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A run with fewer blows need not have had every failpoint.
const LONG_RUN: usize = 10;

/// What one layout is to go through.
pub(super) struct Round {
    pub layout: &'static str,
    pub folder: PathBuf,
    pub binary: PathBuf,
    pub nats_server: Option<PathBuf>,
    pub seed: u64,
    pub kills: usize,
    pub commands: u64,
    pub rate: f64,
    pub workers: usize,
    pub control: Option<Control>,
    /// Whether the product knows failpoints.
    pub with_failpoints: bool,
}

impl Round {
    fn is_standalone(&self) -> bool {
        self.layout == "standalone"
    }

    /// Runs it. What goes wrong with the product is in the findings.
    ///
    /// # Errors
    /// When the product does not come up at all, or the bench itself fails.
    pub(super) async fn run(&self) -> anyhow::Result<Findings> {
        let started = Instant::now();
        std::fs::create_dir_all(&self.folder)?;
        let receiver = Receiver::start(receiver::Options {
            journal: Some(self.folder.join("receipts.jsonl")),
            ..receiver::Options::default()
        })
        .await?;
        let plan = Plan {
            binary: self.binary.clone(),
            nats_server: self.nats_server.clone(),
            folder: self.folder.clone(),
            receiver_port: receiver.address().port(),
            tenants: TENANTS.to_vec(),
            processes: fleet::WHOLE.to_vec(),
            env: self.control.map(Control::settings).unwrap_or_default(),
        };
        let mut fleet = if self.is_standalone() {
            Fleet::standalone(&plan).await?
        } else {
            Fleet::services(&plan).await?
        };
        let database_url = fleet.database_url.clone();
        let observer = Observer::start(&database_url, &self.folder.join("observed.jsonl"))?;
        let mut findings = Findings {
            layout: self.layout,
            kills_wanted: self.deck_size(),
            wants_failpoints: self.with_failpoints && self.kills >= LONG_RUN && self.control.is_none(),
            ..Findings::default()
        };
        if let Err(error) = self.work(&mut fleet, &receiver, &mut findings).await {
            say(&format!("the run was cut short: {error:#}"));
            findings.failure = Some(format!("{error:#}"));
        }
        if let Err(error) = observer.finish().await {
            findings.failure.get_or_insert(format!("{error:#}"));
        }
        findings.exits = fleet.exits();
        keep_exits(&self.folder.join("exits.jsonl"), &findings.exits)?;
        for place in fleet.members.iter().flat_map(|member| member.places()) {
            *findings.failpoints.entry(place).or_default() += 1;
        }
        receiver.stop().await?;
        self.check(&database_url, &mut findings).await;
        if let Err(error) = fleet.stop().await {
            findings.failure.get_or_insert(format!("{error:#}"));
        }
        findings.seconds = started.elapsed().as_secs();
        Ok(findings)
    }

    fn deck_size(&self) -> u64 {
        let cards = self
            .control
            .map_or(self.kills, |control| control.cards(self.kills).len());
        u64::try_from(cards).unwrap_or(u64::MAX)
    }

    /// From the furnishing of the tenants until everything is delivered.
    async fn work(
        &self,
        fleet: &mut Fleet,
        receiver: &Receiver,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let (acks, acks_written) = Journal::open(&self.folder.join("acks.jsonl"), Durability::Synced)?;
        let (blows, blows_written) = Journal::open(&self.folder.join("kills.jsonl"), Durability::Synced)?;
        let ids = TENANTS.map(|tenant| tenant.id);
        let worlds = world::build(fleet, &ids, self.seed, receiver, &acks).await?;
        if let Some(control) = self.control {
            control.prepare(&fleet.database_url).await?;
        }
        let outcome = self.load_and_kill(fleet, &worlds, &acks, &blows, findings).await;
        // A run that is cut short may leave somebody halted.
        fleet.resume_all();
        // Blows at the very end may have left somebody down.
        let ready = fleet.wait_until_ready().await;
        if let (Some(control), Some(world), Ok(_)) = (self.control, worlds.first(), &outcome) {
            control.after(&fleet.database_url, world, &acks).await?;
        }
        say("the load is over: waiting for webhooks and read models");
        let quiet = self.wait_for_quiet(&worlds, receiver).await;
        findings.received = worlds
            .iter()
            .map(|world| receiver.summary(&world.hook).received)
            .sum();
        drop((acks, blows));
        acks_written.finish().await?;
        blows_written.finish().await?;
        outcome?;
        ready?;
        // A damaged product may never get quiet; the checker says what is wrong with it.
        if self.control.is_none() {
            quiet?;
        }
        Ok(())
    }

    async fn load_and_kill(
        &self,
        fleet: &mut Fleet,
        worlds: &[World],
        acks: &Journal,
        blows: &Journal,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let mut random = StdRng::seed_from_u64(self.seed ^ 0x6361_7264);
        let places: &[failpoints::Failpoint] = if self.with_failpoints {
            &failpoints::ALL
        } else {
            &[]
        };
        let cards = self.control.map_or_else(
            || blows::deal(self.is_standalone(), places, self.kills, &mut random),
            |control| control.cards(self.kills),
        );
        let progress = Progress::new(Killer::allowance(self.commands, cards.len(), 0));
        let load = Load {
            seed: self.seed,
            commands: self.commands,
            rate: self.rate,
            workers: self.workers,
            worlds,
            acks,
            progress: &progress,
        };
        let killer = Killer {
            seed: self.seed,
            cards,
            commands: self.commands,
            rate: self.rate,
            worlds,
            acks,
            journal: blows,
            progress: &progress,
        };
        let database_url = fleet.database_url.clone();
        let damage = async {
            match self.control {
                Some(control) => control.during(&database_url).await,
                None => Ok(()),
            }
        };
        let mut killed = Killed::default();
        let outcome = tokio::try_join!(load.run(), killer.run(fleet, &mut killed), damage);
        findings.killed = killed;
        findings.latencies_ms = progress.latencies_ms();
        outcome.map(|_| ())
    }

    async fn wait_for_quiet(&self, worlds: &[World], receiver: &Receiver) -> anyhow::Result<()> {
        let patience = if self.control.is_some() {
            CONTROL_PATIENCE
        } else {
            QUIET_PATIENCE
        };
        let deadline = Deadline::after(patience);
        let quiet = async {
            for world in worlds {
                world.wait_until_delivered(receiver, deadline, LOOK_EVERY).await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(patience, quiet)
            .await
            .context("read models and webhooks do not catch up")?
    }

    /// Lets the checker speak; its own failure is a finding, too.
    async fn check(&self, database_url: &str, findings: &mut Findings) {
        let outcome = async {
            let evidence = Evidence {
                database_url: database_url.to_owned(),
                acks: journal::read(&self.folder.join("acks.jsonl"))?,
                receipts: journal::read(&self.folder.join("receipts.jsonl"))?,
                observed: journal::read(&self.folder.join("observed.jsonl"))?,
                logs: Some(self.folder.clone()),
            };
            findings.acked = u64::try_from(evidence.acks.len())?;
            findings.verdict = verify::check(&evidence).await?;
            anyhow::Ok(())
        };
        match outcome.await {
            Ok(()) => findings.verdict.print_table(),
            Err(error) => {
                let failure = format!("the checker failed: {error:#}");
                findings.failure.get_or_insert(failure);
            }
        }
    }
}

/// Every end of every process, for whoever reads the folder afterwards.
fn keep_exits(path: &Path, exits: &[Exit]) -> anyhow::Result<()> {
    let mut text = String::new();
    for exit in exits {
        text.push_str(&serde_json::to_string(exit)?);
        text.push('\n');
    }
    Ok(std::fs::write(path, text)?)
}

/// For the report: what each blow and failpoint came to, as text for people.
pub(super) fn table(findings: &Findings) -> Vec<String> {
    let figures: BTreeMap<&str, u64> = findings
        .killed
        .by_target
        .iter()
        .map(|(name, count)| (*name, *count))
        .collect();
    figures
        .into_iter()
        .map(|(name, count)| {
            let again = findings.killed.writes_again_ms.get(name);
            let again = again.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
            format!(
                "{:<12} {name:<20} {count:>5} blows, writes again after at most {again}",
                findings.layout
            )
        })
        .collect()
}
