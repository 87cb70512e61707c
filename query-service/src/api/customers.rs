//! Customers, their credit and their ledger (CRM-1).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

mod names;

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{CustomerId, Sealed, TenantId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use self::names::{LOOKED_THROUGH, debt_filter, folded, name_filter};
use super::{At, Group};
use crate::QueryService;
use crate::failure::{bad_parameter, not_found};
use crate::list::{List, push_equal};
use crate::parameters::{filter_word, path_id};
use crate::people::{self, SealedField};
use crate::snapshot::Snapshot;

/// One customer. Personal fields are `null` once the customer was forgotten.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Customer {
    pub customer_id: String,
    /// `person` or `company`.
    pub kind: String,
    /// `active`, `blocked` (buys with money only) or `archived` (buys nothing).
    pub status: String,
    pub name: Option<String>,
    pub tax_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub credit: Credit,
    /// What the customer owes; negative is what the shop owes.
    pub balance_minor: i64,
    pub currency: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub registered_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// How far a customer may owe.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Credit {
    /// `none`, `limited` or `unlimited`.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_minor: Option<i64>,
    /// What may still be owed; absent without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_minor: Option<i64>,
}

/// One charge, credit or payment.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct LedgerEntry {
    /// Of the event, in the log.
    #[serde(rename = "event_position")]
    pub position: i64,
    /// `charge`, `credit` or `payment`.
    pub kind: String,
    /// What the entry adds to the debt: negative for credits and payments.
    pub amount_minor: i64,
    /// The sum of all entries up to this one.
    pub balance_minor: i64,
    pub currency: String,
    /// `sale`, `void`, `return`, `order`, `repair`, `manual` or `payment`.
    pub cause: String,
    /// The sale, return, order, repair or payment.
    pub reference: Option<String>,
    pub note: Option<String>,
    /// How it was paid.
    pub method: Option<String>,
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

#[derive(FromRow)]
struct Row {
    customer_id: String,
    kind: String,
    status: String,
    credit_kind: String,
    credit_limit_minor: Option<i64>,
    currency: String,
    balance_minor: i64,
    name_sealed: String,
    tax_id_sealed: Option<String>,
    email_sealed: Option<String>,
    phone_sealed: Option<String>,
    address_sealed: Option<String>,
    registered_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl Row {
    fn sealed(&self) -> [Option<SealedField>; 5] {
        let fields = [
            ("name", Some(&self.name_sealed)),
            ("tax_id", self.tax_id_sealed.as_ref()),
            ("email", self.email_sealed.as_ref()),
            ("phone", self.phone_sealed.as_ref()),
            ("address", self.address_sealed.as_ref()),
        ];
        fields.map(|(field, sealed)| {
            sealed.map(|sealed| SealedField {
                person: format!("customer/{}", self.customer_id),
                field,
                value: Sealed {
                    sealed: sealed.clone(),
                },
            })
        })
    }
}

const COLUMNS: &str =
    "select customer_id, kind, status, credit_kind, credit_limit_minor, currency, balance_minor, name_sealed,
    tax_id_sealed, email_sealed, phone_sealed, address_sealed, registered_at, changed_at from rm_customers";

/// Reads of customers.
pub struct CustomerReads(pub QueryService);

#[OpenApi(tag = "Group::Customers")]
impl CustomerReads {
    /// Customers in the order of their id.
    #[oai(path = "/api/v1/customers", method = "get", operation_id = "list_customers")]
    async fn list_customers(
        &self,
        context: Data<&RequestContext>,
        /// `person` or `company`.
        kind: Query<Option<String>>,
        /// `none`, `limited` or `unlimited`.
        credit: Query<Option<String>>,
        /// `active`, `blocked` or `archived`.
        status: Query<Option<String>>,
        /// `owing`: with a debt; `clear`: without; `in_credit`: the shop owes them.
        debt: Query<Option<String>>,
        /// The same as `debt=owing` when true, and as `debt=clear` when false.
        with_debt: Query<Option<bool>>,
        /// Those who owe at least this much, in minor units; not negative.
        min_debt_minor: Query<Option<i64>>,
        /// Those whose name holds this text, upper or lower case, with or without accents; 2 to 100 characters. Names are
        /// sealed, so a page looks through 2,000 customers at most: it may hold fewer rows than `limit`, or none, and
        /// still have a `next`.
        name: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Customer>, Problem> {
        let tenant = &context.principal.tenant;
        let kind = filter_word("kind", kind.0, &["person", "company"])?;
        let credit = filter_word("credit", credit.0, &["none", "limited", "unlimited"])?;
        let status = filter_word("status", status.0, &["active", "blocked", "archived"])?;
        let debt = debt_filter(debt.0, with_debt.0)?;
        if min_debt_minor.0.is_some_and(|minor| minor < 0) {
            return Err(bad_parameter("min_debt_minor", "0 or more"));
        }
        let min_debt = min_debt_minor.0.map(|minor| minor.to_string());
        let wanted = name.0.map(|text| name_filter(&text)).transpose()?;
        let filters @ [kind, credit, status, debt, ..] = [
            kind.as_deref(),
            credit.as_deref(),
            status.as_deref(),
            debt.as_deref(),
            min_debt.as_deref(),
            wanted.as_deref(),
        ];
        let list = List::<String>::new(&self.0, "customers", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        push_equal(&mut query, "kind", kind);
        push_equal(&mut query, "credit_kind", credit);
        push_equal(&mut query, "status", status);
        match debt {
            Some("owing") => query.push(" and balance_minor > 0"),
            Some("clear") => query.push(" and balance_minor <= 0"),
            Some(_) => query.push(" and balance_minor < 0"),
            None => &mut query,
        };
        if let Some(minor) = min_debt_minor.0 {
            query.push(" and balance_minor >= ").push_bind(minor);
        }
        if let Some(after) = list.after() {
            query.push(" and customer_id > ").push_bind(after);
        }
        let fetch = if wanted.is_some() {
            LOOKED_THROUGH + 1
        } else {
            list.fetch()
        };
        query.push(" order by customer_id limit ").push_bind(fetch);
        let rows: Vec<Row> = snapshot.rows(query.build_query_as()).await?;
        let position = snapshot.position;
        let Some(wanted) = wanted else {
            let page = list.cut(rows, position, |row| row.customer_id.clone());
            snapshot.close().await?;
            let items = self.opened(tenant, page.items).await?;
            return Ok(PageAnswer(Page {
                items,
                next: page.next,
                position,
            }));
        };
        snapshot.close().await?;
        let (rows, last) = self.named(tenant, rows, &wanted, list.limit()).await?;
        Ok(PageAnswer(Page {
            items: self.opened(tenant, rows).await?,
            next: last.map(|last| list.cursor_after(&last)),
            position,
        }))
    }

    /// One customer.
    #[oai(
        path = "/api/v1/customers/:customer_id",
        method = "get",
        operation_id = "get_customer"
    )]
    async fn get_customer(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Customer>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: CustomerId = path_id(&customer_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query
            .push(" where tenant = ")
            .push_bind(tenant.as_str())
            .push(" and customer_id = ")
            .push_bind(id.as_str());
        let row: Option<Row> = snapshot.row_if_any(query.build_query_as()).await?;
        let position = snapshot.position;
        snapshot.close().await?;
        let customer = self
            .opened(tenant, row.into_iter().collect())
            .await?
            .pop()
            .ok_or_else(not_found)?;
        Ok(JsonAnswer(At {
            value: customer,
            position,
        }))
    }

    /// A customer's charges, credits and payments in the order of the log.
    #[oai(
        path = "/api/v1/customers/:customer_id/ledger",
        method = "get",
        operation_id = "list_ledger"
    )]
    async fn list_ledger(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<LedgerEntry>, Problem> {
        let tenant = &context.principal.tenant;
        let id: CustomerId = path_id(&customer_id.0)?;
        let filters = [Some(id.as_str())];
        let list = List::<i64>::new(&self.0, "ledger", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        known(&mut snapshot, &id).await?;
        // The balance before the page is one sum over the index; within it, a window adds up.
        let statement = sqlx::query_as(
            "with page as (
               select * from rm_customer_ledger
               where tenant = $1 and customer_id = $2 and position > $3 order by position limit $4),
             before as (
               select coalesce(sum(amount_minor), 0) as balance from rm_customer_ledger
               where tenant = $1 and customer_id = $2 and position <= $3)
             select position, kind, amount_minor,
                    (before.balance + sum(amount_minor) over (order by position))::bigint as balance_minor,
                    currency, cause, reference, note, method, actor, recorded_at
             from page, before order by position",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .bind(list.after().copied().unwrap_or(0))
        .bind(list.fetch());
        let rows: Vec<LedgerEntry> = snapshot.rows(statement).await?;
        let page = list.cut(rows, snapshot.position, |row| row.position);
        snapshot.close().await?;
        Ok(PageAnswer(page))
    }
}

/// 404 for a customer that is none of this tenant's.
pub(super) async fn known(snapshot: &mut Snapshot, id: &CustomerId) -> Result<(), Problem> {
    let tenant = snapshot.tenant.clone();
    let statement = sqlx::query_as("select 1 from rm_customers where tenant = $1 and customer_id = $2")
        .bind(tenant.as_str())
        .bind(id.as_str());
    let (_,): (i32,) = snapshot.row_or_404(statement).await?;
    Ok(())
}

impl CustomerReads {
    /// Those of the rows whose name holds a text, at most `limit`, and the id behind which the search goes on.
    async fn named(
        &self,
        tenant: &TenantId,
        mut rows: Vec<Row>,
        wanted: &str,
        limit: i64,
    ) -> Result<(Vec<Row>, Option<String>), Problem> {
        let most = usize::try_from(LOOKED_THROUGH).unwrap_or(0);
        let mut more = rows.len() > most;
        rows.truncate(most);
        let sealed = rows.iter().map(|row| {
            let [name, ..] = row.sealed();
            name
        });
        let names = people::open(&self.0.vault, tenant, sealed.collect()).await?;
        let limit = usize::try_from(limit).unwrap_or(0);
        let (mut found, mut last) = (Vec::new(), None);
        for (row, name) in rows.into_iter().zip(names) {
            if found.len() == limit {
                more = true;
                break;
            }
            last = Some(row.customer_id.clone());
            if name.is_some_and(|name| folded(&name).contains(wanted)) {
                found.push(row);
            }
        }
        Ok((found, last.filter(|_| more)))
    }

    /// Opens the personal fields of a whole page at once.
    async fn opened(&self, tenant: &TenantId, rows: Vec<Row>) -> Result<Vec<Customer>, Problem> {
        let sealed = rows.iter().flat_map(Row::sealed).collect();
        let mut texts = people::open(&self.0.vault, tenant, sealed).await?.into_iter();
        let mut next = || texts.next().flatten();
        let open = |row: Row| Customer {
            name: next(),
            tax_id: next(),
            email: next(),
            phone: next(),
            address: next(),
            customer_id: row.customer_id,
            kind: row.kind,
            status: row.status,
            credit: Credit {
                kind: row.credit_kind,
                limit_minor: row.credit_limit_minor,
                available_minor: row
                    .credit_limit_minor
                    .map(|limit| limit.saturating_sub(row.balance_minor).max(0)),
            },
            balance_minor: row.balance_minor,
            currency: row.currency,
            registered_at: row.registered_at,
            changed_at: row.changed_at,
        };
        Ok(rows.into_iter().map(open).collect())
    }
}
