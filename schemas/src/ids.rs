//! Identifiers that people and other systems type: bounded, checked, kept exactly as given.
//!
//! Not here: generated event ids (plain UUIDs) and positions (`envelope`).

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::is_hidden;

/// Why a text is not an identifier of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {rule}")]
pub struct InvalidId {
    /// Which identifier was asked for, such as `sku`.
    pub kind: &'static str,
    /// The rule in words.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(with = "String")] Arc<str>);

        impl $name {
            /// Checks and keeps the text exactly as given.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(Arc::from(text))) } else { Err(InvalidId { kind: $kind, rule: $rule }) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }
    };
}

/// Clients take these out of a path before they send it (RFC 3986, 5.2.4), so nothing may be named so.
fn is_dot_segment(text: &str) -> bool {
    matches!(text, "." | "..")
}

/// ASCII letters, digits, `.`, `_`, `-`; what survives a URL path and a stream name untouched.
fn is_token(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && !is_dot_segment(text)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Printable text without characters that nobody sees, without space at either end.
fn is_printable(text: &str, max_chars: usize) -> bool {
    !text.is_empty()
        && !is_dot_segment(text)
        && text.trim() == text
        && text.chars().count() <= max_chars
        && !text.chars().any(is_hidden)
}

text_id!(
    /// A customer organisation of ours. Lower case, since it is a NATS subject token.
    TenantId, "tenant", "1 to 40 of a-z, 0-9 and -",
    |t| !t.is_empty() && t.len() <= 40 && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
text_id!(
    /// A shop or warehouse within a tenant.
    StoreId, "store", "1 to 40 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 40)
);
text_id!(
    /// A till within a tenant.
    TerminalId, "terminal", "1 to 40 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 40)
);
text_id!(
    /// A stock keeping unit, case-sensitive, immutable: it names the item's stream.
    Sku, "sku", "1 to 64 printable characters without spaces at the ends, not '.' or '..'", |t| is_printable(t, 64)
);
text_id!(
    /// A customer; chosen by the caller (imports, tills) or generated.
    CustomerId, "customer_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A sale; chosen by the till (so that it can be taken offline) or generated.
    SaleId, "sale_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A return of goods; chosen by the till or generated.
    ReturnId, "return_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A payment; chosen by the caller or generated.
    PaymentId, "payment_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// What a user signs in with, within a tenant.
    Username, "username", "1 to 64 of a-z, 0-9, '.', '_', '-' and '@'",
    |t| !t.is_empty() && t.len() <= 64
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-' | b'@'))
);
text_id!(
    /// A reservation of goods; chosen by the caller or generated.
    ReservationId, "reservation_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A movement of stock that waits, or waited, for approval; chosen by the caller or generated.
    MovementId, "movement_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// An alert about stock; generated.
    AlertId, "alert_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A transfer between stores; chosen by the caller or generated.
    TransferId, "transfer_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A supplier; chosen by the caller (imports) or generated.
    SupplierId, "supplier_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A purchase order; chosen by the caller or generated.
    PurchaseId, "purchase_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A sales order; chosen by the caller or generated.
    OrderId, "order_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// One delivery of a sales order; chosen by the caller, so that sending it again adds nothing.
    OrderDeliveryId, "delivery_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// An invoice of a sales order; chosen by the caller or generated.
    InvoiceId, "invoice_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A repair; chosen by the caller or generated.
    RepairId, "repair_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// An import of a file; generated.
    ImportId, "import_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// An API key of an external system, not its secret; generated.
    ApiKeyId, "api_key_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A note about a customer; chosen by the caller or generated.
    NoteId, "note_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// One reception of a purchase's or a transfer's goods; chosen by the caller or generated.
    ReceptionId, "reception_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A person to talk to at a supplier; chosen by the caller or generated.
    ContactId, "contact_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A later cost of a purchase; chosen by the caller, so that sending it again adds nothing, or generated.
    CostAdjustmentId, "adjustment_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A charge to a customer's account by hand; chosen by the caller, so that sending it again adds nothing, or generated.
    ChargeId, "charge_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A correction of what we owe a supplier; chosen by the caller, so that sending it again adds nothing, or generated.
    DebtAdjustmentId, "adjustment_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// Goods of a purchase that go back to the supplier; chosen by the caller or generated.
    SupplierReturnId, "return_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A batch of its maker, as the goods' label says.
    LotNumber, "lot", "1 to 64 printable characters without spaces at the ends, not '.' or '..'", |t| is_printable(t, 64)
);
text_id!(
    /// A sale that a till took offline and that collided; derived from the till's number.
    QuarantineId, "quarantine_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// One life of a till's memory: a till that lost it begins a new one. Chosen by the till.
    Incarnation, "incarnation", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A webhook endpoint; generated.
    EndpointId, "endpoint_id", "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 64)
);
text_id!(
    /// A pull connector, as the path of its feed names it; chosen by who creates it.
    ConnectorSlug, "slug", "1 to 40 of a-z, 0-9 and -, beginning with a letter or digit",
    |t| t.len() <= 40 && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && t.bytes().next().is_some_and(|b| b != b'-')
);
text_id!(
    /// A tax rate's code within a tenant, such as `ISV15`.
    TaxCode, "tax_code", "1 to 20 of A-Z, a-z, 0-9, '.', '_' and '-', not '.' or '..'", |t| is_token(t, 20)
);
text_id!(
    /// One physical unit: `imei:` and 15 digits that pass the Luhn check (3GPP TS 23.003), or `serial:` and the
    /// maker's serial number.
    UnitId, "unit", "imei: with 15 digits and a valid check digit, or serial: with 1 to 64 printable characters",
    |t| match t.split_once(':') {
        Some(("imei", digits)) => is_imei(digits),
        Some(("serial", serial)) => is_printable(serial, 64),
        _ => false,
    }
);

/// Whether the text is an IMEI: 15 digits, the last one by Luhn.
pub fn is_imei(text: &str) -> bool {
    text.len() == 15 && text.bytes().all(|b| b.is_ascii_digit()) && luhn_sum(text).is_multiple_of(10)
}

pub(crate) fn luhn_sum(digits: &str) -> u32 {
    digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, b)| {
            let digit = u32::from(b - b'0');
            if place % 2 == 0 {
                digit
            } else if digit > 4 {
                digit * 2 - 9
            } else {
                digit * 2
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imei_needs_fifteen_digits_and_its_check_digit() {
        assert!(is_imei("490154203237518"));
        assert!(!is_imei("490154203237519"));
        assert!(!is_imei("49015420323751"));
        assert!(!is_imei("49015420323751a"));
    }

    #[test]
    fn a_sku_keeps_its_case_and_inner_spaces() {
        assert_eq!(Sku::new("BANK CHARGES").unwrap().as_str(), "BANK CHARGES");
        assert_ne!(Sku::new("85123a").unwrap(), Sku::new("85123A").unwrap());
        assert!(Sku::new(" x").is_err());
        assert!(Sku::new("a\u{0}b").is_err());
    }

    #[test]
    fn a_tenant_is_one_subject_token() {
        assert!(TenantId::new("tienda-1").is_ok());
        assert!(TenantId::new("a.b").is_err());
        assert!(TenantId::new("*").is_err());
    }
}
