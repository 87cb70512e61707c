//! Stores, tills, users, tax rates and the tenant's settings.

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use schemas::{Currency, Sealed, StoreId};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::failure::{not_found, unavailable};
use crate::parameters::{List, filter_id};
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

/// What all lists of this module are asked with.
struct Asked<'a> {
    limit: Option<i64>,
    cursor: Option<&'a str>,
    min_position: Option<i64>,
}

/// A list in the order of one text column, which is the rest of the table's key.
struct KeyedList {
    name: &'static str,
    select: &'static str,
    key: &'static str,
}

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
        let list = KeyedList {
            name: "stores",
            select: "select store, name, closed, opened_at, changed_at from rm_stores",
            key: "store",
        };
        let asked = Asked {
            limit: limit.0,
            cursor: cursor.0.as_deref(),
            min_position: min_position.0,
        };
        self.keyed(&context, &list, &asked, None, |row: &Store| row.store.clone())
            .await
            .map(PageAnswer)
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
        let list = KeyedList {
            name: "terminals",
            select: "select terminal, store, name, retired, registered_at, changed_at from rm_terminals",
            key: "terminal",
        };
        let asked = Asked {
            limit: limit.0,
            cursor: cursor.0.as_deref(),
            min_position: min_position.0,
        };
        let key = |row: &Terminal| row.terminal.clone();
        self.keyed(&context, &list, &asked, store.as_ref(), key)
            .await
            .map(PageAnswer)
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
        let list = KeyedList {
            name: "users",
            select: "select username, role, display_name_sealed, disabled, created_at, changed_at from rm_users",
            key: "username",
        };
        let asked = Asked {
            limit: limit.0,
            cursor: cursor.0.as_deref(),
            min_position: min_position.0,
        };
        let page = self
            .keyed(&context, &list, &asked, None, |row: &UserRow| {
                row.username.clone()
            })
            .await?;
        let sealed = page.items.iter().map(|row| {
            Some(SealedField {
                person: format!("user/{}", row.username),
                field: "display_name",
                value: Sealed {
                    sealed: row.display_name_sealed.clone(),
                },
            })
        });
        let names = people::open(&self.0.vault, &context.principal.tenant, sealed.collect()).await?;
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
        let list = KeyedList {
            name: "tax_rates",
            select: "select tax_code, name, rate_ppm, changed_at from rm_tax_rates",
            key: "tax_code",
        };
        let asked = Asked {
            limit: limit.0,
            cursor: cursor.0.as_deref(),
            min_position: min_position.0,
        };
        self.keyed(&context, &list, &asked, None, |row: &TaxRate| {
            row.tax_code.clone()
        })
        .await
        .map(PageAnswer)
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
        let settings: Option<TenantSettings> = sqlx::query_as(
            "select tenant, name, currency, time_zone, prices_include_tax, stock_policy from rm_tenant where tenant = $1",
        )
        .bind(tenant.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let mut settings = settings.ok_or_else(not_found)?;
        settings.currency_exponent = Currency::new(&settings.currency).map_or(0, Currency::exponent);
        settings.tax_rates = sqlx::query_as(
            "select tax_code, name, rate_ppm, changed_at from rm_tax_rates where tenant = $1 order by tax_code limit 200",
        )
        .bind(tenant.as_str())
        .fetch_all(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let position = snapshot.position;
        snapshot.close().await?;
        Ok(JsonAnswer(At {
            value: settings,
            position,
        }))
    }
}

impl AdminReads {
    async fn keyed<T>(
        &self,
        context: &RequestContext,
        keyed: &KeyedList,
        asked: &Asked<'_>,
        store: Option<&StoreId>,
        sort_key: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let tenant = &context.principal.tenant;
        let filters = [store.map(StoreId::as_str)];
        let list = List::<String>::new(
            keyed.name,
            tenant,
            &filters,
            asked.limit,
            asked.cursor,
            &self.0.cursor_key,
        )?;
        let mut snapshot = self.0.snapshot(tenant, asked.min_position).await?;
        let mut query = QueryBuilder::new(keyed.select);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        if let Some(store) = store {
            query.push(" and store = ").push_bind(store.as_str());
        }
        if let Some(after) = &list.page.after {
            query.push(format!(" and {} > ", keyed.key)).push_bind(after);
        }
        query
            .push(format!(" order by {} limit ", keyed.key))
            .push_bind(list.page.fetch());
        let rows: Vec<T> = query
            .build_query_as()
            .fetch_all(snapshot.connection())
            .await
            .map_err(unavailable)?;
        let page = list.cut(rows, snapshot.position, sort_key);
        snapshot.close().await?;
        Ok(page)
    }
}
