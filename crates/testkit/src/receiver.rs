//! An HTTP receiver that the test controls: it records every request as it came and answers, late, wrongly, in part
//! or not at all, as it is told.
//!
//! Requests are parsed by hand, on purpose: a server library would not close a connection in the middle of an answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::PATIENCE;

const HEAD_LIMIT_BYTES: usize = 64 * 1024;
const BODY_LIMIT_BYTES: usize = 8 * 1024 * 1024;
const HEADERS_LIMIT: usize = 64;

/// A request, byte for byte.
#[derive(Debug, Clone)]
pub struct Received {
    /// From 0, in the order in which the requests were complete.
    pub number: usize,
    /// When it was complete.
    pub at: std::time::Instant,
    pub method: String,
    /// Path and query.
    pub target: String,
    /// As sent, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Received {
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&found.1).ok()
    }
}

/// What the receiver does about a request.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    /// So many bytes of the body are sent, then the connection is closed.
    cut_after_bytes: Option<usize>,
    /// Nothing is sent; the connection is closed.
    is_dropped: bool,
}

impl Answer {
    /// An empty answer with this status.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            cut_after_bytes: None,
            is_dropped: false,
        }
    }

    /// The connection is closed without a word, after the request was read.
    pub fn drop_connection() -> Self {
        Self {
            is_dropped: true,
            ..Self::status(200)
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Before the first byte of the answer.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The head announces the whole body; the connection ends after so many bytes of it.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut_after_bytes = Some(bytes);
        self
    }
}

type Policy = Arc<dyn Fn(&Received) -> Answer + Send + Sync>;

struct Shared {
    received: Mutex<Vec<Received>>,
    policy: Mutex<Policy>,
    count: watch::Sender<usize>,
}

/// A running receiver on a port of its own; it ends when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Starts on 127.0.0.1; answers 200 until told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            policy: Mutex::new(Arc::new(|_| Answer::status(200))),
            count: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on, requests are answered like this. [`Received::number`] tells the first from the second.
    pub fn answer(&self, policy: impl Fn(&Received) -> Answer + Send + Sync + 'static) {
        *self.shared.policy.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Everything so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared
            .received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for so many requests; gives all that are there then.
    pub async fn wait_for(&self, requests: usize) -> Vec<Received> {
        self.wait_until(&format!("{requests} requests"), |received| {
            received.len() >= requests
        })
        .await
    }

    /// Waits until the requests satisfy the test; `what` is for the message when they never do.
    pub async fn wait_until(&self, what: &str, is_so: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let mut count = self.shared.count.subscribe();
        let wait = async {
            loop {
                count.mark_unchanged();
                let received = self.received();
                if is_so(&received) {
                    return received;
                }
                count.changed().await.unwrap();
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(received) => received,
            Err(_) => panic!(
                "the receiver waited {PATIENCE:?} for {what}; it has {}",
                self.received().len()
            ),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                connections.spawn(async move { drop(serve(stream, &shared).await) });
            }
            // A test's receiver must say when its policy panics.
            Some(ended) = connections.join_next() => ended.unwrap(),
        }
    }
}

/// One connection, request after request, until either side closes it.
async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(mut request) = read_request(&mut stream, &mut buffer).await? {
        let policy = Arc::clone(&shared.policy.lock().unwrap_or_else(PoisonError::into_inner));
        {
            let mut received = shared.received.lock().unwrap_or_else(PoisonError::into_inner);
            request.number = received.len();
            request.at = std::time::Instant::now();
            received.push(request.clone());
            shared.count.send_replace(received.len());
        }
        let answer = policy(&request);
        if !answer.delay.is_zero() {
            sleep(answer.delay).await;
        }
        if answer.is_dropped {
            return Ok(());
        }
        let mut head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n",
            answer.status,
            answer.body.len()
        );
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        let sent = answer
            .cut_after_bytes
            .unwrap_or(answer.body.len())
            .min(answer.body.len());
        stream.write_all(&answer.body[..sent]).await?;
        if answer.cut_after_bytes.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

/// The next request of the connection; None when the other side closed it, or sent what this does not understand.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Received>> {
    loop {
        if let Some((request, used)) = parse(buffer) {
            buffer.drain(..used);
            return Ok(Some(request));
        }
        if buffer.len() > HEAD_LIMIT_BYTES + BODY_LIMIT_BYTES {
            return Ok(None);
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// A whole request and its length in bytes, once it is there. Bodies are announced by Content-Length.
fn parse(bytes: &[u8]) -> Option<(Received, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else {
        return None;
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(Some(0), |header| {
        std::str::from_utf8(header.value).ok()?.parse().ok()
    })?;
    let body = bytes.get(head..head + length)?.to_vec();
    let received = Received {
        number: 0,
        at: std::time::Instant::now(),
        method: request.method?.to_owned(),
        target: request.path?.to_owned(),
        headers: request
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), header.value.to_vec()))
            .collect(),
        body,
    };
    Some((received, head + length))
}
