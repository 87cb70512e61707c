//! The owner of a Postgres log: appends batches, keeps the log's end and stream versions in memory.
//!
//! Not here: the session and its lease (`session`), the statements (`append`).

use std::time::Duration;

use schemas::{Position, Version};
use sqlx::Row;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::append;
use super::fault::{self, Verdict};
use super::heads::Heads;
use super::heartbeat::PostgresHeartbeat;
use super::session::{self, Backend, Candidate, Look, Session};
use crate::staging::{self, EventRow, StreamKey};
use crate::{Append, AppendError, Appended, LogWriter, Tail};

/// How the owner connects and how long it waits.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Names this process to people who look at `engine_owner`.
    pub instance: String,
    /// How long [`PostgresWriter::connect`] waits for another owner's lease.
    pub lease_wait: Duration,
    /// How long an owner may show no life before a standby ends its session. Owners beat every second.
    pub silence_limit: Duration,
    /// Accept a server that may lose acknowledged appends. For trials only.
    pub allow_unsafe_durability: bool,
    /// For one attempt to connect.
    pub connect_timeout: Duration,
    /// How often a failed attempt to connect is repeated, with growing pauses of at most two seconds.
    pub connect_retries: usize,
    /// After this the server itself ends a statement.
    pub statement_timeout: Duration,
    /// After this we give a statement up and call its outcome unknown; longer than `statement_timeout`. An old session
    /// that was told to go is waited for as long.
    pub append_timeout: Duration,
    /// Stream versions that are remembered, in entries per generation of two.
    pub remembered_streams: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            instance: String::new(),
            lease_wait: Duration::from_secs(15),
            silence_limit: Duration::from_secs(3),
            allow_unsafe_durability: false,
            connect_timeout: Duration::from_secs(5),
            connect_retries: 8,
            statement_timeout: Duration::from_secs(10),
            append_timeout: Duration::from_secs(12),
            remembered_streams: 250_000,
        }
    }
}

/// The one owner of a log.
pub struct PostgresWriter {
    target: PgConnectOptions,
    options: WriterOptions,
    /// `None` once the lease or the connection is lost, until `recover`.
    owned: Option<Owned>,
    /// A session that waits for the lease meanwhile.
    candidate: Option<Candidate>,
    /// The session that owned the log last; it is ended on the server if it lingers there.
    previous: Option<Backend>,
    /// The session that the heartbeat speaks for.
    alive: watch::Sender<Option<Backend>>,
    /// What was appended, for followers in this process.
    tail: Option<Tail>,
}

/// How often a lease that is about to be free is asked for again.
const LEASE_POLL: Duration = Duration::from_millis(50);

/// What may be believed only while the lease is held.
struct Owned {
    session: Session,
    heads: Heads,
}

impl PostgresWriter {
    /// Connects to the log and takes its lease. `url` names a role that may insert (`trastienda_engine`), and reaches the
    /// server directly.
    ///
    /// # Errors
    /// [`AppendError::Fenced`] if another owner still holds the lease after `lease_wait`, [`AppendError::Unusable`] for a
    /// server that must not be used, [`AppendError::Unknown`] if it cannot be reached.
    pub async fn connect(url: &str, options: WriterOptions) -> Result<Self, AppendError> {
        let target = url
            .parse()
            .map_err(|error: sqlx::Error| AppendError::Unusable(error.to_string()))?;
        Self::connect_with(target, options).await
    }

    /// As [`Self::connect`], from options, such as the owner's URL with another user.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_with(target: PgConnectOptions, options: WriterOptions) -> Result<Self, AppendError> {
        let deadline = Instant::now() + options.lease_wait;
        let mut writer = Self::new(target, options);
        loop {
            let looked = writer.look(None).await?;
            if matches!(looked, Looked::Taken(_)) {
                return Ok(writer);
            }
            if Instant::now() >= deadline {
                return Err(AppendError::Fenced);
            }
            sleep(LEASE_POLL).await;
        }
    }

    /// Connects to the log and takes its lease if nobody holds it: [`Self::head`] tells. Otherwise this is a standby, and
    /// [`LogWriter::recover`] takes over when the owner leaves, dies or shows no life.
    ///
    /// # Errors
    /// As [`Self::connect`], but never [`AppendError::Fenced`].
    pub async fn open(target: PgConnectOptions, options: WriterOptions) -> Result<Self, AppendError> {
        let mut writer = Self::new(target, options);
        writer.look(None).await?;
        Ok(writer)
    }

    fn new(target: PgConnectOptions, options: WriterOptions) -> Self {
        Self {
            target,
            options,
            owned: None,
            candidate: None,
            previous: None,
            alive: watch::Sender::new(None),
            tail: None,
        }
    }

    /// Leaves what it appends in `tail`, once it is durable.
    #[must_use]
    pub fn with_tail(mut self, tail: Tail) -> Self {
        self.tail = Some(tail);
        self
    }

    /// One look at the lease, over the session that waits for it.
    async fn look(&mut self, silence_limit: Option<Duration>) -> Result<Looked, AppendError> {
        let candidate = match self.candidate.take() {
            Some(candidate) => candidate,
            None => session::connect_patiently(&self.target, &self.options).await?,
        };
        match candidate
            .look(&self.options, self.previous, silence_limit)
            .await?
        {
            Look::Taken(session) => {
                let head = session.tip.link.position;
                self.previous = Some(session.backend);
                self.alive.send_replace(Some(session.backend));
                self.forget_tail();
                self.owned = Some(Owned::new(session, &self.options));
                Ok(Looked::Taken(head))
            }
            Look::Going(candidate, holder) => {
                self.candidate = Some(candidate);
                Ok(Looked::Going {
                    is_own: holder.is_some() && holder == self.previous,
                })
            }
            Look::Held(candidate) => {
                self.candidate = Some(candidate);
                Ok(Looked::Held)
            }
        }
    }

    fn lose(&mut self) {
        self.owned = None;
        self.alive.send_replace(None);
        self.forget_tail();
    }

    /// A server that comes back may have less than it had said (a trial without durability, a standby that was behind),
    /// and another owner may append: what is believed of the log ends with the lease.
    fn forget_tail(&self) {
        if let Some(tail) = &self.tail {
            tail.clear();
        }
    }

    /// The log's end, as far as this owner knows; `None` after the lease was lost.
    pub fn head(&self) -> Option<Position> {
        self.owned.as_ref().map(|owned| owned.session.tip.link.position)
    }
}

impl LogWriter for PostgresWriter {
    type Heartbeat = PostgresHeartbeat;

    fn heartbeat(&self) -> PostgresHeartbeat {
        PostgresHeartbeat::new(&self.target, &self.options.instance, self.alive.subscribe())
    }

    async fn append(&mut self, batch: &[Append]) -> Result<Vec<Appended>, AppendError> {
        // Taken out, and put back only when its state is known: a future that is dropped half-way closes the connection.
        let mut owned = self.owned.take().ok_or(AppendError::Fenced)?;
        let result = timeout(
            self.options.append_timeout,
            owned.append(batch, self.tail.as_ref()),
        )
        .await
        .unwrap_or_else(|_| Err(fault::timed_out()));
        match &result {
            Err(AppendError::Fenced | AppendError::Unknown(_) | AppendError::Unusable(_)) => self.lose(),
            Ok(_)
            | Err(
                AppendError::WrongVersion { .. } | AppendError::DuplicateCommand | AppendError::Rejected(_),
            ) => self.owned = Some(owned),
        }
        result
    }

    async fn check(&mut self) -> Result<(), AppendError> {
        // The lease lasts exactly as long as the session, so a session that answers still holds it.
        let mut owned = self.owned.take().ok_or(AppendError::Fenced)?;
        let answer = sqlx::query("select 1").execute(&mut owned.session.connection);
        match timeout(self.options.connect_timeout, answer).await {
            Ok(Ok(_)) => {
                self.owned = Some(owned);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => {
                self.lose();
                Err(AppendError::Fenced)
            }
        }
    }

    async fn recover(&mut self) -> Result<Position, AppendError> {
        self.lose();
        let deadline = Instant::now() + self.options.append_timeout;
        loop {
            match self.look(Some(self.options.silence_limit)).await? {
                Looked::Taken(head) => return Ok(head),
                // Our own session held the lease as long as it lived, so that it has ended, and its transaction with it.
                Looked::Held => return Err(AppendError::Fenced),
                Looked::Going { is_own } if Instant::now() >= deadline => {
                    return Err(if is_own {
                        AppendError::Unknown("the old session is still there".into())
                    } else {
                        AppendError::Fenced
                    });
                }
                Looked::Going { .. } => sleep(LEASE_POLL).await,
            }
        }
    }
}

/// What the writer saw of the lease.
enum Looked {
    Taken(Position),
    /// Its holder is on the way out.
    Going {
        is_own: bool,
    },
    Held,
}

impl Owned {
    fn new(session: Session, options: &WriterOptions) -> Self {
        Self {
            session,
            heads: Heads::new(options.remembered_streams),
        }
    }

    async fn append(&mut self, batch: &[Append], tail: Option<&Tail>) -> Result<Vec<Appended>, AppendError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let unknown = self.unknown_streams(batch);
        if !unknown.is_empty() {
            self.load_heads(&unknown).await.map_err(fault::of_session)?;
        }
        // A new stream is assumed to be empty: if it is not, the index on (tenant, stream, version) says so.
        let heads = staging::check_versions(batch, |key| self.heads.get(key).unwrap_or(Version::EMPTY))?;
        let staged = staging::stage(batch, self.session.tip);
        if let Err(error) = append::insert(&mut self.session.connection, &staged).await {
            return Err(match fault::verdict(error) {
                Verdict::PositionTaken => AppendError::Fenced,
                Verdict::VersionTaken => self.find_wrong_version(batch).await,
                Verdict::Final(error) => error,
            });
        }
        if let Some(tail) = tail {
            let after = self.session.tip.link.position;
            tail.push(after, staged.events.iter().map(EventRow::recorded));
        }
        self.session.tip = staged.tip;
        self.heads.extend(heads);
        Ok(staged.appended())
    }

    /// Streams whose version must be asked for: those that should have events already (a version that is too high would
    /// leave a gap, which no index refuses), and those that are only checked.
    fn unknown_streams(&self, batch: &[Append]) -> Vec<StreamKey> {
        let mut unknown = Vec::new();
        for append in batch {
            for write in &append.writes {
                if write.expected == Version::EMPTY && !write.events.is_empty() {
                    continue;
                }
                let key = (append.tenant.clone(), write.stream.clone());
                if self.heads.get(&key).is_none() {
                    unknown.push(key);
                }
            }
        }
        unknown
    }

    async fn load_heads(&mut self, streams: &[StreamKey]) -> Result<(), sqlx::Error> {
        let rows = sqlx::query(
            "select coalesce((select e.version from events e where e.tenant = t.tenant and e.stream = t.stream
                              order by e.version desc limit 1), 0)
             from unnest($1::text[], $2::text[]) with ordinality as t(tenant, stream, ordinal) order by t.ordinal",
        )
        .bind(streams.iter().map(|key| key.0.as_str()).collect::<Vec<_>>())
        .bind(streams.iter().map(|key| key.1.as_str()).collect::<Vec<_>>())
        .fetch_all(&mut self.session.connection)
        .await?;
        for (key, row) in streams.iter().zip(rows) {
            self.heads.set(key.clone(), Version(row.try_get(0)?));
        }
        Ok(())
    }

    /// The index refused a version: looks which stream was not where the batch thought.
    async fn find_wrong_version(&mut self, batch: &[Append]) -> AppendError {
        let streams: Vec<StreamKey> = batch
            .iter()
            .flat_map(|append| {
                append
                    .writes
                    .iter()
                    .map(|w| (append.tenant.clone(), w.stream.clone()))
            })
            .collect();
        if let Err(error) = self.load_heads(&streams).await {
            return fault::of_session(error);
        }
        match staging::check_versions(batch, |key| self.heads.get(key).unwrap_or(Version::EMPTY)) {
            Err(wrong) => wrong,
            // Every stream is where the batch thinks, and yet its versions were taken: somebody else writes.
            Ok(_) => AppendError::Fenced,
        }
    }
}
