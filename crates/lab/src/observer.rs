//! A live observer of the log: journals each position as it first sees it, while others write.
//!
//! What appears later behind a position that was seen already, or changes after it was seen, is found afterwards, when
//! `verify` holds this journal against the log. It reads by position, as every follower does, over a connection of its
//! own that it opens again whenever the server goes away.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Deadline;
use crate::journal::{Durability, Journal};

const POLL: Duration = Duration::from_millis(5);
const RECONNECT: Duration = Duration::from_millis(100);
/// Events of one look.
const BATCH: i64 = 5_000;
/// A server that is stopped answers nothing; a new connection is tried then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// After the stop, for what was appended last.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// What one look saw: positions with the ids of their events, in the order of the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Observation {
    pub seen: Vec<(i64, Uuid)>,
}

/// A running observer.
#[derive(Debug)]
pub struct Observer {
    stop: CancellationToken,
    watching: JoinHandle<anyhow::Result<i64>>,
}

impl Observer {
    /// Starts to observe from the first position on.
    ///
    /// # Errors
    /// When the journal cannot be opened.
    pub fn start(database_url: &str, journal: &Path) -> anyhow::Result<Self> {
        let sync_every = Duration::from_secs(1);
        let (journal, writing) = Journal::open(journal, Durability::Flushed { sync_every })?;
        let stop = CancellationToken::new();
        let (url, stopped) = (database_url.to_owned(), stop.clone());
        #[expect(clippy::disallowed_methods, reason = "joined in `finish`")]
        let watching = tokio::spawn(async move {
            let last = watch(&url, &journal, stopped).await?;
            drop(journal);
            writing.finish().await?;
            Ok(last)
        });
        Ok(Self { stop, watching })
    }

    /// Looks once more, and ends. Answers the highest position that was seen.
    ///
    /// # Errors
    /// When the journal could not be written, or the server does not answer at the end.
    pub async fn finish(self) -> anyhow::Result<i64> {
        self.stop.cancel();
        self.watching.await.context("the observer panicked")?
    }
}

async fn watch(url: &str, journal: &Journal, stop: CancellationToken) -> anyhow::Result<i64> {
    let mut last = 0;
    let mut connection: Option<PgConnection> = None;
    let mut deadline: Option<Deadline> = None;
    loop {
        let is_last = stop.is_cancelled();
        if is_last {
            deadline.get_or_insert_with(|| Deadline::after(LAST_LOOK));
        }
        match look(url, &mut connection, last).await {
            Ok(seen) if seen.is_empty() && is_last => return Ok(last),
            Ok(seen) if seen.is_empty() => tokio::time::sleep(POLL).await,
            Ok(seen) => {
                last = seen.iter().map(|(position, _)| *position).max().unwrap_or(last);
                journal.write(&Observation { seen }).await?;
            }
            Err(error) => {
                connection = None;
                anyhow::ensure!(
                    !deadline.is_some_and(Deadline::has_passed),
                    "the observer cannot look: {error:#}"
                );
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
}

async fn look(
    url: &str,
    connection: &mut Option<PgConnection>,
    after: i64,
) -> anyhow::Result<Vec<(i64, Uuid)>> {
    let asked = async {
        if connection.is_none() {
            let mut fresh = PgConnection::connect(url).await?;
            // The owner's own setting, so that no policy hides a row.
            fresh.execute("set row_security = off").await?;
            *connection = Some(fresh);
        }
        let open = connection.as_mut().context("there is no connection")?;
        let rows =
            sqlx::query_as("select position, id from events where position > $1 order by position limit $2")
                .bind(after)
                .bind(BATCH)
                .fetch_all(open)
                .await?;
        anyhow::Ok(rows)
    };
    tokio::time::timeout(ANSWER_PATIENCE, asked)
        .await
        .context("no answer in time")?
}
