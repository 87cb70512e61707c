//! `trastienda projections …`: asks the leading projector of a running system for something, and waits for the outcome.
//!
//! Not here: any of the work; the request is a row in the database, so it does not matter which process leads.

use std::time::Duration;

use anyhow::Context;
use platform::config::Config;
use platform::db::{self, DbRole};
use projector::groups::requests::{self, Action, Wish};
use projector::groups::status;
use sqlx::PgPool;

use crate::cli::{ProjectionsCommand, RunningSystem};
use crate::tenant::Address;

/// How often the outcome is looked for.
const LOOK: Duration = Duration::from_millis(200);
/// A request that nobody has taken up by then waits for a projector that runs.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(15);

/// Prints how the groups stand, or puts a request into the database and waits until the leading projector has done it.
///
/// # Errors
/// A system that cannot be reached, a request that nobody takes up, or one that failed.
pub async fn run(command: ProjectionsCommand) -> anyhow::Result<()> {
    let (system, wish) = match command {
        ProjectionsCommand::Status(system) => return print_status(&connect(&system).await?).await,
        ProjectionsCommand::Rebuild { system, force, hold } => {
            let wish = Wish::new(Action::Rebuild);
            (system, Wish { force, hold, ..wish })
        }
        ProjectionsCommand::Switch { system, group, force } => {
            let wish = Wish::new(Action::Switch);
            (system, Wish { group, force, ..wish })
        }
        ProjectionsCommand::SwitchBack(system) => (system, Wish::new(Action::SwitchBack)),
        ProjectionsCommand::Drop { system, group } => {
            let wish = Wish::new(Action::Drop);
            (system, Wish { group, ..wish })
        }
    };
    let pool = connect(&system).await?;
    let id = requests::submit(&mut *pool.acquire().await?, wish).await?;
    wait(&pool, id).await
}

async fn connect(system: &RunningSystem) -> anyhow::Result<PgPool> {
    let url = match &system.data {
        Some(data) => Address::read(data)?.database_url,
        None => {
            let config = Config::load(system.config.as_deref())?;
            let own = config
                .engine_database_url
                .as_ref()
                .or(config.database_url.as_ref());
            own.context("name --data, or configure database_url")?
                .expose()
                .to_owned()
        }
    };
    Ok(db::pool(&url, DbRole::Engine, 1).await?)
}

#[expect(clippy::print_stdout, reason = "the answer of a command line")]
async fn wait(pool: &PgPool, id: i64) -> anyhow::Result<()> {
    let asked = std::time::Instant::now();
    let mut said = String::new();
    loop {
        let progress = requests::progress(&mut *pool.acquire().await?, id)
            .await?
            .context("the request is gone")?;
        let outcome = progress.outcome.unwrap_or_default();
        match progress.ok {
            Some(true) => {
                println!("{outcome}");
                return Ok(());
            }
            Some(false) => anyhow::bail!(outcome),
            None => {}
        }
        if progress.phase != said {
            println!("{} …", progress.phase);
            said = progress.phase;
        }
        anyhow::ensure!(
            said != requests::WAITING || asked.elapsed() < TAKEN_UP_WITHIN,
            "no projector has taken the request up; it stays until one does"
        );
        tokio::time::sleep(LOOK).await;
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command line")]
async fn print_status(pool: &PgPool) -> anyhow::Result<()> {
    let mut connection = pool.acquire().await?;
    println!(
        "{:>5}  {:<10} {:>12} {:>7} {:>12}  comparison",
        "group", "role", "position", "frozen", "differences"
    );
    for line in status::groups(&mut connection).await? {
        println!(
            "{:>5}  {:<10} {:>12} {:>7} {:>12}  {}",
            line.id,
            line.role,
            line.position,
            line.frozen,
            line.differences
                .map_or_else(|| "-".to_owned(), |differences| differences.to_string()),
            line.report.unwrap_or_default(),
        );
    }
    for line in status::open_requests(&mut connection).await? {
        println!("request {}: {}, {}", line.id, line.action, line.phase);
    }
    Ok(())
}
