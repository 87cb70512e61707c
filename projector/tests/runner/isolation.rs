//! What this build cannot read stops the projector; nothing is skipped.

use event_store::{LogReader, ReadError, StoredCommand};
use projector::models;
use projector::runner::{RunError, Runner};
use schemas::{Position, RecordedEvent, StreamName, TenantId, Version};

use crate::support::events::item_created;
use crate::support::{Log, Models};

/// The events of another log, one of them as a later release would write it.
#[derive(Clone)]
struct FromTheFuture {
    events: Vec<RecordedEvent>,
}

impl LogReader for FromTheFuture {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        Ok(self
            .events
            .iter()
            .filter(|event| event.position > after)
            .take(max)
            .cloned()
            .collect())
    }

    async fn read_stream(
        &self,
        _: &TenantId,
        _: &StreamName,
        _: Version,
        _: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        Ok(Vec::new())
    }

    async fn read_streams(
        &self,
        _: &[(TenantId, StreamName, Version)],
        _: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        Ok(Vec::new())
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(self.events.last().map_or(Position::START, |event| event.position))
    }

    async fn commands(&self, _: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn an_unknown_event_version_stops_the_projector_before_anything_lands() {
    let models = Models::new().await;
    let mut log = Log::new();
    log.append(
        "t1",
        vec![("item/A", item_created("A")), ("item/B", item_created("B"))],
    )
    .await;
    let mut events = log.reader.read_all(Position::START, 10).await.unwrap();
    events[1].schema_version = 2;
    let connection = models.engine.acquire().await.unwrap().detach();
    let mut runner = Runner::open(FromTheFuture { events }, connection, models::all(), 10)
        .await
        .unwrap();
    let error = runner.step().await.unwrap_err();
    assert!(matches!(error, RunError::Unreadable(_)));
    assert!(!error.is_passing(), "no retry helps");
    let rows: i64 = sqlx::query_scalar("select count(*) from rm_audit")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}
