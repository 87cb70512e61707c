//! Copies stored JSON without what must not leave: sealed personal fields, the fields that `withheld` names, and for
//! summaries lists of objects.
//!
//! Works on the stored text, not on a parsed tree: order, digits and escapes of what stays are untouched, whatever
//! features other crates switch on in serde_json.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All but sealed values.
    All,
    /// Also no lists of objects: their number stands as `<name>_count`.
    Summary,
}

/// An object's members in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(16));
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A name, borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Appends `json` to `out` without what must not leave; `withheld` are the paths of fields that don't, from here. Text
/// that is not JSON becomes `null`: the log never holds such, and nothing unchecked goes out.
pub(crate) fn strip(json: &str, keep: Keep, withheld: &[&[&str]], out: &mut String) {
    let text = json.trim();
    let is_plain = withheld.is_empty() && !text.contains("\"sealed\"") && !text.contains('\\');
    if keep == Keep::All && is_plain {
        out.push_str(text);
        return;
    }
    match text.as_bytes().first() {
        Some(b'{') => match serde_json::from_str::<Members<'_>>(text) {
            Ok(Members(members)) => strip_object(&members, keep, withheld, out),
            Err(_) => out.push_str("null"),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(elements) => strip_list(&elements, keep, withheld, out),
            Err(_) => out.push_str("null"),
        },
        _ => out.push_str(text),
    }
}

fn strip_object(members: &[(Cow<'_, str>, &RawValue)], keep: Keep, withheld: &[&[&str]], out: &mut String) {
    out.push('{');
    let mut first = true;
    for (name, value) in members {
        let below: Vec<&[&str]> = withheld
            .iter()
            .filter_map(|path| path.split_first())
            .filter_map(|(step, rest)| (step == name).then_some(rest))
            .collect();
        if is_sealed(value.get()) || below.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        match countable(value.get()).filter(|_| keep == Keep::Summary) {
            Some(count) => {
                push_name(&format!("{name}_count"), out);
                out.push_str(&count.to_string());
            }
            None => {
                push_name(name, out);
                strip(value.get(), keep, &below, out);
            }
        }
    }
    out.push('}');
}

fn strip_list(elements: &[&RawValue], keep: Keep, withheld: &[&[&str]], out: &mut String) {
    out.push('[');
    let mut first = true;
    for element in elements.iter().filter(|element| !is_sealed(element.get())) {
        if !first {
            out.push(',');
        }
        first = false;
        strip(element.get(), keep, withheld, out);
    }
    out.push(']');
}

fn push_name(name: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(name).to_string());
    out.push(':');
}

/// Whether the value is `schemas::Sealed`, however it is spaced or escaped.
fn is_sealed(json: &str) -> bool {
    json.starts_with('{')
        && serde_json::from_str::<Members<'_>>(json)
            .is_ok_and(|Members(members)| members.iter().any(|(name, _)| name == "sealed"))
}

/// How many objects the list holds, when it is one of objects or empty.
fn countable(json: &str) -> Option<usize> {
    if !json.starts_with('[') {
        return None;
    }
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    elements
        .first()
        .is_none_or(|first| first.get().starts_with('{'))
        .then_some(elements.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(json: &str, keep: Keep) -> String {
        let mut out = String::new();
        strip(json, keep, &[], &mut out);
        out
    }

    #[test]
    fn sealed_fields_never_leave_at_any_depth() {
        let json = r#"{"customer_id":"C1","name":{"sealed":"v1.x"},"inner":{"email":{ "sealed" : "v1.y"},"kind":"person"}}"#;
        assert_eq!(
            stripped(json, Keep::All),
            r#"{"customer_id":"C1","inner":{"kind":"person"}}"#
        );
        assert_eq!(
            stripped(r#"{"a":[{"sealed":"v1.z"},1]}"#, Keep::All),
            r#"{"a":[1]}"#
        );
        assert_eq!(stripped(r#"{"a":{"\u0073ealed":"v1.z"}}"#, Keep::All), "{}");
    }

    #[test]
    fn order_and_digits_stay_as_stored() {
        let json = r#"{"z":9007199254740993,"a":{"sealed":"v1.x"},"m":1.50,"t":"a\"b"}"#;
        assert_eq!(
            stripped(json, Keep::All),
            r#"{"z":9007199254740993,"m":1.50,"t":"a\"b"}"#
        );
        assert_eq!(
            stripped(r#"{"b":[{"x":1}],"a":[]}"#, Keep::All),
            r#"{"b":[{"x":1}],"a":[]}"#
        );
    }

    #[test]
    fn a_summary_counts_lists_of_objects_and_keeps_lists_of_texts() {
        let json = r#"{"sale_id":"S1","lines":[{"sku":"A"},{"sku":"B"}],"payments":[],"types":["a","b"],"total_minor":12}"#;
        assert_eq!(
            stripped(json, Keep::Summary),
            r#"{"sale_id":"S1","lines_count":2,"payments_count":0,"types":["a","b"],"total_minor":12}"#
        );
    }

    #[test]
    fn named_fields_never_leave_however_their_names_are_escaped() {
        let json = r#"{"a":{"\u0068ash":"x","b":1},"hash":2,"l":[{"hash":3}]}"#;
        let mut out = String::new();
        strip(json, Keep::All, &[&["a", "hash"], &["l", "hash"]], &mut out);
        assert_eq!(out, r#"{"a":{"b":1},"hash":2,"l":[{}]}"#);
    }

    #[test]
    fn what_is_not_json_never_leaves() {
        assert_eq!(stripped("{\"sealed\":", Keep::All), "null");
    }
}
