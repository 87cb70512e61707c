//! What a PDF says, read from its own bytes: the strings that it shows, in their order.
//!
//! For documents whose streams are not packed and whose fonts are Windows-1252, as receipts are; a string of another
//! document would be missed, and the test that looks for it fails. Not here: where on the page it stands.

/// The lines that are shown (`Tj`), one string each.
pub fn lines(pdf: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = pdf.get(at) {
        let (text, end) = match byte {
            b'(' => literal(pdf, at),
            b'<' if pdf.get(at + 1) != Some(&b'<') => hexadecimal(pdf, at),
            _ => {
                at += 1;
                continue;
            }
        };
        if pdf[end..].trim_ascii_start().starts_with(b"Tj") {
            found.push(text.into_iter().map(char::from).collect());
        }
        at = end;
    }
    found
}

/// `(text)`, with escapes and nested brackets; and where it ends.
fn literal(pdf: &[u8], start: usize) -> (Vec<u8>, usize) {
    let (mut text, mut depth, mut at) = (Vec::new(), 0, start);
    while let Some(&byte) = pdf.get(at) {
        at += 1;
        match byte {
            b'\\' => {
                text.extend(pdf.get(at));
                at += 1;
                continue;
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if at > start + 1 {
            text.push(byte);
        }
    }
    (text, at)
}

/// `<48656c6c6f>`; and where it ends.
fn hexadecimal(pdf: &[u8], start: usize) -> (Vec<u8>, usize) {
    let digits: Vec<u8> = pdf[start + 1..]
        .iter()
        .copied()
        .take_while(u8::is_ascii_hexdigit)
        .collect();
    let end = start + 1 + digits.len();
    let value = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.chunks(2).filter_map(value).collect(), end + 1)
}

#[test]
fn shown_strings_are_read_and_others_are_not() {
    let pdf = b"%PDF-1.7 /Title (Not shown) <</A <41>>> BT (a \\(b\\) (c)) Tj ET BT <41f1> Tj ET (d) '";
    assert_eq!(lines(pdf), ["a (b) (c)", "Añ"]);
}
