//! The receiver's HTTP: bounded connections, bounded bodies, bounded waiting.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ANY_PATH, Inner, Misdeed, Receipt, Seen};
use crate::clock;
use crate::signature::Unverified;

const MAX_CONNECTIONS: usize = 1_024;
const MAX_BODY_BYTES: usize = 1024 * 1024;
const HEADER_PATIENCE: Duration = Duration::from_secs(10);

/// What ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on request")]
struct Dropped;

/// Serves until the stop; connections that are open then are cut.
pub(super) async fn accept(listener: TcpListener, inner: Arc<Inner>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        // An accept fails for a connection that is gone already or for want of descriptors: neither ends the receiver.
        let Ok((stream, _)) = stream else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let inner = Arc::clone(&inner);
        connections.spawn(async move {
            serve(stream, inner).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, inner: Arc<Inner>) {
    // Without it small answers wait for the peer's delayed acknowledgement.
    let _best_effort = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let inner = Arc::clone(&inner);
        async move { receive(request, &inner).await }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
    // A peer that goes away in mid-request is its own business; it will come again.
    let _cut_off = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn receive(request: Request<Incoming>, inner: &Inner) -> Result<Response<Empty<Bytes>>, Dropped> {
    let path = request.uri().path().to_owned();
    if request.method() != Method::POST {
        return Ok(answer(StatusCode::METHOD_NOT_ALLOWED));
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        return Ok(answer(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let misdeed = inner.misbehave();
    tokio::time::sleep(inner.misbehaviour.delay).await;
    if misdeed == Some(Misdeed::Drop) {
        return Err(Dropped);
    }
    let Some(mut receipt) = judge(&path, &parts.headers, &body.to_bytes(), inner) else {
        // The hook is not known yet: come again.
        return Ok(answer(StatusCode::SERVICE_UNAVAILABLE));
    };
    let misstatus = match misdeed {
        Some(Misdeed::Status(status)) => StatusCode::from_u16(status).ok(),
        _ => None,
    };
    let status = misstatus.unwrap_or(if receipt.signature_ok {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::UNAUTHORIZED
    });
    receipt.status = status.as_u16();
    let noted = inner
        .ledger
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .note(&receipt);
    receipt.first = noted.first;
    if noted.altered {
        receipt.problem = Some("the id came before with other bytes".to_owned());
    }
    if let Some(journal) = &inner.journal
        && journal.write(&receipt).await.is_err()
    {
        return Ok(answer(StatusCode::INSUFFICIENT_STORAGE));
    }
    if let Some(observer) = &inner.observer {
        // Nobody looks any more: receiving goes on.
        let _gone = observer
            .send(Seen {
                receipt,
                arrival: noted.arrival,
            })
            .await;
    }
    Ok(answer(status))
}

/// The attributes of the CloudEvent that are looked at.
#[derive(Deserialize, Default)]
struct Envelope {
    #[serde(default, rename = "type")]
    event_type: String,
    #[serde(default)]
    sequence: Option<String>,
    #[serde(default)]
    position: Option<String>,
}

fn judge(path: &str, headers: &HeaderMap, body: &[u8], inner: &Inner) -> Option<Receipt> {
    let now = clock::now();
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (id, timestamp, signature) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    );
    let (path, verified) = {
        let hooks = inner.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, hook) = hooks
            .get_key_value(path)
            .or_else(|| hooks.get_key_value(ANY_PATH))?;
        (
            path.clone(),
            hook.secret
                .verify(id, timestamp, signature, body, now.unix_timestamp()),
        )
    };
    // What is not signed is not parsed either.
    let envelope: Envelope = match verified {
        Ok(()) => serde_json::from_slice(body).unwrap_or_default(),
        Err(_) => Envelope::default(),
    };
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
    Some(Receipt {
        received_at: now,
        path,
        id: id.to_owned(),
        sequence: number(envelope.sequence),
        position: number(envelope.position),
        event_type: envelope.event_type,
        sha256: hex::encode(Sha256::digest(body)),
        signature_ok: verified.is_ok(),
        problem: verified.err().map(|problem: Unverified| problem.to_string()),
        first: false,
        status: 0,
    })
}

fn answer(status: StatusCode) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}
