//! Pull connectors: which events an outside system may fetch, and with which token.
//!
//! One file per command; `connector` is the state, `grants` what may be granted. Not here: the tokens (only their
//! keyed hashes come this far), the feed and its acknowledgements (the dispatcher's).

mod change_connector;
mod connector;
mod create_connector;
mod disable_connector;
mod enable_connector;
mod grants;
mod revoke_connector;
mod rotate_connector_token;

pub use change_connector::ChangeConnector;
pub use connector::{Connector, ConnectorStatus, LiveToken};
pub use create_connector::CreateConnector;
pub use disable_connector::DisableConnector;
pub use enable_connector::EnableConnector;
pub use revoke_connector::RevokeConnector;
pub use rotate_connector_token::{MAX_OVERLAP_S, RotateConnectorToken};

#[cfg(test)]
mod tests;
