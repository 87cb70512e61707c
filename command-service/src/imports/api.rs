//! The routes that start and confirm imports. What became of them is read in query-service.
//!
//! An upload is stored before it is answered; the answer waits a little for the draft, so that small files need no poll.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::refusal::ImportRefusal;
use platform::http::openapi::{DocumentError, spec_of};
use platform::http::{
    Access, JsonBody, Problem, ReasonRule, RequestContext, Route, Service, Text, Verb, codes,
};
use poem::web::Data;
use poem::{EndpointExt, IntoEndpoint};
use poem_openapi::param::{Path, Query};
use poem_openapi::{OpenApi, OpenApiService};
use schemars::JsonSchema;
use schemas::StoreId;
use schemas::events::admin::Role;
use schemas::events::import::ImportOverride;
use schemas::ids::ImportId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Imports;
use super::runner::{aside, import_id};
use super::settings::{Kind, PRICE_DROP_PPM, Settings, StockMode, names, parse_override};
use super::store::{self, Confirmation, Inserted, Job, NewImport, OPEN_MAX, Status};
use super::upload::Upload;
use crate::http::{CommandAnswer, Http, fresh_id, of_refusal};

/// Of the whole body: a file of the largest size, and a form around it.
pub const MAX_UPLOAD_BYTES: usize = imports::limits::MAX_FILE_BYTES + (64 << 10);
/// Operations whose body is a file.
pub const FILE_OPERATIONS: &[&str] = &["smart_import"];

const IMPORTERS: &[Role] = &[Role::Admin, Role::Manager, Role::SyncOperator];
/// Who may take responsibility for an override.
const OVERRIDERS: [Role; 2] = [Role::Admin, Role::Manager];

const fn row(path: &'static str, operation: &'static str) -> Route {
    Route {
        method: Verb::Post,
        path,
        operation,
        roles: IMPORTERS,
        reason: ReasonRule::Required,
        scope: "inventory:import",
        access: Access::User,
    }
}

/// The imports' rows of the route table.
pub const ROUTES: &[Route] = &[
    row("/api/v1/inventory/import/smart", "smart_import"),
    row(
        "/api/v1/inventory/import/smart/{import_id}/confirm",
        "confirm_import",
    ),
];

/// How long an answer waits for the next state.
const WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which draft is confirmed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportConfirmation {
    /// Of the draft that was looked at: exactly that one is carried out.
    draft_sha256: String,
    /// What somebody takes responsibility for: `price_drop`, `negative_adjustment`, `known_imei`, `repeated_file`.
    /// Managers and administrators only.
    #[serde(default)]
    overrides: BTreeSet<ImportOverride>,
}

/// Where an import stands. Poll `GET /api/v1/inventory/import/smart/{import_id}` while it is `received`, `confirming` or
/// `applying`.
#[derive(Debug, Serialize, JsonSchema)]
struct ImportAnswer {
    import_id: String,
    /// `received`, `drafted`, `confirming`, `applying`, `completed`, `repeated` or `failed`.
    status: String,
    /// Lower-case hexadecimal.
    file_sha256: String,
    /// What a confirmation names; absent until there is a draft.
    draft_sha256: Option<String>,
    /// Rows by what would become of them (a draft) or has become of them (once it is completed).
    /// A row of which one part needs an override is `held`, though its other part is carried out without.
    counts: Option<Value>,
    overrides: Vec<String>,
    /// The file was confirmed before; nothing more is changed.
    already_confirmed: bool,
    /// The import that took the file, when `already_confirmed`.
    same_as: Option<String>,
    /// `code` with a sentence in `en` and `es`, when it failed or its confirmation was refused.
    failure: Option<Value>,
}

impl ImportAnswer {
    fn of(job: Job, already_confirmed: bool) -> Self {
        let is_repeated = job.status == Status::Repeated;
        Self {
            status: job.status.as_str().to_owned(),
            file_sha256: job.file_sha256,
            draft_sha256: job.draft_sha256,
            counts: job.counts,
            overrides: names(&job.overrides).into_iter().map(str::to_owned).collect(),
            already_confirmed: already_confirmed || is_repeated,
            same_as: job
                .same_as
                .or_else(|| already_confirmed.then(|| job.id.to_string())),
            failure: job.failure,
            import_id: job.id.to_string(),
        }
    }
}

type Accepted = CommandAnswer<ImportAnswer, 202>;

/// The settings of an upload, from the query and the form.
struct Asked {
    settings: Settings,
    confirms: bool,
    overrides: BTreeSet<ImportOverride>,
    file_name: Option<String>,
}

impl Asked {
    /// What the upload asks for, whatever envelope it came in: a form that is sent again has other boundaries. An
    /// idempotency key is kept to it.
    fn fingerprint(&self, file_sha256: &str) -> [u8; 32] {
        let Settings {
            kind,
            stock,
            store,
            price_drop_ppm,
        } = &self.settings;
        let parts = [
            "smart_import",
            kind.as_str(),
            stock.as_str(),
            store.as_ref().map_or("", StoreId::as_str),
            &price_drop_ppm.to_string(),
            if self.confirms { "confirm" } else { "draft" },
            &names(&self.overrides).join(","),
            file_sha256,
            // Last, since only this may have any character.
            self.file_name.as_deref().unwrap_or_default(),
        ];
        Sha256::digest(parts.join("\n")).into()
    }
}

struct ImportsApi {
    imports: Imports,
    http: Arc<Http>,
}

#[OpenApi(prefix_path = "/api/v1/inventory/import/smart")]
impl ImportsApi {
    /// Import a price list, a stock count or a list of devices
    ///
    /// CSV or XLSX, at most 20 MiB and 100,000 rows. The file is compared with the catalogue; `mode=draft` stops there,
    /// `mode=confirm` carries the draft out at once. The form's parts count like the query's parameters.
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per parameter of the query, as poem-openapi wants it"
    )]
    #[oai(path = "/", method = "post")]
    async fn smart_import(
        &self,
        context: Data<&RequestContext>,
        /// `draft` (the default) or `confirm`.
        mode: Query<Option<String>>,
        /// The store whose stock the file speaks of; without it only the catalogue is imported.
        store: Query<Option<String>>,
        /// `auto` (the default: whatever the file has columns for), `articles` or `stock`.
        kind: Query<Option<String>>,
        /// What quantities mean: `counted` (the default: the figure becomes this) or `received` (it grows by this).
        stock: Query<Option<String>>,
        /// Comma-separated: `price_drop`, `negative_adjustment`, `known_imei`, `repeated_file`.
        overrides: Query<Option<String>>,
        /// Prices that fall by more than this many per cent are held back; 0 to 100, 30 when absent.
        price_drop_percent: Query<Option<String>>,
        /// What people call the file; at most 200 characters.
        file_name: Query<Option<String>>,
        upload: Upload,
    ) -> Result<Accepted, Problem> {
        let Upload {
            content,
            file_name: form_name,
            fields: mut values,
        } = upload;
        let query = [
            ("mode", mode.0),
            ("store", store.0),
            ("kind", kind.0),
            ("stock", stock.0),
            ("overrides", overrides.0),
            ("price_drop_percent", price_drop_percent.0),
            ("file_name", file_name.0),
        ];
        for (name, value) in query {
            if let Some(value) = value {
                values.insert(name.to_owned(), value);
            }
        }
        let asked = asked(values, form_name)?;
        self.may_override(context.0, &asked).await?;
        imports::sniff(&content).map_err(|error| of_refusal(&super::runner::of_file(error).into(), false))?;
        let hashed = aside(move || (hex::encode(Sha256::digest(&content)), content));
        let (sha256, content) = hashed.await.map_err(|_| Problem::new(&codes::INTERNAL))?;
        let request = RequestContext {
            fingerprint: asked.fingerprint(&sha256),
            ..context.0.clone()
        };
        self.http.bind_key(&request).await?;
        let id = import_id(fresh_id(&request, "import")).ok_or_else(|| Problem::new(&codes::INTERNAL))?;
        let principal = &context.principal;
        let new = NewImport {
            tenant: &principal.tenant,
            id: &id,
            settings: &asked.settings,
            confirms: asked.confirms,
            overrides: &asked.overrides,
            file_name: asked.file_name.as_deref(),
            file_sha256: &sha256,
            content: &content,
            actor: &principal.actor(),
            reason: context.reason.as_deref(),
            traceparent: context.traceparent.as_deref(),
        };
        let inserted = store::insert(&self.imports.pool, &new)
            .await
            .map_err(unavailable)?;
        if inserted == Inserted::TooMany {
            let refusal = ImportRefusal::TooManyOpen { max: OPEN_MAX };
            return Err(of_refusal(&refusal.into(), false));
        }
        self.imports.wake.notify_one();
        let job = self.settled(context.0, &id).await?;
        answer(ImportAnswer::of(job, false), inserted == Inserted::Known)
    }

    /// Carry out exactly one draft
    ///
    /// Of a completed import: let through what was held back, by naming the overrides that it needs.
    #[oai(path = "/:import_id/confirm", method = "post")]
    async fn confirm_import(
        &self,
        context: Data<&RequestContext>,
        import_id: Path<String>,
        body: JsonBody<ImportConfirmation>,
    ) -> Result<Accepted, Problem> {
        let id = ImportId::new(&import_id.0).map_err(|_| Problem::new(&codes::NOT_FOUND))?;
        if !body.0.overrides.is_empty() {
            self.check_role(context.0).await?;
        }
        let job = self.find(context.0, &id).await?;
        let came_before = self.http.bind_key(context.0).await?;
        if job.draft_sha256.as_ref() != Some(&body.0.draft_sha256) {
            let refusal = ImportRefusal::DraftDiffers { import_id: id };
            return Err(of_refusal(&refusal.into(), false));
        }
        let overrides: BTreeSet<ImportOverride> = job.overrides.union(&body.0.overrides).copied().collect();
        let is_more = overrides != job.overrides;
        match job.status {
            Status::Drafted => {}
            Status::Completed | Status::Repeated if is_more => {}
            Status::Completed | Status::Repeated => return answer(ImportAnswer::of(job, true), came_before),
            Status::Confirming | Status::Applying if !is_more => {
                return answer(ImportAnswer::of(job, false), came_before);
            }
            Status::Received | Status::Confirming | Status::Applying | Status::Failed => {
                let refusal = ImportRefusal::NotOpen {
                    import_id: id,
                    status: job.status.as_str().to_owned(),
                };
                return Err(of_refusal(&refusal.into(), false));
            }
        }
        let asked = Confirmation {
            overrides: &overrides,
            actor: &context.principal.actor(),
            reason: context.reason.as_deref(),
            traceparent: context.traceparent.as_deref(),
        };
        // If it is not as it was found, somebody confirms it at this moment; what comes of that is the answer.
        store::ask_to_confirm(&self.imports.pool, &job, &asked)
            .await
            .map_err(unavailable)?;
        self.imports.wake.notify_one();
        let job = self.settled(context.0, &id).await?;
        answer(ImportAnswer::of(job, false), false)
    }
}

impl ImportsApi {
    async fn find(&self, context: &RequestContext, id: &ImportId) -> Result<Job, Problem> {
        let found = store::find(&self.imports.pool, &context.principal.tenant, id)
            .await
            .map_err(unavailable)?;
        found.ok_or_else(|| {
            let import_id = id.clone();
            of_refusal(&ImportRefusal::NotFound { import_id }.into(), false)
        })
    }

    /// The import once it is drafted, applying, or over; or as it is when the answer has waited long enough.
    async fn settled(&self, context: &RequestContext, id: &ImportId) -> Result<Job, Problem> {
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            let job = self.find(context, id).await?;
            let is_settled = !matches!(job.status, Status::Received | Status::Confirming);
            if is_settled || tokio::time::Instant::now() >= until {
                return Ok(job);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A wider limit for prices lets through what would be held back, so it is an override, too.
    async fn may_override(&self, context: &RequestContext, asked: &Asked) -> Result<(), Problem> {
        if asked.overrides.is_empty() && asked.settings.price_drop_ppm <= PRICE_DROP_PPM {
            Ok(())
        } else {
            self.check_role(context).await
        }
    }

    async fn check_role(&self, context: &RequestContext) -> Result<(), Problem> {
        let role = context.principal.role;
        if !OVERRIDERS.contains(&role) {
            let role = role.as_str().to_owned();
            return Err(of_refusal(
                &ImportRefusal::OverrideForbidden { role }.into(),
                false,
            ));
        }
        self.http.require_current_session(context).await
    }
}

fn answer(answer: ImportAnswer, replayed: bool) -> Result<Accepted, Problem> {
    let bytes = serde_json::to_vec(&answer).map_err(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Problem::new(&codes::INTERNAL)
    })?;
    Ok(CommandAnswer::composed(bytes, replayed))
}

fn unavailable(error: sqlx::Error) -> Problem {
    tracing::warn!(%error, "the tables of imports do not answer");
    Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(2)
}

/// Reads the settings of an upload.
fn asked(mut values: HashMap<String, String>, form_name: Option<String>) -> Result<Asked, Problem> {
    let mut take = |name: &str| values.remove(name).filter(|text| !text.is_empty());
    let confirms = match take("mode").as_deref() {
        None | Some("draft") => false,
        Some("confirm") => true,
        Some(_) => return Err(parameter("mode: draft, confirm")),
    };
    let kind = match take("kind") {
        None => Kind::Auto,
        Some(text) => Kind::parse(&text).ok_or_else(|| parameter("kind: auto, articles, stock"))?,
    };
    let stock = match take("stock") {
        None => StockMode::Counted,
        Some(text) => StockMode::parse(&text).ok_or_else(|| parameter("stock: counted, received"))?,
    };
    let store = take("store").map(|text| StoreId::new(&text)).transpose();
    let store = store.map_err(|error| parameter(&error.to_string()))?;
    if kind == Kind::Stock && store.is_none() {
        return Err(of_refusal(&ImportRefusal::StoreRequired {}.into(), false));
    }
    // The catalogue is every store's: a list that was imported for it may still be counted in each of them.
    let store = store.filter(|_| kind != Kind::Articles);
    let mut overrides = BTreeSet::new();
    for name in take("overrides").unwrap_or_default().split(',').map(str::trim) {
        if !name.is_empty() {
            let which = parse_override(name).ok_or_else(|| {
                parameter("overrides: price_drop, negative_adjustment, known_imei, repeated_file")
            })?;
            overrides.insert(which);
        }
    }
    let percent = match take("price_drop_percent") {
        None => None,
        Some(text) => Some(
            text.parse::<i64>()
                .ok()
                .filter(|percent| (0..=100).contains(percent))
                .ok_or_else(|| parameter("price_drop_percent: 0 – 100"))?,
        ),
    };
    let file_name = take("file_name").or(form_name).map(|name| {
        let plain: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        plain.trim().to_owned()
    });
    if let Some(name) = values.keys().next() {
        return Err(parameter(&format!("{name}: unknown")));
    }
    Ok(Asked {
        settings: Settings {
            kind,
            stock,
            store,
            price_drop_ppm: percent.map_or(PRICE_DROP_PPM, |percent| percent * 10_000),
        },
        confirms,
        overrides,
        file_name: file_name.filter(|name| !name.is_empty()),
    })
}

fn parameter(rule: &str) -> Problem {
    let rule: String = rule.chars().filter(|c| !c.is_control()).take(200).collect();
    Problem::new(&codes::PARAMETER_INVALID).detail(Text::new(
        format!("Un parámetro no se acepta: {rule}."),
        format!("A parameter is not accepted: {rule}."),
    ))
}

/// The imports' operations for a gateway.
pub fn service(imports: Imports, http: Arc<Http>) -> Service {
    let api = ImportsApi { imports, http };
    let service = OpenApiService::new(api, "imports", env!("CARGO_PKG_VERSION"));
    Service {
        routes: ROUTES,
        endpoint: service.into_endpoint().map_to_response().boxed(),
    }
}

/// The imports' operations, for [`platform::http::openapi::document`].
///
/// # Errors
/// When two operations share path and method.
pub fn spec() -> Result<Value, DocumentError> {
    spec_of::<ImportsApi>()
}
