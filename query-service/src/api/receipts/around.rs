//! What stands around the sale on paper: names, the letterhead, the zone.

use platform::http::{Language, Problem};

use super::super::sales::Sale;
use crate::receipt::layout::Letterhead;
use crate::snapshot::Snapshot;

/// What stands around the sale on paper.
pub(super) struct Around {
    /// The letterhead's, on paper as on the page that it is compared with; the tenant's where there is none.
    pub(super) business_name: String,
    pub(super) store_name: String,
    pub(super) time_zone: Option<String>,
    pub(super) name_sealed: Option<String>,
    pub(super) letterhead: Option<Letterhead>,
}

type LetterheadRow = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Around {
    pub(super) async fn load(
        snapshot: &mut Snapshot,
        sale: &Sale,
        language: Language,
    ) -> Result<Around, Problem> {
        let tenant = snapshot.tenant.clone();
        let statement = sqlx::query_as(
            "select (select name from rm_tenant where tenant = $1), (select time_zone from rm_tenant where tenant = $1),
                    (select name from rm_stores where tenant = $1 and store = $2),
                    (select name_sealed from rm_customers where tenant = $1 and customer_id = $3)",
        )
        .bind(tenant.as_str())
        .bind(&sale.header.store)
        .bind(&sale.header.customer_id);
        let names: (Option<String>, Option<String>, Option<String>, Option<String>) =
            snapshot.row(statement).await?;
        let statement = sqlx::query_as(
            "select legal_name, tax_id, address, phone, email, website, footer_es, footer_en from rm_letterheads
             where tenant = $1",
        )
        .bind(tenant.as_str());
        let head: Option<LetterheadRow> = snapshot.row_if_any(statement).await?;
        let letterhead =
            head.map(
                |(legal_name, tax_id, address, phone, email, website, es, en)| Letterhead {
                    legal_name,
                    tax_id,
                    address,
                    phone,
                    email,
                    website,
                    footer: match language {
                        Language::Spanish => es,
                        Language::English => en,
                    },
                },
            );
        let (tenant_name, time_zone, store_name, name_sealed) = names;
        let business_name = match &letterhead {
            Some(letterhead) => letterhead.legal_name.clone(),
            None => tenant_name.unwrap_or_else(|| tenant.to_string()),
        };
        Ok(Around {
            business_name,
            store_name: store_name.unwrap_or_else(|| sale.header.store.clone()),
            time_zone,
            name_sealed,
            letterhead,
        })
    }
}
