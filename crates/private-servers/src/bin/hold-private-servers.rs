//! Holds a private Postgres and NATS in one data folder until its standard input ends: what the tests of orphans and
//! restarts kill. Not a tool for anything else.
//!
//! Arguments: data folder, path of nats-server. Prints one JSON line when both are ready.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use private_servers::{DataFolder, Health, Nats, NatsOptions, Postgres, PostgresOptions, find};

#[expect(clippy::print_stdout, reason = "the test reads the line")]
fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let data = arguments
        .next()
        .context("the first argument is the data folder")?;
    let server = arguments.next().context("the second argument is nats-server")?;
    let folder = DataFolder::open(&data)?;
    let postgres = Postgres::start_blocking(PostgresOptions::new(
        folder.path().join("postgres"),
        find::postgres(None)?,
    ))?;
    let nats = Nats::start_blocking(NatsOptions::new(
        folder.path().join("nats"),
        find::nats_server(Some(&server), None)?,
    ))?;
    let pid = |health: Health| match health {
        Health::Running { pid } => Some(pid),
        Health::Starting | Health::Failed(_) | Health::Stopped => None,
    };
    let ready = serde_json::json!({
        "postgres_url": postgres.url("postgres"),
        "postgres_pid": pid(postgres.health().borrow().clone()),
        "nats_url": nats.url(),
        "nats_pid": pid(nats.health().borrow().clone()),
    });
    println!("{ready}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { tokio::join!(postgres.stop(), nats.stop()) });
    Ok(())
}
