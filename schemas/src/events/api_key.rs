//! Keys of external systems (API-2): what each may do, and the hashes of its secrets. Stream `api_key/<id>`.
//!
//! Not here: the secrets themselves (shown once, kept by nobody), when a key was last used, and how much of its hour is
//! used up (rows of the guard's own).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::module_events;
use crate::ids::{ApiKeyId, StoreId, SupplierId};

module_events! {
    /// The life of one key.
    ApiKeyEvent {
        Created(ApiKeyCreated) = "admin.api_key_created" v 1,
        Changed(ApiKeyChanged) = "admin.api_key_changed" v 1,
        Rotated(ApiKeyRotated) = "admin.api_key_rotated" v 1,
        Deactivated(ApiKeyDeactivated) = "admin.api_key_deactivated" v 1,
        Activated(ApiKeyActivated) = "admin.api_key_activated" v 1,
        Revoked(ApiKeyRevoked) = "admin.api_key_revoked" v 1,
    }
}

impl ApiKeyEvent {
    /// Whose life it is.
    pub fn api_key_id(&self) -> &ApiKeyId {
        match self {
            Self::Created(event) => &event.api_key_id,
            Self::Changed(event) => &event.api_key_id,
            Self::Rotated(event) => &event.api_key_id,
            Self::Deactivated(event) => &event.api_key_id,
            Self::Activated(event) => &event.api_key_id,
            Self::Revoked(event) => &event.api_key_id,
        }
    }
}

/// What a key may do. Each row of the route table that takes keys names one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ApiScope {
    /// Read articles.
    #[serde(rename = "articulos:leer")]
    ReadArticles,
    /// Create and change articles.
    #[serde(rename = "articulos:escribir")]
    WriteArticles,
    /// Read stock, without costs.
    #[serde(rename = "stock:leer")]
    ReadStock,
    /// Move stock.
    #[serde(rename = "movimientos:escribir")]
    WriteMovements,
    /// Read totals, costs among them.
    #[serde(rename = "reportes:leer")]
    ReadReports,
    /// See the devices that are at the key's own workshop, as a workshop may see them.
    #[serde(rename = "repairs:workshop")]
    SeeWorkshop,
    /// Say what is wrong with a device that is at the key's own workshop.
    #[serde(rename = "repairs:diagnose")]
    DiagnoseAtWorkshop,
}

impl ApiScope {
    pub const ALL: [ApiScope; 7] = [
        ApiScope::ReadArticles,
        ApiScope::WriteArticles,
        ApiScope::ReadStock,
        ApiScope::WriteMovements,
        ApiScope::ReadReports,
        ApiScope::SeeWorkshop,
        ApiScope::DiagnoseAtWorkshop,
    ];

    /// As keys, rows of the route table and answers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiScope::ReadArticles => "articulos:leer",
            ApiScope::WriteArticles => "articulos:escribir",
            ApiScope::ReadStock => "stock:leer",
            ApiScope::WriteMovements => "movimientos:escribir",
            ApiScope::ReadReports => "reportes:leer",
            ApiScope::SeeWorkshop => "repairs:workshop",
            ApiScope::DiagnoseAtWorkshop => "repairs:diagnose",
        }
    }

    /// Whether it speaks of one workshop's devices, so that its key must say whose.
    pub fn is_of_a_workshop(self) -> bool {
        match self {
            ApiScope::ReadArticles
            | ApiScope::WriteArticles
            | ApiScope::ReadStock
            | ApiScope::WriteMovements
            | ApiScope::ReadReports => false,
            ApiScope::SeeWorkshop | ApiScope::DiagnoseAtWorkshop => true,
        }
    }
}

/// Everything about a key that may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeySettings {
    pub name: String,
    /// The external system that holds it.
    pub system: String,
    /// In ascending order, each once; at least one.
    pub scopes: Vec<ApiScope>,
    /// The only stores that it sees and moves stock in; none listed means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreId>,
    /// The supplier whose workshop holds the key: it sees the devices that were sent there, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workshop: Option<SupplierId>,
    pub requests_per_hour: i64,
    /// Not accepted from this moment on; absent: never expires.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<OffsetDateTime>,
}

/// A secret as the log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeySecret {
    /// Names the secret without telling it.
    pub secret_id: String,
    /// HMAC-SHA256 of the secret under a key that is not in the database, in hex. Of no use to who reads it.
    pub secret_hash: String,
    /// Its last four characters, by which people recognise it.
    pub ending: String,
}

/// An external system may call from here on, within its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyCreated {
    pub api_key_id: ApiKeyId,
    pub settings: ApiKeySettings,
    pub secret: ApiKeySecret,
}

/// The settings as they are from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyChanged {
    pub api_key_id: ApiKeyId,
    pub settings: ApiKeySettings,
}

/// A new secret. The one before it lives on for a while, so that the system can change over; any older one ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRotated {
    pub api_key_id: ApiKeyId,
    pub secret: ApiKeySecret,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub previous_expires_at: OffsetDateTime,
}

/// Not accepted from here on, until it is activated again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyDeactivated {
    pub api_key_id: ApiKeyId,
}

/// Accepted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyActivated {
    pub api_key_id: ApiKeyId,
}

/// For good: its secrets end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRevoked {
    pub api_key_id: ApiKeyId,
}
