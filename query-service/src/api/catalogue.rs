//! The catalogue (INV-1).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, PageAnswer, Problem, RequestContext};
use platform::search;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::Sku;
use schemas::events::catalogue::ItemDetails;
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::costs::{self, HasCosts};
use super::{At, Group};
use crate::QueryService;
use crate::column::JsonText;
use crate::failure::bad_parameter;
use crate::list::{List, push_equal};
use crate::parameters::{filter_word, path_id};

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
    /// What one piece usually costs to buy; absent when it is not known, and for cashiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_minor: Option<i64>,
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

/// Longest text that is looked for, in characters.
const SEARCH_MAX_CHARS: usize = 100;

const COLUMNS: &str = "select sku, name, kind, price_minor, currency, tax_code, cost_minor, details, discontinued, created_at, changed_at from rm_items";

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
        /// Items with this brand; case and accents do not matter.
        brand: Query<Option<String>>,
        /// The item with this GTIN: 8, 12, 13 or 14 digits.
        gtin: Query<Option<String>>,
        /// Items with this attribute and value, as `name=value`.
        attribute: Query<Option<String>>,
        /// Items whose SKU, name, brand, model or GTIN holds each of these words; at most 100 characters, case and accents
        /// do not matter.
        q: Query<Option<String>>,
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
        let brand = brand.0.as_deref().map(search::folded);
        let gtin = gtin.0.map(|gtin| full_gtin(&gtin)).transpose()?;
        let attribute = attribute.0.as_deref().map(attribute_filter).transpose()?;
        let words = q.0.as_deref().map(words_of).transpose()?;
        let filters @ [kind, _, brand, gtin, ..] = [
            kind.as_deref(),
            gone,
            brand.as_deref(),
            gtin.as_deref(),
            attribute.map(|(name, _)| name),
            attribute.map(|(_, value)| value),
            q.0.as_deref(),
        ];
        let list = List::<String>::new(&self.0, "items", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "kind", kind);
        if let Some(gone) = discontinued.0 {
            query.push(" and discontinued = ").push_bind(gone);
        }
        push_equal(&mut query, "brand", brand);
        push_equal(&mut query, "gtin", gtin);
        if let Some((name, value)) = attribute {
            query
                .push(" and details::jsonb -> 'attributes' ->> ")
                .push_bind(name);
            query.push(" = ").push_bind(value);
        }
        for word in words.iter().flatten() {
            query.push(" and strpos(search, ").push_bind(word).push(") > 0");
        }
        list.ascending(&mut query, "sku");
        let sort_key = |item: &Item| item.sku.clone();
        let mut page = list.page(snapshot, query, sort_key).await?;
        costs::hide(context.0, &mut page.items);
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
        let mut item: Item = snapshot.row_or_404(query.build_query_as()).await?;
        costs::hide(context.0, [&mut item]);
        snapshot.answer(item).await
    }
}

impl HasCosts for Item {
    fn forget_costs(&mut self) {
        self.cost_minor = None;
    }
}

/// A GTIN as it is kept: 14 digits.
fn full_gtin(text: &str) -> Result<String, Problem> {
    let is_gtin = matches!(text.len(), 8 | 12 | 13 | 14) && text.bytes().all(|digit| digit.is_ascii_digit());
    if is_gtin {
        Ok(format!("{text:0>14}"))
    } else {
        Err(bad_parameter("gtin", "8, 12, 13 or 14 digits"))
    }
}

/// `name=value`.
fn attribute_filter(text: &str) -> Result<(&str, &str), Problem> {
    let parts = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty() && text.chars().count() <= 300 && !text.contains('\0'));
    parts.ok_or_else(|| bad_parameter("attribute", "name=value, at most 300 characters"))
}

/// The words that are looked for.
fn words_of(text: &str) -> Result<Vec<String>, Problem> {
    if text.chars().count() > SEARCH_MAX_CHARS || text.contains('\0') {
        return Err(bad_parameter("q", "at most 100 characters"));
    }
    Ok(search::folded(text)
        .split_whitespace()
        .map(str::to_owned)
        .collect())
}
