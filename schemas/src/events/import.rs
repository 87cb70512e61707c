//! Imports of price lists and stock counts. Streams `import/<import_id>` and `import_file/<store>/<hash>`.
//!
//! What an import changed is in the events of the articles, shelves and units, under its command ids; its rows are data
//! beside the log. Here is that it was drafted, by whom it was confirmed and with which overrides, and what came of it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{ImportId, StoreId};

module_events! {
    /// The life of one import, and which files were taken.
    ImportEvent {
        Drafted(ImportDrafted) = "import.drafted" v 1,
        Confirmed(ImportConfirmed) = "import.confirmed" v 1,
        Completed(ImportCompleted) = "import.completed" v 1,
        Failed(ImportFailed) = "import.failed" v 1,
        FileTaken(ImportFileTaken) = "import.file_taken" v 1,
    }
}

/// What somebody takes responsibility for, with a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportOverride {
    /// Prices that fall by more than the limit.
    PriceDrop,
    /// Counts below what is on hand.
    NegativeAdjustment,
    /// IMEIs and serial numbers that are known and not on the shelf.
    KnownImei,
    /// The same file once more.
    RepeatedFile,
}

/// A file was read, and what it would change is known row by row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportDrafted {
    pub import_id: ImportId,
    /// Absent when it only concerns the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Lower-case hexadecimal.
    pub file_sha256: String,
    /// Over every row's changes; a confirmation names it.
    pub draft_sha256: String,
    pub counts: DraftCounts,
}

/// Rows of a draft, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DraftCounts {
    pub rows: i64,
    /// Would be carried out.
    pub planned: i64,
    /// Say what holds already.
    pub unchanged: i64,
    /// Need an override.
    pub held: i64,
    /// Cannot be imported.
    pub invalid: i64,
    /// Warnings of all rows, errors included.
    pub warnings: i64,
}

/// Somebody wants exactly this draft carried out. Comes again when rows that were held back are let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportConfirmed {
    pub import_id: ImportId,
    pub draft_sha256: String,
    /// All that were given so far.
    #[serde(default)]
    pub overrides: BTreeSet<ImportOverride>,
}

/// Every row that was confirmed has come to something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportCompleted {
    pub import_id: ImportId,
    pub counts: ImportCounts,
}

/// Rows of an import, each counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportCounts {
    pub rows: i64,
    pub applied: i64,
    /// Said what held already.
    pub unchanged: i64,
    /// Still need an override.
    pub held: i64,
    /// The rules said no.
    pub refused: i64,
    /// Somebody else had changed the article or the shelf since the draft.
    pub changed_meanwhile: i64,
    /// Became movements that wait for somebody's approval.
    #[serde(default)]
    pub waiting: i64,
    pub invalid: i64,
}

/// Nothing came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportFailed {
    pub import_id: ImportId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    pub file_sha256: String,
    /// Such as `import.file_unsupported`.
    pub code: String,
    /// The cause in words, for whoever looks into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A file's content is used up for a store: another import of the same bytes needs an override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportFileTaken {
    pub file_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    pub import_id: ImportId,
}
