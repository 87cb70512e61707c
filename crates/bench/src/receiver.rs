//! A receiver that does nothing but count: the product and the bare loop are both measured against it.
//!
//! It checks no signature (`lab::receiver` does, in the tests), so that what is measured is the sender.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::http::length_of;

const MAX_HEADERS: usize = 48;
const MAX_REQUEST_BYTES: usize = 256 << 10;
const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Shared with the connections.
#[derive(Default)]
struct Counter {
    received: AtomicU64,
    /// The count that somebody waits for; 0 is nobody.
    wanted: AtomicU64,
    reached: Mutex<Option<Instant>>,
    rung: Notify,
    /// The last body that was kept; see [`Receiver::sample`].
    sample: Mutex<Option<Vec<u8>>>,
}

/// A running receiver; it ends with the process.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    counter: Arc<Counter>,
}

impl Receiver {
    /// Listens on a free port of the loopback, on a thread of its own.
    ///
    /// # Errors
    /// When there is none.
    pub fn start() -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let counter = Arc::new(Counter::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shared = Arc::clone(&counter);
        std::thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || runtime.block_on(accept(listener, shared)))?;
        Ok(Self { address, counter })
    }

    pub fn received(&self) -> u64 {
        self.counter.received.load(Ordering::Relaxed)
    }

    /// A body that came, as an example of what is sent.
    pub fn sample(&self) -> Option<Vec<u8>> {
        let sample = self.counter.sample.lock().unwrap_or_else(PoisonError::into_inner);
        sample.clone()
    }

    /// Call before the cause: from here so many requests are expected.
    pub fn expect(&self, more: u64) -> Expected {
        *self
            .counter
            .reached
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        self.counter
            .wanted
            .store(self.received() + more, Ordering::SeqCst);
        Expected(Arc::clone(&self.counter))
    }
}

/// Requests that were announced.
pub struct Expected(Arc<Counter>);

impl Expected {
    /// When the last of them arrived.
    ///
    /// # Errors
    /// When they do not arrive in time.
    pub async fn arrived(self, patience: Duration) -> anyhow::Result<Instant> {
        let waiting = async {
            loop {
                let rung = self.0.rung.notified();
                if let Some(at) = *self.0.reached.lock().unwrap_or_else(PoisonError::into_inner) {
                    return at;
                }
                rung.await;
            }
        };
        tokio::time::timeout(patience, waiting).await.with_context(|| {
            let counter = &self.0;
            format!(
                "{} of {} webhooks after {patience:?}",
                counter.received.load(Ordering::Relaxed),
                counter.wanted.load(Ordering::Relaxed)
            )
        })
    }
}

async fn accept(listener: std::net::TcpListener, counter: Arc<Counter>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        connections.spawn(serve(stream, Arc::clone(&counter)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, counter: Arc<Counter>) {
    let mut buffer = Vec::with_capacity(8_192);
    if stream.set_nodelay(true).is_err() {
        return;
    }
    loop {
        match whole(&buffer) {
            Some((start, end)) => {
                counter.note(buffer.get(start..end).unwrap_or_default());
                buffer.drain(..end);
                if stream.write_all(ANSWER).await.is_err() {
                    return;
                }
            }
            None => match stream.read_buf(&mut buffer).await {
                Ok(read) if read > 0 && buffer.len() <= MAX_REQUEST_BYTES => {}
                _ => return,
            },
        }
    }
}

/// Where the body of the first request is, once all of it is there.
fn whole(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(start)) = request.parse(bytes) else {
        return None;
    };
    let end = start + length_of(request.headers).ok()?.unwrap_or(0);
    (bytes.len() >= end).then_some((start, end))
}

impl Counter {
    fn note(&self, body: &[u8]) {
        let received = self.received.fetch_add(1, Ordering::SeqCst) + 1;
        if received == self.wanted.load(Ordering::SeqCst) {
            *self.sample.lock().unwrap_or_else(PoisonError::into_inner) = Some(body.to_vec());
            *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.rung.notify_waiters();
        }
    }
}
