//! Carries out a confirmed import: articles first, then stock, by commands whose ids derive from import and row.
//!
//! A bounded number is under way at a time, so that tills of the same tenant wait behind few of them; tenants take turns
//! in the engine's queue anyway. What is submitted twice is answered from the first time. Not here: the rules.

use std::time::Duration;

use domain::imports::{ApplyImport, Base, ImportAction};
use domain::refusal::ImportRefusal;
use domain::stock::{ReceiptLine, ReceiveStock};
use domain::{Command, Refusal};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use schemas::Quantity;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::plan::Work;
use super::runner::StepError;
use super::store::{self, Job, Outcome, PartName, Passed, ToDo};
use super::{Imports, runner};
use crate::engine::{Reply, Submission, SubmitError};

/// Commands under way at a time.
const AT_ONCE: usize = 64;
/// Receipts under way at a time: each is as large as some hundred commands.
const RECEIPTS_AT_ONCE: usize = 2;
/// Rows of one look, and of one note of what came of them; eight receipts of 100.
const PAGE: i64 = 800;
/// How long the engine may turn a command away before the step is put off.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Submits under an id that is the same whenever it is asked for; no client's key holds a space.
pub(super) async fn submit(
    imports: &Imports,
    job: &Job,
    purpose: &str,
    command: impl Into<Command>,
) -> Result<Result<Answer, Refusal>, StepError> {
    let key = format!("import {} {purpose}", job.id);
    let submission = Submission {
        tenant: job.tenant.clone(),
        actor: job.actor.clone(),
        reason: job.reason.clone(),
        traceparent: job.traceparent.clone(),
        fingerprint: Sha256::digest(&key).into(),
        key: Some(key),
        command: command.into(),
    };
    let mut pause = PAUSE.0;
    let mut waited = Duration::ZERO;
    loop {
        match imports.commands.submit(submission.clone()).await {
            Ok(Reply::Accepted { answer, .. }) => return Ok(Ok(Answer::of(answer.get()))),
            Ok(Reply::Refused { refusal, .. }) => return Ok(Err(refusal)),
            Err(SubmitError::Busy { .. } | SubmitError::KeyInFlight | SubmitError::Unavailable { .. })
                if waited < PATIENCE =>
            {
                tokio::time::sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(PAUSE.1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What of an answer matters here: a movement that waits says so, whether it is answered now or again.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    movement_id: Option<String>,
}

impl Answer {
    fn of(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// What an answer or a refusal means for the rows that it speaks of.
fn outcome(result: Result<Answer, Refusal>) -> Outcome {
    match result {
        Ok(Answer {
            status: Some(status),
            movement_id: Some(movement_id),
        }) if status == "pending_approval" => Outcome::Waiting { movement_id },
        Ok(_) => Outcome::Applied,
        Err(Refusal::Imports(ImportRefusal::BaseChanged { .. })) => Outcome::ChangedMeanwhile,
        Err(refusal) => Outcome::Refused(json!({
            "code": refusal.code(),
            "en": refusal.text(domain::refusal::Language::English),
            "es": refusal.text(domain::refusal::Language::Spanish),
        })),
    }
}

/// Carries out what is planned until nothing is left, or the process no longer owns the log.
///
/// # Errors
/// When the database or the engine is gone; what was done is done, and the rest is still planned.
pub(super) async fn run(
    imports: &Imports,
    job: &Job,
    owner: &runner::Ownership,
    stop: &CancellationToken,
) -> Result<bool, StepError> {
    for part in [PartName::Item, PartName::Stock] {
        let mut passed = Passed::default();
        loop {
            if stop.is_cancelled() || !owner.holds() {
                return Ok(false);
            }
            let rows = store::to_do(&imports.pool, job, part, passed, PAGE).await?;
            if rows.is_empty() {
                break;
            }
            let page = Passed::page(&rows);
            let outcomes = match part {
                PartName::Item => items(imports, job, rows).await?,
                PartName::Stock => stock(imports, job, rows).await?,
            };
            store::settle(&imports.pool, job, part, &outcomes).await?;
            passed = page;
        }
    }
    Ok(true)
}

async fn items(imports: &Imports, job: &Job, rows: Vec<ToDo>) -> Result<Vec<(i64, Outcome)>, StepError> {
    let submitted = rows.into_iter().map(|row| {
        let purpose = format!("item {}", row.line);
        single(imports, job, row.line, row.work.item, purpose).boxed()
    });
    collect(submitted.collect()).await
}

async fn stock(imports: &Imports, job: &Job, rows: Vec<ToDo>) -> Result<Vec<(i64, Outcome)>, StepError> {
    let (receipts, others): (Vec<ToDo>, Vec<ToDo>) = rows.into_iter().partition(|row| row.chunk.is_some());
    let mut chunks: Vec<Vec<ToDo>> = Vec::new();
    for row in receipts {
        match chunks.last_mut() {
            Some(chunk) if chunk[0].chunk == row.chunk => chunk.push(row),
            _ => chunks.push(vec![row]),
        }
    }
    let chunks: Vec<BoxFuture<'_, _>> = chunks
        .into_iter()
        .map(|chunk| receipt(imports, job, chunk).boxed())
        .collect();
    let chunks: Vec<Result<Vec<(i64, Outcome)>, StepError>> = futures::stream::iter(chunks)
        .buffer_unordered(RECEIPTS_AT_ONCE)
        .collect()
        .await;
    let mut outcomes = Vec::new();
    for chunk in chunks {
        outcomes.extend(chunk?);
    }
    outcomes.extend(one_by_one(imports, job, others).await?);
    Ok(outcomes)
}

type Submitted<'a> = BoxFuture<'a, Result<(i64, Outcome), StepError>>;

/// All of them, a bounded number at a time.
async fn collect(submitted: Vec<Submitted<'_>>) -> Result<Vec<(i64, Outcome)>, StepError> {
    let all: Vec<Result<(i64, Outcome), StepError>> = futures::stream::iter(submitted)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    all.into_iter().collect()
}

/// One row by a command of its own.
async fn single(
    imports: &Imports,
    job: &Job,
    line: i64,
    work: Option<Work>,
    purpose: String,
) -> Result<(i64, Outcome), StepError> {
    let Some(work) = work else {
        // A planned part always has its work; a row without one has nothing to do.
        return Ok((line, Outcome::Applied));
    };
    let command = command(job, vec![work]);
    let result = match command {
        Some(command) => submit(imports, job, &purpose, command).await?,
        None => Ok(Answer::default()),
    };
    Ok((line, outcome(result)))
}

/// A chunk in one receipt; if that is refused, each of its rows by itself, so that one bad row fails alone.
async fn receipt(imports: &Imports, job: &Job, rows: Vec<ToDo>) -> Result<Vec<(i64, Outcome)>, StepError> {
    let lines: Vec<i64> = rows.iter().map(|row| row.line).collect();
    let chunk = rows.first().and_then(|row| row.chunk).unwrap_or_default();
    let works = rows.iter().filter_map(|row| row.work.stock.clone()).collect();
    let whole = match command(job, works) {
        Some(command) => submit(imports, job, &format!("chunk {chunk}"), command).await?,
        None => Ok(Answer::default()),
    };
    match (whole, &lines[..]) {
        // One row alone may wait for approval.
        (Ok(answer), [line]) => Ok(vec![(*line, outcome(Ok(answer)))]),
        (Ok(_), _) => Ok(lines.into_iter().map(|line| (line, Outcome::Applied)).collect()),
        (Err(_), _) => one_by_one(imports, job, rows).await,
    }
}

async fn one_by_one(imports: &Imports, job: &Job, rows: Vec<ToDo>) -> Result<Vec<(i64, Outcome)>, StepError> {
    let submitted = rows.into_iter().map(|row| {
        let purpose = format!("stock {}", row.line);
        single(imports, job, row.line, row.work.stock, purpose).boxed()
    });
    collect(submitted.collect()).await
}

/// One command for all of these; several must be receipts into one store. Lines of the same article at the same cost
/// become one.
fn command(job: &Job, works: Vec<Work>) -> Option<ApplyImport> {
    let reference = format!("import/{}", job.id);
    let mut bases: Vec<Base> = Vec::new();
    let mut action: Option<ImportAction> = None;
    let mut cost = None;
    for work in works {
        bases.extend(work.bases);
        action = Some(match (action, work.action) {
            (Some(ImportAction::ReceiveStock(mut all)), ImportAction::ReceiveStock(more)) => {
                more.lines.into_iter().for_each(|line| add(&mut all, line));
                ImportAction::ReceiveStock(all)
            }
            (_, ImportAction::ReceiveStock(mut receipt)) => {
                receipt.reference = Some(reference.clone());
                ImportAction::ReceiveStock(receipt)
            }
            (_, ImportAction::AdjustStock(mut adjust)) => {
                adjust.comment = Some(reference.clone());
                ImportAction::AdjustStock(adjust)
            }
            (
                _,
                other @ (ImportAction::CreateItem(_)
                | ImportAction::ChangeItem(_)
                | ImportAction::SetItemCost(_)),
            ) => other,
        });
        cost = cost.or(work.cost);
    }
    Some(ApplyImport {
        import_id: job.id.clone(),
        bases,
        action: action?,
        cost,
    })
}

/// Units of one article at one cost come in as one line.
fn add(receipt: &mut ReceiveStock, line: ReceiptLine) {
    let same = |other: &&mut ReceiptLine| {
        other.sku == line.sku && other.unit_cost_minor == line.unit_cost_minor && !line.units.is_empty()
    };
    if let Some(other) = receipt.lines.iter_mut().find(same)
        && let Ok(quantity) = Quantity::new(other.quantity.get() + line.quantity.get())
    {
        other.quantity = quantity;
        other.units.extend(line.units);
    } else {
        receipt.lines.push(line);
    }
}
