//! Goods on their way between stores (TRD-3).

use std::sync::Arc;

use domain::transfers::{
    CancelTransfer, DispatchTransfer, ReceiveTransfer, RequestTransfer, ResolveDifference, ResolveSurplus,
    TransferGoods, TransferLineRequest,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::transfer::{DifferenceDecision, RequestedTransferLine, SurplusDecision};
use schemas::{Quantity, ReceptionId, Sku, StoreId, TransferId, UnitId};
use serde::Deserialize;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

/// What one store asks another one for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TransferBody {
    /// Absent: one is generated.
    #[serde(default)]
    transfer_id: Option<TransferId>,
    /// The store that shall send.
    from: StoreId,
    /// The store that shall receive.
    to: StoreId,
    /// 1 to 1,000; each item once.
    lines: Vec<TransferBodyLine>,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// One item that is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TransferBodyLine {
    sku: Sku,
    quantity: Quantity,
}

/// Goods of one line of a transfer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MovedBodyLine {
    /// The line's number in the request, from 1.
    line: i64,
    quantity: Quantity,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    units: Vec<UnitId>,
}

/// What is really sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DispatchBody {
    /// Of each line at most what was asked for; lines that are left out are not sent. Lines and units together at most
    /// 2,000.
    lines: Vec<MovedBodyLine>,
}

/// What is really there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceptionBody {
    /// The same reception again adds nothing. Absent: one is generated.
    #[serde(default)]
    reception_id: Option<ReceptionId>,
    /// Absent: all that is in transit. Lines and units together at most 2,000.
    #[serde(default)]
    lines: Option<Vec<MovedBodyLine>>,
    /// What is there beyond what was dispatched, of lines of which nothing is left in transit after this reception. It is
    /// noted and cannot be sold until somebody decides about it (`/surplus`). Lines and units of all receptions that wait
    /// for a decision together at most 2,000.
    #[serde(default)]
    surplus: Vec<MovedBodyLine>,
}

/// What goods that came beyond what was dispatched turned out to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SurplusBody {
    decision: SurplusDecision,
    /// Lines and units together at most 2,000.
    lines: Vec<MovedBodyLine>,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// What became of goods that were dispatched and did not arrive.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DifferenceBody {
    decision: DifferenceDecision,
    /// Lines and units together at most 2,000.
    lines: Vec<MovedBodyLine>,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// A transfer as it was asked for.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TransferRequestedAnswer {
    transfer_id: TransferId,
    /// The tenant's own number for it, where it numbers transfers.
    #[serde(default)]
    number: Option<String>,
    from: StoreId,
    to: StoreId,
    lines: Vec<RequestedTransferLine>,
    #[serde(default)]
    note: Option<String>,
    /// `requested`.
    status: String,
    position: i64,
}

/// What left the sending store.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TransferDispatchedAnswer {
    transfer_id: TransferId,
    lines: Vec<InTransitLine>,
    /// `in_transit`.
    status: String,
    position: i64,
}

/// What of a line is still in neither store.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct InTransitLine {
    line: i64,
    sku: Sku,
    quantity: i64,
    /// Of serialised items; else empty.
    units: Vec<UnitId>,
}

/// What of a line came beyond what was dispatched.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct SurplusLine {
    line: i64,
    sku: Sku,
    quantity: i64,
    /// For serialised items.
    #[serde(default)]
    units: Vec<UnitId>,
}

/// Where a transfer stands after a reception or a decision.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TransferStandingAnswer {
    transfer_id: TransferId,
    /// Only after a reception.
    #[serde(default)]
    reception_id: Option<ReceptionId>,
    /// `in_transit` or `closed`.
    status: String,
    in_transit: Vec<InTransitLine>,
    /// What waits for a decision.
    surplus: Vec<SurplusLine>,
    position: i64,
}

/// What has become of a transfer.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TransferStatusAnswer {
    transfer_id: TransferId,
    /// `cancelled`.
    status: String,
    position: i64,
}

fn goods(lines: Vec<MovedBodyLine>) -> Vec<TransferGoods> {
    let goods = |body| {
        let MovedBodyLine {
            line,
            quantity,
            units,
        } = body;
        TransferGoods {
            line,
            quantity,
            units,
        }
    };
    lines.into_iter().map(goods).collect()
}

pub(super) struct TransfersApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/transfers")]
impl TransfersApi {
    /// Ask another store for goods
    #[oai(path = "/", method = "post")]
    async fn request_transfer(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<TransferBody>,
    ) -> Result<CommandAnswer<TransferRequestedAnswer, 201>, Problem> {
        let TransferBody {
            transfer_id,
            from,
            to,
            lines,
            note,
        } = body.0;
        let lines = lines.into_iter().map(|line| {
            let TransferBodyLine { sku, quantity } = line;
            TransferLineRequest { sku, quantity }
        });
        let lines = lines.collect();
        let command = RequestTransfer {
            transfer_id,
            from,
            to,
            lines,
            note,
        };
        self.0.submit(context.0, command).await
    }

    /// Send the goods: from here on they are in neither store
    #[oai(path = "/:transfer_id/dispatch", method = "post")]
    async fn dispatch_transfer(
        &self,
        context: Data<&RequestContext>,
        transfer_id: Path<String>,
        body: JsonBody<DispatchBody>,
    ) -> Result<CommandAnswer<TransferDispatchedAnswer>, Problem> {
        let transfer_id = parameters::id(&transfer_id.0)?;
        let lines = goods(body.0.lines);
        self.0
            .submit(context.0, DispatchTransfer { transfer_id, lines })
            .await
    }

    /// Receive goods: all, a part, or more than was dispatched
    #[oai(path = "/:transfer_id/receptions", method = "post")]
    async fn receive_transfer(
        &self,
        context: Data<&RequestContext>,
        transfer_id: Path<String>,
        body: JsonBody<ReceptionBody>,
    ) -> Result<CommandAnswer<TransferStandingAnswer, 201>, Problem> {
        let ReceptionBody {
            reception_id,
            lines,
            surplus,
        } = body.0;
        let command = ReceiveTransfer {
            transfer_id: parameters::id(&transfer_id.0)?,
            reception_id,
            lines: lines.map(goods),
            surplus: goods(surplus),
        };
        self.0.submit(context.0, command).await
    }

    /// Decide what became of goods that did not arrive
    #[oai(path = "/:transfer_id/differences", method = "post")]
    async fn resolve_difference(
        &self,
        context: Data<&RequestContext>,
        transfer_id: Path<String>,
        body: JsonBody<DifferenceBody>,
    ) -> Result<CommandAnswer<TransferStandingAnswer, 201>, Problem> {
        let DifferenceBody {
            decision,
            lines,
            note,
        } = body.0;
        let command = ResolveDifference {
            transfer_id: parameters::id(&transfer_id.0)?,
            decision,
            lines: goods(lines),
            note,
        };
        self.0.submit(context.0, command).await
    }

    /// Decide about goods that came beyond what was dispatched
    #[oai(path = "/:transfer_id/surplus", method = "post")]
    async fn resolve_surplus(
        &self,
        context: Data<&RequestContext>,
        transfer_id: Path<String>,
        body: JsonBody<SurplusBody>,
    ) -> Result<CommandAnswer<TransferStandingAnswer, 201>, Problem> {
        let SurplusBody {
            decision,
            lines,
            note,
        } = body.0;
        let command = ResolveSurplus {
            transfer_id: parameters::id(&transfer_id.0)?,
            decision,
            lines: goods(lines),
            note,
        };
        self.0.submit(context.0, command).await
    }

    /// Call it off before anything was sent
    #[oai(path = "/:transfer_id/cancel", method = "post")]
    async fn cancel_transfer(
        &self,
        context: Data<&RequestContext>,
        transfer_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<TransferStatusAnswer>, Problem> {
        let transfer_id = parameters::id(&transfer_id.0)?;
        self.0.submit(context.0, CancelTransfer { transfer_id }).await
    }
}
