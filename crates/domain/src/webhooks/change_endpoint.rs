//! Replaces an endpoint's settings, from here on: filters never work backwards. The same settings again change nothing.

use schemas::EndpointId;
use schemas::events::webhook::{EndpointChanged, EndpointSettings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::settings;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeEndpoint {
    pub endpoint_id: EndpointId,
    pub settings: EndpointSettings,
}

impl Decide for ChangeEndpoint {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::webhook(&self.endpoint_id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let unchanged = work.endpoint(&self.endpoint_id)?.settings == self.settings;
        settings::check(&self.settings)?;
        if !unchanged {
            let changed = EndpointChanged {
                endpoint_id: self.endpoint_id.clone(),
                settings: self.settings.clone(),
            };
            work.emit(stream, changed)?;
        }
        Ok(work.finish(json!({ "endpoint_id": self.endpoint_id })))
    }
}
