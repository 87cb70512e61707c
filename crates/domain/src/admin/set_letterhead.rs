//! Says what stands on the tenant's documents. The same letterhead again changes nothing.
//!
//! Not here: a logo. A picture is no text of a setting; documents carry the names and numbers that make them valid.

use schemas::events::settings::LetterheadSet;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bounds::{check_optional_text, check_text};
use crate::command::Decide;
use crate::context::Ctx;
use crate::streams;
use crate::work::{Decision, Missing, Work};

/// Replaces the whole letterhead; texts that are absent stand on documents no more. What documents said before stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetLetterhead {
    pub letterhead: LetterheadSet,
}

impl Decide for SetLetterhead {
    fn decide(&self, mut work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
        let letterhead = &self.letterhead;
        let changes = work.tenant(&ctx.tenant)?.letterhead.as_deref() != Some(letterhead);
        check_text("legal_name", &letterhead.legal_name, 200)?;
        for (field, text, max_chars) in [
            ("tax_id", &letterhead.tax_id, 50),
            ("address", &letterhead.address, 300),
            ("phone", &letterhead.phone, 100),
            ("email", &letterhead.email, 254),
            ("website", &letterhead.website, 200),
            ("footer_es", &letterhead.footer_es, 500),
            ("footer_en", &letterhead.footer_en, 500),
        ] {
            check_optional_text(field, text.as_deref(), max_chars)?;
        }
        if changes {
            work.emit(streams::tenant(), letterhead.clone())?;
        }
        Ok(work.finish(json!({ "legal_name": letterhead.legal_name })))
    }
}
