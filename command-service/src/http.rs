//! What every handler of the write side works with: the engine, the vault, the passwords, and the shape of answers.
//!
//! Not here: routes and bodies (`routes`), and the conventions of HTTP (platform::http).

mod answer;
mod own_password;
mod pending;
mod ports;
mod problems;
mod session;

use std::sync::Arc;

use domain::Command;
use domain::requests::BindKey;
use platform::auth::{PasswordHasher, SignInLimits, SignInThrottle, TokenIssuer};
use platform::clock::SharedClock;
use platform::http::{Problem, RequestContext};
use schemas::ids::TenantId;
use uuid::Uuid;

pub use answer::CommandAnswer;
pub use pending::DoneOrPending;
pub use ports::{Commands, PersonalData};
pub use problems::{of_refusal, of_submit_error, of_vault_error};
pub use session::{Attempt, of_password_error};

use crate::engine::{Reply, Submission};

/// What handlers share.
pub struct Http {
    pub commands: Arc<dyn Commands>,
    pub vault: Arc<dyn PersonalData>,
    pub issuer: Arc<TokenIssuer>,
    pub passwords: PasswordHasher,
    pub attempts: SignInThrottle,
    pub clock: SharedClock,
}

/// Names ids that are derived from idempotency keys.
const DERIVED_IDS: Uuid = Uuid::from_u128(0x6f0c_1c55_7a3e_4a86_9b1f_52d1_0c1e_77aa);

impl Http {
    /// Throttles sign-ins by `sign_in`, counted in this process alone.
    pub fn new(
        commands: Arc<dyn Commands>,
        vault: Arc<dyn PersonalData>,
        issuer: Arc<TokenIssuer>,
        passwords: PasswordHasher,
        sign_in: SignInLimits,
        clock: SharedClock,
    ) -> Self {
        Self {
            commands,
            vault,
            issuer,
            passwords,
            attempts: SignInThrottle::new(sign_in),
            clock,
        }
    }

    /// Submits a command for who asks and answers once it is durable. `T` is the answer's shape in the document.
    ///
    /// # Errors
    /// The rules' refusal, or why the engine gave no answer.
    pub async fn submit<T, const STATUS: u16>(
        &self,
        context: &RequestContext,
        command: impl Into<Command>,
    ) -> Result<CommandAnswer<T, STATUS>, Problem> {
        let submission = Submission {
            tenant: context.principal.tenant.clone(),
            actor: context.principal.actor(),
            reason: context.reason.clone(),
            traceparent: context.traceparent.clone(),
            key: context.idempotency_key.clone(),
            fingerprint: context.fingerprint,
            command: command.into(),
        };
        self.carry_out(submission).await
    }

    /// Keeps the caller's idempotency key, if there is one, to this request: for requests that are no single command.
    /// `true` when the same request has come before.
    ///
    /// # Errors
    /// Another request had that key, or the same one is just being looked at.
    pub async fn bind_key(&self, context: &RequestContext) -> Result<bool, Problem> {
        if context.idempotency_key.is_none() {
            return Ok(false);
        }
        let bound: CommandAnswer<(), 200> = self.submit(context, BindKey {}).await?;
        Ok(bound.into_parts().1)
    }

    /// Submits what somebody else than a user asked for.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn carry_out<T, const STATUS: u16>(
        &self,
        submission: Submission,
    ) -> Result<CommandAnswer<T, STATUS>, Problem> {
        match self.commands.submit(submission).await {
            Ok(Reply::Accepted {
                answer,
                position,
                replayed,
            }) => Ok(CommandAnswer::new(&answer, position, replayed)),
            Ok(Reply::Refused { refusal, replayed }) => Err(of_refusal(&refusal, replayed)),
            Err(error) => Err(of_submit_error(&error)),
        }
    }

    /// Seals personal fields, in their order; absent ones stay absent. Dropped plaintext is all that is left of them.
    ///
    /// # Errors
    /// When the person was erased or the vault cannot be reached.
    pub async fn seal<const N: usize>(
        &self,
        tenant: &TenantId,
        person: &str,
        fields: [(&str, Option<&str>); N],
    ) -> Result<[Option<schemas::Sealed>; N], Problem> {
        let given: Vec<(&str, &str)> = fields
            .iter()
            .filter_map(|(name, text)| Some((*name, (*text)?)))
            .collect();
        let mut sealed = self
            .vault
            .seal_fields(tenant, person, &given)
            .await
            .map_err(|e| of_vault_error(&e))?
            .into_iter();
        Ok(fields.map(|(_, text)| text.and_then(|_| sealed.next())))
    }
}

/// An id for something that the request creates without naming it. Under an idempotency key it is the same at each
/// repetition, so that repetitions leave nothing behind in the vault.
pub fn fresh_id(context: &RequestContext, purpose: &str) -> Uuid {
    match &context.idempotency_key {
        Some(key) => {
            let name = format!(
                "{}\n{key}\n{}\n{purpose}",
                context.principal.tenant,
                hex::encode(context.fingerprint)
            );
            Uuid::new_v5(&DERIVED_IDS, name.as_bytes())
        }
        None => platform::clock::fresh_id(),
    }
}
