//! Writes of external systems, in the customer's Spanish (CON-10): articles and movements of stock.
//!
//! Handlers translate both ways and nothing more: bodies into the commands that everybody uses, answers and the fields
//! that problems point to back. Not here: reads (query-service), keys, scopes and limits (the guard).

mod article;
mod decimal;
mod movement;
mod workshop;

use std::sync::Arc;

use domain::{Command, State, streams};
use platform::http::json::{json_response, responses_meta};
use platform::http::{JsonBody, KeyContext, Problem, codes};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, OpenApi};
use schemars::JsonSchema;
use schemas::{Currency, StoreId};
use serde::{Deserialize, Serialize};

use self::article::ArticleFields;
use self::movement::MovementBody;
pub(super) use self::workshop::WorkshopApi;
use crate::engine::Submission;
use crate::http::{CommandAnswer, Http, of_submit_error};

/// What became of an article.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ArticuloGuardado")]
struct ArticleAnswer {
    codigo: String,
    /// `creado`, `modificado` o `sin_cambios`.
    resultado: String,
    /// Posición en el registro: como `min_position`, una lectura la espera.
    posicion: i64,
}

/// What became of a movement.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "MovimientoGuardado")]
struct MovementAnswer {
    movimiento: String,
    /// `aprobado`, si ya está hecho; `pendiente`, si espera aprobación.
    estado: String,
    tienda: String,
    posicion: i64,
}

/// The stored answer of an article's command.
#[derive(Deserialize)]
struct PutDone {
    sku: String,
    outcome: String,
    position: i64,
}

/// The stored answer of a movement's command.
#[derive(Deserialize)]
struct Moved {
    movement_id: String,
    status: String,
    store: String,
    position: i64,
}

/// An answer with status 201 for what is new, and 200 for what was there.
struct Answer<T> {
    status: StatusCode,
    value: T,
}

impl<T: Serialize + Send> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json_response(self.status, &self.value)
    }
}

impl<T: JsonSchema> ApiResponse for Answer<T> {
    fn meta() -> MetaResponses {
        let mut meta = responses_meta::<T>(201, "Creado.");
        meta.responses
            .extend(responses_meta::<T>(200, "Ya existía.").responses);
        meta
    }

    fn register(registry: &mut Registry) {
        platform::http::json::register_schema::<T>(registry);
    }
}

/// A value with the one status that its operation has.
struct Fixed<T, const STATUS: u16>(T);

impl<T: Serialize + Send, const STATUS: u16> IntoResponse for Fixed<T, STATUS> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK);
        json_response(status, &self.0)
    }
}

impl<T: JsonSchema, const STATUS: u16> ApiResponse for Fixed<T, STATUS> {
    fn meta() -> MetaResponses {
        responses_meta::<T>(STATUS, "Hecho.")
    }

    fn register(registry: &mut Registry) {
        platform::http::json::register_schema::<T>(registry);
    }
}

/// Fields of commands, and what external systems call them.
const FIELDS: &[(&str, &str)] = &[
    ("/sku", "/codigo"),
    ("/name", "/nombre"),
    ("/kind", "/tipo"),
    ("/price_minor", "/precio"),
    ("/tax_code", "/impuesto"),
    ("/details/attributes", "/atributos"),
    ("/details/brand", "/marca"),
    ("/details/model", "/modelo"),
    ("/details/colour", "/color"),
    ("/details/capacity", "/capacidad"),
    ("/details/condition", "/condicion"),
    ("/details/warranty_months", "/garantia_meses"),
    ("/details/gtin", "/codigo_barras"),
    ("/store", "/tienda"),
    ("/comment", "/motivo"),
    ("/movement_id", "/movimiento"),
    ("/lines/0/quantity", "/cantidad"),
    ("/lines/0/unit_cost_minor", "/costo"),
    ("/lines/0/units", "/series"),
    ("/lines/0", "/articulo"),
];

/// The same problem, pointing to the fields by their Spanish names.
fn in_spanish(problem: &Problem) -> Problem {
    let named = |pointer: &str| {
        let found = FIELDS.iter().find(|(english, _)| pointer.starts_with(english));
        found.map_or_else(|| pointer.to_owned(), |(_, spanish)| (*spanish).to_owned())
    };
    let bare = Problem::other(
        problem.status,
        problem.code,
        problem.title.clone(),
        problem.detail.clone(),
    );
    let with_errors = problem.errors.iter().fold(bare, |bare, error| {
        bare.at(named(&error.pointer), error.detail.clone())
    });
    let with_headers = problem.headers.iter().fold(with_errors, |bare, (name, value)| {
        bare.header(name.clone(), value.clone())
    });
    match problem.retry_after_s {
        Some(seconds) => with_headers.retry_after(seconds),
        None => with_headers,
    }
}

/// A command in the key's name.
fn submission(context: &KeyContext, command: impl Into<Command>) -> Submission {
    Submission {
        tenant: context.tenant().clone(),
        actor: context.actor(),
        reason: Some(context.reason.clone()),
        traceparent: context.traceparent.clone(),
        key: context.idempotency_key.clone(),
        fingerprint: context.fingerprint,
        command: command.into(),
    }
}

/// Reads a stored answer.
fn answer_of<T: serde::de::DeserializeOwned>(answer: CommandAnswer<()>) -> Result<T, Problem> {
    serde_json::from_slice(&answer.into_parts().0).map_err(|error| {
        tracing::error!(%error, "a command's answer has another shape");
        Problem::new(&codes::INTERNAL)
    })
}

pub(super) struct ExternalApi(pub(super) Arc<Http>);

impl ExternalApi {
    /// Submits a command in the key's name, and reads the stored answer.
    async fn submit<T: serde::de::DeserializeOwned>(
        &self,
        context: &KeyContext,
        command: impl Into<Command>,
    ) -> Result<T, Problem> {
        let answer: CommandAnswer<()> = self
            .0
            .carry_out(submission(context, command))
            .await
            .map_err(|problem| in_spanish(&problem))?;
        answer_of(answer)
    }

    /// The tenant's currency, which never changes.
    async fn currency(&self, context: &KeyContext) -> Result<Currency, Problem> {
        let state = self.0.commands.peek(context.tenant(), &streams::tenant()).await;
        match state.map_err(|error| of_submit_error(&error))? {
            State::Tenant(Some(tenant)) => Ok(tenant.currency),
            _ => Err(Problem::new(&codes::NOT_FOUND)),
        }
    }
}

#[OpenApi(prefix_path = "/api/external")]
impl ExternalApi {
    /// Crear un artículo, o modificar el que ya tiene ese código; repetirlo no cambia nada
    #[oai(path = "/articulos", method = "post")]
    async fn external_put_article(
        &self,
        context: Data<&KeyContext>,
        body: JsonBody<ArticleFields>,
    ) -> Result<Answer<ArticleAnswer>, Problem> {
        let currency = self.currency(context.0).await?;
        let command = body.0.into_command(currency)?;
        let done: PutDone = self.submit(context.0, command).await?;
        let (status, word) = match done.outcome.as_str() {
            "created" => (StatusCode::CREATED, "creado"),
            "changed" => (StatusCode::OK, "modificado"),
            _ => (StatusCode::OK, "sin_cambios"),
        };
        Ok(Answer {
            status,
            value: ArticleAnswer {
                codigo: done.sku,
                resultado: word.to_owned(),
                posicion: done.position,
            },
        })
    }

    /// Mover existencias: entrada, salida o ajuste; los movimientos grandes esperan aprobación
    #[oai(path = "/movimientos", method = "post")]
    async fn external_create_movement(
        &self,
        context: Data<&KeyContext>,
        body: JsonBody<MovementBody>,
    ) -> Result<Fixed<MovementAnswer, 201>, Problem> {
        let currency = self.currency(context.0).await?;
        let command = body.0.into_command(context.0, currency)?;
        let moved: Moved = self.submit(context.0, command).await?;
        // Under another key's idempotency key the answer may be of a store that this key does not see.
        if let Ok(store) = StoreId::new(&moved.store) {
            context.check_store(&store)?;
        }
        let word = if moved.status == "approved" {
            "aprobado"
        } else {
            "pendiente"
        };
        Ok(Fixed(MovementAnswer {
            movimiento: moved.movement_id,
            estado: word.to_owned(),
            tienda: moved.store,
            posicion: moved.position,
        }))
    }
}
