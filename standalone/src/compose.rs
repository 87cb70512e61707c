//! Wires the services of one process: pools, vault, engine, projector, relay, dispatcher, and one gateway for all.
//!
//! Each service is started as in its own process; they share pools, the vault and the wake-up of the log's head.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, BusOptions};
use command_service::engine::{Engine, EngineOptions, inbox, snapshots};
use command_service::http::Http;
use dispatcher::{DeliveryReads, Dispatcher, DispatcherOptions};
use event_store::{PostgresReader, PostgresWriter, WriterOptions};
use platform::auth::{PasswordCosts, PasswordHasher, TokenIssuer, TokenSettings};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::db::{self, DbRole, Migration};
use platform::http::health::{self, Checks};
use platform::http::{CursorKey, Gateway, GuardSettings, Route, ServerLimits, openapi, serve};
use platform::outbound::Outbound;
use platform::tasks::{OnEnd, Tasks};
use platform::vault::{Kek, Vault};
use poem_openapi::OpenApi;
use projector::relay::{Relay, RelayOptions};
use projector::{Projector, ProjectorHandle, ProjectorOptions};
use query_service::{Progress, QueryService};
use sqlx::PgPool;
use tokio::sync::watch;

use crate::ports::Ports;
use crate::servers::Servers;
use crate::tenant::Address;

/// What runs, as far as the command line needs it.
pub struct Running {
    pub engine: Engine,
    pub vault: Vault,
    pub hasher: PasswordHasher,
    /// Key of the demo passwords.
    pub demo_key: [u8; 32],
    pub base_url: String,
    pub metrics_url: String,
    /// Ready only once the demo is complete.
    pub seeded: watch::Sender<bool>,
}

/// Every step of the schema, in the order that modules need each other.
fn migrations() -> Vec<Migration> {
    let log = event_store::MIGRATIONS.iter().map(|(version, sql)| Migration { module: "log", version: *version, sql });
    log.chain(platform::vault::MIGRATIONS.iter().copied())
        .chain([snapshots::MIGRATION, inbox::MIGRATION])
        .chain(projector::migrations().iter().copied())
        .chain([projector::relay::MIGRATION])
        .chain(dispatcher::MIGRATIONS.iter().copied())
        .collect()
}

/// Every row of every service.
fn routes() -> Vec<Route> {
    [command_service::routes::ROUTES, query_service::ROUTES, dispatcher::ROUTES].concat()
}

fn document() -> anyhow::Result<serde_json::Value> {
    let specs = [
        command_service::routes::spec()?,
        described(QueryService::operations)?,
        described(DeliveryReads::operations)?,
    ];
    Ok(openapi::document(&specs, &routes())?)
}

/// The description of what a service's constructor of operations gives, without a service.
fn described<S, T: OpenApi>(_operations: impl Fn(&S) -> T) -> Result<serde_json::Value, openapi::DocumentError> {
    openapi::spec_of::<T>()
}

/// Prints the merged OpenAPI document; needs nothing that runs.
#[expect(clippy::print_stdout, reason = "the answer of a command line")]
pub fn print_openapi() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&document()?)?);
    Ok(())
}

pub async fn start(
    data: &Path,
    config: &Config,
    servers: &Servers,
    tasks: &Tasks,
    ports: Ports,
) -> anyhow::Result<Running> {
    platform::crypto::install_default_provider();
    let clock: SharedClock = Arc::new(SystemClock);
    let kek = match (&config.keys.kek_file, &config.keys.kek) {
        (None, None) => Kek::load_or_create(&data.join("keys").join("kek"))?,
        _ => Kek::from_config(&config.keys)?,
    };
    let keys = DerivedKeys::of(&kek);
    db::migrate(&servers.owner_url, &migrations()).await.context("the schema cannot be brought up to date")?;
    let engine_pool = db::pool(&servers.engine_url, DbRole::Engine, config.database.engine_connections).await?;
    let api_pool = db::pool(&servers.api_url, DbRole::Api, config.database.api_connections).await?;
    let vault = Vault::open(engine_pool.clone(), kek);

    let engine = start_engine(config, servers, tasks, &engine_pool, &clock).await?;
    let reader = PostgresReader::new(engine_pool.clone());
    let bus = Bus::connect(&servers.nats_url, BusOptions { window: config.relay.window, ..BusOptions::default() }).await?;
    let projector = start_projector(config, tasks, &engine_pool, &clock, engine.head());
    Relay::start(tasks, reader.clone(), engine_pool.clone(), bus.clone(), RelayOptions::default(), engine.head());
    Dispatcher::start(
        tasks,
        reader,
        engine_pool.clone(),
        bus,
        vault.clone(),
        Outbound::new(&config.outbound, Arc::clone(&clock))?,
        Arc::clone(&clock),
        DispatcherOptions::from(&config.dispatcher),
    )
    .await?;

    let hasher = PasswordHasher::new(PasswordCosts::of(&config.auth))?;
    let token_keys = platform::auth::signing_keys(&vault).await?;
    let issuer = Arc::new(TokenIssuer::new(TokenSettings::of(&config.auth), token_keys, Arc::clone(&clock))?);
    let http = Http::new(
        Arc::new(engine.clone()),
        Arc::new(vault.clone()),
        Arc::clone(&issuer),
        hasher.clone(),
        Arc::clone(&clock),
    );
    let progress = Progress::InProcess(projector.position.clone());
    let query = QueryService::new(api_pool.clone(), vault.clone(), CursorKey::new(keys.cursors), progress);
    let deliveries = DeliveryReads::new(api_pool, CursorKey::new(keys.cursors));
    let (seeded, seeded_seen) = watch::channel(false);
    let checks = checks(&engine, &projector, &engine_pool, seeded_seen);
    let gateway = Gateway::new(
        vec![
            command_service::routes::service(Arc::new(http))?,
            query.service(),
            deliveries.service(),
            health::service(checks, &document()?),
        ],
        Arc::new(issuer.verifier()?),
        GuardSettings::of(&config.http, keys.fingerprints),
    )
    .map_err(anyhow::Error::msg)?;

    let base_url = config.http.public_base_url.clone().map_or_else(|| ports.api_url(), Ok)?;
    let metrics_url = ports.metrics_url()?;
    write_address(data, &base_url, &metrics_url, &servers.owner_url)?;
    listen(config, tasks, ports, gateway)?;
    Ok(Running { engine, vault, hasher, demo_key: keys.demo, base_url, metrics_url, seeded })
}

/// Keys for other uses than encryption; all processes with the same key-encryption key have the same.
struct DerivedKeys {
    fingerprints: [u8; 32],
    cursors: [u8; 32],
    demo: [u8; 32],
}

impl DerivedKeys {
    fn of(kek: &Kek) -> Self {
        Self {
            fingerprints: kek.derive("request fingerprints"),
            cursors: kek.derive("list cursors"),
            demo: kek.derive("demo passwords"),
        }
    }
}

async fn start_engine(
    config: &Config,
    servers: &Servers,
    tasks: &Tasks,
    engine_pool: &PgPool,
    clock: &SharedClock,
) -> anyhow::Result<Engine> {
    let writer = PostgresWriter::connect(
        &servers.engine_url,
        WriterOptions {
            allow_unsafe_durability: config.trial.allow_unsafe_durability,
            ..WriterOptions::default()
        },
    )
    .await
    .context("the log cannot be owned")?;
    let options = EngineOptions {
        queue_per_tenant: config.engine.queue_per_tenant,
        queue_total: config.engine.queue_total,
        batch_max: config.engine.batch_max,
        cache_bytes: config.engine.cache_mib << 20,
        streams_per_command_max: config.engine.max_streams_per_command,
        snapshot_every: i64::from(config.engine.snapshot_every),
        ..EngineOptions::default()
    };
    let reader = PostgresReader::new(engine_pool.clone());
    let snapshots = snapshots::Snapshots::new(engine_pool.clone());
    let engine = Engine::start(tasks, reader, writer, Some(snapshots), Arc::clone(clock), options);
    inbox::start(tasks, engine.clone(), engine_pool.clone());
    command_service::purge::start(tasks, engine_pool.clone(), Arc::clone(clock));
    Ok(engine)
}

fn start_projector(
    config: &Config,
    tasks: &Tasks,
    engine_pool: &PgPool,
    clock: &SharedClock,
    head: watch::Receiver<schemas::Position>,
) -> ProjectorHandle {
    let options = ProjectorOptions {
        batch: config.projector.batch,
        poll: (
            Duration::from_millis(config.projector.poll_min_ms),
            Duration::from_millis(config.projector.poll_max_ms),
        ),
        clock: Arc::clone(clock),
    };
    Projector::start(tasks, PostgresReader::new(engine_pool.clone()), engine_pool.clone(), options, head)
}

/// Ready means: owns the log, answers from the database, and the demo is there if it was asked for. How far the read
/// models lag is a metric, not a matter of readiness.
fn checks(
    engine: &Engine,
    projector: &ProjectorHandle,
    pool: &PgPool,
    seeded: watch::Receiver<bool>,
) -> Checks {
    let (engine, pool, position) = (engine.clone(), pool.clone(), projector.position.clone());
    Checks::new()
        .with("log", move || {
            let ready = engine.is_ready();
            async move { if ready { Ok(()) } else { Err("the lease of the log is not held".to_owned()) } }
        })
        .with("database", move || {
            let pool = pool.clone();
            async move {
                let answer = sqlx::query("select 1").execute(&pool).await;
                answer.map(|_| ()).map_err(|_| "the database does not answer".to_owned())
            }
        })
        .with("read_models", move || {
            let runs = position.has_changed().is_ok();
            async move { if runs { Ok(()) } else { Err("the projector ended".to_owned()) } }
        })
        .with("setup", move || {
            let done = *seeded.borrow();
            async move { if done { Ok(()) } else { Err("the demo is being set up".to_owned()) } }
        })
}

fn listen(config: &Config, tasks: &Tasks, ports: Ports, gateway: Gateway) -> anyhow::Result<()> {
    let limits = ServerLimits::of(&config.http);
    let api = tokio::net::TcpListener::from_std(ports.api)?;
    let metrics = tokio::net::TcpListener::from_std(ports.metrics)?;
    let (gateway, api_limits, stop) = (Arc::new(gateway), limits.clone(), tasks.stop_token());
    tasks.spawn("api", OnEnd::Fatal, async move { Ok(serve(api, gateway, api_limits, stop).await?) });
    let (limits, stop) = (ServerLimits { max_connections: 64, ..limits }, tasks.stop_token());
    let page = Arc::new(health::metrics_app());
    tasks.spawn("metrics page", OnEnd::Fatal, async move { Ok(serve(metrics, page, limits, stop).await?) });
    Ok(())
}

/// Where this process can be reached, for the command line; holds the database's URL, hence its owner's alone.
fn write_address(data: &Path, base_url: &str, metrics_url: &str, database_url: &str) -> anyhow::Result<()> {
    let address = Address {
        base_url: base_url.to_owned(),
        metrics_url: metrics_url.to_owned(),
        database_url: database_url.to_owned(),
    };
    crate::private_file::write_json(&data.join(Address::FILE), &address)
}
