//! Pull connectors (SYN-9, API-3): create, grant, rotate, disable, revoke. A token is shown in the answer that makes it
//! and never again: only its keyed hash is stored.
//!
//! Not here: lists, the feed and its acknowledgements (the dispatcher's).

use std::sync::Arc;

use domain::Command;
use domain::connectors::{
    ChangeConnector, CreateConnector, DisableConnector, EnableConnector, RevokeConnector,
    RotateConnectorToken,
};
use platform::auth::IntegrationTokens;
use platform::http::{JsonBody, Problem, RequestContext, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::ConnectorSlug;
use schemas::events::connector::ConnectorToken;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

/// Seconds that the present token lives on beside a new one, unless the request says otherwise: a day.
const OVERLAP_DEFAULT_S: i64 = 86_400;

/// A new connector.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewConnector {
    /// 1 to 40 of a-z, 0-9 and -; names the feed's path, and stays taken for ever.
    slug: ConnectorSlug,
    /// 1 to 100 characters.
    name: String,
    /// Entities such as `sale`, or event types such as `inventory.adjusted`, of the catalogue; 1 to 50. They count from
    /// now on.
    grants: Vec<String>,
}

/// What changes; absent fields stay.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConnectorChange {
    #[serde(default)]
    name: Option<String>,
    /// All of them, from now on.
    #[serde(default)]
    grants: Option<Vec<String>>,
}

/// How a token is rotated.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenRotation {
    /// Seconds that the present token is still accepted, 0 to 604,800; a day by default. 0 for one that leaked.
    #[serde(default = "overlap_default")]
    overlap_s: i64,
}

fn overlap_default() -> i64 {
    OVERLAP_DEFAULT_S
}

/// A connector's new token.
#[derive(Serialize, Deserialize, JsonSchema)]
struct NewTokenAnswer {
    slug: ConnectorSlug,
    /// Names the token in lists.
    token_id: String,
    /// For `X-Integration-Token`. Shown here only: `null` when this answers a repetition, since nobody keeps it; rotate
    /// then.
    token: Option<String>,
    position: i64,
}

/// Which connector it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ConnectorAnswer {
    slug: ConnectorSlug,
    position: i64,
}

/// The stored answer of what made a token.
#[derive(Deserialize)]
struct Made {
    slug: ConnectorSlug,
    token_id: String,
    position: i64,
}

pub(super) struct ConnectorsApi {
    pub http: Arc<Http>,
    pub tokens: IntegrationTokens,
}

impl ConnectorsApi {
    /// A fresh token, and what the log gets to know of it.
    fn draw(&self) -> (Zeroizing<String>, ConnectorToken) {
        let token = IntegrationTokens::draw();
        let known = ConnectorToken {
            // Fresh at each attempt: a repetition must not claim the token that the first one showed.
            token_id: platform::clock::fresh_id().simple().to_string(),
            token_hash: hex::encode(self.tokens.hash(&token)),
        };
        (token, known)
    }

    /// Submits for a connector of the path, once the session is known to be current.
    async fn submit(
        &self,
        context: &RequestContext,
        slug: &str,
        command: impl FnOnce(ConnectorSlug) -> Command,
    ) -> Result<CommandAnswer<ConnectorAnswer>, Problem> {
        let slug = parameters::id(slug)?;
        self.http.require_current_session(context).await?;
        self.http.submit(context, command(slug)).await
    }

    /// The stored answer with the token, if it is the one that was drawn now.
    fn show<const STATUS: u16>(
        answer: CommandAnswer<NewTokenAnswer, STATUS>,
        token: &str,
        token_id: &str,
    ) -> Result<CommandAnswer<NewTokenAnswer, STATUS>, Problem> {
        let (bytes, replayed) = answer.into_parts();
        let made: Made = serde_json::from_slice(&bytes).map_err(|error| {
            tracing::error!(%error, "the answer of what made a token has another shape");
            Problem::new(&codes::INTERNAL)
        })?;
        let answer = NewTokenAnswer {
            token: (made.token_id == token_id).then(|| token.to_owned()),
            slug: made.slug,
            token_id: made.token_id,
            position: made.position,
        };
        Ok(CommandAnswer::composed(
            serde_json::to_vec(&answer).unwrap_or_default(),
            replayed,
        ))
    }
}

#[OpenApi(prefix_path = "/api/v1/connectors")]
impl ConnectorsApi {
    /// Create a connector; its token is shown once
    #[oai(path = "/", method = "post")]
    async fn create_connector(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewConnector>,
    ) -> Result<CommandAnswer<NewTokenAnswer, 201>, Problem> {
        let NewConnector { slug, name, grants } = body.0;
        self.http.require_current_session(context.0).await?;
        let (token, known) = self.draw();
        let token_id = known.token_id.clone();
        let command = CreateConnector {
            slug,
            name,
            grants,
            token: known,
        };
        let answer = self
            .http
            .submit::<NewTokenAnswer, 201>(context.0, command)
            .await?;
        Self::show(answer, &token, &token_id)
    }

    /// Change a connector's name or grants, from now on
    #[oai(path = "/:slug", method = "patch")]
    async fn change_connector(
        &self,
        context: Data<&RequestContext>,
        slug: Path<String>,
        body: JsonBody<ConnectorChange>,
    ) -> Result<CommandAnswer<ConnectorAnswer>, Problem> {
        let ConnectorChange { name, grants } = body.0;
        self.submit(context.0, &slug.0, |slug| {
            ChangeConnector { slug, name, grants }.into()
        })
        .await
    }

    /// Make a new token; the present one lives on for a while
    #[oai(path = "/:slug/rotate", method = "post")]
    async fn rotate_connector_token(
        &self,
        context: Data<&RequestContext>,
        slug: Path<String>,
        body: JsonBody<TokenRotation>,
    ) -> Result<CommandAnswer<NewTokenAnswer>, Problem> {
        let slug = parameters::id(&slug.0)?;
        self.http.require_current_session(context.0).await?;
        let (token, known) = self.draw();
        let token_id = known.token_id.clone();
        let command = RotateConnectorToken {
            slug,
            token: known,
            overlap_s: body.0.overlap_s,
        };
        let answer = self
            .http
            .submit::<NewTokenAnswer, 200>(context.0, command)
            .await?;
        Self::show(answer, &token, &token_id)
    }

    /// Refuse pulls; the feed goes on growing
    #[oai(path = "/:slug/disable", method = "post")]
    async fn disable_connector(
        &self,
        context: Data<&RequestContext>,
        slug: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ConnectorAnswer>, Problem> {
        self.submit(context.0, &slug.0, |slug| DisableConnector { slug }.into())
            .await
    }

    /// Allow pulls again
    #[oai(path = "/:slug/enable", method = "post")]
    async fn enable_connector(
        &self,
        context: Data<&RequestContext>,
        slug: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ConnectorAnswer>, Problem> {
        self.submit(context.0, &slug.0, |slug| EnableConnector { slug }.into())
            .await
    }

    /// End a connector for good
    #[oai(path = "/:slug/revoke", method = "post")]
    async fn revoke_connector(
        &self,
        context: Data<&RequestContext>,
        slug: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ConnectorAnswer>, Problem> {
        self.submit(context.0, &slug.0, |slug| RevokeConnector { slug }.into())
            .await
    }
}
