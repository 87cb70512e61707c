//! What a tenant sets for its papers and its workshop: letterhead, document numbers, terms of repairs.
//! Stream `tenant/self`; a number that was handed out stands in `counter/<series>`.
//!
//! Not here: the tenant itself, its stores, terminals and users (`admin`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;

module_events! {
    /// Settings of a tenant.
    SettingsEvent {
        LetterheadSet(LetterheadSet) = "admin.letterhead_set" v 1,
        NumberingSet(NumberingSet) = "admin.numbering_set" v 1,
        NumberingEnded(NumberingEnded) = "admin.numbering_ended" v 1,
        NumberTaken(NumberTaken) = "admin.number_taken" v 1,
        RepairTermsSet(RepairTermsSet) = "admin.repair_terms_set" v 1,
    }
}

/// Documents that may carry a number of the tenant's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Series {
    Receipt,
    Order,
    Purchase,
    Transfer,
    Repair,
    Return,
}

impl Series {
    pub const ALL: [Series; 6] = [
        Series::Receipt,
        Series::Order,
        Series::Purchase,
        Series::Transfer,
        Series::Repair,
        Series::Return,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Series::Receipt => "receipt",
            Series::Order => "order",
            Series::Purchase => "purchase",
            Series::Transfer => "transfer",
            Series::Repair => "repair",
            Series::Return => "return",
        }
    }
}

impl std::str::FromStr for Series {
    type Err = crate::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Series::ALL.into_iter().find(|series| series.as_str() == text);
        found.ok_or(crate::ids::InvalidId {
            kind: "series",
            rule: "receipt, order, purchase, transfer, repair or return",
        })
    }
}

/// What stands on the tenant's documents; the organisation's own data, nobody's personal data. Replaces the letterhead
/// before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LetterheadSet {
    pub legal_name: String,
    /// The tax authority's number: RTN, RUT, CUIT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// What documents in Spanish end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer_es: Option<String>,
    /// What documents in English end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer_en: Option<String>,
}

/// From now on documents of this kind get numbers: the prefix and a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberingSet {
    pub series: Series,
    /// What stands in front of the count; may be empty.
    pub prefix: String,
    /// The next count.
    pub next: i64,
    /// The count is filled up with zeros to so many digits.
    pub digits: i64,
}

/// Documents of this kind get no numbers any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberingEnded {
    pub series: Series,
}

/// A document got its number. Stream `counter/<series>`, in the same append as the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberTaken {
    pub series: Series,
    pub prefix: String,
    pub count: i64,
    /// As it stands on the document.
    pub number: String,
    /// The document's stream: `repair/<repair_id>`.
    // Or `sale/<sale_id>`, `return/<return_id>` and so on: what version 1 says of itself stays as it was published.
    pub document: String,
}

/// How fast repairs shall be ready, in seconds of the clock that runs while the shop is at work, and for how long the
/// work is guaranteed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairTermsSet {
    pub low_target_s: i64,
    pub normal_target_s: i64,
    pub high_target_s: i64,
    pub urgent_target_s: i64,
    /// Days of warranty on a delivered repair; 0: none.
    pub warranty_days: i64,
}
