//! One import as its row says: where it stands, its settings, who wants it. Not here: statements (`store`).

use std::collections::BTreeSet;

use schemas::envelope::Actor;
use schemas::events::import::ImportOverride;
use schemas::ids::{ImportId, TenantId};
use schemas::{InvalidId, StoreId};
use serde_json::Value;
use sqlx::FromRow;

use crate::imports::settings::{Kind, Settings, StockMode, parse_override};

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::imports) enum Status {
    Received,
    Drafted,
    Confirming,
    Applying,
    Completed,
    Repeated,
    Failed,
}

impl Status {
    /// As the tables and the API name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Received => "received",
            Status::Drafted => "drafted",
            Status::Confirming => "confirming",
            Status::Applying => "applying",
            Status::Completed => "completed",
            Status::Repeated => "repeated",
            Status::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        use Status::{Applying, Completed, Confirming, Drafted, Failed, Received, Repeated};
        [
            Received, Drafted, Confirming, Applying, Completed, Repeated, Failed,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
    }
}

/// One import.
#[derive(Debug, Clone)]
pub(in crate::imports) struct Job {
    pub tenant: TenantId,
    pub id: ImportId,
    pub status: Status,
    pub settings: Settings,
    /// It is confirmed as soon as it is drafted.
    pub confirms: bool,
    pub file_name: Option<String>,
    pub file_sha256: String,
    pub draft_sha256: Option<String>,
    pub overrides: BTreeSet<ImportOverride>,
    /// Who wants it, and why: of the upload, then of the confirmation.
    pub actor: Actor,
    pub reason: Option<String>,
    pub traceparent: Option<String>,
    pub counts: Option<Value>,
    pub failure: Option<Value>,
    pub same_as: Option<String>,
    pub attempts: i32,
    /// It was confirmed so long ago that ids of its commands may be forgotten.
    pub is_stale: bool,
}

#[derive(FromRow)]
pub(super) struct JobRow {
    tenant: String,
    import_id: String,
    status: String,
    kind: String,
    stock: String,
    store: Option<String>,
    price_drop_ppm: i64,
    confirms: bool,
    file_name: Option<String>,
    file_sha256: String,
    draft_sha256: Option<String>,
    overrides: Vec<String>,
    actor: String,
    reason: Option<String>,
    traceparent: Option<String>,
    counts: Option<Value>,
    failure: Option<Value>,
    same_as: Option<String>,
    attempts: i32,
    is_stale: bool,
}

/// The columns of a [`JobRow`] but the last one, which the statement computes.
pub(super) const COLUMNS: &str =
    "tenant, import_id, status, kind, stock, store, price_drop_ppm, confirms, file_name, file_sha256,
    draft_sha256, overrides, actor::text as actor, reason, traceparent, counts, failure, same_as, attempts";

impl TryFrom<JobRow> for Job {
    type Error = sqlx::Error;

    fn try_from(row: JobRow) -> Result<Self, sqlx::Error> {
        let id = |error: InvalidId| sqlx::Error::Decode(error.into());
        let unknown = |column: &'static str| sqlx::Error::Decode(format!("unknown {column}").into());
        let actor = serde_json::from_str(&row.actor).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self {
            tenant: TenantId::new(&row.tenant).map_err(id)?,
            id: ImportId::new(&row.import_id).map_err(id)?,
            status: Status::parse(&row.status).ok_or_else(|| unknown("status"))?,
            settings: Settings {
                kind: Kind::parse(&row.kind).ok_or_else(|| unknown("kind"))?,
                stock: StockMode::parse(&row.stock).ok_or_else(|| unknown("stock"))?,
                store: row.store.as_deref().map(StoreId::new).transpose().map_err(id)?,
                price_drop_ppm: row.price_drop_ppm,
            },
            confirms: row.confirms,
            file_name: row.file_name,
            file_sha256: row.file_sha256,
            draft_sha256: row.draft_sha256,
            overrides: row
                .overrides
                .iter()
                .filter_map(|name| parse_override(name))
                .collect(),
            actor,
            reason: row.reason,
            traceparent: row.traceparent,
            counts: row.counts,
            failure: row.failure,
            same_as: row.same_as,
            attempts: row.attempts,
            is_stale: row.is_stale,
        })
    }
}
