//! The projector as a process of its own: read models, the relay to NATS, health and metrics pages.
//!
//! Configured like every service (`--config FILE`, environment). Any number may run: one leads, the others stand by.

use std::sync::Arc;

use anyhow::Context;
use bus::{Bus, BusOptions};
use event_store::PostgresReader;
use platform::auth::{TokenSettings, TokenVerifier};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::db::{self, DbRole};
use platform::http::health::{self, Checks};
use platform::http::{Gateway, GuardSettings, openapi};
use platform::process;
use platform::tasks::Tasks;
use projector::relay::{Relay, RelayOptions};
use projector::{Projector, ProjectorOptions};
use schemas::Position;
use tokio::sync::watch;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::run("projector", start).await
}

async fn start(config: &Config, tasks: &Tasks) -> anyhow::Result<Gateway> {
    let clock: SharedClock = Arc::new(SystemClock);
    if let Some(owner) = &config.database_url {
        let migrated = db::migrate(owner.expose(), projector::migrations()).await;
        migrated.context("the schema cannot be brought up to date")?;
    }
    let own = config
        .engine_database_url
        .as_ref()
        .or(config.database_url.as_ref());
    let url = own.context("DATABASE_URL is not set")?.expose();
    let nats = config.nats_url.as_ref().context("NATS_URL is not set")?;
    let pool = db::pool(url, DbRole::Engine, config.database.engine_connections).await?;
    let reader = PostgresReader::new(pool.clone());
    // Nobody rings in this process: polling finds what was appended.
    let (_, wake) = watch::channel(Position::START);
    let options = ProjectorOptions::of(&config.projector, Arc::clone(&clock));
    Projector::start(tasks, reader.clone(), pool.clone(), options, wake.clone());
    let bus_options = BusOptions {
        window: config.relay.window,
        ..BusOptions::default()
    };
    let bus = Bus::connect(nats.expose(), bus_options).await?;
    Relay::start(tasks, reader, pool.clone(), bus, RelayOptions::default(), wake);
    // No operations but health: nothing here needs a credential, so this process holds no keys.
    let verifier = TokenVerifier::new(&TokenSettings::of(&config.auth), Vec::new(), clock)?;
    let checks = Checks::new().with("database", process::answers(&pool));
    let services = vec![health::service(checks, &openapi::document(&[], &[])?)];
    let settings = GuardSettings::of(&config.http, [0; 32]);
    Gateway::new(services, Arc::new(verifier), settings).map_err(anyhow::Error::msg)
}
