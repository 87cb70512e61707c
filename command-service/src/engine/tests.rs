//! The engine over the memory log, with a writer that fails on purpose.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::admin::{CreateTenant, OpenStore, SetTaxRate};
use domain::catalogue::CreateItem;
use domain::stock::{AdjustStock, ReceiptLine, ReceiveStock};
use event_store::memory::{Fault, MemoryHeartbeat, MemoryLog, MemoryWriter};
use event_store::{Append, AppendError, Appended, LogReader, LogWriter};
use futures::future::join_all;
use platform::clock::SystemClock;
use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::ids::{Sku, StoreId, TaxCode};
use schemas::{Currency, Minor, Quantity};

use super::*;

mod loads;
mod numbers;
mod repeats;
mod standby;
mod two_engines;

const TENANT: &str = "tienda";

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn submission(of: &str, key: Option<&str>, command: impl Into<Command>) -> Submission {
    let command = command.into();
    let fingerprint = key.map_or([0; 32], |_| {
        let mut print = [0; 32];
        let text = format!("{command:?}");
        for (place, byte) in text.bytes().enumerate() {
            print[place % 32] ^= byte.rotate_left(u32::try_from(place % 7).unwrap());
        }
        print
    });
    Submission {
        tenant: tenant(of),
        actor: Actor::System {
            name: "test".to_owned(),
        },
        reason: None,
        traceparent: None,
        key: key.map(str::to_owned),
        fingerprint,
        command,
    }
}

/// A writer that counts appends, waits for a gate, and refuses batches that hold a marked command.
struct TestWriter {
    inner: MemoryWriter,
    appends: Arc<AtomicUsize>,
    largest: Arc<AtomicUsize>,
    /// Command ids that the "database" refuses.
    poison: HashSet<String>,
    gate: Arc<tokio::sync::Semaphore>,
}

impl LogWriter for TestWriter {
    type Heartbeat = MemoryHeartbeat;

    fn heartbeat(&self) -> MemoryHeartbeat {
        self.inner.heartbeat()
    }

    async fn append(&mut self, batch: &[Append]) -> Result<Vec<Appended>, AppendError> {
        self.gate
            .acquire()
            .await
            .map_err(|e| AppendError::Unusable(e.to_string()))?
            .forget();
        self.gate.add_permits(1);
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.largest.fetch_max(batch.len(), Ordering::SeqCst);
        if batch.iter().any(|append| self.poison.contains(&append.record.id)) {
            return Err(AppendError::Rejected("a row is refused".into()));
        }
        self.inner.append(batch).await
    }

    async fn check(&mut self) -> Result<(), AppendError> {
        self.inner.check().await
    }

    async fn recover(&mut self) -> Result<Position, AppendError> {
        self.inner.recover().await
    }
}

struct Bench {
    log: MemoryLog,
    engine: Engine,
    tasks: Tasks,
    appends: Arc<AtomicUsize>,
    largest: Arc<AtomicUsize>,
    gate: Arc<tokio::sync::Semaphore>,
}

impl Bench {
    fn start(log: &MemoryLog, poison: &[&str], options: EngineOptions) -> Self {
        let tasks = Tasks::new();
        let appends = Arc::new(AtomicUsize::new(0));
        let largest = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::Semaphore::new(1));
        let writer = TestWriter {
            inner: log.writer().unwrap(),
            appends: Arc::clone(&appends),
            largest: Arc::clone(&largest),
            poison: poison.iter().map(|id| (*id).to_owned()).collect(),
            gate: Arc::clone(&gate),
        };
        let engine = Engine::start(
            &tasks,
            log.clone(),
            writer,
            Some(Position::START),
            None,
            Arc::new(SystemClock),
            options,
        );
        Self {
            log: log.clone(),
            engine,
            tasks,
            appends,
            largest,
            gate,
        }
    }

    fn fresh() -> Self {
        Self::start(&MemoryLog::new(), &[], EngineOptions::default())
    }

    /// Holds every append back until the permit is given again.
    async fn close_gate(&self) -> tokio::sync::OwnedSemaphorePermit {
        Arc::clone(&self.gate).acquire_owned().await.unwrap()
    }

    async fn accept(&self, submission: Submission) -> Position {
        match self.engine.submit(submission).await.unwrap() {
            Reply::Accepted { position, .. } => position,
            Reply::Refused { refusal, .. } => panic!("refused: {refusal}"),
        }
    }

    /// A tenant with a store, an item and some stock.
    async fn open_shop(&self, name: &str, on_hand: i64) {
        let create = CreateTenant {
            name: "Tienda".to_owned(),
            currency: Currency::new("HNL").unwrap(),
            time_zone: "America/Tegucigalpa".to_owned(),
            prices_include_tax: true,
            stock_policy: StockPolicy::Strict,
        };
        self.accept(submission(name, None, create)).await;
        let store = StoreId::new("centro").unwrap();
        self.accept(submission(
            name,
            None,
            OpenStore {
                store: store.clone(),
                name: "Centro".to_owned(),
            },
        ))
        .await;
        let sku = Sku::new("CABLE").unwrap();
        let item = CreateItem {
            sku: sku.clone(),
            name: "Cable".to_owned(),
            kind: ItemKind::Counted,
            price_minor: Minor::new(100).unwrap(),
            tax_code: None,
            details: ItemDetails::default(),
        };
        self.accept(submission(name, None, item)).await;
        let line = ReceiptLine {
            sku,
            quantity: Quantity::new(on_hand).unwrap(),
            unit_cost_minor: None,
            units: Vec::new(),
        };
        self.accept(submission(
            name,
            None,
            ReceiveStock {
                store,
                reference: None,
                lines: vec![line],
            },
        ))
        .await;
    }

    async fn events(&self) -> usize {
        self.log.read_all(Position::START, 10_000).await.unwrap().len()
    }
}

fn take_one() -> AdjustStock {
    AdjustStock {
        store: StoreId::new("centro").unwrap(),
        sku: Sku::new("CABLE").unwrap(),
        delta: -1,
        comment: None,
    }
}

/// Lets every task of this single-threaded runtime run until it waits for something.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn commands_of_one_batch_see_each_other_and_the_last_unit_is_sold_once() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 10).await;
    let closed = bench.close_gate().await;
    let before = bench.appends.load(Ordering::SeqCst);
    let all = join_all((0..25).map(|_| bench.engine.submit(submission(TENANT, None, take_one()))));
    let (results, ()) = tokio::join!(all, async { drop(closed) });
    let accepted = results
        .iter()
        .filter(|r| matches!(r, Ok(Reply::Accepted { .. })))
        .count();
    let refused = results
        .iter()
        .filter(|r| matches!(r, Ok(Reply::Refused { .. })))
        .count();
    assert_eq!((accepted, refused), (10, 15));
    assert!(
        bench.appends.load(Ordering::SeqCst) - before < 25,
        "commands that wait together share an append"
    );
    assert!(bench.largest.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_adds_nothing() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 10).await;
    let first = bench.accept(submission(TENANT, Some("k1"), take_one())).await;
    let events = bench.events().await;
    match bench
        .engine
        .submit(submission(TENANT, Some("k1"), take_one()))
        .await
        .unwrap()
    {
        Reply::Accepted {
            position, replayed, ..
        } => assert_eq!((position, replayed), (first, true)),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.events().await, events);
    let other = AdjustStock {
        delta: -2,
        ..take_one()
    };
    let answer = bench.engine.submit(submission(TENANT, Some("k1"), other)).await;
    assert_eq!(answer.unwrap_err(), SubmitError::KeyReused);
}

#[tokio::test]
async fn a_refusal_is_remembered_under_its_key_even_when_it_would_succeed_now() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 1).await;
    let much = AdjustStock {
        delta: -5,
        ..take_one()
    };
    let refused = bench
        .engine
        .submit(submission(TENANT, Some("k"), much.clone()))
        .await
        .unwrap();
    assert!(matches!(refused, Reply::Refused { replayed: false, .. }));
    bench
        .accept(submission(
            TENANT,
            None,
            AdjustStock {
                delta: 50,
                ..take_one()
            },
        ))
        .await;
    let again = bench
        .engine
        .submit(submission(TENANT, Some("k"), much))
        .await
        .unwrap();
    assert!(matches!(again, Reply::Refused { replayed: true, .. }));
}

#[tokio::test]
async fn a_key_in_flight_is_a_conflict_and_answers_survive_a_restart() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 10).await;
    let closed = bench.close_gate().await;
    let engine = bench.engine.clone();
    let first = async { engine.submit(submission(TENANT, Some("k"), take_one())).await };
    let second = async {
        let answer = bench
            .engine
            .submit(submission(TENANT, Some("k"), take_one()))
            .await;
        drop(closed);
        answer
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first.unwrap(), Reply::Accepted { replayed: false, .. }));
    assert_eq!(second.unwrap_err(), SubmitError::KeyInFlight);
    bench.tasks.stop(Duration::from_secs(10)).await.unwrap();
    bench.log.end_owner();
    let after = Bench::start(&bench.log, &[], EngineOptions::default());
    let again = after
        .engine
        .submit(submission(TENANT, Some("k"), take_one()))
        .await
        .unwrap();
    assert!(matches!(again, Reply::Accepted { replayed: true, .. }));
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cancel_its_command() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 10).await;
    let events = bench.events().await;
    let closed = bench.close_gate().await;
    {
        let mut gone = Box::pin(bench.engine.submit(submission(TENANT, Some("gone"), take_one())));
        assert!(futures::poll!(&mut gone).is_pending());
    }
    drop(closed);
    // The key answers once the command that nobody waits for is durable.
    let answer = loop {
        match bench
            .engine
            .submit(submission(TENANT, Some("gone"), take_one()))
            .await
        {
            Err(SubmitError::KeyInFlight) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert!(matches!(answer, Reply::Accepted { replayed: true, .. }));
    assert_eq!(bench.events().await, events + 1);
}

#[tokio::test]
async fn one_bad_row_among_many_fails_alone() {
    let log = MemoryLog::new();
    let bench = Bench::start(&log, &["bad"], EngineOptions::default());
    bench.open_shop(TENANT, 100).await;
    let closed = bench.close_gate().await;
    let keys: Vec<String> = (0..50)
        .map(|n| {
            if n == 31 {
                "bad".to_owned()
            } else {
                format!("good-{n}")
            }
        })
        .collect();
    let all = join_all(
        keys.iter()
            .map(|key| bench.engine.submit(submission(TENANT, Some(key), take_one()))),
    );
    let (results, ()) = tokio::join!(all, async { drop(closed) });
    for (key, result) in keys.iter().zip(results) {
        match result {
            Ok(Reply::Accepted { .. }) => assert_ne!(key, "bad"),
            Err(SubmitError::Rejected) => assert_eq!(key, "bad"),
            other => panic!("{key}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_append_with_unknown_outcome_is_neither_lost_nor_doubled() {
    for fault in [Fault::LostAfterCommit, Fault::LostBeforeCommit] {
        let bench = Bench::fresh();
        bench.open_shop(TENANT, 100).await;
        let events = bench.events().await;
        let closed = bench.close_gate().await;
        bench.log.fail_next(fault);
        let all = join_all((0..20).map(|_| bench.engine.submit(submission(TENANT, None, take_one()))));
        let (results, ()) = tokio::join!(all, async { drop(closed) });
        assert!(
            results
                .iter()
                .all(|r| matches!(r, Ok(Reply::Accepted { replayed: false, .. }))),
            "{fault:?}"
        );
        assert_eq!(bench.events().await, events + 20, "{fault:?}");
    }
}

#[tokio::test]
async fn a_full_queue_says_so_and_one_tenant_does_not_starve_another() {
    let options = EngineOptions {
        queue_per_tenant: 4,
        queue_total: 64,
        in_flight_max: 1,
        ..EngineOptions::default()
    };
    let bench = Bench::start(&MemoryLog::new(), &[], options);
    bench.open_shop("busy", 100).await;
    bench.open_shop("calm", 100).await;
    let closed = bench.close_gate().await;
    let busy = join_all((0..40).map(|_| bench.engine.submit(submission("busy", None, take_one()))));
    let calm = bench.engine.submit(submission("calm", None, take_one()));
    let (busy, calm, ()) = tokio::join!(busy, calm, async { drop(closed) });
    assert!(busy.iter().any(|r| matches!(r, Err(SubmitError::Busy { .. }))));
    assert!(busy.iter().any(Result::is_ok));
    assert!(matches!(calm, Ok(Reply::Accepted { .. })));
}

#[tokio::test]
async fn a_small_cache_forgets_streams_and_decides_the_same() {
    let options = EngineOptions {
        cache_bytes: 1,
        ..EngineOptions::default()
    };
    let bench = Bench::start(&MemoryLog::new(), &[], options);
    bench.open_shop(TENANT, 10).await;
    for number in 0..10 {
        let rate = SetTaxRate {
            tax_code: TaxCode::new(&format!("T{number}")).unwrap(),
            name: "t".into(),
            rate_ppm: 1,
        };
        bench.accept(submission(TENANT, None, rate)).await;
        bench.accept(submission(TENANT, None, take_one())).await;
    }
    let last = bench
        .engine
        .submit(submission(TENANT, None, take_one()))
        .await
        .unwrap();
    assert!(
        matches!(last, Reply::Refused { .. }),
        "ten were there and ten are gone"
    );
}

#[tokio::test]
async fn nothing_is_answered_before_it_is_durable() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 1).await;
    let closed = bench.close_gate().await;
    let mut taken = Box::pin(bench.engine.submit(submission(TENANT, None, take_one())));
    // Refused only because of the one before it, which is not durable yet.
    let mut refused = Box::pin(bench.engine.submit(submission(TENANT, None, take_one())));
    for _ in 0..100 {
        assert!(futures::poll!(&mut taken).is_pending());
        assert!(futures::poll!(&mut refused).is_pending());
        tokio::task::yield_now().await;
    }
    drop(closed);
    assert!(matches!(taken.await, Ok(Reply::Accepted { .. })));
    assert!(matches!(refused.await, Ok(Reply::Refused { .. })));
}

#[tokio::test]
async fn a_command_of_many_streams_survives_a_recovery_with_a_cold_cache() {
    let log = MemoryLog::new();
    {
        let bench = Bench::start(&log, &[], EngineOptions::default());
        bench.open_shop(TENANT, 10).await;
        bench.tasks.stop(Duration::from_secs(10)).await.unwrap();
    }
    log.end_owner();
    // As many as the command reads: tenant, store, item and stock. What it held before the recovery must not count.
    let options = EngineOptions {
        streams_per_command_max: 4,
        ..EngineOptions::default()
    };
    let bench = Bench::start(&log, &[], options);
    bench.log.fail_next(Fault::LostBeforeCommit);
    bench.accept(submission(TENANT, None, take_one())).await;
}

#[tokio::test]
async fn a_stop_answers_whoever_still_waits() {
    let options = EngineOptions {
        in_flight_max: 1,
        ..EngineOptions::default()
    };
    let bench = Bench::start(&MemoryLog::new(), &[], options);
    bench.open_shop(TENANT, 10).await;
    let closed = bench.close_gate().await;
    let waiting = join_all((0..5).map(|_| bench.engine.submit(submission(TENANT, None, take_one()))));
    let stop = async {
        tokio::task::yield_now().await;
        let stopping = bench.tasks.stop(Duration::from_secs(10));
        let (stopped, ()) = tokio::join!(stopping, async { drop(closed) });
        stopped.unwrap();
    };
    let (answers, ()) = tokio::join!(waiting, stop);
    assert!(
        answers
            .iter()
            .any(|answer| matches!(answer, Err(SubmitError::Unavailable { .. })))
    );
    let late = bench.engine.submit(submission(TENANT, None, take_one())).await;
    assert_eq!(late.unwrap_err(), SubmitError::Unavailable { retry_after_s: 2 });
}
