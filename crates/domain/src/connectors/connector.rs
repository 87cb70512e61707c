//! One connector: its grants, its tokens' hashes, and whether it may pull. Stream `connector/<slug>`.

use schemas::ConnectorSlug;
use schemas::events::connector::{ConnectorEvent, ConnectorToken};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// A connector as the rules know it; who pulls proves one of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    pub name: String,
    /// Entities (`sale`, or `sale.*`) and event types (`sale.completed`) that enter its feed.
    pub grants: Vec<String>,
    pub status: ConnectorStatus,
    /// The newest last; at most two.
    pub tokens: Vec<LiveToken>,
}

/// Whether it may pull, and whether its feed grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorStatus {
    /// May pull what its feed holds.
    Active,
    /// Its feed grows, but it may not pull.
    Disabled,
    /// For good; its slug stays taken.
    Revoked,
}

/// A token that is accepted, at least until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveToken {
    pub token: ConnectorToken,
    /// None for the newest.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

impl Connector {
    pub(crate) fn evolve(slot: &mut Option<Box<Connector>>, event: &ConnectorEvent) {
        if let ConnectorEvent::Created(created) = event {
            *slot = Some(Box::new(Connector {
                name: created.name.clone(),
                grants: created.grants.clone(),
                status: ConnectorStatus::Active,
                tokens: vec![LiveToken::newest(&created.token)],
            }));
            return;
        }
        let Some(connector) = slot else { return };
        match event {
            ConnectorEvent::Changed(changed) => {
                connector.name.clone_from(&changed.name);
                connector.grants.clone_from(&changed.grants);
            }
            ConnectorEvent::TokenRotated(rotated) => {
                let previous = connector.tokens.pop().map(|live| LiveToken {
                    expires_at: Some(rotated.previous_expires_at),
                    ..live
                });
                connector.tokens = previous
                    .into_iter()
                    .chain([LiveToken::newest(&rotated.token)])
                    .collect();
            }
            ConnectorEvent::Disabled(_) => connector.status = ConnectorStatus::Disabled,
            ConnectorEvent::Enabled(_) => connector.status = ConnectorStatus::Active,
            ConnectorEvent::Revoked(_) => {
                connector.status = ConnectorStatus::Revoked;
                connector.tokens.clear();
            }
            ConnectorEvent::Created(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let grants: usize = self.grants.iter().map(|grant| grant.len() + 24).sum();
        let tokens: usize = self
            .tokens
            .iter()
            .map(|live| live.token.token_id.len() + live.token.token_hash.len() + size_of::<LiveToken>())
            .sum();
        size_of::<Self>() + self.name.len() + grants + tokens
    }
}

impl LiveToken {
    fn newest(token: &ConnectorToken) -> Self {
        Self {
            token: token.clone(),
            expires_at: None,
        }
    }
}

/// Checks what the caller computed of a fresh token, so that nothing else gets into the log in its place.
///
/// # Errors
/// [`Refusal::TextInvalid`].
pub(super) fn check_token(token: &ConnectorToken) -> Result<(), Refusal> {
    let invalid = |field: &str, max_chars| {
        Err(Refusal::TextInvalid {
            field: field.to_owned(),
            max_chars,
        })
    };
    let is_hex = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = &token.token_id;
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return invalid("token/token_id", 64);
    }
    if token.token_hash.len() != 64 || !is_hex(&token.token_hash) {
        return invalid("token/token_hash", 64);
    }
    Ok(())
}

impl Work<'_> {
    /// A connector that was created, also when it is revoked.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::ConnectorNotFound`].
    pub fn any_connector(&self, slug: &ConnectorSlug) -> Result<&Connector, Missing> {
        let State::Connector(Some(found)) = self.state(&streams::connector(slug))? else {
            return Err(Refusal::ConnectorNotFound { slug: slug.clone() }.into());
        };
        Ok(found)
    }

    /// A connector that may be changed.
    ///
    /// # Errors
    /// As [`Work::any_connector`]; [`Refusal::ConnectorRevoked`].
    pub fn connector(&self, slug: &ConnectorSlug) -> Result<&Connector, Missing> {
        let found = self.any_connector(slug)?;
        match found.status {
            ConnectorStatus::Revoked => Err(Refusal::ConnectorRevoked { slug: slug.clone() }.into()),
            ConnectorStatus::Active | ConnectorStatus::Disabled => Ok(found),
        }
    }
}
