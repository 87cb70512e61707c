//! Gives a connector a new token; the one before it is accepted for a while longer, so that nothing stands still.

use schemas::ConnectorSlug;
use schemas::events::connector::{ConnectorToken, ConnectorTokenRotated};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::Duration;

use super::connector::check_token;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Longest time that two tokens live side by side: seven days.
pub const MAX_OVERLAP_S: i64 = 604_800;

/// Makes another token the newest. At most two live, so the one before the present one ends at once. The newest token
/// again changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RotateConnectorToken {
    pub slug: ConnectorSlug,
    /// The keyed hash of the new token and its name; never the token.
    pub token: ConnectorToken,
    /// How long the present token is accepted from now on; 0 ends it at once.
    pub overlap_s: i64,
}

impl Decide for RotateConnectorToken {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::connector(&self.slug);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let connector = work.connector(&self.slug)?;
        if !(0..=MAX_OVERLAP_S).contains(&self.overlap_s) {
            return Err(Refusal::ConnectorOverlapInvalid {
                overlap_s: self.overlap_s,
                max_s: MAX_OVERLAP_S,
            }
            .into());
        }
        check_token(&self.token)?;
        let is_newest = connector
            .tokens
            .last()
            .is_some_and(|live| live.token == self.token);
        if !is_newest {
            let rotated = ConnectorTokenRotated {
                slug: self.slug.clone(),
                token: self.token.clone(),
                previous_expires_at: ctx.now + Duration::seconds(self.overlap_s),
            };
            work.emit(stream, rotated)?;
        }
        Ok(work.finish(json!({ "slug": self.slug, "token_id": self.token.token_id })))
    }
}
