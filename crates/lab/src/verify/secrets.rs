//! What must never stand in the log in clear: signing secrets, password hashes, card numbers.
//!
//! An IMEI passes the same check as a card number, so fields that hold units and GTINs are exempt by name.

use serde_json::Value;

const MARKS: &[&str] = &["whsec_", "$argon2", "-----BEGIN"];
/// Fields whose digits are no card's.
const EXEMPT: &[&str] = &["unit", "units", "gtin", "sealed"];

/// The first thing in a document that must not be there, if any.
pub(super) fn found_in(text: &str, document: &Value) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| text.contains(**mark)) {
        return Some(format!("{mark}…"));
    }
    card_in(document, "").map(|field| format!("what looks like a card number in {field}"))
}

fn card_in(value: &Value, field: &str) -> Option<String> {
    match value {
        Value::String(text) => (!EXEMPT.contains(&field) && holds_card(text)).then(|| field.to_owned()),
        Value::Array(elements) => elements.iter().find_map(|element| card_in(element, field)),
        Value::Object(members) => members.iter().find_map(|(name, value)| card_in(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether 13 to 19 digits, as one word or in groups of four, pass the check of card numbers.
fn holds_card(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    words.iter().any(|word| is_card(word))
        || words
            .windows(4)
            .any(|group| is_grouped(group) && is_card(&group.concat()))
}

fn is_grouped(words: &[&str]) -> bool {
    words
        .iter()
        .all(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()))
}

fn is_card(word: &str) -> bool {
    (13..=19).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit()) && passes_luhn(word)
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|b| u32::from(b - b'0'))
        .enumerate()
        .map(|(place, digit)| {
            if place % 2 == 0 {
                digit
            } else {
                digit * 2 / 10 + digit * 2 % 10
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(document: &Value) -> Option<String> {
        found_in(&document.to_string(), document)
    }

    #[test]
    fn cards_and_secrets_are_found_at_any_depth() {
        assert!(found(&json!({"payments": [{"reference": "4111111111111111"}]})).is_some());
        assert!(found(&json!({"note": "card 4111 1111 1111 1111"})).is_some());
        assert!(found(&json!({"note": "4111-1111-1111-1111"})).is_some());
        assert!(found(&json!({"note": "paid with 4111111111111111."})).is_some());
        assert!(found(&json!({"hash": "$argon2id$v=19$m=19456"})).is_some());
        assert!(found(&json!({"secret": "whsec_abc"})).is_some());
    }

    #[test]
    fn imeis_ids_and_hashes_are_no_cards() {
        assert_eq!(
            found(&json!({"unit": "imei:490154203237518", "units": ["imei:490154203237518"]})),
            None
        );
        assert_eq!(
            found(&json!({"reference": "4111111111111112", "sale_id": "536365"})),
            None
        );
        assert_eq!(found(&json!({"endpoint_id": "a4111111111111111f"})), None);
    }
}
