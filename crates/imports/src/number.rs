//! Figures as people write them: decimal commas and points, thousands, currency signs, minus signs in three places.
//!
//! Exact: decimals are digits with a scale, never floats. Which of comma and point is the decimal mark is a matter of the
//! whole column ([`Marks::of`]); one figure alone, such as `1.234`, does not tell.

use schemas::Currency;

/// A decimal as it was written: `digits` without the mark, of which the last `scale` are decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Signed.
    pub digits: i64,
    pub scale: u32,
}

/// The decimal mark of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Point,
    Comma,
}

/// What a column's figures say about its decimal mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    point: bool,
    comma: bool,
    /// Some figure could be read both ways.
    doubtful: bool,
}

impl Marks {
    /// From all texts of the columns that hold figures.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut marks = Self::default();
        for text in texts {
            marks.see(text);
        }
        marks
    }

    fn see(&mut self, text: &str) {
        let Some((_, core)) = core(text) else { return };
        let (points, commas) = (core.matches('.').count(), core.matches(',').count());
        let after = |mark: char| core.rsplit(mark).next().map_or(0, str::len);
        match (points, commas) {
            (0, 0) => {}
            // Spaces are its thousands, so its only mark is the decimal one.
            (1, 0) if core.contains(GAP) => self.point = true,
            (0, 1) if core.contains(GAP) => self.comma = true,
            (1.., 1..) if core.rfind('.') > core.rfind(',') => self.point = true,
            (1.., 1..) => self.comma = true,
            // Several of one mark are thousands, so the other one is the decimal mark.
            (2.., 0) => self.comma = true,
            (0, 2..) => self.point = true,
            (1, 0) if after('.') != 3 || core.starts_with(['0', '.']) => self.point = true,
            (0, 1) if after(',') != 3 || core.starts_with(['0', ',']) => self.comma = true,
            _ => self.doubtful = true,
        }
    }

    /// The mark, when the figures leave no doubt.
    pub fn certain(self) -> Option<Mark> {
        match (self.point, self.comma) {
            (true, false) => Some(Mark::Point),
            (false, true) => Some(Mark::Comma),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether some figure depends on a mark that nothing tells.
    pub fn is_doubtful(self) -> bool {
        (self.doubtful && self.certain().is_none()) || (self.point && self.comma)
    }
}

/// Signs and words of currencies, which are dropped, and the currencies that each may stand for; none where nearly every
/// one may be meant.
const SYMBOLS: &[(&str, &[&str])] = &[
    ("Lps.", &["HNL"]),
    ("Lps", &["HNL"]),
    ("LPS", &["HNL"]),
    ("US$", &["USD"]),
    ("C$", &["NIO", "CAD"]),
    ("R$", &["BRL"]),
    ("RD$", &["DOP"]),
    ("L.", &["HNL"]),
    ("L", &["HNL"]),
    ("Q", &["GTQ"]),
    ("S/", &["PEN"]),
    ("$", &[]),
    ("€", &["EUR"]),
    (
        "£",
        &["GBP", "EGP", "LBP", "SYP", "SDG", "SSP", "GIP", "FKP", "SHP"],
    ),
    ("¥", &["JPY", "CNY"]),
    ("₡", &["CRC"]),
    ("¢", &[]),
];

/// A longer text is no figure.
const MAX_FIGURE_BYTES: usize = 200;

/// A space, apostrophe or underscore between digits.
const GAP: char = ' ';

/// Takes one sign or code of a currency off an end: what is left, and the currencies that it may stand for.
fn without_currency(text: &str) -> Option<(&str, Vec<Currency>)> {
    // Most figures are nothing but digits and marks.
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let of_code = |code: &str| Currency::new(&code.to_ascii_uppercase()).ok();
    let first = text.char_indices().nth(3).map(|(end, _)| text.split_at(end));
    if let Some((code, rest)) = first
        && let Some(currency) = of_code(code)
    {
        return Some((rest.trim(), vec![currency]));
    }
    let last = text
        .char_indices()
        .rev()
        .nth(2)
        .map(|(start, _)| text.split_at(start));
    if let Some((rest, code)) = last
        && let Some(currency) = of_code(code)
    {
        return Some((rest.trim(), vec![currency]));
    }
    SYMBOLS.iter().find_map(|(symbol, codes)| {
        let rest = text.strip_prefix(symbol).or_else(|| text.strip_suffix(symbol))?;
        let codes = codes.iter().filter_map(|code| Currency::new(code).ok());
        Some((rest.trim(), codes.collect()))
    })
}

/// The sign or code of a currency in a figure that cannot be this one.
pub fn names_other_currency(text: &str, own: Currency) -> bool {
    let sign = |c: char| matches!(c, '-' | '+' | '\u{2212}' | '(' | ')') || c.is_whitespace();
    if text.len() > MAX_FIGURE_BYTES {
        return false;
    }
    let mut rest = text.trim_matches(sign);
    while let Some((inner, currencies)) = without_currency(rest) {
        if !currencies.is_empty() && !currencies.contains(&own) {
            return true;
        }
        rest = inner.trim_matches(sign);
    }
    false
}

/// The currency that a heading names in brackets or at its end, as `Precio (USD)`, if it cannot be this one.
pub fn heading_names_other_currency(heading: &str, own: Currency) -> bool {
    let words =
        heading.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '_' | ':' | '/'));
    let mut named = words.filter_map(|word| match word {
        "€" => Currency::new("EUR").ok(),
        "£" => Currency::new("GBP").ok(),
        "US$" => Currency::new("USD").ok(),
        // In capitals: `all` and `top` are codes, too.
        code => Currency::new(code).ok(),
    });
    named.any(|currency| currency != own)
}

/// The figure without sign and currency, its gaps as spaces, and whether it is negative; `None` when something else
/// remains.
fn core(text: &str) -> Option<(bool, String)> {
    if text.len() > MAX_FIGURE_BYTES {
        return None;
    }
    let mut rest = text.trim();
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (negative, rest) = (true, inner.trim());
    }
    let mut signs = usize::from(negative);
    loop {
        let before = rest;
        if let Some(inner) = rest.strip_prefix(['-', '\u{2212}']) {
            (negative, rest, signs) = (true, inner.trim(), signs + 1);
        } else if let Some(inner) = rest.strip_prefix('+') {
            (rest, signs) = (inner.trim(), signs + 1);
        }
        if let Some(inner) = rest.strip_suffix(['-', '\u{2212}']) {
            (negative, rest, signs) = (true, inner.trim(), signs + 1);
        }
        if let Some((inner, _)) = without_currency(rest) {
            rest = inner;
        }
        if rest == before {
            break;
        }
    }
    let gap = |c: char| c.is_whitespace() || matches!(c, '\'' | '\u{2019}' | '_');
    let core: String = rest.chars().map(|c| if gap(c) { GAP } else { c }).collect();
    let is_figure = core.chars().any(|c| c.is_ascii_digit())
        && core
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | GAP))
        && signs <= 1;
    is_figure.then_some((negative, core))
}

/// Reads a figure. Without a mark, one that does not tell by itself ([`thousands`]) has a decimal point: callers know
/// better, or warn.
pub fn decimal(text: &str, mark: Option<Mark>) -> Option<Decimal> {
    let (negative, core) = core(text)?;
    let mark = mark
        .or_else(|| Marks::of([text]).certain())
        .unwrap_or(Mark::Point);
    let (decimal_mark, thousands) = match mark {
        Mark::Point => ('.', ','),
        Mark::Comma => (',', '.'),
    };
    let (whole, fraction) = core.split_once(decimal_mark).unwrap_or((&core, ""));
    if fraction.contains(['.', ',', GAP]) || !is_grouped(whole, thousands) {
        return None;
    }
    let digits: String = whole.chars().filter(char::is_ascii_digit).collect::<String>() + fraction;
    let digits: i64 = digits.parse().ok()?;
    Some(Decimal {
        digits: if negative { -digits } else { digits },
        scale: u32::try_from(fraction.len()).ok()?,
    })
}

/// The decimal mark under which the only mark of this figure is one of thousands; nothing when the figure tells by itself.
pub fn thousands(text: &str) -> Option<Mark> {
    Marks::of([text]).doubtful.then(|| {
        if text.contains('.') {
            Mark::Comma
        } else {
            Mark::Point
        }
    })
}

/// Whether a spreadsheet has shortened a number to this, as `4.90154E+14`: a power, and fewer digits before it.
pub fn is_scientific(text: &str) -> bool {
    let Some((digits, power)) = text.trim().split_once(['E', 'e']) else {
        return false;
    };
    let power = power.strip_prefix('+').unwrap_or_default();
    let mut parts = digits.split(['.', ',']);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_digits(power)
        && parts
            .next()
            .is_some_and(|whole| whole.len() == 1 && is_digits(whole))
        && parts.next().is_none_or(is_digits)
        && parts.next().is_none()
}

/// A number that the file itself marks as one: a point, no thousands.
pub fn plain(text: &str) -> Option<Decimal> {
    decimal(text, Some(Mark::Point))
}

/// Thousands stand in groups of three, whatever separates them; `12.34` under a decimal comma is no number of thousands, and
/// `12 50` are two numbers. One figure has one kind of separator.
fn is_grouped(whole: &str, thousands: char) -> bool {
    let separator = if whole.contains(GAP) { GAP } else { thousands };
    if separator == GAP && whole.contains(thousands) {
        return false;
    }
    let mut groups = whole.split(separator);
    let first = groups.next().unwrap_or("");
    let mut rest = groups.peekable();
    if rest.peek().is_none() {
        return true;
    }
    (1..=3).contains(&first.len()) && rest.all(|group| group.len() == 3)
}

impl Decimal {
    /// In units of `10^-exponent`, rounded half away from zero, and whether rounding changed it.
    pub fn scaled(self, exponent: u32) -> Option<(i64, bool)> {
        if self.scale <= exponent {
            let factor = 10_i64.checked_pow(exponent - self.scale)?;
            return Some((self.digits.checked_mul(factor)?, false));
        }
        let divisor = 10_i128.checked_pow(self.scale - exponent)?;
        let digits = i128::from(self.digits);
        let magnitude = (digits.abs() + divisor / 2) / divisor;
        let rounded = if digits < 0 { -magnitude } else { magnitude };
        Some((i64::try_from(rounded).ok()?, digits % divisor != 0))
    }

    /// A whole number, when it is one.
    pub fn whole(self) -> Option<i64> {
        self.scaled(0)
            .filter(|(_, rounded)| !rounded)
            .map(|(whole, _)| whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minor(text: &str, mark: Option<Mark>) -> Option<i64> {
        decimal(text, mark)?.scaled(2).map(|(minor, _)| minor)
    }

    #[test]
    fn figures_are_read_as_they_are_written() {
        for (text, expected) in [
            ("1234.5", 123_450),
            ("1,234.50", 123_450),
            ("1.234,50", 123_450),
            ("1 234,50", 123_450),
            ("1\u{a0}234,5", 123_450),
            ("1'234.50", 123_450),
            ("1 234 567", 123_456_700),
            ("1 234.567", 123_457),
            ("L 1,234.50", 123_450),
            ("L. 99.90", 9_990),
            ("$99", 9_900),
            ("99,9 €", 9_990),
            ("HNL 12", 1_200),
            ("(12.50)", -1_250),
            ("12.50-", -1_250),
            ("-L 12.50", -1_250),
            ("\u{2212}3", -300),
            ("1,234,567", 123_456_700),
            ("0,005", 1),
            (".5", 50),
        ] {
            assert_eq!(minor(text, None), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "-",
            "abc",
            "12a",
            "1.2.3,4,5",
            "1,23.4",
            "--5",
            "12 34x",
            "12 50",
            "1 2",
            "1 0000",
            "1234 567",
            "1  234",
            "12.50 00",
            "1 234,567.00",
            "1e5",
            "99999999999999999999",
        ] {
            assert_eq!(decimal(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn a_sign_or_code_of_another_currency_is_told_from_ones_own() {
        let own = Currency::new("HNL").unwrap();
        for other in [
            "$ 12.00 USD",
            "€5",
            "5 €",
            "£3",
            "¥ 100",
            "USD12",
            "-12 eur",
            "(US$ 4)",
            "Q 5",
        ] {
            assert!(names_other_currency(other, own), "{other}");
        }
        for fine in [
            "$12.00",
            "L 12",
            "Lps. 12.50",
            "12 HNL",
            "12 hnl",
            "12",
            "abc",
            "",
            "-L 3",
            "HNL $ 4",
        ] {
            assert!(!names_other_currency(fine, own), "{fine}");
        }
        assert!(!names_other_currency("€5", Currency::new("EUR").unwrap()));
        assert!(heading_names_other_currency("Precio (USD)", own));
        assert!(heading_names_other_currency("Precio €", own));
        assert!(!heading_names_other_currency("Precio (HNL)", own));
        assert!(!heading_names_other_currency("Precio de venta", own));
    }

    #[test]
    fn a_column_tells_what_one_figure_does_not() {
        assert_eq!(Marks::of(["1.234", "99,50"]).certain(), Some(Mark::Comma));
        assert_eq!(Marks::of(["1.234", "99.50"]).certain(), Some(Mark::Point));
        let alone = Marks::of(["1.234", "12"]);
        assert!(alone.is_doubtful() && alone.certain().is_none());
        assert!(Marks::of(["1,5", "1.5"]).is_doubtful(), "both cannot be right");
        assert!(!Marks::of(["12", "13"]).is_doubtful());
        assert_eq!(minor("1.234", Some(Mark::Comma)), Some(123_400));
        assert_eq!(minor("1.234", Some(Mark::Point)), Some(123));
        assert_eq!(
            minor("12.34", Some(Mark::Comma)),
            None,
            "no thousands are grouped like this"
        );
    }

    /// A figure of minor units, written out with the mark and with or without thousands.
    fn written(minor: i64, mark: Mark, grouped: bool) -> String {
        let (decimal, thousands) = match mark {
            Mark::Point => ('.', ","),
            Mark::Comma => (',', "."),
        };
        let whole = (minor.abs() / 100).to_string();
        let whole = if grouped {
            let first = whole.len() % 3;
            let (head, tail) = whole.split_at(first);
            let mut groups: Vec<&str> = if head.is_empty() { vec![] } else { vec![head] };
            groups.extend((0..tail.len() / 3).map(|group| &tail[group * 3..group * 3 + 3]));
            groups.join(thousands)
        } else {
            whole
        };
        let sign = if minor < 0 { "-" } else { "" };
        format!("{sign}{whole}{decimal}{:02}", minor.abs() % 100)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(amount in -1_000_000_000_000_i64..1_000_000_000_000, comma: bool, grouped: bool) {
            let mark = if comma { Mark::Comma } else { Mark::Point };
            let text = written(amount, mark, grouped);
            prop_assert_eq!(minor(&text, Some(mark)), Some(amount));
            prop_assert_eq!(Marks::of([text.as_str()]).certain(), Some(mark), "{}", text);
            prop_assert_eq!(minor(&format!(" L {} ", text), None), Some(amount));
        }

        #[test]
        fn no_text_makes_the_reader_fall_over(text in "\\PC{0,40}", comma: bool) {
            let mark = if comma { Mark::Comma } else { Mark::Point };
            for mark in [None, Some(mark)] {
                if let Some(decimal) = decimal(&text, mark) {
                    prop_assert!(text.chars().any(|c| c.is_ascii_digit()));
                    let _ = (decimal.scaled(2), decimal.whole());
                }
            }
        }

        #[test]
        fn rounding_is_half_away_from_zero(digits in -1_000_000_i64..1_000_000) {
            let (rounded, changed) = Decimal { digits, scale: 3 }.scaled(2).unwrap();
            prop_assert!((rounded * 10 - digits).abs() <= 5);
            prop_assert_eq!(changed, digits % 10 != 0);
            let (mirrored, _) = Decimal { digits: -digits, scale: 3 }.scaled(2).unwrap();
            prop_assert_eq!(mirrored, -rounded);
        }
    }
}
