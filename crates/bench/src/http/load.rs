//! A closed loop over many connections, on a thread and an executor of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::task::JoinSet;

use super::Connection;
use crate::histogram::Latencies;

/// When a load is over.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    After(Duration),
    /// So many answers.
    Count(u64),
}

/// Writes the request with this number.
pub type Write = dyn Fn(u64, &mut Vec<u8>) + Send + Sync;

/// What to send, and where.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: u32,
    pub until: Until,
    /// Numbers are drawn from here, each once.
    pub numbers: Arc<AtomicU64>,
    pub write: Arc<Write>,
}

/// What a load did.
#[derive(Debug, Clone)]
pub struct Measured {
    pub answered: u64,
    pub took: Duration,
    pub latencies: Latencies,
}

impl Load {
    /// Runs it. One thread: the product and its database want the other processor.
    ///
    /// # Errors
    /// When a connection fails or an answer is not a success: a load that is refused measures nothing.
    pub async fn run(self) -> anyhow::Result<Measured> {
        let thread = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(self.on_this_thread())
        };
        tokio::task::spawn_blocking(thread).await?
    }

    async fn on_this_thread(self) -> anyhow::Result<Measured> {
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(Connection::open(self.address).await?);
        }
        let left = Arc::new(AtomicU64::new(match self.until {
            Until::Count(count) => count,
            Until::After(_) => u64::MAX,
        }));
        let started = Instant::now();
        let ends = match self.until {
            Until::After(time) => Some(started + time),
            Until::Count(_) => None,
        };
        let mut loops = JoinSet::new();
        for connection in connections {
            loops.spawn(one(connection, self.clone(), Arc::clone(&left), ends));
        }
        let mut measured = Measured {
            answered: 0,
            took: Duration::ZERO,
            latencies: Latencies::new()?,
        };
        while let Some(ended) = loops.join_next().await {
            let (answered, latencies) = ended??;
            measured.answered += answered;
            measured.latencies.add(&latencies)?;
        }
        measured.took = started.elapsed();
        Ok(measured)
    }
}

async fn one(
    mut connection: Connection,
    load: Load,
    left: Arc<AtomicU64>,
    ends: Option<Instant>,
) -> anyhow::Result<(u64, Latencies)> {
    let (mut answered, mut latencies) = (0, Latencies::new()?);
    let mut request = Vec::with_capacity(2_048);
    let mut now = Instant::now();
    while ends.is_none_or(|ends| now < ends) && take(&left) {
        request.clear();
        (load.write)(load.numbers.fetch_add(1, Ordering::Relaxed), &mut request);
        let sent = Instant::now();
        let status = connection.exchange(&request).await?;
        now = Instant::now();
        latencies.record(now - sent);
        if !(200..300).contains(&status) {
            bail!(
                "answered {status}: {}",
                String::from_utf8_lossy(connection.body())
            );
        }
        answered += 1;
    }
    Ok((answered, latencies))
}

fn take(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
        .is_ok()
}
