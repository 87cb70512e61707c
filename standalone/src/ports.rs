//! All ports are bound before anything else starts: a busy port is an error at once, not after a minute of set-up.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;

/// The listeners of the process.
pub struct Ports {
    pub api: TcpListener,
    pub metrics: TcpListener,
}

impl Ports {
    /// Listens on both; port 0 takes a free one. Connections wait in the backlog until somebody serves.
    ///
    /// # Errors
    /// A port that is taken or not allowed.
    pub fn bind(api: SocketAddr, metrics: SocketAddr) -> anyhow::Result<Self> {
        let bind = |address: SocketAddr, use_: &str| -> anyhow::Result<TcpListener> {
            let listener = TcpListener::bind(address).with_context(|| {
                format!("{use_} cannot listen on {address}; is another Trastienda running?")
            })?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        Ok(Self {
            api: bind(api, "the API")?,
            metrics: bind(metrics, "the metrics page")?,
        })
    }

    /// Without a path or a slash at its end, and with the port that was really taken.
    pub fn api_url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.api.local_addr()?))
    }

    /// Of the metrics page itself.
    pub fn metrics_url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}/metrics", self.metrics.local_addr()?))
    }
}
