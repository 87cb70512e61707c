//! What must never stand in clear in the log of events, in the dispatcher's tables or in log files: signing secrets, password hashes, card numbers.
//!
//! An IMEI passes the same check as a card number, so fields that hold units and GTINs are exempt by name.

use serde_json::Value;

const MARKS: &[&str] = &["whsec_", "trastienda_it_", "sk_live_", "$argon2", "-----BEGIN"];
/// Words before a number in plain text that say that it is no card's.
const NAMED: &[&str] = &["imei", "serial", "gtin", "span_id", "parent_id"];
/// Fields whose digits are no card's.
const EXEMPT: &[&str] = &["unit", "units", "gtin", "sealed"];

/// The first thing in a document that must not be there, if any.
pub(super) fn found_in(text: &str, document: &Value) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| text.contains(**mark)) {
        return Some(format!("{mark}…"));
    }
    card_in(document, "").map(|field| format!("what looks like a card number in {field}"))
}

/// As [`found_in`], for plain text such as a line of a log file, where nothing but the word before tells what a number is.
pub(super) fn found_in_text(line: &str) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| line.contains(**mark)) {
        return Some(format!("{mark}…"));
    }
    let is_apart = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let mut words: Vec<&str> = Vec::new();
    let (mut is_alone, mut separator) = (false, None);
    for piece in line.split_inclusive(is_apart) {
        let word = piece.trim_end_matches(is_apart);
        if !word.is_empty() {
            let is_fraction = separator == Some('.') && words.last().is_some_and(|last| is_number(last));
            is_alone |= is_card(word) && !is_fraction && !is_named(&words);
            words.push(word);
        }
        separator = piece.chars().next_back();
    }
    (is_alone || holds_grouped_card(line)).then(|| "what looks like a card number".to_owned())
}

/// Whether the words before say that a number is no card's: a unit's, or an id of a trace (of sixteen hexadecimal
/// digits some have no letter).
fn is_named(before: &[&str]) -> bool {
    before.last().is_some_and(|word| {
        let is_trace_id = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        is_trace_id || NAMED.contains(&word.to_ascii_lowercase().as_str())
    })
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
    words.iter().any(|word| is_card(word)) || holds_grouped_card(text)
}

fn holds_grouped_card(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    words
        .windows(4)
        .any(|group| is_grouped(group) && is_card(&group.concat()))
}

fn is_grouped(words: &[&str]) -> bool {
    words
        .iter()
        .all(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()))
}

/// The whole part of a measured figure such as 2.6106657269999998, whose fraction may pass for anything.
fn is_number(word: &str) -> bool {
    word.len() <= 9 && word.bytes().all(|b| b.is_ascii_digit())
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
    fn a_log_line_tells_cards_from_units_and_traces() {
        for line in [
            "paid 4111111111111111",
            "card=4111-1111-1111-1111,",
            "declined.4111111111111111.",
            "{\"secret\":\"whsec_abc\"}",
        ] {
            assert!(found_in_text(line).is_some(), "{line}");
        }
        for line in [
            "unit imei:490154203237518 sold",
            "traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-4111111111111111-01",
            "span_id=4111111111111111",
            "\"acquired_after_secs\":2.4111111111111111,",
            "paid 4111111111111112",
        ] {
            assert_eq!(found_in_text(line), None, "{line}");
        }
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
