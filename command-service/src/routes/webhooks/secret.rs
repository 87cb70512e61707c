//! Commands that bring a new signing secret: it goes into the vault first, and is shown once the command has landed.
//!
//! Not here: what the command says (its handler), and signing (the dispatcher).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Command;
use platform::http::{Problem, RequestContext, codes};
use rand::RngExt;
use schemars::JsonSchema;
use schemas::EndpointId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::http::{CommandAnswer, Http, of_vault_error};

/// An endpoint with its new signing secret.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct SecretAnswer {
    endpoint_id: EndpointId,
    /// `whsec_` and base64 (Standard Webhooks). Shown here only; a repetition under the same idempotency key shows
    /// it again. `null` when the secret has been removed since.
    secret: Option<String>,
    position: i64,
}

/// The stored answer of a command that names its secret.
#[derive(Deserialize)]
struct Stored {
    endpoint_id: EndpointId,
    secret_id: String,
    position: i64,
}

/// A secret that was issued, now or by the first try of the same request.
pub(super) struct Issued {
    answer: SecretAnswer,
    replayed: bool,
}

impl Issued {
    pub(super) fn into_answer<const STATUS: u16>(self) -> CommandAnswer<SecretAnswer, STATUS> {
        CommandAnswer::composed(
            serde_json::to_vec(&self.answer).unwrap_or_default(),
            self.replayed,
        )
    }
}

/// A fresh signing secret, as subscribers see it.
fn draw_secret() -> Zeroizing<String> {
    let mut key = Zeroizing::new([0_u8; 32]);
    rand::rng().fill(key.as_mut_slice());
    Zeroizing::new(format!("whsec_{}", STANDARD.encode(key.as_slice())))
}

/// Submits what `command` makes of the new secret's name and fingerprint.
///
/// # Errors
/// The rules' refusal, or why the engine or the vault gave no answer.
pub(super) async fn issue(
    http: &Http,
    context: &RequestContext,
    command: impl FnOnce(String, String) -> Command,
) -> Result<Issued, Problem> {
    let tenant = &context.principal.tenant;
    let secret = draw_secret();
    // Fresh at each attempt: a repetition must not replace the secret that the first one showed.
    let secret_id = format!("webhook/{}", platform::clock::fresh_id());
    http.vault
        .put_secret(tenant, &secret_id, secret.as_bytes())
        .await
        .map_err(|e| of_vault_error(&e))?;
    let fingerprint = hex::encode(Sha256::digest(secret.as_bytes()));
    let submitted = http
        .submit::<SecretAnswer, 200>(context, command(secret_id.clone(), fingerprint))
        .await;
    let (bytes, replayed) = match submitted {
        Ok(answer) => answer.into_parts(),
        Err(problem) => {
            // Only an answer proves that nobody will ever need this secret; after a fault the command may land.
            if problem.status.is_client_error() {
                forget(http, context, &secret_id).await;
            }
            return Err(problem);
        }
    };
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| {
        tracing::error!(%error, "the answer of a command with a secret has another shape");
        Problem::new(&codes::INTERNAL)
    })?;
    if stored.secret_id != secret_id {
        forget(http, context, &secret_id).await;
    }
    let shown = http
        .vault
        .get_secret(tenant, &stored.secret_id)
        .await
        .map_err(|e| of_vault_error(&e))?;
    Ok(Issued {
        answer: SecretAnswer {
            endpoint_id: stored.endpoint_id,
            secret: shown.and_then(|bytes| String::from_utf8(bytes).ok()),
            position: stored.position,
        },
        replayed,
    })
}

/// Removes a secret that no endpoint has. A failure leaves a row that nothing refers to.
async fn forget(http: &Http, context: &RequestContext, secret_id: &str) {
    if let Err(error) = http
        .vault
        .delete_secret(&context.principal.tenant, secret_id)
        .await
    {
        tracing::warn!(%error, "an unused webhook secret stays in the vault");
    }
}
