//! Opens the personal fields of a page through the vault: one call per page, after its transaction is over.
//!
//! A field of a person whose key was destroyed is absent. One that cannot be opened for another reason is absent, too,
//! and logged as the fault that it is.

use platform::http::Problem;
use platform::vault::Vault;
use schemas::{Sealed, TenantId};

use crate::failure::unavailable;

/// A sealed field of somebody.
#[derive(Debug)]
pub struct SealedField {
    /// `customer/<id>` or `user/<username>`.
    pub person: String,
    /// The event's field name.
    pub field: &'static str,
    pub value: Sealed,
}

/// Opens fields in their order; absent ones stay absent.
///
/// # Errors
/// 503 when the vault fails.
pub async fn open(
    vault: &Vault,
    tenant: &TenantId,
    fields: Vec<Option<SealedField>>,
) -> Result<Vec<Option<String>>, Problem> {
    let present: Vec<(&str, &str, &Sealed)> = fields
        .iter()
        .flatten()
        .map(|field| (field.person.as_str(), field.field, &field.value))
        .collect();
    let opened = vault.open_many(tenant, &present).await.map_err(unavailable)?;
    let mut opened = opened.into_iter();
    let texts = fields.iter().map(|field| {
        let field = field.as_ref()?;
        opened.next()?.unwrap_or_else(|_| {
            tracing::error!(field = field.field, "a sealed field cannot be opened");
            None
        })
    });
    Ok(texts.collect())
}
