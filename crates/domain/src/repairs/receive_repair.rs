//! Takes a customer's device in: one that we sold, whose warranty follows from the sale, or one that we never saw.

use schemas::events::repair::{RepairDevice, RepairPriority, RepairReceived, SoldDevice};
use schemas::events::settings::{RepairTermsSet, Series};
use schemas::{CustomerId, OrderId, RepairId, SaleId, Sku, StoreId, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::repair::document;
use super::{clock, warranty};
use crate::admin::next_number;
use crate::bounds::{check_entries, check_optional_text, check_text};
use crate::business_day::business_day;
use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::RepairRefusal;
use crate::sales::Sale;
use crate::state::State;
use crate::stock::{Place, take_custody};
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// A device may be promised for at most a year ahead.
const MAX_PROMISE_DAYS: i64 = 366;
const MAX_ACCESSORIES: usize = 50;

/// Takes a device into custody in an open store and starts its target's clock. Refused for a device that is goods of
/// ours or that another repair has, and for an archived customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveRepair {
    /// Absent: one is generated.
    #[serde(default)]
    pub repair_id: Option<RepairId>,
    pub store: StoreId,
    pub customer_id: CustomerId,
    /// The device's IMEI or serial number.
    pub unit: UnitId,
    /// Make and model, at most 200 characters; absent: the article's name. A device that we did not sell needs it.
    #[serde(default)]
    pub description: Option<String>,
    /// At most 50, of at most 100 characters each.
    #[serde(default)]
    pub accessories: Vec<String>,
    /// What the customer says is wrong; 1 to 2,000 characters.
    pub fault: String,
    pub priority: RepairPriority,
    /// When the customer was told that it would be ready: at most 366 days ahead. Absent: nothing was promised.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub promised_at: Option<OffsetDateTime>,
}

/// Where the device comes from.
enum Origin {
    Sold { sale_id: SaleId, sku: Sku },
    Delivered { order_id: OrderId, sku: Sku },
    Elsewhere,
}

impl Decide for ReceiveRepair {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let repair_id = self.id(ctx);
        let stream = streams::repair(&repair_id);
        work.require([
            &streams::tenant(),
            &streams::store(&self.store),
            &streams::customer(&self.customer_id),
            &stream,
            &streams::unit(&self.unit),
        ])?;
        let tenant = work.tenant(&ctx.tenant)?;
        let today = business_day(ctx.now, &tenant.time_zone)?;
        let sla_target_s = target_s(&tenant.repair_terms, self.priority);
        work.open_store(&self.store)?;
        work.customer(&self.customer_id)?
            .check_may_buy(&self.customer_id)?;
        if !matches!(work.state(&stream)?, State::Repair(None)) {
            return Err(RepairRefusal::RepairExists { repair_id }.into());
        }
        self.check(ctx)?;
        let device = self.device(&work, &tenant.time_zone)?;
        let warranty_until = self.warranty_until(&work, &device)?;
        let number = next_number(&mut work, Series::Repair, &document(&repair_id))?;
        take_custody(&mut work, &self.unit, &repair_id)?;
        let received = RepairReceived {
            repair_id,
            store: self.store.clone(),
            customer_id: self.customer_id.clone(),
            number,
            device,
            accessories: self.accessories.clone(),
            fault: self.fault.clone(),
            priority: self.priority,
            promised_at: self.promised_at.map(clock::moment),
            under_warranty: warranty_until.as_ref().is_some_and(|until| *until >= today),
            warranty_until,
            sla_target_s,
            sla: clock::started(sla_target_s, ctx.now),
        };
        let mut answer = json!(received);
        answer["status"] = json!("received");
        work.emit(stream, received)?;
        Ok(work.finish(answer))
    }
}

impl ReceiveRepair {
    fn id(&self, ctx: &Ctx) -> RepairId {
        ctx.given_or_fresh(self.repair_id.as_ref(), "repair")
    }

    fn check(&self, ctx: &Ctx) -> Result<(), Missing> {
        check_optional_text("description", self.description.as_deref(), 200)?;
        check_entries("accessories", self.accessories.len(), MAX_ACCESSORIES)?;
        for (index, accessory) in self.accessories.iter().enumerate() {
            check_text(&format!("accessories/{index}"), accessory, 100)?;
        }
        check_text("fault", &self.fault, 2_000)?;
        let latest = ctx.now + Duration::days(MAX_PROMISE_DAYS);
        if self.promised_at.is_some_and(|at| at <= ctx.now || at > latest) {
            let days = MAX_PROMISE_DAYS;
            return Err(RepairRefusal::PromiseInvalid { days }.into());
        }
        Ok(())
    }

    /// The device and, if we sold it, the sale or the order and the article's warranty.
    fn device(&self, work: &Work<'_>, time_zone: &str) -> Result<RepairDevice, Missing> {
        let (sku, sold_on, sale_id, order_id) = match self.origin(work)? {
            Origin::Elsewhere => {
                let description = self.description.clone();
                return Ok(RepairDevice {
                    unit: self.unit.clone(),
                    description: description.ok_or(RepairRefusal::DescriptionRequired {})?,
                    sold: None,
                });
            }
            Origin::Sold { sale_id, sku } => {
                work.require([&streams::sale(&sale_id), &streams::item(&sku)])?;
                // A sale that was undone since then says nothing about the day.
                let sold_on = match work.sale(&sale_id)? {
                    Sale::Completed(sold) => Some(sold.business_day.clone()),
                    Sale::Draft(_) | Sale::Discarded | Sale::Voided { .. } => None,
                };
                (sku, sold_on, Some(sale_id), None)
            }
            Origin::Delivered { order_id, sku } => {
                work.require([&streams::order(&order_id), &streams::item(&sku)])?;
                let delivered_at = work.order(&order_id)?.delivered_at(&self.unit);
                let sold_on = delivered_at.map(|at| business_day(at, time_zone)).transpose()?;
                (sku, sold_on, None, Some(order_id))
            }
        };
        let item = work.item(&sku)?;
        let description = self.description.clone().unwrap_or_else(|| item.name.clone());
        let warranty_months = item.details.warranty_months;
        Ok(RepairDevice {
            unit: self.unit.clone(),
            description,
            sold: sold_on.map(|sold_on| SoldDevice {
                sale_id,
                order_id,
                sku,
                sold_on,
                warranty_months,
            }),
        })
    }

    fn origin(&self, work: &Work<'_>) -> Result<Origin, Missing> {
        let Some(known) = work.known_unit(&self.unit)? else {
            return Ok(Origin::Elsewhere);
        };
        let ours = || RepairRefusal::DeviceIsStock {
            unit: self.unit.clone(),
        };
        match &known.place {
            Place::Sold { sale_id } => Ok(Origin::Sold {
                sale_id: sale_id.clone(),
                sku: known.sku.clone(),
            }),
            Place::Away { document } if document.starts_with("order/") => {
                // What an order delivered is with its customer, as if it had been sold at the till that day.
                let order_id = document.strip_prefix("order/").and_then(|id| id.parse().ok());
                Ok(order_id.map_or(Origin::Elsewhere, |order_id| Origin::Delivered {
                    order_id,
                    sku: known.sku.clone(),
                }))
            }
            // What went back to its supplier is the supplier's, and may have found another owner.
            Place::Away { document } if document.starts_with("purchase/") => Ok(Origin::Elsewhere),
            // Whoever brings what we wrote off has it.
            Place::WrittenOff => Ok(Origin::Elsewhere),
            Place::InStock { .. } | Place::Away { .. } => Err(ours().into()),
        }
    }

    /// The later of the article's warranty and that of an earlier repair.
    fn warranty_until(&self, work: &Work<'_>, device: &RepairDevice) -> Result<Option<String>, Missing> {
        let of_sale = device.sold.as_ref().and_then(|sold| {
            let months = sold.warranty_months.filter(|months| *months > 0)?;
            warranty::months_after(&sold.sold_on, months)
        });
        let of_repair = work.custody(&self.unit)?.warranty_until.clone();
        Ok(of_sale.max(of_repair))
    }
}

fn target_s(terms: &RepairTermsSet, priority: RepairPriority) -> i64 {
    match priority {
        RepairPriority::Low => terms.low_target_s,
        RepairPriority::Normal => terms.normal_target_s,
        RepairPriority::High => terms.high_target_s,
        RepairPriority::Urgent => terms.urgent_target_s,
    }
}
