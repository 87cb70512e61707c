//! Wires the services of one process: pools, vault, engine, projector, relay, dispatcher, and one gateway for all.
//!
//! Each service is started as in its own process; they share pools, the vault and the wake-up of the log's head.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, BusOptions};
use command_service::engine::Engine;
use command_service::imports;
use command_service::routes::KeyDesk;
use command_service::start::WriteSide;
use dispatcher::{DeliveryReads, Dispatcher, DispatcherOptions, Feed};
use event_store::{PostgresReader, Tailed};
use platform::auth::{ApiKeySecrets, IntegrationTokens, PasswordHasher, document_keys};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::db::{self, Migration};
use platform::http::health::{self, Checks};
use platform::http::{CursorKey, Gateway, Route, examples, openapi};
use platform::outbound::Outbound;
use platform::process::{self, Connected};
use platform::tasks::Tasks;
use platform::vault::{Kek, Vault};
use poem_openapi::OpenApi;
use projector::relay::{Relay, RelayOptions};
use projector::{Projector, ProjectorHandle, ProjectorOptions};
use query_service::{Progress, QueryService, Receipts};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::following::Following;
use crate::ports::Ports;
use crate::servers::Servers;
use crate::tenant::Address;

/// What runs, as far as the command line needs it.
pub struct Running {
    pub engine: Engine,
    pub vault: Vault,
    pub hasher: PasswordHasher,
    /// Key of the demo passwords and tokens.
    pub demo_key: [u8; 32],
    pub integration_tokens: IntegrationTokens,
    /// Where keys of external systems are made and noted.
    pub key_desk: KeyDesk,
    pub base_url: String,
    pub metrics_url: String,
    /// Ready only once the demo is complete.
    pub seeded: watch::Sender<bool>,
}

/// Every step of the schema, in the order that modules need each other.
fn migrations() -> Vec<Migration> {
    let write_side = command_service::start::migrations();
    [
        write_side.as_slice(),
        platform::vault::MIGRATIONS,
        projector::migrations(),
        dispatcher::MIGRATIONS,
    ]
    .concat()
}

/// Every row of every service.
fn routes() -> Vec<Route> {
    [
        command_service::routes::ROUTES,
        command_service::imports::ROUTES,
        query_service::ROUTES,
        dispatcher::ROUTES,
        dispatcher::feed::ROUTES,
    ]
    .concat()
}

/// Calls that were made, for the API's document: one file of each service.
const EXAMPLES: [&str; 3] = [
    include_str!("../../docs/examples/command-service.json"),
    include_str!("../../docs/examples/query-service.json"),
    include_str!("../../docs/examples/dispatcher.json"),
];

fn document() -> anyhow::Result<serde_json::Value> {
    let specs = [
        command_service::routes::spec()?,
        command_service::imports::spec()?,
        described(QueryService::operations)?,
        described(DeliveryReads::operations)?,
        described(Feed::operations)?,
    ];
    let mut document = openapi::document(&specs, &routes())?;
    examples::add(&mut document, &EXAMPLES)?;
    Ok(document)
}

/// The description of what a service's constructor of operations gives, without a service.
fn described<S, T: OpenApi>(
    _operations: impl Fn(&S) -> T,
) -> Result<serde_json::Value, openapi::DocumentError> {
    openapi::spec_of::<T>()
}

/// Prints the merged OpenAPI document; needs nothing that runs.
#[expect(clippy::print_stdout, reason = "the answer of a command line")]
pub fn print_openapi() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&document()?)?);
    Ok(())
}

/// Prints the AsyncAPI document; needs nothing that runs.
#[expect(clippy::print_stdout, reason = "the answer of a command line")]
pub fn print_asyncapi() -> anyhow::Result<()> {
    println!(
        "{}",
        serde_json::to_string_pretty(&dispatcher::catalogue::asyncapi())?
    );
    Ok(())
}

/// Brings the schema up to date, wires every service in this process in the order in which they need each other, and
/// returns once it owns the log and listens.
///
/// # Errors
/// A schema, database, NATS or key file that cannot be used; a log that another process keeps for 15 seconds. What was
/// started by then ends with `tasks`.
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
    let migrated = db::migrate(&servers.owner_url, &migrations()).await;
    migrated.context("the schema cannot be brought up to date")?;
    let connected = Connected::with_urls(config, servers.engine_url.clone(), &servers.api_url, kek).await?;
    let (pool, vault) = (connected.engine_pool.clone(), connected.vault.clone());
    let write_side = WriteSide::start(config, tasks, &connected, Arc::clone(&clock)).await?;
    let engine = write_side.engine.clone();
    own_the_log(&engine, tasks).await?;
    let reader = Tailed::new(PostgresReader::new(pool.clone()), write_side.tail.clone());
    let bus_options = BusOptions {
        window: config.relay.window,
        ..BusOptions::default()
    };
    let bus = Bus::connect(&servers.nats_url, bus_options).await?;
    let options = ProjectorOptions::of(&config.projector, Arc::clone(&clock));
    let projector = Projector::start(tasks, reader.clone(), pool.clone(), options, engine.head());
    Relay::start(
        tasks,
        reader.clone(),
        pool.clone(),
        bus.clone(),
        RelayOptions::default(),
        engine.head(),
    );
    let outbound = Outbound::new(&config.outbound, Arc::clone(&clock))?;
    // The private database is this process's alone: its folder is locked.
    let is_only_instance = config.database_url.is_none();
    let options = DispatcherOptions {
        is_only_instance,
        head: Some(engine.head()),
        ..DispatcherOptions::from(&config.dispatcher)
    };
    let dispatcher = Dispatcher::start(
        tasks,
        reader.clone(),
        pool,
        bus,
        vault.clone(),
        outbound,
        Arc::clone(&clock),
        options,
    )
    .await?;

    let cursors = || CursorKey::new(connected.keys.cursors);
    let api_pool = connected.api_pool.clone();
    let progress = Progress::InProcess(projector.position.clone());
    let base_url = config
        .http
        .public_base_url
        .clone()
        .map_or_else(|| ports.api_url(), Ok)?;
    let receipts = Receipts {
        keys: document_keys(&vault).await?,
        base_url: base_url.clone(),
    };
    let query = QueryService::new(api_pool.clone(), vault.clone(), cursors(), progress, receipts)
        .with_features(platform::http::Features::of(&config.enable));
    let deliveries = DeliveryReads::new(api_pool.clone(), cursors());
    let tokens = IntegrationTokens::new(connected.keys.integration_tokens);
    let feed = Feed::new(
        &dispatcher,
        reader,
        (connected.engine_pool.clone(), api_pool),
        tokens.clone(),
        cursors(),
        Arc::clone(&clock),
    );
    let (seeded, seeded_seen) = watch::channel(false);
    let checks = checks(&connected, &engine, &projector, seeded_seen);
    let document = document()?;
    let services = vec![
        write_side.service,
        write_side.imports,
        query.service(),
        query_service::pages::service(),
        deliveries.service(),
        feed.service(),
        dispatcher::catalogue::pages(),
        health::service(checks, &document),
    ];
    let verifier = Arc::new(connected.token_verifier(config, Arc::clone(&clock)).await?);
    let settings = connected.guard(config, tasks);
    let gateway = Gateway::new(services, verifier, settings).map_err(anyhow::Error::msg)?;
    let gateway = gateway.taking_files(imports::FILE_OPERATIONS, imports::MAX_UPLOAD_BYTES);
    let key_desk = KeyDesk {
        secrets: ApiKeySecrets::new(connected.keys.api_keys),
        store: Arc::clone(&write_side.keys),
    };
    let gateway = gateway.knowing(&document).asking(write_side.sessions);
    let gateway = gateway.accepting(connected.api_keys(config, tasks, write_side.keys, clock));

    let metrics_url = ports.metrics_url()?;
    write_address(data, &base_url, &metrics_url, &servers.owner_url)?;
    let api = TcpListener::from_std(ports.api)?;
    process::listen(
        tasks,
        &config.http,
        api,
        TcpListener::from_std(ports.metrics)?,
        gateway,
    );
    let (hasher, demo_key) = (write_side.passwords, connected.keys.demo);
    Ok(Running {
        engine,
        vault,
        hasher,
        demo_key,
        integration_tokens: tokens,
        key_desk,
        base_url,
        metrics_url,
        seeded,
    })
}

/// How long another process's hold of the log is waited for.
const OWNED_WITHIN: Duration = Duration::from_secs(15);

/// Everything in one process is of no use as a standby: it waits a little, and then says why it cannot start.
async fn own_the_log(engine: &Engine, tasks: &Tasks) -> anyhow::Result<()> {
    let mut ownership = engine.ownership();
    tokio::select! {
        owned = tokio::time::timeout(OWNED_WITHIN, ownership.wait_for(|owns| *owns)) => {
            owned.context("another process owns the log")?.context("the engine ended")?;
            Ok(())
        }
        cause = tasks.failure() => Err(anyhow::Error::msg(cause)),
    }
}

/// Ready means: owns the log, answers from the database, and the demo is there if it was asked for. How far the read
/// models lag is a metric, not a matter of readiness.
fn checks(
    connected: &Connected,
    engine: &Engine,
    projector: &ProjectorHandle,
    seeded: watch::Receiver<bool>,
) -> Checks {
    let (engine, read_models) = (engine.clone(), Following::new(engine, projector));
    let fact = |holds: bool, otherwise: &str| if holds { Ok(()) } else { Err(otherwise.to_owned()) };
    connected
        .checks()
        .with("log", move || std::future::ready(engine.owns_log()))
        .with("read_models", move || std::future::ready(read_models.check()))
        .with("setup", move || {
            std::future::ready(fact(*seeded.borrow(), "the demo is being set up"))
        })
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
