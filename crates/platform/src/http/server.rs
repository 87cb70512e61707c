//! Serves an endpoint on a listener with the limits that a public port needs.
//!
//! Own loop over hyper, because poem's server has no limit on the time that headers take nor on connections.
//! HTTP/1.1 only: TLS and HTTP/2 end at the proxy in front. Not here: routing, and limits of bodies and handlers (the
//! guard's, which answers; what is cut here is not answered).

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Activity, Times, Watched, WatchedBody};
use crate::config::HttpConfig;

/// What one listener bounds.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// One more than this ends the connection that is idle for longest; when none is idle, it waits, and those behind
    /// it wait in the listener's backlog.
    pub max_connections: usize,
    /// From the connection, or from a later request's first byte, to the end of its headers.
    pub header_read_timeout: Duration,
    /// From the last answer to the next request's first byte.
    pub keep_alive_timeout: Duration,
    /// From the headers to the answer: beyond it the connection is cut, though the guard should have answered.
    pub request_timeout: Duration,
    /// From the answer to its last byte.
    pub answer_write_timeout: Duration,
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
            keep_alive_timeout: Duration::from_secs(75),
            request_timeout: Duration::from_secs(60) + AFTER_THE_GUARD,
            answer_write_timeout: Duration::from_secs(60),
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
            keep_alive_timeout: Duration::from_millis(config.keep_alive_timeout_ms),
            request_timeout: Duration::from_millis(config.request_timeout_ms) + AFTER_THE_GUARD,
            answer_write_timeout: Duration::from_millis(config.answer_write_timeout_ms),
            ..Self::default()
        }
    }

    fn times(&self) -> Times {
        Times {
            head: self.header_read_timeout,
            keep_alive: self.keep_alive_timeout,
            request: self.request_timeout,
            answer: self.answer_write_timeout,
        }
    }
}

/// The guard answers what takes too long; the server cuts only what the guard did not answer.
const AFTER_THE_GUARD: Duration = Duration::from_secs(5);

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
    let room_wanted = Arc::new(Notify::new());
    let connections = TaskTracker::new();
    loop {
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
        let slot = tokio::select! {
            () = stop.cancelled() => break,
            slot = slot(&slots, &room_wanted) => slot?,
        };
        let addresses = (
            LocalAddr(Addr::SocketAddr(local)),
            RemoteAddr(Addr::SocketAddr(remote)),
        );
        let rules = Rules {
            limits: limits.clone(),
            room_wanted: Arc::clone(&room_wanted),
            stop: stop.clone(),
        };
        let connection = serve_connection(stream, addresses, Arc::clone(&app), rules);
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

/// A place for one connection; asks the one that is idle for longest to make room when there is none.
async fn slot(slots: &Arc<Semaphore>, room_wanted: &Notify) -> io::Result<OwnedSemaphorePermit> {
    if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        return Ok(slot);
    }
    room_wanted.notify_one();
    Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)
}

/// What ends a connection, beside its client.
struct Rules {
    limits: ServerLimits,
    room_wanted: Arc<Notify>,
    stop: CancellationToken,
}

async fn serve_connection<E>(
    stream: TcpStream,
    (local, remote): (LocalAddr, RemoteAddr),
    app: Arc<E>,
    rules: Rules,
) where
    E: Endpoint<Output = Response> + 'static,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no-delay could not be set");
    }
    let activity = Activity::new(rules.limits.times());
    let of_service = activity.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (app, activity) = (Arc::clone(&app), of_service.clone());
        let (local, remote) = (local.clone(), remote.clone());
        async move {
            activity.request_began();
            let request = Request::from((request, local, remote, Scheme::HTTP));
            let answer = hyper::Response::from(app.get_response(request).await);
            activity.answer_began();
            Ok::<_, Infallible>(answer.map(|body| WatchedBody::new(body, activity)))
        }
    });
    // Hyper's own limit on heads runs while a connection is idle, too, so it is not used.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(rules.limits.max_head_bytes.max(8192))
        .serve_connection(TokioIo::new(Watched::new(stream, activity.clone())), service);
    let mut connection = std::pin::pin!(connection);
    let asked_to_end = async {
        tokio::select! {
            () = rules.stop.cancelled() => {}
            () = room_made(&activity, &rules.room_wanted) => {}
        }
    };
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        phase = activity.overdue() => return cut(phase),
        () = asked_to_end => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                ended = connection => ended,
                phase = activity.overdue() => return cut(phase),
            }
        }
    };
    if let Err(error) = ended {
        // Clients come and go; none of this is ours to repair.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The connection goes with its future.
fn cut(phase: &'static str) {
    tracing::debug!(phase, "a connection was cut: it took too long");
}

/// Waits until this connection is idle and room is wanted; waiters are served in the order in which they became idle.
async fn room_made(activity: &Activity, room_wanted: &Notify) {
    let mut place = std::pin::pin!(None);
    std::future::poll_fn(|cx| {
        if !activity.is_idle() {
            place.set(None);
            return Poll::Pending;
        }
        if place.is_none() {
            place.set(Some(room_wanted.notified()));
        }
        match place.as_mut().as_pin_mut() {
            Some(place) => place.poll(cx),
            None => Poll::Pending,
        }
    })
    .await;
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
