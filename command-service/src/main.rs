//! The command service as a process of its own: commands over HTTP, and the engine that owns the log.
//!
//! Configured like every service (`--config FILE`, environment).

use std::process::ExitCode;
use std::sync::Arc;

use command_service::start::{WriteSide, migrations};
use command_service::{imports, routes};
use platform::clock::{SharedClock, SystemClock};
use platform::config::Config;
use platform::http::{Gateway, examples, health, openapi};
use platform::process::{self, Connected};
use platform::tasks::Tasks;

/// Calls that were made, for the API's document.
const EXAMPLES: &str = include_str!("../../docs/examples/command-service.json");

fn main() -> anyhow::Result<ExitCode> {
    // A child that reads a file limits itself before anything else is set up.
    if imports::child::is_asked_for() {
        return Ok(imports::child::run());
    }
    serve()?;
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve() -> anyhow::Result<()> {
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
    let rows = [routes::ROUTES, imports::ROUTES].concat();
    let mut document = openapi::document(&[routes::spec()?, imports::spec()?], &rows)?;
    examples::add(&mut document, &[EXAMPLES])?;
    let verifier = connected.token_verifier(config, Arc::clone(&clock)).await?;
    let keys = connected.api_keys(config, tasks, write_side.keys, clock);
    let services = vec![
        write_side.service,
        write_side.imports,
        health::service(checks, &document),
    ];
    let settings = connected.guard(config, tasks);
    let gateway = Gateway::new(services, Arc::new(verifier), settings).map_err(anyhow::Error::msg)?;
    let gateway = gateway.taking_files(imports::FILE_OPERATIONS, imports::MAX_UPLOAD_BYTES);
    Ok(gateway
        .knowing(&document)
        .asking(write_side.sessions)
        .accepting(keys))
}
