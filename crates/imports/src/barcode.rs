//! Barcodes as people and spreadsheets write them. Not here: which article has one.

/// A barcode with a valid check digit (GS1: weights 3 and 1, modulo 10), and whether leading zeros were given back to it. A
/// spreadsheet drops these; two at most are given back, as far as the check digit allows it.
pub fn read(text: &str) -> Option<(String, bool)> {
    let digits = digits(text);
    let is_number = !digits.is_empty() && digits.len() <= 14 && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number || !gs1_sum(&digits).is_multiple_of(10) {
        return None;
    }
    let length = [8, 12, 13, 14]
        .into_iter()
        .find(|length| *length >= digits.len())?;
    let is_near = digits.len() >= 7 && length - digits.len() <= 2;
    is_near.then(|| (format!("{digits:0>length$}"), length > digits.len()))
}

/// Whether a text that is no barcode has the length of one, so that a digit of it must be wrong.
pub fn is_mistyped(text: &str) -> bool {
    let digits = digits(text);
    matches!(digits.len(), 8 | 12 | 13 | 14)
        && digits.bytes().all(|b| b.is_ascii_digit())
        && read(text).is_none()
}

/// Without the gaps and hyphens that barcodes are printed with.
fn digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

fn gs1_sum(digits: &str) -> u32 {
    digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 1 } else { 3 })
        .sum()
}
