//! Payment card numbers, so that they are noticed and kept out: nothing here stores one.
//!
//! Not here: what is done about one (a refusal in the domain, a problem at the door).

/// Whether a text holds what looks like a card number: 13 to 19 digits, also in groups, that begin like a card of one of
/// the networks (ISO/IEC 7812), have its length, and pass the Luhn check. An IMEI passes Luhn as well, but has 15 digits,
/// which only American Express has, under beginnings that no IMEI uses.
pub fn holds_card_number(text: &str) -> bool {
    if text.chars().any(|c| !c.is_ascii() && plain_digit(c) != c) {
        return holds_plain_card_number(&text.chars().map(plain_digit).collect::<String>());
    }
    holds_plain_card_number(text)
}

/// `4` for the digit four as other keyboards write it (full width, Arabic, Persian, Devanagari); all else as it is.
fn plain_digit(c: char) -> char {
    const ZEROS: [char; 4] = ['\u{ff10}', '\u{660}', '\u{6f0}', '\u{966}'];
    let value = |zero: char| {
        u32::from(c)
            .checked_sub(u32::from(zero))
            .filter(|value| *value < 10)
    };
    let value = ZEROS.into_iter().find_map(value);
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

fn holds_plain_card_number(text: &str) -> bool {
    let mut groups: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        // One separator continues a number; anything else begins another.
        let joins = start == 0 || (start == 1 && rest.starts_with([' ', '-', '.', '/']));
        if !joins {
            groups.clear();
        }
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        groups.push(&rest[..end]);
        rest = &rest[end..];
        if ends_with_card(&groups) {
            return true;
        }
    }
    false
}

/// Whether the last groups of digits, taken whole and joined, are a card number.
fn ends_with_card(groups: &[&str]) -> bool {
    let mut number = String::new();
    for group in groups.iter().rev() {
        if number.len() + group.len() > LEN_MAX {
            return false;
        }
        number.insert_str(0, group);
        if is_card(&number) {
            return true;
        }
    }
    false
}

const LEN_MAX: usize = 19;

fn is_card(digits: &str) -> bool {
    let prefix = |n: usize| digits.get(..n).and_then(|p| p.parse::<u32>().ok()).unwrap_or(0);
    let network = match digits.len() {
        13 | 19 => prefix(1) == 4,
        14 => matches!(prefix(2), 36 | 38) || matches!(prefix(3), 300..=305),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        _ => false,
    };
    network && crate::ids::luhn_sum(digits).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_noticed_however_they_are_written() {
        for text in [
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "TRX-4111111111111111",
            "4111.1111.1111.1111",
            "2223003122003222",
            "pago con 378282246310005 hoy",
            "Visa 4222222222222, vence 12/29",
            "４１１１１１１１１１１１１１１１",
            "٤١١١ ١١١١ ١١١١ ١١١١",
        ] {
            assert!(holds_card_number(text), "{text}");
        }
    }

    #[test]
    fn references_imeis_and_gtins_are_not_card_numbers() {
        for text in [
            "AUTH 123456",
            "000012345678",
            "4111111111111112",
            "IMEI 490154203237518 dañado",
            "imei:358240050001015",
            "07501031311309",
            "factura 001-001-01-00012345",
            "2026-11-22 07:45:40",
        ] {
            assert!(!holds_card_number(text), "{text}");
        }
    }
}
