//! Processes against the real engine over a private Postgres.

mod expiry;
mod races;
mod standing;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::admin::{CreateTenant, OpenStore};
use domain::catalogue::CreateItem;
use domain::processes::RESERVATION_EXPIRY;
use domain::reservations::{CreateReservation, ReservationLineRequest};
use domain::stock::{ReceiptLine, ReceiveStock};
use domain::{Command, Refusal};
use event_store::{LogReader, PostgresReader, PostgresWriter, WriterOptions};
use platform::clock::{Clock, SystemClock};
use platform::db::{self, DbRole};
use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::{Currency, Minor, Quantity, RecordedEvent, ReservationId, Sku, StoreId, TenantId};
use time::OffsetDateTime;

use super::*;
use crate::engine::{EngineOptions, Reply, Submission, SubmitError};

/// Long for a loaded machine; a condition that holds ends the wait.
const PATIENCE: Duration = testkit::PATIENCE;

/// The machine's clock, set back; tests set it forward.
struct SlowClock {
    behind_s: AtomicI64,
}

impl SlowClock {
    fn set_behind(&self, seconds: i64) {
        self.behind_s.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for SlowClock {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now() - time::Duration::seconds(self.behind_s.load(Ordering::SeqCst))
    }
}

/// A log with its owner, and as many runners of a process as a test starts.
struct Bench {
    _database: testkit::Database,
    pool: PgPool,
    reader: PostgresReader,
    engine: Engine,
    clock: Arc<SlowClock>,
    _tasks: Tasks,
}

impl Bench {
    async fn fresh() -> Self {
        let database = testkit::database_from_template("write side", |url| async move {
            Ok(db::migrate(&url, &crate::start::migrations()).await?)
        })
        .await;
        let pool = db::pool(database.url(), DbRole::Engine, 16).await.unwrap();
        let options = db::options(database.url(), DbRole::Engine).unwrap();
        let writer = PostgresWriter::open(options, WriterOptions::default())
            .await
            .unwrap();
        let (tasks, reader) = (Tasks::new(), PostgresReader::new(pool.clone()));
        let clock = Arc::new(SlowClock {
            behind_s: AtomicI64::new(0),
        });
        let head = writer.head();
        let engine = Engine::start(
            &tasks,
            reader.clone(),
            writer,
            head,
            None,
            Arc::clone(&clock) as _,
            EngineOptions::default(),
        );
        Self {
            _database: database,
            pool,
            reader,
            engine,
            clock,
            _tasks: tasks,
        }
    }

    fn write_side(&self) -> WriteSide {
        WriteSide {
            commands: Arc::new(self.engine.clone()),
            ownership: self.engine.ownership(),
            head: self.engine.head(),
        }
    }

    /// Starts a runner that does not rest for long; dropping or stopping what comes back ends it.
    fn run(&self, process: Process, write_side: &WriteSide) -> Tasks {
        let tasks = Tasks::new();
        let options = ProcessOptions {
            poll: (Duration::from_millis(1), Duration::from_millis(20)),
            answer_within: Duration::from_secs(20),
            retry: (Duration::from_millis(20), Duration::from_millis(200)),
            ..ProcessOptions::default()
        };
        start_one(&tasks, process, write_side, &self.reader, &self.pool, &options);
        tasks
    }

    fn expire(&self) -> Tasks {
        self.run(RESERVATION_EXPIRY, &self.write_side())
    }

    fn submission(&self, tenant: &str, command: impl Into<Command>) -> Submission {
        Submission {
            tenant: TenantId::new(tenant).unwrap(),
            actor: Actor::System {
                name: "test".to_owned(),
            },
            reason: None,
            traceparent: None,
            key: None,
            fingerprint: [0; 32],
            command: command.into(),
        }
    }

    async fn submit(&self, tenant: &str, command: impl Into<Command>) -> Result<(), Refusal> {
        match self
            .engine
            .submit(self.submission(tenant, command))
            .await
            .unwrap()
        {
            Reply::Accepted { .. } => Ok(()),
            Reply::Refused { refusal, .. } => Err(refusal),
        }
    }

    /// A shop with these items and so many pieces of each.
    async fn open_shop(&self, tenant: &str, items: usize, pieces: i64) {
        let create = CreateTenant {
            name: "Tienda".to_owned(),
            currency: Currency::new("HNL").unwrap(),
            time_zone: "America/Tegucigalpa".to_owned(),
            prices_include_tax: true,
            stock_policy: StockPolicy::Strict,
        };
        self.submit(tenant, create).await.unwrap();
        let open = OpenStore {
            store: centro(),
            name: "Centro".to_owned(),
        };
        self.submit(tenant, open).await.unwrap();
        let items: Vec<Sku> = (0..items).map(sku).collect();
        let created = items.iter().map(|sku| {
            let item = CreateItem {
                sku: sku.clone(),
                name: format!("Artículo {sku}"),
                kind: ItemKind::Counted,
                price_minor: Minor::new(100).unwrap(),
                tax_code: None,
                details: ItemDetails::default(),
            };
            self.submit(tenant, item)
        });
        for created in futures::future::join_all(created).await {
            created.unwrap();
        }
        let lines = items.into_iter().map(|sku| ReceiptLine {
            sku,
            quantity: Quantity::new(pieces).unwrap(),
            unit_cost_minor: None,
            units: Vec::new(),
        });
        let receipt = ReceiveStock {
            store: centro(),
            reference: None,
            lines: lines.collect(),
        };
        self.submit(tenant, receipt).await.unwrap();
    }

    /// Every event of these types, in order.
    async fn events(&self, types: &[&str]) -> Vec<RecordedEvent> {
        let head = self.reader.head().await.unwrap();
        let (mut found, mut after) = (Vec::new(), Position::START);
        loop {
            let page = self.reader.read_types(after, head, types, 10_000).await.unwrap();
            let Some(last) = page.last() else { return found };
            after = last.position;
            found.extend(page);
        }
    }

    async fn timers(&self) -> i64 {
        sqlx::query_scalar("select count(*) from process_timers")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until a process has looked at all of the log, and no timer is left.
    async fn has_settled(&self, process: Process) {
        let settled = async {
            loop {
                let left: bool = sqlx::query_scalar(
                    "select exists (select from process_timers) or not exists (
                       select from process_checkpoints where process = $1 and position >=
                         (select coalesce(max(position), 0) from events where type = any($2)))",
                )
                .bind(process.name)
                .bind(process.event_types)
                .fetch_one(&self.pool)
                .await
                .unwrap();
                if !left {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, settled).await;
        assert!(waited.is_ok(), "{} timers are left", self.timers().await);
    }

    async fn count(&self, event_type: &str) -> usize {
        self.events(&[event_type]).await.len()
    }
}

fn centro() -> StoreId {
    StoreId::new("centro").unwrap()
}

fn sku(number: usize) -> Sku {
    Sku::new(&format!("SKU-{number}")).unwrap()
}

fn id(number: usize) -> ReservationId {
    ReservationId::new(&format!("res-{number}")).unwrap()
}

/// One piece of an item, for a second.
fn reserve(number: usize, item: usize) -> CreateReservation {
    let line = ReservationLineRequest {
        sku: Some(sku(item)),
        unit: None,
        quantity: Quantity::ONE,
    };
    CreateReservation {
        reservation_id: Some(id(number)),
        store: centro(),
        customer_id: None,
        lines: vec![line],
        expires_at: None,
        expires_in_s: Some(1),
    }
}
