//! Takes the steps of imports, in the process that owns the log: several tenants at a time, one import of each.
//!
//! A step that fails for want of the database or the engine is put off and taken again. What cannot succeed ends the
//! import with a code. Not here: what a step carries out (`apply`), and the statements (`store`).

use std::sync::Arc;
use std::time::Duration;

use domain::Refusal;
use domain::imports::{CompleteImport, ConfirmImport, DraftImport, FailImport};
use domain::refusal::{ImportRefusal, Language};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use imports::{FileError, Interpreted, Layout, Money, in_spanish, interpret};
use schemas::ids::{ImportId, TenantId};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::parser::ParserError;
use super::settings::{Kind, names};
use super::store::{self, Job, Status};
use super::{Imports, apply, barcodes, plan, world};
use crate::engine::SubmitError;

/// Imports at a time, of as many tenants.
const AT_ONCE: usize = 3;
const POLL: Duration = Duration::from_millis(500);
const PURGE_EVERY: Duration = Duration::from_secs(3_600);
/// A file whose reading fails this often for no reason of its own is given up.
const DRAFTS_MAX: i32 = 5;

/// Why a step is to be taken again.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("the tables of imports do not answer")]
    Database(#[from] sqlx::Error),
    #[error("the engine does not answer")]
    Engine(#[from] SubmitError),
    #[error("the file cannot be read now")]
    Parser(#[source] ParserError),
    #[error("the read models are behind the log")]
    Behind,
    #[error("a step fell over")]
    Fell,
}

/// Whether this process owns the log.
#[derive(Clone)]
pub(super) struct Ownership(watch::Receiver<bool>);

impl Ownership {
    /// As it is at this moment; it may be lost right after.
    pub fn holds(&self) -> bool {
        *self.0.borrow()
    }
}

pub(super) struct Runner {
    pub imports: Imports,
    pub ownership: watch::Receiver<bool>,
    pub stop: CancellationToken,
}

impl Runner {
    /// Works whenever this process owns the log, until the stop.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut purged: Option<tokio::time::Instant> = None;
        loop {
            let stop = self.stop.clone();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                owned = self.ownership.wait_for(|owns| *owns) => drop(owned?),
            }
            if purged.is_none_or(|at| at.elapsed() >= PURGE_EVERY) {
                purged = Some(tokio::time::Instant::now());
                if let Err(error) = expire(&self.imports, None).await {
                    tracing::warn!(%error, "old drafts are not ended now");
                }
                if let Err(error) = store::purge(&self.imports.pool).await {
                    tracing::warn!(%error, "old imports are not purged now");
                }
            }
            self.work(PURGE_EVERY).await;
        }
    }

    /// Takes steps for about as long, or until the log is somebody else's.
    async fn work(&mut self, about: Duration) {
        let until = tokio::time::Instant::now() + about;
        let mut under_way: FuturesUnordered<BoxFuture<'static, TenantId>> = FuturesUnordered::new();
        let mut busy: Vec<TenantId> = Vec::new();
        let owner = Ownership(self.ownership.clone());
        while owner.holds() && !self.stop.is_cancelled() && tokio::time::Instant::now() < until {
            while under_way.len() < AT_ONCE
                && let Some(job) = self.next(&busy).await
            {
                busy.push(job.tenant.clone());
                let (imports, owner, stop) = (self.imports.clone(), owner.clone(), self.stop.clone());
                under_way.push(Box::pin(async move {
                    take(&imports, &job, &owner, &stop).await;
                    job.tenant
                }));
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                Some(tenant) = under_way.next() => busy.retain(|other| *other != tenant),
                () = self.imports.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        // What is under way sees for itself that it is over, between two pages.
        while let Some(_tenant) = under_way.next().await {}
    }

    async fn next(&self, busy: &[TenantId]) -> Option<Job> {
        match store::next(&self.imports.pool, busy).await {
            Ok(job) => job,
            Err(error) => {
                tracing::warn!(%error, "imports cannot be looked for now");
                None
            }
        }
    }
}

/// Takes one step, and says when it came to nothing.
async fn take(imports: &Imports, job: &Job, owner: &Ownership, stop: &CancellationToken) {
    let taken = match job.status {
        Status::Received => draft(imports, job).await,
        Status::Confirming => confirm(imports, job).await,
        Status::Applying => carry_out(imports, job, owner, stop).await,
        Status::Drafted | Status::Completed | Status::Repeated | Status::Failed => Ok(()),
    };
    // The next step follows at once.
    imports.wake.notify_one();
    let Err(error) = taken else { return };
    tracing::warn!(import = %job.id, error = %format!("{:#}", anyhow::Error::from(error)), "an import's step is put off");
    if let Err(error) = store::postpone(&imports.pool, job).await {
        tracing::warn!(import = %job.id, %error, "an import's step cannot even be put off");
    }
}

/// A file as far as it could be read.
struct Understood {
    layout: Layout,
    file: Interpreted,
}

async fn draft(imports: &Imports, job: &Job) -> Result<(), StepError> {
    let Some(content) = store::content(&imports.pool, job).await? else {
        let rejected = rejected(
            "its content is not kept any more",
            "su contenido ya no se conserva",
        );
        return fail(imports, job, &rejected.into()).await;
    };
    if job.settings.kind == Kind::Stock && job.settings.store.is_none() {
        return fail(imports, job, &ImportRefusal::StoreRequired {}.into()).await;
    }
    let Some(tenant) = world::tenant(&*imports.commands, &job.tenant).await? else {
        let tenant = job.tenant.clone();
        return fail(imports, job, &Refusal::TenantNotFound { tenant }).await;
    };
    let money = Money {
        currency: tenant.currency,
    };
    let mut understood = match imports.parser.read(content).await {
        Ok(table) => {
            aside(move || Understood {
                file: interpret(&table, money),
                layout: table.layout,
            })
            .await?
        }
        Err(ParserError::Unavailable(error)) if job.attempts < DRAFTS_MAX => {
            return Err(StepError::Parser(ParserError::Unavailable(error)));
        }
        Err(ParserError::File(error)) => return fail(imports, job, &of_file(error).into()).await,
        Err(error @ (ParserError::Ended | ParserError::Unavailable(_))) => {
            let rejected = rejected(&error.to_string(), &error.es());
            return fail(imports, job, &rejected.into()).await;
        }
    };
    understood.file = with_barcodes(imports, job, understood.file).await?;
    let wanted = plan::wanted(&understood.file, &job.settings);
    let store = job.settings.store.as_ref();
    let world = world::look(&*imports.commands, &job.tenant, tenant, store, wanted).await?;
    let layout = json!({ "layout": understood.layout, "columns": understood.file.columns });
    let settings = job.settings.clone();
    let draft = aside(move || plan::draft(&understood.file, &world, &settings)).await?;
    let draft = Arc::new(draft);
    match store::put_draft(&imports.pool, job, &layout, &draft).await {
        Err(StepError::Database(error)) if store::is_unstorable(&error) => {
            let rejected = rejected(
                "it holds what no database can store",
                "contiene algo que ninguna base de datos puede guardar",
            );
            return fail(imports, job, &rejected.into()).await;
        }
        stored => stored?,
    }
    let command = DraftImport {
        import_id: job.id.clone(),
        store: job.settings.store.clone(),
        file_name: job.file_name.clone(),
        file_sha256: job.file_sha256.clone(),
        draft_sha256: draft.sha256.clone(),
        counts: draft.counts,
    };
    let drafted = apply::submit(imports, job, &format!("drafted {}", draft.sha256), command).await?;
    if let Err(refusal) = drafted {
        return fail(imports, job, &refusal).await;
    }
    let to = if job.confirms {
        Status::Confirming
    } else {
        Status::Drafted
    };
    store::advance(&imports.pool, job, to).await?;
    expire(imports, Some(&job.tenant)).await
}

/// The file with the articles that its barcodes mean.
async fn with_barcodes(
    imports: &Imports,
    job: &Job,
    mut file: Interpreted,
) -> Result<Interpreted, StepError> {
    let meant = barcodes::candidates(&imports.pool, &job.tenant, &file).await?;
    if meant.is_empty() {
        return Ok(file);
    }
    let known = world::items(&*imports.commands, &job.tenant, &meant).await?;
    aside(move || {
        barcodes::resolve(&mut file, &known);
        file
    })
    .await
}

/// Ends drafts that nobody confirmed in time, or that newer ones displace, so that uploads alone fill no disk.
async fn expire(imports: &Imports, tenant: Option<&TenantId>) -> Result<(), StepError> {
    let expired = store::expired(&imports.pool, tenant).await?;
    for job in &expired {
        fail(imports, job, &ImportRefusal::DraftExpired {}.into()).await?;
    }
    if !expired.is_empty() {
        store::purge(&imports.pool).await?;
    }
    Ok(())
}

/// Does what keeps a processor busy on a thread of its own: those that answer tills must not wait for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StepError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StepError::Fell)
}

/// A file's fault in the rules' words.
pub(super) fn of_file(error: FileError) -> ImportRefusal {
    match error {
        FileError::Unsupported { found } => ImportRefusal::FileUnsupported {
            hallado: in_spanish(&found).to_owned(),
            found,
        },
        FileError::NoHeadings {} => ImportRefusal::HeadingsUnknown {},
        error @ (FileError::TooLarge { .. }
        | FileError::Forbidden { .. }
        | FileError::Damaged { .. }
        | FileError::Empty {}) => rejected(&error.to_string(), &error.es()),
    }
}

/// Why a file comes to nothing, in English and in Spanish.
fn rejected(cause: &str, causa: &str) -> ImportRefusal {
    ImportRefusal::FileRejected {
        cause: cause.to_owned(),
        causa: causa.to_owned(),
    }
}

/// A refusal as the tables keep it.
fn problem(refusal: &Refusal) -> Value {
    json!({
        "code": refusal.code(),
        "en": refusal.text(Language::English),
        "es": refusal.text(Language::Spanish),
    })
}

/// Ends an import that cannot succeed, in the log and in the tables.
async fn fail(imports: &Imports, job: &Job, refusal: &Refusal) -> Result<(), StepError> {
    let detail: String = refusal
        .text(Language::English)
        .chars()
        .filter(|c| !c.is_control())
        .take(400)
        .collect();
    let command = FailImport {
        import_id: job.id.clone(),
        // A store that does not exist must not keep the failure out of the log.
        store: job.settings.store.clone(),
        file_name: job.file_name.clone(),
        file_sha256: job.file_sha256.clone(),
        code: refusal.code().to_owned(),
        detail: Some(detail.trim().to_owned()),
    };
    let noted = apply::submit(imports, job, &format!("failed {}", refusal.code()), command).await?;
    if let Err(refusal) = noted {
        tracing::warn!(import = %job.id, code = refusal.code(), "a failed import is not in the log");
    }
    Ok(store::fail(&imports.pool, job, Status::Failed, &problem(refusal)).await?)
}

async fn confirm(imports: &Imports, job: &Job) -> Result<(), StepError> {
    let command = ConfirmImport {
        import_id: job.id.clone(),
        draft_sha256: job.draft_sha256.clone().unwrap_or_default(),
        overrides: job.overrides.clone(),
    };
    let purpose = format!(
        "confirmed {} {}",
        command.draft_sha256,
        names(&job.overrides).join(",")
    );
    match apply::submit(imports, job, &purpose, command).await? {
        Ok(_) => Ok(store::begin_to_apply(&imports.pool, job).await?),
        Err(Refusal::Imports(ImportRefusal::FileAlreadyConfirmed { first })) => {
            Ok(store::repeat(&imports.pool, job, &first).await?)
        }
        Err(refusal) => Ok(store::fail(&imports.pool, job, Status::Drafted, &problem(&refusal)).await?),
    }
}

async fn carry_out(
    imports: &Imports,
    job: &Job,
    owner: &Ownership,
    stop: &CancellationToken,
) -> Result<(), StepError> {
    if job.is_stale {
        let rejected = rejected("it was not carried out within 25 days", "no se aplicó en 25 días");
        return fail(imports, job, &rejected.into()).await;
    }
    if !apply::run(imports, job, owner, stop).await? {
        return Ok(());
    }
    let counts = store::counts(&imports.pool, job).await?;
    let command = CompleteImport {
        import_id: job.id.clone(),
        counts,
    };
    let purpose = format!("completed {}", names(&job.overrides).join(","));
    if let Err(refusal) = apply::submit(imports, job, &purpose, command).await? {
        tracing::warn!(import = %job.id, code = refusal.code(), "a completed import is not in the log");
    }
    Ok(store::complete(&imports.pool, job, &counts).await?)
}

/// An import's id for a request.
pub(super) fn import_id(id: uuid::Uuid) -> Option<ImportId> {
    ImportId::new(&id.to_string()).ok()
}
