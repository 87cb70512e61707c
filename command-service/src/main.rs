//! The command service as a process of its own: commands over HTTP, and the engine that owns the log.
//!
//! Configured like every service (`TRASTIENDA_CONFIG`, environment).

use std::sync::Arc;

use command_service::routes;
use command_service::start::{WriteSide, migrations};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::http::{Gateway, health, openapi};
use platform::process::{self, Connected};
use platform::tasks::Tasks;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::run("command-service", start).await
}

async fn start(config: &Config, tasks: &Tasks) -> anyhow::Result<Gateway> {
    let clock: SharedClock = Arc::new(SystemClock);
    let steps = [migrations().as_slice(), platform::vault::MIGRATIONS].concat();
    let connected = Connected::open(config, &steps).await?;
    let write_side = WriteSide::start(config, tasks, &connected, Arc::clone(&clock)).await?;
    let engine = write_side.engine.clone();
    let checks = connected
        .checks()
        .with("log", move || std::future::ready(engine.owns_log()));
    let document = openapi::document(&[routes::spec()?], routes::ROUTES)?;
    let verifier = connected.token_verifier(config, Arc::clone(&clock)).await?;
    let keys = connected.api_keys(config, tasks, write_side.keys, clock);
    let services = vec![write_side.service, health::service(checks, &document)];
    let settings = connected.guard(config, tasks);
    let gateway = Gateway::new(services, Arc::new(verifier), settings).map_err(anyhow::Error::msg)?;
    Ok(gateway.accepting(keys))
}
