//! Movements of stock that are not sales (INV-2, INV-3).

use std::sync::Arc;

use domain::stock::{AdjustStock, ReceiptLine, ReceiveStock, WriteOffLine, WriteOffStock};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use schemas::{Minor, Quantity, Sku, StoreId, UnitId};
use serde::Deserialize;

use super::movements::PendingMovementAnswer;
use crate::http::{DoneOrPending, Http};

/// Goods that came in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    store: StoreId,
    /// The supplier's document or whatever explains it.
    #[serde(default)]
    reference: Option<String>,
    /// Lines and units together at most 2,000.
    lines: Vec<ReceiptBodyLine>,
}

/// One item that came in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceiptBodyLine {
    sku: Sku,
    quantity: Quantity,
    /// Cost of one unit in minor units of the tenant's currency.
    #[serde(default)]
    unit_cost_minor: Option<Minor>,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    units: Vec<UnitId>,
}

/// A corrected figure.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Adjustment {
    store: StoreId,
    sku: Sku,
    /// Not 0; counted items only.
    delta: i64,
    #[serde(default)]
    comment: Option<String>,
}

/// Goods that are lost, broken or stolen.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WriteOff {
    store: StoreId,
    lines: Vec<WriteOffBodyLine>,
}

/// One item that is written off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WriteOffBodyLine {
    sku: Sku,
    quantity: Quantity,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    units: Vec<UnitId>,
    /// What happened, in words.
    #[serde(default)]
    cause: Option<String>,
}

/// Stock after a movement of several items.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct LevelsAnswer {
    store: StoreId,
    lines: Vec<LevelLine>,
    position: i64,
}

/// Stock of one item.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct LevelLine {
    sku: Sku,
    on_hand: i64,
}

/// Stock after an adjustment.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct LevelAnswer {
    store: StoreId,
    sku: Sku,
    on_hand: i64,
    position: i64,
}

pub(super) struct InventoryApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/inventory")]
impl InventoryApi {
    /// Receive goods; much at once waits where the tenant's policy says so
    #[oai(path = "/receipts", method = "post")]
    async fn receive_stock(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<Receipt>,
    ) -> Result<DoneOrPending<LevelsAnswer, PendingMovementAnswer>, Problem> {
        let Receipt {
            store,
            reference,
            lines,
        } = body.0;
        let lines = lines.into_iter().map(|line| {
            let ReceiptBodyLine {
                sku,
                quantity,
                unit_cost_minor,
                units,
            } = line;
            ReceiptLine {
                sku,
                quantity,
                unit_cost_minor,
                units,
            }
        });
        self.0
            .submit(
                context.0,
                ReceiveStock {
                    store,
                    reference,
                    lines: lines.collect(),
                },
            )
            .await
            .map(DoneOrPending::from)
    }

    /// Correct a figure; a large difference waits where the tenant's policy says so
    #[oai(path = "/adjustments", method = "post")]
    async fn adjust_stock(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<Adjustment>,
    ) -> Result<DoneOrPending<LevelAnswer, PendingMovementAnswer>, Problem> {
        let Adjustment {
            store,
            sku,
            delta,
            comment,
        } = body.0;
        self.0
            .submit(
                context.0,
                AdjustStock {
                    store,
                    sku,
                    delta,
                    comment,
                },
            )
            .await
            .map(DoneOrPending::from)
    }

    /// Write goods off; much at once waits where the tenant's policy says so
    #[oai(path = "/write-offs", method = "post")]
    async fn write_off_stock(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<WriteOff>,
    ) -> Result<DoneOrPending<LevelsAnswer, PendingMovementAnswer>, Problem> {
        let WriteOff { store, lines } = body.0;
        let lines = lines.into_iter().map(|line| {
            let WriteOffBodyLine {
                sku,
                quantity,
                units,
                cause,
            } = line;
            WriteOffLine {
                sku,
                quantity,
                units,
                cause,
            }
        });
        self.0
            .submit(
                context.0,
                WriteOffStock {
                    store,
                    lines: lines.collect(),
                },
            )
            .await
            .map(DoneOrPending::from)
    }
}
