//! All ports are bound before anything else starts: a busy port is an error at once, not after a minute of set-up.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;

/// The listeners of the process.
pub struct Ports {
    pub api: TcpListener,
    pub metrics: TcpListener,
}

impl Ports {
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

    pub fn api_url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.api.local_addr()?))
    }

    pub fn metrics_url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}/metrics", self.metrics.local_addr()?))
    }
}
