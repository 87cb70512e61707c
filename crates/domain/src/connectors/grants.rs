//! What a connector may be granted: entities, and single event types.
//!
//! An entity is what stands before the dot of an event type: `sale` means every `sale.…` event. Deliberately absent: a
//! grant of everything, since an outside system should get what somebody named, and the other names that endpoints'
//! filters know for some types: a feed says each type by its own.

use crate::bounds::check_entries;
use crate::refusal::Refusal;
use crate::webhooks::filters::{is_module, is_type};

const MAX_GRANTS: usize = 50;
const MAX_GRANT_CHARS: usize = 100;

/// # Errors
/// The first grant that is none.
pub(super) fn check(grants: &[String]) -> Result<(), Refusal> {
    if grants.is_empty() {
        return Err(Refusal::ConnectorWithoutGrants {});
    }
    check_entries("grants", grants.len(), MAX_GRANTS)?;
    match grants.iter().position(|grant| !is_grant(grant)) {
        None => Ok(()),
        Some(index) => Err(Refusal::ConnectorGrantInvalid {
            index,
            grant: grants[index].chars().take(MAX_GRANT_CHARS).collect(),
        }),
    }
}

/// # Errors
/// The first grant that no event can match.
pub(super) fn check_known(grants: &[String]) -> Result<(), Refusal> {
    let is_known = |grant: &String| {
        let plain = grant.strip_suffix(".*").unwrap_or(grant);
        is_module(plain) || (plain.len() == grant.len() && is_type(plain))
    };
    match grants.iter().position(|grant| !is_known(grant)) {
        None => Ok(()),
        Some(index) => Err(Refusal::ConnectorGrantUnknown {
            index,
            grant: grants[index].clone(),
        }),
    }
}

/// `sale`, `sale.*`, `sale.completed`.
fn is_grant(grant: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut parts = grant.splitn(2, '.');
    grant.len() <= MAX_GRANT_CHARS
        && parts.next().is_some_and(is_word)
        && parts.next().is_none_or(|kind| kind == "*" || is_word(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_an_entity_or_one_type_of_it_and_never_everything() {
        for good in [
            "sale",
            "transfer_order",
            "inventory.*",
            "sale.completed",
            "inventory.unit_sold",
        ] {
            assert!(is_grant(good), "{good}");
        }
        for bad in [
            "", "*", ".", "*.sale", "sale.", "Sale", "sale*", "sale.x.y", "sale.**", "ventas 1",
        ] {
            assert!(!is_grant(bad), "{bad}");
        }
    }
}
