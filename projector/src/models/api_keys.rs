//! Keys of external systems as administrators see them (API-2).
//!
//! Deliberately absent: hashes of secrets (the guard reads the log itself), and when a key was last used.

use schemas::Event;
use schemas::events::ApiKeyEvent;
use schemas::events::api_key::{ApiKeySecret, ApiKeySettings};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel, document};

crate::read_model_row! {
    /// One key.
    ApiKeyRow, ApiKeyKey {
        key { tenant: String, api_key_id: String }
        name: String,
        system: String,
        /// `active`, `inactive` or `revoked`.
        status: String,
        /// A list of scopes as JSON.
        scopes: String,
        /// A list of stores as JSON; an empty one means all.
        stores: String,
        /// The supplier whose workshop holds it.
        workshop: Option<String>,
        requests_per_hour: i64,
        expires_at: Option<OffsetDateTime>,
        /// A list of [`SecretName`]s as JSON, the newest last.
        secrets: String,
        created_position: i64,
        last_position: i64,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

/// A secret without its hash.
#[derive(Debug, Serialize, Deserialize)]
struct SecretName {
    secret_id: String,
    /// Its last four characters.
    ending: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// `null` for the newest.
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
}

impl SecretName {
    fn newest(secret: &ApiKeySecret, fact: &Fact) -> Self {
        Self {
            secret_id: secret.secret_id.clone(),
            ending: secret.ending.clone(),
            created_at: fact.recorded_at,
            expires_at: None,
        }
    }
}

impl ApiKeyRow {
    fn set(&mut self, settings: &ApiKeySettings) -> Result<(), FoldError> {
        self.name.clone_from(&settings.name);
        self.system.clone_from(&settings.system);
        self.scopes = document(&settings.scopes)?;
        self.stores = document(&settings.stores)?;
        self.workshop = settings.workshop.as_ref().map(ToString::to_string);
        self.requests_per_hour = settings.requests_per_hour;
        self.expires_at = settings.expires_at;
        Ok(())
    }
}

impl ReadModel for ApiKeyRow {
    const NAME: &'static str = "api_keys";
    const VERSION: i32 = 2;
    const INDEXES: &'static str =
        "create index rm_api_keys_created on rm_api_keys (tenant, created_position);";

    fn keys(fact: &Fact) -> Vec<ApiKeyKey> {
        let Event::ApiKey(event) = &fact.event else {
            return Vec::new();
        };
        vec![ApiKeyKey {
            tenant: fact.tenant.clone(),
            api_key_id: event.api_key_id().to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &ApiKeyKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::ApiKey(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let ApiKeyEvent::Created(e) = event {
            let mut row = ApiKeyRow {
                tenant: key.tenant.clone(),
                api_key_id: key.api_key_id.clone(),
                name: String::new(),
                system: String::new(),
                status: "active".to_owned(),
                scopes: String::new(),
                stores: String::new(),
                workshop: None,
                requests_per_hour: 0,
                expires_at: None,
                secrets: document(&[SecretName::newest(&e.secret, fact)])?,
                created_position: fact.position,
                last_position: fact.position,
                created_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            };
            row.set(&e.settings)?;
            return Ok(row);
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            ApiKeyEvent::Created(_) => {}
            ApiKeyEvent::Changed(e) => row.set(&e.settings)?,
            ApiKeyEvent::Rotated(e) => {
                let mut before: Vec<SecretName> = serde_json::from_str(&row.secrets).unwrap_or_default();
                let previous = before.pop().map(|secret| SecretName {
                    expires_at: Some(e.previous_expires_at),
                    ..secret
                });
                let newest = SecretName::newest(&e.secret, fact);
                row.secrets = document(&previous.into_iter().chain([newest]).collect::<Vec<_>>())?;
            }
            ApiKeyEvent::Deactivated(_) => row.status = "inactive".to_owned(),
            ApiKeyEvent::Activated(_) => row.status = "active".to_owned(),
            ApiKeyEvent::Revoked(_) => {
                row.status = "revoked".to_owned();
                row.secrets = "[]".to_owned();
            }
        }
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fact::given::{event, folded};

    fn secret(id: &str) -> Value {
        json!({"secret_id": id, "secret_hash": "ab".repeat(32), "ending": "x7Qa"})
    }

    fn created() -> Event {
        event(
            "admin.api_key_created",
            json!({"api_key_id": "key-1", "secret": secret("s1"), "settings": {"name": "Mercado", "system": "Mercado",
                   "scopes": ["stock:leer"], "requests_per_hour": 1000}}),
        )
    }

    #[test]
    fn a_rotation_leaves_two_names_and_no_hash() {
        let rotated = json!({"api_key_id": "key-1", "secret": secret("s2"), "previous_expires_at": "2026-11-23T18:00:00Z"});
        let rows = folded::<ApiKeyRow>([created(), event("admin.api_key_rotated", rotated)]).unwrap();
        let names: Vec<SecretName> = serde_json::from_str(&rows[0].secrets).unwrap();
        let ids: Vec<_> = names
            .iter()
            .map(|name| (name.secret_id.as_str(), name.expires_at.is_some()))
            .collect();
        assert_eq!(ids, [("s1", true), ("s2", false)]);
        assert!(!format!("{:?}", rows[0]).contains("abab"));
    }

    #[test]
    fn a_key_is_changed_deactivated_activated_and_revoked() {
        let key = json!({"api_key_id": "key-1"});
        let off = event("admin.api_key_deactivated", key.clone());
        assert_eq!(
            folded::<ApiKeyRow>([created(), off.clone()]).unwrap()[0].status,
            "inactive"
        );
        let on = event("admin.api_key_activated", key.clone());
        let settings = json!({"name": "Otro", "system": "ERP", "scopes": ["articulos:leer"], "stores": ["centro"],
                              "workshop": "buho", "requests_per_hour": 5, "expires_at": "2027-01-01T00:00:00Z"});
        let changed = event(
            "admin.api_key_changed",
            json!({"api_key_id": "key-1", "settings": settings}),
        );
        let rows = folded::<ApiKeyRow>([created(), off, on, changed.clone()]).unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].stores.as_str()),
            ("active", r#"["centro"]"#)
        );
        assert_eq!(rows[0].workshop.as_deref(), Some("buho"));
        assert!(rows[0].expires_at.is_some() && rows[0].requests_per_hour == 5);
        let end = event("admin.api_key_revoked", key);
        let rows = folded::<ApiKeyRow>([created(), changed, end]).unwrap();
        assert_eq!(
            (rows[0].status.as_str(), rows[0].secrets.as_str()),
            ("revoked", "[]")
        );
    }
}
