//! A tenant's secrets (such as webhook signing secrets), sealed under the tenant's key.

use schemas::ids::TenantId;

use super::cipher::Key;
use super::{Vault, VaultError};

/// The longest secret.
pub const MAX_SECRET_BYTES: usize = 65_536;

/// Where a sealed secret belongs.
fn place<'a>(tenant: &'a TenantId, id: &'a str, version: &'a [u8; 4]) -> [&'a [u8]; 4] {
    [b"secret", tenant.as_str().as_bytes(), id.as_bytes(), version]
}

impl Vault {
    /// Stores a secret, or replaces it.
    ///
    /// # Errors
    /// When it is too long or the database fails.
    pub async fn put_secret(&self, tenant: &TenantId, id: &str, plaintext: &[u8]) -> Result<(), VaultError> {
        if plaintext.len() > MAX_SECRET_BYTES {
            return Err(VaultError::TooLong {
                what: "a secret",
                max_bytes: MAX_SECRET_BYTES,
            });
        }
        let wrapping = self.current_tenant_key(tenant).await?;
        let sealed = wrapping
            .key
            .seal(&place(tenant, id, &wrapping.version.to_be_bytes()), plaintext);
        sqlx::query(
            "insert into secrets (tenant, id, tenant_version, sealed) values ($1, $2, $3, $4)
             on conflict (tenant, id) do update
               set tenant_version = excluded.tenant_version, sealed = excluded.sealed, updated_at = now()",
        )
        .bind(tenant.as_str())
        .bind(id)
        .bind(wrapping.version)
        .bind(sealed)
        .execute(&self.inner.pool)
        .await?;
        Ok(())
    }

    /// A secret, if there is one under that id.
    ///
    /// # Errors
    /// When the stored value does not belong there, or the database fails.
    pub async fn get_secret(&self, tenant: &TenantId, id: &str) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.get_secrets(tenant, &[id]).await?.pop().flatten())
    }

    /// Several secrets, in the order of their ids, with one query.
    ///
    /// # Errors
    /// As `get_secret`.
    pub async fn get_secrets(
        &self,
        tenant: &TenantId,
        ids: &[&str],
    ) -> Result<Vec<Option<Vec<u8>>>, VaultError> {
        let rows: Vec<(String, i32, Vec<u8>)> = sqlx::query_as(
            "select id, tenant_version, sealed from secrets where tenant = $1 and id = any($2)",
        )
        .bind(tenant.as_str())
        .bind(ids)
        .fetch_all(&self.inner.pool)
        .await?;
        let mut found = vec![None; ids.len()];
        for (id, version, sealed) in rows {
            let key: Key = self.tenant_key(tenant, version).await?;
            let plaintext = key.open(&place(tenant, &id, &version.to_be_bytes()), &sealed)?;
            for (place, _) in ids.iter().enumerate().filter(|(_, wanted)| **wanted == id) {
                found[place] = Some(plaintext.to_vec());
            }
        }
        Ok(found)
    }

    /// Removes a secret; true when there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_secret(&self, tenant: &TenantId, id: &str) -> Result<bool, VaultError> {
        let result = sqlx::query("delete from secrets where tenant = $1 and id = $2")
            .bind(tenant.as_str())
            .bind(id)
            .execute(&self.inner.pool)
            .await?;
        Ok(result.rows_affected() > 0)
    }
}
