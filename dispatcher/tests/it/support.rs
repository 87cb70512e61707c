//! A database, a log and dispatchers for one test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusOptions};
use dispatcher::{Dispatcher, DispatcherHandle, DispatcherOptions};
use event_store::{Append, CommandRecord, LogWriter, MemoryLog, MemoryWriter, NewEvent, StreamWrite};
use platform::clock::{SystemClock, fresh_id};
use platform::config::Config;
use platform::db::{self, DbRole, Migration};
use platform::outbound::Outbound;
use platform::tasks::Tasks;
use platform::vault::{Kek, Vault};
use schemas::events::security::{SecurityAction, SecurityAudit, SecurityOutcome};
use schemas::events::webhook::*;
use schemas::events::{SecurityEvent, WebhookEvent};
use schemas::{EndpointId, Event, StreamName, TenantId, Version};
use serde_json::value::RawValue;
use sqlx::PgPool;
use testkit::{Answer, Received};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const LIMIT: Duration = Duration::from_secs(60);

/// Fails the test instead of hanging.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work)
        .await
        .expect("the condition did not come true in time")
}

/// Waits for a condition.
pub async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    within(async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// An answer that does not come while the test runs.
pub fn hang() -> Answer {
    Answer::status(200).after(Duration::from_secs(3_600))
}

pub fn json(received: &Received) -> serde_json::Value {
    serde_json::from_slice(&received.body).unwrap()
}

pub fn sequence(received: &Received) -> i64 {
    json(received)["sequence"].as_str().unwrap().parse().unwrap()
}

/// The engine's inbox, as far as the dispatcher knows it.
const INBOX: Migration = Migration {
    module: "inbox for tests",
    version: 1,
    sql: "create table command_inbox (
            id uuid primary key, tenant text not null, command json not null, reason text, actor text not null,
            enqueued_at timestamptz not null default now(), done_at timestamptz, outcome json);
          grant select, insert, update, delete on command_inbox to trastienda_engine;",
};

/// One test's world.
pub struct World {
    pub pool: PgPool,
    pub database_url: String,
    _database: testkit::Database,
    pub log: MemoryLog,
    writer: MemoryWriter,
    versions: BTreeMap<String, i64>,
    pub vault: Vault,
    pub kek_file: std::path::PathBuf,
    allow: Vec<platform::outbound::HostPort>,
}

pub fn now() -> time::OffsetDateTime {
    time::UtcDateTime::now().into()
}

pub fn tenant() -> TenantId {
    TenantId::new("tienda").unwrap()
}

impl World {
    pub async fn new(name: &str) -> Self {
        let database = testkit::database_from_template("dispatcher", |url| async move {
            let mut migrations = vec![INBOX];
            migrations.extend_from_slice(platform::vault::MIGRATIONS);
            migrations.extend_from_slice(dispatcher::MIGRATIONS);
            Ok(db::migrate(&url, &migrations).await?)
        })
        .await;
        let url = database.url().to_owned();
        let pool = db::pool(&url, DbRole::Engine, 16).await.unwrap();
        let kek_file = testkit::scratch_folder(name).join("kek");
        let kek = Kek::load_or_create(&kek_file).unwrap();
        let vault = Vault::open(pool.clone(), kek);
        vault
            .put_secret(&tenant(), "secret", SECRET.as_bytes())
            .await
            .unwrap();
        let log = MemoryLog::new();
        let writer = log.writer().unwrap();
        Self {
            pool,
            database_url: url,
            _database: database,
            log,
            writer,
            versions: BTreeMap::new(),
            kek_file,
            vault,
            allow: Vec::new(),
        }
    }

    /// Lets dispatchers that start from now on reach a receiver.
    pub fn allow(&mut self, port: u16) {
        self.allow.push(format!("127.0.0.1:{port}").parse().unwrap());
    }

    /// Appends one event and returns its position.
    pub async fn append(&mut self, event: Event) -> i64 {
        self.append_all(vec![event]).await
    }

    pub async fn append_all(&mut self, events: Vec<Event>) -> i64 {
        self.append_for(tenant(), events).await
    }

    pub async fn append_for(&mut self, tenant: TenantId, events: Vec<Event>) -> i64 {
        let batch = appends(&mut self.versions, &tenant, events);
        self.writer
            .append(&batch)
            .await
            .unwrap()
            .last()
            .unwrap()
            .position
            .0
    }

    pub async fn endpoint(&mut self, id: &str, settings: EndpointSettings, start: StartFrom) -> i64 {
        self.append(created(id, settings, start)).await
    }

    /// An endpoint of another tenant, whose secret is the same.
    pub async fn endpoint_for(&mut self, tenant: TenantId, id: &str, settings: EndpointSettings) -> i64 {
        self.vault
            .put_secret(&tenant, "secret", SECRET.as_bytes())
            .await
            .unwrap();
        self.append_for(tenant, vec![created(id, settings, StartFrom::Now)])
            .await
    }

    pub async fn dispatcher(&self, options: DispatcherOptions, bus: Bus) -> Running {
        let tasks = Tasks::new();
        let mut config = Config::default();
        config.outbound.allow = self.allow.clone();
        let clock = Arc::new(SystemClock);
        let outbound = Outbound::new(&config.outbound, clock.clone()).unwrap();
        let handle = Dispatcher::start(
            &tasks,
            self.log.clone(),
            self.pool.clone(),
            bus,
            self.vault.clone(),
            outbound,
            clock,
            options,
        )
        .await
        .unwrap();
        Running { tasks, handle }
    }

    /// A dispatcher whose broker is not there: it polls the log.
    pub async fn dispatcher_without_broker(&self, options: DispatcherOptions) -> Running {
        self.dispatcher(options, absent_bus().await).await
    }

    /// Opens every finished delivery again, as a crash between the receiver's answer and its record leaves it: never
    /// tried, with a lease that has run out.
    pub async fn forget_outcomes(&self) {
        sqlx::query(
            "with d as (delete from webhook_finished returning *)
             insert into webhook_open (endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload,
               fast, due_at, lease_until, matched_at)
             select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, false, matched_at,
               now() - interval '1 s', matched_at from d",
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// (status, count) of all deliveries, as the API shows them.
    pub async fn statuses(&self) -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select case when d.status in ('pending', 'retrying') and e.state in ('paused', 'disabled')
                   then 'held' else d.status end as shown, count(*)
                 from webhook_deliveries d join webhook_endpoints e using (endpoint) group by shown",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter().collect()
    }

    pub async fn count(&self, status: &str) -> i64 {
        self.statuses().await.get(status).copied().unwrap_or(0)
    }

    /// (sequence, position) of one endpoint's deliveries, in their order.
    pub async fn sequences(&self, endpoint: i64) -> Vec<(i64, i64)> {
        sqlx::query_as(
            "select sequence, position from webhook_deliveries where endpoint = $1 order by sequence",
        )
        .bind(endpoint)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Every endpoint's sum holds and its counters are what its rows say, its sequence is gapless, and its events are in the log's order.
    pub async fn assert_sound(&self) {
        for balance in dispatcher::counters::balances(&self.pool).await.unwrap() {
            assert!(balance.holds(), "{balance:?}");
            let audited = dispatcher::counters::audit(&self.pool, balance.endpoint, 60_000).await;
            let (rows, counters) = audited.unwrap().unwrap();
            assert_eq!(rows, counters, "the counters are what the rows say");
            let rows = self.sequences(balance.endpoint).await;
            assert!(
                rows.iter()
                    .zip(1..)
                    .all(|((sequence, _), wanted)| *sequence == wanted),
                "{rows:?}"
            );
            assert!(rows.is_sorted_by(|a, b| a.1 < b.1), "{rows:?}");
        }
    }
}

/// Appends as the engine makes them, one event each.
pub fn appends(versions: &mut BTreeMap<String, i64>, tenant: &TenantId, events: Vec<Event>) -> Vec<Append> {
    let mut batch = Vec::new();
    for event in events {
        let stream = format!("{}/x", event.module());
        let version = versions.entry(format!("{tenant}/{stream}")).or_default();
        let expected = Version(*version);
        *version += 1;
        batch.push(Append {
            tenant: tenant.clone(),
            writes: vec![StreamWrite {
                stream: StreamName::stored(&stream),
                expected,
                events: vec![NewEvent {
                    id: fresh_id(),
                    event_type: event.event_type(),
                    schema_version: event.schema_version(),
                    data: event.encode().unwrap(),
                }],
            }],
            meta: RawValue::from_string(
                r#"{"actor":{"kind":"system","name":"test"},"command_id":"1","command":"test",
                   "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#
                    .to_owned(),
            )
            .unwrap(),
            recorded_at: time::UtcDateTime::now().into(),
            record: CommandRecord {
                id: fresh_id().to_string(),
                fingerprint: [0; 32],
                keyed: false,
                outcome: RawValue::from_string("{}".to_owned()).unwrap(),
            },
        });
    }
    batch
}

pub fn created(id: &str, settings: EndpointSettings, start: StartFrom) -> Event {
    WebhookEvent::from(EndpointCreated {
        endpoint_id: endpoint_id(id),
        settings,
        start,
        secret_id: "secret".into(),
        secret_fingerprint: "f".into(),
    })
    .into()
}

/// A broker at an address where nobody listens.
pub async fn absent_bus() -> Bus {
    Bus::connect("nats://127.0.0.1:1", BusOptions::default())
        .await
        .unwrap()
}

pub struct Running {
    pub tasks: Tasks,
    pub handle: DispatcherHandle,
}

impl Running {
    pub async fn stop(self) {
        self.tasks.stop(Duration::from_secs(10)).await.unwrap();
    }
}

pub fn endpoint_id(text: &str) -> EndpointId {
    EndpointId::new(text).unwrap()
}

pub fn settings(url: &str, event_types: &[&str]) -> EndpointSettings {
    EndpointSettings {
        name: "test".into(),
        url: url.into(),
        description: None,
        event_types: event_types.iter().map(|&t| t.to_owned()).collect(),
        payload: PayloadKind::Full,
        headers: BTreeMap::new(),
        concurrency: 8,
        timeout_ms: 10_000,
        format: BodyFormat::CloudEvent,
        legacy_signature_header: None,
    }
}

/// An event that `security.*` matches.
pub fn security() -> Event {
    SecurityEvent::from(SecurityAudit {
        action: SecurityAction::SignIn,
        outcome: SecurityOutcome::Success,
        subject: "ana".into(),
        detail: None,
        operation: None,
        times: None,
    })
    .into()
}

/// An event that `catalogue.*` matches.
pub fn item(number: usize) -> Event {
    schemas::events::CatalogueEvent::from(schemas::events::catalogue::ItemDiscontinued {
        sku: schemas::Sku::new(&format!("SKU-{number}")).unwrap(),
    })
    .into()
}

pub fn items(count: usize) -> Vec<Event> {
    (0..count).map(item).collect()
}

pub fn schedule(waits_ms: &[u64]) -> DispatcherOptions {
    let mut options = DispatcherOptions {
        poll: Duration::from_millis(20),
        workers: 32,
        ..Default::default()
    };
    options.breaker.pause = Duration::from_millis(20);
    options.breaker.pause_max = Duration::from_millis(100);
    options.schedule.waits = waits_ms.iter().map(|&ms| Duration::from_millis(ms)).collect();
    options
}
