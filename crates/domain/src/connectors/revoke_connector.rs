//! Revokes a connector for good: its tokens end and its feed stops growing. What the feed holds is kept.

use schemas::ConnectorSlug;
use schemas::events::connector::ConnectorRevoked;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ConnectorStatus;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a connector for ever, disabled ones too. Revoked already, it stays so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevokeConnector {
    pub slug: ConnectorSlug,
}

impl Decide for RevokeConnector {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::connector(&self.slug);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if work.any_connector(&self.slug)?.status != ConnectorStatus::Revoked {
            let slug = self.slug.clone();
            work.emit(stream, ConnectorRevoked { slug })?;
        }
        Ok(work.finish(json!({ "slug": self.slug })))
    }
}
