//! An import without HTTP, for the command line of whoever can reach the database (INV-7).
//!
//! It only stores the file and looks; the system that runs takes the steps, by the same rules. Overrides need a person
//! who signs in, so there are none here.

use std::collections::BTreeSet;

use anyhow::Context;
use schemas::StoreId;
use schemas::envelope::Actor;
use schemas::ids::{ImportId, TenantId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgPool};

use super::runner::{import_id, of_file};
use super::settings::{Kind, PRICE_DROP_PPM, Settings, StockMode};
use super::store::{self, Inserted, NewImport, Status};

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

/// A row that did not simply go through.
#[derive(Debug, FromRow)]
pub struct Remark {
    pub line: i64,
    pub sku: Option<String>,
    pub status: String,
    /// Codes of its warnings and of what refused it.
    pub codes: Vec<String>,
}

/// Stores the file.
///
/// # Errors
/// When the file is of no type that can be imported, too many imports wait, or the database fails.
pub async fn begin(pool: &PgPool, wanted: DirectImport) -> anyhow::Result<ImportId> {
    imports::sniff(&wanted.content).map_err(|error| anyhow::anyhow!("{}", of_file(error)))?;
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
        store: wanted.store,
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
    let stored = store::insert(pool, &new)
        .await
        .context("the database has no imports: has the platform been started once?")?;
    anyhow::ensure!(
        stored == Inserted::New,
        "too many imports of this tenant are waiting"
    );
    Ok(id)
}

/// # Errors
/// When the import is gone or the database fails.
pub async fn standing(pool: &PgPool, tenant: &TenantId, id: &ImportId) -> anyhow::Result<Standing> {
    let job = store::find(pool, tenant, id)
        .await?
        .context("the import is gone")?;
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

/// Rows with a warning, or that did not go through, in the file's order.
///
/// # Errors
/// When the database fails.
pub async fn remarks(
    pool: &PgPool,
    tenant: &TenantId,
    id: &ImportId,
    max: i64,
) -> anyhow::Result<Vec<Remark>> {
    let rows = sqlx::query_as(
        "select line, sku, status,
           array(select w->>'code' from json_array_elements(warnings) w)
             || case when problem is null then '{}' else array[problem->>'code'] end as codes
         from import_rows where tenant = $1 and import_id = $2
           and (json_array_length(warnings) > 0 or status in ('invalid', 'held', 'refused', 'changed_meanwhile'))
         order by line limit $3",
    )
    .bind(tenant.as_str())
    .bind(id.as_str())
    .bind(max)
    .fetch_all(pool)
    .await?;
    Ok(rows)
}
