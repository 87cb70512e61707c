//! Thresholds of stock, and what people say to alerts (INV-4). Alerts are raised by the platform itself and have no route
//! for that.

use std::sync::Arc;

use domain::alerts::{AcknowledgeAlert, ResolveAlert};
use domain::stock::SetThreshold;
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::{AlertId, Sku, StoreId};
use serde::Deserialize;

use super::parameters;
use crate::http::{CommandAnswer, Http};

/// Below which figure somebody shall be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ThresholdBody {
    store: StoreId,
    sku: Sku,
    /// 1 to 1,000,000,000 pieces on hand, kept for somebody or not.
    minimum: i64,
}

/// Whose threshold goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoThresholdBody {
    store: StoreId,
    sku: Sku,
}

/// Words of who looks after an alert.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AlertNoteBody {
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// A threshold, and where its shelf stands.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ThresholdAnswer {
    store: StoreId,
    sku: Sku,
    /// Absent when there is none any more.
    minimum: Option<i64>,
    on_hand: i64,
    is_below: bool,
    position: i64,
}

/// What has become of an alert.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct AlertAnswer {
    alert_id: AlertId,
    /// `acknowledged` or `resolved`.
    status: String,
    position: i64,
}

pub(super) struct StockAlertsApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/inventory")]
impl StockAlertsApi {
    /// Set the threshold of an item in a store
    #[oai(path = "/thresholds", method = "put")]
    async fn set_threshold(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<ThresholdBody>,
    ) -> Result<CommandAnswer<ThresholdAnswer>, Problem> {
        let ThresholdBody { store, sku, minimum } = body.0;
        let command = SetThreshold {
            store,
            sku,
            minimum: Some(minimum),
        };
        self.0.submit(context.0, command).await
    }

    /// Take the threshold of an item in a store away
    #[oai(path = "/thresholds/clear", method = "post")]
    async fn clear_threshold(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NoThresholdBody>,
    ) -> Result<CommandAnswer<ThresholdAnswer>, Problem> {
        let NoThresholdBody { store, sku } = body.0;
        let command = SetThreshold {
            store,
            sku,
            minimum: None,
        };
        self.0.submit(context.0, command).await
    }

    /// Say that an alert was seen
    #[oai(path = "/alerts/:alert_id/acknowledge", method = "post")]
    async fn acknowledge_alert(
        &self,
        context: Data<&RequestContext>,
        alert_id: Path<String>,
        body: JsonBody<AlertNoteBody>,
    ) -> Result<CommandAnswer<AlertAnswer>, Problem> {
        let alert_id = parameters::id(&alert_id.0)?;
        let AlertNoteBody { note } = body.0;
        self.0
            .submit(context.0, AcknowledgeAlert { alert_id, note })
            .await
    }

    /// Say that an alert is over
    #[oai(path = "/alerts/:alert_id/resolve", method = "post")]
    async fn resolve_alert(
        &self,
        context: Data<&RequestContext>,
        alert_id: Path<String>,
        body: JsonBody<AlertNoteBody>,
    ) -> Result<CommandAnswer<AlertAnswer>, Problem> {
        let alert_id = parameters::id(&alert_id.0)?;
        let AlertNoteBody { note } = body.0;
        self.0.submit(context.0, ResolveAlert { alert_id, note }).await
    }
}
