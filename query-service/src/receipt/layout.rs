//! A receipt as lines of text in columns of one width: 42 on 80 mm paper, 88 on A4.
//!
//! Not here: fonts and paper (`pdf`), and where the figures come from.

use platform::http::Language;
use schemas::Currency;

use super::money::shown;

/// What stands at the top: the tenant's letterhead, or its name.
#[derive(Debug, Clone, Default)]
pub struct Letterhead {
    pub legal_name: String,
    pub tax_id: Option<String>,
    pub address: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub website: Option<String>,
    pub footer: Option<String>,
}

/// All that is printed. Amounts are in minor units of `currency`.
#[derive(Debug, Clone)]
pub struct Printed {
    pub letterhead: Letterhead,
    pub store_name: String,
    pub sale_id: String,
    /// In the tenant's zone.
    pub occurred_at: String,
    pub cashier: String,
    pub terminal: Option<String>,
    pub customer_name: Option<String>,
    pub currency: Currency,
    pub items: Vec<PrintedItem>,
    pub gross_minor: i64,
    pub discount_minor: i64,
    pub tax_minor: i64,
    pub total_minor: i64,
    pub payments: Vec<PrintedPayment>,
    pub change_minor: i64,
    pub returned_minor: i64,
    pub voided: bool,
    /// Grouped, as it is printed.
    pub code: String,
    /// Where the code is verified.
    pub url: String,
}

#[derive(Debug, Clone)]
pub struct PrintedItem {
    pub name: String,
    pub sku: String,
    /// `imei:…` or `serial:…`.
    pub unit: Option<String>,
    pub quantity: i64,
    pub unit_price_minor: i64,
    pub discount_minor: i64,
    pub total_minor: i64,
}

#[derive(Debug, Clone)]
pub struct PrintedPayment {
    /// `cash`, `card`, `transfer`, `credit`, `store_credit` or `exchange`.
    pub method: String,
    /// What was handed over.
    pub tendered_minor: i64,
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    Plain(String),
    Bold(String),
    /// A horizontal line.
    Rule,
    /// The QR code, centred.
    Qr,
}

/// What a language calls things.
struct Words {
    receipt: &'static str,
    date: &'static str,
    cashier: &'static str,
    terminal: &'static str,
    customer: &'static str,
    discount: &'static str,
    subtotal: &'static str,
    tax: &'static str,
    total: &'static str,
    change: &'static str,
    returned: &'static str,
    voided: &'static str,
    verify: &'static str,
}

const SPANISH: Words = Words {
    receipt: "Recibo",
    date: "Fecha",
    cashier: "Atendió",
    terminal: "Caja",
    customer: "Cliente",
    discount: "Descuento",
    subtotal: "Subtotal",
    tax: "Impuesto incluido",
    total: "TOTAL",
    change: "Cambio",
    returned: "Devuelto después",
    voided: "VENTA ANULADA",
    verify: "Verifique este recibo:",
};

const ENGLISH: Words = Words {
    receipt: "Receipt",
    date: "Date",
    cashier: "Served by",
    terminal: "Till",
    customer: "Customer",
    discount: "Discount",
    subtotal: "Subtotal",
    tax: "Tax included",
    total: "TOTAL",
    change: "Change",
    returned: "Returned later",
    voided: "SALE VOIDED",
    verify: "Verify this receipt:",
};

fn words(language: Language) -> &'static Words {
    match language {
        Language::Spanish => &SPANISH,
        Language::English => &ENGLISH,
    }
}

fn method(language: Language, method: &str) -> &str {
    let (es, en) = match method {
        "cash" => ("Efectivo", "Cash"),
        "card" => ("Tarjeta", "Card"),
        "transfer" => ("Transferencia", "Bank transfer"),
        "credit" => ("Crédito", "On account"),
        "store_credit" => ("Saldo a favor", "Store credit"),
        "exchange" => ("Cambio de mercancía", "Exchanged goods"),
        other => (other, other),
    };
    match language {
        Language::Spanish => es,
        Language::English => en,
    }
}

/// Lays a receipt out in lines of at most `width` characters.
pub fn rows(receipt: &Printed, language: Language, width: usize) -> Vec<Row> {
    let mut page = Page {
        rows: Vec::new(),
        width,
    };
    let words = words(language);
    page.head(receipt, words);
    page.items(receipt, words);
    page.sums(receipt, words, language);
    page.foot(receipt, words);
    page.rows
}

struct Page {
    rows: Vec<Row>,
    width: usize,
}

impl Page {
    fn head(&mut self, receipt: &Printed, words: &Words) {
        let head = &receipt.letterhead;
        for line in wrapped(&head.legal_name, self.width) {
            self.rows.push(Row::Bold(centred(&line, self.width)));
        }
        for text in [
            &head.tax_id,
            &head.address,
            &head.phone,
            &head.email,
            &head.website,
        ]
        .into_iter()
        .flatten()
        {
            self.centre(text);
        }
        if receipt.store_name != head.legal_name {
            self.centre(&receipt.store_name);
        }
        self.rows.push(Row::Rule);
        if receipt.voided {
            self.rows.push(Row::Bold(centred(words.voided, self.width)));
        }
        self.field(words.receipt, &receipt.sale_id);
        self.field(words.date, &receipt.occurred_at);
        self.field(words.cashier, &receipt.cashier);
        if let Some(terminal) = &receipt.terminal {
            self.field(words.terminal, terminal);
        }
        if let Some(customer) = &receipt.customer_name {
            self.field(words.customer, customer);
        }
        self.rows.push(Row::Rule);
    }

    fn items(&mut self, receipt: &Printed, words: &Words) {
        let amount = |minor| shown(minor, receipt.currency);
        for item in &receipt.items {
            self.text(&item.name);
            let unit = item.unit.as_deref().unwrap_or(&item.sku);
            self.text(&format!("  {unit}"));
            let gross = item.total_minor.saturating_add(item.discount_minor);
            let sum = format!("  {} x {}", item.quantity, amount(item.unit_price_minor));
            self.columns(&sum, &amount(gross));
            if item.discount_minor != 0 {
                self.columns(&format!("  {}", words.discount), &amount(-item.discount_minor));
            }
        }
        self.rows.push(Row::Rule);
    }

    fn sums(&mut self, receipt: &Printed, words: &Words, language: Language) {
        let amount = |minor| shown(minor, receipt.currency);
        if receipt.discount_minor != 0 {
            self.columns(words.subtotal, &amount(receipt.gross_minor));
            self.columns(words.discount, &amount(-receipt.discount_minor));
        }
        let total = format!("{} {}", receipt.currency, amount(receipt.total_minor));
        let line = columns(words.total, &total, self.width);
        self.rows.push(Row::Bold(line));
        if receipt.tax_minor != 0 {
            self.columns(words.tax, &amount(receipt.tax_minor));
        }
        for payment in &receipt.payments {
            self.columns(method(language, &payment.method), &amount(payment.tendered_minor));
        }
        if receipt.change_minor != 0 {
            self.columns(words.change, &amount(receipt.change_minor));
        }
        if receipt.returned_minor != 0 {
            self.columns(words.returned, &amount(-receipt.returned_minor));
        }
        self.rows.push(Row::Rule);
    }

    fn foot(&mut self, receipt: &Printed, words: &Words) {
        if let Some(footer) = &receipt.letterhead.footer {
            self.centre(footer);
            self.rows.push(Row::Plain(String::new()));
        }
        self.centre(words.verify);
        self.rows.push(Row::Qr);
        // The digits on a line of their own, so that no group is broken.
        let (tenant, digits) = receipt.code.rsplit_once('.').unwrap_or(("", &receipt.code));
        self.centre(&format!("{tenant}."));
        self.centre(digits);
        self.centre(&receipt.url);
    }

    fn text(&mut self, text: &str) {
        for line in wrapped(text, self.width) {
            self.rows.push(Row::Plain(line));
        }
    }

    fn centre(&mut self, text: &str) {
        for line in wrapped(text, self.width) {
            let line = centred(&line, self.width);
            self.rows.push(Row::Plain(line));
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        self.text(&format!("{name}: {value}"));
    }

    fn columns(&mut self, left: &str, right: &str) {
        let line = columns(left, right, self.width);
        self.rows.push(Row::Plain(line));
    }
}

/// Text at the left, an amount at the right; the text gives way.
fn columns(left: &str, right: &str, width: usize) -> String {
    let room = width.saturating_sub(right.chars().count() + 1);
    let left: String = left.chars().take(room).collect();
    let gap = width.saturating_sub(left.chars().count() + right.chars().count());
    format!("{left}{}{right}", " ".repeat(gap))
}

fn centred(text: &str, width: usize) -> String {
    let left = width.saturating_sub(text.chars().count()) / 2;
    format!("{}{text}", " ".repeat(left))
}

/// Breaks at spaces; a word that is longer than a line is cut. Keeps the spaces in front.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut lines = Vec::new();
    let mut line = indent.clone();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let used = line.chars().count();
        if !is_empty && used + 1 + word.len() > width {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        let room = width.saturating_sub(indent.chars().count()).max(1);
        while word.len() > room {
            line.extend(word.drain(..room));
            lines.push(std::mem::replace(&mut line, indent.clone()));
        }
        line.extend(word);
        is_empty = false;
    }
    if !is_empty {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn sample() -> Printed {
        let item = |name: &str, quantity: i64, price: i64, discount: i64| PrintedItem {
            name: name.to_owned(),
            sku: "USBC-1M".to_owned(),
            unit: None,
            quantity,
            unit_price_minor: price,
            discount_minor: discount,
            total_minor: price * quantity - discount,
        };
        Printed {
            letterhead: Letterhead {
                legal_name: "Celulares de Tegucigalpa, S. de R. L.".to_owned(),
                tax_id: Some("RTN 08019995123456".to_owned()),
                footer: Some("¡Gracias por su compra! Cambios dentro de 15 días con este recibo.".to_owned()),
                ..Letterhead::default()
            },
            store_name: "Centro".to_owned(),
            sale_id: "teg-2".to_owned(),
            occurred_at: "2026-11-22 12:30 -06:00".to_owned(),
            cashier: "ana".to_owned(),
            terminal: Some("centro-1".to_owned()),
            customer_name: Some("Núñez Peña".to_owned()),
            currency: Currency::new("HNL").unwrap(),
            items: vec![
                item(
                    "Cable USB-C de un metro con funda trenzada y garantía",
                    2,
                    25_000,
                    5_000,
                ),
                item("Cargador", 1, 60_000, 0),
            ],
            gross_minor: 110_000,
            discount_minor: 5_000,
            tax_minor: 13_696,
            total_minor: 105_000,
            payments: vec![PrintedPayment {
                method: "cash".to_owned(),
                tendered_minor: 110_000,
            }],
            change_minor: 5_000,
            returned_minor: 0,
            voided: false,
            code: "telefonia-teg.0000-0001-2233".to_owned(),
            url: "http://127.0.0.1:8080/verify/receipt/telefonia-teg.000000012233".to_owned(),
        }
    }

    fn texts(rows: &[Row]) -> Vec<String> {
        let text = |row: &Row| match row {
            Row::Plain(text) | Row::Bold(text) => text.clone(),
            Row::Rule => "-".to_owned(),
            Row::Qr => "QR".to_owned(),
        };
        rows.iter().map(text).collect()
    }

    #[test]
    fn no_line_is_wider_than_the_paper_and_nothing_is_left_out() {
        for width in [42, 88] {
            for language in [Language::Spanish, Language::English] {
                let lines = texts(&rows(&sample(), language, width));
                assert!(
                    lines.iter().all(|line| line.chars().count() <= width),
                    "{lines:#?}"
                );
                let whole = lines.join("\n");
                for part in [
                    "RTN 08019995123456",
                    "teg-2",
                    "Núñez Peña",
                    "1,050.00",
                    "-50.00",
                    "QR",
                    "2233",
                ] {
                    assert!(whole.contains(part), "{part} is missing in\n{whole}");
                }
            }
        }
    }

    #[test]
    fn each_language_has_its_words() {
        let of = |language| texts(&rows(&sample(), language, 42)).join("\n");
        let (spanish, english) = (of(Language::Spanish), of(Language::English));
        assert!(spanish.contains("Efectivo") && spanish.contains("Atendió: ana"));
        assert!(english.contains("Cash") && english.contains("Served by: ana"));
    }

    #[test]
    fn a_voided_sale_says_so_first_and_a_return_is_shown() {
        let receipt = Printed {
            voided: true,
            returned_minor: 25_000,
            ..sample()
        };
        let lines = texts(&rows(&receipt, Language::English, 42));
        let voided = lines.iter().position(|line| line.contains("SALE VOIDED"));
        let items = lines.iter().position(|line| line.contains("Cargador"));
        assert!(voided < items && voided.is_some());
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("Returned later") && line.ends_with("-250.00"))
        );
    }

    #[test]
    fn words_that_are_longer_than_a_line_are_cut() {
        assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("  ab cd", 6), ["  ab", "  cd"]);
        assert!(wrapped("   ", 5).is_empty());
    }
}
