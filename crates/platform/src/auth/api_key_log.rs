//! One row per call of an external system (LogIntegracion), written in batches beside the requests; of calls beyond a key's
//! limit only so many (`api_key_fold`).
//!
//! A call takes its place in the queue before it is carried out: when there is none, it is turned away, so that nothing
//! happens unrecorded. At a clean stop the rest is written; what waited less than a second is lost when the process is
//! killed. The same task writes when keys were last used, at most once a minute each. Not here: what a row keeps of
//! bodies (`api_key_redact`), and reading the log (query-service).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api_key::KeyRef;
use super::api_key_fold::Folds;
use super::api_key_limit::Limiter;
use super::api_key_redact as redact;
use super::api_key_store::KeyStore;
use crate::clock::{self, SharedClock};

/// Calls under way and not written yet, together.
const QUEUE: usize = 10_000;
/// Rows of one statement.
const BATCH: usize = 500;
/// Rows gather this long.
const GATHER: Duration = Duration::from_millis(250);
const RETRY_PAUSE: Duration = Duration::from_millis(500);
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// Attempts to write once the process stops, and the time of each; within what a stop may take.
const LAST_ATTEMPTS: u32 = 3;
const LAST_LIMIT: Duration = Duration::from_secs(1);
/// When a key was last used is written this often at most.
const USED_EVERY: Duration = Duration::from_secs(60);
/// How often old rows are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(600);

/// One call, as it is stored.
#[derive(Debug, Clone)]
pub struct CallRow {
    pub id: Uuid,
    pub key: KeyRef,
    /// The external system, by the key's own word.
    pub system: String,
    /// The scope that the row of the route table asks for, such as `stock:leer`.
    pub kind: &'static str,
    /// Without personal data and secrets, JSON.
    pub sent: String,
    pub received: Option<String>,
    /// Empty when the call succeeded; else a stable code.
    pub error: String,
    pub http_status: Option<i16>,
    /// Of the longest, where it stands for several calls.
    pub duration_ms: i64,
    /// Of the first, where it stands for several calls.
    pub at: OffsetDateTime,
    /// How many calls it stands for.
    pub calls: i64,
    /// It was turned away because its key's hour is used up.
    pub is_beyond_limit: bool,
}

impl CallRow {
    /// `EXITOSO` or `ERROR`.
    pub fn state(&self) -> &'static str {
        if self.error.is_empty() { "EXITOSO" } else { "ERROR" }
    }
}

/// A call under way: it leaves its row when it is finished, and also when it is dropped unfinished.
pub struct Call {
    row: Option<(CallRow, mpsc::OwnedPermit<CallRow>)>,
    began: Instant,
}

impl Call {
    /// What was sent, as soon as it is known.
    pub fn sent(&mut self, query: &str, body: &[u8]) {
        if let Some((row, _)) = &mut self.row {
            row.sent = redact::sent(query, body);
        }
    }

    /// The key's hour is used up.
    pub fn beyond_limit(mut self, status: u16, code: &str) {
        if let Some((row, _)) = &mut self.row {
            row.is_beyond_limit = true;
        }
        self.finish(status, Some(code), None);
    }

    /// The answer. `code` is that of a problem; `body` is left out when the code says it all.
    pub fn finish(mut self, status: u16, code: Option<&str>, body: Option<&[u8]>) {
        if let Some((row, _)) = &mut self.row {
            row.http_status = i16::try_from(status).ok();
            row.error = code.unwrap_or_default().to_owned();
            row.received = body.map(redact::received);
        }
        self.leave();
    }

    fn leave(&mut self) {
        if let Some((mut row, place)) = self.row.take() {
            row.duration_ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
            place.send(row);
        }
    }
}

impl Drop for Call {
    /// The caller went away, or the handler did not come to an end.
    fn drop(&mut self) {
        if let Some((row, _)) = &mut self.row {
            row.error = "unanswered".to_owned();
        }
        self.leave();
    }
}

/// Takes calls in.
#[derive(Clone)]
pub struct CallLog {
    rows: mpsc::Sender<CallRow>,
    used: Arc<LastUsed>,
    clock: SharedClock,
}

impl CallLog {
    /// A log, and what writes it.
    pub fn new(
        store: Arc<dyn KeyStore>,
        limiter: Arc<Limiter>,
        clock: SharedClock,
        retention_days: u32,
    ) -> (Self, Writer) {
        let (sender, rows) = mpsc::channel(QUEUE);
        let used = Arc::new(LastUsed::default());
        let writer = Writer {
            rows,
            used: Arc::clone(&used),
            store,
            limiter,
            folds: Folds::default(),
            clock: Arc::clone(&clock),
            retention_days,
        };
        let log = Self {
            rows: sender,
            used,
            clock,
        };
        (log, writer)
    }

    /// Takes a place for a call; `None` when there is none.
    pub fn begin(&self, key: &KeyRef, system: &str, kind: &'static str) -> Option<Call> {
        let call = self.begin_unused(key, system, kind)?;
        self.used.note(key, self.clock.now());
        Some(call)
    }

    /// As [`Self::begin`], of a call that is no use of its key, because the key has ended.
    pub fn begin_unused(&self, key: &KeyRef, system: &str, kind: &'static str) -> Option<Call> {
        let place = self.rows.clone().try_reserve_owned().ok()?;
        let at = self.clock.now();
        let row = CallRow {
            id: clock::fresh_id(),
            key: key.clone(),
            system: system.to_owned(),
            kind,
            sent: "{}".to_owned(),
            received: None,
            error: String::new(),
            http_status: None,
            duration_ms: 0,
            at,
            calls: 1,
            is_beyond_limit: false,
        };
        Some(Call {
            row: Some((row, place)),
            began: Instant::now(),
        })
    }
}

/// When keys were last used; bounded by the keys that there are.
#[derive(Default)]
struct LastUsed(Mutex<HashMap<KeyRef, Use>>);

struct Use {
    at: OffsetDateTime,
    is_written: bool,
    written: Option<Instant>,
}

impl LastUsed {
    fn note(&self, key: &KeyRef, at: OffsetDateTime) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = uses.get_mut(key) {
            last.at = at;
            last.is_written = false;
        } else {
            let first = Use {
                at,
                is_written: false,
                written: None,
            };
            uses.insert(key.clone(), first);
        }
    }

    /// What is to be written now; a key that lay still for a while is forgotten.
    fn due(&self, now: Instant, is_last: bool) -> Vec<(KeyRef, OffsetDateTime)> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |last: &Use| {
            last.written
                .is_some_and(|written| now.saturating_duration_since(written) < USED_EVERY)
        };
        uses.retain(|_, last| !last.is_written || is_recent(last));
        let due = uses
            .iter_mut()
            .filter(|(_, last)| !last.is_written && (is_last || !is_recent(last)));
        due.map(|(key, last)| {
            last.is_written = true;
            last.written = Some(now);
            (key.clone(), last.at)
        })
        .collect()
    }
}

/// Writes calls and uses, gives idle requests back, and deletes what is too old.
pub struct Writer {
    rows: mpsc::Receiver<CallRow>,
    used: Arc<LastUsed>,
    store: Arc<dyn KeyStore>,
    limiter: Arc<Limiter>,
    folds: Folds,
    clock: SharedClock,
    retention_days: u32,
}

impl Writer {
    /// Runs until nobody can take calls in any more and all are written.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut purged = Instant::now();
        let mut batch = Vec::with_capacity(BATCH);
        let mut is_given_up = false;
        loop {
            let is_closed = self.gather(&mut batch).await;
            self.folds.fold(&mut batch);
            // Who gave up while stopping does not hold up the stop with each further batch.
            is_given_up = is_given_up || !self.write(&batch, &stop).await;
            batch.clear();
            if is_closed {
                break;
            }
            self.write_uses(false).await;
            self.limiter.give_back(false).await;
            if purged.elapsed() >= PURGE_EVERY && !stop.is_cancelled() {
                self.purge(&stop).await;
                self.folds.forget(self.clock.now());
                purged = Instant::now();
            }
        }
        if !is_given_up {
            self.write_uses(true).await;
            self.limiter.give_back(true).await;
        }
    }

    /// Waits for rows, a while at most; whether there can be no more.
    async fn gather(&mut self, batch: &mut Vec<CallRow>) -> bool {
        let until = Instant::now() + GATHER;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            match tokio::time::timeout_at(until, self.rows.recv_many(batch, room)).await {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Writes, however long it takes; once the process stops a few times, and then gives up.
    async fn write(&self, batch: &[CallRow], stop: &CancellationToken) -> bool {
        let mut last_attempts = 0;
        while !batch.is_empty() {
            let limit = if stop.is_cancelled() {
                LAST_LIMIT
            } else {
                WRITE_LIMIT
            };
            let error = match tokio::time::timeout(limit, self.store.record(batch)).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            last_attempts += u32::from(stop.is_cancelled());
            if last_attempts == LAST_ATTEMPTS {
                tracing::error!(error, "calls of external systems are lost to their log");
                return false;
            }
            tracing::warn!(error, "calls of external systems cannot be recorded now");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        true
    }

    async fn write_uses(&self, is_last: bool) {
        let uses = self.used.due(Instant::now(), is_last);
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.store.used(&uses).await {
            tracing::warn!(%error, "when keys were last used cannot be written now");
        }
    }

    async fn purge(&self, stop: &CancellationToken) {
        loop {
            match self.store.purge(self.retention_days).await {
                Ok(0) => return,
                Ok(_) if stop.is_cancelled() => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "old calls of external systems cannot be deleted now");
                    return;
                }
            }
        }
    }
}
