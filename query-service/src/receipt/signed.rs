//! What a receipt vouches for, its signature, and the code that finds it again.
//!
//! The code is `<tenant>.<32 hexadecimal digits>`: the key (1 byte), the position of the sale's first event (5 bytes) and
//! 10 bytes of the SHA-256 of the signature. Nobody guesses 80 bits, so a code that fits was printed by us; whoever may
//! read the sale and wants more gets the signed text, the signature and the public key.

use platform::auth::{DocumentKeys, DocumentSignature, TokenError};
use schemas::TenantId;
use schemas::events::sale::SalePayment;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest position that fits: 2^40.
const POSITION_BYTES: usize = 5;
const HASH_BYTES: usize = 10;

/// What is signed: what never changes about a completed sale, whatever is returned or voided later. Written as JSON with
/// its fields in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedReceipt {
    /// `trastienda-receipt-1`.
    pub kind: &'static str,
    pub tenant: String,
    pub sale_id: String,
    /// The receipt's number, where the tenant numbers receipts; else there is no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub store: String,
    /// RFC 3339, UTC.
    pub occurred_at: String,
    pub business_day: String,
    pub currency: String,
    pub total_minor: i64,
    pub tax_minor: i64,
    pub lines: Vec<SignedLine>,
    pub payments: Vec<SignedPayment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedLine {
    pub sku: String,
    pub unit: Option<String>,
    pub quantity: i64,
    pub total_minor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPayment {
    pub method: String,
    pub amount_minor: i64,
}

impl SignedPayment {
    pub fn of(payment: &SalePayment) -> Self {
        let method = serde_json::to_value(payment.method).unwrap_or_default();
        Self {
            method: method.as_str().unwrap_or_default().to_owned(),
            amount_minor: payment.amount_minor.get(),
        }
    }
}

/// A receipt's proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub code: String,
    /// The text that is signed.
    pub text: String,
    pub signature: DocumentSignature,
}

/// Signs a receipt with the newest key; `position` is that of the sale's first event.
///
/// # Errors
/// When the cryptography fails or the position does not fit.
pub fn prove(
    keys: &DocumentKeys,
    tenant: &TenantId,
    position: i64,
    receipt: &SignedReceipt,
) -> Result<Proof, TokenError> {
    let text = text_of(receipt)?;
    let signature = keys.sign(text.as_bytes())?;
    let code = code_of(tenant, position, &signature)?;
    Ok(Proof {
        code,
        text,
        signature,
    })
}

/// Whether a code is of this receipt: then its proof, made with the key that the code names.
pub fn check(keys: &DocumentKeys, code: &Code, receipt: &SignedReceipt) -> Option<Proof> {
    let text = text_of(receipt).ok()?;
    let signature = keys.sign_with(code.key, text.as_bytes()).ok()?;
    let expected = hash_of(&signature);
    let equal = expected
        .iter()
        .zip(&code.hash)
        .fold(0, |differ, (a, b)| differ | (a ^ b))
        == 0;
    let text_code = code_of(&code.tenant, code.position, &signature).ok()?;
    (equal && keys.verify(text.as_bytes(), &signature)).then_some(Proof {
        code: text_code,
        text,
        signature,
    })
}

fn text_of(receipt: &SignedReceipt) -> Result<String, TokenError> {
    serde_json::to_string(receipt).map_err(|_| TokenError::Key)
}

/// SHA-256 of the signature as it is written, in hexadecimal; its first ten bytes end the code. Without the signature it
/// tells nothing: who has no key can't try texts against it, as one could against a signature or a digest of the text.
pub fn digest_of(signature: &DocumentSignature) -> String {
    hex(&digest(signature))
}

fn digest(signature: &DocumentSignature) -> [u8; 32] {
    Sha256::digest(signature.signature.as_bytes()).into()
}

fn hash_of(signature: &DocumentSignature) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&digest(signature)[..HASH_BYTES]);
    hash
}

fn code_of(tenant: &TenantId, position: i64, signature: &DocumentSignature) -> Result<String, TokenError> {
    let position = u64::try_from(position)
        .map_err(|_| TokenError::Key)?
        .to_be_bytes();
    let (high, low) = position.split_at(position.len() - POSITION_BYTES);
    if high.iter().any(|byte| *byte != 0) {
        return Err(TokenError::Key);
    }
    let bytes = [&[signature.key], low, hash_of(signature).as_slice()].concat();
    Ok(format!("{tenant}.{}", hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A code as somebody typed or scanned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub tenant: TenantId,
    pub position: i64,
    key: u8,
    hash: [u8; HASH_BYTES],
}

impl Code {
    /// Reads a code; spaces, hyphens and capitals do not matter. `None` when it is none.
    pub fn read(text: &str) -> Option<Code> {
        if text.len() > 200 {
            return None;
        }
        let (tenant, digits) = text.trim().rsplit_once('.')?;
        let tenant = TenantId::new(&tenant.to_ascii_lowercase()).ok()?;
        let digits: String = digits
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let bytes = unhex(&digits)?;
        let (key, rest) = bytes.split_first()?;
        let (position, hash) = rest.split_at_checked(POSITION_BYTES)?;
        let position = position
            .iter()
            .fold(0_i64, |position, byte| (position << 8) | i64::from(*byte));
        Some(Code {
            tenant,
            position,
            key: *key,
            hash: hash.try_into().ok()?,
        })
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let whole = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if whole { pairs.map(byte).collect() } else { None }
}

/// The digits in groups of four, as they are printed.
pub fn grouped(code: &str) -> String {
    let Some((tenant, digits)) = code.rsplit_once('.') else {
        return code.to_owned();
    };
    let groups: Vec<&str> = digits
        .as_bytes()
        .chunks(4)
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    format!("{tenant}.{}", groups.join("-"))
}

#[cfg(test)]
mod tests {
    use platform::auth::SigningKey;

    use super::*;

    fn keys(seed: u8) -> DocumentKeys {
        DocumentKeys::new(vec![
            SigningKey::from_seed("document-1".into(), &[seed; 32]).unwrap(),
        ])
        .unwrap()
    }

    fn receipt(total_minor: i64) -> SignedReceipt {
        SignedReceipt {
            kind: "trastienda-receipt-1",
            tenant: "t".into(),
            sale_id: "s".into(),
            number: None,
            store: "centro".into(),
            occurred_at: "2026-11-22T18:00:00Z".into(),
            business_day: "2026-11-22".into(),
            currency: "HNL".into(),
            total_minor,
            tax_minor: 1,
            lines: vec![],
            payments: vec![],
        }
    }

    /// A sale with all that is vouched for.
    fn sold() -> SignedReceipt {
        SignedReceipt {
            number: Some("F-0001".into()),
            lines: vec![SignedLine {
                sku: "PHONE".into(),
                unit: Some("imei:490154203237518".into()),
                quantity: 1,
                total_minor: 100,
            }],
            payments: vec![SignedPayment {
                method: "cash".into(),
                amount_minor: 100,
            }],
            ..receipt(100)
        }
    }

    #[test]
    fn a_code_finds_its_sale_and_fits_no_other_figures_and_no_other_key() {
        let tenant = TenantId::new("telefonia-teg").unwrap();
        let proof = prove(&keys(1), &tenant, 70_000, &receipt(100)).unwrap();
        let code = Code::read(&proof.code).unwrap();
        assert_eq!((code.tenant.as_str(), code.position), ("telefonia-teg", 70_000));
        assert!(
            proof
                .code
                .ends_with(&digest_of(&proof.signature)[..2 * HASH_BYTES])
        );
        assert_eq!(check(&keys(1), &code, &receipt(100)), Some(proof));
        assert_eq!(check(&keys(1), &code, &receipt(101)), None);
        assert_eq!(check(&keys(2), &code, &receipt(100)), None);
    }

    #[test]
    fn a_number_is_vouched_for_and_a_receipt_without_one_is_signed_as_ever() {
        let text = |number: Option<&str>| {
            let number = number.map(str::to_owned);
            text_of(&SignedReceipt { number, ..receipt(1) }).unwrap()
        };
        let without = text(None);
        assert!(without.starts_with(r#"{"kind":"trastienda-receipt-1","tenant":"t","sale_id":"s","store":"#));
        assert_eq!(
            text(Some("F-1")),
            without.replace(r#""sale_id":"s","#, r#""sale_id":"s","number":"F-1","#)
        );
    }

    /// Made with openssl from the text that was signed when the first receipts were printed: whatever changes here, such a
    /// code is ours for as long as paper lasts.
    #[test]
    fn a_code_that_was_printed_long_ago_still_fits() {
        let code = Code::read("t.000000011170a98a65af43267f380ea4").unwrap();
        assert!(check(&keys(1), &code, &sold()).is_some());
    }

    #[test]
    fn a_code_may_be_typed_with_groups_spaces_and_capitals() {
        let tenant = TenantId::new("t").unwrap();
        let proof = prove(&keys(1), &tenant, 1, &receipt(100)).unwrap();
        let plain = Code::read(&proof.code).unwrap();
        let printed = grouped(&proof.code);
        assert_eq!(printed.len(), 2 + 32 + 7);
        assert_eq!(Code::read(&printed), Some(plain.clone()));
        assert_eq!(Code::read(&format!(" {} ", printed.to_uppercase())), Some(plain));
    }

    #[test]
    fn what_is_no_code_is_read_as_none() {
        for text in [
            "",
            ".",
            "t.",
            "t.zz",
            "t.00",
            "T ienda.00",
            "t.0011223344556677889900112233445566",
            &"9".repeat(300),
        ] {
            assert_eq!(Code::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_position_that_does_not_fit_is_refused() {
        let tenant = TenantId::new("t").unwrap();
        assert!(prove(&keys(1), &tenant, -1, &receipt(1)).is_err());
        assert!(prove(&keys(1), &tenant, 1 << 41, &receipt(1)).is_err());
    }
}
