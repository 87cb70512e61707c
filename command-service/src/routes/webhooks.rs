//! Webhook endpoints (WHK-1, WHK-2). The signing secret goes into the vault; the log holds its fingerprint.
//!
//! Not here: lists, statistics and deliveries (the dispatcher's).

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Command;
use domain::webhooks::{
    ChangeEndpoint, CreateEndpoint, DeleteEndpoint, PauseEndpoint, ResumeEndpoint, TestEndpoint,
};
use platform::http::{JsonBody, Problem, RequestContext, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use rand::RngExt;
use schemars::JsonSchema;
use schemas::EndpointId;
use schemas::events::catalogue::double_option;
use schemas::events::webhook::{EndpointSettings, PayloadKind, StartFrom};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http, fresh_id, of_vault_error};

/// A new endpoint.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewEndpoint {
    /// 1 to 100 characters.
    name: String,
    /// `https://…` or `http://…`, without user name and password.
    url: String,
    #[serde(default)]
    description: Option<String>,
    /// Patterns such as `sale.*`, `inventory.adjusted` or `*`; 1 to 50.
    event_types: Vec<String>,
    #[serde(default = "summary")]
    payload: PayloadKind,
    /// Extra request headers, at most 20; their values are not secrets.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Attempts at the same time, 1 to 64.
    #[serde(default = "default_concurrency")]
    concurrency: i64,
    /// Of one attempt, 1,000 to 30,000.
    #[serde(default = "default_timeout")]
    timeout_ms: i64,
    /// Where it begins; by default with what happens from now on.
    #[serde(default = "from_now")]
    start: StartFrom,
}

fn summary() -> PayloadKind {
    PayloadKind::Summary
}

fn default_concurrency() -> i64 {
    8
}

fn default_timeout() -> i64 {
    10_000
}

fn from_now() -> StartFrom {
    StartFrom::Now
}

/// What changes; absent fields stay.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EndpointChange {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    url: Option<String>,
    /// `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    description: Option<Option<String>>,
    #[serde(default)]
    event_types: Option<Vec<String>>,
    #[serde(default)]
    payload: Option<PayloadKind>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    concurrency: Option<i64>,
    #[serde(default)]
    timeout_ms: Option<i64>,
}

impl From<EndpointChange> for domain::webhooks::EndpointChange {
    fn from(change: EndpointChange) -> Self {
        Self {
            name: change.name,
            url: change.url,
            description: change.description,
            event_types: change.event_types,
            payload: change.payload,
            headers: change.headers,
            concurrency: change.concurrency,
            timeout_ms: change.timeout_ms,
        }
    }
}

/// The new endpoint with its signing secret.
#[derive(Serialize, Deserialize, JsonSchema)]
struct NewEndpointAnswer {
    endpoint_id: EndpointId,
    /// `whsec_` and base64 (Standard Webhooks). Shown here only; a repetition under the same idempotency key shows
    /// it again. `null` when the secret has been removed since.
    secret: Option<String>,
    position: i64,
}

/// Which endpoint it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct EndpointAnswer {
    endpoint_id: EndpointId,
    position: i64,
}

/// The stored answer of a creation.
#[derive(Deserialize)]
struct Created {
    endpoint_id: EndpointId,
    secret_id: String,
    position: i64,
}

pub(super) struct WebhooksApi(pub(super) Arc<Http>);

/// A fresh signing secret, as subscribers see it.
fn draw_secret() -> Zeroizing<String> {
    let mut key = Zeroizing::new([0_u8; 32]);
    rand::rng().fill(key.as_mut_slice());
    Zeroizing::new(format!("whsec_{}", STANDARD.encode(key.as_slice())))
}

impl WebhooksApi {
    /// Submits for an endpoint of the path, once the session is known to be current.
    async fn submit(
        &self,
        context: &RequestContext,
        endpoint_id: &str,
        command: impl FnOnce(EndpointId) -> Command,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        let endpoint_id = parameters::id(endpoint_id)?;
        self.0.require_current_session(context).await?;
        self.0.submit(context, command(endpoint_id)).await
    }
}

#[OpenApi(prefix_path = "/api/v1/webhooks/endpoints")]
impl WebhooksApi {
    /// Create an endpoint
    #[oai(path = "/", method = "post")]
    async fn create_endpoint(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewEndpoint>,
    ) -> Result<CommandAnswer<NewEndpointAnswer, 201>, Problem> {
        let NewEndpoint {
            name,
            url,
            description,
            event_types,
            payload,
            headers,
            concurrency,
            timeout_ms,
            start,
        } = body.0;
        self.0.require_current_session(context.0).await?;
        let tenant = &context.principal.tenant;
        let secret = draw_secret();
        // Fresh at each attempt: a repetition must not replace the secret that the first one showed.
        let secret_id = format!("webhook/{}", platform::clock::fresh_id());
        self.0
            .vault
            .put_secret(tenant, &secret_id, secret.as_bytes())
            .await
            .map_err(|e| of_vault_error(&e))?;
        let command = CreateEndpoint {
            endpoint_id: parameters::id(&fresh_id(context.0, "endpoint").to_string())?,
            settings: EndpointSettings {
                name,
                url,
                description,
                event_types,
                payload,
                headers,
                concurrency,
                timeout_ms,
            },
            start,
            secret_id: secret_id.clone(),
            secret_fingerprint: hex::encode(Sha256::digest(secret.as_bytes())),
        };
        let submitted = self.0.submit::<NewEndpointAnswer, 201>(context.0, command).await;
        let (bytes, replayed) = match submitted {
            Ok(answer) => answer.into_parts(),
            Err(problem) => {
                // Only an answer proves that nobody will ever need this secret; after a fault the command may land.
                if problem.status.is_client_error() {
                    self.forget_secret(context.0, &secret_id).await;
                }
                return Err(problem);
            }
        };
        let created: Created = serde_json::from_slice(&bytes).map_err(|error| {
            tracing::error!(%error, "the answer of an endpoint's creation has another shape");
            Problem::new(&codes::INTERNAL)
        })?;
        if created.secret_id != secret_id {
            self.forget_secret(context.0, &secret_id).await;
        }
        let stored = self
            .0
            .vault
            .get_secret(tenant, &created.secret_id)
            .await
            .map_err(|e| of_vault_error(&e))?;
        let answer = NewEndpointAnswer {
            endpoint_id: created.endpoint_id,
            secret: stored.and_then(|bytes| String::from_utf8(bytes).ok()),
            position: created.position,
        };
        Ok(CommandAnswer::composed(
            serde_json::to_vec(&answer).unwrap_or_default(),
            replayed,
        ))
    }

    /// Change an endpoint's settings
    #[oai(path = "/:endpoint_id", method = "patch")]
    async fn change_endpoint(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        body: JsonBody<EndpointChange>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        let change = body.0.into();
        self.submit(context.0, &endpoint_id.0, |endpoint_id| {
            ChangeEndpoint { endpoint_id, change }.into()
        })
        .await
    }

    /// Delete an endpoint
    #[oai(path = "/:endpoint_id", method = "delete")]
    async fn delete_endpoint(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        self.submit(context.0, &endpoint_id.0, |endpoint_id| {
            DeleteEndpoint { endpoint_id }.into()
        })
        .await
    }

    /// Hold an endpoint's deliveries
    #[oai(path = "/:endpoint_id/pause", method = "post")]
    async fn pause_endpoint(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        self.submit(context.0, &endpoint_id.0, |endpoint_id| {
            PauseEndpoint { endpoint_id }.into()
        })
        .await
    }

    /// Send again, also after 410 Gone
    #[oai(path = "/:endpoint_id/resume", method = "post")]
    async fn resume_endpoint(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        self.submit(context.0, &endpoint_id.0, |endpoint_id| {
            ResumeEndpoint { endpoint_id }.into()
        })
        .await
    }

    /// Ask for one delivery, whatever the filters
    #[oai(path = "/:endpoint_id/test", method = "post")]
    async fn test_endpoint(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        self.submit(context.0, &endpoint_id.0, |endpoint_id| {
            TestEndpoint { endpoint_id }.into()
        })
        .await
    }
}

impl WebhooksApi {
    /// Removes a secret that no endpoint has. A failure leaves a row that nothing refers to.
    async fn forget_secret(&self, context: &RequestContext, secret_id: &str) {
        if let Err(error) = self
            .0
            .vault
            .delete_secret(&context.principal.tenant, secret_id)
            .await
        {
            tracing::warn!(%error, "an unused webhook secret stays in the vault");
        }
    }
}
