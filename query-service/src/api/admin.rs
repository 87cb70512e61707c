//! Stores, tills, users, tax rates and the tenant's settings.

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use schemas::{Currency, Sealed, StoreId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::filter_id;
use crate::people::{self, SealedField};

/// One shop or warehouse.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Store {
    pub store: String,
    pub name: String,
    pub closed: bool,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub opened_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// One till.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Terminal {
    pub terminal: String,
    pub store: String,
    pub name: String,
    pub retired: bool,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub registered_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// One user.
#[derive(Debug, Serialize, JsonSchema)]
pub struct User {
    pub username: String,
    pub role: String,
    pub display_name: Option<String>,
    pub disabled: bool,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// One tax rate.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct TaxRate {
    pub tax_code: String,
    pub name: String,
    /// Parts per million: 150,000 is 15 %.
    pub rate_ppm: i64,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// The tenant's settings.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct TenantSettings {
    pub tenant: String,
    pub name: String,
    pub currency: String,
    /// Decimal places of the currency: amounts are divided by ten to this power.
    #[sqlx(skip)]
    pub currency_exponent: u32,
    /// IANA name; business days are counted in it.
    pub time_zone: String,
    pub prices_include_tax: bool,
    /// `strict` or `allow_negative`.
    pub stock_policy: String,
    #[sqlx(skip)]
    pub tax_rates: Vec<TaxRate>,
}

#[derive(FromRow)]
struct UserRow {
    username: String,
    role: String,
    display_name_sealed: String,
    disabled: bool,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

/// The filters of a list that has none, as cursors that are out there know them.
const NO_FILTERS: &[Option<&str>] = &[None];

/// Reads of the set-up.
pub struct AdminReads(pub QueryService);

#[OpenApi(tag = "Group::Administration")]
impl AdminReads {
    /// Stores in the order of their id.
    #[oai(path = "/api/v1/admin/stores", method = "get", operation_id = "list_stores")]
    async fn list_stores(
        &self,
        context: Data<&RequestContext>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Store>, Problem> {
        let tenant = &context.principal.tenant;
        let list = List::<String>::new(&self.0, "stores", tenant, NO_FILTERS, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select store, name, closed, opened_at, changed_at from rm_stores where tenant = ",
        );
        query.push_bind(tenant.as_str());
        list.ascending(&mut query, "store");
        let sort_key = |row: &Store| row.store.clone();
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// Tills in the order of their id.
    #[oai(
        path = "/api/v1/admin/terminals",
        method = "get",
        operation_id = "list_terminals"
    )]
    async fn list_terminals(
        &self,
        context: Data<&RequestContext>,
        store: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Terminal>, Problem> {
        let store: Option<StoreId> = filter_id("store", store.0)?;
        let tenant = &context.principal.tenant;
        let filters @ [store] = [store.as_ref().map(StoreId::as_str)];
        let list = List::<String>::new(&self.0, "terminals", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select terminal, store, name, retired, registered_at, changed_at from rm_terminals where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "store", store);
        list.ascending(&mut query, "terminal");
        let sort_key = |row: &Terminal| row.terminal.clone();
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// Users in the order of their name.
    #[oai(path = "/api/v1/admin/users", method = "get", operation_id = "list_users")]
    async fn list_users(
        &self,
        context: Data<&RequestContext>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<User>, Problem> {
        let tenant = &context.principal.tenant;
        let list = List::<String>::new(&self.0, "users", tenant, NO_FILTERS, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select username, role, display_name_sealed, disabled, created_at, changed_at from rm_users where tenant = ",
        );
        query.push_bind(tenant.as_str());
        list.ascending(&mut query, "username");
        let sort_key = |row: &UserRow| row.username.clone();
        let page = list.page(snapshot, query, sort_key).await?;
        let sealed = page.items.iter().map(|row| {
            Some(SealedField {
                person: format!("user/{}", row.username),
                field: "display_name",
                value: Sealed {
                    sealed: row.display_name_sealed.clone(),
                },
            })
        });
        let names = people::open(&self.0.vault, tenant, sealed.collect()).await?;
        let open = |(row, display_name): (UserRow, Option<String>)| User {
            username: row.username,
            role: row.role,
            display_name,
            disabled: row.disabled,
            created_at: row.created_at,
            changed_at: row.changed_at,
        };
        let items = page.items.into_iter().zip(names).map(open).collect();
        Ok(PageAnswer(Page {
            items,
            next: page.next,
            position: page.position,
        }))
    }

    /// Tax rates in the order of their code.
    #[oai(
        path = "/api/v1/admin/tax-rates",
        method = "get",
        operation_id = "list_tax_rates"
    )]
    async fn list_tax_rates(
        &self,
        context: Data<&RequestContext>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<TaxRate>, Problem> {
        let tenant = &context.principal.tenant;
        let list = List::<String>::new(&self.0, "tax_rates", tenant, NO_FILTERS, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select tax_code, name, rate_ppm, changed_at from rm_tax_rates where tenant = ",
        );
        query.push_bind(tenant.as_str());
        list.ascending(&mut query, "tax_code");
        let sort_key = |row: &TaxRate| row.tax_code.clone();
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// The tenant's settings with its tax rates.
    #[oai(path = "/api/v1/tenant", method = "get", operation_id = "get_tenant")]
    async fn get_tenant(
        &self,
        context: Data<&RequestContext>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<TenantSettings>>, Problem> {
        let tenant = &context.principal.tenant;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let statement = sqlx::query_as(
            "select tenant, name, currency, time_zone, prices_include_tax, stock_policy from rm_tenant where tenant = $1",
        )
        .bind(tenant.as_str());
        let mut settings: TenantSettings = snapshot.row_or_404(statement).await?;
        settings.currency_exponent = Currency::new(&settings.currency).map_or(0, Currency::exponent);
        let statement = sqlx::query_as(
            "select tax_code, name, rate_ppm, changed_at from rm_tax_rates where tenant = $1 order by tax_code limit 200",
        )
        .bind(tenant.as_str());
        settings.tax_rates = snapshot.rows(statement).await?;
        snapshot.answer(settings).await
    }
}
