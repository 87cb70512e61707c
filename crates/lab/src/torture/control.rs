//! Negative controls: real damage, done on purpose, which the run must notice. A judge that cannot condemn is no judge.
//!
//! None is a switch in the product: each is what a broken server, a careless operator or an older build would do, done
//! with the owner's rights on the database.

use std::time::Duration;

use anyhow::Context;
use sqlx::{Connection, Executor, PgConnection};

use super::blows::Card;
use super::world::World;
use crate::api;
use crate::clock::Deadline;
use crate::journal::Journal;

/// What is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Control {
    /// Postgres acknowledges before it has written, and dies while its writers are halted: it forgets what clients were
    /// told. (`fsync = off` would show nothing here, since the page cache survives a killed process.)
    LostAck,
    /// Checkpoints of the read models and of the webhook matcher are moved over events that nobody has read.
    SkipEvent,
    /// The records of idempotency keys are removed, and the same commands are sent again.
    DoubleEffect,
}

/// How far a checkpoint is moved.
const SKIPPED_EVENTS: i64 = 5;
const DOUBLED_COMMANDS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Control {
    pub(super) fn name(self) -> &'static str {
        match self {
            Control::LostAck => "lost-ack",
            Control::SkipEvent => "skip-event",
            Control::DoubleEffect => "double-effect",
        }
    }

    /// Settings that the product needs to bear the damage.
    pub(super) fn settings(self) -> Vec<(String, String)> {
        match self {
            Control::LostAck => vec![(
                "TRASTIENDA_TRIAL__ALLOW_UNSAFE_DURABILITY".to_owned(),
                "true".to_owned(),
            )],
            Control::SkipEvent | Control::DoubleEffect => Vec::new(),
        }
    }

    /// What is dealt instead of all cards.
    pub(super) fn cards(self, count: usize) -> Vec<Card> {
        match self {
            Control::LostAck => vec![Card::Unwritten; count],
            Control::SkipEvent | Control::DoubleEffect => Vec::new(),
        }
    }

    /// Before the load.
    pub(super) async fn prepare(self, database_url: &str) -> anyhow::Result<()> {
        if self != Control::LostAck {
            return Ok(());
        }
        let mut owner = PgConnection::connect(database_url).await?;
        for statement in [
            "alter system set synchronous_commit = off",
            "select pg_reload_conf()",
        ] {
            owner.execute(statement).await?;
        }
        Ok(owner.close().await?)
    }

    /// While the load runs.
    pub(super) async fn during(self, database_url: &str) -> anyhow::Result<()> {
        if self != Control::SkipEvent {
            return Ok(());
        }
        let mut owner = PgConnection::connect(database_url).await?;
        let serving: String = sqlx::query_scalar(
            "select g.schema from projection_groups g join projection_pointer p on g.id = p.serving",
        )
        .fetch_one(&mut owner)
        .await
        .context("cannot read which read models serve")?;
        for (table, name) in [
            ("projection_checkpoint", serving.as_str()),
            ("dispatcher_checkpoint", "matcher"),
        ] {
            skip(&mut owner, table, name)
                .await
                .with_context(|| format!("cannot move {name}"))?;
        }
        Ok(owner.close().await?)
    }

    /// After the load.
    pub(super) async fn after(self, database_url: &str, world: &World, acks: &Journal) -> anyhow::Result<()> {
        if self != Control::DoubleEffect {
            return Ok(());
        }
        for round in ["first", "second"] {
            for number in 0..DOUBLED_COMMANDS {
                world
                    .probe(format!("control-{number}"), acks)
                    .await
                    .context(round)?;
            }
            let mut owner = PgConnection::connect(database_url).await?;
            let forgotten = sqlx::query("delete from commands where tenant = $1 and id like 'control-%'")
                .bind(&world.tenant)
                .execute(&mut owner)
                .await?;
            anyhow::ensure!(
                forgotten.rows_affected() > 0,
                "no record was there to be forgotten"
            );
            owner.close().await?;
        }
        // The last records are there again, as they would be.
        for number in 0..DOUBLED_COMMANDS {
            let again = api::adjust_stock(super::world::STORE, &super::world::sku(0), 1, "probe");
            world.must(again.keyed(format!("control-{number}")), acks).await?;
        }
        Ok(())
    }
}

/// Holds a checkpoint's row until the log is further, and moves it over events that its owner has not read.
async fn skip(owner: &mut PgConnection, table: &str, name: &str) -> anyhow::Result<()> {
    let mut transaction = owner.begin().await?;
    // The tables' names are constants above.
    let read = format!("select position from {table} where name = $1 for update");
    let position: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(read))
        .bind(name)
        .fetch_one(&mut *transaction)
        .await?;
    let deadline = Deadline::after(PATIENCE);
    loop {
        let head: Option<i64> = sqlx::query_scalar("select max(position) from events")
            .fetch_one(&mut *transaction)
            .await?;
        if head.unwrap_or(0) >= position + SKIPPED_EVENTS * 4 {
            break;
        }
        anyhow::ensure!(deadline.pause(LOOK_EVERY).await, "the load is over already");
    }
    let skip = format!("update {table} set position = $2 where name = $1");
    sqlx::query(sqlx::AssertSqlSafe(skip))
        .bind(name)
        .bind(position + SKIPPED_EVENTS)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}
