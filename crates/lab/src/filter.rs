//! Which event types a webhook endpoint asks for, read from the documents and not from the dispatcher.
//!
//! Not here: from which position on (`verify::webhooks`, `replay::expected`).

/// `*`, `module.*` or one type; `sales.` means `sale.`, since the first partners wrote it so.
pub fn matches(patterns: &[impl AsRef<str>], event_type: &str) -> bool {
    patterns.iter().any(|pattern| {
        let pattern = pattern.as_ref();
        let pattern = pattern
            .strip_prefix("sales.")
            .map_or_else(|| pattern.to_owned(), |rest| format!("sale.{rest}"));
        pattern == "*"
            || pattern == event_type
            || pattern.strip_suffix(".*").is_some_and(|module| {
                event_type
                    .strip_prefix(module)
                    .is_some_and(|rest| rest.starts_with('.'))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_pattern_needs_the_dot() {
        assert!(matches(&["sale.*"], "sale.completed"));
        assert!(!matches(&["sale.*"], "sales_tax.changed"));
    }

    #[test]
    fn the_first_partners_plural_means_the_same_module() {
        assert!(matches(&["sales.*"], "sale.completed"));
        assert!(matches(&["*"], "customer.charged"));
        assert!(!matches(&["sale.voided"], "sale.completed"));
    }
}
