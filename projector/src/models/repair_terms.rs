//! Targets and warranty of repairs, where the tenant has set them.

use schemas::Event;
use schemas::events::SettingsEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// The terms of one tenant.
    RepairTermsRow, RepairTermsKey {
        key { tenant: String }
        low_target_s: i64,
        normal_target_s: i64,
        high_target_s: i64,
        urgent_target_s: i64,
        warranty_days: i64,
        last_position: i64,
        changed_at: OffsetDateTime,
    }
}

impl ReadModel for RepairTermsRow {
    const NAME: &'static str = "repair_terms";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<RepairTermsKey> {
        let Event::Settings(SettingsEvent::RepairTermsSet(_)) = &fact.event else {
            return Vec::new();
        };
        vec![RepairTermsKey {
            tenant: fact.tenant.clone(),
        }]
    }

    fn fold(_: Option<Self>, key: &RepairTermsKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Settings(SettingsEvent::RepairTermsSet(terms)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        Ok(RepairTermsRow {
            tenant: key.tenant.clone(),
            low_target_s: terms.low_target_s,
            normal_target_s: terms.normal_target_s,
            high_target_s: terms.high_target_s,
            urgent_target_s: terms.urgent_target_s,
            warranty_days: terms.warranty_days,
            last_position: fact.position,
            changed_at: fact.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn the_newest_terms_hold() {
        let set = |urgent_target_s: i64| {
            event(
                "admin.repair_terms_set",
                json!({"low_target_s": 4, "normal_target_s": 3, "high_target_s": 2,
                       "urgent_target_s": urgent_target_s, "warranty_days": 90}),
            )
        };
        let rows = folded::<RepairTermsRow>([set(1), set(60)]).unwrap();
        assert_eq!((rows.len(), rows[0].urgent_target_s), (1, 60));
    }
}
