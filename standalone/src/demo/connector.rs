//! The demo's pull connectors: one per tenant, so that an ERP can be tried at once.
//!
//! The token is derived like the passwords, so that it need not be stored. Deliberately absent: changing a connector
//! that is there, since whoever rotated or revoked it meant it.

use command_service::engine::Engine;
use domain::connectors::{ConnectorStatus, CreateConnector};
use domain::{State, streams};
use hmac::{Hmac, KeyInit, Mac};
use platform::auth::IntegrationTokens;
use schemas::events::connector::ConnectorToken;
use schemas::ids::{ConnectorSlug, TenantId};
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

const SLUG: &str = "contabilidad";
const NAME: &str = "Contabilidad (demo)";
/// S1's entities.
pub const SHOP: &[&str] = &["sale", "transfer_order", "inventory"];
/// A month of sales moves ten times as much stock; its feed holds what accounting needs.
pub const REPLAYS: &[&str] = &["sale", "transfer_order"];

/// A connector as `demo.json` names it.
#[derive(Debug, Clone, Serialize)]
pub struct DemoConnector {
    pub slug: String,
    /// In clear, for `X-Integration-Token`.
    pub token: String,
}

/// The tenant's connector to be, and its token.
pub struct Plan {
    pub command: CreateConnector,
    token: Zeroizing<String>,
}

impl Plan {
    /// Derives the tenant's token from the demo's `key`: the same at every start.
    pub fn new(
        key: &[u8; 32],
        tenant: &TenantId,
        grants: &[&str],
        tokens: &IntegrationTokens,
    ) -> anyhow::Result<Self> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(b"demo connector\0");
        mac.update(tenant.as_str().as_bytes());
        let token = IntegrationTokens::of_bytes(&mac.finalize().into_bytes().into());
        let command = CreateConnector {
            slug: ConnectorSlug::new(SLUG)?,
            name: NAME.to_owned(),
            grants: grants.iter().map(|&grant| grant.to_owned()).collect(),
            token: ConnectorToken {
                token_id: "demo".to_owned(),
                token_hash: hex::encode(tokens.hash(&token)),
            },
        };
        Ok(Self { command, token })
    }

    /// What `demo.json` says: nothing when the token is not accepted any more.
    pub async fn shown(&self, engine: &Engine, tenant: &TenantId) -> anyhow::Result<Option<DemoConnector>> {
        let stream = streams::connector(&self.command.slug);
        let State::Connector(Some(connector)) = engine.peek(tenant, &stream).await? else {
            return Ok(None);
        };
        let newest = connector.tokens.last();
        let is_accepted = connector.status == ConnectorStatus::Active
            && newest.is_some_and(|live| live.token == self.command.token);
        Ok(is_accepted.then(|| DemoConnector {
            slug: SLUG.to_owned(),
            token: self.token.to_string(),
        }))
    }
}
