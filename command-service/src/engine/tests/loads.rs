//! What loads may bring into the cache, and how much of a stream they hold at a time.

use domain::sales::{CompleteSale, PaymentRequest};
use event_store::{ReadError, StoredCommand};
use schemas::events::sale::{DraftLine, PaymentMethod};
use schemas::ids::SaleId;
use schemas::{RecordedEvent, Version};
use tokio::sync::Semaphore;

use super::*;
use crate::engine::snapshots::SnapshotWriter;

/// Reads the log at once, but hands over what it read only with a permit.
#[derive(Clone)]
struct LateReader {
    log: MemoryLog,
    permits: Arc<Semaphore>,
    reads: Arc<watch::Sender<usize>>,
}

impl LateReader {
    fn new(log: &MemoryLog) -> Self {
        Self {
            log: log.clone(),
            permits: Arc::new(Semaphore::new(0)),
            reads: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Waits until so many reads of streams were begun.
    async fn has_read(&self, times: usize) {
        let mut reads = self.reads.subscribe();
        reads.wait_for(|reads| *reads >= times).await.unwrap();
    }
}

impl LogReader for LateReader {
    async fn read_all(&self, after: Position, max: usize) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read_all(after, max).await
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
        max_each: usize,
    ) -> Result<Vec<Vec<RecordedEvent>>, ReadError> {
        let read = self.log.read_streams(streams, max_each).await;
        self.reads.send_modify(|reads| *reads += 1);
        self.permits.acquire().await.unwrap().forget();
        read
    }

    async fn head(&self) -> Result<Position, ReadError> {
        self.log.head().await
    }

    async fn commands(&self, ids: &[(TenantId, String)]) -> Result<Vec<Option<StoredCommand>>, ReadError> {
        self.log.commands(ids).await
    }
}

fn adjust(delta: i64) -> Submission {
    submission(TENANT, None, AdjustStock { delta, ..take_one() })
}

/// A shop with nothing left, and an engine on it that remembers nothing and reads late.
async fn empty_shop(options: EngineOptions) -> (MemoryLog, LateReader, Engine, Tasks) {
    let log = MemoryLog::new();
    let bench = Bench::start(&log, &[], EngineOptions::default());
    bench.open_shop(TENANT, 1).await;
    bench.accept(adjust(-1)).await;
    bench.tasks.stop(Duration::from_secs(10)).await.unwrap();
    let reader = LateReader::new(&log);
    let tasks = Tasks::new();
    let engine = Engine::start(
        &tasks,
        reader.clone(),
        log.writer().unwrap(),
        Some(log.head().await.unwrap()),
        None,
        Arc::new(SystemClock),
        options,
    );
    (log, reader, engine, tasks)
}

#[tokio::test]
async fn a_state_that_was_written_after_it_was_read_and_then_evicted_is_read_again() {
    let options = EngineOptions {
        cache_bytes: 1,
        ..EngineOptions::default()
    };
    let (_log, reader, engine, _tasks) = empty_shop(options).await;
    let mut refill = Box::pin(engine.submit(adjust(10)));
    assert!(futures::poll!(&mut refill).is_pending());
    reader.has_read(1).await;
    // This one's load waits behind the first, and reads the empty stock before the refill is durable.
    let mut take = Box::pin(engine.submit(adjust(-1)));
    assert!(futures::poll!(&mut take).is_pending());
    settle().await;
    reader.permits.add_permits(1);
    reader.has_read(2).await;
    assert!(matches!(refill.await, Ok(Reply::Accepted { .. })));
    // Any other command begins a turn, and the cache lets everything go.
    let mut other = Box::pin(engine.submit(adjust(1)));
    assert!(futures::poll!(&mut other).is_pending());
    settle().await;
    reader.permits.add_permits(1_000);
    let taken = take.await;
    assert!(matches!(taken, Ok(Reply::Accepted { .. })), "{taken:?}");
    assert!(matches!(other.await, Ok(Reply::Accepted { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_the_lease_was_lost_stays_out_of_the_cache() {
    let (log, reader, engine, _tasks) = empty_shop(EngineOptions::default()).await;
    let mut take = Box::pin(engine.submit(adjust(-1)));
    assert!(futures::poll!(&mut take).is_pending());
    reader.has_read(1).await;
    // Another owner refills, and leaves before this one notices.
    log.end_owner();
    let other = Bench::start(&log, &[], EngineOptions::default());
    let refilled = other.accept(adjust(10)).await;
    other.tasks.stop(Duration::from_secs(10)).await.unwrap();
    log.end_owner();
    engine.head().wait_for(|head| *head >= refilled).await.unwrap();
    reader.permits.add_permits(1_000);
    let taken = take.await;
    assert!(matches!(taken, Ok(Reply::Accepted { .. })), "{taken:?}");
}

#[tokio::test]
async fn a_long_stream_is_folded_in_pages_and_gets_a_snapshot() {
    let log = MemoryLog::new();
    let bench = Bench::start(&log, &[], EngineOptions::default());
    bench.open_shop(TENANT, 100).await;
    for _ in 0..50 {
        bench.accept(submission(TENANT, None, take_one())).await;
    }
    bench.tasks.stop(Duration::from_secs(10)).await.unwrap();
    drop(bench);
    let reader = LateReader::new(&log);
    reader.permits.add_permits(1_000);
    let (offered, mut snapshots) = mpsc::channel(8);
    let (to_loop, _inbox) = mpsc::unbounded_channel();
    let (_requests, requested) = mpsc::unbounded_channel();
    let bases = loader::Bases {
        snapshots: None,
        writer: Some(SnapshotWriter::new(offered, 40)),
    };
    let loader = loader::Loader::new(reader.clone(), bases, 8, to_loop, requested);
    let stock = log
        .read_all(Position::START, 1_000)
        .await
        .unwrap()
        .last()
        .unwrap()
        .stream
        .clone();
    let short = StreamName::new("sale", "none");
    let wanted = [&stock, &short].map(|stream| (tenant(TENANT), stream.clone()));
    let loaded = loader.read(wanted.to_vec()).await.unwrap();
    let events = log
        .read_stream(&tenant(TENANT), &stock, Version::EMPTY, 1_000)
        .await
        .unwrap();
    let mut expected = State::initial(&stock);
    for event in &events {
        expected.evolve(&event.event().unwrap());
    }
    let resident = &loaded[&wanted[0]];
    let version = events.last().unwrap().version;
    assert_eq!(resident.version, version);
    assert_eq!(
        serde_json::to_value(&resident.state).unwrap(),
        serde_json::to_value(&expected).unwrap()
    );
    assert_eq!(loaded[&wanted[1]].version, Version::EMPTY);
    // Four of each while both are read, then eight of the long one.
    let pages = 1 + (events.len() - 4) / 8 + 1;
    assert_eq!(*reader.reads.borrow(), pages);
    assert_eq!(resident.snapshot, version);
    let snapshot = snapshots.try_recv().unwrap();
    assert_eq!((snapshot.stream, snapshot.version), (stock, version));
    assert!(snapshots.try_recv().is_err(), "the short one needs none");
}

#[tokio::test]
async fn a_small_page_decides_the_same() {
    let log = MemoryLog::new();
    let bench = Bench::start(&log, &[], EngineOptions::default());
    bench.open_shop(TENANT, 30).await;
    for _ in 0..25 {
        bench.accept(submission(TENANT, None, take_one())).await;
    }
    bench.tasks.stop(Duration::from_secs(10)).await.unwrap();
    log.end_owner();
    let options = EngineOptions {
        load_events_max: 1,
        ..EngineOptions::default()
    };
    let bench = Bench::start(&log, &[], options);
    let all = join_all((0..10).map(|_| bench.engine.submit(submission(TENANT, None, take_one())))).await;
    let accepted = all
        .iter()
        .filter(|r| matches!(r, Ok(Reply::Accepted { .. })))
        .count();
    assert_eq!(accepted, 5);
}

/// Sells one piece for its price of 100.
fn sell(sale_id: Option<&str>) -> Submission {
    let sku = Sku::new("CABLE").unwrap();
    let line = DraftLine {
        sku: Some(sku),
        unit: None,
        quantity: Quantity::new(1).unwrap(),
        unit_price_minor: None,
        discount: None,
    };
    let payment = PaymentRequest {
        method: PaymentMethod::Cash,
        amount_minor: Minor::new(100).unwrap(),
        reference: None,
    };
    let sale = CompleteSale {
        sale_id: sale_id.map(|id| SaleId::new(id).unwrap()),
        store: StoreId::new("centro").unwrap(),
        terminal: None,
        customer_id: None,
        lines: vec![line],
        discount: None,
        payments: vec![payment],
        reservation_id: None,
        occurred_at: None,
    };
    submission(TENANT, None, sale)
}

#[tokio::test]
async fn an_id_that_was_drawn_for_a_command_names_an_empty_stream_and_one_that_was_given_is_looked_up() {
    let (log, reader, engine, _tasks) = empty_shop(EngineOptions::default()).await;
    reader.permits.add_permits(1_000);
    let reads = || *reader.reads.borrow();
    let accepted = async |submission| {
        let reply = engine.submit(submission).await;
        assert!(matches!(reply, Ok(Reply::Accepted { .. })), "{reply:?}");
    };
    accepted(adjust(10)).await;
    accepted(sell(None)).await;
    let known = reads();
    accepted(sell(None)).await;
    assert_eq!(reads(), known, "nothing is left to look up");
    accepted(sell(Some("caja-1-0001"))).await;
    assert_eq!(reads(), known + 1, "a caller's id may have been used before");
    for fault in [Fault::LostBeforeCommit, Fault::LostAfterCommit] {
        let head = log.head().await.unwrap();
        log.fail_next(fault);
        accepted(sell(None)).await;
        let head = head.0 + 2;
        assert_eq!(log.head().await.unwrap(), Position(head), "once, after {fault:?}");
    }
    assert!(
        reads() > known + 1,
        "after a failed append nothing is taken for granted"
    );
}
