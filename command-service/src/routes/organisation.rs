//! What an organisation, its stores and its people are called, and stores that open again (ADM-1). As in `admin`, each
//! operation asks that the session is still current.
//!
//! Not here: an organisation's time zone and whether its prices include tax. Business days and taxes of the past rest on
//! them; they stay as the organisation was created.

use std::sync::Arc;

use domain::admin::{RenameTenant, RenameUser, ReopenStore};
use platform::http::{JsonBody, Problem, RequestContext, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::{StoreId, TenantId, Username};
use serde::Deserialize;

use super::parameters::{self, NoFields, personal};
use crate::http::{CommandAnswer, Http};

/// What the organisation is called from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TenantNameBody {
    /// 1 to 200 characters.
    name: String,
}

/// What a user is called from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserNameBody {
    /// 1 to 200 characters.
    display_name: String,
}

/// Which organisation was renamed.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TenantRenamedAnswer {
    tenant: TenantId,
    position: i64,
}

/// Which user was renamed.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct UserRenamedAnswer {
    username: Username,
    position: i64,
}

/// Which store is open again.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct StoreReopenedAnswer {
    store: StoreId,
    position: i64,
}

pub(super) struct OrganisationApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1")]
impl OrganisationApi {
    /// Rename the organisation
    ///
    /// Its id, currency, time zone and whether its prices include tax stay as it was created: what is recorded rests on
    /// them. What stands on documents is the letterhead's.
    #[oai(path = "/tenant", method = "patch")]
    async fn rename_tenant(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<TenantNameBody>,
    ) -> Result<CommandAnswer<TenantRenamedAnswer>, Problem> {
        self.0
            .submit_in_session(context.0, RenameTenant { name: body.0.name })
            .await
    }

    /// Open a closed store again
    ///
    /// With the stock, the tills and the history that it had. A store that is open stays so.
    #[oai(path = "/admin/stores/:store/reopen", method = "post")]
    async fn reopen_store(
        &self,
        context: Data<&RequestContext>,
        store: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<StoreReopenedAnswer>, Problem> {
        let store = parameters::id(&store.0)?;
        self.0.submit_in_session(context.0, ReopenStore { store }).await
    }

    /// Change a user's display name
    ///
    /// The username stays, and so do the user's tokens.
    #[oai(path = "/admin/users/:username", method = "patch")]
    async fn rename_user(
        &self,
        context: Data<&RequestContext>,
        username: Path<String>,
        body: JsonBody<UserNameBody>,
    ) -> Result<CommandAnswer<UserRenamedAnswer>, Problem> {
        let username: Username = parameters::id(&username.0)?;
        let display_name = body.0.display_name;
        personal("display_name", &display_name, 200)?;
        self.0.require_current_session(context.0).await?;
        let fields = [("display_name", Some(display_name.as_str()))];
        let person = format!("user/{username}");
        let [sealed] = self.0.seal(&context.principal.tenant, &person, fields).await?;
        let display_name = sealed.ok_or_else(|| Problem::new(&codes::INTERNAL))?;
        let command = RenameUser {
            username,
            display_name,
        };
        self.0.submit(context.0, command).await
    }
}
