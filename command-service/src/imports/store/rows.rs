//! The rows of a draft, and what has become of each. In bulk, never row by row.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::imports::ImportAction;
use platform::db;
use schemas::events::import::ImportCounts;
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgPool};

use super::{Job, text};
use crate::imports::plan::{Draft, Part, PlannedRow, RowWork};
use crate::imports::runner::{StepError, aside};
use crate::imports::settings::{names, override_name};

/// Rows of one statement: what it writes to the write-ahead log, a till's commit behind it waits for.
const BLOCK: usize = 1_000;
/// Rows of one receipt, with item, shelf and unit each. Larger ones are no faster and hold up the tills' commands.
const CHUNK_ROWS: i64 = 100;

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

    fn other(self) -> Self {
        match self {
            PartName::Item => PartName::Stock,
            PartName::Stock => PartName::Item,
        }
    }
}

/// What came of a part.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::imports) enum Outcome {
    Applied,
    /// It became a movement that waits for somebody's approval.
    Waiting {
        movement_id: String,
    },
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

/// One statement's rows, a column at a time.
#[derive(Default)]
struct Block {
    lines: Vec<i64>,
    skus: Vec<Option<String>>,
    is_invalid: Vec<bool>,
    /// State and holds of both parts.
    items: (Vec<Option<&'static str>>, Vec<String>),
    stocks: (Vec<Option<&'static str>>, Vec<String>),
    chunks: Vec<Option<i32>>,
    changes: Vec<String>,
    works: Vec<String>,
    warnings: Vec<String>,
}

impl Block {
    fn of(rows: &[PlannedRow]) -> Result<Self, sqlx::Error> {
        let mut block = Self::default();
        for row in rows {
            let line = i64::from(row.line);
            let (item, stock) = (columns(row.item.as_ref()), columns(row.stock.as_ref()));
            let is_receipt = stock
                .2
                .is_some_and(|work| matches!(work.action, ImportAction::ReceiveStock(_)));
            let chunk = (is_receipt && stock.0 == Some("planned")).then(|| chunk_of(line));
            let work = RowWork {
                item: item.2.cloned(),
                stock: stock.2.cloned(),
            };
            block.lines.push(line);
            block
                .skus
                .push(row.sku.as_ref().map(|sku| sku.as_str().to_owned()));
            block.is_invalid.push(row.is_invalid);
            block.items.0.push(item.0);
            block.items.1.push(item.1);
            block.stocks.0.push(stock.0);
            block.stocks.1.push(stock.1);
            block.chunks.push(chunk);
            block.changes.push(text(&row.changes)?);
            block.works.push(text(&work)?);
            block.warnings.push(text(&row.warnings)?);
        }
        Ok(block)
    }
}

/// The receipt into which a planned row of the first confirmation goes; those let through later come after them.
fn chunk_of(line: i64) -> i32 {
    i32::try_from(line / CHUNK_ROWS + 1).unwrap_or(i32::MAX)
}

pub(super) async fn replace(
    connection: &mut PgConnection,
    job: &Job,
    draft: &Arc<Draft>,
) -> Result<(), StepError> {
    sqlx::query("delete from import_rows where tenant = $1 and import_id = $2")
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .execute(&mut *connection)
        .await?;
    for from in (0..draft.rows.len()).step_by(BLOCK) {
        let to = draft.rows.len().min(from + BLOCK);
        let draft = Arc::clone(draft);
        let block = aside(move || Block::of(&draft.rows[from..to])).await??;
        sqlx::query(
            "insert into import_rows (tenant, import_id, line, sku, is_invalid, item, stock, item_holds, stock_holds,
               chunk, changes, work, warnings)
             select $1, $2, u.line, u.sku, u.is_invalid, u.item, u.stock, string_to_array(u.item_holds, ','),
               string_to_array(u.stock_holds, ','), u.chunk, u.changes::json, u.work::json, u.warnings::json
             from unnest($3::bigint[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[],
               $11::text[], $12::text[], $13::text[])
               as u(line, sku, is_invalid, item, stock, item_holds, stock_holds, chunk, changes, work, warnings)",
        )
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(block.lines)
        .bind(block.skus)
        .bind(block.is_invalid)
        .bind(block.items.0)
        .bind(block.stocks.0)
        .bind(block.items.1)
        .bind(block.stocks.1)
        .bind(block.chunks)
        .bind(block.changes)
        .bind(block.works)
        .bind(block.warnings)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Counts how far an import is, beside it. Once per step: in between `settle` moves the counts on.
pub(super) async fn note_progress(connection: &mut PgConnection, job: &Job) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update imports set progress = (
           select json_build_object('parts', coalesce(sum(parts), 0), 'open', coalesce(sum(open), 0),
             'rows', coalesce(json_object_agg(status, rows), '{}'::json))
           from (select status, count(*) as rows, count(item) + count(stock) as parts,
                   count(*) filter (where item = 'planned') + count(*) filter (where stock = 'planned') as open
                 from import_rows where tenant = $1 and import_id = $2 group by status) counted)
         where tenant = $1 and import_id = $2",
    )
    .bind(job.tenant.as_str())
    .bind(job.id.as_str())
    .execute(connection)
    .await
    .map(|_| ())
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
    // Those that were planned in the draft have theirs. By the line alone: nothing to count, and no chunk is larger than
    // this many lines.
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

/// How far a part has come: behind this row there is nothing left to do. Begins before all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::imports) struct Passed {
    chunk: i32,
    line: i64,
}

impl Passed {
    /// All of a page, once what came of it is noted.
    pub fn page(rows: &[ToDo]) -> Self {
        rows.last().map_or_else(Self::default, |row| Self {
            chunk: row.chunk.unwrap_or(i32::MAX),
            line: row.line,
        })
    }
}

/// Rows with something left to do in a part behind `passed`, in the order of its index. A page reads its own rows and no
/// others: those before it are done, and their dead entries are passed over.
///
/// # Errors
/// Any SQL error.
pub(in crate::imports) async fn to_do(
    pool: &PgPool,
    job: &Job,
    part: PartName,
    passed: Passed,
    max: i64,
) -> Result<Vec<ToDo>, sqlx::Error> {
    // Rows without a chunk come last.
    let sql = match part {
        PartName::Item => {
            "select line, chunk, work::text as work from import_rows
             where tenant = $1 and import_id = $2 and item = 'planned' and line > $3 order by line limit $4"
        }
        PartName::Stock => {
            "select line, chunk, work::text as work from import_rows
             where tenant = $1 and import_id = $2 and stock = 'planned' and (coalesce(chunk, 2147483647), line) > ($5, $3)
             order by coalesce(chunk, 2147483647), line limit $4"
        }
    };
    let asked = sqlx::query_as(sql)
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(passed.line)
        .bind(max);
    let asked = match part {
        PartName::Item => asked,
        PartName::Stock => asked.bind(passed.chunk),
    };
    let rows: Vec<ToDoRow> = asked.fetch_all(pool).await?;
    // Whole chunks only: the last one of a page may go on in the next, so it is cut off.
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

/// What came of a part, where it is not simply applied.
#[derive(Serialize)]
struct Fate {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    movement_id: Option<String>,
}

impl Fate {
    fn of(outcome: &Outcome) -> Option<Self> {
        let (state, problem, movement_id) = match outcome {
            Outcome::Applied => return None,
            Outcome::Waiting { movement_id } => ("waiting", None, Some(movement_id.clone())),
            Outcome::ChangedMeanwhile => ("changed_meanwhile", None, None),
            Outcome::Refused(problem) => ("refused", Some(problem.clone()), None),
        };
        Some(Self {
            state,
            problem,
            movement_id,
        })
    }
}

/// Notes what came of parts, and moves the counts of the import on.
///
/// # Errors
/// Any SQL error.
pub(in crate::imports) async fn settle(
    pool: &PgPool,
    job: &Job,
    part: PartName,
    outcomes: &[(i64, Outcome)],
) -> Result<(), sqlx::Error> {
    let (column, other) = (part.column(), part.other().column());
    // What a row's status was follows from its other part, as long as this one was planned. No join, and both ends of the
    // page: whatever is known of a table that was filled a moment ago, no plan reads more than the lines in between.
    let sql = format!(
        "with moved as (
           update import_rows r set {column} = coalesce($4 -> r.line::text ->> 'state', 'applied'),
             problem = coalesce(($4 -> r.line::text -> 'problem')::json, r.problem),
             movement_id = coalesce($4 -> r.line::text ->> 'movement_id', r.movement_id)
           where r.tenant = $1 and r.import_id = $2 and r.line between $5 and $6 and r.line = any($3)
             and r.{column} = 'planned'
           returning case when r.{other} in ('refused', 'changed_meanwhile', 'held') then r.{other} else 'planned' end as was,
             r.status as status)
         select was, status, count(*) from moved group by was, status"
    );
    let lines: Vec<i64> = outcomes.iter().map(|(line, _)| *line).collect();
    let (Some(first), Some(last)) = (lines.iter().min().copied(), lines.iter().max().copied()) else {
        return Ok(());
    };
    let fates: BTreeMap<String, Fate> = outcomes
        .iter()
        .filter_map(|(line, outcome)| Some((line.to_string(), Fate::of(outcome)?)))
        .collect();
    let mut transaction = db::tenant_transaction(pool, &job.tenant).await?;
    let moved: Vec<(String, String, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(lines)
        .bind(Json(fates))
        .bind(first)
        .bind(last)
        .fetch_all(&mut *transaction)
        .await?;
    move_progress(&mut transaction, job, &moved).await?;
    transaction.commit().await
}

/// Moves the counts of an import on: rows that went from one status to another, each with one part less to carry out.
async fn move_progress(
    connection: &mut PgConnection,
    job: &Job,
    moved: &[(String, String, i64)],
) -> Result<(), sqlx::Error> {
    let known: Option<Value> =
        sqlx::query_scalar("select progress from imports where tenant = $1 and import_id = $2 for update")
            .bind(job.tenant.as_str())
            .bind(job.id.as_str())
            .fetch_optional(&mut *connection)
            .await?
            .flatten();
    // Without a draft there is nothing to move on.
    let Some(mut progress) = known else { return Ok(()) };
    let add = |slot: &mut Value, delta: i64| {
        *slot = Value::from(slot.as_i64().unwrap_or(0).saturating_add(delta).max(0));
    };
    for (was, status, rows) in moved {
        add(&mut progress["rows"][was], rows.saturating_neg());
        add(&mut progress["rows"][status], *rows);
        add(&mut progress["open"], rows.saturating_neg());
    }
    sqlx::query("update imports set progress = $3::json where tenant = $1 and import_id = $2")
        .bind(job.tenant.as_str())
        .bind(job.id.as_str())
        .bind(progress.to_string())
        .execute(connection)
        .await
        .map(|_| ())
}

/// # Errors
/// Any SQL error.
pub(in crate::imports) async fn counts(pool: &PgPool, job: &Job) -> Result<ImportCounts, sqlx::Error> {
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
            "waiting_approval" => counts.waiting = rows,
            _ => counts.unchanged += rows,
        }
    }
    Ok(counts)
}
