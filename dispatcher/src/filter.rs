//! Which event types an endpoint asked for (WHK-1, WHK-7).
//!
//! `*` is everything, `sale.*` a module, `sale.completed` one type. `sales.*` means `sale.*`, since partners write it
//! that way, and some types also have the Spanish names that partners' systems know. Deliberately absent: filters on
//! what an event holds.

pub use schemas::events::webhook::SPANISH_NAMES as SPANISH;

/// The Spanish name whose events have a body of their own.
pub const STOCK_BAJO: &str = "stock_bajo";

/// An endpoint's patterns; an event passes when one of them matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Everything,
    /// With the dot at its end.
    Module(String),
    Exact(String),
    /// By its Spanish name: the name, and the type.
    Spanish(&'static str, &'static str),
}

/// By which of its names an event was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedAs {
    /// Its own, or a pattern.
    Type,
    Spanish(&'static str),
}

impl Filter {
    pub fn new(event_types: &[String]) -> Self {
        Self(event_types.iter().map(|text| Pattern::parse(text)).collect())
    }

    /// How an event's type was asked for, by the first pattern that matches; `None` when it was not.
    pub fn find(&self, event_type: &str) -> Option<AskedAs> {
        self.0.iter().find_map(|pattern| pattern.find(event_type))
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        if text == "*" {
            return Pattern::Everything;
        }
        if let Some((name, event_type)) = SPANISH.into_iter().find(|(name, _)| *name == text) {
            return Pattern::Spanish(name, event_type);
        }
        let text = text
            .strip_prefix("sales.")
            .map_or_else(|| text.to_owned(), |rest| format!("sale.{rest}"));
        match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('.') => Pattern::Module(prefix.to_owned()),
            // A star elsewhere is no wildcard: creating an endpoint refuses it, and here it matches nothing.
            _ => Pattern::Exact(text),
        }
    }

    fn find(&self, event_type: &str) -> Option<AskedAs> {
        match self {
            Pattern::Everything => Some(AskedAs::Type),
            Pattern::Module(prefix) => event_type.starts_with(prefix.as_str()).then_some(AskedAs::Type),
            Pattern::Exact(name) => (event_type == name).then_some(AskedAs::Type),
            Pattern::Spanish(name, meant) => (event_type == *meant).then_some(AskedAs::Spanish(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(patterns: &[&str], event_type: &str) -> Option<AskedAs> {
        Filter::new(&patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()).find(event_type)
    }

    fn matches(patterns: &[&str], event_type: &str) -> bool {
        find(patterns, event_type).is_some()
    }

    #[test]
    fn a_star_matches_everything_and_a_module_its_own_types_only() {
        assert!(matches(&["*"], "webhook.test_requested"));
        assert!(matches(&["sale.*"], "sale.completed"));
        assert!(!matches(&["sale.*"], "sales_tax.changed"));
        assert!(!matches(&["sale.*"], "stock.received"));
    }

    #[test]
    fn an_exact_name_matches_itself_only() {
        assert!(matches(&["customer.charged", "sale.voided"], "sale.voided"));
        assert!(!matches(&["sale.void"], "sale.voided"));
        assert!(!matches(&["sale*"], "sale.voided"));
        assert!(!matches(&[], "sale.voided"));
    }

    #[test]
    fn the_plural_of_partners_means_sale() {
        assert!(matches(&["sales.*"], "sale.completed"));
        assert!(matches(&["sales.completed"], "sale.completed"));
        assert!(!matches(&["sales.completed"], "sale.voided"));
    }

    #[test]
    fn spanish_names_mean_one_type_each_and_such_types_exist() {
        for (name, event_type) in SPANISH {
            assert_eq!(find(&[name], event_type), Some(AskedAs::Spanish(name)));
            assert!(!matches(&[name], "inventory.adjusted"));
            assert!(
                schemas::Event::types().any(|known| known.name == event_type),
                "{event_type}"
            );
        }
    }

    #[test]
    fn the_first_pattern_that_matches_says_how_it_was_asked_for() {
        let breach = "inventory.threshold_breach";
        assert_eq!(find(&["inventory.*", STOCK_BAJO], breach), Some(AskedAs::Type));
        assert_eq!(
            find(&[STOCK_BAJO, "*"], breach),
            Some(AskedAs::Spanish(STOCK_BAJO))
        );
    }
}
