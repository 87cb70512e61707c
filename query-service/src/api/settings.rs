//! What a tenant has set for its papers and its workshop, and which modules the installation uses (ADM-1).

use platform::http::{Feature, JsonAnswer, Page, PageAnswer, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;

use super::{At, Group};
use crate::QueryService;
use crate::list::List;

/// Largest count of a series, as `PUT /api/v1/admin/numbering/{series}` takes it.
const MAX_COUNT: i64 = 999_999_999_999;

/// What stands on documents.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct Letterhead {
    pub legal_name: String,
    /// The tax authority's number.
    pub tax_id: Option<String>,
    pub address: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub website: Option<String>,
    /// What documents in Spanish end with.
    pub footer_es: Option<String>,
    /// What documents in English end with.
    pub footer_en: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

/// How documents of one kind are numbered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Numbering {
    /// `receipt`, `order`, `purchase`, `transfer`, `repair` or `return`.
    pub series: String,
    /// Whether documents of this kind get numbers.
    pub enabled: bool,
    pub prefix: String,
    /// The count to begin with, as it was set: no smaller one is handed out. It stays where it is while numbers are
    /// handed out; which one is next says `next_number`.
    pub next: i64,
    pub digits: i64,
    /// What the next document gets; `null` while documents of this kind get no numbers, and once all counts are used up.
    pub next_number: Option<String>,
    /// How many were handed out, under any prefix.
    pub taken: i64,
    pub last_number: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub changed_at: OffsetDateTime,
}

#[derive(FromRow)]
struct NumberingRow {
    series: String,
    enabled: bool,
    prefix: String,
    next: i64,
    next_count: i64,
    digits: i64,
    taken: i64,
    last_number: Option<String>,
    changed_at: OffsetDateTime,
}

impl NumberingRow {
    fn next_number(&self) -> Option<String> {
        let digits = usize::try_from(self.digits).unwrap_or(1);
        let is_free = self.enabled && self.next_count <= MAX_COUNT;
        is_free.then(|| format!("{}{:0digits$}", self.prefix, self.next_count))
    }

    fn shown(self) -> Numbering {
        Numbering {
            next_number: self.next_number(),
            series: self.series,
            enabled: self.enabled,
            prefix: self.prefix,
            next: self.next,
            digits: self.digits,
            taken: self.taken,
            last_number: self.last_number,
            changed_at: self.changed_at,
        }
    }
}

/// Targets of repairs in seconds of the clock that runs while the shop is at work, and the warranty on them.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
pub struct RepairTerms {
    pub low_target_s: i64,
    pub normal_target_s: i64,
    pub high_target_s: i64,
    pub urgent_target_s: i64,
    pub warranty_days: i64,
}

/// The tenant's letterhead.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LetterheadOf {
    pub tenant: String,
    /// `null` until it is set.
    pub letterhead: Option<Letterhead>,
}

/// The tenant's terms of repairs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RepairTermsOf {
    pub tenant: String,
    /// `null` while the defaults hold: a week, three days, a day, four hours, and 90 days of warranty.
    pub terms: Option<RepairTerms>,
}

/// A module that an installation may switch off.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Module {
    /// Such as `hybrid_prep`.
    pub feature: String,
    pub enabled: bool,
    /// The environment's variable that switches it.
    pub variable: String,
    /// Operations under these paths, or with a method before it that one operation, answer 404 `feature.disabled` while it is off.
    pub paths: Vec<String>,
}

/// The installation's modules, as they are for a tenant: the same for all.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Modules {
    pub tenant: String,
    pub features: Vec<Module>,
}

/// Reads of settings.
pub struct SettingsReads(pub QueryService);

#[OpenApi(tag = "Group::Administration")]
impl SettingsReads {
    /// What stands on documents.
    #[oai(
        path = "/api/v1/admin/letterhead",
        method = "get",
        operation_id = "get_letterhead"
    )]
    async fn get_letterhead(
        &self,
        context: Data<&RequestContext>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<LetterheadOf>>, Problem> {
        let tenant = &context.principal.tenant;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let statement = sqlx::query_as(
            "select legal_name, tax_id, address, phone, email, website, footer_es, footer_en, changed_at
             from rm_letterheads where tenant = $1",
        )
        .bind(tenant.as_str());
        let letterhead: Option<Letterhead> = snapshot.row_if_any(statement).await?;
        let tenant = tenant.to_string();
        snapshot.answer(LetterheadOf { tenant, letterhead }).await
    }

    /// How documents are numbered, in the order of their kind. A kind that is not listed never had numbers.
    #[oai(
        path = "/api/v1/admin/numbering",
        method = "get",
        operation_id = "list_numbering"
    )]
    async fn list_numbering(
        &self,
        context: Data<&RequestContext>,
        /// Rows of a page, 1 to 200; 50 when absent.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<PageAnswer<Numbering>, Problem> {
        let tenant = &context.principal.tenant;
        let list = List::<String>::new(&self.0, "numbering", tenant, &[], limit.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select series, enabled, prefix, next, next_count, digits, taken, last_number, changed_at from rm_numbering
             where tenant = ",
        );
        query.push_bind(tenant.as_str());
        list.ascending(&mut query, "series");
        let sort_key = |row: &NumberingRow| row.series.clone();
        let page = list.page(snapshot, query, sort_key).await?;
        Ok(PageAnswer(Page {
            items: page.items.into_iter().map(NumberingRow::shown).collect(),
            next: page.next,
            position: page.position,
        }))
    }

    /// The tenant's targets and warranty of repairs.
    #[oai(
        path = "/api/v1/admin/policies/repairs",
        method = "get",
        operation_id = "get_repair_terms"
    )]
    async fn get_repair_terms(
        &self,
        context: Data<&RequestContext>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<JsonAnswer<At<RepairTermsOf>>, Problem> {
        let tenant = &context.principal.tenant;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let statement = sqlx::query_as(
            "select low_target_s, normal_target_s, high_target_s, urgent_target_s, warranty_days
             from rm_repair_terms where tenant = $1",
        )
        .bind(tenant.as_str());
        let terms: Option<RepairTerms> = snapshot.row_if_any(statement).await?;
        let tenant = tenant.to_string();
        snapshot.answer(RepairTermsOf { tenant, terms }).await
    }

    /// Modules of this installation, and which of them are on.
    #[oai(
        path = "/api/v1/admin/features",
        method = "get",
        operation_id = "list_features"
    )]
    async fn list_features(&self, context: Data<&RequestContext>) -> Result<JsonAnswer<Modules>, Problem> {
        let module = |feature: &Feature| Module {
            feature: feature.key().to_owned(),
            enabled: self.0.features.is_on(*feature),
            variable: feature.variable(),
            paths: feature.paths().iter().map(|path| (*path).to_owned()).collect(),
        };
        Ok(JsonAnswer(Modules {
            tenant: context.principal.tenant.to_string(),
            features: Feature::ALL.iter().map(module).collect(),
        }))
    }
}
