//! A tenant's key: made on first use, wrapped by the KEK, in versions so that it can be rotated.

use schemas::ids::TenantId;

use super::cipher::Key;
use super::{Vault, VaultError};

/// A tenant's key and its version.
pub(super) struct TenantKey {
    pub(super) version: i32,
    pub(super) key: Key,
}

/// Where a tenant's wrapped key belongs.
fn place<'a>(tenant: &'a TenantId, version: &'a [u8; 4], kek_id: &'a str) -> [&'a [u8]; 4] {
    [
        b"tenant key",
        tenant.as_str().as_bytes(),
        version,
        kek_id.as_bytes(),
    ]
}

impl Vault {
    /// The key that new things are sealed with; made if the tenant has none.
    pub(super) async fn current_tenant_key(&self, tenant: &TenantId) -> Result<TenantKey, VaultError> {
        if let Some(version) = self.inner.tenant_versions.get(tenant) {
            return Ok(TenantKey {
                version,
                key: self.tenant_key(tenant, version).await?,
            });
        }
        let fresh = Key::generate();
        let kek = &self.inner.kek;
        let wrapped = kek
            .key
            .seal(&place(tenant, &1i32.to_be_bytes(), kek.id()), fresh.bytes());
        // Who comes second gets the first one's key: the row decides, not the key that was drawn here.
        sqlx::query("insert into tenant_keys (tenant, version, kek_id, wrapped) values ($1, 1, $2, $3) on conflict do nothing")
            .bind(tenant.as_str())
            .bind(kek.id())
            .bind(wrapped)
            .execute(&self.inner.pool)
            .await?;
        let version: i32 = sqlx::query_scalar("select max(version) from tenant_keys where tenant = $1")
            .bind(tenant.as_str())
            .fetch_one(&self.inner.pool)
            .await?;
        let key = self.tenant_key(tenant, version).await?;
        self.inner.tenant_versions.insert(tenant.clone(), version);
        Ok(TenantKey { version, key })
    }

    /// The key of a version that something was sealed with.
    pub(super) async fn tenant_key(&self, tenant: &TenantId, version: i32) -> Result<Key, VaultError> {
        let name = (tenant.clone(), version);
        if let Some(key) = self.inner.tenant_keys.get(&name) {
            return Ok(key);
        }
        let (kek_id, wrapped): (String, Vec<u8>) =
            sqlx::query_as("select kek_id, wrapped from tenant_keys where tenant = $1 and version = $2")
                .bind(tenant.as_str())
                .bind(version)
                .fetch_one(&self.inner.pool)
                .await?;
        let kek = &self.inner.kek;
        if kek_id != kek.id() {
            let configured = kek.id().to_owned();
            return Err(VaultError::OtherKek {
                tenant: tenant.clone(),
                found: kek_id,
                configured,
            });
        }
        let key = kek
            .key
            .unwrap_key(&place(tenant, &version.to_be_bytes(), &kek_id), &wrapped)?;
        self.inner.tenant_keys.insert(name, key.clone());
        Ok(key)
    }
}
