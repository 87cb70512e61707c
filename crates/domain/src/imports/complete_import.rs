//! Notes what a confirmed import came to.

use schemas::ImportId;
use schemas::events::import::{ImportCompleted, ImportCounts};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Ends a confirmed import whose rows have all come to something; completed already, it keeps its first counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompleteImport {
    pub import_id: ImportId,
    pub counts: ImportCounts,
}

impl Decide for CompleteImport {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let id = &self.import_id;
        let stream = streams::import(id);
        work.require([&streams::tenant(), &stream])?;
        work.tenant(&ctx.tenant)?;
        let import = work.import(id)?;
        match import.status {
            Status::Confirmed => {
                let completed = ImportCompleted {
                    import_id: id.clone(),
                    counts: self.counts,
                };
                work.emit(stream, completed)?;
            }
            Status::Completed => {}
            Status::Drafted | Status::Failed => return Err(import.not_open(id).into()),
        }
        Ok(work.finish(json!({ "import_id": id, "status": "completed" })))
    }
}
