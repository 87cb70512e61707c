//! Suppliers, their contacts, lots and our account with each (CRM-2).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::{Sealed, Sku, SupplierId, TenantId};
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::{filter_day, filter_id, filter_word, path_id};
use crate::people::{self, SealedField};
use crate::snapshot::Snapshot;

/// One supplier.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Supplier {
    pub supplier_id: String,
    pub name: String,
    /// The number at the tax office.
    pub tax_id: Option<String>,
    /// Days from invoice to payment.
    pub payment_days: Option<i64>,
    pub note: Option<String>,
    /// Whether it is ordered from.
    pub active: bool,
    /// What we owe; negative is what the supplier owes us.
    pub balance_minor: i64,
    pub currency: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub registered_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// A person to talk to at a supplier. Personal fields are `null` once the person was forgotten.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SupplierContact {
    pub contact_id: String,
    /// What the person does there.
    pub role: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// One charge, credit, payment or adjustment.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct SupplierLedgerEntry {
    /// Of the event, in the log.
    #[serde(rename = "event_position")]
    pub position: i64,
    /// `charge`, `credit`, `payment` or `adjustment`.
    pub kind: String,
    /// What the entry adds to what we owe: negative for credits and payments.
    pub amount_minor: i64,
    /// The sum of all entries up to this one.
    pub balance_minor: i64,
    pub currency: String,
    /// `invoice`, `cost_adjustment`, `return`, `payment` or `manual`.
    pub cause: String,
    pub purchase_id: Option<String>,
    /// The reception, cost adjustment, return or payment.
    pub reference: Option<String>,
    /// The supplier's invoice number, the payment's proof, or a note.
    pub note: Option<String>,
    /// How it was paid.
    pub method: Option<String>,
    pub actor: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub recorded_at: OffsetDateTime,
}

/// One lot of one item.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct SupplierLot {
    pub sku: String,
    /// As the goods' label says.
    pub lot: String,
    /// Pieces that came of it, in all receptions.
    pub quantity: i64,
    /// `2026-11-01`.
    pub made_on: Option<String>,
    /// `2028-11-01`.
    pub expires_on: Option<String>,
    /// The newest reception that brought some of it.
    pub purchase_id: String,
    pub reception_id: String,
    pub store: String,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub received_at: OffsetDateTime,
}

#[derive(FromRow)]
struct ContactRow {
    contact_id: String,
    role: Option<String>,
    name_sealed: String,
    email_sealed: Option<String>,
    phone_sealed: Option<String>,
    changed_at: OffsetDateTime,
}

const COLUMNS: &str = "select supplier_id, name, tax_id, payment_days, note, active, balance_minor, currency,
    registered_at, changed_at from rm_suppliers";

/// Reads of suppliers.
pub struct SupplierReads(pub QueryService);

#[OpenApi(tag = "Group::Purchases")]
impl SupplierReads {
    /// Suppliers in the order of their id.
    #[oai(path = "/api/v1/suppliers", method = "get", operation_id = "list_suppliers")]
    async fn list_suppliers(
        &self,
        context: Data<&RequestContext>,
        /// `active` or `inactive`.
        status: Query<Option<String>>,
        /// `owing`: we owe them; `clear`: we do not; `in_credit`: they owe us.
        debt: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Supplier>, Problem> {
        let tenant = &context.principal.tenant;
        let status = filter_word("status", status.0, &["active", "inactive"])?;
        let debt = filter_word("debt", debt.0, &["owing", "clear", "in_credit"])?;
        let filters = [status.as_deref(), debt.as_deref()];
        let list = List::<String>::new(&self.0, "suppliers", tenant, &filters, limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        if let Some(status) = &status {
            query.push(" and active = ").push_bind(status == "active");
        }
        match debt.as_deref() {
            Some("owing") => query.push(" and balance_minor > 0"),
            Some("clear") => query.push(" and balance_minor <= 0"),
            Some(_) => query.push(" and balance_minor < 0"),
            None => &mut query,
        };
        list.ascending(&mut query, "supplier_id");
        let sort_key = |row: &Supplier| row.supplier_id.clone();
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }

    /// One supplier.
    #[oai(
        path = "/api/v1/suppliers/:supplier_id",
        method = "get",
        operation_id = "get_supplier"
    )]
    async fn get_supplier(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<Supplier>>, Problem> {
        let tenant = &context.principal.tenant;
        let id: SupplierId = path_id(&supplier_id.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and supplier_id = ").push_bind(id.as_str());
        let found: Supplier = snapshot.row_or_404(query.build_query_as()).await?;
        snapshot.answer(found).await
    }

    /// A supplier's contacts in the order of their id; at most 100.
    #[oai(
        path = "/api/v1/suppliers/:supplier_id/contacts",
        method = "get",
        operation_id = "list_supplier_contacts"
    )]
    async fn list_supplier_contacts(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<SupplierContact>, Problem> {
        let tenant = &context.principal.tenant;
        let id: SupplierId = path_id(&supplier_id.0)?;
        let filters = [Some(id.as_str())];
        let list = List::<String>::new(&self.0, "supplier_contacts", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        known(&mut snapshot, tenant, &id).await?;
        let mut query = QueryBuilder::new(
            "select contact_id, role, name_sealed, email_sealed, phone_sealed, changed_at from rm_supplier_contacts
             where not removed and tenant = ",
        );
        query.push_bind(tenant.as_str());
        query.push(" and supplier_id = ").push_bind(id.as_str());
        list.ascending(&mut query, "contact_id");
        let sort_key = |row: &ContactRow| row.contact_id.clone();
        let page = list.page(snapshot, query, sort_key).await?;
        let items = self.opened(tenant, &id, page.items).await?;
        Ok(PageAnswer(Page {
            items,
            next: page.next,
            position: page.position,
        }))
    }

    /// What we were charged, credited and paid, in the order of the log.
    #[oai(
        path = "/api/v1/suppliers/:supplier_id/ledger",
        method = "get",
        operation_id = "list_supplier_ledger"
    )]
    async fn list_supplier_ledger(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<SupplierLedgerEntry>, Problem> {
        let tenant = &context.principal.tenant;
        let id: SupplierId = path_id(&supplier_id.0)?;
        let filters = [Some(id.as_str())];
        let list = List::<i64>::new(&self.0, "supplier_ledger", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        known(&mut snapshot, tenant, &id).await?;
        // The balance before the page is one sum over the index; within it, a window adds up.
        let statement = sqlx::query_as(
            "with page as (
               select * from rm_supplier_ledger
               where tenant = $1 and supplier_id = $2 and position > $3 order by position limit $4),
             before as (
               select coalesce(sum(amount_minor), 0) as balance from rm_supplier_ledger
               where tenant = $1 and supplier_id = $2 and position <= $3)
             select position, kind, amount_minor,
                    (before.balance + sum(amount_minor) over (order by position))::bigint as balance_minor,
                    currency, cause, purchase_id, reference, note, method, actor, recorded_at
             from page, before order by position",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .bind(list.after().copied().unwrap_or(0))
        .bind(list.fetch());
        let rows: Vec<SupplierLedgerEntry> = snapshot.rows(statement).await?;
        let page = list.cut(rows, snapshot.position, |row| row.position);
        snapshot.close().await?;
        Ok(PageAnswer(page))
    }

    /// The lots that came from a supplier, in the order of SKU and lot number.
    #[oai(
        path = "/api/v1/suppliers/:supplier_id/lots",
        method = "get",
        operation_id = "list_supplier_lots"
    )]
    async fn list_supplier_lots(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        sku: Query<Option<String>>,
        /// Those that expire on this day or before: `2027-01-31`.
        expires_by: Query<Option<String>>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<SupplierLot>, Problem> {
        let tenant = &context.principal.tenant;
        let id: SupplierId = path_id(&supplier_id.0)?;
        let sku: Option<Sku> = filter_id("sku", sku.0)?;
        let expires_by = filter_day("expires_by", expires_by.0)?;
        let filters @ [_, sku, _] = [
            Some(id.as_str()),
            sku.as_ref().map(Sku::as_str),
            expires_by.as_deref(),
        ];
        let list =
            List::<(String, String)>::new(&self.0, "supplier_lots", tenant, &filters, limit.0, cursor.0)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        known(&mut snapshot, tenant, &id).await?;
        let mut query = QueryBuilder::new(
            "select sku, lot, quantity, made_on, expires_on, purchase_id, reception_id, store, received_at
             from rm_supplier_lots",
        );
        query.push(" where tenant = ").push_bind(tenant.as_str());
        query.push(" and supplier_id = ").push_bind(id.as_str());
        push_equal(&mut query, "sku", sku);
        if let Some(day) = &expires_by {
            query.push(" and expires_on <= ").push_bind(day);
        }
        list.ascending_pair(&mut query, "sku, lot");
        let sort_key = |row: &SupplierLot| (row.sku.clone(), row.lot.clone());
        list.page(snapshot, query, sort_key).await.map(PageAnswer)
    }
}

/// 404 for a supplier that is none of this tenant's.
async fn known(snapshot: &mut Snapshot, tenant: &TenantId, id: &SupplierId) -> Result<(), Problem> {
    let statement = sqlx::query_as("select 1 from rm_suppliers where tenant = $1 and supplier_id = $2")
        .bind(tenant.as_str())
        .bind(id.as_str());
    let (_,): (i32,) = snapshot.row_or_404(statement).await?;
    Ok(())
}

impl SupplierReads {
    /// Opens the personal fields of a whole page at once.
    async fn opened(
        &self,
        tenant: &TenantId,
        supplier: &SupplierId,
        rows: Vec<ContactRow>,
    ) -> Result<Vec<SupplierContact>, Problem> {
        let sealed = rows.iter().flat_map(|row| {
            let fields = [
                ("name", Some(&row.name_sealed)),
                ("email", row.email_sealed.as_ref()),
                ("phone", row.phone_sealed.as_ref()),
            ];
            fields.map(|(field, sealed)| {
                sealed.map(|sealed| SealedField {
                    person: format!("supplier/{supplier}/{}", row.contact_id),
                    field,
                    value: Sealed {
                        sealed: sealed.clone(),
                    },
                })
            })
        });
        let sealed = sealed.collect();
        let mut texts = people::open(&self.0.vault, tenant, sealed).await?.into_iter();
        let mut next = || texts.next().flatten();
        let open = |row: ContactRow| SupplierContact {
            name: next(),
            email: next(),
            phone: next(),
            contact_id: row.contact_id,
            role: row.role,
            changed_at: row.changed_at,
        };
        Ok(rows.into_iter().map(open).collect())
    }
}
