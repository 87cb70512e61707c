//! Which events an endpoint may ask for: patterns that some event can match, and what administrators alone may send out.
//!
//! Not here: matching (the dispatcher's), and the form of a pattern's words (`settings`).

use schemas::Event;
use schemas::envelope::Actor;
use schemas::events::webhook::SPANISH_NAMES;

use crate::context::Ctx;
use crate::refusal::Refusal;

const EVERYTHING: &str = "*";
/// What partners write for `sale`.
const PLURAL: &str = "sales.";
/// Modules whose events only administrators may send to somebody: managers do not get to read them either.
const RESERVED_MODULES: [&str; 4] = ["admin", "connector", "security", "webhook"];

/// Whether this build can write an event of this type.
pub(crate) fn is_type(name: &str) -> bool {
    Event::types().any(|known| known.name == name)
}

/// Whether this build can write events of this module. More types come with later builds, hence modules are what is
/// asked for first.
pub(crate) fn is_module(name: &str) -> bool {
    Event::types().any(|known| module_of(known.name) == name)
}

fn module_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}

/// The pattern without names that only mean another.
fn plain(pattern: &str) -> String {
    if let Some((_, meant)) = SPANISH_NAMES.iter().find(|(name, _)| *name == pattern) {
        return (*meant).to_owned();
    }
    match pattern.strip_prefix(PLURAL) {
        Some(rest) => format!("sale.{rest}"),
        None => pattern.to_owned(),
    }
}

/// # Errors
/// The first pattern that no event can match.
pub(super) fn check_known(patterns: &[String]) -> Result<(), Refusal> {
    let is_known = |pattern: &String| {
        let plain = plain(pattern);
        match plain.strip_suffix(".*") {
            Some(module) => is_module(module),
            None => plain == EVERYTHING || is_type(&plain),
        }
    };
    match patterns.iter().position(|pattern| !is_known(pattern)) {
        None => Ok(()),
        Some(index) => Err(Refusal::EndpointFilterUnknown {
            index,
            pattern: patterns[index].clone(),
        }),
    }
}

/// Whether an event that is reserved to administrators matches one of the patterns.
pub(super) fn reach_reserved(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| {
        let plain = plain(pattern);
        plain == EVERYTHING || RESERVED_MODULES.contains(&module_of(&plain))
    })
}

/// # Errors
/// When reserved events are at stake and no administrator acts. The platform's own parts act for administrators.
pub(super) fn check_who(ctx: &Ctx, reserved: bool) -> Result<(), Refusal> {
    let may = match &ctx.actor {
        Actor::User { role, .. } => role == "admin",
        Actor::System { .. } => true,
        Actor::ApiKey { .. } => false,
    };
    if may || !reserved {
        Ok(())
    } else {
        Err(Refusal::EndpointReserved {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(pattern: &str) -> bool {
        check_known(&[pattern.to_owned()]).is_ok()
    }

    #[test]
    fn types_modules_and_their_other_names_are_known_and_nothing_else() {
        for good in [
            "*",
            "sale.*",
            "sales.*",
            "sale.completed",
            "sales.completed",
            "stock_bajo",
            "movimiento_creado",
            "transfer_order.*",
            "security.*",
        ] {
            assert!(known(good), "{good}");
        }
        for bad in [
            "nope.*",
            "inventory.nope",
            "sale",
            "sales",
            "sales.nope",
            "sale.completed.*",
            "stock_bajo.*",
            "movimiento",
        ] {
            assert!(!known(bad), "{bad}");
        }
        assert!(Event::types().all(|kind| known(kind.name)));
    }

    #[test]
    fn the_reserved_modules_exist_and_only_their_patterns_and_the_star_reach_them() {
        let reaches = |pattern: &str| reach_reserved(&["sale.*".to_owned(), pattern.to_owned()]);
        for module in RESERVED_MODULES {
            assert!(is_module(module), "{module}");
            assert!(reaches(&format!("{module}.*")));
        }
        assert!(reaches("*") && reaches("admin.user_created") && reaches("webhook.test_requested"));
        assert!(!reaches("customer.*") && !reaches("stock_bajo") && !reaches("settings.*"));
    }
}
