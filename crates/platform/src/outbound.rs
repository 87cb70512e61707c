//! The one client for outgoing HTTP: it goes to global unicast addresses only, to exactly the address that was judged,
//! follows nothing, and bounds time and bytes.
//!
//! How an address is judged before it is dialled, while connections stay pooled:
//! - A literal address never reaches a resolver hook, so it is judged here, from the parsed `url::Host` (which has
//!   turned `2130706433` and `0x7f.1` into 127.0.0.1, and holds IPv6 without brackets).
//! - A name is only ever resolved by our resolver inside the client, at each dial. It judges every address of the
//!   answer, and the connector dials what it returns: there is no second lookup to race. A reused connection goes to
//!   an address that was judged when it was opened.
//! - The exact `host:port` pairs that the operator allows use a second client whose resolver does not judge. The two
//!   share no connection.
//!
//! One client with a pool per receiver, rather than a client per address, since that is what reaches tens of thousands
//! of requests a second: no lookup, lock or handshake per request. The price: a busy connection outlives a change of
//! the name's addresses until it is closed; a new one is dialled by an answer at most 30 s old.
//!
//! Deliberately absent: retries (the caller's schedule), redirects, cookies, proxies, decompression.

pub mod address;
mod answer;
mod error;
mod host_port;
mod resolver;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use tokio::time::Instant;

pub use address::AddressClass;
pub use answer::{MAX_EXCERPT_BYTES, OutboundResponse};
pub use error::OutboundError;
pub use host_port::{HostPort, InvalidHostPort};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

pub use crate::config::OutboundConfig;

use crate::clock::SharedClock;
use resolver::{Policy, Resolver};

/// How requests introduce themselves.
const USER_AGENT: &str = concat!("Trastienda/", env!("CARGO_PKG_VERSION"));

/// Headers that frame the request or choose its receiver: whoever configures an endpoint may not set them.
const RESERVED_HEADERS: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
    "proxy-connection",
];

/// The guarded client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    guarded: Client,
    /// For exactly the pairs in `allow`.
    allowed: Client,
    allow: Vec<HostPort>,
    max_response_bytes: usize,
    clock: SharedClock,
}

impl Outbound {
    /// # Errors
    /// When the TLS set-up fails.
    pub fn new(config: &OutboundConfig, clock: SharedClock) -> Result<Self, OutboundError> {
        crate::crypto::install_default_provider();
        let inner = Inner {
            guarded: client(config, Policy::PublicOnly)?,
            allowed: client(config, Policy::Any)?,
            allow: config.allow.clone(),
            max_response_bytes: config.max_response_bytes,
            clock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Posts a body and returns the answer, whatever its status: a redirect is an answer, too.
    ///
    /// `timeout` bounds everything: lookup, connection, request, and the part of the answer that is read. Once the
    /// status is there, a slow or endless rest is cut off and does not make the request fail. Reserved headers (see
    /// `is_reserved_header`) are left out.
    ///
    /// # Errors
    /// When the URL or its address is refused, or no status arrived in time; `OutboundError::code` is for records.
    pub async fn post(
        &self,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<OutboundResponse, OutboundError> {
        let deadline = Instant::now() + timeout;
        let target = target::parse(url, &self.inner.allow)?;
        let client = if target.allowed {
            &self.inner.allowed
        } else {
            &self.inner.guarded
        };
        for name in RESERVED_HEADERS {
            headers.remove(name);
        }
        let request = client.post(target.url).headers(headers).body(body).send();
        let response = tokio::time::timeout_at(deadline, request)
            .await
            .map_err(|_| OutboundError::Timeout)?
            .map_err(error::classify)?;
        Ok(answer::read(
            response,
            self.inner.max_response_bytes,
            deadline,
            self.inner.clock.now(),
        )
        .await)
    }

    /// Judges a URL without sending anything: its form, and its address when that is literal. Names are only judged
    /// when they are dialled, since their answer may change until then.
    ///
    /// # Errors
    /// What `post` would answer for the same reason.
    pub fn check_url(&self, url: &str) -> Result<(), OutboundError> {
        target::parse(url, &self.inner.allow).map(|_| ())
    }
}

/// Whether an endpoint's own headers may not contain this one.
pub fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the guarded client that the ban points to"
)]
fn client(config: &OutboundConfig, policy: Policy) -> Result<Client, OutboundError> {
    let builder = || {
        Client::builder()
            .dns_resolver(Resolver::new(config, policy))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .referer(false)
            .user_agent(USER_AGENT)
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .pool_max_idle_per_host(config.idle_per_host)
            .pool_idle_timeout(Duration::from_millis(config.idle_timeout_ms))
    };
    builder().build().or_else(|error| {
        // A machine without any certificate authority can still deliver over plain HTTP; https fails with `tls`.
        tracing::warn!(error = %error::describe(&error), "no certificate authorities: https receivers cannot be verified");
        builder().tls_certs_only([]).build().map_err(error::classify)
    })
}

#[cfg(test)]
mod tests;
