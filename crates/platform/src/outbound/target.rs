//! A URL that may be called: its form, and its address when it is literal.

use url::{Host, Url};

use super::address::{AddressClass, classify};
use super::error::OutboundError;
use super::host_port::HostPort;

/// Longer URLs are refused.
const MAX_URL_BYTES: usize = 2_048;

#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    /// Whether the operator allows exactly this host and port, whatever its address.
    pub(super) allowed: bool,
}

pub(super) fn parse(text: &str, allow: &[HostPort]) -> Result<Target, OutboundError> {
    if text.len() > MAX_URL_BYTES {
        return Err(OutboundError::Url("longer than 2048 bytes"));
    }
    let url = Url::parse(text).map_err(|_| OutboundError::Url("malformed"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(OutboundError::Url("neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OutboundError::Url("holds a user or password"));
    }
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(OutboundError::Url("without host"));
    };
    let allowed = allow.contains(&HostPort::new(host.to_owned(), port));
    let class = match host {
        Host::Ipv4(address) => classify(address.into()),
        Host::Ipv6(address) => classify(address.into()),
        // The resolver judges it when it is dialled.
        Host::Domain(_) => AddressClass::Public,
    };
    if !allowed && class != AddressClass::Public {
        return Err(OutboundError::Refused(class));
    }
    Ok(Target { url, allowed })
}
