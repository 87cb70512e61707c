//! How many documents are drawn at once: few, beside the commands, and nobody waits long.

use std::sync::Arc;
use std::time::Duration;

use platform::http::{Problem, codes};
use tokio::sync::Semaphore;

/// Documents drawn at the same time.
const AT_ONCE: usize = 2;
/// Requests that wait for their turn.
const WAITING: usize = 64;
/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bounded pool of drawing threads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Renderer {
    drawing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Renderer {
    fn default() -> Self {
        Self {
            drawing: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

impl Renderer {
    /// Draws on a thread of its own, when it is this one's turn.
    ///
    /// # Errors
    /// 503 `service.busy` when too many wait; whatever the drawing fails with.
    pub async fn draw<T: Send + 'static>(
        &self,
        drawing: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || Problem::new(&codes::SERVICE_BUSY).retry_after(1);
        let _place = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.drawing).acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        // The turn goes along: a caller who leaves does not make room that is not there.
        let drawn = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            drawing()
        });
        drawn.await.map_err(|error| {
            tracing::error!(%error, "a document could not be drawn");
            Problem::new(&codes::INTERNAL)
        })?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_than_may_wait_are_turned_away_and_the_others_are_drawn() {
        let renderer = Renderer::default();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let mut drawings = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (renderer, gate, started) = (renderer.clone(), Arc::clone(&gate), started.clone());
            drawings.spawn(async move {
                renderer
                    .draw(move || {
                        started.send(()).unwrap();
                        gate.lock().unwrap().recv().unwrap();
                        Ok(())
                    })
                    .await
            });
        }
        for _ in 0..AT_ONCE {
            starts.recv().await.unwrap();
        }
        let held: Vec<_> = (0..WAITING - AT_ONCE)
            .map(|_| Arc::clone(&renderer.waiting).try_acquire_owned().unwrap())
            .collect();
        let turned_away = renderer.draw(|| Ok(())).await.unwrap_err();
        assert_eq!(turned_away.code, "service.busy");
        drop(held);
        for _ in 0..AT_ONCE {
            open.send(()).unwrap();
        }
        while let Some(drawn) = drawings.join_next().await {
            drawn.unwrap().unwrap();
        }
        renderer.draw(|| Ok(())).await.unwrap();
    }
}
