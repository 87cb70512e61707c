//! Creates the tenant that the command is addressed to. By command line only; the HTTP API has no route for it.

use schemas::events::admin::{StockPolicy, TenantCreated};
use schemas::{Currency, StreamName};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::check_text;
use crate::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Creates the organisation itself, once. Currency, time zone and whether prices include tax are for ever; name and
/// stock policy may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateTenant {
    /// 1 to 200 characters.
    pub name: String,
    pub currency: Currency,
    /// IANA name.
    pub time_zone: String,
    pub prices_include_tax: bool,
    pub stock_policy: StockPolicy,
}

impl Decide for CreateTenant {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let stream: StreamName = streams::tenant();
        if !matches!(work.state(&stream)?, State::Tenant(None)) {
            return Err(Refusal::TenantExists {
                tenant: ctx.tenant.clone(),
            }
            .into());
        }
        check_text("name", &self.name, 200)?;
        business_day::zone(&self.time_zone)?;
        let created = TenantCreated {
            tenant: ctx.tenant.clone(),
            name: self.name.clone(),
            currency: self.currency,
            time_zone: self.time_zone.clone(),
            prices_include_tax: self.prices_include_tax,
            stock_policy: self.stock_policy,
        };
        work.emit(stream, created)?;
        Ok(work.finish(json!({ "tenant": ctx.tenant })))
    }
}
