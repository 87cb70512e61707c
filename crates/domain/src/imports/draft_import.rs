//! Notes that a file was read and what it would change. A newer draft of the same import replaces the one before.

use schemas::events::import::{DraftCounts, ImportDrafted};
use schemas::{ImportId, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::bounds::{check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Records a draft of an import that is not confirmed yet, also after a failure. The same draft of the same file again
/// changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DraftImport {
    pub import_id: ImportId,
    /// Whose stock it is; absent: the catalogue alone.
    #[serde(default)]
    pub store: Option<StoreId>,
    /// At most 200 characters.
    #[serde(default)]
    pub file_name: Option<String>,
    /// Lower-case hexadecimal.
    pub file_sha256: String,
    /// Of the draft's own content, so that exactly this one is confirmed.
    pub draft_sha256: String,
    pub counts: DraftCounts,
}

impl Decide for DraftImport {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream = streams::import(&self.import_id);
        let mut needed = vec![streams::tenant(), stream.clone()];
        needed.extend(self.store.as_ref().map(streams::store));
        work.require(&needed)?;
        work.tenant(&ctx.tenant)?;
        if let Some(store) = &self.store {
            work.open_store(store)?;
        }
        check_optional_text("file_name", self.file_name.as_deref(), 200)?;
        check_text("file_sha256", &self.file_sha256, 64)?;
        check_text("draft_sha256", &self.draft_sha256, 64)?;
        let is_same = match work.known_import(&self.import_id)? {
            None => false,
            Some(import) => match import.status {
                Status::Drafted => {
                    import.draft_sha256 == self.draft_sha256 && import.file_sha256 == self.file_sha256
                }
                Status::Failed => false,
                Status::Confirmed | Status::Completed => return Err(import.not_open(&self.import_id).into()),
            },
        };
        if !is_same {
            let drafted = ImportDrafted {
                import_id: self.import_id.clone(),
                store: self.store.clone(),
                file_name: self.file_name.clone(),
                file_sha256: self.file_sha256.clone(),
                draft_sha256: self.draft_sha256.clone(),
                counts: self.counts,
            };
            work.emit(stream, drafted)?;
        }
        Ok(work.finish(json!({ "import_id": self.import_id, "status": "drafted" })))
    }
}
