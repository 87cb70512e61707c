//! A user's own new password, for who knows the one before.
//!
//! It asks for tenant, user and password as signing in does, with the same answer to every failure, the same count of
//! attempts and the same record in the log; a token is of no use here, so that whoever finds one cannot lock its user
//! out. Not here: an administrator's reset (`routes/admin`).

use domain::admin::ChangeUserPassword;
use platform::http::{Problem, PublicContext, RequestContext, codes};
use zeroize::Zeroizing;

use super::{Attempt, CommandAnswer, Http, of_password_error};

impl Http {
    /// Checks the attempt and sets the new password, whose length the caller has checked; tokens that are out end.
    ///
    /// # Errors
    /// As [`Http::sign_in`], and whatever keeps a command from being answered.
    pub async fn change_own_password<T>(
        &self,
        attempt: Attempt,
        new: Zeroizing<String>,
        context: &PublicContext,
    ) -> Result<CommandAnswer<T>, Problem> {
        let (_, principal) = self.sign_in(attempt, context).await?;
        let hash = self
            .passwords
            .hash(new)
            .await
            .map_err(|error| of_password_error(&error))?;
        let username = principal.username.clone();
        let person = format!("user/{username}");
        let fields = [("password_hash", Some(hash.as_str()))];
        let [sealed] = self.seal(&principal.tenant, &person, fields).await?;
        let command = ChangeUserPassword {
            username,
            password_hash: sealed.ok_or_else(|| Problem::new(&codes::INTERNAL))?,
            // What an administrator did while this was hashed stays.
            session_version: Some(principal.session_version),
        };
        let own = RequestContext {
            principal,
            reason: None,
            idempotency_key: None,
            fingerprint: context.fingerprint,
            traceparent: context.traceparent.clone(),
            language: context.language,
        };
        self.submit(&own, command).await
    }
}
