//! Rules for an item's own fields: texts, attributes, and the GS1 GTIN with its check digit.

use schemas::Sku;
use schemas::events::catalogue::{AttributeValue, ItemDetails};

use crate::bounds::{check_entries, check_optional_text, check_text};
use crate::refusal::Refusal;

/// Free attributes of one item.
const MAX_ATTRIBUTES: usize = 50;
/// Characters of one commercial field, and of an attribute's text.
const MAX_FIELD_CHARS: usize = 200;

/// Characters of an item's name.
pub(super) const MAX_NAME_CHARS: usize = 200;

/// Checks the details and brings the GTIN into its stored form.
pub(super) fn normal_details(details: &ItemDetails) -> Result<ItemDetails, Refusal> {
    let texts = [
        ("brand", &details.brand),
        ("model", &details.model),
        ("colour", &details.colour),
        ("capacity", &details.capacity),
        ("condition", &details.condition),
    ];
    for (field, text) in texts {
        check_optional_text(&format!("details/{field}"), text.as_deref(), MAX_FIELD_CHARS)?;
    }
    if let Some(warranty_months) = details.warranty_months
        && !(0..=1_200).contains(&warranty_months)
    {
        return Err(Refusal::WarrantyOutOfRange { warranty_months });
    }
    check_entries("details/attributes", details.attributes.len(), MAX_ATTRIBUTES)?;
    for (name, value) in &details.attributes {
        check_text("details/attributes", name, 100)?;
        if let AttributeValue::Text(text) = value {
            check_text("details/attributes", text, MAX_FIELD_CHARS)?;
        }
    }
    let gtin = details.gtin.as_deref().map(normal_gtin).transpose()?;
    Ok(ItemDetails {
        gtin,
        ..details.clone()
    })
}

/// A GTIN-8, -12, -13 or -14 as 14 digits (GS1 General Specifications, 7.9: weights 3 and 1, modulo 10).
///
/// # Errors
/// [`Refusal::GtinInvalid`].
pub fn normal_gtin(text: &str) -> Result<String, Refusal> {
    let refused = || Refusal::GtinInvalid {
        gtin: text.chars().take(20).collect(),
    };
    if !matches!(text.len(), 8 | 12 | 13 | 14) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refused());
    }
    let padded = format!("{text:0>14}");
    let sum: u32 = padded
        .bytes()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 3 } else { 1 })
        .sum();
    if sum.is_multiple_of(10) {
        Ok(padded)
    } else {
        Err(refused())
    }
}

/// The lifecycle commands answer alike.
pub(super) fn answer(sku: &Sku) -> serde_json::Value {
    serde_json::json!({ "sku": sku })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gtin_is_kept_as_fourteen_digits() {
        assert_eq!(normal_gtin("4006381333931").unwrap(), "04006381333931");
        assert_eq!(normal_gtin("73513537").unwrap(), "00000073513537");
        assert_eq!(normal_gtin("614141000036").unwrap(), "00614141000036");
    }

    #[test]
    fn a_gtin_with_a_wrong_check_digit_or_length_is_refused() {
        for wrong in [
            "4006381333930",
            "400638133393",
            "",
            "40063813339３1",
            "12345678901234567890",
        ] {
            assert!(
                matches!(normal_gtin(wrong), Err(Refusal::GtinInvalid { .. })),
                "{wrong}"
            );
        }
    }
}
