//! The rows of a draft, and what has become of each. In bulk, never row by row.

use schemas::events::import::ImportCounts;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgPool};

use super::{Job, text};
use crate::imports::plan::{Part, PlannedRow, RowWork};
use crate::imports::settings::{names, override_name};

/// Rows of one statement.
const BLOCK: usize = 5_000;
/// Rows of one receipt: with item, shelf and unit each, far below what one command may touch.
const CHUNK_ROWS: i64 = 200;

/// The part of a row that is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::imports) enum PartName {
    Item,
    Stock,
}

impl PartName {
    fn column(self) -> &'static str {
        match self {
            PartName::Item => "item",
            PartName::Stock => "stock",
        }
    }
}

/// What came of a part.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::imports) enum Outcome {
    Applied,
    ChangedMeanwhile,
    /// The rules' refusal, as it is stored.
    Refused(Value),
}

/// A part that is still to be carried out.
#[derive(Debug)]
pub(in crate::imports) struct ToDo {
    pub line: i64,
    /// Rows that go into one receipt.
    pub chunk: Option<i32>,
    pub work: RowWork,
}

#[derive(FromRow)]
struct ToDoRow {
    line: i64,
    chunk: Option<i32>,
    work: String,
}

/// A part as the table has it: its state, what it needs, and its work.
fn columns(part: Option<&Part>) -> (Option<&'static str>, String, Option<&crate::imports::plan::Work>) {
    match part {
        None => (None, String::new(), None),
        Some(Part::Unchanged) => (Some("unchanged"), String::new(), None),
        Some(Part::Work { work, holds }) => {
            let state = if holds.is_empty() { "planned" } else { "held" };
            let holds: Vec<&str> = holds.iter().map(|hold| override_name(*hold)).collect();
            (Some(state), holds.join(","), Some(work))
        }
    }
}

pub(super) async fn replace(
    connection: &mut PgConnection,
    job: &Job,
    rows: &[PlannedRow],
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from import_rows where tenant = $1 and import_id = $2")
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .execute(&mut *connection)
        .await?;
    for block in rows.chunks(BLOCK) {
        let mut works = Vec::with_capacity(block.len());
        let mut changes = Vec::with_capacity(block.len());
        let mut warnings = Vec::with_capacity(block.len());
        for row in block {
            let work = RowWork {
                item: columns(row.item.as_ref()).2.cloned(),
                stock: columns(row.stock.as_ref()).2.cloned(),
            };
            works.push(text(&work)?);
            changes.push(text(&row.changes)?);
            warnings.push(text(&row.warnings)?);
        }
        sqlx::query(
            "insert into import_rows (tenant, import_id, line, sku, is_invalid, item, stock, item_holds, stock_holds,
               changes, work, warnings)
             select $1, $2, u.line, u.sku, u.is_invalid, u.item, u.stock, string_to_array(u.item_holds, ','),
               string_to_array(u.stock_holds, ','), u.changes::json, u.work::json, u.warnings::json
             from unnest($3::bigint[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
               $11::text[], $12::text[])
               as u(line, sku, is_invalid, item, stock, item_holds, stock_holds, changes, work, warnings)",
        )
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(block.iter().map(|row| i64::from(row.line)).collect::<Vec<_>>())
        .bind(
            block
                .iter()
                .map(|row| row.sku.as_ref().map(|sku| sku.as_str().to_owned()))
                .collect::<Vec<_>>(),
        )
        .bind(block.iter().map(|row| row.is_invalid).collect::<Vec<_>>())
        .bind(block.iter().map(|row| columns(row.item.as_ref()).0).collect::<Vec<_>>())
        .bind(block.iter().map(|row| columns(row.stock.as_ref()).0).collect::<Vec<_>>())
        .bind(block.iter().map(|row| columns(row.item.as_ref()).1).collect::<Vec<_>>())
        .bind(block.iter().map(|row| columns(row.stock.as_ref()).1).collect::<Vec<_>>())
        .bind(changes)
        .bind(works)
        .bind(warnings)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What was held back for nothing but what is overridden now is planned; planned receipts get their chunks, after those of
/// an earlier confirmation, so that a chunk is the same whenever it is looked at.
pub(super) async fn let_through(connection: &mut PgConnection, job: &Job) -> Result<(), sqlx::Error> {
    for part in ["item", "stock"] {
        let sql = format!(
            "update import_rows set {part} = 'planned' where tenant = $1 and import_id = $2 and {part} = 'held'
               and {part}_holds <@ $3::text[] and not is_invalid"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(job.tenant.as_str())
            .bind(job.id.as_str())
            .bind(names(&job.overrides))
            .execute(&mut *connection)
            .await?;
    }
    let last: i32 = sqlx::query_scalar(
        "select coalesce(max(chunk), 0) from import_rows where tenant = $1 and import_id = $2",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .fetch_one(&mut *connection)
    .await?;
    // By the line alone: nothing to count, and no chunk is larger than this many lines.
    sqlx::query(
        "update import_rows set chunk = $3 + 1 + (line / $4)::int
         where tenant = $1 and import_id = $2 and stock = 'planned' and chunk is null
           and work->'stock'->'action'->'receive_stock' is not null",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .bind(last)
    .bind(CHUNK_ROWS)
    .execute(connection)
    .await
    .map(|_| ())
}

pub(super) async fn to_do(
    pool: &PgPool,
    job: &Job,
    part: PartName,
    max: i64,
) -> Result<Vec<ToDo>, sqlx::Error> {
    let column = part.column();
    // Whole chunks only: the last one of a page may go on in the next, so it is cut off below.
    let sql = format!(
        "select line, chunk, work::text as work from import_rows
         where tenant = $1 and import_id = $2 and {column} = 'planned' order by {} limit $3",
        match part {
            PartName::Item => "line",
            PartName::Stock => "chunk, line",
        }
    );
    let rows: Vec<ToDoRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(max)
        .fetch_all(pool)
        .await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= max);
    let last = rows.last().and_then(|row| row.chunk).filter(|_| is_full);
    rows.into_iter()
        .filter(|row| part == PartName::Item || last.is_none() || row.chunk != last)
        .map(|row| {
            Ok(ToDo {
                line: row.line,
                chunk: row.chunk.filter(|_| part == PartName::Stock),
                work: serde_json::from_str(&row.work).map_err(|error| sqlx::Error::Decode(error.into()))?,
            })
        })
        .collect()
}

pub(super) async fn settle(
    pool: &PgPool,
    job: &Job,
    part: PartName,
    outcomes: &[(i64, Outcome)],
) -> Result<(), sqlx::Error> {
    let column = part.column();
    let sql = format!(
        "update import_rows r set {column} = u.state, problem = coalesce(u.problem::json, r.problem)
         from unnest($3::bigint[], $4::text[], $5::text[]) as u(line, state, problem)
         where r.tenant = $1 and r.import_id = $2 and r.line = u.line and r.{column} = 'planned'"
    );
    let state = |outcome: &Outcome| match outcome {
        Outcome::Applied => ("applied", None),
        Outcome::ChangedMeanwhile => ("changed_meanwhile", None),
        Outcome::Refused(problem) => ("refused", Some(problem.to_string())),
    };
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(outcomes.iter().map(|(line, _)| *line).collect::<Vec<_>>())
        .bind(
            outcomes
                .iter()
                .map(|(_, outcome)| state(outcome).0)
                .collect::<Vec<_>>(),
        )
        .bind(
            outcomes
                .iter()
                .map(|(_, outcome)| state(outcome).1)
                .collect::<Vec<_>>(),
        )
        .execute(pool)
        .await
        .map(|_| ())
}

pub(super) async fn counts(pool: &PgPool, job: &Job) -> Result<ImportCounts, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select status, count(*) from import_rows where tenant = $1 and import_id = $2 group by status",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .fetch_all(pool)
    .await?;
    let mut counts = ImportCounts::default();
    for (status, rows) in rows {
        counts.rows += rows;
        match status.as_str() {
            "applied" => counts.applied = rows,
            "held" => counts.held = rows,
            "refused" => counts.refused = rows,
            "changed_meanwhile" => counts.changed_meanwhile = rows,
            "invalid" => counts.invalid = rows,
            _ => counts.unchanged += rows,
        }
    }
    Ok(counts)
}
