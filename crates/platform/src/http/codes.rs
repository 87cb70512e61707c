//! The codes that the platform itself answers with, each with its status and texts.
//!
//! Codes are stable: clients branch on them. Each has a page in `docs/errors`. Not here: the domain's refusals.

use poem::http::StatusCode;

use super::problem::Problem;
use super::text::Text;

/// A stable code.
#[derive(Debug)]
pub struct Code {
    pub code: &'static str,
    pub status: StatusCode,
    pub title: Text,
    pub detail: Text,
}

macro_rules! codes {
    ($($name:ident = $code:literal $status:ident
        en $title_en:literal $detail_en:literal
        es $title_es:literal $detail_es:literal)+) => {
        $(pub static $name: Code = Code {
            code: $code,
            status: StatusCode::$status,
            title: Text::fixed($title_es, $title_en),
            detail: Text::fixed($detail_es, $detail_en),
        };)+

        /// Every code, for the pages in `docs/errors` and the API's document.
        pub static ALL: &[&Code] = &[$(&$name),+];
    };
}

codes! {
    // --- finding the operation ---
    PATH_UNKNOWN = "request.path_unknown" NOT_FOUND
        en "Unknown path" "No operation has this path."
        es "Ruta desconocida" "Ninguna operación tiene esta ruta."
    METHOD_NOT_ALLOWED = "request.method_not_allowed" METHOD_NOT_ALLOWED
        en "Method not allowed" "The path exists, but not with this method; the Allow header lists those it has."
        es "Método no permitido" "La ruta existe, pero no con este método; la cabecera Allow dice cuáles admite."
    NOT_FOUND = "resource.not_found" NOT_FOUND
        en "Not found" "Nothing with this identifier exists."
        es "No encontrado" "No existe nada con este identificador."

    FEATURE_DISABLED = "feature.disabled" NOT_FOUND
        en "Module switched off" "This installation does not use the module that the operation belongs to."
        es "Módulo desactivado" "Esta instalación no usa el módulo al que pertenece la operación."

    // --- who asks ---
    AUTH_REQUIRED = "auth.required" UNAUTHORIZED
        en "Sign-in required" "Send Authorization: Bearer and a token of POST /api/v1/auth/token."
        es "Se requiere iniciar sesión" "Envíe Authorization: Bearer y un token de POST /api/v1/auth/token."
    AUTH_TOKEN_INVALID = "auth.token_invalid" UNAUTHORIZED
        en "Token not accepted" "The token is malformed, expired, revoked or not ours; sign in again."
        es "Token no aceptado" "El token está mal formado, vencido, revocado o no es nuestro; inicie sesión de nuevo."
    AUTH_ROLE_FORBIDDEN = "auth.role_forbidden" FORBIDDEN
        en "Role not sufficient" "Your role may not do this."
        es "Rol insuficiente" "Su rol no permite hacer esto."
    TILL_NOT_SIGNED_IN = "till.not_signed_in" FORBIDDEN
        en "Not signed in at this till" "Sales that a till took offline come from whoever signed in at it (terminal in POST /api/v1/auth/token), or from a manager."
        es "No inició sesión en esta caja" "Las ventas hechas sin conexión las envía quien inició sesión en esa caja (terminal en POST /api/v1/auth/token), o la gerencia."
    AUTH_SIGN_IN_FAILED = "auth.sign_in_failed" UNAUTHORIZED
        en "Sign-in failed" "Tenant, username and password do not belong together."
        es "No se pudo iniciar sesión" "La organización, el usuario y la contraseña no corresponden."
    AUTH_TOO_MANY_ATTEMPTS = "auth.too_many_attempts" TOO_MANY_REQUESTS
        en "Too many attempts" "Too many failed sign-ins, keys or tokens; wait before the next attempt."
        es "Demasiados intentos" "Demasiados intentos fallidos de inicio de sesión, clave o token; espere antes del siguiente."
    INTEGRATION_TOKEN_INVALID = "integration.token_invalid" UNAUTHORIZED
        en "Integration token not accepted" "Send X-Integration-Token with a live token of the connector that the path names."
        es "Token de integración no aceptado" "Envíe X-Integration-Token con un token vigente del conector que nombra la ruta."
    INTEGRATION_DISABLED = "integration.disabled" FORBIDDEN
        en "Connector disabled" "An administrator has disabled this connector; its events go on being kept."
        es "Conector desactivado" "La administración desactivó este conector; sus eventos se siguen guardando."
    API_KEY_REQUIRED = "api_key.required" UNAUTHORIZED
        en "API key required" "Send Authorization: ApiKey and a key of this organisation's external systems."
        es "Se requiere una clave de API" "Envíe Authorization: ApiKey y una clave de los sistemas externos de esta organización."
    API_KEY_INVALID = "api_key.invalid" UNAUTHORIZED
        en "API key not accepted" "The key is unknown, expired, inactive or revoked."
        es "Clave de API no aceptada" "La clave es desconocida, expiró, está inactiva o fue revocada."
    API_KEY_SCOPE_MISSING = "api_key.scope_missing" FORBIDDEN
        en "Scope missing" "The key lacks the scope that this operation needs."
        es "Falta un permiso" "La clave no tiene el permiso que esta operación necesita."
    API_KEY_STORE_FORBIDDEN = "api_key.store_forbidden" FORBIDDEN
        en "Store not allowed" "The key is limited to other stores."
        es "Tienda no permitida" "La clave está limitada a otras tiendas."
    RATE_LIMIT_EXCEEDED = "rate_limit.exceeded" TOO_MANY_REQUESTS
        en "Too many requests" "The key has used up its requests of this hour."
        es "Demasiadas solicitudes" "La clave agotó sus solicitudes de esta hora."
    FEED_ALREADY_SENT = "feed.already_sent" CONFLICT
        en "Already acknowledged" "The event was acknowledged with sent before, and that is final."
        es "Ya confirmado" "El evento ya se confirmó con sent, y eso es definitivo."

    // --- headers ---
    REASON_REQUIRED = "reason.required" BAD_REQUEST
        en "Reason required" "This operation needs the header X-Reason with 5 to 500 characters."
        es "Se requiere un motivo" "Esta operación necesita la cabecera X-Reason con 5 a 500 caracteres."
    REASON_INVALID = "reason.invalid" BAD_REQUEST
        en "Reason not accepted" "X-Reason must be UTF-8 with 5 to 500 characters, without control characters."
        es "Motivo no aceptado" "X-Reason debe ser UTF-8 con 5 a 500 caracteres, sin caracteres de control."
    IDEMPOTENCY_KEY_INVALID = "idempotency.key_invalid" BAD_REQUEST
        en "Idempotency key not accepted" "The idempotency key must be 1 to 255 visible ASCII characters, bare or quoted."
        es "Clave de idempotencia no aceptada" "La clave de idempotencia debe tener de 1 a 255 caracteres ASCII visibles, con o sin comillas."
    IDEMPOTENCY_KEYS_DIFFER = "idempotency.keys_differ" BAD_REQUEST
        en "Two idempotency keys" "X-Idempotency-Key and Idempotency-Key are both given and differ."
        es "Dos claves de idempotencia" "X-Idempotency-Key e Idempotency-Key vienen ambas y son distintas."
    IDEMPOTENCY_IN_FLIGHT = "idempotency.in_flight" CONFLICT
        en "Still in flight" "The first request with this idempotency key is still being processed."
        es "Todavía en curso" "La primera solicitud con esta clave de idempotencia todavía se está procesando."
    IDEMPOTENCY_KEY_REUSED = "idempotency.key_reused" UNPROCESSABLE_ENTITY
        en "Idempotency key reused" "This idempotency key was used for another request; take a new one."
        es "Clave de idempotencia reutilizada" "Esta clave de idempotencia se usó para otra solicitud; tome una nueva."

    // --- the request itself ---
    BODY_TOO_LARGE = "request.body_too_large" PAYLOAD_TOO_LARGE
        en "Body too large" "The request's body exceeds the limit."
        es "Cuerpo demasiado grande" "El cuerpo de la solicitud supera el límite."
    BODY_TIMEOUT = "request.body_timeout" REQUEST_TIMEOUT
        en "Body too slow" "The request's body did not arrive in time."
        es "Cuerpo demasiado lento" "El cuerpo de la solicitud no llegó a tiempo."
    BODY_UNREADABLE = "request.body_unreadable" BAD_REQUEST
        en "Body not readable" "The request's body broke off."
        es "Cuerpo ilegible" "El cuerpo de la solicitud se interrumpió."
    CONTENT_TYPE = "request.content_type" UNSUPPORTED_MEDIA_TYPE
        en "Content type not supported" "Send the body as application/json, without compression."
        es "Tipo de contenido no admitido" "Envíe el cuerpo como application/json, sin compresión."
    JSON_INVALID = "request.json_invalid" BAD_REQUEST
        en "JSON not accepted" "The body is not JSON that the API accepts."
        es "JSON no aceptado" "El cuerpo no es un JSON que la API acepte."
    BODY_INVALID = "request.body_invalid" BAD_REQUEST
        en "Body not accepted" "The body does not have the shape that the operation asks for."
        es "Cuerpo no aceptado" "El cuerpo no tiene la forma que la operación pide."
    PARAMETER_INVALID = "request.parameter_invalid" BAD_REQUEST
        en "Parameter not accepted" "A parameter of the path or query does not have the form it should."
        es "Parámetro no aceptado" "Un parámetro de la ruta o de la consulta no tiene la forma debida."
    PARAMETER_UNKNOWN = "request.parameter_unknown" BAD_REQUEST
        en "Unknown parameter" "The operation does not know a parameter of the query."
        es "Parámetro desconocido" "La operación no conoce un parámetro de la consulta."
    REQUEST_TOO_LARGE = "request.too_large" UNPROCESSABLE_ENTITY
        en "Too much at once" "The request touches too many records at once: split it."
        es "Demasiado a la vez" "La solicitud toca demasiados registros a la vez: divídala."

    PERSON_ERASED = "person.erased" CONFLICT
        en "Person erased" "This person's data was erased for good; take another identifier."
        es "Persona borrada" "Los datos de esta persona se borraron para siempre; tome otro identificador."

    // --- lists ---
    CURSOR_INVALID = "page.cursor_invalid" BAD_REQUEST
        en "Cursor not accepted" "The cursor is not one that this list gave out; start again without one."
        es "Cursor no aceptado" "El cursor no es uno que esta lista haya dado; empiece de nuevo sin él."
    LIMIT_INVALID = "page.limit_invalid" BAD_REQUEST
        en "Limit not accepted" "limit must be from 1 to 200."
        es "Límite no aceptado" "limit debe estar entre 1 y 200."

    // --- the service ---
    PROJECTION_BEHIND = "projection_behind" SERVICE_UNAVAILABLE
        en "Not there yet" "The read models have not reached the position asked for; repeat the request."
        es "Todavía no" "Los modelos de lectura no han llegado a la posición pedida; repita la solicitud."
    SERVICE_BUSY = "service.busy" SERVICE_UNAVAILABLE
        en "Busy" "More is waiting than the service takes on; repeat the request later."
        es "Ocupado" "Hay más en espera de lo que el servicio acepta; repita la solicitud más tarde."
    SERVICE_UNAVAILABLE = "service.unavailable" SERVICE_UNAVAILABLE
        en "Unavailable" "The service cannot answer now; the request was not carried out, or repeat it with the same idempotency key to find out."
        es "No disponible" "El servicio no puede responder ahora; la solicitud no se ejecutó, o repítala con la misma clave de idempotencia para saberlo."
    INTERNAL = "internal.error" INTERNAL_SERVER_ERROR
        en "Internal error" "Something went wrong on our side; it is logged under the request id."
        es "Error interno" "Algo falló de nuestro lado; queda registrado con el identificador de la solicitud."
}

impl From<&'static Code> for Problem {
    fn from(code: &'static Code) -> Self {
        Problem::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_has_a_page() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let mut seen = std::collections::BTreeSet::new();
        for code in ALL {
            assert!(seen.insert(code.code), "{} stands twice", code.code);
            let page = folder.join(format!("{}.md", code.code));
            let text =
                std::fs::read_to_string(&page).unwrap_or_else(|_| panic!("{} is missing", page.display()));
            assert!(text.starts_with(&format!("# `{}`\n", code.code)), "{}", code.code);
            for heading in ["## Español", "## English", "**Qué hacer**", "**What to do**"] {
                assert!(text.contains(heading), "{} lacks {heading}", code.code);
            }
        }
    }

    #[test]
    fn texts_are_whole_sentences_in_both_languages() {
        for code in ALL {
            for text in [&code.detail.es, &code.detail.en] {
                assert!(text.ends_with('.'), "{}: {text}", code.code);
            }
            assert_ne!(code.detail.es, code.detail.en);
        }
    }
}
