//! Lets a disabled connector pull again.

use schemas::ConnectorSlug;
use schemas::events::connector::ConnectorEnabled;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ConnectorStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a pause with nothing missing from the feed. An active connector stays as it is; a revoked one is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnableConnector {
    pub slug: ConnectorSlug,
}

impl Decide for EnableConnector {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::connector(&self.slug);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.connector(&self.slug)?.status != ConnectorStatus::Active {
            let slug = self.slug.clone();
            work.emit(stream, ConnectorEnabled { slug })?;
        }
        Ok(work.finish(json!({ "slug": self.slug })))
    }
}
