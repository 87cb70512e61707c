//! What can be done to a running product: the cards that a run deals, and what each does.
//!
//! Not here: when a card is dealt, and how recovery is noticed (`killer`).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rustix::process::Signal;

use super::failpoints::{self, Failpoint};
use super::fleet::processes::{self, Processes};
use super::fleet::{Fleet, Member, Service};

/// A halted process is halted for so long; the longest outlasts every lease.
const HALT_MS: std::ops::Range<u64> = 300..9_000;
/// A halted server stops everybody, so it is shorter.
const SERVER_HALT_MS: std::ops::Range<u64> = 200..3_000;
/// A killed process may be kept down for up to this long, so that a standby has to work.
const DOWN_MS: std::ops::Range<u64> = 0..6_000;

/// Who is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    Standalone,
    /// The command-service that owns the log.
    CommandService,
    /// The one that does not.
    Standby,
    Projector,
    Dispatcher,
    QueryService,
    /// The postmaster.
    Postgres,
    /// One backend, which makes the postmaster start all of them again.
    PostgresBackend,
    Nats,
    /// Deleted while its server is down.
    JetstreamStore,
}

impl Target {
    /// As the report names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Target::Standalone => "standalone",
            Target::CommandService => "command-service",
            Target::Standby => "standby",
            Target::Projector => "projector",
            Target::Dispatcher => "dispatcher",
            Target::QueryService => "query-service",
            Target::Postgres => "postgres",
            Target::PostgresBackend => "postgres-backend",
            Target::Nats => "nats",
            Target::JetstreamStore => "jetstream-store",
        }
    }

    fn is_server(self) -> bool {
        use Target::{JetstreamStore, Nats, Postgres, PostgresBackend};
        matches!(self, Postgres | PostgresBackend | Nats | JetstreamStore)
    }

    /// Whose supervisor counts the death.
    pub(super) fn supervised_as(self) -> Option<&'static str> {
        match self {
            Target::Postgres | Target::PostgresBackend => Some("postgres"),
            Target::Nats | Target::JetstreamStore => Some("nats-server"),
            _ => None,
        }
    }

    fn service(self) -> Option<Service> {
        match self {
            Target::Standalone => Some(Service::Standalone),
            Target::CommandService | Target::Standby => Some(Service::Commands),
            Target::Projector => Some(Service::Projector),
            Target::Dispatcher => Some(Service::Dispatcher),
            Target::QueryService => Some(Service::Queries),
            Target::Postgres | Target::PostgresBackend | Target::Nats | Target::JetstreamStore => None,
        }
    }
}

/// How it is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Kill,
    /// Stopped, and let go on after a while.
    Halt,
    /// Asked to stop in order.
    Term,
}

impl How {
    pub(super) fn name(self) -> &'static str {
        match self {
            How::Kill => "kill",
            How::Halt => "stop-and-continue",
            How::Term => "term",
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Card {
    Hit(Target, How),
    Failpoint(Failpoint),
    /// Postgres is killed with acknowledged work that it has not written (a control).
    Unwritten,
}

/// Every card of a layout.
fn cards(is_standalone: bool) -> Vec<Card> {
    use How::{Halt, Kill, Term};
    use Target::{
        CommandService, Dispatcher, JetstreamStore, Nats, Postgres, PostgresBackend, Projector, QueryService,
        Standalone, Standby,
    };
    let mut services: Vec<(Target, &[How])> = vec![
        (CommandService, &[Kill, Kill, Halt, Term]),
        (Standby, &[Kill, Halt, Term]),
        (Projector, &[Kill, Halt, Term]),
        (Dispatcher, &[Kill, Halt, Term]),
        (QueryService, &[Kill, Halt, Term]),
    ];
    if is_standalone {
        services = vec![(Standalone, &[Kill, Kill, Kill, Kill, Halt, Term])];
    }
    let servers: [(Target, &[How]); 4] = [
        (Postgres, &[Kill, Kill, Halt, Term]),
        (PostgresBackend, &[Kill, Term]),
        (Nats, &[Kill, Halt, Term]),
        (JetstreamStore, &[Kill]),
    ];
    services
        .into_iter()
        .chain(servers)
        .flat_map(|(target, hows)| hows.iter().map(move |how| Card::Hit(target, *how)))
        .collect()
}

/// Deals so many cards: failpoints first among the rest, each before any of them comes twice.
pub(super) fn deal(
    is_standalone: bool,
    failpoints: &[Failpoint],
    count: usize,
    random: &mut StdRng,
) -> Vec<Card> {
    let mut dealt = Vec::new();
    let mut places: Vec<Card> = Vec::new();
    let mut hits: Vec<Card> = Vec::new();
    while dealt.len() < count {
        if hits.is_empty() {
            hits = cards(is_standalone);
            hits.shuffle(random);
            // However short the run, the process that matters most is killed.
            let first = if is_standalone {
                Target::Standalone
            } else {
                Target::CommandService
            };
            hits.push(Card::Hit(first, How::Kill));
            places = failpoints.iter().copied().map(Card::Failpoint).collect();
            places.shuffle(random);
        }
        // Every other card is a failpoint as long as there are any, so that a short run has them all, too.
        if dealt.len() % 2 == 1 {
            dealt.extend(places.pop());
        }
        dealt.extend(hits.pop());
    }
    dealt.truncate(count);
    dealt
}

/// What a blow hit.
#[derive(Debug)]
pub(super) struct Struck {
    pub member: String,
    pub pids: Vec<u32>,
    /// How long it was halted.
    pub halted: Option<Duration>,
}

/// Hits a target once. None while it is not there to be hit.
pub(super) async fn strike(
    fleet: &Fleet,
    target: Target,
    how: How,
    random: &mut StdRng,
) -> anyhow::Result<Option<Struck>> {
    match target.service() {
        Some(_) => strike_member(fleet, target, how, random).await,
        None => strike_server(fleet, target, how, random).await,
    }
}

async fn strike_member(
    fleet: &Fleet,
    target: Target,
    how: How,
    random: &mut StdRng,
) -> anyhow::Result<Option<Struck>> {
    let Some(member) = choose(fleet, target, random).await else {
        return Ok(None);
    };
    // A service that has nobody to stand in for it comes back at once.
    let has_deputy = fleet.of(member.program.service).len() > 1;
    let down = Duration::from_millis(if has_deputy {
        random.random_range(DOWN_MS)
    } else {
        0
    });
    let mut halted = None;
    let pid = match how {
        How::Kill => member.kill(down),
        How::Term => member.terminate(down),
        How::Halt => {
            let halt = Duration::from_millis(random.random_range(HALT_MS));
            let Some(pid) = member.halt() else { return Ok(None) };
            tokio::time::sleep(halt).await;
            member.resume(pid);
            halted = Some(halt);
            Some(pid)
        }
    };
    Ok(pid.map(|pid| Struck {
        member: member.name().to_owned(),
        pids: vec![pid],
        halted,
    }))
}

async fn choose(fleet: &Fleet, target: Target, random: &mut StdRng) -> Option<Arc<Member>> {
    let members = fleet.of(target.service()?);
    match target {
        Target::CommandService => fleet.owner().await,
        Target::Standby => {
            let owner = fleet.owner().await?;
            members.into_iter().find(|member| !Arc::ptr_eq(member, &owner))
        }
        _ => {
            let place = random.random_range(0..members.len().max(1));
            members.get(place).cloned()
        }
    }
}

async fn strike_server(
    fleet: &Fleet,
    target: Target,
    how: How,
    random: &mut StdRng,
) -> anyhow::Result<Option<Struck>> {
    let command = target.supervised_as().context("not a server")?;
    let Some(server) = fleet.server(command) else {
        return Ok(None);
    };
    let mut halted = None;
    let mut pids = vec![server];
    match (target, how) {
        (Target::PostgresBackend, how) => {
            let Some(backend) = pick(&Processes::now().backends(server), random) else {
                return Ok(None);
            };
            pids = vec![backend];
            let signal = if how == How::Term {
                Signal::TERM
            } else {
                Signal::KILL
            };
            processes::send_all(&pids, signal);
        }
        (Target::JetstreamStore, _) => {
            // Halted, it writes no more; killed, it finds nothing when it comes back.
            processes::send_all(&pids, Signal::STOP);
            let removed = std::fs::remove_dir_all(fleet.jetstream());
            processes::send_all(&pids, Signal::KILL);
            removed.with_context(|| format!("cannot remove {}", fleet.jetstream().display()))?;
        }
        (_, How::Kill) => processes::send_all(&pids, Signal::KILL),
        // Postgres' orderly stop that does not wait for its clients.
        (Target::Postgres, How::Term) => processes::send_all(&pids, Signal::INT),
        (_, How::Term) => processes::send_all(&pids, Signal::TERM),
        (_, How::Halt) => {
            pids = Processes::now().tree(server);
            let halt = Duration::from_millis(random.random_range(SERVER_HALT_MS));
            processes::send_all(&pids, Signal::STOP);
            tokio::time::sleep(halt).await;
            processes::send_all(&pids, Signal::CONT);
            halted = Some(halt);
        }
    }
    debug_assert!(target.is_server());
    fleet.members.iter().for_each(|member| member.disturb());
    Ok(Some(Struck {
        member: command.to_owned(),
        pids,
        halted,
    }))
}

/// The running Postgres, whose writers of log and pages are halted: what it acknowledges from now on without waiting
/// for them is in its memory alone. None while it is not there.
pub(super) fn halt_writers(fleet: &Fleet) -> Option<Vec<u32>> {
    let postmaster = fleet.server(Target::Postgres.supervised_as()?)?;
    let writers = Processes::now().writers(postmaster);
    if writers.is_empty() {
        return None;
    }
    processes::send_all(&writers, Signal::STOP);
    Some(std::iter::once(postmaster).chain(writers).collect())
}

/// Kills it. Its writers, too: halted ones would outlive it, and keep its memory from its successor.
pub(super) fn kill_unwritten(fleet: &Fleet, pids: Vec<u32>) -> Struck {
    processes::send_all(&pids, Signal::KILL);
    fleet.members.iter().for_each(|member| member.disturb());
    Struck {
        member: "postgres".to_owned(),
        pids,
        halted: None,
    }
}

fn pick(pids: &[u32], random: &mut impl Rng) -> Option<u32> {
    let place = random.random_range(0..pids.len().max(1));
    pids.get(place).copied()
}

/// Ends the members that can reach a place, and starts them so that they die there. Answers whom.
pub(super) fn arm(fleet: &Fleet, place: Failpoint, random: &mut StdRng) -> Vec<Arc<Member>> {
    let able: Vec<Arc<Member>> = fleet
        .members
        .iter()
        .filter(|member| place.is_in(member.program.service))
        .cloned()
        .collect();
    let longest = if place.name == failpoints::REBUILD_SWITCH {
        0
    } else {
        20
    };
    for member in &able {
        member.arm(Some(failpoints::after(place, random.random_range(0..=longest))));
        member.kill(Duration::ZERO);
    }
    able
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_short_run_has_every_failpoint_and_a_long_one_every_card() {
        let mut random = StdRng::seed_from_u64(1);
        let places = failpoints::ALL;
        let short = deal(true, &places, 12, &mut random);
        assert_eq!(short[0], Card::Hit(Target::Standalone, How::Kill));
        for place in places {
            assert!(short.contains(&Card::Failpoint(place)), "{place:?}");
        }
        let long = deal(false, &places, 100, &mut random);
        assert_eq!(long.len(), 100);
        for card in cards(false) {
            assert!(long.contains(&card), "{card:?}");
        }
    }
}
