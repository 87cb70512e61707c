//! Signing in, and whether a session still stands.
//!
//! The answer to a failure is the same whichever of tenant, user and password is wrong, takes the same work, and is
//! only given once the attempt is in the log.

use domain::refusal::Refusal;
use domain::security::RecordSignIn;
use domain::{Command, State, streams};
use platform::auth::{IssuedToken, PasswordError};
use platform::http::{Principal, Problem, PublicContext, RequestContext, codes};
use schemas::envelope::Actor;
use schemas::ids::{TenantId, TerminalId, Username};
use zeroize::Zeroizing;

use super::{CommandAnswer, Http, of_refusal, of_submit_error, of_vault_error};
use crate::engine::{Reply, Submission};

/// What somebody typed.
pub struct Attempt {
    pub tenant: String,
    pub username: String,
    pub password: Zeroizing<String>,
    /// The till where it was typed, if it was at one.
    pub terminal: Option<TerminalId>,
}

/// Who it turned out to be.
struct Known {
    principal: Principal,
    enabled: bool,
    hash: Option<Zeroizing<String>>,
}

impl Http {
    /// Checks an attempt to sign in, records it, and issues a token.
    ///
    /// # Errors
    /// `auth.sign_in_failed`, `auth.too_many_attempts`, that something cannot be reached; and `terminal.not_found` and
    /// `terminal.retired`, which only who knows the password gets to hear.
    pub async fn sign_in(
        &self,
        attempt: Attempt,
        context: &PublicContext,
    ) -> Result<(IssuedToken, Principal), Problem> {
        let counted = self
            .attempts
            .begin(
                &attempt.tenant,
                &attempt.username,
                context.client,
                self.clock.now(),
            )
            .map_err(|wait_s| Problem::new(&codes::AUTH_TOO_MANY_ATTEMPTS).retry_after(wait_s))?;
        let outcome = self.check(attempt, context).await;
        match &outcome {
            Ok(_) => self.attempts.succeeded(counted),
            Err(problem) if problem.code == codes::AUTH_SIGN_IN_FAILED.code => {}
            Err(_) => self.attempts.take_back(&counted),
        }
        outcome
    }

    async fn check(
        &self,
        attempt: Attempt,
        context: &PublicContext,
    ) -> Result<(IssuedToken, Principal), Problem> {
        let tenant = TenantId::new(&attempt.tenant).ok();
        let username = Username::new(&attempt.username).ok();
        let known = match (&tenant, &username) {
            (Some(tenant), Some(username)) => self.look_up(tenant, username).await?,
            _ => None,
        };
        let hash = known.as_ref().and_then(|known| known.hash.clone());
        let matches = self
            .passwords
            .verify(attempt.password, hash)
            .await
            .map_err(|e| of_password_error(&e))?;
        let cause = match &known {
            None => Some("unknown_user"),
            Some(_) if !matches => Some("wrong_password"),
            Some(known) if !known.enabled => Some("disabled"),
            Some(_) => None,
        };
        let mut principal = known.map(|known| known.principal);
        let mut refused = None;
        if let (Some(principal), Some(terminal), None) = (&mut principal, attempt.terminal, cause) {
            refused = self.refuses_till(&principal.tenant, &terminal).await?;
            principal.terminal = Some(terminal);
        }
        let cause = cause.or(refused.as_ref().map(Refusal::code));
        if let Some(tenant) = tenant
            && self.exists(&tenant).await?
        {
            self.record(tenant, &attempt.username, principal.as_ref(), cause, context)
                .await?;
        }
        if let Some(refusal) = refused {
            return Err(of_refusal(&refusal, false));
        }
        match (principal, cause) {
            (Some(principal), None) => {
                let token = self.issuer.issue(&principal).map_err(|error| {
                    tracing::error!(%error, "a token could not be issued");
                    Problem::new(&codes::INTERNAL)
                })?;
                Ok((token, principal))
            }
            _ => Err(Problem::new(&codes::AUTH_SIGN_IN_FAILED)),
        }
    }

    /// Why nobody signs in at this till: it was never registered, or is retired.
    async fn refuses_till(
        &self,
        tenant: &TenantId,
        terminal: &TerminalId,
    ) -> Result<Option<Refusal>, Problem> {
        let state = self
            .commands
            .peek(tenant, &streams::terminal(terminal))
            .await
            .map_err(|e| of_submit_error(&e))?;
        let terminal = terminal.clone();
        Ok(match state {
            State::Terminal(Some(known)) if !known.retired => None,
            State::Terminal(Some(_)) => Some(Refusal::TerminalRetired { terminal }),
            _ => Some(Refusal::TerminalNotFound { terminal }),
        })
    }

    /// Whether there is such a tenant: only then is there a log to record an attempt in. Asked after the password was
    /// hashed, so that the time of an answer says nothing.
    async fn exists(&self, tenant: &TenantId) -> Result<bool, Problem> {
        let state = self
            .commands
            .peek(tenant, &streams::tenant())
            .await
            .map_err(|e| of_submit_error(&e))?;
        Ok(matches!(state, State::Tenant(Some(_))))
    }

    async fn look_up(&self, tenant: &TenantId, username: &Username) -> Result<Option<Known>, Problem> {
        let state = self
            .commands
            .peek(tenant, &streams::user(username))
            .await
            .map_err(|e| of_submit_error(&e))?;
        let State::User(Some(user)) = state else {
            return Ok(None);
        };
        let person = format!("user/{username}");
        let hash = self
            .vault
            .open_person(tenant, &person, "password_hash", &user.password_hash)
            .await
            .map_err(|e| of_vault_error(&e))?;
        let principal = Principal {
            tenant: tenant.clone(),
            username: username.clone(),
            role: user.role,
            session_version: user.session_version,
            terminal: None,
        };
        Ok(Some(Known {
            principal,
            enabled: user.enabled,
            hash: hash.map(Zeroizing::new),
        }))
    }

    /// Puts the attempt into the log.
    async fn record(
        &self,
        tenant: TenantId,
        subject: &str,
        principal: Option<&Principal>,
        cause: Option<&str>,
        context: &PublicContext,
    ) -> Result<(), Problem> {
        let actor = match principal {
            Some(principal) if cause.is_none() => principal.actor(),
            _ => Actor::System {
                name: "sign_in".to_owned(),
            },
        };
        let command = RecordSignIn {
            subject: subject.to_owned(),
            known: principal.is_some(),
            success: cause.is_none(),
            detail: cause.map(str::to_owned),
        };
        let submission = Submission {
            tenant,
            actor,
            reason: None,
            traceparent: context.traceparent.clone(),
            key: None,
            fingerprint: context.fingerprint,
            command: command.into(),
        };
        match self.commands.submit(submission).await {
            Ok(Reply::Accepted { .. }) => Ok(()),
            Ok(Reply::Refused { .. }) => Err(Problem::new(&codes::AUTH_SIGN_IN_FAILED)),
            Err(error) => Err(of_submit_error(&error)),
        }
    }

    /// [`Http::submit`] for who is still what their token says, as the set-up of an organisation needs.
    ///
    /// # Errors
    /// As [`Http::require_current_session`] and [`Http::submit`].
    pub async fn submit_in_session<T, const STATUS: u16>(
        &self,
        context: &RequestContext,
        command: impl Into<Command>,
    ) -> Result<CommandAnswer<T, STATUS>, Problem> {
        self.require_current_session(context).await?;
        self.submit(context, command).await
    }

    /// For operations that must not wait for a token to run out: the user is enabled, and neither role nor password
    /// changed since the token was issued.
    ///
    /// # Errors
    /// `auth.token_invalid`, or that the engine cannot be reached.
    pub async fn require_current_session(&self, context: &RequestContext) -> Result<(), Problem> {
        let principal = &context.principal;
        let stream = streams::user(&principal.username);
        match self
            .commands
            .peek(&principal.tenant, &stream)
            .await
            .map_err(|e| of_submit_error(&e))?
        {
            State::User(Some(user)) if user.enabled && user.session_version == principal.session_version => {
                Ok(())
            }
            _ => Err(Problem::new(&codes::AUTH_TOKEN_INVALID)),
        }
    }
}

/// Why a password was not hashed or checked.
pub fn of_password_error(error: &PasswordError) -> Problem {
    match error {
        PasswordError::Busy => Problem::new(&codes::SERVICE_BUSY).retry_after(2),
        PasswordError::TooLong => Problem::new(&codes::BODY_INVALID),
        PasswordError::Failed(_) => {
            tracing::error!(%error, "a password could not be checked");
            Problem::new(&codes::INTERNAL)
        }
    }
}
