//! The dispatcher as a process of its own: webhooks, the API to look at them, and its metrics page.
//!
//! Configured like every service (`TRASTIENDA_CONFIG`, environment). Any number may run: one matches, all send.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, BusOptions};
use dispatcher::{DeliveryReads, Dispatcher, DispatcherOptions, ROUTES};
use event_store::PostgresReader;
use platform::auth::{TokenSettings, TokenVerifier, signing_keys};
use platform::clock::SystemClock;
use platform::config::Config;
use platform::db::{self, DbRole};
use platform::http::health::{self, Checks};
use platform::http::{CursorKey, Gateway, GuardSettings, ServerLimits, openapi, serve};
use platform::outbound::Outbound;
use platform::tasks::{OnEnd, Tasks};
use platform::vault::{Kek, Vault};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests and tasks may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let _telemetry = platform::telemetry::init(&config, "dispatcher")?;
    platform::crypto::install_default_provider();
    let api = TcpListener::bind(config.http.listen).await?;
    let metrics = TcpListener::bind(config.metrics_listen).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let tasks = Tasks::new();
    let gateway = Arc::new(start(&config, &tasks).await?);
    let (limits, stop) = (ServerLimits::of(&config.http), tasks.stop_token());
    tasks.spawn("api", OnEnd::Fatal, async move {
        Ok(serve(api, gateway, limits, stop).await?)
    });
    let (page, limits, stop) = (
        Arc::new(health::metrics_app()),
        ServerLimits::default(),
        tasks.stop_token(),
    );
    tasks.spawn("metrics page", OnEnd::Fatal, async move {
        Ok(serve(metrics, page, limits, stop).await?)
    });

    let failure = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        cause = tasks.failure() => Some(cause),
    };
    tokio::select! {
        stopped = tasks.stop(STOP_LIMIT) => stopped?,
        _ = interrupt.recv() => anyhow::bail!("stopped at once by a second signal"),
    }
    failure.map_or(Ok(()), |cause| Err(anyhow::Error::msg(cause)))
}

async fn start(config: &Config, tasks: &Tasks) -> anyhow::Result<Gateway> {
    if let Some(owner) = &config.database_url {
        let steps = [platform::vault::MIGRATIONS, dispatcher::MIGRATIONS].concat();
        db::migrate(owner.expose(), &steps)
            .await
            .context("the schema cannot be brought up to date")?;
    }
    let owner = config.database_url.as_ref();
    let engine_url = config
        .engine_database_url
        .as_ref()
        .or(owner)
        .context("DATABASE_URL is not set")?;
    let api_url = config
        .api_database_url
        .as_ref()
        .or(owner)
        .context("DATABASE_URL is not set")?;
    let nats = config.nats_url.as_ref().context("NATS_URL is not set")?;
    let engine_pool = db::pool(
        engine_url.expose(),
        DbRole::Engine,
        config.database.engine_connections,
    )
    .await?;
    let api_pool = db::pool(api_url.expose(), DbRole::Api, config.database.api_connections).await?;
    let kek = Kek::from_config(&config.keys)?;
    let (cursors, fingerprints) = (kek.derive("list cursors"), kek.derive("request fingerprints"));
    let vault = Vault::open(engine_pool.clone(), kek);
    let clock = Arc::new(SystemClock);
    Dispatcher::start(
        tasks,
        PostgresReader::new(engine_pool.clone()),
        engine_pool,
        Bus::connect(nats.expose(), BusOptions::default()).await?,
        vault.clone(),
        Outbound::new(&config.outbound, clock.clone())?,
        clock,
        DispatcherOptions::from(&config.dispatcher),
    )
    .await?;
    let reads = DeliveryReads::new(api_pool.clone(), CursorKey::new(cursors));
    gateway(config, reads, &vault, api_pool, fingerprints).await
}

async fn gateway(
    config: &Config,
    reads: DeliveryReads,
    vault: &Vault,
    api_pool: PgPool,
    fingerprints: [u8; 32],
) -> anyhow::Result<Gateway> {
    let keys = signing_keys(vault)
        .await?
        .into_iter()
        .map(|key| Ok((key.id.clone(), key.public()?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let verifier = TokenVerifier::new(&TokenSettings::of(&config.auth), keys, Arc::new(SystemClock))?;
    let document = openapi::document(&[openapi::spec_for(&reads.operations())?], ROUTES)?;
    let checks = Checks::new().with("database", move || {
        let pool = api_pool.clone();
        async move {
            let answer = sqlx::query("select 1").execute(&pool).await;
            answer
                .map(|_| ())
                .map_err(|_| "the database does not answer".to_owned())
        }
    });
    let services = vec![reads.service(), health::service(checks, &document)];
    Gateway::new(
        services,
        Arc::new(verifier),
        GuardSettings::of(&config.http, fingerprints),
    )
    .map_err(anyhow::Error::msg)
}
