//! Refusals and faults as problem documents: the only place that knows which status each one has.

use domain::refusal::{Language, OfflineRefusal, Refusal, RefusalKind};
use platform::http::{Problem, Text, codes};
use platform::vault::VaultError;
use poem::http::{HeaderName, HeaderValue, StatusCode};

use crate::engine::SubmitError;

/// Says that an earlier answer was given again.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The rules' "no".
pub fn of_refusal(refusal: &Refusal, replayed: bool) -> Problem {
    let (status, title) = match refusal.kind() {
        RefusalKind::NotFound => (StatusCode::NOT_FOUND, Text::fixed("No encontrado", "Not found")),
        RefusalKind::Conflict => (
            StatusCode::CONFLICT,
            Text::fixed("El estado no lo permite", "The state does not allow it"),
        ),
        RefusalKind::Invalid => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Text::fixed("Solicitud no válida", "Request not valid"),
        ),
        RefusalKind::Forbidden => (StatusCode::FORBIDDEN, Text::fixed("No permitido", "Not allowed")),
    };
    let text = Text::new(refusal.text(Language::Spanish), refusal.text(Language::English));
    let mut problem = Problem::other(status, refusal.code(), title, text.clone());
    if let Some(pointer) = refusal.pointer() {
        // The body of an endpoint is flat; the command holds these fields under `settings`.
        let pointer = pointer
            .strip_prefix("/settings")
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(&pointer);
        problem = problem.at(pointer, text);
    }
    if let Refusal::Offline(OfflineRefusal::SequenceGap { expected, .. }) = refusal {
        problem = problem.expected(*expected);
    }
    if replayed {
        problem.header(REPLAYED, HeaderValue::from_static("true"))
    } else {
        problem
    }
}

/// Why the engine gave no answer.
pub fn of_submit_error(error: &SubmitError) -> Problem {
    match error {
        SubmitError::Busy { retry_after_s } => Problem::new(&codes::SERVICE_BUSY).retry_after(*retry_after_s),
        SubmitError::Unavailable { retry_after_s } => {
            Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(*retry_after_s)
        }
        SubmitError::KeyInFlight => Problem::new(&codes::IDEMPOTENCY_IN_FLIGHT).retry_after(1),
        SubmitError::KeyReused => Problem::new(&codes::IDEMPOTENCY_KEY_REUSED),
        SubmitError::TooLarge => Problem::new(&codes::REQUEST_TOO_LARGE),
        SubmitError::Rejected => {
            tracing::error!("the database refused a command's rows");
            Problem::new(&codes::INTERNAL)
        }
    }
}

/// Why a personal field could not be sealed or opened.
pub fn of_vault_error(error: &VaultError) -> Problem {
    match error {
        VaultError::Erased => Problem::new(&codes::PERSON_ERASED),
        VaultError::TooLong { .. } => Problem::new(&codes::BODY_INVALID),
        VaultError::Database(cause) => {
            tracing::warn!(%cause, "the vault cannot be reached");
            Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(2)
        }
        VaultError::OtherKek { .. } | VaultError::Unreadable(_) => {
            tracing::error!(%error, "the vault's data and keys do not belong together");
            Problem::new(&codes::INTERNAL)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_and_points_into_the_flat_body() {
        let refusal = Refusal::EndpointUrlInvalid { url: "x".into() };
        let problem = of_refusal(&refusal, true);
        assert_eq!(
            (problem.status.as_u16(), problem.code),
            (422, "endpoint.url_invalid")
        );
        assert_eq!(problem.errors[0].pointer, "/url");
        assert_eq!(problem.headers[0].1, "true");
    }

    #[test]
    fn faults_say_when_to_come_back() {
        let problem = of_submit_error(&SubmitError::Busy { retry_after_s: 3 });
        assert_eq!((problem.status.as_u16(), problem.retry_after_s), (503, Some(3)));
        assert_eq!(
            of_submit_error(&SubmitError::KeyInFlight).status,
            StatusCode::CONFLICT
        );
        assert_eq!(
            of_submit_error(&SubmitError::KeyReused).status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
}
