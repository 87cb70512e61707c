//! The gate, the limit and the record on a real Postgres, with a log of keys in memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemas::events::ApiKeyEvent;
use schemas::events::api_key::{
    ApiKeyChanged, ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated, ApiKeySettings, ApiScope,
};
use schemas::{ApiKeyId, Event, Position, RecordedEvent, StreamName, TenantId, Version};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::clock::SystemClock;
use crate::db::{self, DbRole};
use crate::tasks::Tasks;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// The keys' streams, as the log would have them.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<HashMap<StreamName, Vec<RecordedEvent>>>>);

impl Log {
    fn append(&self, key: &KeyRef, event: impl Into<ApiKeyEvent>) {
        let event = Event::from(event.into());
        let mut streams = self.0.lock().unwrap();
        let stream = key_stream(&key.api_key_id);
        let events = streams.entry(stream.clone()).or_default();
        events.push(RecordedEvent {
            position: Position(1),
            tenant: key.tenant.clone(),
            stream,
            version: Version(i64::try_from(events.len()).unwrap() + 1),
            id: Uuid::nil(),
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            data: event.encode().unwrap(),
            meta: serde_json::value::to_raw_value(&()).unwrap(),
            recorded_at: OffsetDateTime::UNIX_EPOCH,
        });
    }

    fn reader(&self) -> ReadStream {
        let log = self.clone();
        Arc::new(move |_, stream, after, max| {
            let streams = log.0.lock().unwrap();
            let events = streams.get(&stream).into_iter().flatten();
            let later = events.filter(|event| event.version > after).take(max);
            let found: Vec<RecordedEvent> = later.cloned().collect();
            Box::pin(std::future::ready(Ok(found)))
        })
    }
}

struct Setting {
    _database: testkit::Database,
    pool: PgPool,
    api: PgPool,
    log: Log,
    secrets: ApiKeySecrets,
}

impl Setting {
    async fn new() -> Self {
        let database = testkit::database().await;
        db::migrate(database.url(), &[]).await.unwrap();
        Self {
            pool: db::pool(database.url(), DbRole::Engine, 8).await.unwrap(),
            api: db::pool(database.url(), DbRole::Api, 1).await.unwrap(),
            _database: database,
            log: Log::default(),
            secrets: ApiKeySecrets::new([5; 32]),
        }
    }

    fn store(&self) -> Arc<dyn KeyStore> {
        Arc::new(PostgresKeys::new(self.pool.clone(), self.log.reader()))
    }

    /// A gate with nothing in memory, as in another process.
    fn gate(&self, tasks: &Tasks) -> ApiKeys {
        let guesses = SignInLimits {
            window: Duration::from_secs(300),
            per_user_and_address: 3,
            per_address: 3,
            per_user: 3,
            per_tenant: 3,
        };
        let clock = Arc::new(SystemClock);
        ApiKeys::start(tasks, self.secrets.clone(), self.store(), guesses, 90, clock)
    }

    /// A key with this limit, and its secret.
    async fn key(&self, requests_per_hour: i64) -> (KeyRef, String) {
        let key = KeyRef {
            tenant: TenantId::new("tienda").unwrap(),
            api_key_id: ApiKeyId::new("key-1").unwrap(),
        };
        let (secret, known) = self.secrets.draw();
        self.store()
            .enrol(&self.secrets.hash(&secret), &key)
            .await
            .unwrap();
        let created = ApiKeyCreated {
            api_key_id: key.api_key_id.clone(),
            settings: settings(requests_per_hour),
            secret: known,
        };
        self.log.append(&key, created);
        (key, secret.to_string())
    }

    async fn count(&self, what: &'static str) -> i64 {
        sqlx::query_scalar(what).fetch_one(&self.pool).await.unwrap()
    }
}

fn settings(requests_per_hour: i64) -> ApiKeySettings {
    ApiKeySettings {
        name: "Mercado".to_owned(),
        system: "Mercado en línea".to_owned(),
        scopes: vec![ApiScope::ReadStock],
        stores: Vec::new(),
        workshop: None,
        requests_per_hour,
        expires_at: None,
    }
}

/// Asks until it is refused; how often it was let through.
async fn drain(limiter: &Limiter, key: &KeyRef, limit: i64) -> i64 {
    for passed in 0..10_000 {
        if limiter.take(key, limit).await.is_err() {
            return passed;
        }
    }
    panic!("there is no limit");
}

async fn is_accepted(gate: &ApiKeys, secret: &str) -> bool {
    gate.admit(secret, ADDRESS).await.is_ok()
}

#[tokio::test]
async fn two_processes_let_through_exactly_the_limit_between_them() {
    let setting = Setting::new().await;
    let (key, _) = setting.key(150).await;
    let (one, other) = (Limiter::new(setting.store()), Limiter::new(setting.store()));
    let (here, there) = tokio::join!(drain(&one, &key, 150), drain(&other, &key, 150));
    assert_eq!(here + there, 150);
    assert!(here > 0 && there > 0, "{here} and {there}");
}

#[tokio::test]
async fn many_requests_at_once_are_no_more_than_the_limit() {
    let setting = Setting::new().await;
    let (key, _) = setting.key(40).await;
    let limiter = Limiter::new(setting.store());
    let all = futures::future::join_all((0..100).map(|_| limiter.take(&key, 40))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_ok()).count(), 40);
}

#[tokio::test]
async fn the_count_outlives_a_restart_and_what_was_not_used_is_given_back() {
    let setting = Setting::new().await;
    let (key, _) = setting.key(100).await;
    let before = Limiter::new(setting.store());
    for _ in 0..7 {
        before.take(&key, 100).await.unwrap();
    }
    before.give_back(true).await;
    assert_eq!(setting.count("select taken from api_key_usage").await, 7);
    let after = Limiter::new(setting.store());
    assert_eq!(after.take(&key, 100).await.unwrap().left, 92);
    assert_eq!(drain(&after, &key, 100).await, 92);
}

#[tokio::test]
async fn most_requests_write_nothing_and_the_next_hour_begins_anew() {
    let setting = Setting::new().await;
    let (key, _) = setting.key(1_000).await;
    let limiter = Limiter::new(setting.store());
    let first = limiter.take(&key, 1_000).await.unwrap();
    assert_eq!((first.left, first.limit), (999, 1_000));
    assert!((3_500..=3_600).contains(&first.reset_s), "{}", first.reset_s);
    assert_eq!(setting.count("select taken from api_key_usage").await, 20);
    drain(&limiter, &key, 1_000).await;
    let over = "update api_key_usage set window_started_at = window_started_at - interval '61 minutes'";
    sqlx::query(over).execute(&setting.pool).await.unwrap();
    let fresh = Limiter::new(setting.store());
    assert_eq!(fresh.take(&key, 1_000).await.unwrap().left, 999);
}

#[tokio::test]
async fn a_limit_that_is_lowered_holds_at_once_and_one_that_is_raised_as_well() {
    let setting = Setting::new().await;
    let (key, _) = setting.key(100).await;
    let limiter = Limiter::new(setting.store());
    for _ in 0..5 {
        limiter.take(&key, 100).await.unwrap();
    }
    assert!(matches!(limiter.take(&key, 5).await, Err(NotNow::UsedUp(quota)) if quota.left == 0));
    assert_eq!(limiter.take(&key, 100).await.unwrap().left, 94);
}

#[tokio::test]
async fn a_revoked_a_changed_and_a_rotated_key_hold_at_once_in_every_process() {
    let setting = Setting::new().await;
    let (key, old) = setting.key(100).await;
    let tasks = Tasks::new();
    let (one, other) = (setting.gate(&tasks), setting.gate(&tasks));
    assert!(is_accepted(&one, &old).await && is_accepted(&other, &old).await);
    let changed = ApiKeyChanged {
        api_key_id: key.api_key_id.clone(),
        settings: settings(7),
    };
    setting.log.append(&key, changed);
    let holder = one.admit(&old, ADDRESS).await.unwrap();
    assert_eq!(holder.standing.settings.requests_per_hour, 7);
    let (new, known) = setting.secrets.draw();
    let store = setting.store();
    store.enrol(&setting.secrets.hash(&new), &key).await.unwrap();
    assert!(!is_accepted(&one, &new).await, "a note alone opens nothing");
    let rotated = ApiKeyRotated {
        api_key_id: key.api_key_id.clone(),
        secret: known,
        previous_expires_at: OffsetDateTime::UNIX_EPOCH,
    };
    setting.log.append(&key, rotated);
    assert!(is_accepted(&one, &new).await && !is_accepted(&one, &old).await);
    let revoked = ApiKeyRevoked {
        api_key_id: key.api_key_id.clone(),
    };
    setting.log.append(&key, revoked);
    assert!(!is_accepted(&one, &new).await && !is_accepted(&other, &new).await);
}

#[tokio::test]
async fn guesses_from_one_address_are_slowed_down_and_a_good_key_is_not() {
    let setting = Setting::new().await;
    let (_, secret) = setting.key(100).await;
    let tasks = Tasks::new();
    let gate = setting.gate(&tasks);
    let mut codes = Vec::new();
    for _ in 0..5 {
        let (guess, _) = setting.secrets.draw();
        codes.push(gate.admit(&guess, ADDRESS).await.unwrap_err().problem.code);
    }
    let (wrong, slow) = ("api_key.invalid", "auth.too_many_attempts");
    assert_eq!(codes, [wrong, wrong, wrong, slow, slow]);
    assert!(is_accepted(&gate, &secret).await);
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8));
    assert_eq!(
        gate.admit("sk_live_x", elsewhere).await.unwrap_err().problem.code,
        wrong
    );
}

#[tokio::test]
async fn every_call_leaves_one_row_also_when_nobody_waits_and_all_are_there_after_a_stop() {
    let setting = Setting::new().await;
    let (_, secret) = setting.key(100).await;
    let tasks = Tasks::new();
    let gate = setting.gate(&tasks);
    let holder = gate.admit(&secret, ADDRESS).await.unwrap();
    for number in 0..700 {
        let mut call = gate.begin(&holder, "stock:leer").unwrap();
        call.sent("tienda=centro&clave=x", b"");
        match number % 3 {
            0 => call.finish(200, None, Some(br#"{"resultados":[]}"#)),
            1 => call.finish(403, Some("api_key.scope_missing"), None),
            _ => drop(call),
        }
    }
    drop(gate);
    tasks.stop(Duration::from_secs(10)).await.unwrap();
    assert_eq!(setting.count("select count(*) from integration_log").await, 700);
    let (error, state): (String, String) =
        sqlx::query_as("select error, estado from integration_log where http_status = 403 limit 1")
            .fetch_one(&setting.pool)
            .await
            .unwrap();
    assert_eq!(
        (error.as_str(), state.as_str()),
        ("api_key.scope_missing", "ERROR")
    );
    let unanswered = "select count(*) from integration_log where error = 'unanswered'";
    assert_eq!(setting.count(unanswered).await, 233);
    let kept = "select count(*) from integration_log where datos_enviados::jsonb #>> '{consulta,clave}' = '[omitido]'";
    assert_eq!(setting.count(kept).await, 700);
    let used = "select count(*) from api_key_usage where last_used_at > now() - interval '1 minute'";
    assert_eq!(setting.count(used).await, 1);
    // Of the API's role: the record by tenant, and no hash at all.
    let mut transaction = db::tenant_transaction(&setting.api, &TenantId::new("otra").unwrap())
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from integration_log")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(seen, 0);
    let hashes = sqlx::query("select hash from api_key_secrets")
        .execute(&mut *transaction)
        .await;
    assert_eq!(
        hashes.unwrap_err().as_database_error().unwrap().code().unwrap(),
        "42501"
    );
}

#[tokio::test]
async fn a_key_that_ended_is_recorded_with_the_cause_that_its_holder_is_not_told_and_is_no_use_of_it() {
    let setting = Setting::new().await;
    let (key, secret) = setting.key(100).await;
    let tasks = Tasks::new();
    let gate = setting.gate(&tasks);
    let off = schemas::events::api_key::ApiKeyDeactivated {
        api_key_id: key.api_key_id.clone(),
    };
    setting.log.append(&key, off);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let refused = gate.admit(&secret, ADDRESS).await.unwrap_err();
        seen.push(refused.problem.code);
        if let Some((holder, ended)) = refused.whose {
            gate.note_ended(&holder, "stock:leer", ended);
        }
    }
    let (wrong, slow) = ("api_key.invalid", "auth.too_many_attempts");
    assert_eq!(seen, [wrong, wrong, wrong, slow, slow]);
    drop(gate);
    tasks.stop(Duration::from_secs(10)).await.unwrap();
    let rows = "select count(*) from integration_log where error = 'api_key.inactive' and http_status = 401
                and estado = 'ERROR' and api_key_id = 'key-1'";
    assert_eq!(setting.count(rows).await, 3, "knocking does not fill the record");
    assert_eq!(setting.count("select count(*) from api_key_usage").await, 0);
}

#[tokio::test]
async fn calls_beyond_the_limit_leave_a_row_each_up_to_a_number_and_are_counted_in_few_after_it() {
    const KNOCKS: i64 = 600;
    let setting = Setting::new().await;
    let (_, secret) = setting.key(100).await;
    // Two processes, each with its own share of the knocking.
    for _ in 0..2 {
        let tasks = Tasks::new();
        let gate = setting.gate(&tasks);
        let holder = gate.admit(&secret, ADDRESS).await.unwrap();
        for _ in 0..KNOCKS {
            gate.begin(&holder, "stock:leer")
                .unwrap()
                .beyond_limit(429, "rate_limit.exceeded");
        }
        gate.begin(&holder, "stock:leer").unwrap().finish(200, None, None);
        drop(gate);
        tasks.stop(Duration::from_secs(10)).await.unwrap();
    }
    let calls =
        "select sum(llamadas)::bigint from integration_log where http_status = 429 and estado = 'ERROR'";
    assert_eq!(setting.count(calls).await, 2 * KNOCKS);
    let single = "select count(*) from integration_log where http_status = 429 and llamadas = 1";
    let single = setting.count(single).await;
    let each = i64::from(super::api_key_fold::ROWS_PER_HOUR);
    assert!(single >= 2 * each, "{single} rows of their own");
    let rows = "select count(*) from integration_log where http_status = 429";
    let rows = setting.count(rows).await;
    // A minute may end meanwhile.
    assert!(rows <= 2 * (each + 3), "{rows} rows");
    let others = "select count(*) from integration_log where http_status = 200 and llamadas = 1";
    assert_eq!(setting.count(others).await, 2);
}

#[tokio::test]
async fn a_row_for_several_calls_counts_no_call_twice_though_it_is_written_again() {
    let setting = Setting::new().await;
    let (key, _) = setting.key(100).await;
    let row = |calls: i64| CallRow {
        id: Uuid::from_u128(7),
        key: key.clone(),
        system: "Mercado".to_owned(),
        kind: "stock:leer",
        sent: "{}".to_owned(),
        received: None,
        error: "rate_limit.exceeded".to_owned(),
        http_status: Some(429),
        duration_ms: calls,
        at: OffsetDateTime::UNIX_EPOCH,
        calls,
        is_beyond_limit: true,
    };
    for calls in [3, 3, 8, 8, 3] {
        setting.store().record(&[row(calls)]).await.unwrap();
    }
    let seen = "select llamadas * 1000 + duration_ms from integration_log";
    assert_eq!(setting.count(seen).await, 8_008);
}

#[tokio::test]
async fn records_that_are_older_than_they_are_kept_are_deleted() {
    let setting = Setting::new().await;
    let (_, secret) = setting.key(100).await;
    let tasks = Tasks::new();
    let gate = setting.gate(&tasks);
    let holder = gate.admit(&secret, ADDRESS).await.unwrap();
    for _ in 0..3 {
        gate.begin(&holder, "stock:leer").unwrap().finish(200, None, None);
    }
    drop(gate);
    tasks.stop(Duration::from_secs(10)).await.unwrap();
    let older = "update integration_log set fecha = fecha - interval '91 days' where id in (select id from integration_log limit 2)";
    sqlx::query(older).execute(&setting.pool).await.unwrap();
    assert_eq!(setting.store().purge(90).await.unwrap(), 2);
    assert_eq!(setting.count("select count(*) from integration_log").await, 1);
}
