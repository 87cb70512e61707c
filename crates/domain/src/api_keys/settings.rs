//! What may be set of a key: texts, scopes, stores, the workshop, the hourly limit and the day that it ends.

use schemas::StoreId;
use schemas::events::api_key::ApiKeySettings;
use time::Duration;

use crate::bounds::{check_entries, check_text};
use crate::context::Ctx;
use crate::refusal::ApiKeyRefusal;
use crate::streams;
use crate::work::{Missing, Work};

/// Requests an hour that a key is allowed when nobody says otherwise (API-2).
pub const DEFAULT_REQUESTS_PER_HOUR: i64 = 1_000;
/// Most requests an hour that a key may be allowed.
pub const MAX_REQUESTS_PER_HOUR: i64 = 1_000_000;
/// Stores that one key may be limited to.
const MAX_STORES: usize = 200;
/// A key that ends ends within this time; one that never ends says so.
const MAX_DAYS: i64 = 3_650;

/// Loads the stores that the settings name, then checks everything and brings lists into their stored order.
/// `before` are the settings that hold: what does not change is not checked against the clock again.
///
/// # Errors
/// What is missing or wrong first.
pub(super) fn checked(
    work: &Work<'_>,
    ctx: &Ctx,
    wanted: &ApiKeySettings,
    before: Option<&ApiKeySettings>,
) -> Result<ApiKeySettings, Missing> {
    check_text("name", &wanted.name, 100)?;
    check_text("system", &wanted.system, 100)?;
    check_entries("stores", wanted.stores.len(), MAX_STORES)?;
    let mut settings = wanted.clone();
    settings.scopes.sort_unstable();
    settings.scopes.dedup();
    settings.stores.sort_unstable();
    settings.stores.dedup();
    if settings.scopes.is_empty() {
        return Err(ApiKeyRefusal::WithoutScopes {}.into());
    }
    check_stores(work, &settings.stores)?;
    check_workshop(work, &settings)?;
    let requests_per_hour = settings.requests_per_hour;
    if !(1..=MAX_REQUESTS_PER_HOUR).contains(&requests_per_hour) {
        return Err(ApiKeyRefusal::LimitInvalid {
            requests_per_hour,
            max: MAX_REQUESTS_PER_HOUR,
        }
        .into());
    }
    if let Some(at) = settings.expires_at
        && before.is_none_or(|before| before.expires_at != Some(at))
        && (at <= ctx.now || at > ctx.now + Duration::days(MAX_DAYS))
    {
        return Err(ApiKeyRefusal::ExpiryInvalid { max_days: MAX_DAYS }.into());
    }
    // RFC 3339 has no seconds in offsets, so such a time could not be written to the log.
    settings.expires_at = settings.expires_at.map(|at| at.to_offset(time::UtcOffset::UTC));
    Ok(settings)
}

fn check_stores(work: &Work<'_>, stores: &[StoreId]) -> Result<(), Missing> {
    let named: Vec<_> = stores.iter().map(streams::store).collect();
    work.require(&named)?;
    stores.iter().try_for_each(|store| work.store(store).map(|_| ()))
}

/// A workshop's scopes say nothing without the workshop.
fn check_workshop(work: &Work<'_>, settings: &ApiKeySettings) -> Result<(), Missing> {
    if let Some(supplier_id) = &settings.workshop {
        work.require([&streams::supplier(supplier_id)])?;
        work.supplier(supplier_id)?;
        return Ok(());
    }
    if settings.scopes.iter().any(|scope| scope.is_of_a_workshop()) {
        return Err(ApiKeyRefusal::WithoutWorkshop {}.into());
    }
    Ok(())
}
