//! Deals the cards while the load runs: hits, waits for recovery (or does not), and journals each blow.
//!
//! Recovery is what a client sees: after a blow a new command is accepted, and a read shows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::time::Instant;

use super::blows::{self, Card, How, Struck, Target};
use super::failpoints::{self, Failpoint};
use super::fleet::{Fleet, Member};
use super::load::Progress;
use super::rebuild::Rebuild;
use super::world::World;
use crate::api;
use crate::clock::{self, Deadline};
use crate::journal::Journal;

/// How long a target may be absent, and a recovery may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// A failpoint that nobody reaches while commands are sent is a mistake of ours.
const PLACE_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A supervisor rightly gives up a server that dies five times within two seconds of being ready, so each gets time to
/// be counted as steady before it is hit again.
const STEADY: Duration = Duration::from_millis(3_500);
/// This share of blows is followed by the next at once, in the middle of the recovery.
const HASTE_PERCENT: u32 = 15;
/// Commands that are acknowledged while Postgres' writers are halted.
const UNWRITTEN_PROBES: usize = 3;

/// A line of the journal.
#[derive(Debug, Serialize)]
struct Line<'a> {
    number: usize,
    #[serde(with = "time::serde::rfc3339")]
    at: time::OffsetDateTime,
    target: &'a str,
    how: &'a str,
    member: String,
    pids: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halted_ms: Option<u128>,
    /// Commands answered before.
    answered: u64,
    /// From the end of the blow to the next accepted command; absent when the next blow did not wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    writes_again_ms: Option<u128>,
    /// … and to a read that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reads_again_ms: Option<u128>,
}

/// What the blows did.
#[derive(Debug, Default)]
pub(super) struct Killed {
    pub by_target: BTreeMap<&'static str, u64>,
    pub by_signal: BTreeMap<&'static str, u64>,
    /// The longest times to recovery, by target.
    pub writes_again_ms: BTreeMap<&'static str, u128>,
    pub reads_again_ms: BTreeMap<&'static str, u128>,
}

impl Killed {
    pub(super) fn total(&self) -> u64 {
        self.by_target.values().sum()
    }
}

pub(super) struct Killer<'a> {
    pub seed: u64,
    pub cards: Vec<Card>,
    /// Of the whole load.
    pub commands: u64,
    /// Per second.
    pub rate: f64,
    pub worlds: &'a [World],
    pub acks: &'a Journal,
    pub journal: &'a Journal,
    pub progress: &'a Progress,
}

/// When each server was last seen to die, by its command.
type Deaths = BTreeMap<&'static str, Instant>;

impl Killer<'_> {
    /// Commands that may be sent before the blow with this number (from 0) is over.
    pub(super) fn allowance(commands: u64, blows: usize, number: usize) -> u64 {
        let (blows, number) = (
            u64::try_from(blows).unwrap_or(u64::MAX),
            u64::try_from(number).unwrap_or(u64::MAX),
        );
        commands * (number + 1) / (blows + 1)
    }

    /// Deals all cards, and counts in `killed` also when it is cut short.
    ///
    /// # Errors
    /// When the product does not recover, or a failpoint is not reached.
    pub(super) async fn run(&self, fleet: &mut Fleet, killed: &mut Killed) -> anyhow::Result<()> {
        let mut random = StdRng::seed_from_u64(self.seed ^ 0x6b69_6c6c);
        let mut deaths = Deaths::new();
        let blows = self.cards.len();
        for (number, card) in self.cards.iter().enumerate() {
            let allowed = Self::allowance(self.commands, blows, number);
            self.progress.allow(allowed);
            // Somewhere in the commands of this share, not right after an answer.
            let share =
                f64::from(u32::try_from(self.commands / (u64::try_from(blows)? + 1)).unwrap_or(u32::MAX));
            let moment = share / self.rate.max(1.0) * random.random_range(0.0..1.0);
            tokio::time::sleep(Duration::from_secs_f64(moment.min(30.0))).await;
            let line = match card {
                Card::Hit(target, how) => {
                    self.hit(fleet, *target, *how, &mut deaths, killed, &mut random)
                        .await
                }
                Card::Failpoint(place) => self.fall(fleet, *place, number, killed, &mut random).await,
                Card::Unwritten => self.forget(fleet, number, &mut deaths, killed).await,
            };
            let mut line = line.with_context(|| format!("blow {} of {blows}, {card:?}", number + 1))?;
            line.number = number + 1;
            let is_hasty = random.random_ratio(HASTE_PERCENT, 100) && number + 1 < blows;
            if !is_hasty {
                let (writes, reads) = self.recovery(fleet, number).await?;
                note(&mut killed.writes_again_ms, card_name(card), writes);
                note(&mut killed.reads_again_ms, card_name(card), reads);
                line.writes_again_ms = Some(writes);
                line.reads_again_ms = Some(reads);
            }
            self.journal.write(&line).await?;
            super::say(&format!(
                "blow {} of {blows}: {} {} ({} {:?}) after {} answers; writes again after {:?} ms",
                line.number,
                line.how,
                line.target,
                line.member,
                line.pids,
                line.answered,
                line.writes_again_ms
            ));
        }
        self.progress.allow(self.commands);
        Ok(())
    }

    /// Kills Postgres after it has acknowledged commands that it cannot have written.
    async fn forget<'l>(
        &self,
        fleet: &mut Fleet,
        number: usize,
        deaths: &mut Deaths,
        killed: &mut Killed,
    ) -> anyhow::Result<Line<'l>> {
        let name = Target::Postgres.name();
        if let Some(last) = deaths.get(name) {
            tokio::time::sleep_until(*last + STEADY).await;
        }
        let deadline = Deadline::after(PATIENCE);
        let pids = loop {
            fleet.check()?;
            if let Some(pids) = blows::halt_writers(fleet) {
                break pids;
            }
            anyhow::ensure!(deadline.pause(LOOK_EVERY).await, "{name} is not there to be hit");
        };
        for probe in 0..UNWRITTEN_PROBES {
            self.probe(&format!("{number}-unwritten-{probe}")).await?;
        }
        let struck = blows::kill_unwritten(fleet, pids);
        deaths.insert(name, Instant::now());
        *killed.by_target.entry(name).or_default() += 1;
        *killed.by_signal.entry(How::Kill.name()).or_default() += 1;
        Ok(line(name, How::Kill.name(), struck, self.progress.answered()))
    }

    async fn hit<'l>(
        &self,
        fleet: &mut Fleet,
        target: Target,
        how: How,
        deaths: &mut Deaths,
        killed: &mut Killed,
        random: &mut StdRng,
    ) -> anyhow::Result<Line<'l>> {
        if let Some(last) = target.supervised_as().and_then(|server| deaths.get(server)) {
            tokio::time::sleep_until(*last + STEADY).await;
        }
        let deadline = Deadline::after(PATIENCE);
        let answered = self.progress.answered();
        let struck = loop {
            fleet.check()?;
            if let Some(struck) = blows::strike(fleet, target, how, random).await? {
                break struck;
            }
            anyhow::ensure!(
                deadline.pause(LOOK_EVERY).await,
                "{} is not there to be hit",
                target.name()
            );
        };
        // The standalone takes its servers with it; they start anew and unburdened.
        if let Some(server) = target.supervised_as() {
            deaths.insert(server, Instant::now());
        }
        *killed.by_target.entry(target.name()).or_default() += 1;
        *killed.by_signal.entry(how.name()).or_default() += 1;
        Ok(line(target.name(), how.name(), struck, answered))
    }

    /// Lets members die at a place, while commands are sent that lead there.
    async fn fall<'l>(
        &self,
        fleet: &mut Fleet,
        place: Failpoint,
        number: usize,
        killed: &mut Killed,
        random: &mut StdRng,
    ) -> anyhow::Result<Line<'l>> {
        let visits = |members: &[Arc<Member>]| -> usize {
            members
                .iter()
                .flat_map(|member| member.places())
                .filter(|name| name == place.name)
                .count()
        };
        let answered = self.progress.answered();
        let before = visits(&fleet.members);
        let able = blows::arm(fleet, place, random);
        let rebuild = (place.name == failpoints::REBUILD_SWITCH).then(|| Rebuild::of(fleet));
        if let Some(rebuild) = &rebuild {
            rebuild.ask().await?;
        }
        let deadline = Deadline::after(PLACE_PATIENCE);
        let mut probes = 0;
        while visits(&able) == before {
            fleet.check()?;
            anyhow::ensure!(!deadline.has_passed(), "{} was not reached", place.name);
            self.probe(&format!("{number}-at-{}-{probes}", place.name))
                .await?;
            probes += 1;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if let Some(rebuild) = rebuild {
            rebuild.finish().await?;
        }
        *killed.by_target.entry(place.name).or_default() += 1;
        *killed.by_signal.entry("failpoint").or_default() += 1;
        let member = able.first().map(|member| member.name().to_owned());
        let struck = Struck {
            member: member.unwrap_or_default(),
            pids: Vec::new(),
            halted: None,
        };
        Ok(line(place.name, "failpoint", struck, answered))
    }

    /// How long, in milliseconds, until a new command is accepted, and until a read shows it.
    async fn recovery(&self, fleet: &mut Fleet, number: usize) -> anyhow::Result<(u128, u128)> {
        let started = Instant::now();
        let position = tokio::time::timeout(PATIENCE, self.probe(&format!("{number}-after")))
            .await
            .context("no command is accepted any more")??;
        let writes = started.elapsed().as_millis();
        let world = self.worlds.first().context("there is no tenant")?;
        let read = api::tenant().at_least(position);
        tokio::time::timeout(PATIENCE, world.client.accepted(&read))
            .await
            .context("no read catches up any more")??;
        fleet.check()?;
        Ok((writes, started.elapsed().as_millis()))
    }

    async fn probe(&self, name: &str) -> anyhow::Result<i64> {
        let world = self.worlds.first().context("there is no tenant")?;
        world
            .probe(format!("torture-{:x}-probe-{name}", self.seed), self.acks)
            .await
    }
}

fn card_name(card: &Card) -> &'static str {
    match card {
        Card::Hit(target, _) => target.name(),
        Card::Failpoint(place) => place.name,
        Card::Unwritten => Target::Postgres.name(),
    }
}

fn note(longest: &mut BTreeMap<&'static str, u128>, name: &'static str, figure: u128) {
    let entry = longest.entry(name).or_default();
    *entry = figure.max(*entry);
}

fn line<'l>(target: &'l str, how: &'l str, struck: Struck, answered: u64) -> Line<'l> {
    Line {
        number: 0,
        at: clock::now(),
        target,
        how,
        member: struck.member,
        pids: struck.pids,
        halted_ms: struck.halted.map(|halted| halted.as_millis()),
        answered,
        writes_again_ms: None,
        reads_again_ms: None,
    }
}
