//! Serves an endpoint on a listener with the limits that a public port needs.
//!
//! Own loop over hyper, because poem's server has no limit on the time that headers take nor on connections.
//! HTTP/1.1 only: TLS and HTTP/2 end at the proxy in front. Not here: routing, and limits of bodies (the guard's).

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::HttpConfig;

/// What one listener bounds.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// More connections than this wait in the listener's backlog.
    pub max_connections: usize,
    /// From the connection, or from the last answer, to the end of a request's headers; ends idle connections, too.
    pub header_read_timeout: Duration,
    /// Of a request's head; at least 8,192.
    pub max_head_bytes: usize,
    /// Requests that still run this long after the stop are given up.
    pub stop_limit: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            header_read_timeout: Duration::from_secs(5),
            max_head_bytes: 32 * 1024,
            stop_limit: Duration::from_secs(10),
        }
    }
}

impl ServerLimits {
    /// The configured limits.
    pub fn of(config: &HttpConfig) -> Self {
        Self {
            max_connections: config.max_connections,
            header_read_timeout: Duration::from_millis(config.header_read_timeout_ms),
            ..Self::default()
        }
    }
}

/// Wait after a failed `accept`, such as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves until `stop` is cancelled, then finishes what is in flight.
///
/// # Errors
/// When the listener has no address.
pub async fn serve<E>(
    listener: TcpListener,
    app: Arc<E>,
    limits: ServerLimits,
    stop: CancellationToken,
) -> io::Result<()>
where
    E: Endpoint<Output = Response> + 'static,
{
    let local = listener.local_addr()?;
    tracing::info!(address = %local, "listening");
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let connections = TaskTracker::new();
    loop {
        let slot = tokio::select! {
            () = stop.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => slot.map_err(io::Error::other)?,
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let addresses = (
            LocalAddr(Addr::SocketAddr(local)),
            RemoteAddr(Addr::SocketAddr(remote)),
        );
        let connection = serve_connection(stream, addresses, Arc::clone(&app), limits.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.stop_limit, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "requests were given up at the stop"
        );
    }
    Ok(())
}

async fn serve_connection<E>(
    stream: TcpStream,
    (local, remote): (LocalAddr, RemoteAddr),
    app: Arc<E>,
    limits: ServerLimits,
    stop: CancellationToken,
) where
    E: Endpoint<Output = Response> + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no-delay could not be set");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (app, local, remote) = (Arc::clone(&app), local.clone(), remote.clone());
        async move {
            let request = Request::from((request, local, remote, Scheme::HTTP));
            Ok::<_, Infallible>(hyper::Response::from(app.get_response(request).await))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_buf_size(limits.max_head_bytes.max(8192))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let stopped = async {
        stop.cancelled().await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        // Clients come and go; none of this is ours to repair.
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    struct Running {
        address: std::net::SocketAddr,
        stop: CancellationToken,
        done: tokio::task::JoinHandle<io::Result<()>>,
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own task")]
    async fn start<E: Endpoint<Output = Response> + 'static>(app: E, limits: ServerLimits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let done = tokio::spawn(serve(listener, Arc::new(app), limits, stop.clone()));
        Running { address, stop, done }
    }

    fn quick() -> ServerLimits {
        ServerLimits {
            header_read_timeout: Duration::from_millis(100),
            ..ServerLimits::default()
        }
    }

    async fn hello() -> impl Endpoint<Output = Response> {
        make(|_| async { Response::from("hello") })
    }

    async fn read_all(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_dribbles_its_headers_is_cut_off() {
        let server = start(hello().await, quick()).await;
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        // Ends because the server closes; without the limit this would wait for ever.
        assert!(!read_all(slow).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn a_request_is_answered_and_the_idle_connection_ends() {
        let server = start(hello().await, quick()).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let text = read_all(stream).await;
        assert!(
            text.starts_with("HTTP/1.1 200 OK") && text.ends_with("hello"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_one_to_end() {
        let limits = ServerLimits {
            max_connections: 1,
            ..quick()
        };
        let server = start(hello().await, limits).await;
        // Holds the only slot until its header time is over.
        let _first = TcpStream::connect(server.address).await.unwrap();
        let mut second = TcpStream::connect(server.address).await.unwrap();
        second
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        assert!(read_all(second).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn a_stop_finishes_what_is_in_flight_and_accepts_no_more() {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let app = {
            let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
            make(move |_| {
                let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
                async move {
                    entered.notify_one();
                    release.notified().await;
                    Response::from("done")
                }
            })
        };
        let server = start(app, ServerLimits::default()).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        entered.notified().await;
        server.stop.cancel();
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        release.notify_one();
        assert!(read_all(stream).await.ends_with("done"));
        server.done.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_ever() {
        let app = make(|_| std::future::pending::<Response>());
        let limits = ServerLimits {
            stop_limit: Duration::from_millis(50),
            ..ServerLimits::default()
        };
        let server = start(app, limits).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        server.stop.cancel();
        server.done.await.unwrap().unwrap();
    }
}
