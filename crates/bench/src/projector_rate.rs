//! The product's projector from nothing to the end of a log that it has never seen, beside a raw scan of that log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use event_store::{LogReader, PostgresReader};
use platform::clock::SystemClock;
use platform::db::{self, DbRole};
use platform::tasks::Tasks;
use projector::{Projector, ProjectorOptions};
use schemas::Position;
use tokio::sync::watch;

use crate::histogram::rate;
use crate::scan::scan;

const PATIENCE: Duration = Duration::from_secs(300);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// As many as a service has by default.
const CONNECTIONS: u32 = 8;

/// Events per second.
#[derive(Debug, Clone, Copy)]
pub struct Followed {
    pub projector: f64,
    /// Mean of before and after.
    pub scan: f64,
}

impl Followed {
    pub fn ratio(self) -> f64 {
        self.projector / self.scan
    }
}

/// `url` is of a fresh copy of the log, with empty read models.
///
/// # Errors
/// When the projector does not reach the end within five minutes.
pub async fn measure(url: &str) -> anyhow::Result<Followed> {
    let pool = db::pool(url, DbRole::Engine, CONNECTIONS).await?;
    let reader = PostgresReader::new(pool.clone());
    // The copy is cold: the first reading warms it, for everybody.
    scan(&reader).await?;
    let before = scan(&reader).await?;
    let (events, took) = project(&reader, &pool).await?;
    let after = scan(&reader).await?;
    pool.close().await;
    Ok(Followed {
        projector: rate(events, took),
        scan: f64::midpoint(rate(before.0, before.1), rate(after.0, after.1)),
    })
}

async fn project(reader: &PostgresReader, pool: &sqlx::PgPool) -> anyhow::Result<(u64, Duration)> {
    let head = reader.head().await?;
    let tasks = Tasks::new();
    let options = ProjectorOptions::new(Arc::new(SystemClock));
    let (_never_rings, wake) = watch::channel(Position::START);
    let started = Instant::now();
    let handle = Projector::start(&tasks, reader.clone(), pool.clone(), options, wake);
    let mut position = handle.position;
    let arrived = tokio::time::timeout(PATIENCE, position.wait_for(|position| *position >= head));
    arrived
        .await
        .context("the projector does not reach the end of the log")??;
    let took = started.elapsed();
    tasks.stop(STOP_WITHIN).await?;
    Ok((u64::try_from(head.0)?, took))
}
