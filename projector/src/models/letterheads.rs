//! What stands on the tenant's documents.

use schemas::Event;
use schemas::events::SettingsEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// The letterhead of one tenant.
    LetterheadRow, LetterheadKey {
        key { tenant: String }
        legal_name: String,
        tax_id: Option<String>,
        address: Option<String>,
        phone: Option<String>,
        email: Option<String>,
        website: Option<String>,
        footer_es: Option<String>,
        footer_en: Option<String>,
        last_position: i64,
        changed_at: OffsetDateTime,
    }
}

impl ReadModel for LetterheadRow {
    const NAME: &'static str = "letterheads";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<LetterheadKey> {
        let Event::Settings(SettingsEvent::LetterheadSet(_)) = &fact.event else {
            return Vec::new();
        };
        vec![LetterheadKey {
            tenant: fact.tenant.clone(),
        }]
    }

    fn fold(_: Option<Self>, key: &LetterheadKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Settings(SettingsEvent::LetterheadSet(set)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        Ok(LetterheadRow {
            tenant: key.tenant.clone(),
            legal_name: set.legal_name.clone(),
            tax_id: set.tax_id.clone(),
            address: set.address.clone(),
            phone: set.phone.clone(),
            email: set.email.clone(),
            website: set.website.clone(),
            footer_es: set.footer_es.clone(),
            footer_en: set.footer_en.clone(),
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
    fn a_letterhead_replaces_the_one_before_as_a_whole() {
        let set = |fields| event("admin.letterhead_set", fields);
        let rows = folded::<LetterheadRow>([
            set(json!({"legal_name": "Celulares", "phone": "1"})),
            set(json!({"legal_name": "Celulares Tegus", "footer_es": "Gracias"})),
        ])
        .unwrap();
        let row = &rows[0];
        assert_eq!(
            (
                row.legal_name.as_str(),
                row.phone.as_deref(),
                row.footer_es.as_deref()
            ),
            ("Celulares Tegus", None, Some("Gracias"))
        );
    }
}
