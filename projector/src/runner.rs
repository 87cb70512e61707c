//! Drives one group of read models along the log with one checkpoint, in one transaction per batch.
//!
//! Each event counts exactly once: rows and checkpoint land together, and the checkpoint moves by compare-and-swap,
//! which also serialises two instances. Not here: what rows say (`models`), and when to run (`Projector`).

use event_store::{LogReader, MAX_READ, ReadError};
use platform::failpoint;
use schemas::Position;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::checkpoint;
use crate::fact::{Fact, Unreadable, decode};
use crate::groups::{self, Group};
use crate::poison::{Freezing, Frozen};
use crate::projection::{Projection, Writing, is_refused_data};

/// Most bytes of payloads that are folded in one transaction; one event larger than that still goes, alone.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// A follower that is behind takes up to so many events at a time: fewer rows are written twice.
const REACH_MAX: usize = 5_000;

/// Why the runner cannot go on by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Try again with a new connection.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Try again after a pause.
    #[error("the log failed")]
    Log(#[from] ReadError),
    /// Nothing helps but another build: the projector stops loudly.
    #[error("the log holds what this build cannot read")]
    Unreadable(#[from] Unreadable),
    /// A restored database lies before its read models: a person must decide.
    #[error("the checkpoint {checkpoint} is ahead of the log's head {head}")]
    AheadOfLog { checkpoint: Position, head: Position },
    /// It was dropped; whoever leads decides what is followed instead.
    #[error("the group {0} is not there any more")]
    GroupGone(i32),
}

impl RunError {
    /// Whether a new attempt can succeed without anybody's help.
    pub fn is_passing(&self) -> bool {
        match self {
            RunError::Log(ReadError::Unavailable(_)) | RunError::GroupGone(_) => true,
            RunError::Log(ReadError::Corrupt(_)) | RunError::Unreadable(_) | RunError::AheadOfLog { .. } => {
                false
            }
            // Class 42 is a missing table, column or right: no attempt will make it appear.
            RunError::Database(error) => {
                let code = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code);
                !code.is_some_and(|code| code.starts_with("42"))
            }
        }
    }
}

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Events were folded; there may be more.
    Moved { events: usize },
    /// Another instance moved the checkpoint; everything was dropped and read again.
    Lost,
    /// The end of the log.
    CaughtUp,
}

/// Events of one read, or what is left of them.
#[derive(Default)]
struct Batch {
    /// They follow upon this position, and may be folded at no other.
    after: Position,
    facts: Vec<Fact>,
    /// Whether there may be more.
    is_full: bool,
}

async fn read<R: LogReader>(reader: &R, after: Position, max: usize) -> Result<Batch, RunError> {
    let events = reader.read_shared(after, max).await?;
    let is_full = events.len() >= max;
    let facts = decode(&events)?;
    Ok(Batch {
        after,
        facts,
        is_full,
    })
}

/// How one attempt at a transaction ended.
enum Commit {
    Landed,
    /// The checkpoint was not where it should be.
    Lost,
    /// Postgres refused values of the batch.
    Refused(sqlx::Error),
}

/// One follower on one connection of its own.
pub struct Runner<R> {
    reader: R,
    connection: PgConnection,
    group: Group,
    models: Vec<Box<dyn Projection>>,
    frozen: Frozen,
    position: Position,
    /// Events that were read and are not folded yet.
    rest: Batch,
    /// Reads and decodes the next batch while the one before it is folded, on another processor if there is one.
    ahead: JoinSet<Result<Batch, RunError>>,
    batch: usize,
    /// How many events are asked for next: more while there is more than that.
    reach: usize,
    last_recorded_at: Option<OffsetDateTime>,
    /// A transaction was begun and did not land, as far as is known: what the models remember may be wrong.
    is_unsure: bool,
}

impl<R: LogReader> Runner<R> {
    /// Follows the group that queries read, from its checkpoint. `batch` is the most events per transaction.
    ///
    /// # Errors
    /// When the database or log fails, or the checkpoint is ahead of the log.
    pub async fn open(
        reader: R,
        mut connection: PgConnection,
        models: Vec<Box<dyn Projection>>,
        batch: usize,
    ) -> Result<Self, RunError> {
        let group = groups::serving(&mut connection).await?;
        Self::open_group(reader, connection, models, batch, group).await
    }

    /// As `open`, with a group of the caller's choice.
    ///
    /// # Errors
    /// As `open`, and when the group was dropped.
    pub async fn open_group(
        reader: R,
        mut connection: PgConnection,
        models: Vec<Box<dyn Projection>>,
        batch: usize,
        group: Group,
    ) -> Result<Self, RunError> {
        set_up(&mut connection, &group).await?;
        let mut runner = Self {
            reader,
            connection,
            group,
            models,
            frozen: Frozen::default(),
            position: Position::START,
            rest: Batch::default(),
            ahead: JoinSet::new(),
            batch: batch.clamp(1, MAX_READ),
            reach: batch.clamp(1, MAX_READ),
            last_recorded_at: None,
            is_unsure: false,
        };
        runner.reload().await?;
        let head = runner.reader.head().await?;
        if head < runner.position {
            return Err(RunError::AheadOfLog {
                checkpoint: runner.position,
                head,
            });
        }
        Ok(runner)
    }

    /// The group that is filled.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The connection between two steps.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Gives the connection up to another runner.
    pub fn into_connection(self) -> PgConnection {
        self.connection
    }

    /// The last committed checkpoint that this runner knows of.
    pub fn position(&self) -> Position {
        self.position
    }

    /// When the last event that this runner folded was recorded.
    pub fn last_recorded_at(&self) -> Option<OffsetDateTime> {
        self.last_recorded_at
    }

    /// How many rows are frozen.
    pub fn frozen_rows(&self) -> usize {
        self.frozen.len()
    }

    async fn reload(&mut self) -> Result<(), RunError> {
        self.rest = Batch::default();
        self.ahead = JoinSet::new();
        let position = checkpoint::read(&mut self.connection, &self.group.schema).await?;
        self.position = position.ok_or(RunError::GroupGone(self.group.id))?;
        self.frozen = Frozen::load(&mut self.connection).await?;
        Ok(())
    }

    /// Folds the next batch, and reads the one after it meanwhile.
    ///
    /// # Errors
    /// See [`RunError`]; what had been committed before stays, and nothing else lands.
    pub async fn step(&mut self) -> Result<Step, RunError> {
        self.step_until(Position(i64::MAX)).await
    }

    /// As `step`, but not beyond a position: there it has caught up.
    ///
    /// # Errors
    /// As `step`.
    pub async fn step_until(&mut self, limit: Position) -> Result<Step, RunError> {
        if self.position >= limit {
            return Ok(Step::CaughtUp);
        }
        let mut batch = std::mem::take(&mut self.rest);
        if batch.after != self.position || batch.facts.is_empty() {
            batch = self.next_batch().await?;
        }
        let mut facts = batch.facts;
        let beyond = facts.split_off(facts.partition_point(|fact| fact.position <= limit.0));
        self.rest = Batch {
            after: facts.last().map_or(batch.after, |last| Position(last.position)),
            facts: beyond,
            is_full: batch.is_full,
        };
        if facts.is_empty() {
            return Ok(Step::CaughtUp);
        }
        if !self.fold(&facts).await? {
            self.reload().await?;
            return Ok(Step::Lost);
        }
        Ok(Step::Moved { events: facts.len() })
    }

    /// The batch that was read ahead, or else a fresh one; and the one after it is read ahead, if there may be more.
    async fn next_batch(&mut self) -> Result<Batch, RunError> {
        let batch = match self.ahead.join_next().await {
            // What was read ahead of a step that failed would skip its events.
            Some(Ok(Ok(batch))) if batch.after == self.position && !batch.facts.is_empty() => batch,
            // A failed read ahead is no failure yet: it is tried again.
            _ => read(&self.reader, self.position, self.reach).await?,
        };
        if !batch.is_full {
            self.reach = self.batch;
        } else if let Some(last) = batch.facts.last() {
            self.reach = if bounded_length(&batch.facts) < batch.facts.len() {
                (self.reach / 2).max(1)
            } else {
                (self.reach * 2).min(REACH_MAX.max(self.batch))
            };
            let (reader, after, reach) = (self.reader.clone(), Position(last.position), self.reach);
            self.ahead.spawn(async move { read(&reader, after, reach).await });
        }
        Ok(batch)
    }

    /// Commits a batch, in halves where Postgres refuses a value, until the culprit stands alone and freezes.
    /// `false` when another instance won.
    async fn fold(&mut self, facts: &[Fact]) -> Result<bool, RunError> {
        let mut parts = vec![facts];
        while let Some(part) = parts.pop() {
            let (whole, rest) = part.split_at(part.len().min(bounded_length(part)));
            if !rest.is_empty() {
                parts.push(rest);
            }
            match self.commit(whole, Writing::Bulk).await? {
                Commit::Landed => {}
                Commit::Lost => return Ok(false),
                Commit::Refused(error) if whole.len() > 1 => {
                    tracing::warn!(events = whole.len(), %error, "a batch was refused and is split");
                    let (first, second) = whole.split_at(whole.len() / 2);
                    parts.extend([second, first]);
                }
                Commit::Refused(_) => match self.commit(whole, Writing::RowByRow).await? {
                    Commit::Landed => {}
                    Commit::Lost => return Ok(false),
                    Commit::Refused(error) => return Err(error.into()),
                },
            }
        }
        Ok(true)
    }

    /// One transaction: the checkpoint first, since its lock keeps a second instance from folding the same events.
    async fn commit(&mut self, facts: &[Fact], writing: Writing) -> Result<Commit, RunError> {
        let Some(last) = facts.last() else {
            return Ok(Commit::Landed);
        };
        let to = Position(last.position);
        if std::mem::replace(&mut self.is_unsure, true) {
            self.models.iter_mut().for_each(|model| model.forget());
        }
        let mut transaction = self.connection.begin().await?;
        if !checkpoint::advance(&mut transaction, &self.group.schema, self.position, to).await? {
            transaction.rollback().await?;
            return Ok(Commit::Lost);
        }
        let mut freezing = Freezing::new(&self.frozen);
        match apply(&mut self.models, &mut transaction, facts, &mut freezing, writing).await {
            Ok(()) => {}
            Err(error) if is_refused_data(&error) => {
                transaction.rollback().await?;
                return Ok(Commit::Refused(error));
            }
            Err(error) => return Err(error.into()),
        }
        let fresh = freezing.store(&mut transaction).await?;
        failpoint::reached(failpoint::PROJECTION_COMMIT);
        transaction.commit().await?;
        self.is_unsure = false;
        self.frozen.extend(fresh);
        self.position = to;
        self.last_recorded_at = Some(last.recorded_at);
        Ok(Commit::Landed)
    }
}

/// Folds a batch into all models. Each is folded while the rows of the one before it are on their way.
async fn apply(
    models: &mut [Box<dyn Projection>],
    connection: &mut PgConnection,
    facts: &[Fact],
    freezing: &mut Freezing<'_>,
    writing: Writing,
) -> Result<(), sqlx::Error> {
    for model in models.iter_mut() {
        model.load(connection, facts, freezing).await?;
    }
    let mut rest = models;
    let mut failures = match rest.first_mut() {
        Some(first) => first.fold(facts, writing)?,
        None => return Ok(()),
    };
    while let Some((model, others)) = rest.split_first_mut() {
        while !failures.is_empty() {
            failures.into_iter().for_each(|poison| freezing.freeze(poison));
            model.load(connection, facts, freezing).await?;
            failures = model.fold(facts, writing)?;
        }
        let next = async { others.first_mut().map(|next| next.fold(facts, writing)) };
        failures = match (writing, facts) {
            (Writing::RowByRow, [fact]) => {
                model.write_row_by_row(connection, fact, freezing).await?;
                next.await
            }
            _ => {
                // The first is polled first: its rows are sent before the other begins.
                let (written, next) = tokio::join!(biased; model.write(connection), next);
                written?;
                next
            }
        }
        .transpose()?
        .unwrap_or_default();
        rest = others;
    }
    Ok(())
}

/// Prepares a connection for one group. A name that is not there is looked up in `public`, where nothing of a group is but
/// group 0 itself.
async fn set_up(connection: &mut PgConnection, group: &Group) -> Result<(), sqlx::Error> {
    // Loads go by primary key, and tables grow from nothing to millions under cached plans: a plan that was good for an
    // empty table must not survive. A stopped process must not hold the checkpoint's lock for ever. Commits need no
    // flush of their own: after a crash rows and checkpoint are older together, and are folded again from the log,
    // which is flushed and lies before them in the same WAL.
    sqlx::raw_sql(
        "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;
         set idle_in_transaction_session_timeout = '15s'; set synchronous_commit = off;",
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("select set_config('search_path', quote_ident($1) || ', public', false)")
        .bind(&group.schema)
        .execute(connection)
        .await
        .map(|_| ())
}

/// How many events from the front stay within [`MAX_BATCH_BYTES`]; at least one.
fn bounded_length(facts: &[Fact]) -> usize {
    let mut bytes = 0_usize;
    let within = facts
        .iter()
        .take_while(|fact| {
            bytes = bytes.saturating_add(fact.payload_bytes);
            bytes <= MAX_BATCH_BYTES
        })
        .count();
    within.max(1)
}
