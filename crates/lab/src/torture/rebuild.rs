//! A rebuild of the read models in the middle of a run, asked for as an operator would: through the command line.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use sqlx::{Connection, PgConnection};

use super::fleet::{Fleet, Operator};
use crate::clock::Deadline;

/// From the request to the switch, the death in its middle included.
const PATIENCE: Duration = Duration::from_secs(120);
/// The command line itself waits for the outcome; the run does not need that.
const ASKING: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(super) struct Rebuild {
    operator: Operator,
    database_url: String,
}

impl Rebuild {
    pub(super) fn of(fleet: &Fleet) -> Self {
        Self {
            operator: fleet.operator.clone(),
            database_url: fleet.database_url.clone(),
        }
    }

    /// Asks until a request is there; the servers may be starting.
    pub(super) async fn ask(&self) -> anyhow::Result<()> {
        let deadline = Deadline::after(PATIENCE);
        while self.open().await.unwrap_or(0) == 0 {
            let mut asking = self.operator.command(&["projections", "rebuild"]);
            // Whether it worked stands in the database; that the servers are down at times is the point.
            let mut asking = asking.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            let asked = Deadline::after(ASKING);
            // The request outlives its command line.
            while asking.try_wait()?.is_none() && self.open().await.unwrap_or(0) == 0 {
                if !asked.pause(LOOK_EVERY).await {
                    break;
                }
            }
            // It has nothing to undo; what it asked for stands in the database.
            asking.kill().await?;
            anyhow::ensure!(deadline.pause(LOOK_EVERY).await, "no rebuild can be asked for");
        }
        Ok(())
    }

    /// Waits for the outcome, which must be a switch, and drops what is not read any more.
    pub(super) async fn finish(&self) -> anyhow::Result<()> {
        let deadline = Deadline::after(PATIENCE);
        while self.open().await.unwrap_or(1) > 0 {
            anyhow::ensure!(deadline.pause(LOOK_EVERY).await, "the rebuild does not end");
        }
        let mut owner = PgConnection::connect(&self.database_url).await?;
        let (ok, outcome): (bool, String) = sqlx::query_as(
            "select ok, coalesce(outcome, '') from projection_requests
             where action = 'rebuild' order by id desc limit 1",
        )
        .fetch_one(&mut owner)
        .await
        .context("cannot read what became of the rebuild")?;
        anyhow::ensure!(ok, "the rebuild failed: {outcome}");
        sqlx::query("insert into projection_requests (action) values ('drop')")
            .execute(&mut owner)
            .await?;
        Ok(owner.close().await?)
    }

    /// Rebuilds that are asked for and not done.
    async fn open(&self) -> anyhow::Result<i64> {
        let mut owner = PgConnection::connect(&self.database_url).await?;
        let open = sqlx::query_scalar(
            "select count(*) from projection_requests where action = 'rebuild' and done_at is null",
        )
        .fetch_one(&mut owner)
        .await?;
        owner.close().await?;
        Ok(open)
    }
}
