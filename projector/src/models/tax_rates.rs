//! The tenant's tax rates, as sales from now on use them.

use schemas::Event;
use schemas::events::AdminEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One rate.
    TaxRateRow, TaxRateKey {
        key { tenant: String, tax_code: String }
        name: String,
        /// Parts per million: 150,000 is 15 %.
        rate_ppm: i64,
        last_position: i64,
        changed_at: OffsetDateTime,
    }
}

impl ReadModel for TaxRateRow {
    const NAME: &'static str = "tax_rates";
    const VERSION: i32 = 1;

    fn keys(fact: &Fact) -> Vec<TaxRateKey> {
        let Event::Admin(AdminEvent::TaxRateSet(e)) = &fact.event else {
            return Vec::new();
        };
        vec![TaxRateKey {
            tenant: fact.tenant.clone(),
            tax_code: e.tax_code.to_string(),
        }]
    }

    fn fold(_: Option<Self>, key: &TaxRateKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Admin(AdminEvent::TaxRateSet(e)) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        Ok(TaxRateRow {
            tenant: key.tenant.clone(),
            tax_code: key.tax_code.clone(),
            name: e.name.clone(),
            rate_ppm: e.rate_ppm,
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
    fn the_last_rate_of_a_code_holds() {
        let set = |rate: i64| {
            event(
                "admin.tax_rate_set",
                json!({"tax_code": "ISV15", "name": "ISV", "rate_ppm": rate}),
            )
        };
        let rows = folded::<TaxRateRow>([set(120_000), set(150_000)]).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].rate_ppm, 150_000);
    }
}
