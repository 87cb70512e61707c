//! How a refusal is shown: its language, amounts with their decimals, and whole sentences.
//!
//! Not here: the refusals themselves (`refusal`) and HTTP status codes (the HTTP layer's business).

use std::fmt;

use schemas::{Currency, Minor};
use serde::{Deserialize, Serialize};

/// What the rules' answer is about; the HTTP layer chooses the status from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Something that the request names does not exist in this tenant.
    NotFound,
    /// The state says no; the same request may be right later.
    Conflict,
    /// The request can never be right.
    Invalid,
    /// Right in itself, but not for who asks.
    Forbidden,
}

/// The languages that refusals are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    Spanish,
    English,
}

/// An amount with its currency, shown with the currency's decimals: `1250.50 HNL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// In minor units.
    pub minor: Minor,
    pub currency: Currency,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u64.pow(exponent);
        let magnitude = self.minor.get().unsigned_abs();
        if self.minor.is_negative() {
            f.write_str("-")?;
        }
        write!(f, "{}", magnitude / unit)?;
        if exponent > 0 {
            let width = usize::try_from(exponent).unwrap_or(0);
            write!(f, ".{:0width$}", magnitude % unit)?;
        }
        write!(f, " {}", self.currency)
    }
}

/// Makes a message that stands alone: a capital first, unless its `template` begins with a value, and a full stop last.
pub(super) fn sentence(template: &str, message: &str) -> String {
    let mut letters = message.chars();
    let mut text = String::with_capacity(message.len() + 1);
    if !template.starts_with('{') {
        text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
    }
    text.push_str(letters.as_str());
    text.push('.');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_the_decimals_of_their_currency() {
        let show = |minor, code| {
            Amount {
                minor: Minor::new(minor).unwrap(),
                currency: Currency::new(code).unwrap(),
            }
            .to_string()
        };
        assert_eq!(show(125_005, "HNL"), "1250.05 HNL");
        assert_eq!(show(-5, "HNL"), "-0.05 HNL");
        assert_eq!(show(125_005, "CLP"), "125005 CLP");
        assert_eq!(show(1, "KWD"), "0.001 KWD");
    }

    #[test]
    fn a_message_becomes_a_sentence_also_with_accents() {
        assert_eq!(sentence("único {word}", "único dueño"), "Único dueño.");
        assert_eq!(
            sentence("{unit} was sold", "serial:a was sold"),
            "serial:a was sold."
        );
        assert_eq!(sentence("", ""), ".");
    }
}
