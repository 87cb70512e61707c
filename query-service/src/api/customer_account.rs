//! A customer's account at a glance, and the notes about them (CRM-1).
//!
//! Ageing: payments and credits settle the oldest charges first, whatever they were made for; what is left of each
//! charge is as old as the charge, in whole days of 24 hours by the database's clock (docs/domain/customers.md).

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{CustomerId, Sealed};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::customers::{Credit, known};
use super::{At, Group};
use crate::QueryService;
use crate::list::List;
use crate::parameters::path_id;
use crate::people::{self, SealedField};
use crate::snapshot::Snapshot;

/// What a customer owes, by how long they have owed it. The parts add up to the balance when it is a debt, else to 0.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Ageing {
    /// Charged 0 to 30 days ago.
    pub days_0_30_minor: i64,
    pub days_31_60_minor: i64,
    pub days_61_90_minor: i64,
    /// Charged more than 90 days ago.
    pub over_90_minor: i64,
    /// When the oldest charge was made of which something is open.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub oldest_open_at: Option<OffsetDateTime>,
}

/// What a customer bought.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Purchases {
    /// Sales at the till that stand.
    pub sales: i64,
    /// What they came to, less returns.
    pub sales_minor: i64,
    /// Orders that were invoiced at least in part.
    pub orders: i64,
    /// What was invoiced of them, less returns.
    pub orders_minor: i64,
    /// `sales_minor` and `orders_minor` together.
    pub total_minor: i64,
    /// The newest sale or delivery.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub last_at: Option<OffsetDateTime>,
    /// The newest sale at the till.
    pub last_sale_id: Option<String>,
}

/// A customer's account at a glance. Amounts are in minor units of `currency`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Summary {
    pub customer_id: String,
    /// `active`, `blocked` or `archived`.
    pub status: String,
    pub currency: String,
    /// What the customer owes; negative is what the shop owes. The sum of the ledger.
    pub balance_minor: i64,
    /// What the shop owes the customer; 0 when it is the other way round.
    pub store_credit_minor: i64,
    /// Nothing is available to a customer who is blocked or archived.
    pub credit: Credit,
    pub ageing: Ageing,
    pub purchases: Purchases,
    /// All that was paid to the account.
    pub payments_minor: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<String>")]
    pub last_payment_at: Option<OffsetDateTime>,
}

#[derive(FromRow)]
struct Account {
    status: String,
    currency: String,
    balance_minor: i64,
    credit_kind: String,
    credit_limit_minor: Option<i64>,
    payments_minor: i64,
    last_payment_at: Option<OffsetDateTime>,
}

/// A note about a customer. Its text is `null` once the customer was forgotten.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Note {
    pub note_id: String,
    pub text: Option<String>,
    /// Who wrote it first.
    pub author: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub added_at: OffsetDateTime,
    /// When it was corrected last.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

#[derive(FromRow)]
struct NoteRow {
    note_id: String,
    text_sealed: String,
    author: String,
    added_at: OffsetDateTime,
    changed_at: OffsetDateTime,
    added_position: i64,
}

/// Reads of customers' accounts and notes.
pub struct CustomerAccountReads(pub QueryService);

#[OpenApi(tag = "Group::Customers")]
impl CustomerAccountReads {
    /// A customer's account at a glance: balance, credit, ageing, purchases.
    #[oai(
        path = "/api/v1/customers/:customer_id/summary",
        method = "get",
        operation_id = "get_customer_summary"
    )]
    async fn get_customer_summary(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Summary>>, Problem> {
        let id: CustomerId = path_id(&customer_id.0)?;
        let mut snapshot = self.0.snapshot(&context.principal.tenant, min_position.0).await?;
        let account = account(&mut snapshot, &id).await?;
        let ageing = ageing(&mut snapshot, &id).await?;
        let purchases = purchases(&mut snapshot, &id).await?;
        let available = account.credit_limit_minor.map(|limit| {
            if account.status == "active" {
                limit.saturating_sub(account.balance_minor).max(0)
            } else {
                0
            }
        });
        let summary = Summary {
            customer_id: id.to_string(),
            status: account.status,
            currency: account.currency,
            balance_minor: account.balance_minor,
            store_credit_minor: account.balance_minor.saturating_neg().max(0),
            credit: Credit {
                kind: account.credit_kind,
                limit_minor: account.credit_limit_minor,
                available_minor: available,
            },
            ageing,
            purchases,
            payments_minor: account.payments_minor,
            last_payment_at: account.last_payment_at,
        };
        snapshot.answer(summary).await
    }

    /// Notes about a customer, the newest first.
    #[oai(
        path = "/api/v1/customers/:customer_id/notes",
        method = "get",
        operation_id = "list_customer_notes"
    )]
    async fn list_customer_notes(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Note>, Problem> {
        let tenant = &context.principal.tenant;
        let id: CustomerId = path_id(&customer_id.0)?;
        let filters = [Some(id.as_str())];
        let list = List::<i64>::new(&self.0, "customer_notes", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        known(&mut snapshot, &id).await?;
        let mut query = QueryBuilder::new(
            "select note_id, text_sealed, author, added_at, changed_at, added_position from rm_customer_notes
             where not removed and tenant = ",
        );
        query.push_bind(tenant.as_str());
        query.push(" and customer_id = ").push_bind(id.as_str());
        list.descending(&mut query, "added_position");
        let sort_key = |row: &NoteRow| row.added_position;
        let page = list.page(snapshot, query, sort_key).await?;
        let sealed = page.items.iter().map(|row| {
            Some(SealedField {
                person: format!("customer/{id}"),
                field: "text",
                value: Sealed {
                    sealed: row.text_sealed.clone(),
                },
            })
        });
        let texts = people::open(&self.0.vault, tenant, sealed.collect()).await?;
        let note = |(row, text): (NoteRow, Option<String>)| Note {
            note_id: row.note_id,
            text,
            author: row.author,
            added_at: row.added_at,
            changed_at: row.changed_at,
        };
        Ok(PageAnswer(Page {
            items: page.items.into_iter().zip(texts).map(note).collect(),
            next: page.next,
            position: page.position,
        }))
    }
}

/// 404 for a customer that is none of this tenant's.
async fn account(snapshot: &mut Snapshot, id: &CustomerId) -> Result<Account, Problem> {
    let tenant = snapshot.tenant.clone();
    let statement = sqlx::query_as(
        "select status, currency, balance_minor, credit_kind, credit_limit_minor,
           (select coalesce(-sum(amount_minor), 0)::bigint from rm_customer_ledger l
            where l.tenant = c.tenant and l.customer_id = c.customer_id and l.kind = 'payment') as payments_minor,
           (select max(recorded_at) from rm_customer_ledger l
            where l.tenant = c.tenant and l.customer_id = c.customer_id and l.kind = 'payment') as last_payment_at
         from rm_customers c where tenant = $1 and customer_id = $2",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    snapshot.row_or_404(statement).await
}

/// What is open of each charge after all that was ever paid or credited has settled the oldest ones.
async fn ageing(snapshot: &mut Snapshot, id: &CustomerId) -> Result<Ageing, Problem> {
    let tenant = snapshot.tenant.clone();
    let statement = sqlx::query_as(
        "with ledger as (
           select position, amount_minor, recorded_at from rm_customer_ledger
           where tenant = $1 and customer_id = $2),
         settled as (
           select coalesce(-sum(amount_minor) filter (where amount_minor < 0), 0) as minor from ledger),
         charges as (
           select amount_minor, recorded_at, sum(amount_minor) over (order by position) as so_far
           from ledger where amount_minor > 0),
         open as (
           select least(amount_minor, greatest(so_far - settled.minor, 0)) as minor, recorded_at,
                  floor(extract(epoch from now() - recorded_at) / 86400) as days
           from charges, settled)
         select coalesce(sum(minor) filter (where days <= 30), 0)::bigint as days_0_30_minor,
                coalesce(sum(minor) filter (where days > 30 and days <= 60), 0)::bigint as days_31_60_minor,
                coalesce(sum(minor) filter (where days > 60 and days <= 90), 0)::bigint as days_61_90_minor,
                coalesce(sum(minor) filter (where days > 90), 0)::bigint as over_90_minor,
                min(recorded_at) filter (where minor > 0) as oldest_open_at
         from open",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    snapshot.row(statement).await
}

async fn purchases(snapshot: &mut Snapshot, id: &CustomerId) -> Result<Purchases, Problem> {
    let tenant = snapshot.tenant.clone();
    let statement = sqlx::query_as(
        "with sales as (
           select count(*) filter (where status = 'completed') as sales,
                  coalesce(sum(total_minor - returned_minor - voided_minor), 0)::bigint as sales_minor,
                  max(occurred_at) filter (where status = 'completed') as last_at,
                  (array_agg(sale_id order by occurred_at desc, opened_position desc)
                    filter (where status = 'completed'))[1] as last_sale_id
           from rm_sales where tenant = $1 and customer_id = $2 and status in ('completed', 'voided')),
         orders as (
           select count(*) filter (where invoices <> '[]') as orders,
                  coalesce(sum(invoiced_minor), 0)::bigint as orders_minor, max(delivered_at) as last_at
           from rm_orders where tenant = $1 and customer_id = $2)
         select sales, sales_minor, orders, orders_minor, sales_minor + orders_minor as total_minor,
                greatest(sales.last_at, orders.last_at) as last_at, last_sale_id
         from sales, orders",
    )
    .bind(tenant.as_str())
    .bind(id.as_str());
    snapshot.row(statement).await
}
