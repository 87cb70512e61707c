//! `lateness`: reservations with short expiry while the process is killed every so often: how late are they resolved?
//!
//! The log tells: from the moment that a reservation was to expire to the recording of its expiry. Nobody asks for an
//! expiry; a process of the product must notice it, again after each death.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::fleet::{Cause, Fleet, Member, Plan, Service};
use super::load::percentile;
use super::world::{self, STORE, World};
use super::{binary, say, work_folder};
use crate::api;
use crate::clock::Deadline;
use crate::journal::{self, Durability, Journal};
use crate::receiver::{self, Receiver};
use crate::verify::{self, Evidence};

const TENANT: &str = "telefonia-teg";
/// Reservations live from one second to this, so that expiries fall all over the run and the deaths in it.
const LONGEST_LIFE_S: i64 = 15;
/// Beyond the last expiry; what is not resolved by then counts as never.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The promise, at the 99th of a hundred.
const BOUND_MS: u32 = 30_000;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many goods are reserved, evenly over the time.
    #[arg(long, default_value_t = 600)]
    reservations: u32,
    /// For so long, in seconds.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// The process is killed whenever so many seconds have passed.
    #[arg(long, default_value_t = 20)]
    kill_every: u64,
    /// Work here (the folder must be new) and keep it; by default a temporary folder, removed when all is well.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long)]
    seed: Option<u64>,
    /// The standalone's binary; by default the one beside this.
    #[arg(long, env = "TRASTIENDA_BIN")]
    binary: Option<PathBuf>,
    /// NATS's binary, when the product does not find it by itself.
    #[arg(long, env = "TRASTIENDA_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

/// Reserves, kills, measures. True when everything expired, and in time.
///
/// # Errors
/// When the product does not come up, or the bench itself fails.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let started = Instant::now();
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    let folder = work_folder("late", arguments.data.as_deref(), seed)?;
    say(&format!("seed {seed}, working in {}", folder.display()));
    let receiver = Receiver::start(receiver::Options::default()).await?;
    let plan = Plan {
        binary: binary(arguments.binary.clone())?,
        nats_server: arguments.nats_server.clone(),
        folder: folder.clone(),
        receiver_port: receiver.address().port(),
        tenants: Vec::new(),
        processes: Vec::new(),
        env: Vec::new(),
    };
    let mut fleet = Fleet::standalone(&plan).await?;
    let (acks, written) = Journal::open(&folder.join("acks.jsonl"), Durability::Synced)?;
    let worlds = world::build(&fleet, &[TENANT], seed, &receiver, &acks).await?;
    let world = worlds.first().context("there is no tenant")?;
    let standalone = fleet.of(Service::Standalone).pop().context("nothing runs")?;
    let is_over = tokio_util::sync::CancellationToken::new();
    let reserving = async {
        let reserved = reserve_all(world, &acks, &arguments, seed).await;
        is_over.cancel();
        reserved
    };
    let killing = kill_every(&standalone, Duration::from_secs(arguments.kill_every), &is_over);
    let (reserved, kills) = tokio::join!(reserving, killing);
    let reserved = reserved?;
    fleet.wait_until_ready().await?;
    let late = wait_for_expiries(&fleet.database_url, reserved).await?;
    world
        .wait_until_delivered(&receiver, Deadline::after(PATIENCE), LOOK_EVERY)
        .await?;
    drop(acks);
    written.finish().await?;
    receiver.stop().await?;
    let evidence = Evidence {
        database_url: fleet.database_url.clone(),
        acks: journal::read(&folder.join("acks.jsonl"))?,
        logs: Some(folder.clone()),
        ..Evidence::default()
    };
    let verdict = verify::check(&evidence).await?;
    let exits = fleet.exits();
    let unexpected = exits
        .iter()
        .filter(|exit| exit.cause == Cause::Unexplained)
        .collect::<Vec<_>>();
    fleet.stop().await?;
    verdict.print_table();
    let p99 = percentile(&late, 99);
    let expired = u32::try_from(late.len())?;
    let ok = expired == reserved && kills > 0 && p99 <= BOUND_MS && verdict.ok() && unexpected.is_empty();
    if ok && arguments.data.is_none() {
        std::fs::remove_dir_all(&folder)?;
    } else {
        say(&format!("kept: {}", folder.display()));
    }
    let line = json!({
        "reservations": reserved,
        "expired": expired,
        "kills": kills,
        "p50_late_ms": percentile(&late, 50),
        "p99_late_ms": p99,
        "max_late_ms": percentile(&late, 100),
        "lost": verdict.errors_of("lost") + verdict.counted("acks_without_events"),
        "doubled": verdict.errors_of("doubled"),
        "errors": verdict.errors().iter().take(20).collect::<Vec<_>>(),
        "unexpected_exits": unexpected.len(),
        "unexpected": unexpected,
        "seed": seed,
        "seconds": started.elapsed().as_secs(),
        "ok": ok,
    });
    say(&serde_json::to_string(&line)?);
    Ok(ok)
}

/// One after the other at an even pace; a reservation that waits for a dead process delays those behind it.
async fn reserve_all(world: &World, acks: &Journal, arguments: &Arguments, seed: u64) -> anyhow::Result<u32> {
    let mut random = StdRng::seed_from_u64(seed);
    let pace = Duration::from_secs(arguments.seconds) / arguments.reservations.max(1);
    let mut due = tokio::time::Instant::now();
    for number in 0..arguments.reservations {
        tokio::time::sleep_until(due).await;
        due += pace;
        let id = format!("late-{number}");
        let life_s = random.random_range(1..=LONGEST_LIFE_S);
        let reserve = api::reserve(STORE, &id, &world::sku(0), 1, life_s);
        world
            .must(reserve.keyed(format!("torture-{seed:x}-{id}")), acks)
            .await?;
    }
    Ok(arguments.reservations)
}

/// Answers how often it was killed.
async fn kill_every(member: &Member, pause: Duration, is_over: &tokio_util::sync::CancellationToken) -> u32 {
    let mut kills = 0;
    loop {
        tokio::select! {
            () = is_over.cancelled() => return kills,
            () = tokio::time::sleep(pause) => kills += u32::from(member.kill(Duration::ZERO).is_some()),
        }
    }
}

/// How late each was, in ascending order of milliseconds; those that never expired are left out.
async fn wait_for_expiries(database_url: &str, reserved: u32) -> anyhow::Result<Vec<u32>> {
    let deadline = Deadline::after(PATIENCE + Duration::from_secs(LONGEST_LIFE_S.unsigned_abs()));
    let mut owner = PgConnection::connect(database_url).await?;
    loop {
        let late_ms: Vec<i64> = sqlx::query_scalar(
            "select (extract(epoch from e.recorded_at - (c.data->>'expires_at')::timestamptz) * 1000)::bigint
             from events c join events e on e.tenant = c.tenant and e.stream = c.stream
               and e.type = 'inventory.reservation_expired'
             where c.type = 'inventory.reservation_created' and c.stream like 'reservation/late-%' order by 1",
        )
        .fetch_all(&mut owner)
        .await
        .context("cannot read the expiries")?;
        if late_ms.len() >= usize::try_from(reserved)? || !deadline.pause(LOOK_EVERY).await {
            owner.close().await?;
            anyhow::ensure!(
                late_ms.first().is_none_or(|first| *first >= 0),
                "a reservation expired before its time"
            );
            return late_ms.into_iter().map(|ms| Ok(u32::try_from(ms)?)).collect();
        }
    }
}
