//! Outgoing HTTP.
pub mod address;
mod host_port;
pub use host_port::{HostPort, InvalidHostPort};
pub use crate::config::OutboundConfig;
