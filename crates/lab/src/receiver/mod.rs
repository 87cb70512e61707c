//! A webhook receiver: verifies signature and sequence, keeps a journal, can misbehave on request.
//!
//! A delivery is answered with 2xx only after its line is in the journal. `server` speaks HTTP, `ledger` remembers
//! what came. Not here: printing (`listen`).

mod ledger;
mod server;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::ledger::Ledger;
pub use self::ledger::{Noted, Summary};
use crate::journal::{self, Durability, Journal, Writing};
use crate::sequence::Arrival;
use crate::signature::Secret;

/// Where `up` lets webhooks go by default.
pub const DEFAULT_PORT: u16 = 18_099;

/// As a hook's path: every path that is no other hook's.
pub const ANY_PATH: &str = "*";

/// One delivery, as the journal keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: time::OffsetDateTime,
    /// The path it came to: which hook.
    pub path: String,
    /// `webhook-id`.
    pub id: String,
    pub sequence: Option<i64>,
    pub position: Option<i64>,
    #[serde(rename = "type")]
    pub event_type: String,
    /// Of the body's bytes, in hex.
    pub sha256: String,
    pub signature_ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether no delivery with this id came before.
    pub first: bool,
    /// What was answered.
    pub status: u16,
}

/// How to be a bad receiver.
#[derive(Debug, Clone, Copy, Default)]
pub struct Misbehaviour {
    /// Answer this instead of 204.
    pub status: Option<u16>,
    pub delay: Duration,
    /// Close the connection without an answer at every so many deliveries; 0 is never.
    pub drop_every: u64,
    /// Answer 500 to so many deliveries first.
    pub fail_first: u64,
}

/// A delivery as an observer sees it.
#[derive(Debug)]
pub struct Seen {
    pub receipt: Receipt,
    /// What its sequence number was; absent when the delivery was not believed or has none.
    pub arrival: Option<Arrival>,
}

/// How to receive.
#[derive(Debug, Default)]
pub struct Options {
    /// 0 takes a free port.
    pub port: u16,
    pub journal: Option<PathBuf>,
    pub misbehaviour: Misbehaviour,
    /// Gets every delivery; a full channel slows receiving down.
    pub observer: Option<mpsc::Sender<Seen>>,
}

struct Hook {
    secret: Secret,
}

struct Inner {
    hooks: Mutex<HashMap<String, Hook>>,
    ledger: Mutex<Ledger>,
    journal: Option<Journal>,
    misbehaviour: Misbehaviour,
    observer: Option<mpsc::Sender<Seen>>,
    deliveries: AtomicU64,
}

/// A running receiver on the loopback address.
pub struct Receiver {
    address: SocketAddr,
    inner: Arc<Inner>,
    serving: JoinSet<()>,
    stop: CancellationToken,
    writing: Option<Writing>,
}

impl Receiver {
    /// Reads the journal of earlier runs, then listens.
    ///
    /// # Errors
    /// When the port is taken or the journal cannot be used.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let mut ledger = Ledger::default();
        let (journal, writing) = match &options.journal {
            Some(path) => {
                for receipt in journal::read::<Receipt>(path)? {
                    ledger.restore(&receipt);
                }
                let (journal, writing) = Journal::open(
                    path,
                    Durability::Flushed {
                        sync_every: Duration::from_secs(1),
                    },
                )?;
                (Some(journal), Some(writing))
            }
            None => (None, None),
        };
        let listener = TcpListener::bind(("127.0.0.1", options.port))
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{}", options.port))?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            hooks: Mutex::default(),
            ledger: Mutex::new(ledger),
            journal,
            misbehaviour: options.misbehaviour,
            observer: options.observer,
            deliveries: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(server::accept(listener, Arc::clone(&inner), stop.clone()));
        Ok(Self {
            address,
            inner,
            serving,
            stop,
            writing,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a hook.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Believes deliveries to this path that are signed with this secret. Until then they are answered 503, so that
    /// they come again.
    pub fn add_hook(&self, path: &str, secret: Secret) {
        self.inner
            .hooks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), Hook { secret });
    }

    /// What came to a path so far, earlier runs included.
    pub fn summary(&self, path: &str) -> Summary {
        self.inner
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .summary(path)
    }

    /// Stops receiving and brings the journal to the disk.
    ///
    /// # Errors
    /// When the journal could not be written.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self {
            inner,
            mut serving,
            stop,
            writing,
            ..
        } = self;
        stop.cancel();
        while serving.join_next().await.is_some() {}
        drop(inner);
        match writing {
            Some(writing) => writing.finish().await,
            None => Ok(()),
        }
    }
}

impl Inner {
    /// What this delivery gets instead of honest treatment.
    fn misbehave(&self) -> Option<Misdeed> {
        let number = self.deliveries.fetch_add(1, Ordering::Relaxed) + 1;
        if self.misbehaviour.drop_every > 0 && number.is_multiple_of(self.misbehaviour.drop_every) {
            Some(Misdeed::Drop)
        } else if number <= self.misbehaviour.fail_first {
            Some(Misdeed::Status(500))
        } else {
            self.misbehaviour.status.map(Misdeed::Status)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misdeed {
    Drop,
    Status(u16),
}

#[cfg(test)]
mod tests;
