//! `verify`: an independent checker of everything that was promised, over one read-only snapshot of the database.
//!
//! Its own SQL and its own folds, written from the documents and not from the product's code: a mistake there must not
//! be repeated here. `log` walks the log, `fold` makes the read models from scratch, `tables` compares them, `webhooks`
//! recomputes who had to get what, `acks` holds what clients were told against what is stored, `observed` what a reader
//! saw live against what stands there now, `bounds` looks for what waits too long, `logs` searches the servers' log
//! files for secrets.

mod acks;
mod bounds;
mod chain;
mod feeds;
mod findings;
mod fold;
mod log;
mod logs;
mod observed;
mod secrets;
mod tables;
mod webhooks;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor, Postgres, Transaction};

pub use self::acks::Ack;
use self::findings::Findings;
pub use self::findings::Verdict;
use crate::clock::Deadline;
use crate::demo::{self, Demo};
use crate::journal;
use crate::observer::Observation;
use crate::receiver::Receipt;

/// How long the read models and the matcher may take to reach the head.
const QUIET_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// One statement may take this long.
const STATEMENT_LIMIT: &str = "set statement_timeout = '10min'";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Written by `cargo xtask up`.
    #[arg(long, default_value = "./data/demo.json")]
    demo: PathBuf,
    /// What clients were answered: lines of JSON {key, status, position, tenant}.
    #[arg(long)]
    acks: Option<PathBuf>,
    /// What an observer saw while others wrote.
    #[arg(long)]
    observed: Option<PathBuf>,
    /// What a receiver received; by default the journals that `replay` keeps beside demo.json.
    #[arg(long)]
    journal: Option<PathBuf>,
}

/// Everything that is held against the database.
#[derive(Debug, Default)]
pub struct Evidence {
    pub database_url: String,
    pub acks: Vec<Ack>,
    pub receipts: Vec<Receipt>,
    pub observed: Vec<Observation>,
    /// Every `*.log` below this folder is searched for secrets.
    pub logs: Option<PathBuf>,
}

/// Checks and prints. True when nothing is wrong.
///
/// # Errors
/// When the database or a file cannot be read.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let demo = Demo::read(&arguments.demo)?;
    let evidence = Evidence {
        database_url: demo.database_url.context("demo.json names no database_url")?,
        acks: arguments
            .acks
            .as_deref()
            .map(journal::read)
            .transpose()?
            .unwrap_or_default(),
        observed: arguments
            .observed
            .as_deref()
            .map(journal::read)
            .transpose()?
            .unwrap_or_default(),
        receipts: match &arguments.journal {
            Some(path) => journal::read(path)?,
            None => replay_receipts(&demo::state_folder(&arguments.demo))?,
        },
        logs: Some(demo::data_folder(&arguments.demo)),
    };
    let verdict = check(&evidence).await?;
    verdict.print()?;
    Ok(verdict.ok())
}

/// Everything that earlier replays received.
fn replay_receipts(folder: &Path) -> anyhow::Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(receipts);
    };
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("-webhooks.jsonl") {
            receipts.extend(journal::read::<Receipt>(&path)?);
        }
    }
    Ok(receipts)
}

/// The checks themselves.
///
/// # Errors
/// When the database cannot be read; everything that is wrong with what it holds is in the verdict.
pub async fn check(evidence: &Evidence) -> anyhow::Result<Verdict> {
    let mut connection = PgConnection::connect(&evidence.database_url)
        .await
        .context("cannot connect to the database")?;
    connection.execute(STATEMENT_LIMIT).await?;
    let mut findings = Findings::default();
    let mut snapshot = quiet_snapshot(&mut connection, &mut findings).await?;
    let heads = Heads::read(&mut snapshot).await?;
    heads.check(&mut findings);

    let walked = log::walk(&mut snapshot, &heads, &mut findings).await?;
    log::check_commands(&mut snapshot, &walked, &mut findings).await?;
    tables::compare(&mut snapshot, &walked.folded, &mut findings).await?;
    if heads.are_quiet() {
        // Of a log that is read to its end, or a command could be there by half.
        walked.folded.check_held(&mut findings);
        walked.folded.check_units(&mut findings);
        walked.folded.check_orders(&mut findings);
        walked.folded.check_repairs(&mut findings);
        walked.folded.check_in_transit(&mut findings);
        walked.folded.check_bought(&mut findings);
        walked.folded.check_numbers(&mut findings);
    }
    let deliveries = webhooks::Deliveries::read(&mut snapshot).await?;
    deliveries.check(&walked.matched, heads.matcher, &mut findings);
    deliveries.check_receipts(&evidence.receipts, &mut findings);
    feeds::check(&mut snapshot, &walked.feeds, heads.matcher, &mut findings).await?;
    webhooks::check_counters(&mut snapshot, &mut findings).await?;
    webhooks::check_secrets(&mut snapshot, &mut findings).await?;
    acks::check(&mut snapshot, &evidence.acks, &walked, &mut findings).await?;
    observed::check(&mut snapshot, &evidence.observed, &mut findings).await?;
    bounds::check(&mut snapshot, &mut findings).await?;
    snapshot.rollback().await?;
    let Some(folder) = evidence.logs.clone() else {
        return Ok(findings.verdict());
    };
    let searched = tokio::task::spawn_blocking(move || {
        logs::check(&folder, &mut findings);
        findings
    });
    Ok(searched
        .await
        .context("the search of the log files ended")?
        .verdict())
}

/// How far everybody is.
#[derive(Debug, Clone, Copy)]
struct Heads {
    log: i64,
    /// The serving read models.
    serving: i64,
    /// The webhook matcher.
    matcher: i64,
}

impl Heads {
    async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let (log, serving, matcher): (Option<i64>, Option<i64>, Option<i64>) = sqlx::query_as(
            "select (select max(position) from events),
               (select position from projection_serving),
               (select position from dispatcher_checkpoint where name = 'matcher')",
        )
        .fetch_one(connection)
        .await
        .context("cannot read the checkpoints")?;
        Ok(Self {
            log: log.unwrap_or(0),
            serving: serving.unwrap_or(0),
            matcher: matcher.unwrap_or(0),
        })
    }

    fn are_quiet(&self) -> bool {
        self.serving >= self.log && self.matcher >= self.log
    }

    fn check(&self, findings: &mut Findings) {
        findings.set("head", self.log);
        for (name, position) in [("serving", self.serving), ("matcher", self.matcher)] {
            if position > self.log {
                findings.error(
                    "checkpoints",
                    format!("{name} is at {position}, ahead of the log's head {}", self.log),
                );
            } else if position < self.log {
                findings.error(
                    "checkpoints",
                    format!("{name} stays at {position}, behind the log's head {}", self.log),
                );
            }
        }
    }
}

/// One snapshot in which everybody has caught up, or the last one before patience ended.
async fn quiet_snapshot<'c>(
    connection: &'c mut PgConnection,
    findings: &mut Findings,
) -> anyhow::Result<Transaction<'c, Postgres>> {
    let deadline = Deadline::after(QUIET_PATIENCE);
    loop {
        let heads = Heads::read(connection).await?;
        if heads.are_quiet() || !deadline.pause(LOOK_EVERY).await {
            break;
        }
    }
    findings.count("snapshots");
    let mut snapshot = connection
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    // A role that row security applies to would see an empty database and find everything in order: let it fail.
    snapshot.execute("set local row_security = off").await?;
    Ok(snapshot)
}
