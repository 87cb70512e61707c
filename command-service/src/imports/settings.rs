//! How a file is to be imported: what of it, for which store, and what needs an override.

use std::collections::BTreeSet;

use schemas::StoreId;
use schemas::events::import::ImportOverride;
use serde::{Deserialize, Serialize};

/// Prices may fall by this much without an override: 30 %.
pub(super) const PRICE_DROP_PPM: i64 = 300_000;

/// Costs that change by more than this, up or down, get a warning: 30 %.
pub(super) const COST_CHANGE_PPM: i64 = 300_000;

/// What of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Whatever the file has columns for.
    Auto,
    /// The catalogue alone.
    Articles,
    /// Stock alone; articles must exist.
    Stock,
}

impl Kind {
    /// As a caller may write it, in English or as the command line has it in Spanish.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Kind::Auto),
            "articles" | "articulos" => Some(Kind::Articles),
            "stock" => Some(Kind::Stock),
            _ => None,
        }
    }

    /// As the wire and the tables name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Auto => "auto",
            Kind::Articles => "articles",
            Kind::Stock => "stock",
        }
    }
}

/// What a quantity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StockMode {
    /// What was counted: the figure on hand becomes this.
    Counted,
    /// What came in: the figure on hand grows by this.
    Received,
}

impl StockMode {
    /// `None` for any other word than the two of [`StockMode::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "counted" => Some(StockMode::Counted),
            "received" => Some(StockMode::Received),
            _ => None,
        }
    }

    /// As the wire and the tables name it.
    pub fn as_str(self) -> &'static str {
        match self {
            StockMode::Counted => "counted",
            StockMode::Received => "received",
        }
    }
}

/// Settings of one import.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub kind: Kind,
    pub stock: StockMode,
    pub store: Option<StoreId>,
    /// A fall beyond this, in parts per million of the price before, is held back.
    pub price_drop_ppm: i64,
}

/// As the wire and the tables name an override.
pub(super) fn override_name(which: ImportOverride) -> &'static str {
    match which {
        ImportOverride::PriceDrop => "price_drop",
        ImportOverride::NegativeAdjustment => "negative_adjustment",
        ImportOverride::KnownImei => "known_imei",
        ImportOverride::RepeatedFile => "repeated_file",
    }
}

pub(super) fn parse_override(text: &str) -> Option<ImportOverride> {
    use ImportOverride::{KnownImei, NegativeAdjustment, PriceDrop, RepeatedFile};
    [PriceDrop, NegativeAdjustment, KnownImei, RepeatedFile]
        .into_iter()
        .find(|which| override_name(*which) == text)
}

/// Names as the tables keep them, sorted.
pub(super) fn names(overrides: &BTreeSet<ImportOverride>) -> Vec<&'static str> {
    overrides.iter().map(|which| override_name(*which)).collect()
}
