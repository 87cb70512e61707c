//! Keys of external systems as administrators see them (API-2), and the record of their calls (LogIntegracion).
//!
//! Secrets and their hashes are shown to nobody. Creating and changing is the command service's.
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::ApiKeyId;
use schemas::events::api_key::ApiScope;
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_text, filter_time, filter_word, path_id};

const STATUSES: &[&str] = &["active", "inactive", "revoked"];

/// A secret that is accepted, without telling it.
#[derive(JsonSchema)]
#[schemars(rename = "ApiKeySecretName")]
#[expect(dead_code, reason = "the shape of a document that passes through as text")]
struct SecretShape {
    secret_id: String,
    /// Its last four characters.
    ending: String,
    created_at: String,
    /// `null` for the newest; then no longer accepted.
    expires_at: Option<String>,
}

/// The same once more under the names of the customer's own model, whose sixth, `clave`, is told once.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct CustomersNames {
    /// `name`.
    pub nombre: String,
    /// `system`.
    pub sistema: String,
    /// Whether the key's status is `active`.
    pub activo: bool,
    /// `created_at`.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub fecha_creacion: OffsetDateTime,
    /// `expires_at`.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub fecha_expiracion: Option<OffsetDateTime>,
}

/// One key, without its secrets.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct ApiKey {
    pub api_key_id: String,
    pub name: String,
    pub system: String,
    /// `active`, `inactive` or `revoked`.
    pub status: String,
    #[schemars(with = "Vec<ApiScope>")]
    pub scopes: JsonText,
    /// None listed: all.
    #[schemars(with = "Vec<String>")]
    pub stores: JsonText,
    /// The supplier whose workshop holds it: the only devices that it sees are there.
    pub workshop: Option<String>,
    pub requests_per_hour: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<OffsetDateTime>,
    /// The newest last; while one replaces another both are accepted.
    #[schemars(with = "Vec<SecretShape>")]
    pub secrets: JsonText,
    /// To the minute; `null` when it was never used.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub last_used_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub customers_names: CustomersNames,
    #[serde(skip)]
    created_position: i64,
}

/// One call of an external system, with the field names of the customer's own log.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct IntegrationCall {
    #[schemars(with = "String")]
    pub id: Uuid,
    /// The external system.
    pub sistema: String,
    /// The scope that was asked for, such as `stock:leer`.
    pub tipo: String,
    /// `EXITOSO` or `ERROR`.
    pub estado: String,
    /// Query and body, without personal data, secrets and unknown fields' values.
    #[schemars(with = "serde_json::Value")]
    pub datos_enviados: JsonText,
    /// The answer, as `datos_enviados`; `null` when the error says it all.
    #[schemars(with = "Option<serde_json::Value>")]
    pub datos_recibidos: Option<JsonText>,
    /// A stable code such as `api_key.scope_missing`; empty when it succeeded.
    pub error: String,
    pub api_key_id: Option<String>,
    pub http_status: Option<i16>,
    /// Of the longest, where the row stands for several calls.
    pub duration_ms: i64,
    /// How many calls the row stands for: 1, or more of those beyond the key's limit, by minute.
    pub llamadas: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub fecha: OffsetDateTime,
}

const COLUMNS: &str =
    "select k.api_key_id, name, name as nombre, system as sistema, status = 'active' as activo,
    created_at as fecha_creacion, expires_at as fecha_expiracion, system, status, scopes, stores, workshop, requests_per_hour, expires_at, secrets, created_at,
    changed_at, created_position, (select last_used_at from api_key_usage u where u.tenant = k.tenant
      and u.api_key_id = k.api_key_id) as last_used_at from rm_api_keys k";

/// Reads of keys and their calls.
pub struct ApiKeyReads(pub QueryService);

#[OpenApi(tag = "Group::Administration")]
impl ApiKeyReads {
    /// Keys of external systems, the oldest first, revoked ones included.
    #[oai(path = "/api/v1/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list_api_keys(
        &self,
        context: Data<&RequestContext>,
        /// `active`, `inactive` or `revoked`.
        status: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<ApiKey>, Problem> {
        let tenant = &context.principal.tenant;
        let status = filter_word("status", status.0, STATUSES)?;
        let filters @ [status] = [status.as_deref()];
        let list = List::<i64>::new(&self.0, "api keys", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "status", status);
        list.ascending(&mut query, "created_position");
        let sort_key = |row: &ApiKey| row.created_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One key.
    #[oai(
        path = "/api/v1/api-keys/:api_key_id",
        method = "get",
        operation_id = "get_api_key"
    )]
    async fn get_api_key(
        &self,
        context: Data<&RequestContext>,
        api_key_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<ApiKey>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: ApiKeyId = path_id(&api_key_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and k.api_key_id = ").push_bind(id.as_str());
        let key: ApiKey = snapshot.row_or_404(query.build_query_as()).await?;
        snapshot.answer(key).await
    }

    /// Calls of external systems, the newest first; kept for 90 days unless it was configured otherwise.
    #[oai(
        path = "/api/v1/integrations/logs",
        method = "get",
        operation_id = "list_integration_log"
    )]
    async fn list_integration_log(
        &self,
        context: Data<&RequestContext>,
        /// An external system, as its key names it.
        sistema: Query<Option<String>>,
        /// A scope, such as `stock:leer`.
        tipo: Query<Option<String>>,
        /// `EXITOSO` or `ERROR`.
        estado: Query<Option<String>>,
        api_key_id: Query<Option<String>>,
        /// From this time on, RFC 3339.
        desde: Query<Option<String>>,
        /// Before this time, RFC 3339.
        hasta: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<PageAnswer<IntegrationCall>, Problem> {
        let tenant = &context.principal.tenant;
        let system = filter_text("sistema", sistema.0)?;
        let kind = filter_text("tipo", tipo.0)?;
        let state = filter_word("estado", estado.0, &["EXITOSO", "ERROR"])?;
        let id: Option<ApiKeyId> = filter_id("api_key_id", api_key_id.0)?;
        let filters @ [system, kind, state, id, desde, hasta] = [
            system.as_deref(),
            kind.as_deref(),
            state.as_deref(),
            id.as_ref().map(ApiKeyId::as_str),
            desde.0.as_deref(),
            hasta.0.as_deref(),
        ];
        let list =
            List::<(Moment, Uuid)>::new(&self.0, "integration log", tenant, &filters, limit.0, cursor.0)?;
        let mut query = QueryBuilder::new(
            "select id, sistema, tipo, estado, datos_enviados, datos_recibidos, error, api_key_id, http_status,
                    duration_ms, llamadas, fecha from integration_log where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "sistema", system);
        push_equal(&mut query, "tipo", kind);
        push_equal(&mut query, "estado", state);
        push_equal(&mut query, "api_key_id", id);
        for (name, text, comparison) in [("desde", desde, ">="), ("hasta", hasta, "<")] {
            if let Some(at) = filter_time(name, text)? {
                query.push(format!(" and fecha {comparison} ")).push_bind(at);
            }
        }
        if let Some((Moment(at), id)) = list.after() {
            query.push(" and (fecha, id) < (").push_bind(*at);
            query.push(", ").push_bind(*id).push(")");
        }
        query
            .push(" order by fecha desc, id desc limit ")
            .push_bind(list.fetch());
        let snapshot = self.0.snapshot(tenant, None).await?;
        let sort_key = |row: &IntegrationCall| (Moment(row.fecha), row.id);
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }
}

/// A time inside a cursor, to the microsecond that the database keeps.
#[derive(Serialize, serde::Deserialize)]
#[serde(transparent)]
struct Moment(#[serde(with = "time::serde::rfc3339")] OffsetDateTime);
