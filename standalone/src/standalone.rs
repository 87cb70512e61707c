//! The life of the standalone: bind, start the servers, wire the services, serve until told to stop.
//!
//! Stopping: new requests are refused, what is in flight is finished, tasks end, then NATS and Postgres. A second
//! signal exits at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use platform::config::Config;
use platform::process::{STOP_LIMIT, StopSignals};
use platform::tasks::Tasks;
use private_servers::DataFolder;
use tokio::sync::OnceCell;

use crate::cli::StandaloneArgs;
use crate::compose::{self, Running};
use crate::demo::{self, DemoFile, DemoTenant};
use crate::ports::Ports;
use crate::private_file;
use crate::servers::Servers;
use crate::tenant::Address;

/// Where the demo's addresses and users are written, for programs.
const DEMO_FILE: &str = "demo.json";

/// Where the metrics page listens when nothing is configured, so that two trials do not collide.
const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs the whole system on one data folder until it is told to stop or one of its parts fails.
///
/// # Errors
/// Whatever keeps it from starting, or the failure that ended it.
pub async fn run(args: StandaloneArgs) -> anyhow::Result<()> {
    platform::failpoint::set_up();
    let mut config = Config::load(args.config.as_deref())?;
    for address in &args.allow_outbound {
        config.outbound.allow.push(
            address
                .parse()
                .with_context(|| format!("--allow-outbound {address}"))?,
        );
    }
    if let Some(port) = args.port {
        config.http.listen.set_port(port);
    }
    let metrics = config.metrics_listen.unwrap_or(FREE_PORT);
    let ports = Ports::bind(config.http.listen, metrics)?;
    let folder = DataFolder::open(args.data.as_ref().unwrap_or(&config.data_dir))?;
    // What an earlier life left speaks of ports that are gone.
    for stale in [DEMO_FILE, Address::FILE] {
        private_file::remove(&folder.path().join(stale))?;
    }
    let _telemetry = platform::telemetry::init(&config, "trastienda")?;
    let mut stop = StopSignals::listen()?;
    let tasks = Tasks::new();

    let servers = OnceCell::new();
    let life = async {
        let running = start(folder.path(), &args, &config, &tasks, ports, &servers).await?;
        let tenants = set_up(&args, &running, folder.path(), &servers).await?;
        greet(&running, folder.path(), &tenants);
        let failure = tokio::select! {
            cause = tasks.failure() => cause,
            cause = failure_of(&servers) => cause,
        };
        Err(anyhow::Error::msg(failure))
    };
    let outcome = tokio::select! {
        () = stop.received() => Ok(()),
        ended = life => ended,
    };
    let stopping = async {
        tracing::info!("stopping");
        let stopped = tasks.stop(STOP_LIMIT).await;
        if let Some(servers) = servers.get() {
            servers.stop().await;
        }
        stopped
    };
    tokio::select! {
        stopped = stopping => stopped?,
        () = stop.received() => anyhow::bail!("stopped at once by a second signal"),
    }
    outcome
}

async fn failure_of(servers: &OnceCell<Servers>) -> String {
    match servers.get() {
        Some(servers) => servers.failure().await,
        None => std::future::pending().await,
    }
}

/// Seeds the demo if asked to, says where everything is, and only then counts as ready.
async fn set_up(
    args: &StandaloneArgs,
    running: &Running,
    data: &Path,
    servers: &OnceCell<Servers>,
) -> anyhow::Result<Vec<DemoTenant>> {
    let mut tenants = Vec::new();
    if let (true, Some(servers)) = (args.demo, servers.get()) {
        tenants = demo::seed(
            &running.engine,
            &running.vault,
            &running.hasher,
            &running.demo_key,
            &running.integration_tokens,
            &running.key_desk,
        )
        .await?;
        let file = DemoFile {
            base_url: &running.base_url,
            metrics_url: &running.metrics_url,
            database_url: &servers.owner_url,
            tenants: &tenants,
        };
        private_file::write_json(&data.join(DEMO_FILE), &file)?;
    }
    running.seeded.send_replace(true);
    Ok(tenants)
}

async fn start(
    data: &Path,
    args: &StandaloneArgs,
    config: &Config,
    tasks: &Tasks,
    ports: Ports,
    servers: &OnceCell<Servers>,
) -> anyhow::Result<Running> {
    let servers = servers
        .get_or_try_init(|| Servers::start(data, args, config))
        .await?;
    compose::start(data, config, servers, tasks, ports).await
}

/// Where everything is, who may sign in, and three lines that work when pasted.
#[expect(
    clippy::print_stdout,
    reason = "this is what the person at the terminal reads"
)]
fn greet(running: &Running, data: &Path, tenants: &[DemoTenant]) {
    let base = &running.base_url;
    println!("\nTrastienda is ready.");
    println!("  API      {base}   (OpenAPI: {base}/openapi.json)");
    println!("  page     {base}/admin");
    println!("  metrics  {}", running.metrics_url);
    println!("  data     {}", data.display());
    let Some(first) = tenants.first() else { return };
    println!("\nDemo users (also in {}):", data.join(DEMO_FILE).display());
    for tenant in tenants {
        println!("  {} ({}, {})", tenant.id, tenant.name, tenant.currency);
        for user in &tenant.users {
            println!("    {:<14} {}", user.username, user.password);
        }
    }
    // Not the keys themselves: what is printed ends in logs.
    println!("  Keys of external systems are in that file (docs/external-api.md).");
    let Some(user) = first.users.first() else { return };
    println!("\nTry it:");
    println!(
        "  TOKEN=$(curl -s {base}/api/v1/auth/token -H 'content-type: application/json' -d \
         '{{\"tenant\":\"{}\",\"username\":\"{}\",\"password\":\"{}\"}}' | python3 -c 'import json,sys; \
         print(json.load(sys.stdin)[\"access_token\"])')",
        first.id, user.username, user.password
    );
    println!(
        "  curl -s {base}/api/v1/pos/sale -H \"Authorization: Bearer $TOKEN\" -H 'X-Reason: primera venta' -H \
         'content-type: application/json' -d '{{\"store\":\"centro\",\"lines\":[{{\"sku\":\"USBC-1M\",\"quantity\":2}}],\
         \"payments\":[{{\"method\":\"cash\",\"amount_minor\":50000}}]}}'"
    );
    println!("  curl -s '{base}/api/v1/inventory/stock?store=centro' -H \"Authorization: Bearer $TOKEN\"");
    println!("\nCtrl-C stops everything.");
}
