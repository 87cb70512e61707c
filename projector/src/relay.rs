//! Publishes the log to JetStream, in order, and remembers how far.
//!
//! The stream is a cache: nothing correct leans on it, so a broker that is away delays the relay and nothing else.
//! One instance leads; the checkpoint's compare-and-swap and the stream's expected sequence keep a second one from
//! doing harm. Deliberately absent: personal data (`bus::cloud_event` strips it) and any judgement of events.

mod resume;

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, Outgoing, StreamState};
use event_store::{LogReader, ReadError};
use platform::db::Migration;
use platform::failpoint;
use platform::lease::{Lease, Standby};
use platform::metrics::{FAST_SECONDS, counter, gauge, histogram};
use platform::pace::Pace;
use platform::tasks::{OnEnd, Tasks};
use prometheus::{Histogram, IntCounter, IntGauge};
use schemas::{Position, RecordedEvent};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use resume::{Noted, resume};

/// Where the relay is, beside its row in `projection_checkpoint`: which stream it wrote to, and how far that was.
pub const MIGRATION: Migration = Migration {
    module: "relay",
    version: 1,
    sql: "create table relay_stream (
            only_row bool primary key default true check (only_row),
            created_ns bigint, last_sequence bigint not null default 0);
          insert into relay_stream default values;
          insert into projection_checkpoint (name, position) values ('relay', 0) on conflict do nothing;
          grant select, update on relay_stream to trastienda_engine;",
};

/// Held by the leading relay for as long as its connection lives.
const LEASE_KEY: i64 = platform::lease::keys::RELAY;
const STANDBY_PAUSE: Duration = Duration::from_millis(250);
/// The pause after a failure, doubled up to the second figure.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How a relay runs.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// The pause between looks at the log: the first after an event, doubled while nothing comes, up to the second.
    pub poll: (Duration, Duration),
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            poll: (Duration::from_millis(5), Duration::from_millis(250)),
        }
    }
}

/// Why the relay stopped for now.
#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the log failed")]
    Log(#[from] ReadError),
    #[error("the broker failed")]
    Bus(#[from] BusError),
    #[error("another relay moved the checkpoint")]
    Overtaken,
    /// A restored log: positions would be published twice with other contents.
    #[error("the relay's checkpoint {checkpoint} is ahead of the log's head {head}")]
    AheadOfLog { checkpoint: i64, head: Position },
}

/// The relay of one process.
pub struct Relay<R> {
    reader: R,
    pool: PgPool,
    bus: Bus,
    options: RelayOptions,
    wake: watch::Receiver<Position>,
    position: watch::Sender<Position>,
    stop: CancellationToken,
    measures: Measures,
}

struct Measures {
    position: IntGauge,
    published: IntCounter,
    restarts: IntCounter,
    rewinds: IntCounter,
    batch_seconds: Histogram,
}

/// Where a session is.
struct Session {
    lease: Lease,
    position: i64,
    stream: StreamState,
    /// A first batch was acknowledged message by message: the stream is as expected, and holds no repeats ahead of us.
    is_tried: bool,
}

impl<R: LogReader> Relay<R> {
    /// Starts the relay and returns its position: events up to it are acknowledged by the broker. `wake` changes when
    /// something was appended by this process; polling finds it, too.
    pub fn start(
        tasks: &Tasks,
        reader: R,
        engine_pool: PgPool,
        bus: Bus,
        options: RelayOptions,
        wake: watch::Receiver<Position>,
    ) -> watch::Receiver<Position> {
        let (position, handle) = watch::channel(Position::START);
        let measures = Measures {
            position: gauge(
                "trastienda_relay_position",
                "Events up to here are acknowledged by the broker.",
            ),
            published: counter(
                "trastienda_relay_published_total",
                "Messages acknowledged by the broker.",
            ),
            restarts: counter(
                "trastienda_relay_restarts_total",
                "Times the relay started over after a failure.",
            ),
            rewinds: counter(
                "trastienda_relay_rewinds_total",
                "Times the stream had lost messages.",
            ),
            batch_seconds: histogram(
                "trastienda_relay_batch_seconds",
                "From the first publish of a batch to its last acknowledgement.",
                FAST_SECONDS,
            ),
        };
        let stop = tasks.stop_token();
        let relay = Self {
            reader,
            pool: engine_pool,
            bus,
            options,
            wake,
            position,
            stop,
            measures,
        };
        tasks.spawn("relay", OnEnd::Fatal, relay.run());
        handle
    }

    async fn run(mut self) -> anyhow::Result<()> {
        let mut pause = RETRY_PAUSE.0;
        while !self.stop.is_cancelled() {
            let before = *self.position.borrow();
            match self.session().await {
                Ok(()) => {}
                Err(error @ RelayError::AheadOfLog { .. }) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(
                        error = format!("{:#}", anyhow::Error::from(error)),
                        "the relay starts over"
                    );
                    self.measures.restarts.inc();
                }
            }
            if *self.position.borrow() > before {
                pause = RETRY_PAUSE.0;
            }
            self.sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE.1);
        }
        Ok(())
    }

    /// Leads until the stop or a failure.
    async fn session(&mut self) -> Result<(), RelayError> {
        let Some(mut session) = self.open().await? else {
            return Ok(());
        };
        let mut pause = self.options.poll.0;
        let (mut ahead, mut pace) = (Vec::new(), Pace::default());
        while !self.stop.is_cancelled() {
            let mut events = std::mem::take(&mut ahead);
            if events.is_empty() {
                events = self.read(session.position).await?;
            }
            if events.is_empty() {
                session.lease.check().await?;
                self.rest(pause).await;
                pause = (pause * 2).min(self.options.poll.1);
                continue;
            }
            pause = self.options.poll.0;
            ahead = self.publish(&mut session, &events).await?;
            if ahead.is_empty() {
                self.sleep(pace.after(events.len())).await;
            }
        }
        session.lease.release().await?;
        Ok(())
    }

    async fn read(&self, after: i64) -> Result<Vec<Arc<RecordedEvent>>, RelayError> {
        Ok(self
            .reader
            .read_shared(Position(after), self.bus.window())
            .await?)
    }

    /// Takes the lease and decides where to go on; `None` when the stop came first.
    async fn open(&self) -> Result<Option<Session>, RelayError> {
        let mut standby = Standby::new(self.pool.clone(), LEASE_KEY);
        let mut lease = loop {
            if let Some(lease) = standby.try_take().await? {
                break lease;
            }
            self.sleep(STANDBY_PAUSE).await;
            if self.stop.is_cancelled() {
                return Ok(None);
            }
        };
        // A checkpoint that is lost in a crash is read off the stream again, so its flush is not waited for.
        sqlx::query("set synchronous_commit = off")
            .execute(lease.connection())
            .await?;
        let noted = read_noted(&mut lease).await?;
        let head = self.reader.head().await?;
        if noted.position > head.0 {
            return Err(RelayError::AheadOfLog {
                checkpoint: noted.position,
                head,
            });
        }
        let stream = self.bus.ensure_stream().await?;
        // A position beyond the head is another log's: this broker has served a different database.
        let last = self
            .bus
            .last_position(&stream)
            .await?
            .filter(|position| *position <= head.0);
        let dispatcher = read_dispatcher(&mut lease).await?;
        let position = resume(&noted, &stream, last, dispatcher);
        if position < noted.position {
            tracing::warn!(
                from = noted.position,
                to = position,
                "the stream has lost messages; publishing again"
            );
            self.measures.rewinds.inc();
        }
        let mut session = Session {
            lease,
            position: noted.position,
            stream,
            is_tried: false,
        };
        session.advance(position, stream.last_sequence).await?;
        self.note(&session);
        tracing::info!(position, last_sequence = stream.last_sequence, "the relay leads");
        Ok(Some(session))
    }

    /// Publishes a run and moves the checkpoint over what was acknowledged. Returns the events after it, read meanwhile,
    /// when the run was as long as it may be: then there are probably more.
    async fn publish(
        &self,
        session: &mut Session,
        events: &[Arc<RecordedEvent>],
    ) -> Result<Vec<Arc<RecordedEvent>>, RelayError> {
        let mut previous = session.position;
        let mut messages: Vec<Outgoing> = Vec::with_capacity(events.len());
        for event in events {
            messages.push(self.bus.wrap(event, previous));
            previous = event.position.0;
        }
        let timer = self.measures.batch_seconds.start_timer();
        let publish = async {
            let last_sequence = session.stream.last_sequence;
            if session.is_tried {
                self.bus.publish_linked(&messages, last_sequence).await
            } else {
                self.bus.publish_batch(&messages, last_sequence).await
            }
        };
        let read_ahead = async {
            if events.len() < self.bus.window() {
                return Ok(Vec::new());
            }
            self.read(previous).await
        };
        let (published, ahead) = tokio::join!(publish, read_ahead);
        timer.observe_duration();
        if let Some(last) = published
            .stored
            .checked_sub(1)
            .and_then(|index| events.get(index))
        {
            failpoint::reached(failpoint::RELAY_CHECKPOINT);
            session.advance(last.position.0, published.last_sequence).await?;
            self.measures
                .published
                .inc_by(u64::try_from(published.stored).unwrap_or_default());
            self.note(session);
        }
        if let Some(failure) = published.failure {
            return Err(failure.into());
        }
        session.is_tried = true;
        ahead
    }

    fn note(&self, session: &Session) {
        self.measures.position.set(session.position);
        self.position.send_replace(Position(session.position));
    }

    async fn sleep(&self, pause: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Waits for a wake, the pause or the stop, whichever is first.
    async fn rest(&mut self, pause: Duration) {
        let woken = async {
            if self.wake.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Session {
    /// Moves the checkpoint by compare-and-swap, with what tells whether the stream is still the same.
    async fn advance(&mut self, to: i64, last_sequence: u64) -> Result<(), RelayError> {
        let moved = sqlx::query(
            "with moved as (
               update projection_checkpoint set position = $2, moved_at = now()
               where name = 'relay' and position = $1 returning 1)
             update relay_stream set created_ns = $3, last_sequence = $4 where exists (select from moved)",
        )
        .bind(self.position)
        .bind(to)
        .bind(created_ns(&self.stream))
        .bind(i64::try_from(last_sequence).unwrap_or(i64::MAX))
        .execute(self.lease.connection())
        .await?;
        if moved.rows_affected() != 1 {
            return Err(RelayError::Overtaken);
        }
        self.position = to;
        self.stream.last_sequence = last_sequence;
        Ok(())
    }
}

fn created_ns(stream: &StreamState) -> i64 {
    i64::try_from(stream.created.unix_timestamp_nanos()).unwrap_or(i64::MAX)
}

async fn read_noted(lease: &mut Lease) -> Result<Noted, sqlx::Error> {
    let (position, created_ns, last_sequence): (i64, Option<i64>, i64) = sqlx::query_as(
        "select c.position, s.created_ns, s.last_sequence from projection_checkpoint c, relay_stream s
         where c.name = 'relay'",
    )
    .fetch_one(lease.connection())
    .await?;
    Ok(Noted {
        position,
        created_ns,
        last_sequence: u64::try_from(last_sequence).unwrap_or_default(),
    })
}

/// The dispatcher's checkpoint; it may live without this database having its tables.
async fn read_dispatcher(lease: &mut Lease) -> Result<Option<i64>, sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select to_regclass('dispatcher_checkpoint') is not null")
        .fetch_one(lease.connection())
        .await?;
    if !exists {
        return Ok(None);
    }
    sqlx::query_scalar("select position from dispatcher_checkpoint where name = 'matcher'")
        .fetch_optional(lease.connection())
        .await
}
