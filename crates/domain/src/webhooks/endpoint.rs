//! One webhook endpoint: its settings and whether it is sent to. Stream `webhook/<endpoint_id>`.

use schemas::EndpointId;
use schemas::events::webhook::{EndpointSettings, WebhookEvent};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::filters::reach_reserved;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// An endpoint as the rules know it; how far its deliveries have come is the dispatcher's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub settings: EndpointSettings,
    pub status: EndpointStatus,
    /// While the secret before the last rotation is valid, too; none once somebody ended it.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub previous_secret_until: Option<OffsetDateTime>,
    /// Whether it ever asked for events that are reserved to administrators: what was matched then is still sent, or
    /// sent again, wherever it points now.
    #[serde(default)]
    pub reserved: bool,
}

/// Whether deliveries go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStatus {
    /// Deliveries go out as its filters say.
    Active,
    /// Deliveries are held because somebody said so.
    Paused,
    /// The receiver said 410 Gone.
    Disabled,
    /// For good; its id stays taken.
    Deleted,
}

impl Endpoint {
    pub(crate) fn evolve(slot: &mut Option<Box<Endpoint>>, event: &WebhookEvent) {
        if let WebhookEvent::EndpointCreated(created) = event {
            *slot = Some(Box::new(Endpoint {
                settings: created.settings.clone(),
                status: EndpointStatus::Active,
                previous_secret_until: None,
                reserved: reach_reserved(&created.settings.event_types),
            }));
            return;
        }
        let Some(endpoint) = slot else { return };
        match event {
            WebhookEvent::EndpointChanged(changed) => {
                endpoint.settings.clone_from(&changed.settings);
                endpoint.reserved |= reach_reserved(&changed.settings.event_types);
            }
            WebhookEvent::EndpointPaused(_) => endpoint.status = EndpointStatus::Paused,
            WebhookEvent::EndpointResumed(_) => endpoint.status = EndpointStatus::Active,
            WebhookEvent::EndpointDisabled(_) => endpoint.status = EndpointStatus::Disabled,
            WebhookEvent::EndpointDeleted(_) => endpoint.status = EndpointStatus::Deleted,
            WebhookEvent::SecretRotated(rotated) => {
                endpoint.previous_secret_until = Some(rotated.previous_until);
            }
            WebhookEvent::PreviousSecretEnded(_) => endpoint.previous_secret_until = None,
            WebhookEvent::EndpointCreated(_)
            | WebhookEvent::TestRequested(_)
            | WebhookEvent::ReplayRequested(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        let settings = &self.settings;
        size_of::<Self>()
            + settings.name.len()
            + settings.url.len()
            + settings.description.as_ref().map_or(0, String::len)
            + settings.legacy_signature_header.as_ref().map_or(0, String::len)
            + settings
                .event_types
                .iter()
                .map(|pattern| pattern.len() + 24)
                .sum::<usize>()
            + settings
                .headers
                .iter()
                .map(|(name, value)| name.len() + value.len() + 64)
                .sum::<usize>()
    }
}

impl Work<'_> {
    /// An endpoint that was created, also when it is deleted.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::EndpointNotFound`].
    pub fn any_endpoint(&self, id: &EndpointId) -> Result<&Endpoint, Missing> {
        let State::Endpoint(Some(found)) = self.state(&streams::webhook(id))? else {
            return Err(Refusal::EndpointNotFound {
                endpoint_id: id.clone(),
            }
            .into());
        };
        Ok(found)
    }

    /// An endpoint that is not deleted.
    ///
    /// # Errors
    /// As [`Work::any_endpoint`]; a deleted one is not found either.
    pub fn endpoint(&self, id: &EndpointId) -> Result<&Endpoint, Missing> {
        let found = self.any_endpoint(id)?;
        if found.status == EndpointStatus::Deleted {
            return Err(Refusal::EndpointNotFound {
                endpoint_id: id.clone(),
            }
            .into());
        }
        Ok(found)
    }
}
