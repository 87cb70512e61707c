//! Creates a connector with its first token. The token was made by the caller; the log holds its keyed hash.

use schemas::ConnectorSlug;
use schemas::events::connector::{ConnectorCreated, ConnectorToken};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connector::check_token;
use super::grants;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Creates a connector whose feed grows from now on. A slug that was ever taken is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateConnector {
    pub slug: ConnectorSlug,
    /// 1 to 100 characters.
    pub name: String,
    /// 1 to 50: entities (`sale`, or `sale.*`) and event types (`sale.completed`).
    pub grants: Vec<String>,
    /// The keyed hash of the token and its name; never the token.
    pub token: ConnectorToken,
}

impl Decide for CreateConnector {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::connector(&self.slug);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        if !matches!(work.state(&stream)?, State::Connector(None)) {
            let slug = self.slug.clone();
            return Err(Refusal::ConnectorExists { slug }.into());
        }
        check_text("name", &self.name, 100)?;
        grants::check(&self.grants)?;
        grants::check_known(&self.grants)?;
        check_token(&self.token)?;
        let created = ConnectorCreated {
            slug: self.slug.clone(),
            name: self.name.clone(),
            grants: self.grants.clone(),
            token: self.token.clone(),
        };
        work.emit(stream, created)?;
        Ok(work.finish(json!({ "slug": self.slug, "token_id": self.token.token_id })))
    }
}
