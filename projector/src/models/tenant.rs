//! The tenant's own settings. Its tax rates are rows of `tax_rates`.

use schemas::Event;
use schemas::events::AdminEvent;
use schemas::events::admin::StockPolicy;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One tenant.
    TenantRow, TenantKey {
        key { tenant: String }
        name: String,
        currency: String,
        /// IANA name.
        time_zone: String,
        prices_include_tax: bool,
        /// `strict` or `allow_negative`.
        stock_policy: String,
        last_position: i64,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

fn policy_name(policy: StockPolicy) -> &'static str {
    match policy {
        StockPolicy::Strict => "strict",
        StockPolicy::AllowNegative => "allow_negative",
    }
}

impl ReadModel for TenantRow {
    const NAME: &'static str = "tenant";
    const VERSION: i32 = 2;

    fn keys(fact: &Fact) -> Vec<TenantKey> {
        match &fact.event {
            Event::Admin(
                AdminEvent::TenantCreated(_)
                | AdminEvent::TenantRenamed(_)
                | AdminEvent::StockPolicyChanged(_),
            ) => {
                vec![TenantKey {
                    tenant: fact.tenant.clone(),
                }]
            }
            _ => Vec::new(),
        }
    }

    fn fold(row: Option<Self>, key: &TenantKey, fact: &Fact) -> Result<Self, FoldError> {
        match &fact.event {
            Event::Admin(AdminEvent::TenantCreated(e)) => Ok(TenantRow {
                tenant: key.tenant.clone(),
                name: e.name.clone(),
                currency: e.currency.code().to_owned(),
                time_zone: e.time_zone.clone(),
                prices_include_tax: e.prices_include_tax,
                stock_policy: policy_name(e.stock_policy).to_owned(),
                last_position: fact.position,
                created_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            }),
            Event::Admin(AdminEvent::TenantRenamed(e)) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.name.clone_from(&e.name);
                row.last_position = fact.position;
                row.changed_at = fact.recorded_at;
                Ok(row)
            }
            Event::Admin(AdminEvent::StockPolicyChanged(e)) => {
                let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
                row.stock_policy = policy_name(e.stock_policy).to_owned();
                row.last_position = fact.position;
                row.changed_at = fact.recorded_at;
                Ok(row)
            }
            _ => Err(FoldError::foreign(fact)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn a_new_policy_leaves_the_other_settings_alone() {
        let rows = folded::<TenantRow>([
            event(
                "admin.tenant_created",
                json!({"tenant": "t1", "name": "Tienda", "currency": "HNL", "time_zone": "America/Tegucigalpa",
                       "prices_include_tax": true, "stock_policy": "strict"}),
            ),
            event("admin.stock_policy_changed", json!({"stock_policy": "allow_negative"})),
            event("admin.tenant_renamed", json!({"name": "Tiendas del Sur"})),
        ])
        .unwrap();
        assert_eq!(
            (rows[0].stock_policy.as_str(), rows[0].currency.as_str()),
            ("allow_negative", "HNL")
        );
        assert_eq!(rows[0].name, "Tiendas del Sur");
    }
}
