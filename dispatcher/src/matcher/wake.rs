//! Listens to the broker: wakes the matcher, and acknowledges what it has matched.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, WakeConsumer, WakeMessage};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The durable consumer's name.
const DURABLE: &str = "dispatcher";
const RETRY_PAUSE: Duration = Duration::from_millis(200);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Messages that wait for the matcher to pass them; an acknowledgement covers all before it, so few are kept.
const UNACKNOWLEDGED_MAX: usize = 256;

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
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pause = RETRY_PAUSE;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                ended = self.listen() => match ended {
                    Heard::Something(error) => {
                        pause = RETRY_PAUSE;
                        tracing::warn!(%error, "the broker's consumer ended");
                    }
                    Heard::Nothing(error) => tracing::debug!(%error, "the broker is away; the log is polled"),
                },
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY_PAUSE_MAX),
            }
        }
    }

    async fn listen(&mut self) -> Heard {
        let mut consumer = match self.bus.wake_consumer(DURABLE).await {
            Ok(consumer) => consumer,
            Err(error) => return Heard::Nothing(error),
        };
        let mut heard = false;
        match self.follow(&mut consumer, &mut heard).await {
            Err(error) if heard => Heard::Something(error),
            Err(error) => Heard::Nothing(error),
            Ok(never) => match never {},
        }
    }

    async fn follow(
        &mut self,
        consumer: &mut WakeConsumer,
        heard: &mut bool,
    ) -> Result<std::convert::Infallible, BusError> {
        let mut unacknowledged: VecDeque<WakeMessage> = VecDeque::new();
        loop {
            tokio::select! {
                messages = consumer.next() => {
                    let messages = messages?;
                    *heard = true;
                    self.wake.notify_one();
                    self.note(&messages);
                    unacknowledged.extend(messages.into_iter().next_back());
                    while unacknowledged.len() > UNACKNOWLEDGED_MAX {
                        unacknowledged.pop_front();
                    }
                }
                moved = self.checkpoint.changed() => if moved.is_err() {
                    // The matcher is gone, and the process with it.
                    std::future::pending::<()>().await;
                }
            }
            let checkpoint = *self.checkpoint.borrow_and_update();
            let mut last = None;
            // A message without a position is somebody else's: nothing waits for it.
            while unacknowledged
                .front()
                .is_some_and(|message| message.position.is_none_or(|p| p <= checkpoint))
            {
                last = unacknowledged.pop_front();
            }
            if let Some(message) = last {
                message.acknowledge().await?;
            }
        }
    }

    /// Counts what did not continue the log; the matcher reads the log in any case.
    fn note(&self, messages: &[WakeMessage]) {
        self.metrics
            .wakes
            .inc_by(u64::try_from(messages.len()).unwrap_or_default());
        let mut expected = *self.checkpoint.borrow();
        for message in messages {
            let (Some(position), Some(previous)) = (message.position, message.previous) else {
                continue;
            };
            if previous > expected {
                self.metrics.holes.inc();
            }
            expected = expected.max(position);
        }
    }
}

/// How listening ended.
enum Heard {
    /// After some messages: the broker was there.
    Something(BusError),
    Nothing(BusError),
}
