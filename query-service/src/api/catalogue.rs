//! The catalogue (INV-1).

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::Sku;
use schemas::events::catalogue::ItemDetails;
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::failure::{not_found, unavailable};
use crate::parameters::{List, filter_word, path_id};

/// One item.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Item {
    pub sku: String,
    pub name: String,
    /// `counted`, `serialised` or `service`.
    pub kind: String,
    pub price_minor: i64,
    pub currency: String,
    pub tax_code: Option<String>,
    #[schemars(with = "ItemDetails")]
    pub details: JsonText,
    pub discontinued: bool,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

const COLUMNS: &str = "select sku, name, kind, price_minor, currency, tax_code, details, discontinued, created_at, changed_at from rm_items";

/// Reads of the catalogue.
pub struct CatalogueReads(pub QueryService);

#[OpenApi(tag = "Group::Catalogue")]
impl CatalogueReads {
    /// Items in the order of their SKU.
    #[oai(path = "/api/v1/catalogue/items", method = "get", operation_id = "list_items")]
    async fn list_items(
        &self,
        context: Data<&RequestContext>,
        /// `counted`, `serialised` or `service`.
        kind: Query<Option<String>>,
        /// Only items that are, or are not, discontinued.
        discontinued: Query<Option<bool>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Item>, Problem> {
        let tenant = &context.principal.tenant;
        let kind = filter_word("kind", kind.0, &["counted", "serialised", "service"])?;
        let gone = discontinued.0.map(|gone| if gone { "true" } else { "false" });
        let filters = [kind.as_deref(), gone];
        let list = List::<String>::new(
            "items",
            tenant,
            &filters,
            limit.0,
            cursor.0.as_deref(),
            &self.0.cursor_key,
        )?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        if let Some(kind) = &kind {
            query.push(" and kind = ").push_bind(kind);
        }
        if let Some(gone) = discontinued.0 {
            query.push(" and discontinued = ").push_bind(gone);
        }
        if let Some(after) = &list.page.after {
            query.push(" and sku > ").push_bind(after);
        }
        query.push(" order by sku limit ").push_bind(list.page.fetch());
        let rows: Vec<Item> = query
            .build_query_as()
            .fetch_all(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let page = list.cut(rows, snapshot.position, |item| item.sku.clone());
        snapshot.close().await?;
        Ok(PageAnswer(page))
    }

    /// One item.
    #[oai(
        path = "/api/v1/catalogue/items/:sku",
        method = "get",
        operation_id = "get_item"
    )]
    async fn get_item(
        &self,
        context: Data<&RequestContext>,
        sku: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Item>>, Problem> {
        let tenant = &context.principal.tenant;
        let sku: Sku = path_id(&sku.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query
            .push(" where tenant = ")
            .push_bind(tenant.as_str())
            .push(" and sku = ")
            .push_bind(sku.as_str());
        let item: Option<Item> = query
            .build_query_as()
            .fetch_optional(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(JsonAnswer(At {
            value: item.ok_or_else(not_found)?,
            position,
        }))
    }
}
