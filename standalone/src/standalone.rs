//! The life of the standalone: bind, start the servers, wire the services, serve until told to stop.
//!
//! Stopping: new requests are refused, what is in flight is finished, tasks end, then NATS and Postgres. A second
//! signal exits at once.

use std::path::Path;

use anyhow::Context;
use platform::config::Config;
use platform::process::{STOP_LIMIT, StopSignals};
use platform::tasks::Tasks;
use private_servers::DataFolder;

use crate::cli::StandaloneArgs;
use crate::compose::{self, Running};
use crate::demo::{self, DemoFile, DemoTenant};
use crate::ports::Ports;
use crate::private_file;
use crate::servers::Servers;

pub async fn run(args: StandaloneArgs) -> anyhow::Result<()> {
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
    // The metrics page takes a free port unless one is configured, so that two trials do not collide.
    if config.metrics_listen == Config::default().metrics_listen {
        config.metrics_listen.set_port(0);
    }
    let ports = Ports::bind(config.http.listen, config.metrics_listen)?;
    let folder = DataFolder::open(&args.data)?;
    let _telemetry = platform::telemetry::init(&config, "trastienda")?;
    let mut stop = StopSignals::listen()?;
    let tasks = Tasks::new();

    let starting = start(folder.path(), &args, &config, &tasks, ports);
    let (servers, running) = tokio::select! {
        started = starting => started?,
        () = stop.received() => anyhow::bail!("stopped while starting"),
    };
    let tenants = if args.demo {
        let tenants = demo::seed(
            &running.engine,
            &running.vault,
            &running.hasher,
            &running.demo_key,
        )
        .await?;
        running.seeded.send_replace(true);
        let file = folder.path().join("demo.json");
        private_file::write_json(
            &file,
            &DemoFile {
                base_url: &running.base_url,
                metrics_url: &running.metrics_url,
                database_url: &servers.owner_url,
                tenants: &tenants,
            },
        )?;
        tenants
    } else {
        running.seeded.send_replace(true);
        Vec::new()
    };
    greet(&running, folder.path(), &tenants);

    let failure = tokio::select! {
        () = stop.received() => None,
        cause = tasks.failure() => Some(cause),
        cause = servers.failure() => Some(cause),
    };
    let stopping = async {
        tracing::info!("stopping");
        let stopped = tasks.stop(STOP_LIMIT).await;
        servers.stop().await;
        stopped
    };
    tokio::select! {
        stopped = stopping => stopped?,
        () = stop.received() => anyhow::bail!("stopped at once by a second signal"),
    }
    match failure {
        None => Ok(()),
        Some(cause) => anyhow::bail!(cause),
    }
}

async fn start(
    data: &Path,
    args: &StandaloneArgs,
    config: &Config,
    tasks: &Tasks,
    ports: Ports,
) -> anyhow::Result<(Servers, Running)> {
    let servers = Servers::start(data, args, config).await?;
    let running = compose::start(data, config, &servers, tasks, ports).await?;
    Ok((servers, running))
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
    println!("  metrics  {}", running.metrics_url);
    println!("  data     {}", data.display());
    let Some(first) = tenants.first() else { return };
    println!("\nDemo users (also in {}):", data.join("demo.json").display());
    for tenant in tenants {
        println!("  {} ({}, {})", tenant.id, tenant.name, tenant.currency);
        for user in &tenant.users {
            println!("    {:<14} {}", user.username, user.password);
        }
    }
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
