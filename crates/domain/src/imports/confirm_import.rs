//! Confirms exactly one draft, once per file and store; or lets through what a completed import held back.

use std::collections::BTreeSet;

use schemas::ImportId;
use schemas::envelope::Actor;
use schemas::events::import::{ImportConfirmed, ImportFileTaken, ImportOverride};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Import, Status};
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::ImportRefusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Roles that may take responsibility for an override.
const MAY_OVERRIDE: [&str; 2] = ["admin", "manager"];

/// Lets the very draft that somebody looked at be carried out, and uses its file up for the store. Overrides are for
/// administrators and managers only. Once completed, it may be confirmed again with more overrides as long as rows are
/// held back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfirmImport {
    pub import_id: ImportId,
    /// Of the draft that somebody looked at.
    pub draft_sha256: String,
    /// What is let through now, beside what was before.
    #[serde(default)]
    pub overrides: BTreeSet<ImportOverride>,
}

impl Decide for ConfirmImport {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.import_id;
        let stream = streams::import(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let import = work.import(id)?.clone();
        if import.draft_sha256 != self.draft_sha256 {
            let import_id = id.clone();
            return Err(ImportRefusal::DraftDiffers { import_id }.into());
        }
        if !self.overrides.is_empty() {
            check_role(&ctx.actor)?;
        }
        let overrides: BTreeSet<ImportOverride> = import.overrides.union(&self.overrides).copied().collect();
        let confirms = match import.status {
            Status::Drafted => {
                self.take_file(&mut work, &import)?;
                true
            }
            Status::Failed => return Err(import.not_open(id).into()),
            Status::Confirmed if overrides != import.overrides => return Err(import.not_open(id).into()),
            Status::Confirmed => false,
            Status::Completed => import.held > 0 && overrides != import.overrides,
        };
        if confirms {
            let confirmed = ImportConfirmed {
                import_id: id.clone(),
                draft_sha256: self.draft_sha256.clone(),
                overrides,
            };
            work.emit(stream, confirmed)?;
        }
        Ok(work.finish(json!({ "import_id": id, "status": "confirmed" })))
    }
}

impl ConfirmImport {
    /// The file's content is used up for this store, unless somebody wants it once more.
    fn take_file(&self, work: &mut Work<'_>, import: &Import) -> Result<(), Missing> {
        let stream = streams::import_file(import.store.as_ref(), &import.file_sha256);
        work.require([&stream])?;
        if let State::ImportFile(file) = work.state(&stream)?
            && let Some(first) = &file.taken_by
            && *first != self.import_id
            && !self.overrides.contains(&ImportOverride::RepeatedFile)
        {
            let first = first.clone();
            return Err(ImportRefusal::FileAlreadyConfirmed { first }.into());
        }
        let taken = ImportFileTaken {
            file_sha256: import.file_sha256.clone(),
            store: import.store.clone(),
            import_id: self.import_id.clone(),
        };
        work.emit(stream, taken)
    }
}

fn check_role(actor: &Actor) -> Result<(), ImportRefusal> {
    match actor {
        Actor::User { role, .. } if MAY_OVERRIDE.contains(&role.as_str()) => Ok(()),
        Actor::User { role, .. } => Err(ImportRefusal::OverrideForbidden { role: role.clone() }),
        Actor::System { name } | Actor::ApiKey { name, .. } => {
            Err(ImportRefusal::OverrideForbidden { role: name.clone() })
        }
    }
}
