//! Later rows of an article beside its first, whose word counts. What they say of a unit, or of goods that come in, is their
//! own; what they say otherwise of the article is refused or left out, and never in silence.

use std::collections::BTreeSet;

use imports::{Record, WarningCode};
use schemas::events::catalogue::AttributeValue;

use super::Findings;

/// Differences of one row that are told; a wide list would bury everything else.
const TOLD_MAX: usize = 5;

/// Another name, price or tax is an error; other details are left out with a warning.
pub(super) fn compare(first: &Record, later: &Record, found: &mut Findings) {
    let price = |record: &Record| record.price_minor.map(|price| price.to_string());
    let tax = |record: &Record| record.tax.as_ref().map(|tax| tax.text.clone());
    let contradictions = [
        ("name", first.name.clone(), later.name.clone()),
        ("price", price(first), price(later)),
        ("tax", tax(first), tax(later)),
    ];
    for (field, before, now) in contradictions {
        if let Some(now) = now.filter(|now| before.as_ref() != Some(now)) {
            found.warn(WarningCode::RowContradicts, field, &now);
        }
    }
    let kind = |record: &Record| record.kind.map(|kind| format!("{kind:?}").to_lowercase());
    let months = |record: &Record| record.warranty_months.map(|months| months.to_string());
    let mut details = vec![
        ("kind", kind(first), kind(later)),
        ("gtin", first.gtin.clone(), later.gtin.clone()),
        ("brand", first.brand.clone(), later.brand.clone()),
        ("model", first.model.clone(), later.model.clone()),
        ("colour", first.colour.clone(), later.colour.clone()),
        ("capacity", first.capacity.clone(), later.capacity.clone()),
        ("condition", first.condition.clone(), later.condition.clone()),
        ("warranty_months", months(first), months(later)),
    ];
    let names: BTreeSet<&String> = later.attributes.keys().collect();
    details.extend(names.into_iter().map(|name| {
        let text = |record: &Record| record.attributes.get(name).map(shown);
        (name.as_str(), text(first), text(later))
    }));
    let differing = details.into_iter().filter_map(|(field, before, now)| {
        let now = now.filter(|now| before.as_ref() != Some(now))?;
        Some((field, now))
    });
    for (field, now) in differing.take(TOLD_MAX) {
        found.warn(WarningCode::RowDetailsDiffer, field, &now);
    }
}

/// A cost that values nothing that comes in by this row is one more word about the article.
pub(super) fn compare_cost(first: &Record, later: &Record, found: &mut Findings) {
    if let Some(cost) = later.cost_minor.filter(|cost| first.cost_minor != Some(*cost)) {
        found.warn(WarningCode::RowDetailsDiffer, "cost", &cost.to_string());
    }
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Integer(whole) => whole.to_string(),
        AttributeValue::Flag(flag) => flag.to_string(),
    }
}
