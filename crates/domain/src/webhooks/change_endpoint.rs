//! Changes some of an endpoint's settings, from here on: filters never work backwards. The same again changes nothing.
//!
//! The change is merged here and not by the caller, so that of two changes at once neither undoes the other.

use std::collections::BTreeMap;

use schemas::EndpointId;
use schemas::events::catalogue::double_option;
use schemas::events::webhook::{BodyFormat, EndpointChanged, EndpointSettings, PayloadKind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{filters, settings};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// New values; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointChange {
    pub name: Option<String>,
    pub url: Option<String>,
    /// `Some(None)` clears it.
    #[serde(with = "double_option", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// All of them: 1 to 50 patterns such as `sale.*`.
    pub event_types: Option<Vec<String>>,
    pub payload: Option<PayloadKind>,
    /// All of them, at most 20.
    pub headers: Option<BTreeMap<String, String>>,
    /// Deliveries under way at a time, 1 to 64.
    pub concurrency: Option<i64>,
    /// For one attempt, 1,000 to 30,000.
    pub timeout_ms: Option<i64>,
    pub format: Option<BodyFormat>,
    /// `Some(None)` ends it.
    #[serde(with = "double_option", skip_serializing_if = "Option::is_none")]
    pub legacy_signature_header: Option<Option<String>>,
}

impl EndpointChange {
    fn applied_to(&self, mut settings: EndpointSettings) -> EndpointSettings {
        macro_rules! take {
            ($($field:ident),+) => { $(if let Some(value) = &self.$field { settings.$field = value.clone(); })+ };
        }
        take!(
            name,
            url,
            description,
            event_types,
            payload,
            headers,
            concurrency,
            timeout_ms,
            format,
            legacy_signature_header
        );
        settings
    }
}

/// Every setting, as it should be.
impl From<EndpointSettings> for EndpointChange {
    fn from(settings: EndpointSettings) -> Self {
        Self {
            name: Some(settings.name),
            url: Some(settings.url),
            description: Some(settings.description),
            event_types: Some(settings.event_types),
            payload: Some(settings.payload),
            headers: Some(settings.headers),
            concurrency: Some(settings.concurrency),
            timeout_ms: Some(settings.timeout_ms),
            format: Some(settings.format),
            legacy_signature_header: Some(settings.legacy_signature_header),
        }
    }
}

/// Changes an endpoint that is not deleted, in whatever state. The whole of its settings is checked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeEndpoint {
    pub endpoint_id: EndpointId,
    pub change: EndpointChange,
}

impl Decide for ChangeEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let endpoint = work.endpoint(&self.endpoint_id)?;
        let settings = self.change.applied_to(endpoint.settings.clone());
        let unchanged = endpoint.settings == settings;
        settings::check(&settings)?;
        // Patterns that are there already may be of an older build.
        if let Some(patterns) = &self.change.event_types {
            filters::check_known(patterns)?;
        }
        let reserved = endpoint.reserved || filters::reach_reserved(&settings.event_types);
        if !unchanged {
            filters::check_who(ctx, reserved)?;
        }
        if !unchanged {
            let changed = EndpointChanged {
                endpoint_id: self.endpoint_id.clone(),
                settings,
            };
            work.emit(stream, changed)?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
