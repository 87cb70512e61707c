//! Webhook endpoints (WHK-1, WHK-2). The signing secret goes into the vault; the log holds its fingerprint.
//!
//! Not here: lists, statistics and deliveries (the dispatcher's).

mod secret;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Command;
use domain::webhooks::{
    ChangeEndpoint, CreateEndpoint, DeleteEndpoint, EndPreviousSecret, PauseEndpoint, ReplayDeliveries,
    ResumeEndpoint, RotateSecret, TestEndpoint,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::EndpointId;
use schemas::events::catalogue::double_option;
use schemas::events::webhook::{BodyFormat, EndpointSettings, PayloadKind, ReplaySelection, StartFrom};
use serde::Deserialize;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http, fresh_id};
use secret::SecretAnswer;

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
    /// Patterns such as `sale.*`, `inventory.adjusted` or `*`; 1 to 50. Those that hold events of `admin`, `connector`,
    /// `security` or `webhook`, as `*` does, are for administrators.
    event_types: Vec<String>,
    #[serde(default = "summary")]
    payload: PayloadKind,
    /// Extra request headers, at most 20. Their values stand in the log in the clear; auditors don't see them, and no
    /// event tells them.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Attempts at the same time, 1 to 64.
    #[serde(default = "default_concurrency")]
    concurrency: i64,
    /// Of one attempt, 1,000 to 30,000.
    #[serde(default = "default_timeout")]
    timeout_ms: i64,
    /// What the body is: a CloudEvents document (default), or the event's data alone.
    #[serde(default)]
    format: BodyFormat,
    /// The name of a request header, such as `X-Signature`, that also carries the body's HMAC-SHA256 in hex under the
    /// secret's text; none unless set.
    #[serde(default)]
    legacy_signature_header: Option<String>,
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
    #[serde(default)]
    format: Option<BodyFormat>,
    /// `null` ends it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    legacy_signature_header: Option<Option<String>>,
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
            format: change.format,
            legacy_signature_header: change.legacy_signature_header,
        }
    }
}

/// A new secret, and how long the one before it stays valid.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// Seconds in which deliveries are signed with both secrets, 0 to 604,800; a day unless set otherwise.
    #[serde(default = "default_overlap")]
    overlap_s: i64,
}

fn default_overlap() -> i64 {
    86_400
}

/// What is sent again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// Which of the deliveries that are finished by now; one that is named by its number and waits is tried now.
    select: ReplaySelection,
    /// Deliveries a second, at most; 1 to 1,000.
    #[serde(default = "default_rate")]
    rate_per_s: i64,
}

fn default_rate() -> i64 {
    100
}

/// Which endpoint it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct EndpointAnswer {
    endpoint_id: EndpointId,
    position: i64,
}

pub(super) struct WebhooksApi(pub(super) Arc<Http>);

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
    ) -> Result<CommandAnswer<SecretAnswer, 201>, Problem> {
        let NewEndpoint {
            name,
            url,
            description,
            event_types,
            payload,
            headers,
            concurrency,
            timeout_ms,
            format,
            legacy_signature_header,
            start,
        } = body.0;
        self.0.require_current_session(context.0).await?;
        let endpoint_id: EndpointId = parameters::id(&fresh_id(context.0, "endpoint").to_string())?;
        let issued = secret::issue(&self.0, context.0, |secret_id, secret_fingerprint| {
            CreateEndpoint {
                endpoint_id,
                settings: EndpointSettings {
                    name,
                    url,
                    description,
                    event_types,
                    payload,
                    headers,
                    concurrency,
                    timeout_ms,
                    format,
                    legacy_signature_header,
                },
                start,
                secret_id,
                secret_fingerprint,
            }
            .into()
        });
        Ok(issued.await?.into_answer())
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

    /// Replace the signing secret
    #[oai(path = "/:endpoint_id/rotate-secret", method = "post")]
    async fn rotate_secret(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        body: JsonBody<Rotation>,
    ) -> Result<CommandAnswer<SecretAnswer>, Problem> {
        let endpoint_id: EndpointId = parameters::id(&endpoint_id.0)?;
        self.0.require_current_session(context.0).await?;
        let issued = secret::issue(&self.0, context.0, |secret_id, secret_fingerprint| {
            RotateSecret {
                endpoint_id,
                secret_id,
                secret_fingerprint,
                overlap_s: body.0.overlap_s,
            }
            .into()
        });
        Ok(issued.await?.into_answer())
    }

    /// Stop signing with the secret before the last rotation
    #[oai(path = "/:endpoint_id/end-previous-secret", method = "post")]
    async fn end_previous_secret(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        self.submit(context.0, &endpoint_id.0, |endpoint_id| {
            EndPreviousSecret { endpoint_id }.into()
        })
        .await
    }

    /// Send finished deliveries again, with their ids, numbers and bytes
    #[oai(path = "/:endpoint_id/replay", method = "post")]
    async fn replay_deliveries(
        &self,
        context: Data<&RequestContext>,
        endpoint_id: Path<String>,
        body: JsonBody<Replay>,
    ) -> Result<CommandAnswer<EndpointAnswer>, Problem> {
        let Replay { select, rate_per_s } = body.0;
        let endpoint_id = parameters::id(&endpoint_id.0)?;
        self.0.require_current_session(context.0).await?;
        let command = ReplayDeliveries {
            endpoint_id,
            select,
            rate_per_s,
        };
        self.0.submit(context.0, command).await
    }
}
