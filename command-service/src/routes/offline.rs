//! Sales that tills took without a network, and the decisions about those that collided (POS-5).

use std::sync::Arc;

use domain::offline::{CancelOfflineSale, RecordOfflineSale, ResolveOfflineSale};
use domain::refusal::OfflineRefusal;
use platform::http::{JsonBody, Problem, RequestContext, Text, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::offline::{OfflinePayment, OfflineSale, QuarantineKind, Resolution};
use schemas::events::sale::{Discount, DraftContent, DraftLine};
use schemas::{
    CustomerId, Incarnation, Minor, Quantity, QuarantineId, SaleId, Sku, StoreId, TerminalId, UnitId,
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::parameters;
use crate::http::{CommandAnswer, Http, of_refusal};

/// Sales of one batch: each is a command of its own.
const MAX_SALES: usize = 200;

/// What a till took while it had no network, in its own order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    terminal: TerminalId,
    store: StoreId,
    /// A till that lost its memory begins a new one, and counts from 1.
    incarnation: Incarnation,
    /// 1 to 200, with consecutive numbers.
    sales: Vec<OfflineSaleBody>,
}

/// A sale as the till took it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfflineSaleBody {
    /// The till's own number, from 1, without gaps within an incarnation.
    sequence: i64,
    sale_id: SaleId,
    /// By the till's clock.
    #[serde(with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    occurred_at: OffsetDateTime,
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// At most 1,000.
    lines: Vec<OfflineLineBody>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    discount: Option<Discount>,
    /// At most 50.
    #[serde(default)]
    payments: Vec<OfflinePayment>,
    /// What the till charged, tax included, in minor units of the tenant's currency.
    total_minor: Minor,
}

/// What was sold. Needs a `sku` or a `unit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfflineLineBody {
    #[serde(default)]
    sku: Option<Sku>,
    /// `imei:…` or `serial:…`; then the quantity is 1.
    #[serde(default)]
    unit: Option<UnitId>,
    quantity: Quantity,
    /// What was charged for one.
    unit_price_minor: Minor,
    #[serde(default)]
    discount: Option<Discount>,
}

/// What somebody decides.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResolutionBody {
    resolution: Resolution,
}

/// Why it does not count.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CancellationBody {
    /// What became of goods and money; 1 to 500 characters.
    note: String,
}

/// What became of each sale, in the batch's order.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is composed as bytes")]
struct BatchAnswer {
    sales: Vec<RecordedAnswer>,
    /// The number that this incarnation of the till comes to next.
    expected: i64,
    /// Where the log stood after the last of them.
    position: i64,
}

/// One of them.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is composed as bytes")]
struct RecordedAnswer {
    sequence: i64,
    sale_id: SaleId,
    /// `accepted`, `quarantined` or `duplicate`.
    outcome: String,
    /// Of an accepted sale.
    #[serde(default)]
    total_minor: Option<Minor>,
    /// Of a quarantined sale, now or when it came first.
    #[serde(default)]
    quarantine_id: Option<QuarantineId>,
    #[serde(default)]
    kind: Option<QuarantineKind>,
    /// The refusal's code, such as `unit.sold`.
    #[serde(default)]
    code: Option<String>,
    position: i64,
}

/// Where a sale that collided stands.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct QuarantineAnswer {
    quarantine_id: QuarantineId,
    sale_id: SaleId,
    /// `accepted`, `cancelled`, or `quarantined` when another cause is left.
    status: String,
    #[serde(default)]
    kind: Option<QuarantineKind>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    line: Option<i64>,
    position: i64,
}

pub(super) struct OfflineApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/pos/offline")]
impl OfflineApi {
    /// Send in sales that were taken offline
    ///
    /// Each sale is accepted, quarantined or a duplicate; none holds up the one behind it. Sending a batch again adds
    /// nothing. When an answer is lost, or ends in the middle with 503, send the same batch again.
    #[oai(path = "/batches", method = "post")]
    async fn record_offline_sales(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<BatchBody>,
    ) -> Result<CommandAnswer<BatchAnswer>, Problem> {
        let BatchBody {
            terminal,
            store,
            incarnation,
            sales,
        } = body.0;
        check_numbers(&terminal, &sales)?;
        let (mut recorded, mut position, mut expected) = (Vec::with_capacity(sales.len()), 0, 1);
        for sale in sales {
            let sequence = sale.sequence;
            let command = RecordOfflineSale {
                incarnation: incarnation.clone(),
                sequence,
                sale: sale.taken_at(&store, &terminal),
            };
            let context = of_sale(context.0, sequence);
            let answer: CommandAnswer<RecordedAnswer> = self.0.submit(&context, command).await?;
            let answer: Value = serde_json::from_slice(&answer.into_parts().0).map_err(|error| {
                tracing::error!(%error, "a command's answer is not JSON");
                Problem::new(&codes::INTERNAL)
            })?;
            position = position.max(answer.get("position").and_then(Value::as_i64).unwrap_or(0));
            expected = sequence.saturating_add(1);
            recorded.push(answer);
        }
        let answer = json!({ "sales": recorded, "expected": expected, "position": position });
        Ok(CommandAnswer::composed(answer.to_string().into_bytes(), false))
    }

    /// Decide about a quarantined sale
    ///
    /// The sale is completed, or stays for another cause. Each kind has its own resolution: `serial_sold_twice` and
    /// `unknown_item` are replaced by what was really handed over (`replace_unit`, `replace_item`),
    /// `insufficient_stock` by `accept_negative_stock`, `credit_exceeded` by `accept_over_limit`, `price_changed` by
    /// `accept_prices`; payments that do not come to the total (codes `payment.…`) by `correct_payments`, a time that
    /// cannot be (codes `time.…`) by `correct_time`; `retry` fits all.
    #[oai(path = "/quarantine/:quarantine_id/resolve", method = "post")]
    async fn resolve_offline_sale(
        &self,
        context: Data<&RequestContext>,
        quarantine_id: Path<String>,
        body: JsonBody<ResolutionBody>,
    ) -> Result<CommandAnswer<QuarantineAnswer>, Problem> {
        let command = ResolveOfflineSale {
            quarantine_id: parameters::id(&quarantine_id.0)?,
            resolution: body.0.resolution,
        };
        self.0.submit(context.0, command).await
    }

    /// Decide that a quarantined sale does not count
    #[oai(path = "/quarantine/:quarantine_id/cancel", method = "post")]
    async fn cancel_offline_sale(
        &self,
        context: Data<&RequestContext>,
        quarantine_id: Path<String>,
        body: JsonBody<CancellationBody>,
    ) -> Result<CommandAnswer<QuarantineAnswer>, Problem> {
        let command = CancelOfflineSale {
            quarantine_id: parameters::id(&quarantine_id.0)?,
            note: body.0.note,
        };
        self.0.submit(context.0, command).await
    }
}

impl OfflineSaleBody {
    fn taken_at(self, store: &StoreId, terminal: &TerminalId) -> OfflineSale {
        let line = |line: OfflineLineBody| DraftLine {
            sku: line.sku,
            unit: line.unit,
            quantity: line.quantity,
            unit_price_minor: Some(line.unit_price_minor),
            discount: line.discount,
        };
        OfflineSale {
            sale_id: self.sale_id,
            content: DraftContent {
                store: store.clone(),
                terminal: Some(terminal.clone()),
                customer_id: self.customer_id,
                lines: self.lines.into_iter().map(line).collect(),
                discount: self.discount,
                hold_stock: false,
            },
            payments: self.payments,
            total_minor: self.total_minor,
            occurred_at: self.occurred_at,
        }
    }
}

/// Between 1 and [`MAX_SALES`] sales, with consecutive numbers: a gap within a batch is one that no resending fills.
fn check_numbers(terminal: &TerminalId, sales: &[OfflineSaleBody]) -> Result<(), Problem> {
    if sales.is_empty() || sales.len() > MAX_SALES {
        let detail = Text::fixed("Un lote tiene de 1 a 200 ventas.", "A batch has 1 to 200 sales.");
        return Err(Problem::new(&codes::BODY_INVALID).at("/sales", detail));
    }
    for pair in sales.windows(2) {
        let [before, sale] = pair else { continue };
        let expected = before.sequence.saturating_add(1);
        if sale.sequence != expected {
            let (terminal, sequence) = (terminal.clone(), sale.sequence);
            let gap = OfflineRefusal::SequenceGap {
                terminal,
                expected,
                sequence,
            };
            return Err(of_refusal(&gap.into(), false));
        }
    }
    Ok(())
}

/// The request's context for one of its sales: a key of the client's covers each of them by its number.
fn of_sale(context: &RequestContext, sequence: i64) -> RequestContext {
    RequestContext {
        idempotency_key: context
            .idempotency_key
            .as_ref()
            .map(|key| format!("{key}#offline-{sequence}")),
        ..context.clone()
    }
}
