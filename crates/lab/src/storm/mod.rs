//! `storm`: each idempotency key is sent several times at once, by clients with tokens of their own, while the owner of
//! the log dies again and again between the commit and its answers, and a standby takes over. Exactly one effect per
//! key, and the same answer for every copy.
//!
//! `keys` sends, this file starts, kills and judges. Not here: other faults than this one (`torture`).

mod keys;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use self::keys::{Keys, Told};
use crate::api;
use crate::client::{self, Client};
use crate::journal::{self, Durability, Journal};
use crate::torture::failpoints::{self, ENGINE_ANSWER};
use crate::torture::fleet::{Cause, Fleet, Member, Plan, Service, TenantPlan};
use crate::torture::{binary, say, work_folder};
use crate::verify::{self, Evidence};

const TENANT: TenantPlan = TenantPlan {
    id: "storm",
    currency: "HNL",
    time_zone: "America/Tegucigalpa",
};
/// What can tell the checker that everything has settled, and nothing more.
const PROCESSES: [(Service, u8); 4] = [
    (Service::Commands, 1),
    (Service::Commands, 2),
    (Service::Projector, 1),
    (Service::Dispatcher, 1),
];
const STORE: &str = "storm";
const SKUS: usize = 16;
/// A life ends at one of its first so many batches.
const LIFE_BATCHES: u32 = 3;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longer than any recovery.
const CALL_PATIENCE: Duration = Duration::from_secs(240);
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Different idempotency keys.
    #[arg(long, default_value_t = 10_000)]
    keys: usize,
    /// How often each is sent at once.
    #[arg(long, default_value_t = 5)]
    copies: usize,
    /// How often the owner of the log dies between commit and answer.
    #[arg(long, default_value_t = 500)]
    kills: usize,
    /// Keys under way at the same time.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Work here (the folder must be new) and keep it; by default a temporary folder, removed when all is well.
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long)]
    seed: Option<u64>,
    /// The standalone's binary, with the services' beside it; by default the one beside this.
    #[arg(long, env = "TRASTIENDA_BIN")]
    binary: Option<PathBuf>,
    /// NATS's binary.
    #[arg(long, env = "TRASTIENDA_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

/// Storms and judges. True when every key had exactly one effect and one answer.
///
/// # Errors
/// When the services do not come up, or the bench itself fails.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    let folder = work_folder("storm", arguments.data.as_deref(), seed)?;
    say(&format!("seed {seed}, working in {}", folder.display()));
    let binary = binary(arguments.binary.clone())?;
    failpoints::require(&binary.with_file_name("command-service"))?;
    let plan = Plan {
        binary,
        nats_server: arguments.nats_server.clone(),
        folder: folder.clone(),
        // No endpoint is created, so nothing is sent.
        receiver_port: 9,
        tenants: vec![TENANT],
        processes: PROCESSES.to_vec(),
        env: Vec::new(),
    };
    let storm = Storm {
        arguments,
        seed,
        folder,
    };
    let ok = storm.run(&plan).await?;
    if ok && storm.arguments.data.is_none() {
        std::fs::remove_dir_all(&storm.folder)?;
    }
    Ok(ok)
}

struct Storm {
    arguments: Arguments,
    seed: u64,
    folder: PathBuf,
}

impl Storm {
    async fn run(&self, plan: &Plan) -> anyhow::Result<bool> {
        let started = Instant::now();
        let mut fleet = Fleet::services(plan).await?;
        let (acks, written) = Journal::open(&self.folder.join("acks.jsonl"), Durability::Synced)?;
        let clients = self.clients(&fleet)?;
        furnish(clients.first().context("no copies")?, self.seed).await?;
        let keys = Keys {
            prefix: self.prefix(),
            keys: self.arguments.keys,
            at_once: self.arguments.at_once,
            kills: self.arguments.kills,
            tenant: TENANT.id,
            store: STORE,
            skus: SKUS,
            clients: &clients,
            acks: &acks,
        };
        let engines = fleet.of(Service::Commands);
        let told = tokio::select! {
            told = keys.storm(|| deaths(&engines)) => told?,
            failed = self.kill(&engines, &mut fleet) => return failed.map(|never| match never {}),
        };
        let killed = deaths(&engines);
        engines.iter().for_each(|member| member.arm(None));
        say(&format!("{killed} kills; now each key once more"));
        let again = keys.again(&told.answers).await?;
        drop(acks);
        written.finish().await?;
        let effects = self.effects(&fleet.database_url).await?;
        let evidence = Evidence {
            database_url: fleet.database_url.clone(),
            acks: journal::read(&self.folder.join("acks.jsonl"))?,
            logs: Some(self.folder.clone()),
            ..Evidence::default()
        };
        let verdict = verify::check(&evidence).await?;
        let exits = fleet.exits();
        fleet.stop().await?;
        verdict.print_table();
        self.judge(
            &Outcome {
                told,
                again,
                killed,
                effects,
                exits: exits
                    .into_iter()
                    .filter(|exit| exit.cause == Cause::Unexplained)
                    .collect(),
                verdict,
            },
            started,
        )
    }

    fn prefix(&self) -> String {
        format!("storm-{:x}", self.seed)
    }

    /// One for each copy, so that every copy comes with a token of its own.
    fn clients(&self, fleet: &Fleet) -> anyhow::Result<Vec<Client>> {
        let clients = (0..self.arguments.copies.max(1)).map(|_| {
            Client::new(client::Options {
                base_url: fleet.demo.base_url.clone(),
                tenant: TENANT.id.to_owned(),
                user: fleet.demo.tenant(TENANT.id)?.user("admin")?.clone(),
                reason: "storm".to_owned(),
                patience: CALL_PATIENCE,
                token_file: None,
            })?
            .routed(fleet.routes.clone())
            .hasty(REQUEST_PATIENCE, LONGEST_PAUSE)
        });
        clients.collect()
    }

    /// Lets both command-services die between commit and answer, life after life, until there were enough deaths.
    async fn kill(
        &self,
        engines: &[Arc<Member>],
        fleet: &mut Fleet,
    ) -> anyhow::Result<std::convert::Infallible> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut life = || failpoints::after_passes(ENGINE_ANSWER, random.random_range(0..LIFE_BATCHES));
        for member in engines {
            member.arm(Some(life()));
            member.kill(Duration::ZERO);
        }
        loop {
            fleet.check()?;
            let wants_more = deaths(engines) < self.arguments.kills;
            for member in engines {
                match (wants_more, member.is_armed()) {
                    (true, false) => member.arm(Some(life())),
                    (false, true) => member.arm(None),
                    (true, true) | (false, false) => {}
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Events of the storm's commands, and how many commands have any.
    async fn effects(&self, database_url: &str) -> anyhow::Result<(i64, i64)> {
        let mut owner = PgConnection::connect(database_url).await?;
        let effects = sqlx::query_as(
            "select count(*), count(distinct meta->>'command_id') from events
             where type = 'inventory.adjusted' and starts_with(meta->>'command_id', $1)",
        )
        .bind(format!("{}-key-", self.prefix()))
        .fetch_one(&mut owner)
        .await?;
        owner.close().await?;
        Ok(effects)
    }

    fn judge(&self, outcome: &Outcome, started: Instant) -> anyhow::Result<bool> {
        let keys = i64::try_from(self.arguments.keys)?;
        let (events, commands) = outcome.effects;
        let (lost, doubled) = (keys - commands, events - commands);
        let differing = outcome.told.differing + outcome.again.differing;
        let ok = lost == 0
            && doubled == 0
            && differing == 0
            && outcome.again.fresh == 0
            && outcome.killed >= self.arguments.kills
            && outcome.exits.is_empty()
            && outcome.verdict.ok();
        let line = json!({
            "keys": self.arguments.keys,
            "copies": self.arguments.copies,
            "answers": outcome.told.answered,
            "replayed": outcome.told.replayed,
            "kills": outcome.killed,
            "effects": events,
            "lost": lost,
            "doubled": doubled + outcome.verdict.errors_of("doubled"),
            "differing": differing,
            "answered_anew": outcome.again.fresh,
            "longest_ms": outcome.told.longest.as_millis(),
            "unexpected_exits": outcome.exits.len(),
            "unexpected": outcome.exits.iter().take(10).collect::<Vec<_>>(),
            "errors": outcome.verdict.errors().iter().take(20).collect::<Vec<_>>(),
            "seed": self.seed,
            "seconds": started.elapsed().as_secs(),
            "ok": ok,
        });
        if !ok || self.arguments.data.is_some() {
            say(&format!("kept: {}", shown(&self.folder)));
        }
        say(&serde_json::to_string(&line)?);
        Ok(ok)
    }
}

struct Outcome {
    told: Told,
    again: keys::Again,
    killed: usize,
    effects: (i64, i64),
    exits: Vec<crate::torture::fleet::Exit>,
    verdict: verify::Verdict,
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// How often the engines died where they should.
fn deaths(engines: &[Arc<Member>]) -> usize {
    engines
        .iter()
        .flat_map(|member| member.places())
        .filter(|place| place == ENGINE_ANSWER)
        .count()
}

/// A store, and items with stock.
async fn furnish(client: &Client, seed: u64) -> anyhow::Result<()> {
    let key = |name: &str| format!("storm-{seed:x}-{name}");
    client
        .accepted(&api::open_store(STORE, "Storm").keyed(key("store")))
        .await?;
    for number in 0..SKUS {
        let sku = keys::sku(number);
        let create = api::create_item(&sku, &sku, "counted", 100).keyed(key(&format!("item-{number}")));
        client.accepted(&create).await?;
        let receive =
            api::receive_stock(STORE, "storm", &[(&sku, 1_000)]).keyed(key(&format!("stock-{number}")));
        client.accepted(&receive).await?;
    }
    Ok(())
}
