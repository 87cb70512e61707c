//! Refuses pulls from here on. The feed goes on growing, so that nothing is missing once it is enabled again.

use schemas::ConnectorSlug;
use schemas::events::connector::ConnectorDisabled;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ConnectorStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Stops a connector for a while; its tokens stay. Disabled already, it stays so; a revoked one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisableConnector {
    pub slug: ConnectorSlug,
}

impl Decide for DisableConnector {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::connector(&self.slug);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.connector(&self.slug)?.status != ConnectorStatus::Disabled {
            let slug = self.slug.clone();
            work.emit(stream, ConnectorDisabled { slug })?;
        }
        Ok(work.finish(json!({ "slug": self.slug })))
    }
}
