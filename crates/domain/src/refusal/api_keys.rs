//! Why a key of an external system may not be made or changed, and why what it sent is refused.
//!
//! Not here: why a key is not accepted, which the guard answers (platform's codes).

use schemas::{ApiKeyId, Sku};

super::table::refusals! {
    /// Refusals about keys of external systems.
    ApiKeyRefusal {
    NotFound { api_key_id: ApiKeyId } = "api_key.not_found" NotFound at "/api_key_id"
        en "API key {api_key_id} does not exist"
        es "la clave de API {api_key_id} no existe"
    Exists { api_key_id: ApiKeyId } = "api_key.already_exists" Conflict at "/api_key_id"
        en "API key {api_key_id} already exists; an id stays taken after its key is revoked"
        es "la clave de API {api_key_id} ya existe; un identificador queda ocupado aunque su clave se revoque"
    Revoked { api_key_id: ApiKeyId } = "api_key.revoked" Conflict at "/api_key_id"
        en "API key {api_key_id} is revoked for good; create another one"
        es "la clave de API {api_key_id} está revocada definitivamente; cree otra"
    WithoutScopes {} = "api_key.scopes_missing" Invalid at "/scopes"
        en "an API key needs at least one scope, such as stock:leer"
        es "una clave de API necesita al menos un permiso, como stock:leer"
    WithoutWorkshop {} = "api_key.workshop_missing" Invalid at "/workshop"
        en "a key with a workshop's scope names the supplier whose workshop it is"
        es "una clave con un permiso de taller nombra al proveedor cuyo taller es"
    LimitInvalid { requests_per_hour: i64, max: i64 } = "api_key.limit_invalid" Invalid at "/requests_per_hour"
        en "requests_per_hour is {requests_per_hour} and must be from 1 to {max}"
        es "requests_per_hour es {requests_per_hour} y debe estar entre 1 y {max}"
    ExpiryInvalid { max_days: i64 } = "api_key.expiry_invalid" Invalid at "/expires_at"
        en "expires_at must be in the future and within {max_days} days; leave it out for a key that does not end"
        es "expires_at debe estar en el futuro y dentro de {max_days} días; omítalo para una clave que no termina"
    OverlapInvalid { overlap_s: i64, max_s: i64 } = "api_key.overlap_invalid" Invalid at "/overlap_s"
        en "overlap_s is {overlap_s} and must be from 0 to {max_s}"
        es "overlap_s es {overlap_s} y debe estar entre 0 y {max_s}"
    // --- what external systems send ---
    ItemKindFixed { sku: Sku } = "item.kind_fixed" Conflict at "/kind"
        en "item {sku} keeps the kind that it was created with"
        es "el artículo {sku} conserva el tipo con el que se creó"
    }
    modules {}
}
