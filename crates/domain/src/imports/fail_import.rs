//! Notes that nothing came of a file.

use schemas::events::import::ImportFailed;
use schemas::{ImportId, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::bounds::{check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Records that an import came to nothing, with or without a draft before. One that is completed is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailImport {
    pub import_id: ImportId,
    #[serde(default)]
    pub store: Option<StoreId>,
    #[serde(default)]
    pub file_name: Option<String>,
    pub file_sha256: String,
    /// A stable code of the cause; at most 100 characters.
    pub code: String,
    /// At most 500 characters.
    #[serde(default)]
    pub detail: Option<String>,
}

impl Decide for FailImport {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.import_id;
        let stream = streams::import(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        check_optional_text("file_name", self.file_name.as_deref(), 200)?;
        check_text("code", &self.code, 100)?;
        check_optional_text("detail", self.detail.as_deref(), 500)?;
        let is_new = match work.known_import(id)? {
            None => true,
            Some(import) => match import.status {
                Status::Drafted | Status::Confirmed => true,
                Status::Failed => false,
                Status::Completed => return Err(import.not_open(id).into()),
            },
        };
        if is_new {
            let failed = ImportFailed {
                import_id: id.clone(),
                store: self.store.clone(),
                file_name: self.file_name.clone(),
                file_sha256: self.file_sha256.clone(),
                code: self.code.clone(),
                detail: self.detail.clone(),
            };
            work.emit(stream, failed)?;
        }
        Ok(work.finish(json!({ "import_id": id, "status": "failed" })))
    }
}
