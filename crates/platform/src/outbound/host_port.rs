//! An exact host and port, as the operator allows it: `127.0.0.1:18099`, `[::1]:8080`, `erp.internal:443`.
//! No wildcards and no default port: an exception should be no wider than somebody wrote down.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Host;

/// A host (normalised as in URLs) and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: Host<String>,
    port: u16,
}

/// A text that is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be host:port, such as 127.0.0.1:18099 or [::1]:8080")]
pub struct InvalidHostPort;

impl HostPort {
    pub fn new(host: Host<String>, port: u16) -> Self {
        Self { host, port }
    }

    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, InvalidHostPort> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidHostPort)?;
        let port = port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(InvalidHostPort)?;
        Ok(Self {
            host: Host::parse(host).map_err(|_| InvalidHostPort)?,
            port,
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Serialize for HostPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
