//! Sales that tills took without a network, and the decisions about those that collided (POS-5).

use std::sync::Arc;

use domain::offline::{CancelOfflineSale, RecordOfflineSale, ResolveOfflineSale};
use platform::http::{JsonBody, Principal, Problem, RequestContext, Text, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::events::offline::{
    OfflineContent, OfflineLine, OfflinePayment, OfflineSale, QuarantineKind, Resolution,
};
use schemas::events::sale::Discount;
use schemas::{CustomerId, Incarnation, Minor, QuarantineId, SaleId, StoreId, TerminalId};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::parameters;
use crate::http::{CommandAnswer, Http};

/// Sales of one batch: each is a command of its own.
const MAX_SALES: usize = 200;

/// What a till took while it had no network, in its own order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    /// The till that took them; for cashiers the one that they signed in at.
    terminal: TerminalId,
    store: StoreId,
    /// A till that lost its memory begins a new one, and counts from 1.
    incarnation: Incarnation,
    /// 1 to 200, in the order of their numbers, without gaps.
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
    /// What can be no customer's id is not kept; the sale waits for somebody who names the customer.
    customer_id: Option<String>,
    /// At most 1,000; a sale with more is quarantined.
    lines: Vec<OfflineLineBody>,
    /// On what is left after the lines' own discounts.
    #[serde(default)]
    discount: Option<Discount>,
    /// At most 50; a sale with more is quarantined.
    #[serde(default)]
    payments: Vec<OfflinePayment>,
    /// What the till charged, tax included, in minor units of the tenant's currency.
    total_minor: Minor,
}

/// What was sold, as the till noted it. Needs a `sku` or a `unit`. A line that says nothing of use, such as a mistyped IMEI
/// or a quantity of 0, puts its sale into quarantine and nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfflineLineBody {
    /// As it was scanned or typed; the first 100 characters are kept.
    #[serde(default)]
    sku: Option<String>,
    /// As it was scanned or typed, `imei:…` or `serial:…`; then the quantity is 1. The first 100 characters are kept.
    #[serde(default)]
    unit: Option<String>,
    /// Whole; from 1 to 1,000,000,000 where it can be sold.
    quantity: i64,
    /// What was charged for one, in minor units of the tenant's currency.
    unit_price_minor: i64,
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
    /// The number that this incarnation of the till comes to next: the first that is not recorded, however old the batch.
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
    /// The tenant's own number of an accepted sale's receipt, where it numbers receipts: taken now, so that it is not on
    /// what the till printed.
    #[serde(default)]
    number: Option<String>,
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
    /// The number that the till came to next, when this was answered.
    #[serde(default)]
    expected: Option<i64>,
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
    /// The tenant's own number of an accepted sale's receipt, where it numbers receipts.
    #[serde(default)]
    number: Option<String>,
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
    ///
    /// A cashier signs in with `terminal` and sends in that till's sales, and no other's (403 `till.not_signed_in`); managers
    /// and administrators send in any till's.
    ///
    /// A gap answers 409 `till.sequence_gap` with `expected`, the first number that is not recorded. Numbers of the batch
    /// before the gap are recorded by then; sent again they answer `duplicate`, with their `quarantine_id` if they have one.
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
        check_sender(&context.0.principal, &terminal)?;
        check_sales(&sales)?;
        self.0.bind_key(context.0).await?;
        let (mut recorded, mut position, mut expected) = (Vec::with_capacity(sales.len()), 0, 1);
        let mut all_replayed = true;
        for (index, sale) in sales.into_iter().enumerate() {
            let sequence = sale.sequence;
            let command = RecordOfflineSale {
                incarnation: incarnation.clone(),
                sequence,
                sale: sale.taken_at(&store, &terminal),
            };
            let context = of_sale(context.0, sequence);
            let submitted = self.0.submit(&context, command).await;
            let answer: CommandAnswer<RecordedAnswer> =
                submitted.map_err(|problem| problem.moved("/sales/0/", &format!("/sales/{index}/")))?;
            let (bytes, replayed) = answer.into_parts();
            let answer: Value = serde_json::from_slice(&bytes).map_err(|error| {
                tracing::error!(%error, "a command's answer is not JSON");
                Problem::new(&codes::INTERNAL)
            })?;
            all_replayed &= replayed;
            position = position.max(answer.get("position").and_then(Value::as_i64).unwrap_or(0));
            let next = answer.get("expected").and_then(Value::as_i64);
            expected = expected.max(next.unwrap_or_else(|| sequence.saturating_add(1)));
            recorded.push(answer);
        }
        let answer = json!({ "sales": recorded, "expected": expected, "position": position });
        Ok(CommandAnswer::composed(
            answer.to_string().into_bytes(),
            all_replayed,
        ))
    }

    /// Decide about a quarantined sale
    ///
    /// The sale is completed, or stays for another cause. Each kind has its own resolution: `serial_sold_twice` and
    /// `unknown_item` are replaced by what was really handed over (`replace_unit`, `replace_item`), also where what the till
    /// noted can be neither or contradicts itself; a quantity that cannot be is put right by `correct_quantity`, a customer
    /// by `correct_customer`; `insufficient_stock` by `accept_negative_stock`, `credit_exceeded` by `accept_over_limit`,
    /// `price_changed` by `accept_prices`; payments that do not come to the total, or cannot be, by `correct_payments`, a
    /// time that cannot be (codes `time.…`) by `correct_time`; `retry` fits all. What no resolution puts right, such as a
    /// discount that cannot be, is cancelled and entered by hand.
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
        let line = |line: OfflineLineBody| OfflineLine {
            sku: line.sku,
            unit: line.unit,
            quantity: line.quantity,
            unit_price_minor: line.unit_price_minor,
            discount: line.discount,
        };
        let customer_id = self.customer_id.as_deref().map(CustomerId::new);
        OfflineSale {
            sale_id: self.sale_id,
            content: OfflineContent {
                store: store.clone(),
                terminal: Some(terminal.clone()),
                customer_unreadable: matches!(customer_id, Some(Err(_))),
                customer_id: customer_id.and_then(Result::ok),
                lines: self.lines.into_iter().map(line).collect(),
                discount: self.discount,
            },
            payments: self.payments,
            total_minor: self.total_minor,
            occurred_at: self.occurred_at,
        }
    }
}

/// A till's numbers are used up for good, so that they come from whoever signed in at it, or from somebody who answers for
/// tills: then also what a till still holds that is broken, lost or retired.
fn check_sender(principal: &Principal, terminal: &TerminalId) -> Result<(), Problem> {
    let answers_for_tills = match principal.role {
        Role::Admin | Role::Manager => true,
        Role::Cashier | Role::SyncOperator | Role::Auditor => false,
    };
    if answers_for_tills || principal.terminal.as_ref() == Some(terminal) {
        Ok(())
    } else {
        Err(Problem::new(&codes::TILL_NOT_SIGNED_IN))
    }
}

/// Between 1 and [`MAX_SALES`] sales. A gap between them is found where one before them is: by the rules, which know the
/// number that is expected. What stands before it is recorded, so that a till that lost a number loses no other.
fn check_sales(sales: &[OfflineSaleBody]) -> Result<(), Problem> {
    if sales.is_empty() || sales.len() > MAX_SALES {
        let detail = Text::fixed("Un lote tiene de 1 a 200 ventas.", "A batch has 1 to 200 sales.");
        return Err(Problem::new(&codes::BODY_INVALID).at("/sales", detail));
    }
    if let Some(index) = sales.iter().position(|sale| sale.sequence < 1) {
        let detail = Text::fixed(
            "Los números de una caja empiezan en 1.",
            "A till's numbers begin with 1.",
        );
        return Err(Problem::new(&codes::BODY_INVALID).at(format!("/sales/{index}/sequence"), detail));
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
