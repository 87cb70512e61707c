//! All read models from empty tables to the end of the product's log while it serves, beside a raw scan of that log: what
//! an operator gets from `trastienda projections rebuild`.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use event_store::PostgresReader;
use lab::clock::Deadline;
use platform::db::{self, DbRole};
use sqlx::PgPool;
use tokio::process::Command;

use crate::histogram::rate;
use crate::product::Product;
use crate::projector_rate::Followed;
use crate::scan::scan;

const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const CONNECTIONS: u32 = 2;

/// What a rebuild took.
#[derive(Debug, Clone, Copy)]
pub struct Rebuilt {
    /// Until the new tables have their indexes and have caught up.
    pub followed: Followed,
    /// The whole command, in seconds: with the comparison, without the switch.
    pub whole_s: f64,
}

/// Rebuilds up to the switch, and drops the new tables: they would be fed, too, from here on, and tables that queries
/// have just left would have to be kept for a while.
///
/// # Errors
/// When the product refuses, or takes longer than ten minutes.
pub async fn measure(product: &Product, binary: &Path) -> anyhow::Result<Rebuilt> {
    let pool = db::pool(&product.database_url(), DbRole::Engine, CONNECTIONS).await?;
    let reader = PostgresReader::new(pool.clone());
    let before = scan(&reader).await?;
    let known: i64 = sqlx::query_scalar("select coalesce(max(id), 0) from projection_requests")
        .fetch_one(&product.pool)
        .await?;
    let started = Instant::now();
    let (done, took) = tokio::join!(
        projections(product, binary, &["rebuild", "--hold"]),
        filled(&product.pool, known)
    );
    let whole_s = started.elapsed().as_secs_f64();
    done?;
    let took = took?;
    let after = scan(&reader).await?;
    pool.close().await;
    projections(product, binary, &["drop"]).await?;
    Ok(Rebuilt {
        followed: Followed {
            projector: rate(after.0, took),
            scan: f64::midpoint(rate(before.0, before.1), rate(after.0, after.1)),
        },
        whole_s,
    })
}

/// `trastienda projections …` on the running product.
async fn projections(product: &Product, binary: &Path, command: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(binary)
        .arg("projections")
        .args(command)
        .arg("--data")
        .arg(&product.data)
        .env_remove("TRASTIENDA_BIN")
        .env_remove("TRASTIENDA_NATS_SERVER")
        .env_remove("TRASTIENDA_TOOLS")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output)
        .await
        .with_context(|| format!("projections {command:?} does not end"))??;
    ensure!(
        output.status.success(),
        "projections {command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// From the moment when the first request after `known` is taken up, with tables that are empty, to the beginning of the comparison.
async fn filled(pool: &PgPool, known: i64) -> anyhow::Result<Duration> {
    let deadline = Deadline::after(PATIENCE);
    let mut started = None;
    loop {
        let phase: Option<String> =
            sqlx::query_scalar("select phase from projection_requests where id > $1 order by id limit 1")
                .bind(known)
                .fetch_optional(pool)
                .await?;
        match (phase.as_deref(), started) {
            (None | Some("waiting"), _) => {}
            (Some("comparing" | "switching" | "done"), Some(started)) => return Ok(Instant::now() - started),
            (Some("done"), None) => anyhow::bail!("the rebuild was over before it was seen"),
            (Some(_), None) => started = Some(Instant::now()),
            (Some(_), Some(_)) => {}
        }
        ensure!(
            deadline.pause(LOOK_EVERY).await,
            "the read models are not full in time"
        );
    }
}
