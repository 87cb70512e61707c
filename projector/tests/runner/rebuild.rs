//! A second group beside the one that queries read: filled, compared, switched to and back, however it is interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use event_store::{LogReader, MemoryLog, ReadError, StoredCommand};
use projector::groups::requests::{self, Action, Progress, Wish};
use schemas::{Position, RecordedEvent, StreamName, TenantId, Version};
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::events::{completed, issued, item_created, received};
use crate::support::{Log, Models};

/// 1,000 pieces in, then sales of one piece; two events per sale.
async fn shop(sales: usize) -> Log {
    let mut log = Log::new();
    log.append("t1", vec![("stock/centro/A", received("centro", "A", 1000))])
        .await;
    for sale in 0..sales {
        sell(&mut log, &format!("s{sale}")).await;
    }
    log
}

async fn sell(log: &mut Log, id: &str) -> i64 {
    let events = [
        (format!("sale/{id}"), completed(id, None, "2026-11-01", &["A"])),
        ("stock/centro/A".to_owned(), issued("centro", "A", id)),
    ];
    let events = events
        .iter()
        .map(|(stream, event)| (stream.as_str(), event.clone()));
    log.append("t1", events.collect()).await
}

/// What queries would read: the schema, the position, and pieces in it.
async fn serving(models: &Models) -> (String, i64, i64) {
    let (schema, position): (String, i64) = sqlx::query_as("select schema, position from projection_serving")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    let on_hand: Option<i64> =
        sqlx::query_scalar(AssertSqlSafe(format!("select on_hand from {schema}.rm_stock")))
            .fetch_optional(&models.engine)
            .await
            .unwrap();
    (schema, position, on_hand.unwrap_or_default())
}

async fn reached(models: &Models, schema: &str, position: i64) {
    let deadline = tokio::time::Instant::now() + testkit::PATIENCE;
    loop {
        let at: Option<i64> =
            sqlx::query_scalar("select position from projection_checkpoint where name = $1")
                .bind(schema)
                .fetch_optional(&models.engine)
                .await
                .unwrap();
        if at == Some(position) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{schema} is at {at:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[track_caller]
fn succeeded(progress: &Progress) {
    assert_eq!(progress.ok, Some(true), "{:?}", progress.outcome);
}

#[tokio::test]
async fn a_rebuilt_group_is_switched_to_and_back_and_dropped() {
    let models = Models::new().await;
    let mut log = shop(20).await;
    let (tasks, _handle, _head) = models.project(log.reader.clone());
    succeeded(&models.request(Wish::new(Action::Rebuild)).await);
    assert_eq!(serving(&models).await, ("rm_1".to_owned(), 41, 980));
    let last = sell(&mut log, "later").await;
    reached(&models, "rm_1", last).await;
    reached(&models, "public", last).await;
    succeeded(&models.request(Wish::new(Action::SwitchBack)).await);
    assert_eq!(serving(&models).await, ("public".to_owned(), last, 979));
    let last = sell(&mut log, "last").await;
    reached(&models, "public", last).await;
    let refused = Wish {
        group: Some(0),
        ..Wish::new(Action::Drop)
    };
    assert_eq!(models.request(refused).await.ok, Some(false), "queries read it");
    succeeded(&models.request(Wish::new(Action::Drop)).await);
    let schemas: Vec<String> =
        sqlx::query_scalar("select nspname::text from pg_namespace where nspname like 'rm\\_%'")
            .fetch_all(&models.engine)
            .await
            .unwrap();
    assert!(schemas.is_empty(), "{schemas:?}");
    succeeded(&models.request(Wish::new(Action::Rebuild)).await);
    assert_eq!(
        serving(&models).await,
        ("rm_2".to_owned(), last, 978),
        "a number is never used again"
    );
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_planted_difference_stops_the_switch_until_it_is_forced() {
    let models = Models::new().await;
    let log = shop(5).await;
    let (tasks, _handle, _head) = models.project(log.reader.clone());
    reached(&models, "public", 11).await;
    sqlx::query("update rm_stock set on_hand = on_hand + 1")
        .execute(&models.engine)
        .await
        .unwrap();
    sqlx::query("delete from rm_sale_lines where sale_id = 's3'")
        .execute(&models.engine)
        .await
        .unwrap();
    let stopped = models.request(Wish::new(Action::Rebuild)).await;
    assert_eq!(stopped.ok, Some(false));
    let said = stopped.outcome.unwrap();
    assert!(said.contains("2 rows differ"), "{said}");
    assert!(
        said.contains("stock: 1 rows") && said.contains(r#""sku": "A""#),
        "{said}"
    );
    assert!(
        said.contains("sale_lines: 1 rows") && said.contains("s3"),
        "{said}"
    );
    assert_eq!(serving(&models).await.0, "public");
    let forced = Wish {
        force: true,
        ..Wish::new(Action::Switch)
    };
    succeeded(&models.request(forced).await);
    assert_eq!(serving(&models).await, ("rm_1".to_owned(), 11, 995));
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_frozen_row_is_repaired_by_a_rebuild() {
    let models = Models::new().await;
    let mut log = Log::new();
    let owner = PgPool::connect(models.url()).await.unwrap();
    // As a defect of an earlier release: it goes with the group that has it.
    sqlx::query("alter table rm_stock add constraint refused check (on_hand < 8)")
        .execute(&owner)
        .await
        .unwrap();
    log.append("t1", vec![("stock/centro/A", received("centro", "A", 5))])
        .await;
    log.append("t1", vec![("stock/centro/A", received("centro", "A", 5))])
        .await;
    let last = log.append("t1", vec![("item/A", item_created("A"))]).await;
    let (tasks, _handle, _head) = models.project(log.reader.clone());
    reached(&models, "public", last).await;
    assert_eq!(serving(&models).await.2, 5, "frozen before its second receipt");
    let progress = models.request(Wish::new(Action::Rebuild)).await;
    succeeded(&progress);
    let report: String = sqlx::query_scalar("select report from projection_groups where id = 1")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert!(report.contains("1 frozen"), "{report}");
    assert_eq!(serving(&models).await, ("rm_1".to_owned(), last, 10));
    let frozen: i64 = sqlx::query_scalar("select count(*) from rm_1.projection_poison")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert_eq!(frozen, 0);
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}

/// A log that ends early until it is let go on.
#[derive(Clone)]
struct Gate {
    log: MemoryLog,
    until: Arc<AtomicI64>,
}

impl LogReader for Gate {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        let until = self.until.load(Ordering::SeqCst);
        let mut events = self.log.read_all(after, max).await?;
        events.retain(|event| event.position.0 <= until);
        Ok(events)
    }

    async fn read_stream(
        &self,
        tenant: &TenantId,
        stream: &StreamName,
        after: Version,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read_stream(tenant, stream, after, max).await
    }

    async fn read_streams(
        &self,
        streams: &[(TenantId, StreamName, Version)],
        max: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        self.log.read_streams(streams, max).await
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.log.head().await
    }

    async fn commands(&self, ids: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        self.log.commands(ids).await
    }
}

/// Ends every task at once, wherever it stands, as a kill does.
async fn kill(runtime: tokio::runtime::Runtime) {
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_rebuild_whose_projector_is_killed_goes_on_with_the_next_one() {
    let models = Models::new().await;
    let log = shop(30).await;
    let gate = Gate {
        log: log.reader.clone(),
        until: Arc::new(AtomicI64::new(61)),
    };
    let killed = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let url = models.url().to_owned();
    let reader = gate.clone();
    killed.spawn(async move {
        let pool = platform::db::pool(&url, platform::db::DbRole::Engine, 4)
            .await
            .unwrap();
        let (_head, wake) = tokio::sync::watch::channel(Position::START);
        let clock = Arc::new(platform::clock::SystemClock);
        let options = projector::ProjectorOptions::new(clock);
        let tasks = platform::tasks::Tasks::new();
        let _handle = projector::Projector::start(&tasks, reader, pool, options, wake);
        std::future::pending::<()>().await;
    });
    reached(&models, "public", 61).await;
    gate.until.store(30, Ordering::SeqCst);
    let request = requests::submit(
        &mut models.engine.acquire().await.unwrap(),
        Wish::new(Action::Rebuild),
    )
    .await
    .unwrap();
    reached(&models, "rm_1", 30).await;
    kill(killed).await;
    assert_eq!(serving(&models).await, ("public".to_owned(), 61, 970));
    gate.until.store(61, Ordering::SeqCst);
    let (tasks, _handle, _head) = models.project(gate);
    succeeded(&models.outcome(request).await);
    assert_eq!(
        serving(&models).await,
        ("rm_1".to_owned(), 61, 970),
        "the same group, each event once"
    );
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_switch_whose_backend_is_killed_changes_nothing_and_is_done_again() {
    let models = Models::new().await;
    let log = shop(3).await;
    let (tasks, _handle, _head) = models.project(log.reader.clone());
    reached(&models, "public", 7).await;
    // Whoever switches stands in the middle of its transaction now.
    let mut blocker = models.engine.begin().await.unwrap();
    sqlx::query("select serving from projection_pointer for update")
        .execute(&mut *blocker)
        .await
        .unwrap();
    let request = requests::submit(
        &mut models.engine.acquire().await.unwrap(),
        Wish::new(Action::Rebuild),
    )
    .await
    .unwrap();
    loop {
        let killed: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like '%update projection_pointer%'",
        )
        .fetch_all(&models.engine)
        .await
        .unwrap();
        if !killed.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(serving(&models).await.0, "public");
    blocker.rollback().await.unwrap();
    succeeded(&models.outcome(request).await);
    assert_eq!(serving(&models).await, ("rm_1".to_owned(), 7, 997));
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let models = Models::new().await;
    let log = shop(1).await;
    let (tasks, _handle, _head) = models.project(log.reader.clone());
    for action in [Action::Switch, Action::SwitchBack] {
        let progress = models.request(Wish::new(action)).await;
        assert_eq!(progress.ok, Some(false));
        assert!(progress.outcome.unwrap().contains("group"));
    }
    let held = Wish {
        hold: true,
        ..Wish::new(Action::Rebuild)
    };
    succeeded(&models.request(held).await);
    assert_eq!(serving(&models).await.0, "public", "it waits for the word");
    succeeded(&models.request(Wish::new(Action::Switch)).await);
    assert_eq!(serving(&models).await.0, "rm_1");
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}
