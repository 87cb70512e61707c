//! Secrets at rest: personal fields, tenants' secrets and the service's signing keys.
//!
//! Keys stand on one another: the key-encryption key (KEK, from a file or the configuration, never in the database)
//! wraps one key per tenant, and that wraps one key per person. Everything is AES-256-GCM with a fresh random nonce,
//! and the associated data names where the ciphertext belongs (tenant, person or secret, field, key), so that no row
//! can stand in for another. Erasing a person is destroying that key: the log keeps what nobody can read.
//!
//! Deliberately absent: which fields are personal (the commands know), and re-wrapping under a new KEK.

mod cipher;
mod kek;
mod persons;
mod secrets;
mod signing;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use schemas::ids::TenantId;
use sqlx::PgPool;

use crate::bounded_cache::BoundedCache;
use crate::db::Migration;
pub use cipher::Unreadable;
pub use kek::{Kek, KekError};
pub use persons::MAX_FIELD_BYTES;
pub use secrets::MAX_SECRET_BYTES;
pub use signing::SigningKey;

/// The vault's tables. The API role has no right to any of them.
pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "vault",
    version: 1,
    sql: include_str!("vault/0001_keys.sql"),
}];

/// Unwrapped persons' keys in memory, at about 150 bytes each.
const CACHED_PERSONS: usize = 50_000;
const CACHED_TENANTS: usize = 2_000;
/// A key that another process destroyed is forgotten here within twice this.
const CACHE_AGE: Duration = Duration::from_secs(60);

/// Why the vault could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault's tables cannot be reached")]
    Database(#[from] sqlx::Error),
    /// The tenant's key is wrapped by another KEK than the configured one.
    #[error(
        "the key of tenant {tenant} is wrapped by key-encryption key {found}, but {configured} is configured"
    )]
    OtherKek {
        tenant: TenantId,
        found: String,
        configured: String,
    },
    /// A ciphertext does not belong where it stands, or was damaged.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// New data about somebody who was erased.
    #[error("the person was erased: nothing more may be stored about them")]
    Erased,
    #[error("{what} is longer than {max_bytes} bytes")]
    TooLong { what: &'static str, max_bytes: usize },
}

/// Seals and opens. Cheap to clone; clones share the cache of keys.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    kek: Kek,
    /// (tenant, version) → key.
    tenant_keys: BoundedCache<(TenantId, i32), cipher::Key>,
    /// The version that new keys are wrapped by.
    tenant_versions: BoundedCache<TenantId, i32>,
    person_keys: BoundedCache<persons::PersonName, persons::PersonKey>,
}

impl Vault {
    /// The vault in this database. The pool's role must pass row security (engine, or a superuser).
    pub fn open(pool: PgPool, kek: Kek) -> Self {
        let inner = Inner {
            pool,
            kek,
            tenant_keys: BoundedCache::new(CACHED_TENANTS, CACHE_AGE),
            tenant_versions: BoundedCache::new(CACHED_TENANTS, CACHE_AGE),
            person_keys: BoundedCache::new(CACHED_PERSONS, CACHE_AGE),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("kek", &self.inner.kek)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
