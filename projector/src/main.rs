//! The projector as a process of its own: read models, the relay to NATS, and its metrics page.
//!
//! Configured like every service (`TRASTIENDA_CONFIG`, environment). Any number may run: one leads, the others stand by.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Bus, BusOptions};
use event_store::PostgresReader;
use platform::clock::SystemClock;
use platform::config::Config;
use platform::db::{self, DbRole};
use platform::http::{ServerLimits, health, serve};
use platform::tasks::{OnEnd, Tasks};
use projector::relay::{self, Relay, RelayOptions};
use projector::{Projector, ProjectorOptions};
use schemas::Position;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long tasks may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let _telemetry = platform::telemetry::init(&config, "projector")?;
    platform::crypto::install_default_provider();
    let metrics = TcpListener::bind(config.metrics_listen).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let tasks = Tasks::new();
    // Nobody rings in this process; the sender must live, and polling does the rest.
    let (_head, wake) = watch::channel(Position::START);
    start(&config, &tasks, wake).await?;
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

async fn start(config: &Config, tasks: &Tasks, wake: watch::Receiver<Position>) -> anyhow::Result<()> {
    if let Some(owner) = &config.database_url {
        let steps = [projector::migrations(), &[relay::MIGRATION]].concat();
        db::migrate(owner.expose(), &steps)
            .await
            .context("the schema cannot be brought up to date")?;
    }
    let url = config
        .engine_database_url
        .as_ref()
        .or(config.database_url.as_ref())
        .context("DATABASE_URL is not set")?;
    let nats = config.nats_url.as_ref().context("NATS_URL is not set")?;
    let pool = db::pool(url.expose(), DbRole::Engine, config.database.engine_connections).await?;
    let reader = PostgresReader::new(pool.clone());
    let options = ProjectorOptions {
        batch: config.projector.batch,
        poll: (
            Duration::from_millis(config.projector.poll_min_ms),
            Duration::from_millis(config.projector.poll_max_ms),
        ),
        clock: Arc::new(SystemClock),
    };
    Projector::start(tasks, reader.clone(), pool.clone(), options, wake.clone());
    let bus_options = BusOptions {
        window: config.relay.window,
        ..BusOptions::default()
    };
    let bus = Bus::connect(nats.expose(), bus_options).await?;
    Relay::start(tasks, reader, pool, bus, RelayOptions::default(), wake);
    Ok(())
}
