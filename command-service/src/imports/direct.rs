//! An import without HTTP, for the command line of whoever can reach the database (INV-7).
//!
//! It only stores the file and looks; the system that runs takes the steps, by the same rules. Overrides need a person
//! who signs in, so there are none here: who signs in uploads over HTTP, and only looks here.

use std::collections::BTreeSet;

use anyhow::Context;
use domain::refusal::{ImportRefusal, Language};
use imports::Warning;
use schemas::StoreId;
use schemas::envelope::Actor;
use schemas::ids::{ImportId, TenantId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgPool};

use super::plan::Change;
use super::runner::{import_id, of_file};
use super::settings::{Kind, PRICE_DROP_PPM, Settings, StockMode};
use super::store::{self, Inserted, NewImport, OPEN_MAX, Status};

/// What is imported, and how.
#[derive(Debug)]
pub struct DirectImport {
    pub tenant: TenantId,
    pub store: Option<StoreId>,
    /// Stock alone, instead of the catalogue alone.
    pub is_stock: bool,
    /// Quantities came in, instead of having been counted.
    pub is_received: bool,
    /// Carried out as soon as it is drafted.
    pub confirms: bool,
    pub file_name: Option<String>,
    pub content: Vec<u8>,
    pub reason: Option<String>,
}

/// Where an import stands.
#[derive(Debug)]
pub struct Standing {
    /// As the API names it.
    pub status: &'static str,
    /// Nothing follows by itself.
    pub is_over: bool,
    pub counts: Option<Value>,
    pub failure: Option<Value>,
    pub same_as: Option<String>,
}

/// Something to be said about a row or a file, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub code: String,
    pub en: String,
    pub es: String,
    /// What stands there, where that says more than the sentence.
    pub value: Option<String>,
}

/// What a row would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub field: String,
    pub from: Value,
    pub to: Value,
}

/// A row that did not simply go through, or that a draft would change.
#[derive(Debug)]
pub struct Remark {
    pub line: i64,
    pub sku: Option<String>,
    pub status: String,
    /// Of rows that are not carried out yet.
    pub changes: Vec<Difference>,
    /// Its warnings, and why it was refused.
    pub says: Vec<Said>,
}

#[derive(FromRow)]
struct RemarkRow {
    line: i64,
    sku: Option<String>,
    status: String,
    changes: Value,
    warnings: Value,
    problem: Option<Value>,
}

impl RemarkRow {
    fn remark(self) -> Remark {
        let is_open = matches!(self.status.as_str(), "planned" | "held");
        let changes: Vec<Change> = serde_json::from_value(self.changes).unwrap_or_default();
        let shown = |change: Change| Difference {
            field: change.field,
            from: change.from,
            to: change.to,
        };
        let mut says = said(self.warnings);
        if let Some(problem) = self.problem {
            let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
            says.push(Said {
                code: text("code"),
                en: text("en"),
                es: text("es"),
                value: None,
            });
        }
        Remark {
            line: self.line,
            sku: self.sku,
            status: self.status,
            changes: changes.into_iter().filter(|_| is_open).map(shown).collect(),
            says,
        }
    }
}

fn said(warnings: Value) -> Vec<Said> {
    let warnings: Vec<Warning> = serde_json::from_value(warnings).unwrap_or_default();
    let said = |warning: Warning| Said {
        code: warning.code.code().to_owned(),
        en: warning.code.en().to_owned(),
        es: warning.code.es().to_owned(),
        value: warning.value,
    };
    warnings.into_iter().map(said).collect()
}

/// Stores the file.
///
/// # Errors
/// When the file is of no type that can be imported or too many imports wait, in that language; or the database fails.
pub async fn begin(pool: &PgPool, wanted: DirectImport, language: Language) -> anyhow::Result<ImportId> {
    let refused = |refusal: ImportRefusal| anyhow::anyhow!("{} [{}]", refusal.text(language), refusal.code());
    imports::sniff(&wanted.content).map_err(|error| refused(of_file(error)))?;
    let id = import_id(platform::clock::fresh_id()).context("no id could be made")?;
    let settings = Settings {
        kind: if wanted.is_stock {
            Kind::Stock
        } else {
            Kind::Articles
        },
        stock: if wanted.is_received {
            StockMode::Received
        } else {
            StockMode::Counted
        },
        store: wanted.store.filter(|_| wanted.is_stock),
        price_drop_ppm: PRICE_DROP_PPM,
    };
    let new = NewImport {
        tenant: &wanted.tenant,
        id: &id,
        settings: &settings,
        confirms: wanted.confirms,
        overrides: &BTreeSet::new(),
        file_name: wanted.file_name.as_deref(),
        file_sha256: &hex::encode(Sha256::digest(&wanted.content)),
        content: &wanted.content,
        actor: &Actor::System {
            name: "command line".to_owned(),
        },
        reason: wanted.reason.as_deref(),
        traceparent: None,
    };
    let stored = store::insert(pool, &new).await.context(match language {
        Language::English => "the database has no imports: has the platform been started once?",
        Language::Spanish => {
            "la base de datos no tiene importaciones: ¿se ha iniciado el sistema alguna vez?"
        }
    })?;
    match stored {
        Inserted::New => Ok(id),
        Inserted::Known | Inserted::TooMany => Err(refused(ImportRefusal::TooManyOpen { max: OPEN_MAX })),
    }
}

/// # Errors
/// When the import is gone or the database fails.
pub async fn standing(pool: &PgPool, tenant: &TenantId, id: &ImportId) -> anyhow::Result<Standing> {
    let job = store::find(pool, tenant, id)
        .await?
        .with_context(|| format!("{id}?"))?;
    let is_over = match job.status {
        Status::Received | Status::Confirming | Status::Applying => false,
        // A draft that is to be confirmed goes on, unless its confirmation was refused.
        Status::Drafted => !job.confirms || job.failure.is_some(),
        Status::Completed | Status::Repeated | Status::Failed => true,
    };
    Ok(Standing {
        status: job.status.as_str(),
        is_over,
        counts: job.counts,
        failure: job.failure,
        same_as: job.same_as,
    })
}

/// What is to be said about the whole file.
///
/// # Errors
/// When the database fails.
pub async fn about_file(pool: &PgPool, tenant: &TenantId, id: &ImportId) -> anyhow::Result<Vec<Said>> {
    let warnings: Option<Value> =
        sqlx::query_scalar("select warnings from imports where tenant = $1 and import_id = $2")
            .bind(tenant.as_str())
            .bind(id.as_str())
            .fetch_one(pool)
            .await?;
    Ok(warnings.map(said).unwrap_or_default())
}

/// Rows with a warning, rows that did not go through, and what a draft would change, in the file's order.
///
/// # Errors
/// When the database fails.
pub async fn remarks(
    pool: &PgPool,
    tenant: &TenantId,
    id: &ImportId,
    max: i64,
) -> anyhow::Result<Vec<Remark>> {
    let rows: Vec<RemarkRow> = sqlx::query_as(
        "select line, sku, status, changes, warnings, problem from import_rows where tenant = $1 and import_id = $2
           and (json_array_length(warnings) > 0 or status not in ('applied', 'unchanged')) order by line limit $3",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(max)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(RemarkRow::remark).collect())
}
