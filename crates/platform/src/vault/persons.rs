//! Personal fields, sealed under a key per person; destroying the key is erasure.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::ids::TenantId;
use schemas::sealed::Sealed;
use uuid::Uuid;

use super::cipher::{Key, Unreadable};
use super::{Vault, VaultError};

/// The longest personal field, in bytes of UTF-8.
pub const MAX_FIELD_BYTES: usize = 16_384;

/// Says how the rest is encoded.
const FORMAT: &str = "v1.";

pub(super) type PersonName = (TenantId, Arc<str>);

/// What is known about a person's key.
#[derive(Clone)]
pub(super) enum PersonKey {
    Live { id: Uuid, key: Key },
    Destroyed,
}

/// A person's row: person, key id, the wrapping key's version, the wrapped key (none once destroyed).
type KeyRow = (String, Uuid, i32, Option<Vec<u8>>);

/// Where a person's wrapped key belongs.
fn key_place<'a>(tenant: &'a TenantId, person: &'a str, id: &'a Uuid, version: &'a [u8; 4]) -> [&'a [u8]; 5] {
    [
        b"person key",
        tenant.as_str().as_bytes(),
        person.as_bytes(),
        id.as_bytes(),
        version,
    ]
}

/// Where a person's sealed field belongs.
fn field_place<'a>(tenant: &'a TenantId, person: &'a str, field: &'a str, id: &'a Uuid) -> [&'a [u8]; 5] {
    [
        b"person field",
        tenant.as_str().as_bytes(),
        person.as_bytes(),
        field.as_bytes(),
        id.as_bytes(),
    ]
}

impl Vault {
    /// Seals one field of a person (`customer/<id>` or `user/<username>`); makes the person's key on first use.
    ///
    /// # Errors
    /// When the person was erased, the text is too long, or the database fails.
    pub async fn seal_person(
        &self,
        tenant: &TenantId,
        person: &str,
        field: &str,
        plaintext: &str,
    ) -> Result<Sealed, VaultError> {
        let mut sealed = self.seal_fields(tenant, person, &[(field, plaintext)]).await?;
        Ok(sealed.pop().expect("one field gives one sealed value"))
    }

    /// Seals several fields of one person, in their order, with at most one trip to the database.
    ///
    /// # Errors
    /// As `seal_person`.
    pub async fn seal_fields(
        &self,
        tenant: &TenantId,
        person: &str,
        fields: &[(&str, &str)],
    ) -> Result<Vec<Sealed>, VaultError> {
        if fields.iter().any(|(_, text)| text.len() > MAX_FIELD_BYTES) {
            return Err(VaultError::TooLong {
                what: "a personal field",
                max_bytes: MAX_FIELD_BYTES,
            });
        }
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let PersonKey::Live { id, key } = self.person_key_or_new(tenant, person).await? else {
            return Err(VaultError::Erased);
        };
        let seal = |(field, text): &(&str, &str)| {
            let sealed = key.seal(&field_place(tenant, person, field, &id), text.as_bytes());
            Sealed {
                sealed: format!("{FORMAT}{}", URL_SAFE_NO_PAD.encode(sealed)),
            }
        };
        Ok(fields.iter().map(seal).collect())
    }

    /// Opens one field; none when the person was erased.
    ///
    /// # Errors
    /// When the value does not belong to this field of this person, or the database fails.
    pub async fn open_person(
        &self,
        tenant: &TenantId,
        person: &str,
        field: &str,
        sealed: &Sealed,
    ) -> Result<Option<String>, VaultError> {
        let mut opened = self.open_many(tenant, &[(person, field, sealed)]).await?;
        Ok(opened.pop().expect("one value gives one answer")?)
    }

    /// Opens many fields of many persons, in their order, with one query for all keys that are not in memory. Each
    /// value has its own outcome: none when the person was erased, `Unreadable` when it does not belong there.
    ///
    /// # Errors
    /// When the database fails, or a key is wrapped by another KEK.
    pub async fn open_many(
        &self,
        tenant: &TenantId,
        values: &[(&str, &str, &Sealed)],
    ) -> Result<Vec<Result<Option<String>, Unreadable>>, VaultError> {
        let mut names: Vec<&str> = values.iter().map(|(person, ..)| *person).collect();
        names.sort_unstable();
        names.dedup();
        let keys = self.known_person_keys(tenant, &names).await?;
        let open = |(person, field, sealed): &(&str, &str, &Sealed)| {
            // Sealed values come from the log, where a key was made before them: a person without a row is a swap.
            let place = names.binary_search(person).map_err(|_| Unreadable)?;
            match keys[place].as_ref().ok_or(Unreadable)? {
                PersonKey::Destroyed => Ok(None),
                PersonKey::Live { id, key } => {
                    open_field(key, &field_place(tenant, person, field, id), sealed).map(Some)
                }
            }
        };
        Ok(values.iter().map(open).collect())
    }

    /// Destroys a person's key: what was sealed for them stays unreadable, and nothing new is sealed. True when there
    /// was something to destroy. Other processes notice within two minutes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn destroy_person(&self, tenant: &TenantId, person: &str) -> Result<bool, VaultError> {
        // The row stands even for a person without a key: erasure may be applied again after a restore, before the
        // key's own row is there.
        let destroyed = sqlx::query_scalar::<_, bool>(
            "with before as (select wrapped is not null as lived from person_keys where tenant = $1 and person = $2)
             insert into person_keys (tenant, person, key_id, tenant_version, wrapped, destroyed_at)
             values ($1, $2, $3, 0, null, now())
             on conflict (tenant, person) do update
               set wrapped = null, destroyed_at = coalesce(person_keys.destroyed_at, now())
             returning coalesce((select lived from before), false)",
        )
        .bind(tenant.as_str())
        .bind(person)
        .bind(crate::clock::fresh_id())
        .fetch_one(&self.inner.pool)
        .await?;
        self.inner
            .person_keys
            .insert((tenant.clone(), Arc::from(person)), PersonKey::Destroyed);
        Ok(destroyed)
    }

    async fn person_key_or_new(&self, tenant: &TenantId, person: &str) -> Result<PersonKey, VaultError> {
        let name = (tenant.clone(), Arc::<str>::from(person));
        if let Some(known) = self.inner.person_keys.get(&name) {
            return Ok(known);
        }
        let wrapping = self.current_tenant_key(tenant).await?;
        let id = crate::clock::fresh_id();
        let place = key_place(tenant, person, &id, &wrapping.version.to_be_bytes()).map(<[u8]>::to_vec);
        let wrapped = wrapping
            .key
            .seal(&place.each_ref().map(Vec::as_slice), Key::generate().bytes());
        // One trip whether the person is new or known. Between the statement's snapshot and its insert another may
        // have committed the row: then both halves are empty, and the second query sees it.
        let row: Option<KeyRow> = sqlx::query_as(
            "with fresh as (
               insert into person_keys (tenant, person, key_id, tenant_version, wrapped) values ($1, $2, $3, $4, $5)
               on conflict do nothing returning person, key_id, tenant_version, wrapped)
             select * from fresh union all
             select person, key_id, tenant_version, wrapped from person_keys where tenant = $1 and person = $2",
        )
        .bind(tenant.as_str())
        .bind(person)
        .bind(id)
        .bind(wrapping.version)
        .bind(wrapped)
        .fetch_optional(&self.inner.pool)
        .await?;
        let row = match row {
            Some(row) => row,
            None => {
                sqlx::query_as(
                    "select person, key_id, tenant_version, wrapped from person_keys where tenant = $1 and person = $2",
                )
                .bind(tenant.as_str())
                .bind(person)
                .fetch_one(&self.inner.pool)
                .await?
            }
        };
        self.remember(tenant, row).await
    }

    /// The keys of these persons (sorted), in their order; none where there is no row.
    async fn known_person_keys(
        &self,
        tenant: &TenantId,
        persons: &[&str],
    ) -> Result<Vec<Option<PersonKey>>, VaultError> {
        let mut keys: Vec<Option<PersonKey>> = persons
            .iter()
            .map(|person| self.inner.person_keys.get(&(tenant.clone(), Arc::from(*person))))
            .collect();
        let missing: Vec<&str> = persons
            .iter()
            .zip(&keys)
            .filter(|(_, key)| key.is_none())
            .map(|(person, _)| *person)
            .collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        let rows: Vec<KeyRow> = sqlx::query_as(
            "select person, key_id, tenant_version, wrapped from person_keys where tenant = $1 and person = any($2)",
        )
        .bind(tenant.as_str())
        .bind(&missing)
        .fetch_all(&self.inner.pool)
        .await?;
        for row in rows {
            let place = persons.binary_search(&row.0.as_str());
            let key = self.remember(tenant, row).await?;
            if let Ok(place) = place {
                keys[place] = Some(key);
            }
        }
        Ok(keys)
    }

    async fn remember(&self, tenant: &TenantId, row: KeyRow) -> Result<PersonKey, VaultError> {
        let (person, id, version, wrapped) = row;
        let key = match wrapped {
            None => PersonKey::Destroyed,
            Some(wrapped) => {
                let wrapping = self.tenant_key(tenant, version).await?;
                let key = wrapping
                    .unwrap_key(&key_place(tenant, &person, &id, &version.to_be_bytes()), &wrapped)?;
                PersonKey::Live { id, key }
            }
        };
        self.inner
            .person_keys
            .insert((tenant.clone(), Arc::from(person)), key.clone());
        Ok(key)
    }
}

fn open_field(key: &Key, place: &[&[u8]], sealed: &Sealed) -> Result<String, Unreadable> {
    let encoded = sealed.sealed.strip_prefix(FORMAT).ok_or(Unreadable)?;
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Unreadable)?;
    let text = key.open(place, &bytes)?;
    std::str::from_utf8(&text)
        .map(str::to_owned)
        .map_err(|_| Unreadable)
}
