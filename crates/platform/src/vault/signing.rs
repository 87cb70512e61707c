//! The service's signing keys, sealed by the key-encryption key itself. What they sign with is `auth`'s business.

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::cipher::Unreadable;
use super::secrets::MAX_SECRET_BYTES;
use super::{Vault, VaultError};

/// More keys than this are not listed: rotation keeps a few.
const MAX_LISTED: i64 = 100;

/// A signing key; its private part does not show.
#[derive(Clone)]
pub struct SigningKey {
    /// Such as the `kid` of tokens.
    pub id: String,
    pub private: Zeroizing<Vec<u8>>,
    pub public: Vec<u8>,
    pub created_at: OffsetDateTime,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Id, the KEK's id, sealed private part, public part, time.
type KeyRow = (String, String, Vec<u8>, Vec<u8>, OffsetDateTime);

/// Where a sealed signing key belongs.
fn place<'a>(id: &'a str, public: &'a [u8], kek_id: &'a str) -> [&'a [u8]; 4] {
    [b"signing key", id.as_bytes(), public, kek_id.as_bytes()]
}

impl Vault {
    /// Stores a key under a new id; false when the id is taken, and then nothing changes.
    ///
    /// # Errors
    /// When the private part is too long or the database fails.
    pub async fn put_signing_key(&self, id: &str, private: &[u8], public: &[u8]) -> Result<bool, VaultError> {
        if private.len() > MAX_SECRET_BYTES {
            return Err(VaultError::TooLong {
                what: "a signing key",
                max_bytes: MAX_SECRET_BYTES,
            });
        }
        let kek = &self.inner.kek;
        let result = sqlx::query(
            "insert into signing_keys (id, kek_id, sealed, public) values ($1, $2, $3, $4) on conflict do nothing",
        )
        .bind(id)
        .bind(kek.id())
        .bind(kek.key.seal(&place(id, public, kek.id()), private))
        .bind(public)
        .execute(&self.inner.pool)
        .await?;
        Ok(result.rows_affected() > 0)
    }

    /// All keys, the oldest first, so that every process agrees on the order.
    ///
    /// # Errors
    /// When a key was damaged or sealed by another KEK, or the database fails.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, VaultError> {
        let rows: Vec<KeyRow> = sqlx::query_as(
            "select id, kek_id, sealed, public, created_at from signing_keys order by created_at, id limit $1",
        )
        .bind(MAX_LISTED)
        .fetch_all(&self.inner.pool)
        .await?;
        let kek = &self.inner.kek;
        let open = |(id, kek_id, sealed, public, created_at): KeyRow| {
            let private = kek.key.open(&place(&id, &public, &kek_id), &sealed)?;
            Ok(SigningKey {
                id,
                private,
                public,
                created_at,
            })
        };
        Ok(rows.into_iter().map(open).collect::<Result<_, Unreadable>>()?)
    }
}
