//! Which events a connector is granted: entities, and single types.
//!
//! Not here: what may be granted at all (the rules check that before it gets into the log).

/// A connector's grants, ready for use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants(Vec<String>);

impl Grants {
    pub fn new(grants: &[String]) -> Self {
        let plain = |grant: &String| grant.strip_suffix(".*").unwrap_or(grant).to_owned();
        Self(grants.iter().map(plain).collect())
    }

    pub fn matches(&self, event_type: &str) -> bool {
        let entity = entity(event_type);
        self.0.iter().any(|grant| grant == entity || grant == event_type)
    }
}

/// What stands before the dot of an event type: `sale` of `sale.completed`.
pub fn entity(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_grants_all_its_types_and_a_type_itself_only() {
        let grants: Vec<String> = ["sale", "customer.*", "inventory.adjusted"]
            .map(str::to_owned)
            .into();
        let grants = Grants::new(&grants);
        for granted in [
            "sale.completed",
            "sale.voided",
            "customer.charged",
            "inventory.adjusted",
        ] {
            assert!(grants.matches(granted), "{granted}");
        }
        for other in [
            "inventory.issued",
            "sales_tax.changed",
            "security.audit_event",
            "sal.x",
        ] {
            assert!(!grants.matches(other), "{other}");
        }
    }
}
