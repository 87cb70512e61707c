//! Movements of stock that somebody asks for, and their approval (INV-3).

use std::sync::Arc;

use domain::movements::{
    ApproveMovement, CreateMovement, MovementLineRequest, RejectMovement, SetMovementPolicy,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::movement::MovementKind;
use schemas::{Minor, MovementId, Sku, StoreId, UnitId};
use serde::Deserialize;

use super::parameters;
use crate::http::{CommandAnswer, DoneOrPending, Http};

/// A movement to be done, or to be put before somebody else when the tenant's policy says so.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MovementBody {
    /// Absent: one is generated.
    #[serde(default)]
    movement_id: Option<MovementId>,
    /// `in`: goods that no purchase brings; `out`: goods that no sale takes; `adjustment`: the difference of a count;
    /// `write_off`: lost, broken or stolen goods.
    kind: MovementKind,
    store: StoreId,
    /// Lines and units together at most 1,000.
    lines: Vec<MovementBodyLine>,
    /// At most 500 characters.
    #[serde(default)]
    comment: Option<String>,
}

/// One item of a movement.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MovementBodyLine {
    sku: Sku,
    /// 1 to 1,000,000,000 pieces; of an adjustment the difference, which may be negative and is never 0.
    quantity: i64,
    /// Of goods that come in: cost of one unit in minor units of the tenant's currency.
    #[serde(default)]
    unit_cost_minor: Option<Minor>,
    /// For serialised items as many as `quantity`, else none.
    #[serde(default)]
    units: Vec<UnitId>,
    /// What happened, in words; at most 500 characters.
    #[serde(default)]
    cause: Option<String>,
}

/// Words of who decides.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// From which size on movements wait. Absent limits do not count; without any nothing waits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MovementPolicyBody {
    /// Movements of more pieces than this wait; 0 or more.
    #[serde(default)]
    max_quantity: Option<i64>,
    /// Movements of goods worth more than this wait, in minor units of the tenant's currency: at cost where it is known,
    /// else at the price they sell for.
    #[serde(default)]
    max_value_minor: Option<Minor>,
}

/// A movement that is done.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct MovementDoneAnswer {
    movement_id: MovementId,
    /// `approved`.
    status: String,
    store: StoreId,
    position: i64,
}

/// What waits for somebody else's decision. Goods that shall leave are kept meanwhile.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct PendingMovementAnswer {
    movement_id: MovementId,
    /// `pending_approval`.
    status: String,
    store: StoreId,
    position: i64,
}

/// What has become of a movement.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct MovementDecidedAnswer {
    movement_id: MovementId,
    /// `approved` or `rejected`.
    status: String,
    position: i64,
}

/// The rule as it holds now.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct MovementPolicyAnswer {
    max_quantity: Option<i64>,
    max_value_minor: Option<Minor>,
    position: i64,
}

pub(super) struct MovementsApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1")]
impl MovementsApi {
    /// Move goods without a sale or a purchase
    #[oai(path = "/inventory/movements", method = "post")]
    async fn create_movement(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<MovementBody>,
    ) -> Result<DoneOrPending<MovementDoneAnswer, PendingMovementAnswer>, Problem> {
        let MovementBody {
            movement_id,
            kind,
            store,
            lines,
            comment,
        } = body.0;
        let lines = lines.into_iter().map(|line| {
            let MovementBodyLine {
                sku,
                quantity,
                unit_cost_minor,
                units,
                cause,
            } = line;
            MovementLineRequest {
                sku,
                quantity,
                unit_cost_minor,
                units,
                cause,
            }
        });
        let command = CreateMovement {
            movement_id,
            kind,
            store,
            lines: lines.collect(),
            comment,
        };
        self.0.submit(context.0, command).await.map(DoneOrPending::from)
    }

    /// Say yes to a movement that waits; never to one's own
    #[oai(path = "/inventory/movements/:movement_id/approve", method = "post")]
    async fn approve_movement(
        &self,
        context: Data<&RequestContext>,
        movement_id: Path<String>,
        body: JsonBody<DecisionBody>,
    ) -> Result<CommandAnswer<MovementDecidedAnswer>, Problem> {
        let movement_id = parameters::id(&movement_id.0)?;
        let DecisionBody { note } = body.0;
        self.0
            .submit(context.0, ApproveMovement { movement_id, note })
            .await
    }

    /// Say no to a movement that waits; never to one's own
    #[oai(path = "/inventory/movements/:movement_id/reject", method = "post")]
    async fn reject_movement(
        &self,
        context: Data<&RequestContext>,
        movement_id: Path<String>,
        body: JsonBody<DecisionBody>,
    ) -> Result<CommandAnswer<MovementDecidedAnswer>, Problem> {
        let movement_id = parameters::id(&movement_id.0)?;
        let DecisionBody { note } = body.0;
        self.0
            .submit(context.0, RejectMovement { movement_id, note })
            .await
    }

    /// Say from which size on movements wait for approval
    #[oai(path = "/admin/policies/movements", method = "put")]
    async fn set_movement_policy(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<MovementPolicyBody>,
    ) -> Result<CommandAnswer<MovementPolicyAnswer>, Problem> {
        let MovementPolicyBody {
            max_quantity,
            max_value_minor,
        } = body.0;
        let command = SetMovementPolicy {
            max_quantity,
            max_value_minor,
        };
        self.0.submit(context.0, command).await
    }
}
