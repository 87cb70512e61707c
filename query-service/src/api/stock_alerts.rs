//! Thresholds with where their shelves stand, and alerts (INV-4).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{AlertId, Sku, StoreId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::{filter_id, filter_word, path_id};

const STATUSES: &[&str] = &["open", "acknowledged", "resolved", "active"];

/// A threshold, and where its shelf stands now.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Threshold {
    pub store: String,
    pub sku: String,
    pub item_name: Option<String>,
    /// Below this many pieces on hand somebody is told.
    pub minimum: i64,
    /// Kept for somebody or not.
    pub on_hand: i64,
    pub is_below: bool,
    /// The alert of the crossing that lasts.
    pub alert_id: Option<String>,
    /// How often stock fell below, in all.
    pub crossings: i64,
    pub set_by: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// An alert about stock.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Alert {
    pub alert_id: String,
    pub store: String,
    pub sku: String,
    /// The item's name when the alert was raised.
    pub item_name: String,
    /// On hand when the threshold was crossed.
    pub quantity: i64,
    pub minimum: i64,
    /// `open`, `acknowledged` or `resolved`.
    pub status: String,
    /// `recovered`, `cleared` or `by_hand`.
    pub resolved_because: Option<String>,
    pub note: Option<String>,
    pub acknowledged_by: Option<String>,
    pub resolved_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub raised_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub resolved_at: Option<OffsetDateTime>,
    #[serde(skip)]
    raised_position: i64,
}

const ALERT: &str =
    "select alert_id, store, sku, item_name, quantity, minimum, status, resolved_because, note,
    acknowledged_by, resolved_by, raised_at, resolved_at, raised_position from rm_alerts";

/// Reads of thresholds and alerts.
pub struct StockAlertReads(pub QueryService);

#[OpenApi(tag = "Group::Inventory")]
impl StockAlertReads {
    /// Thresholds in the order of store and SKU.
    #[oai(
        path = "/api/v1/inventory/thresholds",
        method = "get",
        operation_id = "list_thresholds"
    )]
    async fn list_thresholds(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        sku: Query<Option<String>>,
        /// Only those whose shelf is, or is not, below.
        is_below: Query<Option<bool>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Threshold>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let below = is_below.0.map(|below| if below { "true" } else { "false" });
        let filters @ [store, sku, _] = [
            store.as_ref().map(StoreId::as_str),
            sku.as_ref().map(Sku::as_str),
            below,
        ];
        let list = List::<(String, String)>::new(&self.0, "thresholds", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select h.store, h.sku, i.name as item_name, h.minimum, coalesce(s.on_hand, 0) as on_hand,
                    h.alert_id is not null as is_below, h.alert_id, h.crossings, h.set_by, h.changed_at
             from rm_thresholds h
             left join rm_stock s on s.tenant = h.tenant and s.store = h.store and s.sku = h.sku
             left join rm_items i on i.tenant = h.tenant and i.sku = h.sku
             where h.minimum is not null and h.tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "h.store", store);
        push_equal(&mut query, "h.sku", sku);
        match is_below.0 {
            Some(true) => drop(query.push(" and h.alert_id is not null")),
            Some(false) => drop(query.push(" and h.alert_id is null")),
            None => {}
        }
        list.ascending_pair(&mut query, "h.store, h.sku");
        let sort_key = |row: &Threshold| (row.store.clone(), row.sku.clone());
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// Alerts, the newest first.
    #[oai(
        path = "/api/v1/inventory/alerts",
        method = "get",
        operation_id = "list_alerts"
    )]
    async fn list_alerts(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        sku: Query<Option<String>>,
        /// `open`, `acknowledged`, `resolved`, or `active` for those that are not resolved.
        status: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Alert>, Problem> {
        let tenant = &context.principal.tenant;
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let status = filter_word("status", status.0, STATUSES)?;
        let filters @ [store, sku, status] = [
            store.as_ref().map(StoreId::as_str),
            sku.as_ref().map(Sku::as_str),
            status.as_deref(),
        ];
        let list = List::<i64>::new(&self.0, "alerts", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(ALERT);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        push_equal(&mut query, "sku", sku);
        match status {
            Some("active") => drop(query.push(" and status <> 'resolved'")),
            status => push_equal(&mut query, "status", status),
        }
        list.descending(&mut query, "raised_position");
        let sort_key = |row: &Alert| row.raised_position;
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One alert.
    #[oai(
        path = "/api/v1/inventory/alerts/:alert_id",
        method = "get",
        operation_id = "get_alert"
    )]
    async fn get_alert(
        &self,
        context: Data<&RequestContext>,
        alert_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Alert>>, Problem> {
        let tenant = &context.principal.tenant;
        let alert_id: AlertId = path_id(&alert_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(ALERT);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and alert_id = ").push_bind(alert_id.as_str());
        let found: Alert = snapshot.row_or_404(query.build_query_as()).await?;
        snapshot.answer(found).await
    }
}
