//! The query service as a process of its own: its API on one port, its metrics page on another.
//!
//! Configured like every service (`--config FILE`, environment). Read models are filled by the projector, which
//! also brings their schema up to date.

use std::sync::Arc;

use event_store::{PostgresReader, stream_reader};
use platform::auth::{PostgresKeys, Sessions};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::http::{CursorKey, Gateway, examples, health, openapi};
use platform::process::{self, Connected};
use platform::tasks::Tasks;
use query_service::{Progress, QueryService, ROUTES, Receipts, pages};

/// Calls that were made, for the API's document.
const EXAMPLES: &str = include_str!("../../docs/examples/query-service.json");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::run("query-service", start).await
}

async fn start(config: &Config, tasks: &Tasks) -> anyhow::Result<Gateway> {
    // Keys of persons are read past row security, hence the engine's role for the vault alone.
    let connected = Connected::open(config, platform::vault::MIGRATIONS).await?;
    let progress = Progress::Elsewhere(connected.api_pool.clone());
    let cursors = CursorKey::new(connected.keys.cursors);
    let service = QueryService::new(
        connected.api_pool.clone(),
        connected.vault.clone(),
        cursors,
        progress,
        Receipts {
            keys: platform::auth::document_keys(&connected.vault).await?,
            base_url: config.http.public_base_url(),
        },
    );
    let service = service.with_features(platform::http::Features::of(&config.enable));
    let mut document = openapi::document(&[openapi::spec_for(&service.operations())?], ROUTES)?;
    examples::add(&mut document, &[EXAMPLES])?;
    let clock: SharedClock = Arc::new(SystemClock);
    let verifier = connected.token_verifier(config, Arc::clone(&clock)).await?;
    let reader = PostgresReader::new(connected.engine_pool.clone());
    let streams = stream_reader(reader);
    let store = PostgresKeys::new(connected.engine_pool.clone(), Arc::clone(&streams));
    let keys = connected.api_keys(config, tasks, Arc::new(store), clock);
    let health = health::service(connected.checks(), &document);
    let services = vec![service.service(), pages::service(), health];
    let settings = connected.guard(config, tasks);
    let gateway = Gateway::new(services, Arc::new(verifier), settings).map_err(anyhow::Error::msg)?;
    Ok(gateway
        .knowing(&document)
        .asking(Sessions::new(streams))
        .accepting(keys))
}
