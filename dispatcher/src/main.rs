//! The dispatcher as a process of its own: webhooks, the API to look at them, and its metrics page.
//!
//! Configured like every service (`TRASTIENDA_CONFIG`, environment). Any number may run: one matches, all send.

use std::sync::Arc;

use anyhow::Context;
use bus::{Bus, BusOptions};
use dispatcher::{DeliveryReads, Dispatcher, DispatcherOptions, ROUTES};
use event_store::PostgresReader;
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::http::{CursorKey, Gateway, GuardSettings, health, openapi};
use platform::outbound::Outbound;
use platform::process::{self, Connected};
use platform::tasks::Tasks;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::run("dispatcher", start).await
}

async fn start(config: &Config, tasks: &Tasks) -> anyhow::Result<Gateway> {
    let clock: SharedClock = Arc::new(SystemClock);
    let steps = [platform::vault::MIGRATIONS, dispatcher::MIGRATIONS].concat();
    let connected = Connected::open(config, &steps).await?;
    let nats = config.nats_url.as_ref().context("NATS_URL is not set")?;
    Dispatcher::start(
        tasks,
        PostgresReader::new(connected.engine_pool.clone()),
        connected.engine_pool.clone(),
        Bus::connect(nats.expose(), BusOptions::default()).await?,
        connected.vault.clone(),
        Outbound::new(&config.outbound, Arc::clone(&clock))?,
        Arc::clone(&clock),
        DispatcherOptions::from(&config.dispatcher),
    )
    .await?;
    let reads = DeliveryReads::new(connected.api_pool.clone(), CursorKey::new(connected.keys.cursors));
    let document = openapi::document(&[openapi::spec_for(&reads.operations())?], ROUTES)?;
    let verifier = connected.token_verifier(config, clock).await?;
    let services = vec![reads.service(), health::service(connected.checks(), &document)];
    let settings = GuardSettings::of(&config.http, connected.keys.fingerprints);
    Gateway::new(services, Arc::new(verifier), settings).map_err(anyhow::Error::msg)
}
