//! From events to deliveries: a pure fold of the log, so that who gets what can be computed again at any time.
//!
//! Not here: the database, the checkpoint and the broker (`matcher`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bus::Payload;
use schemas::envelope::Actor;
use schemas::events::webhook::{
    BodyFormat, EndpointReplayRequested, EndpointSecretRotated, EndpointSettings, PayloadKind,
    ReplaySelection, StartFrom, WebhookEvent,
};
use schemas::{DecodeError, Event, Position, RecordedEvent, TenantId};
use time::OffsetDateTime;

use crate::body::Body;
use crate::filter::{AskedAs, Filter, STOCK_BAJO};
use crate::registry::EndpointState;

/// The module whose events this fold reads.
const MODULE: &str = "webhook.";
/// The module whose events have the fast lane.
const SECURITY: &str = "security.";

/// An endpoint as the log says it is.
#[derive(Debug, Clone)]
pub struct Folded {
    /// The position of its creation.
    pub number: i64,
    pub tenant: TenantId,
    pub endpoint_id: String,
    pub state: EndpointState,
    pub cause: Option<String>,
    pub wanted: Wanted,
    pub secret_id: String,
    pub secret_fingerprint: String,
    pub previous_secret: Option<PreviousSecret>,
    pub next_sequence: i64,
    pub backfill: Option<Backfill>,
    pub changed_position: i64,
    pub created_at: OffsetDateTime,
}

/// The secret before the last rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    pub secret_id: String,
    pub secret_fingerprint: String,
    /// It signs, too, before this time.
    pub until: OffsetDateTime,
}

/// A request to send finished deliveries again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Of the event that asked for it.
    pub position: i64,
    pub endpoint: i64,
    pub tenant: TenantId,
    pub select: ReplaySelection,
    pub rate_per_s: i64,
    /// The newest delivery at that position; later ones are not meant.
    pub last_sequence: i64,
    pub requested_at: OffsetDateTime,
    pub requested_by: String,
    pub reason: Option<String>,
}

/// Settings, with their filter ready for use.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub settings: EndpointSettings,
    filter: Filter,
}

/// A new endpoint that is still being given the past.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// Matched up to here.
    pub cursor: i64,
    /// The settings as of the cursor: filters are never retroactive.
    pub wanted: Wanted,
}

impl Wanted {
    pub fn new(settings: EndpointSettings) -> Self {
        let filter = Filter::new(&settings.event_types);
        Self { settings, filter }
    }

    fn body(&self, asked_as: AskedAs) -> Body {
        let payload = match self.settings.payload {
            PayloadKind::Summary => Payload::Summary,
            PayloadKind::Full => Payload::Full,
        };
        match (self.settings.format, asked_as) {
            (BodyFormat::CloudEvent, _) => Body::CloudEvent(payload),
            (BodyFormat::Plain, AskedAs::Spanish(STOCK_BAJO)) => Body::StockBajo,
            (BodyFormat::Plain, AskedAs::Type | AskedAs::Spanish(_)) => Body::Plain(payload),
        }
    }
}

/// One delivery to be.
#[derive(Debug, Clone)]
pub struct Planned {
    pub endpoint: i64,
    pub sequence: i64,
    pub event: Arc<RecordedEvent>,
    pub body: Body,
    /// Begins in the lane of security events.
    pub fast: bool,
    /// The endpoint is not sent to at present.
    pub held: bool,
}

/// All endpoints, folded up to the matcher's checkpoint.
#[derive(Debug, Default)]
pub struct Endpoints {
    by_number: BTreeMap<i64, Folded>,
    by_id: HashMap<(TenantId, String), i64>,
    by_tenant: HashMap<TenantId, Vec<i64>>,
}

/// What a run of events changed.
#[derive(Debug, Default)]
pub struct Plan {
    pub deliveries: Vec<Planned>,
    /// Endpoints that events of this run changed.
    pub changed: Vec<i64>,
    pub replays: Vec<Replay>,
}

impl Endpoints {
    pub fn new(folded: impl IntoIterator<Item = Folded>) -> Self {
        let mut endpoints = Self::default();
        folded.into_iter().for_each(|endpoint| endpoints.insert(endpoint));
        endpoints
    }

    pub fn get(&self, number: i64) -> Option<&Folded> {
        self.by_number.get(&number)
    }

    /// The endpoint whose backfill is furthest behind.
    pub fn most_behind(&self) -> Option<(i64, i64)> {
        let cursors = self
            .by_number
            .values()
            .filter_map(|e| e.backfill.as_ref().map(|b| (b.cursor, e.number)));
        cursors.min().map(|(cursor, number)| (number, cursor))
    }

    /// Folds and matches consecutive events at the head. Endpoints with a backfill are left to it.
    ///
    /// # Errors
    /// When an endpoint's event is of a version that this build does not know.
    pub fn live(&mut self, events: &[Arc<RecordedEvent>]) -> Result<Plan, DecodeError> {
        let mut plan = Plan::default();
        for event in events {
            let own = endpoint_event(event)?;
            if let Some(own) = &own
                && let Some(number) = self.fold(event, own)
                && !plan.changed.contains(&number)
            {
                plan.changed.push(number);
            }
            if let Some(WebhookEvent::ReplayRequested(requested)) = &own {
                plan.replays.extend(self.replay(event, requested));
            }
            let Some(numbers) = self.by_tenant.get(&event.tenant) else {
                continue;
            };
            for number in numbers {
                let Some(endpoint) = self.by_number.get_mut(number) else {
                    continue;
                };
                // An endpoint that begins now gets what happens after its creation.
                if endpoint.backfill.is_none() && endpoint.number != event.position.0 {
                    let wanted = endpoint
                        .wanted
                        .body_for(event, own.as_ref(), &endpoint.endpoint_id);
                    plan.deliveries
                        .extend(wanted.map(|body| endpoint.plan(event, body)));
                }
            }
        }
        Ok(plan)
    }

    /// What a request to send again means at its position; nothing for an endpoint that is gone.
    fn replay(&self, event: &RecordedEvent, requested: &EndpointReplayRequested) -> Option<Replay> {
        let key = (event.tenant.clone(), requested.endpoint_id.as_str().to_owned());
        let endpoint = self.by_number.get(self.by_id.get(&key)?)?;
        let meta = event.meta().ok();
        Some(Replay {
            position: event.position.0,
            endpoint: endpoint.number,
            tenant: event.tenant.clone(),
            select: requested.select,
            rate_per_s: requested.rate_per_s,
            last_sequence: endpoint.next_sequence - 1,
            requested_at: event.recorded_at,
            requested_by: meta
                .as_ref()
                .map_or_else(String::new, |meta| actor_name(&meta.actor)),
            reason: meta.and_then(|meta| meta.reason),
        })
    }

    /// Matches one endpoint's past: events that follow its cursor, up to `up_to` (the matcher's checkpoint). When it
    /// gets there, the endpoint is live from the next event on.
    ///
    /// # Errors
    /// As [`Endpoints::live`].
    pub fn backfill(
        &mut self,
        number: i64,
        events: &[Arc<RecordedEvent>],
        up_to: Position,
    ) -> Result<Vec<Planned>, DecodeError> {
        let Some(endpoint) = self.by_number.get_mut(&number) else {
            return Ok(Vec::new());
        };
        let Some(mut backfill) = endpoint.backfill.take() else {
            return Ok(Vec::new());
        };
        let mut planned = Vec::new();
        for event in events.iter().take_while(|event| event.position <= up_to) {
            backfill.cursor = event.position.0;
            if event.tenant != endpoint.tenant {
                continue;
            }
            let own = endpoint_event(event)?;
            if let Some(WebhookEvent::EndpointChanged(changed)) = &own
                && changed.endpoint_id.as_str() == endpoint.endpoint_id
            {
                backfill.wanted = Wanted::new(changed.settings.clone());
            }
            let wanted = backfill
                .wanted
                .body_for(event, own.as_ref(), &endpoint.endpoint_id);
            planned.extend(wanted.map(|body| endpoint.plan(event, body)));
        }
        let reached_the_end = events.last().is_none_or(|last| last.position >= up_to);
        if !reached_the_end && backfill.cursor < up_to.0 {
            endpoint.backfill = Some(backfill);
        }
        Ok(planned)
    }

    /// The endpoint that the event changed.
    fn fold(&mut self, event: &RecordedEvent, own: &WebhookEvent) -> Option<i64> {
        let id = match own {
            WebhookEvent::EndpointCreated(created) => {
                let wanted = Wanted::new(created.settings.clone());
                let backfill = match created.start {
                    StartFrom::Position { position } if position < event.position.0 => Some(Backfill {
                        cursor: position.max(0),
                        wanted: wanted.clone(),
                    }),
                    StartFrom::Now | StartFrom::Position { .. } => None,
                };
                self.insert(Folded {
                    number: event.position.0,
                    tenant: event.tenant.clone(),
                    endpoint_id: created.endpoint_id.as_str().to_owned(),
                    state: EndpointState::Active,
                    cause: None,
                    wanted,
                    secret_id: created.secret_id.clone(),
                    secret_fingerprint: created.secret_fingerprint.clone(),
                    previous_secret: None,
                    next_sequence: 1,
                    backfill,
                    changed_position: event.position.0,
                    created_at: event.recorded_at,
                });
                return Some(event.position.0);
            }
            WebhookEvent::EndpointChanged(e) => &e.endpoint_id,
            WebhookEvent::EndpointPaused(e) => &e.endpoint_id,
            WebhookEvent::EndpointResumed(e) => &e.endpoint_id,
            WebhookEvent::EndpointDisabled(e) => &e.endpoint_id,
            WebhookEvent::EndpointDeleted(e) => &e.endpoint_id,
            WebhookEvent::SecretRotated(e) => &e.endpoint_id,
            WebhookEvent::PreviousSecretEnded(e) => &e.endpoint_id,
            WebhookEvent::ReplayRequested(_) | WebhookEvent::TestRequested(_) => return None,
        };
        let key = (event.tenant.clone(), id.as_str().to_owned());
        let number = *self.by_id.get(&key)?;
        let endpoint = self.by_number.get_mut(&number)?;
        endpoint.changed_position = event.position.0;
        match own {
            WebhookEvent::EndpointChanged(e) => endpoint.wanted = Wanted::new(e.settings.clone()),
            WebhookEvent::EndpointPaused(_) => endpoint.state = EndpointState::Paused,
            WebhookEvent::EndpointResumed(_) => {
                endpoint.state = EndpointState::Active;
                endpoint.cause = None;
            }
            WebhookEvent::EndpointDisabled(e) => {
                endpoint.state = EndpointState::Disabled;
                endpoint.cause = Some(e.cause.clone());
            }
            WebhookEvent::EndpointDeleted(_) => {
                endpoint.state = EndpointState::Deleted;
                endpoint.backfill = None;
                if let Some(numbers) = self.by_tenant.get_mut(&event.tenant) {
                    numbers.retain(|other| *other != number);
                }
            }
            WebhookEvent::SecretRotated(e) => endpoint.rotate(e, event.recorded_at),
            WebhookEvent::PreviousSecretEnded(_) => endpoint.previous_secret = None,
            WebhookEvent::ReplayRequested(_)
            | WebhookEvent::EndpointCreated(_)
            | WebhookEvent::TestRequested(_) => {}
        }
        Some(number)
    }

    fn insert(&mut self, endpoint: Folded) {
        if endpoint.state != EndpointState::Deleted {
            self.by_tenant
                .entry(endpoint.tenant.clone())
                .or_default()
                .push(endpoint.number);
        }
        self.by_id.insert(
            (endpoint.tenant.clone(), endpoint.endpoint_id.clone()),
            endpoint.number,
        );
        self.by_number.insert(endpoint.number, endpoint);
    }
}

impl Folded {
    /// The secret before stays valid for the overlap; the one before that ends here.
    fn rotate(&mut self, rotated: &EndpointSecretRotated, now: OffsetDateTime) {
        let secret_id = std::mem::replace(&mut self.secret_id, rotated.secret_id.clone());
        let secret_fingerprint =
            std::mem::replace(&mut self.secret_fingerprint, rotated.secret_fingerprint.clone());
        self.previous_secret = (rotated.previous_until > now).then_some(PreviousSecret {
            secret_id,
            secret_fingerprint,
            until: rotated.previous_until,
        });
    }

    fn plan(&mut self, event: &Arc<RecordedEvent>, body: Body) -> Planned {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Planned {
            endpoint: self.number,
            sequence,
            event: Arc::clone(event),
            body,
            fast: event.event_type.starts_with(SECURITY),
            held: self.state != EndpointState::Active,
        }
    }
}

impl Wanted {
    /// The body when the endpoint gets this event: its filters match, or it is this endpoint's test.
    fn body_for(&self, event: &RecordedEvent, own: Option<&WebhookEvent>, endpoint_id: &str) -> Option<Body> {
        let is_test = matches!(own, Some(WebhookEvent::TestRequested(test)) if test.endpoint_id.as_str() == endpoint_id);
        let asked_as = self.filter.find(&event.event_type);
        asked_as
            .or_else(|| is_test.then_some(AskedAs::Type))
            .map(|asked_as| self.body(asked_as))
    }
}

fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::User { username, .. } => username.clone(),
        Actor::System { name } => name.clone(),
        Actor::ApiKey { api_key_id, .. } => api_key_id.clone(),
    }
}

fn endpoint_event(event: &RecordedEvent) -> Result<Option<WebhookEvent>, DecodeError> {
    if !event.event_type.starts_with(MODULE) {
        return Ok(None);
    }
    Ok(match event.event()? {
        Event::Webhook(own) => Some(own),
        _ => None,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
