//! Changes a connector's name or grants, from here on: grants never work backwards. The same again changes nothing.

use schemas::ConnectorSlug;
use schemas::events::connector::ConnectorChanged;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::grants;
use crate::bounds::check_text;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Changes a connector that is not revoked; tokens and what its feed holds already stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeConnector {
    pub slug: ConnectorSlug,
    /// Absent: as before.
    #[serde(default)]
    pub name: Option<String>,
    /// All of them; absent: as before.
    #[serde(default)]
    pub grants: Option<Vec<String>>,
}

impl Decide for ChangeConnector {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::connector(&self.slug);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let before = work.connector(&self.slug)?;
        let changed = ConnectorChanged {
            slug: self.slug.clone(),
            name: self.name.clone().unwrap_or_else(|| before.name.clone()),
            grants: self.grants.clone().unwrap_or_else(|| before.grants.clone()),
        };
        check_text("name", &changed.name, 100)?;
        grants::check(&changed.grants)?;
        // Grants that are there already may be of an older build.
        if let Some(grants) = &self.grants {
            grants::check_known(grants)?;
        }
        if changed.name != before.name || changed.grants != before.grants {
            work.emit(stream, changed)?;
        }
        Ok(work.finish(json!({ "slug": self.slug })))
    }
}
