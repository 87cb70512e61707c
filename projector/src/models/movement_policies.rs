//! From which size on movements wait for approval (INV-3); no row while the tenant never said so.

use schemas::Event;
use schemas::events::PolicyEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// The tenant's rule.
    MovementPolicyRow, MovementPolicyKey {
        key { tenant: String }
        max_quantity: Option<i64>,
        max_value_minor: Option<i64>,
        set_by: String,
        set_at: OffsetDateTime,
        last_position: i64,
    }
}

impl ReadModel for MovementPolicyRow {
    const NAME: &'static str = "movement_policies";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<MovementPolicyKey> {
        let Event::Policy(PolicyEvent::MovementPolicySet(_)) = &fact.event else {
            return Vec::new();
        };
        vec![MovementPolicyKey {
            tenant: fact.tenant.clone(),
        }]
    }

    fn fold(_: Option<Self>, key: &MovementPolicyKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Policy(PolicyEvent::MovementPolicySet(set)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        Ok(MovementPolicyRow {
            tenant: key.tenant.clone(),
            max_quantity: set.max_quantity,
            max_value_minor: set.max_value_minor.map(schemas::Minor::get),
            set_by: fact.actor().to_owned(),
            set_at: fact.recorded_at,
            last_position: fact.position,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn the_newest_rule_holds() {
        let rows = folded::<MovementPolicyRow>([
            event("admin.movement_policy_set", json!({"max_quantity": 5})),
            event("admin.movement_policy_set", json!({"max_value_minor": 900})),
        ])
        .unwrap();
        assert_eq!((rows[0].max_quantity, rows[0].max_value_minor), (None, Some(900)));
    }
}
