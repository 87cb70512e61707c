//! What a tenant sets for its papers and its workshop, and new names of stores and tills (ADM-1). As in `admin`, each
//! operation asks that the session is still current.

use std::sync::Arc;

use domain::admin::{EndNumbering, RenameStore, RenameTerminal, SetLetterhead, SetNumbering, SetRepairTerms};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::settings::{LetterheadSet, RepairTermsSet, Series};
use schemas::{StoreId, TerminalId};
use serde::Deserialize;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

/// What stands on the tenant's documents; replaces the letterhead before it. Texts are single lines.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LetterheadBody {
    /// 1 to 200 characters.
    legal_name: String,
    /// The tax authority's number; at most 50 characters.
    #[serde(default)]
    tax_id: Option<String>,
    /// At most 300 characters.
    #[serde(default)]
    address: Option<String>,
    /// At most 100 characters.
    #[serde(default)]
    phone: Option<String>,
    /// At most 254 characters.
    #[serde(default)]
    email: Option<String>,
    /// At most 200 characters.
    #[serde(default)]
    website: Option<String>,
    /// What documents in Spanish end with; at most 500 characters.
    #[serde(default)]
    footer_es: Option<String>,
    /// What documents in English end with; at most 500 characters.
    #[serde(default)]
    footer_en: Option<String>,
}

impl From<LetterheadBody> for LetterheadSet {
    fn from(body: LetterheadBody) -> Self {
        let LetterheadBody {
            legal_name,
            tax_id,
            address,
            phone,
            email,
            website,
            footer_es,
            footer_en,
        } = body;
        LetterheadSet {
            legal_name,
            tax_id,
            address,
            phone,
            email,
            website,
            footer_es,
            footer_en,
        }
    }
}

/// How documents of one kind are numbered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NumberingBody {
    /// What stands in front of the count, at most 20 characters; may be empty.
    prefix: String,
    /// The next count, 1 to 999,999,999,999. No count is handed out twice under one prefix.
    next: i64,
    /// The count is filled up with zeros to so many digits, 1 to 12.
    digits: i64,
}

/// A new name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NameBody {
    /// 1 to 200 characters.
    name: String,
}

/// The letterhead that holds from now on.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct LetterheadAnswer {
    legal_name: String,
    position: i64,
}

/// The numbering that holds from now on.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct NumberingAnswer {
    series: Series,
    /// What the next document gets; absent when documents of this kind get no numbers any more.
    #[serde(default)]
    next_number: Option<String>,
    position: i64,
}

/// The terms that hold for repairs from now on.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct RepairTermsAnswer {
    #[serde(flatten)]
    terms: RepairTermsSet,
    position: i64,
}

/// Which store was renamed.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct StoreRenamedAnswer {
    store: StoreId,
    position: i64,
}

/// Which terminal was renamed.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct TerminalRenamedAnswer {
    terminal: TerminalId,
    position: i64,
}

pub(super) struct SettingsApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/admin")]
impl SettingsApi {
    /// Say what stands on documents
    #[oai(path = "/letterhead", method = "put")]
    async fn set_letterhead(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<LetterheadBody>,
    ) -> Result<CommandAnswer<LetterheadAnswer>, Problem> {
        let letterhead = body.0.into();
        self.0
            .submit_in_session(context.0, SetLetterhead { letterhead })
            .await
    }

    /// Give documents of one kind numbers
    ///
    /// `series` is `receipt`, `order`, `purchase`, `transfer`, `repair` or `return`.
    #[oai(path = "/numbering/:series", method = "put")]
    async fn set_numbering(
        &self,
        context: Data<&RequestContext>,
        series: Path<String>,
        body: JsonBody<NumberingBody>,
    ) -> Result<CommandAnswer<NumberingAnswer>, Problem> {
        let NumberingBody { prefix, next, digits } = body.0;
        let series = parameters::id(&series.0)?;
        let command = SetNumbering {
            series,
            prefix,
            next,
            digits,
        };
        self.0.submit_in_session(context.0, command).await
    }

    /// Give documents of one kind no numbers any more
    #[oai(path = "/numbering/:series/end", method = "post")]
    async fn end_numbering(
        &self,
        context: Data<&RequestContext>,
        series: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<NumberingAnswer>, Problem> {
        let series = parameters::id(&series.0)?;
        self.0.submit_in_session(context.0, EndNumbering { series }).await
    }

    /// Set the targets and the warranty of repairs
    ///
    /// Targets are 1 to 31,622,400 seconds of the clock that runs while the shop is at work; the warranty is 0 to 3,653
    /// days.
    #[oai(path = "/policies/repairs", method = "put")]
    async fn set_repair_terms(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<RepairTermsSet>,
    ) -> Result<CommandAnswer<RepairTermsAnswer>, Problem> {
        self.0
            .submit_in_session(context.0, SetRepairTerms { terms: body.0 })
            .await
    }

    /// Rename a store
    #[oai(path = "/stores/:store", method = "patch")]
    async fn rename_store(
        &self,
        context: Data<&RequestContext>,
        store: Path<String>,
        body: JsonBody<NameBody>,
    ) -> Result<CommandAnswer<StoreRenamedAnswer>, Problem> {
        let (store, name) = (parameters::id(&store.0)?, body.0.name);
        self.0
            .submit_in_session(context.0, RenameStore { store, name })
            .await
    }

    /// Rename a terminal
    #[oai(path = "/terminals/:terminal", method = "patch")]
    async fn rename_terminal(
        &self,
        context: Data<&RequestContext>,
        terminal: Path<String>,
        body: JsonBody<NameBody>,
    ) -> Result<CommandAnswer<TerminalRenamedAnswer>, Problem> {
        let (terminal, name) = (parameters::id(&terminal.0)?, body.0.name);
        self.0
            .submit_in_session(context.0, RenameTerminal { terminal, name })
            .await
    }
}
