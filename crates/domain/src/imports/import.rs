//! One import, and one file's content. Streams `import/<import_id>` and `import_file/<store>/<hash>`.

use std::collections::BTreeSet;

use schemas::events::import::{ImportEvent, ImportOverride};
use schemas::{ImportId, StoreId};
use serde::{Deserialize, Serialize};

use crate::refusal::{ImportRefusal, Refusal};
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// An import as the rules know it; its rows are with whoever carries them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    pub status: Status,
    /// Whose stock it is; absent: the catalogue alone.
    pub store: Option<StoreId>,
    /// Of the file's content, in lower-case hexadecimal.
    pub file_sha256: String,
    /// Of the newest draft; empty when there never was one.
    pub draft_sha256: String,
    /// What was let through so far.
    pub overrides: BTreeSet<ImportOverride>,
    /// Rows that still need an override, once it is completed.
    pub held: i64,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// May be drafted anew and confirmed.
    Drafted,
    /// Its rows are being carried out.
    Confirmed,
    /// Every row has come to something; rows that are held back may still be let through.
    Completed,
    /// The file could not be read. It may be drafted again, which says the same.
    Failed,
}

impl Status {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Drafted => "drafted",
            Status::Confirmed => "confirmed",
            Status::Completed => "completed",
            Status::Failed => "failed",
        }
    }
}

impl Import {
    pub(crate) fn evolve(slot: &mut Option<Box<Import>>, event: &ImportEvent) {
        match event {
            ImportEvent::Drafted(drafted) => {
                *slot = Some(Box::new(Import {
                    status: Status::Drafted,
                    store: drafted.store.clone(),
                    file_sha256: drafted.file_sha256.clone(),
                    draft_sha256: drafted.draft_sha256.clone(),
                    overrides: BTreeSet::new(),
                    held: 0,
                }));
            }
            ImportEvent::Failed(failed) => {
                let draft_sha256 = slot.take().map_or_else(String::new, |import| import.draft_sha256);
                *slot = Some(Box::new(Import {
                    status: Status::Failed,
                    store: failed.store.clone(),
                    file_sha256: failed.file_sha256.clone(),
                    draft_sha256,
                    overrides: BTreeSet::new(),
                    held: 0,
                }));
            }
            ImportEvent::Confirmed(confirmed) => {
                if let Some(import) = slot {
                    import.status = Status::Confirmed;
                    import.overrides.clone_from(&confirmed.overrides);
                }
            }
            ImportEvent::Completed(completed) => {
                if let Some(import) = slot {
                    import.status = Status::Completed;
                    import.held = completed.counts.held;
                }
            }
            ImportEvent::FileTaken(_) => {}
        }
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.file_sha256.len() + self.draft_sha256.len() + 64
    }

    /// The refusal for who comes at the wrong time.
    pub(super) fn not_open(&self, id: &ImportId) -> Refusal {
        ImportRefusal::NotOpen {
            import_id: id.clone(),
            status: self.status.as_str().to_owned(),
        }
        .into()
    }
}

/// Which import took a file's content for a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFile {
    pub taken_by: Option<ImportId>,
}

impl ImportFile {
    pub(crate) fn evolve(&mut self, event: &ImportEvent) {
        match event {
            ImportEvent::FileTaken(taken) => self.taken_by = Some(taken.import_id.clone()),
            ImportEvent::Drafted(_)
            | ImportEvent::Confirmed(_)
            | ImportEvent::Completed(_)
            | ImportEvent::Failed(_) => {}
        }
    }
}

impl Work<'_> {
    /// An import that was drafted or failed at some time, if it was.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn known_import(&self, id: &ImportId) -> Result<Option<&Import>, Missing> {
        let stream = streams::import(id);
        let State::Import(found) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(found.as_deref())
    }

    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`ImportRefusal::NotFound`].
    pub fn import(&self, id: &ImportId) -> Result<&Import, Missing> {
        let found = self.known_import(id)?;
        found.ok_or_else(|| {
            ImportRefusal::NotFound {
                import_id: id.clone(),
            }
            .into()
        })
    }
}
