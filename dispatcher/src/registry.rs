//! Endpoints as senders see them: the current settings, ready for use, and the signing secret.
//!
//! Every instance reads them from the matcher's table; the matcher's own instance is told at once.
//! Not here: which events an endpoint gets (the matcher folds that from the log).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platform::outbound::HeaderName;
use platform::vault::{Vault, VaultError};
use schemas::TenantId;
use schemas::events::webhook::EndpointSettings;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::OnceCell;

use crate::sign::SigningSecret;

/// Most endpoints that one refresh reads; a start with more takes several rounds.
const REFRESH_MAX: i64 = 10_000;
/// An attempt never takes longer, whatever the endpoint sets.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
const CONCURRENCY_MAX: i64 = 64;

/// Whether an endpoint is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    Active,
    Paused,
    /// The receiver answered 410.
    Disabled,
    Deleted,
}

impl EndpointState {
    pub fn as_str(self) -> &'static str {
        match self {
            EndpointState::Active => "active",
            EndpointState::Paused => "paused",
            EndpointState::Disabled => "disabled",
            EndpointState::Deleted => "deleted",
        }
    }

    /// As stored; anything else counts as paused, since the table's check lets nothing else in.
    pub fn stored(text: &str) -> Self {
        match text {
            "active" => EndpointState::Active,
            "disabled" => EndpointState::Disabled,
            "deleted" => EndpointState::Deleted,
            _ => EndpointState::Paused,
        }
    }
}

/// One endpoint at one moment; a change makes a new one.
#[derive(Debug)]
pub struct Endpoint {
    /// The position of its creation.
    pub number: i64,
    pub tenant: TenantId,
    pub endpoint_id: String,
    pub state: EndpointState,
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// Attempts at the same time.
    pub concurrency: usize,
    pub timeout: Duration,
    /// Carries the body's signature as older receivers know it.
    pub legacy_signature_header: Option<HeaderName>,
    secret: Secret,
    /// The one before the last rotation, and until when it signs, too.
    previous: Option<(Secret, OffsetDateTime)>,
}

/// A signing secret of the vault, read once.
#[derive(Debug)]
struct Secret {
    id: String,
    read: OnceCell<SigningSecret>,
}

/// Why a delivery cannot be signed now.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the vault has no such secret")]
    Missing,
    #[error(transparent)]
    Malformed(#[from] crate::sign::MalformedSecret),
    #[error("the vault does not give the secret out")]
    Vault(#[source] VaultError),
}

impl SecretError {
    /// Whether the fault is on this side and passes, rather than in what is stored for the endpoint.
    pub fn is_own_fault(&self) -> bool {
        match self {
            SecretError::Vault(error) => !matches!(error, VaultError::Unreadable(_)),
            SecretError::Missing | SecretError::Malformed(_) => false,
        }
    }
}

impl Endpoint {
    /// The secrets that sign at this time, the newest first: during the overlap of a rotation two.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub async fn secrets(
        &self,
        vault: &Vault,
        now: OffsetDateTime,
    ) -> Result<Vec<&SigningSecret>, SecretError> {
        let mut secrets = vec![self.secret.get(vault, &self.tenant).await?];
        if let Some((previous, _)) = self.previous.as_ref().filter(|(_, until)| now < *until) {
            match previous.get(vault, &self.tenant).await {
                Ok(secret) => secrets.push(secret),
                Err(error) if error.is_own_fault() => return Err(error),
                // Receivers that know the new secret must not wait for one that is gone.
                Err(error) => {
                    tracing::error!(%error, endpoint = self.number, "the previous secret does not sign");
                }
            }
        }
        Ok(secrets)
    }
}

impl Secret {
    fn new(id: String) -> Self {
        Self {
            id,
            read: OnceCell::new(),
        }
    }

    /// One that is missing is asked for again the next time.
    async fn get(&self, vault: &Vault, tenant: &TenantId) -> Result<&SigningSecret, SecretError> {
        self.read
            .get_or_try_init(|| async {
                let stored = vault
                    .get_secret(tenant, &self.id)
                    .await
                    .map_err(SecretError::Vault)?;
                Ok(SigningSecret::new(&stored.ok_or(SecretError::Missing)?)?)
            })
            .await
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    endpoint: i64,
    tenant: String,
    endpoint_id: String,
    state: String,
    settings: String,
    secret_id: String,
    previous_secret_id: Option<String>,
    previous_secret_until: Option<OffsetDateTime>,
    changed_position: i64,
}

/// All endpoints that are not deleted. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    endpoints: HashMap<i64, Arc<Endpoint>>,
    /// Changes up to here are known.
    changed_position: i64,
}

impl Registry {
    /// Reads what changed since the last time; true when something did. One matcher commits changes in the log's
    /// order, so nothing can appear behind what was read.
    ///
    /// # Errors
    /// When the database fails or holds what is no endpoint.
    pub async fn refresh(&self, pool: &PgPool) -> anyhow::Result<bool> {
        let since = self.known().changed_position;
        let rows: Vec<Row> = sqlx::query_as(
            "select endpoint, tenant, endpoint_id, state, settings::text as settings, secret_id,
               previous_secret_id, previous_secret_until, changed_position
             from webhook_endpoints where changed_position > $1 order by changed_position limit $2",
        )
        .bind(since)
        .bind(REFRESH_MAX)
        .fetch_all(pool)
        .await?;
        let changed = !rows.is_empty();
        for row in rows {
            let position = row.changed_position;
            let endpoint = Endpoint::try_from(row)?;
            let mut known = self.known();
            known.changed_position = known.changed_position.max(position);
            if endpoint.state == EndpointState::Deleted {
                known.endpoints.remove(&endpoint.number);
            } else {
                known.endpoints.insert(endpoint.number, Arc::new(endpoint));
            }
        }
        Ok(changed)
    }

    pub fn get(&self, number: i64) -> Option<Arc<Endpoint>> {
        self.known().endpoints.get(&number).cloned()
    }

    /// Those that may be sent to now.
    pub fn active(&self) -> Vec<Arc<Endpoint>> {
        let known = self.known();
        known
            .endpoints
            .values()
            .filter(|endpoint| endpoint.state == EndpointState::Active)
            .cloned()
            .collect()
    }

    /// Every endpoint that is not deleted.
    pub fn numbers(&self) -> HashSet<i64> {
        self.known().endpoints.keys().copied().collect()
    }

    /// Changes up to here are known.
    pub fn changed_position(&self) -> i64 {
        self.known().changed_position
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TryFrom<Row> for Endpoint {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let settings: EndpointSettings = serde_json::from_str(&row.settings)?;
        let timeout_ms = u64::try_from(settings.timeout_ms).unwrap_or_default();
        Ok(Self {
            number: row.endpoint,
            tenant: TenantId::new(&row.tenant)?,
            endpoint_id: row.endpoint_id,
            state: EndpointState::stored(&row.state),
            url: settings.url,
            headers: settings.headers.into_iter().collect(),
            concurrency: usize::try_from(settings.concurrency.clamp(1, CONCURRENCY_MAX)).unwrap_or(1),
            timeout: Duration::from_millis(timeout_ms).clamp(Duration::from_secs(1), TIMEOUT_MAX),
            // Checked when it was set; what is no header is left out rather than blocking deliveries.
            legacy_signature_header: settings
                .legacy_signature_header
                .and_then(|name| HeaderName::try_from(name).ok()),
            secret: Secret::new(row.secret_id),
            previous: row
                .previous_secret_id
                .map(Secret::new)
                .zip(row.previous_secret_until),
        })
    }
}

#[cfg(test)]
impl Endpoint {
    /// An active endpoint without a receiver.
    pub fn for_tests(tenant: &str, number: i64, concurrency: usize) -> Self {
        Self {
            number,
            tenant: TenantId::new(tenant).expect("a tenant"),
            endpoint_id: format!("e{number}"),
            state: EndpointState::Active,
            url: String::new(),
            headers: Vec::new(),
            concurrency,
            timeout: Duration::from_secs(10),
            legacy_signature_header: None,
            secret: Secret::new(String::new()),
            previous: None,
        }
    }
}
