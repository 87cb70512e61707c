//! Keys of external systems (API-2): create, change, rotate, deactivate, activate, revoke. A key is shown in the answer
//! that makes it and never again: only its keyed hash is stored.
//!
//! Not here: lists (query-service), and what keys may do (the guard and `external`).

use std::sync::Arc;

use domain::Command;
use domain::api_keys::{
    ActivateApiKey, ChangeApiKey, CreateApiKey, DEFAULT_REQUESTS_PER_HOUR, DeactivateApiKey, Moment,
    RevokeApiKey, RotateApiKey, SettingsChange,
};
use platform::auth::{ApiKeySecrets, KeyRef, KeyStore, KeyStoreError};
use platform::http::{JsonBody, Problem, RequestContext, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::api_key::{ApiKeySecret, ApiKeySettings, ApiScope};
use schemas::events::catalogue::double_option;
use schemas::{ApiKeyId, InvalidId, StoreId, SupplierId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http, fresh_id};

/// Seconds that the present secret lives on beside a new one, unless the request says otherwise: a day.
const OVERLAP_DEFAULT_S: i64 = 86_400;

/// A new key.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({
    "name": "Sistema de Reportes", "system": "Reportes", "scopes": ["stock:leer", "reportes:leer"],
    "expires_at": "2027-11-22T00:00:00Z"
}))]
struct NewApiKey {
    /// What it is for, 1 to 100 characters; stands in for `X-Reason`. Also accepted as `nombre`.
    #[serde(alias = "nombre")]
    name: String,
    /// The external system that holds it, 1 to 100 characters. Also accepted as `sistema`.
    #[serde(alias = "sistema")]
    system: String,
    /// What it may do; at least one.
    scopes: Vec<ApiScope>,
    /// The only stores that it sees and moves stock in, at most 200; none: all.
    #[serde(default)]
    stores: Vec<StoreId>,
    /// The supplier whose workshop holds the key; needed for `repairs:workshop` and `repairs:diagnose`, which speak of
    /// the devices that are there.
    #[serde(default)]
    workshop: Option<SupplierId>,
    /// 1 to 1,000,000; 1,000 by default.
    #[serde(default = "requests_default")]
    requests_per_hour: i64,
    /// Not accepted from then on, RFC 3339, within 3,650 days; absent: never ends. Also accepted as `fecha_expiracion`.
    #[serde(default, alias = "fecha_expiracion", with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    expires_at: Option<OffsetDateTime>,
}

fn requests_default() -> i64 {
    DEFAULT_REQUESTS_PER_HOUR
}

/// What changes; absent fields stay.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyChange {
    /// 1 to 100 characters; also accepted as `nombre`.
    #[serde(default, alias = "nombre")]
    name: Option<String>,
    /// 1 to 100 characters; also accepted as `sistema`.
    #[serde(default, alias = "sistema")]
    system: Option<String>,
    /// All of them, from now on.
    #[serde(default)]
    scopes: Option<Vec<ApiScope>>,
    /// All of them, from now on; an empty list means every store.
    #[serde(default)]
    stores: Option<Vec<StoreId>>,
    /// The supplier whose workshop holds the key; `null` for nobody's.
    #[serde(default, with = "double_option")]
    #[schemars(with = "Option<SupplierId>")]
    workshop: Option<Option<SupplierId>>,
    /// 1 to 1,000,000.
    #[serde(default)]
    requests_per_hour: Option<i64>,
    /// RFC 3339, within 3,650 days; `null` for never. Also accepted as `fecha_expiracion`.
    #[serde(default, alias = "fecha_expiracion", with = "double_option")]
    #[schemars(with = "Option<String>")]
    expires_at: Option<Option<Moment>>,
}

/// How a key is rotated.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyRotation {
    /// Seconds that the present secret is still accepted, 0 to 604,800; a day by default. 0 for one that leaked.
    #[serde(default = "overlap_default")]
    overlap_s: i64,
}

fn overlap_default() -> i64 {
    OVERLAP_DEFAULT_S
}

/// A key's new secret.
#[derive(Serialize, Deserialize, JsonSchema)]
struct NewSecretAnswer {
    api_key_id: ApiKeyId,
    /// Names the secret in lists.
    secret_id: String,
    /// For `Authorization: ApiKey`. Shown here only: `null` when this answers a repetition, since nobody keeps it; rotate
    /// then.
    api_key: Option<String>,
    /// The same under the name of the customer's own model.
    clave: Option<String>,
    position: i64,
}

/// Which key it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ApiKeyAnswer {
    api_key_id: ApiKeyId,
    position: i64,
}

/// The stored answer of what made a secret.
#[derive(Deserialize)]
struct Made {
    api_key_id: ApiKeyId,
    secret_id: String,
    position: i64,
}

/// Makes secrets, and notes whose they are before the log hears of them.
#[derive(Clone)]
pub struct KeyDesk {
    pub secrets: ApiKeySecrets,
    pub store: Arc<dyn KeyStore>,
}

pub(super) struct ApiKeysApi {
    pub http: Arc<Http>,
    pub desk: KeyDesk,
}

impl ApiKeysApi {
    /// Submits what makes a secret, which is noted before: a note without an event opens nothing.
    async fn make<const STATUS: u16>(
        &self,
        context: &RequestContext,
        api_key_id: ApiKeyId,
        command: impl FnOnce(ApiKeySecret) -> Command,
    ) -> Result<CommandAnswer<NewSecretAnswer, STATUS>, Problem> {
        let (secret, known) = self.desk.secrets.draw();
        let hash = self.desk.secrets.hash(&secret);
        let secret_id = known.secret_id.clone();
        let key = KeyRef {
            tenant: context.principal.tenant.clone(),
            api_key_id,
        };
        let noted = self.desk.store.enrol(&hash, &key).await;
        noted.map_err(|error| unavailable(&error))?;
        let outcome = self
            .http
            .submit::<NewSecretAnswer, STATUS>(context, command(known))
            .await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(problem) => {
                // After a fault the command may still be carried out, so only an answer takes the note back.
                if problem.status.is_client_error() {
                    self.forget(&hash).await;
                }
                return Err(problem);
            }
        };
        let (bytes, replayed) = answer.into_parts();
        let made: Made = serde_json::from_slice(&bytes).map_err(|error| {
            tracing::error!(%error, "the answer of what made a key has another shape");
            Problem::new(&codes::INTERNAL)
        })?;
        let is_mine = made.secret_id == secret_id;
        if !is_mine {
            self.forget(&hash).await;
        }
        let answer = NewSecretAnswer {
            api_key: is_mine.then(|| secret.to_string()),
            clave: is_mine.then(|| secret.to_string()),
            api_key_id: made.api_key_id,
            secret_id: made.secret_id,
            position: made.position,
        };
        let bytes = serde_json::to_vec(&answer).unwrap_or_default();
        Ok(CommandAnswer::composed(bytes, replayed))
    }

    async fn forget(&self, hash: &[u8; 32]) {
        if let Err(error) = self.desk.store.forget(hash).await {
            tracing::warn!(%error, "the note of a secret that nobody has stays; it opens nothing");
        }
    }

    /// Submits for a key of the path, once the session is known to be current.
    async fn submit(
        &self,
        context: &RequestContext,
        id: &str,
        command: impl FnOnce(ApiKeyId) -> Command,
    ) -> Result<CommandAnswer<ApiKeyAnswer>, Problem> {
        let id = parameters::id(id)?;
        self.http.require_current_session(context).await?;
        self.http.submit(context, command(id)).await
    }
}

fn unavailable(error: &KeyStoreError) -> Problem {
    tracing::error!(%error, "a key cannot be noted");
    Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(1)
}

#[OpenApi(prefix_path = "/api/v1/api-keys")]
impl ApiKeysApi {
    /// Create a key for an external system; it is shown once
    #[oai(path = "/", method = "post")]
    async fn create_api_key(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewApiKey>,
    ) -> Result<CommandAnswer<NewSecretAnswer, 201>, Problem> {
        let NewApiKey {
            name,
            system,
            scopes,
            stores,
            workshop,
            requests_per_hour,
            expires_at,
        } = body.0;
        self.http.require_current_session(context.0).await?;
        let id = format!("key-{}", fresh_id(context.0, "api key").simple());
        let id: Result<ApiKeyId, InvalidId> = ApiKeyId::new(&id);
        let api_key_id = id.map_err(|_| Problem::new(&codes::INTERNAL))?;
        let settings = ApiKeySettings {
            name,
            system,
            scopes,
            stores,
            workshop,
            requests_per_hour,
            expires_at,
        };
        self.make(context.0, api_key_id.clone(), |secret| {
            CreateApiKey {
                api_key_id,
                settings,
                secret,
            }
            .into()
        })
        .await
    }

    /// Change a key's name, scopes, stores, limit or end, from now on
    #[oai(path = "/:api_key_id", method = "patch")]
    async fn change_api_key(
        &self,
        context: Data<&RequestContext>,
        api_key_id: Path<String>,
        body: JsonBody<ApiKeyChange>,
    ) -> Result<CommandAnswer<ApiKeyAnswer>, Problem> {
        let ApiKeyChange {
            name,
            system,
            scopes,
            stores,
            workshop,
            requests_per_hour,
            expires_at,
        } = body.0;
        let settings = SettingsChange {
            name,
            system,
            scopes,
            stores,
            workshop,
            requests_per_hour,
            expires_at,
        };
        self.submit(context.0, &api_key_id.0, |api_key_id| {
            ChangeApiKey { api_key_id, settings }.into()
        })
        .await
    }

    /// Make a new secret; the present one lives on for a while
    #[oai(path = "/:api_key_id/rotate", method = "post")]
    async fn rotate_api_key(
        &self,
        context: Data<&RequestContext>,
        api_key_id: Path<String>,
        body: JsonBody<ApiKeyRotation>,
    ) -> Result<CommandAnswer<NewSecretAnswer>, Problem> {
        let api_key_id: ApiKeyId = parameters::id(&api_key_id.0)?;
        self.http.require_current_session(context.0).await?;
        let overlap_s = body.0.overlap_s;
        self.make(context.0, api_key_id.clone(), |secret| {
            RotateApiKey {
                api_key_id,
                secret,
                overlap_s,
            }
            .into()
        })
        .await
    }

    /// Refuse a key until it is activated again
    #[oai(path = "/:api_key_id/deactivate", method = "post")]
    async fn deactivate_api_key(
        &self,
        context: Data<&RequestContext>,
        api_key_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ApiKeyAnswer>, Problem> {
        self.submit(context.0, &api_key_id.0, |api_key_id| {
            DeactivateApiKey { api_key_id }.into()
        })
        .await
    }

    /// Accept a deactivated key again
    #[oai(path = "/:api_key_id/activate", method = "post")]
    async fn activate_api_key(
        &self,
        context: Data<&RequestContext>,
        api_key_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ApiKeyAnswer>, Problem> {
        self.submit(context.0, &api_key_id.0, |api_key_id| {
            ActivateApiKey { api_key_id }.into()
        })
        .await
    }

    /// End a key for good
    #[oai(path = "/:api_key_id/revoke", method = "post")]
    async fn revoke_api_key(
        &self,
        context: Data<&RequestContext>,
        api_key_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ApiKeyAnswer>, Problem> {
        self.submit(context.0, &api_key_id.0, |api_key_id| {
            RevokeApiKey { api_key_id }.into()
        })
        .await
    }
}
