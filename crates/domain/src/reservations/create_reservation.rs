//! Keeps goods for somebody for a while, by the rules by which a sale takes them.

use schemas::events::reservation::{ReservationCreated, ReservedLine};
use schemas::events::sale::DraftLine;
use schemas::{CustomerId, Quantity, ReservationId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime, UtcOffset};

use super::reservation::holder;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::sales::{load_lines, resolve_lines};
use crate::state::State;
use crate::stock::{Goods, Kept, has_stock, keep};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// A reservation that is not confirmed lasts at most 90 days, in seconds.
pub const MAX_EXPIRY_S: i64 = 90 * 24 * 60 * 60;

/// Keeps goods of an open store from everybody else until a time, unless it is confirmed before. They must be on sale
/// and available as for a sale; services cannot be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateReservation {
    /// Absent: one is generated.
    #[serde(default)]
    pub reservation_id: Option<ReservationId>,
    pub store: StoreId,
    /// Absent: for nobody in particular; whichever sale names the reservation may take the goods.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// 1 to 1,000.
    pub lines: Vec<ReservationLineRequest>,
    /// Either this or `expires_in_s`: from now to 90 days ahead.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// From 1 to [`MAX_EXPIRY_S`] seconds.
    #[serde(default)]
    pub expires_in_s: Option<i64>,
}

/// So many pieces of an item, or one unit; serialised items need the unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationLineRequest {
    /// Absent when `unit` names the goods.
    #[serde(default)]
    pub sku: Option<Sku>,
    #[serde(default)]
    pub unit: Option<UnitId>,
    /// Pieces; 1 when `unit` is given.
    pub quantity: Quantity,
}

impl Decide for CreateReservation {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        if self.lines.is_empty() {
            return Err(Refusal::LinesMissing {}.into());
        }
        let reservation_id = self.id(ctx);
        let stream = streams::reservation(&reservation_id);
        let lines = self.draft_lines();
        let mut others = vec![streams::tenant(), streams::store(&self.store), stream.clone()];
        others.extend(self.customer_id.iter().map(streams::customer));
        let skus = load_lines(&work, others, &self.store, &lines)?;
        let tenant = work.tenant(&ctx.tenant)?;
        let policy = tenant.stock_policy;
        work.open_store(&self.store)?;
        if let Some(customer) = &self.customer_id {
            work.customer(customer)?;
        }
        if !matches!(work.state(&stream)?, State::Reservation(None)) {
            return Err(Refusal::ReservationExists { reservation_id }.into());
        }
        let expires_at = self.expiry(ctx)?;
        let resolved = resolve_lines(&work, tenant, &lines, skus)?;
        let goods: Vec<Goods> = resolved.into_iter().map(|line| line.goods).collect();
        if let Some(service) = goods.iter().find(|goods| !has_stock(goods.kind)) {
            let sku = service.sku.clone();
            return Err(Refusal::StockOfService { sku }.into());
        }
        let created = ReservationCreated {
            reservation_id: reservation_id.clone(),
            store: self.store.clone(),
            customer_id: self.customer_id.clone(),
            lines: reserved_lines(&goods),
            expires_at,
        };
        let mut answer = json!(created);
        answer["status"] = json!("pending");
        work.emit(stream, created)?;
        let holder = holder(&reservation_id);
        keep(&mut work, policy, &self.store, &holder, &goods, &Kept::default())?;
        Ok(work.finish(answer))
    }
}

impl CreateReservation {
    fn id(&self, ctx: &Ctx) -> ReservationId {
        ctx.given_or_fresh(self.reservation_id.as_ref(), "reservation")
    }

    /// The lines as a sale would ask for them.
    fn draft_lines(&self) -> Vec<DraftLine> {
        let line = |request: &ReservationLineRequest| DraftLine {
            sku: request.sku.clone(),
            unit: request.unit.clone(),
            quantity: request.quantity,
            unit_price_minor: None,
            discount: None,
        };
        self.lines.iter().map(line).collect()
    }

    /// When it is over; in UTC and to the microsecond, as databases keep times.
    fn expiry(&self, ctx: &Ctx) -> Result<OffsetDateTime, Refusal> {
        let invalid = || Refusal::ReservationExpiryInvalid { max_s: MAX_EXPIRY_S };
        let at = match (self.expires_at, self.expires_in_s) {
            (Some(at), None) => at,
            (None, Some(seconds)) if (1..=MAX_EXPIRY_S).contains(&seconds) => {
                ctx.now + Duration::seconds(seconds)
            }
            (None | Some(_), None | Some(_)) => return Err(invalid()),
        };
        let at = at.to_offset(UtcOffset::UTC);
        let at = at
            .replace_nanosecond(at.microsecond() * 1_000)
            .map_err(|_| invalid())?;
        if at <= ctx.now || at > ctx.now + Duration::seconds(MAX_EXPIRY_S) {
            return Err(invalid());
        }
        Ok(at)
    }
}

fn reserved_lines(goods: &[Goods]) -> Vec<ReservedLine> {
    let line = |(number, goods): (i64, &Goods)| ReservedLine {
        line: number,
        sku: goods.sku.clone(),
        unit: goods.unit.clone(),
        quantity: goods.quantity,
    };
    (1..).zip(goods).map(line).collect()
}
