//! The dispatcher as a process of its own: webhooks, the API to look at them, and its metrics page.
//!
//! Configured like every service (`--config FILE`, environment). Any number may run: one matches, all send.

use std::sync::Arc;

use anyhow::Context;
use bus::{Bus, BusOptions};
use dispatcher::{DeliveryReads, Dispatcher, DispatcherOptions, Feed, ROUTES, catalogue, feed};
use event_store::{PostgresReader, stream_reader};
use platform::auth::{IntegrationTokens, Sessions};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::http::{CursorKey, Gateway, examples, health, openapi};
use platform::outbound::Outbound;
use platform::process::{self, Connected};
use platform::tasks::Tasks;

/// Calls that were made, for the API's document.
const EXAMPLES: &str = include_str!("../../docs/examples/dispatcher.json");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::run("dispatcher", start).await
}

async fn start(config: &Config, tasks: &Tasks) -> anyhow::Result<Gateway> {
    let clock: SharedClock = Arc::new(SystemClock);
    let steps = [platform::vault::MIGRATIONS, dispatcher::MIGRATIONS].concat();
    let connected = Connected::open(config, &steps).await?;
    let nats = config.nats_url.as_ref().context("NATS_URL is not set")?;
    let reader = PostgresReader::new(connected.engine_pool.clone());
    let dispatcher = Dispatcher::start(
        tasks,
        reader.clone(),
        connected.engine_pool.clone(),
        Bus::connect(nats.expose(), BusOptions::default()).await?,
        connected.vault.clone(),
        Outbound::new(&config.outbound, Arc::clone(&clock))?,
        Arc::clone(&clock),
        DispatcherOptions::from(&config.dispatcher),
    )
    .await?;
    let reads = DeliveryReads::new(connected.api_pool.clone(), CursorKey::new(connected.keys.cursors));
    let feed = Feed::new(
        &dispatcher,
        reader,
        (connected.engine_pool.clone(), connected.api_pool.clone()),
        IntegrationTokens::new(connected.keys.integration_tokens),
        CursorKey::new(connected.keys.cursors),
        Arc::clone(&clock),
    );
    let specs = [
        openapi::spec_for(&reads.operations())?,
        openapi::spec_for(&feed.operations())?,
    ];
    let mut document = openapi::document(&specs, &[ROUTES, feed::ROUTES].concat())?;
    examples::add(&mut document, &[EXAMPLES])?;
    let verifier = connected.token_verifier(config, clock).await?;
    let services = vec![
        reads.service(),
        feed.service(),
        catalogue::pages(),
        health::service(connected.checks(), &document),
    ];
    let settings = connected.guard(config, tasks);
    let gateway = Gateway::new(services, Arc::new(verifier), settings).map_err(anyhow::Error::msg)?;
    let streams = stream_reader(PostgresReader::new(connected.engine_pool.clone()));
    Ok(gateway.knowing(&document).asking(Sessions::new(streams)))
}
