//! Items of the catalogue (INV-1).

use std::sync::Arc;

use domain::catalogue::{ChangeItem, CreateItem, DiscontinueItem, ReinstateItem, SetItemCost};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::catalogue::{ItemDetails, ItemKind, double_option};
use schemas::{Minor, Sku, TaxCode};
use serde::Deserialize;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

/// A new item.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewItem {
    sku: Sku,
    /// 1 to 200 characters.
    name: String,
    kind: ItemKind,
    /// Of one unit, in minor units of the tenant's currency.
    price_minor: Minor,
    /// Absent: no tax.
    #[serde(default)]
    tax_code: Option<TaxCode>,
    #[serde(default)]
    details: ItemDetails,
}

/// What changes; absent fields stay.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ItemChange {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    price_minor: Option<Minor>,
    /// `null` clears the tax.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<TaxCode>")]
    tax_code: Option<Option<TaxCode>>,
    /// Replaces all details.
    #[serde(default)]
    details: Option<ItemDetails>,
}

/// Which item it was.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ItemAnswer {
    sku: Sku,
    position: i64,
}

/// What one piece usually costs.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ItemCost {
    /// 0 or more minor units of the tenant's currency; absent or `null`: not known any more. Stock keeps the costs that it
    /// came in with.
    #[serde(default)]
    cost_minor: Option<Minor>,
}

/// The cost as it is known now.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ItemCostAnswer {
    sku: Sku,
    cost_minor: Option<Minor>,
    position: i64,
}

pub(super) struct CatalogueApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/catalogue/items")]
impl CatalogueApi {
    /// Create an item
    #[oai(path = "/", method = "post")]
    async fn create_item(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewItem>,
    ) -> Result<CommandAnswer<ItemAnswer, 201>, Problem> {
        let NewItem {
            sku,
            name,
            kind,
            price_minor,
            tax_code,
            details,
        } = body.0;
        self.0
            .submit(
                context.0,
                CreateItem {
                    sku,
                    name,
                    kind,
                    price_minor,
                    tax_code,
                    details,
                },
            )
            .await
    }

    /// Change an item
    #[oai(path = "/:sku", method = "patch")]
    async fn change_item(
        &self,
        context: Data<&RequestContext>,
        sku: Path<String>,
        body: JsonBody<ItemChange>,
    ) -> Result<CommandAnswer<ItemAnswer>, Problem> {
        let ItemChange {
            name,
            price_minor,
            tax_code,
            details,
        } = body.0;
        let sku = parameters::id(&sku.0)?;
        self.0
            .submit(
                context.0,
                ChangeItem {
                    sku,
                    name,
                    price_minor,
                    tax_code,
                    details,
                },
            )
            .await
    }

    /// Say what one piece of an item usually costs to buy
    #[oai(path = "/:sku/cost", method = "put")]
    async fn set_item_cost(
        &self,
        context: Data<&RequestContext>,
        sku: Path<String>,
        body: JsonBody<ItemCost>,
    ) -> Result<CommandAnswer<ItemCostAnswer>, Problem> {
        let sku = parameters::id(&sku.0)?;
        let ItemCost { cost_minor } = body.0;
        self.0.submit(context.0, SetItemCost { sku, cost_minor }).await
    }

    /// Stop selling an item
    #[oai(path = "/:sku/discontinue", method = "post")]
    async fn discontinue_item(
        &self,
        context: Data<&RequestContext>,
        sku: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ItemAnswer>, Problem> {
        self.0
            .submit(
                context.0,
                DiscontinueItem {
                    sku: parameters::id(&sku.0)?,
                },
            )
            .await
    }

    /// Sell a discontinued item again
    #[oai(path = "/:sku/reinstate", method = "post")]
    async fn reinstate_item(
        &self,
        context: Data<&RequestContext>,
        sku: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ItemAnswer>, Problem> {
        self.0
            .submit(
                context.0,
                ReinstateItem {
                    sku: parameters::id(&sku.0)?,
                },
            )
            .await
    }
}
