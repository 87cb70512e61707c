//! Purchases: orders, receptions, invoices, later costs and goods that go back to the supplier (TRD-2).

mod answers;

use std::sync::Arc;

use domain::purchases::{
    AdjustPurchaseCost, CancelPurchase, ChangePurchase, ClosePurchase, CostLineRequest, InvoiceReception,
    OrderLineRequest, OrderPurchase, ReceivePurchase, ReceptionLineRequest, ReturnToSupplier, SendPurchase,
    SupplierReturnLineRequest,
};
use platform::http::{JsonBody, Problem, RequestContext, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::events::purchase::{CostKind, Lot};
use schemas::{
    CostAdjustmentId, Minor, PurchaseId, Quantity, ReceptionId, Sku, StoreId, SupplierId, SupplierReturnId,
    TaxCode, UnitId,
};
use serde::Deserialize;

use self::answers::{
    CostAdjustmentAnswer, PurchaseAnswer, PurchaseReceptionAnswer, PurchaseStatusAnswer,
    ReceptionInvoiceAnswer, SupplierReturnAnswer,
};
use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

/// An order to a supplier, which must exist and be active.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurchaseBody {
    /// Absent: one is generated.
    #[serde(default)]
    purchase_id: Option<PurchaseId>,
    supplier_id: SupplierId,
    /// Where the goods are to arrive.
    store: StoreId,
    /// 1 to 2,000.
    lines: Vec<PurchaseBodyLine>,
    /// How much more than ordered may be received of a line, in percent; 0 to 100.
    #[serde(default)]
    tolerance_percent: i64,
    /// When the goods are expected: `2026-12-01`.
    #[serde(default)]
    expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
    /// Approve and send it at once; administrators and managers only.
    #[serde(default)]
    send: bool,
}

/// What an order that was not sent is to say: all of it, also what stays. What had been given up of its lines is
/// forgotten with them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurchaseChange {
    /// The `revision` that was read and is replaced; 409 when somebody changed it meanwhile.
    expected_revision: i64,
    supplier_id: SupplierId,
    /// Where the goods are to arrive.
    store: StoreId,
    /// 1 to 2,000.
    lines: Vec<PurchaseBodyLine>,
    /// How much more than ordered may be received of a line, in percent; 0 to 100.
    #[serde(default)]
    tolerance_percent: i64,
    /// When the goods are expected: `2026-12-01`.
    #[serde(default)]
    expected_on: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// What one line orders.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurchaseBodyLine {
    sku: Sku,
    quantity: Quantity,
    /// Cost of one piece without tax, in minor units of the tenant's currency; not negative.
    unit_cost_minor: Minor,
    /// Absent: no tax.
    #[serde(default)]
    tax_code: Option<TaxCode>,
}

impl From<PurchaseBodyLine> for OrderLineRequest {
    fn from(line: PurchaseBodyLine) -> Self {
        OrderLineRequest {
            sku: line.sku,
            quantity: line.quantity,
            unit_cost_minor: line.unit_cost_minor,
            tax_code: line.tax_code,
        }
    }
}

/// Goods that came. The same reception again (id, goods and invoice) adds nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurchaseReception {
    /// Absent: one is generated, and a repetition needs an idempotency key.
    #[serde(default)]
    reception_id: Option<ReceptionId>,
    /// The supplier's number, if its invoice came along: the reception's total is owed then. 1 to 100 characters.
    #[serde(default)]
    invoice: Option<String>,
    /// Lines, units and lots together at most 2,000.
    lines: Vec<PurchaseReceptionLine>,
}

/// What came of one line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurchaseReceptionLine {
    /// The order's line, from 1; each once.
    line: i64,
    quantity: Quantity,
    /// `imei:…` or `serial:…`: of serialised items as many as `quantity`, else none.
    #[serde(default)]
    units: Vec<UnitId>,
    /// Batches, together at most `quantity`.
    #[serde(default)]
    lots: Vec<Lot>,
}

/// The supplier's invoice for a whole reception.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceptionInvoice {
    /// The supplier's number; 1 to 100 characters.
    invoice: String,
}

/// What received goods cost more, or less: freight, a difference of price. It is owed to the supplier.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CostAdjustment {
    /// Absent: one is generated, and a repetition needs an idempotency key.
    #[serde(default)]
    adjustment_id: Option<CostAdjustmentId>,
    /// The supplier's number; 1 to 100 characters.
    #[serde(default)]
    invoice: Option<String>,
    /// 1 to 2,000.
    lines: Vec<CostAdjustmentLine>,
}

/// A later cost of one line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CostAdjustmentLine {
    /// The order's line, from 1; each once for each kind.
    line: i64,
    /// `price`: goods that go back are credited at it; `freight`: it stays spent.
    kind: CostKind,
    /// For all of the line's goods together, without tax; not 0.
    delta_minor: Minor,
}

/// Goods that go back to the supplier, from the store where they came in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SupplierReturn {
    /// Absent: one is generated, and a repetition needs an idempotency key.
    #[serde(default)]
    return_id: Option<SupplierReturnId>,
    /// Lines and units together at most 2,000.
    lines: Vec<SupplierReturnLine>,
}

/// What goes back of one line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SupplierReturnLine {
    /// The order's line, from 1; each once.
    line: i64,
    quantity: Quantity,
    /// Of serialised items as many as `quantity`, of those that came with the line; else none.
    #[serde(default)]
    units: Vec<UnitId>,
}

/// What is given up of what has not come.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PurchaseCancellation {
    /// The order's lines whose rest is given up, at most 2,000; absent: all of them.
    #[serde(default)]
    lines: Option<Vec<i64>>,
}

pub(super) struct PurchasesApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/purchases")]
impl PurchasesApi {
    /// Order from a supplier
    #[oai(path = "/", method = "post")]
    async fn order_purchase(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<PurchaseBody>,
    ) -> Result<CommandAnswer<PurchaseAnswer, 201>, Problem> {
        let body = body.0;
        if body.send && !matches!(context.principal.role, Role::Admin | Role::Manager) {
            return Err(Problem::new(&codes::AUTH_ROLE_FORBIDDEN));
        }
        let command = OrderPurchase {
            purchase_id: body.purchase_id,
            supplier_id: body.supplier_id,
            store: body.store,
            lines: body.lines.into_iter().map(OrderLineRequest::from).collect(),
            tolerance_percent: body.tolerance_percent,
            expected_on: body.expected_on,
            note: body.note,
            send: body.send,
        };
        self.0.submit(context.0, command).await
    }

    /// Change an order that is not sent
    #[oai(path = "/:purchase_id", method = "put")]
    async fn change_purchase(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        body: JsonBody<PurchaseChange>,
    ) -> Result<CommandAnswer<PurchaseAnswer>, Problem> {
        let body = body.0;
        let command = ChangePurchase {
            purchase_id: parameters::id(&purchase_id.0)?,
            expected_revision: body.expected_revision,
            supplier_id: body.supplier_id,
            store: body.store,
            lines: body.lines.into_iter().map(OrderLineRequest::from).collect(),
            tolerance_percent: body.tolerance_percent,
            expected_on: body.expected_on,
            note: body.note,
        };
        self.0.submit(context.0, command).await
    }

    /// Approve an order and send it to the supplier
    #[oai(path = "/:purchase_id/send", method = "post")]
    async fn send_purchase(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<PurchaseStatusAnswer>, Problem> {
        let purchase_id = parameters::id(&purchase_id.0)?;
        self.0.submit(context.0, SendPurchase { purchase_id }).await
    }

    /// Receive goods of an order
    #[oai(path = "/:purchase_id/receptions", method = "post")]
    async fn receive_purchase(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        body: JsonBody<PurchaseReception>,
    ) -> Result<CommandAnswer<PurchaseReceptionAnswer, 201>, Problem> {
        let body = body.0;
        let lines = body.lines.into_iter().map(|line| ReceptionLineRequest {
            line: line.line,
            quantity: line.quantity,
            units: line.units,
            lots: line.lots,
        });
        let command = ReceivePurchase {
            purchase_id: parameters::id(&purchase_id.0)?,
            reception_id: body.reception_id,
            invoice: body.invoice,
            lines: lines.collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Take the supplier's invoice for a reception
    #[oai(path = "/:purchase_id/receptions/:reception_id/invoice", method = "post")]
    async fn invoice_reception(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        reception_id: Path<String>,
        body: JsonBody<ReceptionInvoice>,
    ) -> Result<CommandAnswer<ReceptionInvoiceAnswer>, Problem> {
        let command = InvoiceReception {
            purchase_id: parameters::id(&purchase_id.0)?,
            reception_id: parameters::id(&reception_id.0)?,
            invoice: body.0.invoice,
        };
        self.0.submit(context.0, command).await
    }

    /// Change what received goods cost
    #[oai(path = "/:purchase_id/cost-adjustments", method = "post")]
    async fn adjust_purchase_cost(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        body: JsonBody<CostAdjustment>,
    ) -> Result<CommandAnswer<CostAdjustmentAnswer, 201>, Problem> {
        let body = body.0;
        let lines = body.lines.into_iter().map(|line| CostLineRequest {
            line: line.line,
            kind: line.kind,
            delta_minor: line.delta_minor,
        });
        let command = AdjustPurchaseCost {
            purchase_id: parameters::id(&purchase_id.0)?,
            adjustment_id: body.adjustment_id,
            invoice: body.invoice,
            lines: lines.collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Send goods back to the supplier
    #[oai(path = "/:purchase_id/returns", method = "post")]
    async fn return_to_supplier(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        body: JsonBody<SupplierReturn>,
    ) -> Result<CommandAnswer<SupplierReturnAnswer, 201>, Problem> {
        let body = body.0;
        let lines = body.lines.into_iter().map(|line| SupplierReturnLineRequest {
            line: line.line,
            quantity: line.quantity,
            units: line.units,
        });
        let command = ReturnToSupplier {
            purchase_id: parameters::id(&purchase_id.0)?,
            return_id: body.return_id,
            lines: lines.collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Give up what was ordered and has not come
    #[oai(path = "/:purchase_id/cancel", method = "post")]
    async fn cancel_purchase(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        body: JsonBody<PurchaseCancellation>,
    ) -> Result<CommandAnswer<PurchaseStatusAnswer>, Problem> {
        let command = CancelPurchase {
            purchase_id: parameters::id(&purchase_id.0)?,
            lines: body.0.lines,
        };
        self.0.submit(context.0, command).await
    }

    /// Close a purchase of which nothing is outstanding
    #[oai(path = "/:purchase_id/close", method = "post")]
    async fn close_purchase(
        &self,
        context: Data<&RequestContext>,
        purchase_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<PurchaseStatusAnswer>, Problem> {
        let purchase_id = parameters::id(&purchase_id.0)?;
        self.0.submit(context.0, ClosePurchase { purchase_id }).await
    }
}
