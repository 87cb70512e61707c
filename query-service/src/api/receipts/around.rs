//! What stands around the sale on paper: names, the letterhead, the zone.

use platform::http::{Language, Problem};

use super::super::sales::Sale;
use crate::failure::unavailable;
use crate::receipt::layout::Letterhead;
use crate::snapshot::Snapshot;

/// What stands around the sale on paper.
pub(super) struct Around {
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
        let names: (Option<String>, Option<String>, Option<String>, Option<String>) = sqlx::query_as(
            "select (select name from rm_tenant where tenant = $1), (select time_zone from rm_tenant where tenant = $1),
                    (select name from rm_stores where tenant = $1 and store = $2),
                    (select name_sealed from rm_customers where tenant = $1 and customer_id = $3)",
        )
        .bind(tenant.as_str())
        .bind(&sale.header.store)
        .bind(&sale.header.customer_id)
        .fetch_one(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let head: Option<LetterheadRow> = sqlx::query_as(
            "select legal_name, tax_id, address, phone, email, website, footer_es, footer_en from rm_letterheads
             where tenant = $1",
        )
        .bind(tenant.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
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
        let (business_name, time_zone, store_name, name_sealed) = names;
        Ok(Around {
            business_name: business_name.unwrap_or_else(|| tenant.to_string()),
            store_name: store_name.unwrap_or_else(|| sale.header.store.clone()),
            time_zone,
            name_sealed,
            letterhead,
        })
    }
}
