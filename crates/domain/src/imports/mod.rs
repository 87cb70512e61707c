//! Imports of files: drafted, confirmed once per file and store, carried out row by row against what the draft saw.
//!
//! One file per command; `import` is the state. The state machine is drawn in `docs/domain/imports.md`. Not here: files
//! and what their rows mean (crates/imports), and who carries the rows out (command-service/imports).

mod apply_import;
mod complete_import;
mod confirm_import;
mod draft_import;
mod fail_import;
mod import;

pub use apply_import::{ApplyImport, Base, ImportAction, item_base};
pub use complete_import::CompleteImport;
pub use confirm_import::ConfirmImport;
pub use draft_import::DraftImport;
pub use fail_import::FailImport;
pub use import::{Import, ImportFile, Status};

#[cfg(test)]
mod tests;
