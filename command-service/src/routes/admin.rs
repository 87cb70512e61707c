//! Stores, terminals, users, taxes and policies (ADM-1). Each operation asks that the session is still current: a
//! token of somebody who lost the role or was disabled ends here at once.

use std::sync::Arc;

use domain::admin::{
    ChangeUserPassword, ChangeUserRole, CloseStore, CreateUser, DisableUser, EnableUser, OpenStore,
    RegisterTerminal, RetireTerminal, SetStockPolicy, SetTaxRate,
};
use platform::auth::PASSWORD_MIN_CHARS;
use platform::http::{JsonBody, Problem, RequestContext, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::admin::{Role, StockPolicy};
use schemas::{Sealed, StoreId, TaxCode, TerminalId, Username};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::parameters::{self, NoFields, field_problem, personal};
use crate::http::{CommandAnswer, Http, of_password_error};

/// A new store.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewStore {
    store: StoreId,
    name: String,
}

/// A new terminal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTerminal {
    terminal: TerminalId,
    store: StoreId,
    name: String,
}

/// A new user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: Username,
    role: Role,
    /// 1 to 200 characters.
    display_name: String,
    /// At least 12 characters.
    password: String,
}

/// A user's new role.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

/// A user's new password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// At least 12 characters.
    password: String,
}

/// A tax rate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TaxRateBody {
    name: String,
    /// Parts per million: 150,000 is 15 %.
    rate_ppm: i64,
}

/// Whether stock may fall below zero.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StockPolicyBody {
    stock_policy: StockPolicy,
}

/// Which store it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct StoreAnswer {
    store: StoreId,
    position: i64,
}

/// Which terminal it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TerminalAnswer {
    terminal: TerminalId,
    position: i64,
}

/// Which user it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct UserAnswer {
    username: Username,
    position: i64,
}

/// Which tax rate it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TaxRateAnswer {
    tax_code: TaxCode,
    position: i64,
}

/// The policy from now on.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct StockPolicyAnswer {
    stock_policy: StockPolicy,
    position: i64,
}

pub(super) struct AdminApi(pub(super) Arc<Http>);

impl AdminApi {
    /// Hashes a password and seals what belongs to a user.
    async fn sealed_user(
        &self,
        context: &RequestContext,
        username: &Username,
        display_name: Option<&str>,
        password: String,
    ) -> Result<(Option<Sealed>, Sealed), Problem> {
        let password = Zeroizing::new(password);
        if password.chars().count() < PASSWORD_MIN_CHARS {
            let (es, en) = ("Al menos 12 caracteres.", "At least 12 characters.");
            return Err(field_problem("/password", es, en));
        }
        self.0.require_current_session(context).await?;
        let hash = self
            .0
            .passwords
            .hash(password)
            .await
            .map_err(|e| of_password_error(&e))?;
        let fields = [
            ("display_name", display_name),
            ("password_hash", Some(hash.as_str())),
        ];
        let person = format!("user/{username}");
        let [display_name, hash] = self.0.seal(&context.principal.tenant, &person, fields).await?;
        let hash = hash.ok_or_else(|| Problem::new(&codes::INTERNAL))?;
        Ok((display_name, hash))
    }
}

#[OpenApi(prefix_path = "/api/v1/admin")]
impl AdminApi {
    /// Open a store
    #[oai(path = "/stores", method = "post")]
    async fn open_store(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewStore>,
    ) -> Result<CommandAnswer<StoreAnswer, 201>, Problem> {
        let NewStore { store, name } = body.0;
        self.0
            .submit_in_session(context.0, OpenStore { store, name })
            .await
    }

    /// Close a store
    ///
    /// Nothing is sold, received or returned there until it is opened again.
    #[oai(path = "/stores/:store/close", method = "post")]
    async fn close_store(
        &self,
        context: Data<&RequestContext>,
        store: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<StoreAnswer>, Problem> {
        self.0
            .submit_in_session(
                context.0,
                CloseStore {
                    store: parameters::id(&store.0)?,
                },
            )
            .await
    }

    /// Register a terminal
    #[oai(path = "/terminals", method = "post")]
    async fn register_terminal(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewTerminal>,
    ) -> Result<CommandAnswer<TerminalAnswer, 201>, Problem> {
        let NewTerminal {
            terminal,
            store,
            name,
        } = body.0;
        self.0
            .submit_in_session(
                context.0,
                RegisterTerminal {
                    terminal,
                    store,
                    name,
                },
            )
            .await
    }

    /// Retire a terminal
    #[oai(path = "/terminals/:terminal/retire", method = "post")]
    async fn retire_terminal(
        &self,
        context: Data<&RequestContext>,
        terminal: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<TerminalAnswer>, Problem> {
        self.0
            .submit_in_session(
                context.0,
                RetireTerminal {
                    terminal: parameters::id(&terminal.0)?,
                },
            )
            .await
    }

    /// Create a user
    #[oai(path = "/users", method = "post")]
    async fn create_user(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewUser>,
    ) -> Result<CommandAnswer<UserAnswer, 201>, Problem> {
        let NewUser {
            username,
            role,
            display_name,
            password,
        } = body.0;
        personal("display_name", &display_name, 200)?;
        let (display_name, password_hash) = self
            .sealed_user(context.0, &username, Some(&display_name), password)
            .await?;
        let display_name = display_name.ok_or_else(|| Problem::new(&codes::INTERNAL))?;
        self.0
            .submit(
                context.0,
                CreateUser {
                    username,
                    role,
                    display_name,
                    password_hash,
                },
            )
            .await
    }

    /// Change a user's role; their tokens end
    #[oai(path = "/users/:username/role", method = "put")]
    async fn change_user_role(
        &self,
        context: Data<&RequestContext>,
        username: Path<String>,
        body: JsonBody<NewRole>,
    ) -> Result<CommandAnswer<UserAnswer>, Problem> {
        let username = parameters::id(&username.0)?;
        self.0
            .submit_in_session(
                context.0,
                ChangeUserRole {
                    username,
                    role: body.0.role,
                },
            )
            .await
    }

    /// Set a user's password; their tokens end
    #[oai(path = "/users/:username/password", method = "put")]
    async fn change_user_password(
        &self,
        context: Data<&RequestContext>,
        username: Path<String>,
        body: JsonBody<NewPassword>,
    ) -> Result<CommandAnswer<UserAnswer>, Problem> {
        let username: Username = parameters::id(&username.0)?;
        let (_, password_hash) = self
            .sealed_user(context.0, &username, None, body.0.password)
            .await?;
        self.0
            .submit(
                context.0,
                ChangeUserPassword {
                    username,
                    password_hash,
                    session_version: None,
                },
            )
            .await
    }

    /// Shut a user out; their tokens end
    #[oai(path = "/users/:username/disable", method = "post")]
    async fn disable_user(
        &self,
        context: Data<&RequestContext>,
        username: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<UserAnswer>, Problem> {
        self.0
            .submit_in_session(
                context.0,
                DisableUser {
                    username: parameters::id(&username.0)?,
                },
            )
            .await
    }

    /// Let a user in again
    #[oai(path = "/users/:username/enable", method = "post")]
    async fn enable_user(
        &self,
        context: Data<&RequestContext>,
        username: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<UserAnswer>, Problem> {
        self.0
            .submit_in_session(
                context.0,
                EnableUser {
                    username: parameters::id(&username.0)?,
                },
            )
            .await
    }

    /// Add or change a tax rate
    #[oai(path = "/tax-rates/:tax_code", method = "put")]
    async fn set_tax_rate(
        &self,
        context: Data<&RequestContext>,
        tax_code: Path<String>,
        body: JsonBody<TaxRateBody>,
    ) -> Result<CommandAnswer<TaxRateAnswer>, Problem> {
        let TaxRateBody { name, rate_ppm } = body.0;
        self.0
            .submit_in_session(
                context.0,
                SetTaxRate {
                    tax_code: parameters::id(&tax_code.0)?,
                    name,
                    rate_ppm,
                },
            )
            .await
    }

    /// Say whether stock may fall below zero
    #[oai(path = "/policies/stock", method = "put")]
    async fn set_stock_policy(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<StockPolicyBody>,
    ) -> Result<CommandAnswer<StockPolicyAnswer>, Problem> {
        self.0
            .submit_in_session(
                context.0,
                SetStockPolicy {
                    stock_policy: body.0.stock_policy,
                },
            )
            .await
    }
}
