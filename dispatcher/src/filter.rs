//! Which event types an endpoint asked for (WHK-1).
//!
//! `*` is everything, `sale.*` a module, `sale.completed` one type. `sales.*` means `sale.*`, since partners write it
//! that way. Deliberately absent: filters on what an event holds.

/// An endpoint's patterns; an event passes when one of them matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Everything,
    /// With the dot at its end.
    Module(String),
    Exact(String),
}

impl Filter {
    pub fn new(event_types: &[String]) -> Self {
        Self(event_types.iter().map(|text| Pattern::parse(text)).collect())
    }

    pub fn matches(&self, event_type: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Everything => true,
            Pattern::Module(prefix) => event_type.starts_with(prefix.as_str()),
            Pattern::Exact(name) => event_type == name,
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        if text == "*" {
            return Pattern::Everything;
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(patterns: &[&str], event_type: &str) -> bool {
        Filter::new(&patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()).matches(event_type)
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
}
