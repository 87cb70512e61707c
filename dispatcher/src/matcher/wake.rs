//! Listens to the broker and wakes the matcher.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, Wake};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The broker's side of the matcher.
pub struct Listener {
    pub bus: Bus,
    pub wake: Arc<Notify>,
    pub checkpoint: watch::Receiver<i64>,
    pub metrics: Metrics,
}

impl Listener {
    /// Works until the stop. A broker that is away is no failure: the matcher polls the log.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut is_heard = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                ended = self.listen(&mut is_heard) => {
                    let Err(error) = ended;
                    // Once per outage.
                    if std::mem::take(&mut is_heard) {
                        tracing::warn!(%error, "the broker is not heard; the log is polled");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(RETRY_PAUSE) => {}
            }
        }
    }

    /// Hears the broker until it fails; says in `is_heard` that it was heard.
    async fn listen(&self, is_heard: &mut bool) -> Result<std::convert::Infallible, BusError> {
        let mut wakes = self.bus.wakes().await?;
        if !std::mem::replace(is_heard, true) {
            tracing::info!("the broker is heard again");
        }
        loop {
            let heard = wakes.next().await?;
            self.wake.notify_one();
            self.note(&heard);
        }
    }

    /// Counts what did not continue the log; the matcher reads the log in any case.
    fn note(&self, wakes: &[Wake]) {
        let heard = u64::try_from(wakes.len()).unwrap_or_default();
        self.metrics.wakes.inc_by(heard);
        let mut expected = *self.checkpoint.borrow();
        for wake in wakes {
            if wake.previous > expected {
                self.metrics.holes.inc();
            }
            expected = expected.max(wake.position);
        }
    }
}
