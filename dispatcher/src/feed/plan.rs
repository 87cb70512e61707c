//! From events to rows of feeds: a pure fold of the log, so that who gets what can be computed again at any time.
//!
//! A connector gets what happens after its creation and what it is granted at that moment; nothing is retroactive.
//! Not here: the database (`store`), handing out and acknowledgements.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use schemas::events::connector::{ConnectorEvent, ConnectorToken};
use schemas::{DecodeError, Event, RecordedEvent, TenantId};
use time::OffsetDateTime;

use super::grants::Grants;

/// The module whose events this fold reads.
const MODULE: &str = "connector.";

/// Whether a connector may pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorState {
    Active,
    Disabled,
    Revoked,
}

impl ConnectorState {
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectorState::Active => "active",
            ConnectorState::Disabled => "disabled",
            ConnectorState::Revoked => "revoked",
        }
    }

    /// As stored; anything else counts as disabled, since the table's check lets nothing else in.
    pub fn stored(text: &str) -> Self {
        match text {
            "active" => ConnectorState::Active,
            "revoked" => ConnectorState::Revoked,
            _ => ConnectorState::Disabled,
        }
    }
}

/// A token that is accepted until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub token_id: String,
    /// In hex, as the log has it.
    pub hash: String,
    pub created_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
}

/// A connector as the log says it is.
#[derive(Debug, Clone)]
pub struct Folded {
    /// The position of its creation.
    pub number: i64,
    pub tenant: TenantId,
    pub slug: String,
    pub name: String,
    pub state: ConnectorState,
    /// As they were given.
    pub grants: Vec<String>,
    /// The newest last; at most two.
    pub tokens: Vec<Token>,
    pub next_sequence: i64,
    pub changed_position: i64,
    pub created_at: OffsetDateTime,
}

/// One row to be.
#[derive(Debug, Clone)]
pub struct FeedRow {
    pub connector: i64,
    pub sequence: i64,
    pub event: Arc<RecordedEvent>,
}

/// What a run of events means to the feeds.
#[derive(Debug, Default)]
pub struct FeedPlan {
    pub rows: Vec<FeedRow>,
    /// Connectors that events of this run changed, as they are after it.
    pub changed: Vec<Folded>,
}

impl FeedPlan {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.changed.is_empty()
    }
}

struct Known {
    folded: Folded,
    grants: Grants,
}

/// All connectors, folded up to the matcher's checkpoint.
#[derive(Default)]
pub struct Connectors {
    by_number: BTreeMap<i64, Known>,
    by_slug: HashMap<(TenantId, String), i64>,
    /// Those whose feeds grow.
    by_tenant: HashMap<TenantId, Vec<i64>>,
}

impl Connectors {
    pub fn new(folded: impl IntoIterator<Item = Folded>) -> Self {
        let mut connectors = Self::default();
        folded
            .into_iter()
            .for_each(|connector| connectors.insert(connector));
        connectors
    }

    /// Folds and matches consecutive events.
    ///
    /// # Errors
    /// When a connector's event is of a version that this build does not know.
    pub fn take(&mut self, events: &[Arc<RecordedEvent>]) -> Result<FeedPlan, DecodeError> {
        let mut rows = Vec::new();
        let mut changed: Vec<i64> = Vec::new();
        for event in events {
            if event.event_type.starts_with(MODULE)
                && let Event::Connector(own) = event.event()?
                && let Some(number) = self.fold(event, own)
                && !changed.contains(&number)
            {
                changed.push(number);
            }
            for number in self.by_tenant.get(&event.tenant).into_iter().flatten() {
                let Some(known) = self.by_number.get_mut(number) else {
                    continue;
                };
                if *number != event.position.0 && known.grants.matches(&event.event_type) {
                    rows.push(FeedRow {
                        connector: *number,
                        sequence: known.folded.next_sequence,
                        event: Arc::clone(event),
                    });
                    known.folded.next_sequence += 1;
                }
            }
        }
        let changed = changed
            .into_iter()
            .filter_map(|number| self.by_number.get(&number))
            .map(|known| known.folded.clone())
            .collect();
        Ok(FeedPlan { rows, changed })
    }

    /// The connector that the event changed.
    fn fold(&mut self, event: &RecordedEvent, own: ConnectorEvent) -> Option<i64> {
        let slug = match &own {
            ConnectorEvent::Created(created) => {
                self.insert(Folded {
                    number: event.position.0,
                    tenant: event.tenant.clone(),
                    slug: created.slug.as_str().to_owned(),
                    name: created.name.clone(),
                    state: ConnectorState::Active,
                    grants: created.grants.clone(),
                    tokens: vec![token(&created.token, event.recorded_at)],
                    next_sequence: 1,
                    changed_position: event.position.0,
                    created_at: event.recorded_at,
                });
                return Some(event.position.0);
            }
            ConnectorEvent::Changed(e) => &e.slug,
            ConnectorEvent::TokenRotated(e) => &e.slug,
            ConnectorEvent::Disabled(e) => &e.slug,
            ConnectorEvent::Enabled(e) => &e.slug,
            ConnectorEvent::Revoked(e) => &e.slug,
        };
        let number = *self.by_slug.get(&(event.tenant.clone(), slug.to_string()))?;
        let known = self.by_number.get_mut(&number)?;
        let folded = &mut known.folded;
        folded.changed_position = event.position.0;
        match own {
            ConnectorEvent::Changed(e) => {
                known.grants = Grants::new(&e.grants);
                folded.name = e.name;
                folded.grants = e.grants;
            }
            ConnectorEvent::TokenRotated(e) => {
                // Without an overlap it ends here, whatever the database's clock says.
                let lives_on = e.previous_expires_at > event.recorded_at;
                let previous = folded.tokens.pop().filter(|_| lives_on).map(|token| Token {
                    expires_at: Some(e.previous_expires_at),
                    ..token
                });
                let newest = token(&e.token, event.recorded_at);
                folded.tokens = previous.into_iter().chain([newest]).collect();
            }
            ConnectorEvent::Disabled(_) => folded.state = ConnectorState::Disabled,
            ConnectorEvent::Enabled(_) => folded.state = ConnectorState::Active,
            ConnectorEvent::Revoked(_) => {
                folded.state = ConnectorState::Revoked;
                folded.tokens.clear();
                if let Some(numbers) = self.by_tenant.get_mut(&event.tenant) {
                    numbers.retain(|other| *other != number);
                }
            }
            ConnectorEvent::Created(_) => {}
        }
        Some(number)
    }

    fn insert(&mut self, folded: Folded) {
        if folded.state != ConnectorState::Revoked {
            self.by_tenant
                .entry(folded.tenant.clone())
                .or_default()
                .push(folded.number);
        }
        self.by_slug
            .insert((folded.tenant.clone(), folded.slug.clone()), folded.number);
        let grants = Grants::new(&folded.grants);
        self.by_number.insert(folded.number, Known { folded, grants });
    }
}

fn token(token: &ConnectorToken, created_at: OffsetDateTime) -> Token {
    Token {
        token_id: token.token_id.clone(),
        hash: token.token_hash.clone(),
        created_at,
        expires_at: None,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
