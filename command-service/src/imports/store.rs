//! Imports in the database: the file, the draft's rows, and where each import stands.
//!
//! Every change of status names the status before, so that a step that was taken twice changes nothing. Not here: what
//! the steps do (`runner`, `apply`).

mod job;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use platform::db;
use schemas::StoreId;
use schemas::envelope::Actor;
use schemas::events::import::{ImportCounts, ImportOverride};
use schemas::ids::{ImportId, TenantId};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;

use super::plan::Draft;
use super::runner::StepError;
use super::settings::{Settings, names};

use job::{COLUMNS, JobRow};
pub(super) use job::{Job, Status};
pub(super) use rows::{Outcome, PartName, Passed, ToDo, counts, settle, to_do};

/// Imports of one tenant that wait for a step.
pub(super) const OPEN_MAX: i64 = 20;
/// Files of one tenant that are kept for whoever looks into an import, in bytes together; the oldest go first.
const KEPT_BYTES_MAX: i64 = 256 << 20;
const FILES_KEPT: &str = "30 days";
const ROWS_KEPT: &str = "180 days";
/// Drafts of one tenant that wait for somebody to confirm them, their rows in all, and how long they do.
const DRAFTS_MAX: i64 = 50;
const DRAFT_ROWS_MAX: i64 = 1_000_000;
const DRAFTS_KEPT: &str = "30 days";
/// Rows of one tenant that are kept of imports that are over; those of the oldest go first.
const ROWS_MAX: i64 = 5_000_000;
/// Imports whose rows one purge takes away.
const PURGED_AT_ONCE: i64 = 20;
/// Command ids are remembered for 30 days; an import that is not through by then could double what it received.
const APPLIED_WITHIN: &str = "25 days";

/// A new import, as it is stored before anything is done with it.
#[derive(Debug)]
pub(super) struct NewImport<'a> {
    pub tenant: &'a TenantId,
    pub id: &'a ImportId,
    pub settings: &'a Settings,
    pub confirms: bool,
    pub overrides: &'a BTreeSet<ImportOverride>,
    pub file_name: Option<&'a str>,
    pub file_sha256: &'a str,
    pub content: &'a [u8],
    pub actor: &'a Actor,
    pub reason: Option<&'a str>,
    pub traceparent: Option<&'a str>,
}

/// What came of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inserted {
    New,
    /// The same request, by its idempotency key, has stored it before.
    Known,
    /// Too many wait.
    TooMany,
}

/// Stores a file and its import; what is stored already stays.
///
/// # Errors
/// Any SQL error.
pub(super) async fn insert(pool: &PgPool, new: &NewImport<'_>) -> Result<Inserted, sqlx::Error> {
    let mut transaction = db::tenant_transaction(pool, new.tenant).await?;
    let open: i64 = sqlx::query_scalar(
        "select count(*) from imports where tenant = $1 and status in ('received', 'confirming', 'applying')
           and import_id <> $2",
    )
    .bind(new.tenant.as_str())
    .bind(new.id.as_str())
    .fetch_one(&mut *transaction)
    .await?;
    if open >= OPEN_MAX {
        return Ok(Inserted::TooMany);
    }
    let inserted = sqlx::query(
        "insert into imports (tenant, import_id, status, kind, stock, store, price_drop_ppm, confirms, file_name,
           file_sha256, file_bytes, actor, reason, traceparent, overrides)
         values ($1, $2, 'received', $3, $4, $5, $6, $7, $8, $9, $10, $11::json, $12, $13, $14)
         on conflict (tenant, import_id) do nothing",
    )
    .bind(new.tenant.as_str())
    .bind(new.id.as_str())
    .bind(new.settings.kind.as_str())
    .bind(new.settings.stock.as_str())
    .bind(new.settings.store.as_ref().map(StoreId::as_str))
    .bind(new.settings.price_drop_ppm)
    .bind(new.confirms)
    .bind(new.file_name)
    .bind(new.file_sha256)
    .bind(i64::try_from(new.content.len()).unwrap_or(i64::MAX))
    .bind(text(new.actor)?)
    .bind(new.reason)
    .bind(new.traceparent)
    .bind(names(new.overrides))
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 1 {
        sqlx::query("insert into import_files (tenant, import_id, content) values ($1, $2, $3)")
            .bind(new.tenant.as_str())
            .bind(new.id.as_str())
            .bind(new.content)
            .execute(&mut *transaction)
            .await?;
        drop_oldest_files(&mut transaction, new.tenant).await?;
    }
    transaction.commit().await?;
    Ok(if inserted.rows_affected() == 1 {
        Inserted::New
    } else {
        Inserted::Known
    })
}

/// Keeps the newest files of a tenant within the bound; those that are not read yet stay.
async fn drop_oldest_files(
    connection: &mut sqlx::PgConnection,
    tenant: &TenantId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from import_files f using (
           select import_id, status, sum(file_bytes) over (order by number desc) as bytes from imports i
           where tenant = $1 and exists (select from import_files e where e.tenant = $1 and e.import_id = i.import_id)) kept
         where f.tenant = $1 and f.import_id = kept.import_id and kept.bytes > $2 and kept.status <> 'received'",
    )
    .bind(tenant.as_str())
    .bind(KEPT_BYTES_MAX)
    .execute(connection)
    .await
    .map(|_| ())
}

fn text(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// # Errors
/// Any SQL error.
pub(super) async fn find(
    pool: &PgPool,
    tenant: &TenantId,
    id: &ImportId,
) -> Result<Option<Job>, sqlx::Error> {
    let sql =
        format!("select {COLUMNS}, false as is_stale from imports where tenant = $1 and import_id = $2");
    let row: Option<JobRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tenant.as_str())
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?;
    row.map(Job::try_from).transpose()
}

/// The next import that waits for a step, the tenant's oldest, of a tenant that is not among `busy`.
///
/// # Errors
/// Any SQL error.
pub(super) async fn next(pool: &PgPool, busy: &[TenantId]) -> Result<Option<Job>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS}, coalesce(confirmed_at < now() - interval '{APPLIED_WITHIN}', false) as is_stale from imports
         where status in ('received', 'confirming', 'applying') and due_at <= now() and tenant <> all($1)
         order by due_at, number limit 1"
    );
    let row: Option<JobRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(busy.iter().map(TenantId::as_str).collect::<Vec<_>>())
        .fetch_optional(pool)
        .await?;
    row.map(Job::try_from).transpose()
}

/// The file's bytes, if they are still kept.
///
/// # Errors
/// Any SQL error.
pub(super) async fn content(pool: &PgPool, job: &Job) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("select content from import_files where tenant = $1 and import_id = $2")
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .fetch_optional(pool)
        .await
}

/// Replaces the rows of a draft and what is known about the file; the status stays.
///
/// # Errors
/// Any SQL error.
pub(super) async fn put_draft(
    pool: &PgPool,
    job: &Job,
    layout: &Value,
    draft: &Arc<Draft>,
) -> Result<(), StepError> {
    let mut transaction = db::tenant_transaction(pool, &job.tenant).await?;
    rows::replace(&mut transaction, job, draft).await?;
    sqlx::query(
        "update imports set draft_sha256 = $3, layout = $4::json, warnings = $5::json, counts = $6::json
         where tenant = $1 and import_id = $2 and status = 'received'",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .bind(&draft.sha256)
    .bind(text(layout)?)
    .bind(text(&draft.warnings)?)
    .bind(text(&draft.counts)?)
    .execute(&mut *transaction)
    .await?;
    rows::note_progress(&mut transaction, job).await?;
    Ok(transaction.commit().await?)
}

/// Moves on, unless somebody else has.
///
/// # Errors
/// Any SQL error.
pub(super) async fn advance(pool: &PgPool, job: &Job, to: Status) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update imports set status = $4, attempts = 0, due_at = now(),
           drafted_at = case when $3 = 'received' then now() else drafted_at end,
           ended_at = case when $4 in ('completed', 'failed', 'repeated') then now() end
         where tenant = $1 and import_id = $2 and status = $3",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .bind(job.status.as_str())
    .bind(to.as_str())
    .execute(pool)
    .await
    .map(|_| ())
}

/// Ends with what it came to.
///
/// # Errors
/// Any SQL error.
pub(super) async fn complete(pool: &PgPool, job: &Job, counts: &ImportCounts) -> Result<(), sqlx::Error> {
    set_json(pool, job, "counts", &serde_json::json!(counts)).await?;
    advance(pool, job, Status::Completed).await
}

/// Ends, or goes back to what it was, with a problem: `{"code", …}`.
///
/// # Errors
/// Any SQL error.
pub(super) async fn fail(pool: &PgPool, job: &Job, to: Status, failure: &Value) -> Result<(), sqlx::Error> {
    set_json(pool, job, "failure", failure).await?;
    advance(pool, job, to).await
}

/// The same file was confirmed before.
///
/// # Errors
/// Any SQL error.
pub(super) async fn repeat(pool: &PgPool, job: &Job, first: &ImportId) -> Result<(), sqlx::Error> {
    sqlx::query("update imports set same_as = $3 where tenant = $1 and import_id = $2")
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(first.as_str())
        .execute(pool)
        .await?;
    advance(pool, job, Status::Repeated).await
}

async fn set_json(pool: &PgPool, job: &Job, column: &'static str, value: &Value) -> Result<(), sqlx::Error> {
    let sql = format!(
        "update imports set {column} = $4::json where tenant = $1 and import_id = $2 and status = $3"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(job.status.as_str())
        .bind(value.to_string())
        .execute(pool)
        .await
        .map(|_| ())
}

/// A step came to nothing: it is tried again later, each time a little later.
///
/// # Errors
/// Any SQL error.
pub(super) async fn postpone(pool: &PgPool, job: &Job) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update imports set attempts = attempts + 1,
           due_at = now() + least(attempts + 1, 15) * interval '2 seconds'
         where tenant = $1 and import_id = $2 and status = $3",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .bind(job.status.as_str())
    .execute(pool)
    .await
    .map(|_| ())
}

/// Who confirmed what.
#[derive(Debug)]
pub(super) struct Confirmation<'a> {
    pub overrides: &'a BTreeSet<ImportOverride>,
    pub actor: &'a Actor,
    pub reason: Option<&'a str>,
    pub traceparent: Option<&'a str>,
}

/// Asks for a draft to be confirmed; `false` when the import is not as it was found.
///
/// # Errors
/// Any SQL error.
pub(super) async fn ask_to_confirm(
    pool: &PgPool,
    job: &Job,
    asked: &Confirmation<'_>,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "update imports set status = 'confirming', overrides = $4, actor = $5::json, reason = $6, traceparent = $7,
           failure = null, same_as = null, attempts = 0, due_at = now(), ended_at = null
         where tenant = $1 and import_id = $2 and status = $3",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .bind(job.status.as_str())
    .bind(names(asked.overrides))
    .bind(text(asked.actor)?)
    .bind(asked.reason)
    .bind(asked.traceparent)
    .execute(pool)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Lets through what the overrides allow, puts receipts together, and goes on to carrying out, in one transaction.
///
/// # Errors
/// Any SQL error.
pub(super) async fn begin_to_apply(pool: &PgPool, job: &Job) -> Result<(), sqlx::Error> {
    let mut transaction = db::tenant_transaction(pool, &job.tenant).await?;
    let moved = sqlx::query(
        "update imports set status = 'applying', attempts = 0, due_at = now(), confirmed_at = now()
         where tenant = $1 and import_id = $2 and status = 'confirming'",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() == 1 {
        rows::let_through(&mut transaction, job).await?;
        rows::note_progress(&mut transaction, job).await?;
    }
    transaction.commit().await
}

/// Takes files and rows away that nobody needs any more, a few at a time.
///
/// # Errors
/// Any SQL error.
pub(super) async fn purge(pool: &PgPool) -> Result<(), sqlx::Error> {
    let files = format!(
        "delete from import_files f using imports i where i.tenant = f.tenant and i.import_id = f.import_id
           and i.status <> 'received' and f.stored_at < now() - interval '{FILES_KEPT}'"
    );
    sqlx::query(sqlx::AssertSqlSafe(files)).execute(pool).await?;
    let rows = format!(
        "delete from import_rows r using (
           select tenant, import_id from (
             select tenant, import_id, created_at, status,
               sum(coalesce((counts->>'rows')::bigint, 0)) over (partition by tenant order by number desc) as rows
             from imports i where status not in ('received', 'drafted', 'confirming', 'applying')
               and exists (select from import_rows e where e.tenant = i.tenant and e.import_id = i.import_id)) kept
           where status = 'failed' or created_at < now() - interval '{ROWS_KEPT}' or rows > {ROWS_MAX}
           order by created_at limit {PURGED_AT_ONCE}) old
         where r.tenant = old.tenant and r.import_id = old.import_id"
    );
    sqlx::query(sqlx::AssertSqlSafe(rows))
        .execute(pool)
        .await
        .map(|_| ())
}

/// Drafts that nobody may confirm any more: too old, or beyond what one tenant may leave lying about; of all tenants,
/// or of the one that is named.
///
/// # Errors
/// Any SQL error.
pub(super) async fn expired(pool: &PgPool, tenant: Option<&TenantId>) -> Result<Vec<Job>, sqlx::Error> {
    let sql = format!(
        "select {COLUMNS}, false as is_stale from (
           select *, row_number() over newest as place,
             sum(coalesce((counts->>'rows')::bigint, 0)) over newest as rows_so_far
           from imports where status = 'drafted' and ($1::text is null or tenant = $1)
           window newest as (partition by tenant order by number desc)) drafts
         where place > {DRAFTS_MAX} or (rows_so_far > {DRAFT_ROWS_MAX} and place > 1)
           or coalesce(drafted_at, created_at) < now() - interval '{DRAFTS_KEPT}'
         order by number limit {PURGED_AT_ONCE}"
    );
    let rows: Vec<JobRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(tenant.map(TenantId::as_str))
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Job::try_from).collect()
}

/// Whether the database can never store what it was given, so that asking again is in vain: a value that it refuses
/// (class 22), or one beyond its limits (class 54).
pub(super) fn is_unstorable(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("54"))
}
