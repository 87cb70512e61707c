//! Amounts as external systems write them: a decimal figure in the tenant's currency, as text or number.

use schemas::{Currency, Minor};
use serde_json::value::RawValue;

/// Longest figure that is looked at.
const MAX_CHARS: usize = 30;

/// The amount in minor units; `None` when it is no plain decimal figure, has more decimals than the currency, or is
/// beyond what amounts may be.
pub(super) fn minor_of(raw: &RawValue, currency: Currency) -> Option<Minor> {
    let text = match raw.get().strip_prefix('"') {
        Some(_) => serde_json::from_str::<String>(raw.get()).ok()?,
        None => raw.get().to_owned(),
    };
    parse(&text, usize::try_from(currency.exponent()).ok()?)
}

fn parse(text: &str, decimals: usize) -> Option<Minor> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_negative = whole.starts_with('-');
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let is_figure = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    // 12.500 is 12.50 when two decimals are allowed.
    let fraction = fraction.trim_end_matches('0');
    if text.len() > MAX_CHARS || whole.is_empty() || !is_figure(whole) || !is_figure(fraction) {
        return None;
    }
    if fraction.len() > decimals || text.ends_with('.') {
        return None;
    }
    let minor: i64 = format!("{whole}{fraction:0<decimals$}").parse().ok()?;
    Minor::new(if is_negative { -minor } else { minor }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_becomes_minor_units_exactly_or_not_at_all() {
        for (text, decimals, minor) in [
            ("12.5", 2, Some(1_250)),
            ("12.500", 2, Some(1_250)),
            ("12", 2, Some(1_200)),
            ("-0.05", 2, Some(-5)),
            ("0", 2, Some(0)),
            ("990", 0, Some(990)),
            ("990.00", 0, Some(990)),
            ("1.234", 3, Some(1_234)),
            ("12.345", 2, None),
            ("1.5", 0, None),
            ("12.", 2, None),
            (".5", 2, None),
            ("1e3", 2, None),
            ("12,50", 2, None),
            ("", 2, None),
            ("99999999999999999999999", 2, None),
        ] {
            assert_eq!(parse(text, decimals).map(Minor::get), minor, "{text}");
        }
    }
}
