//! A receipt as lines of text in columns of one width: 42 on 80 mm paper, 88 on A4.
//!
//! Not here: fonts and paper (`pdf`), and where the figures come from.

use platform::http::Language;
use schemas::Currency;
use unicode_normalization::UnicodeNormalization as _;

use super::money::{shown, tax_is_added};

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
    /// The tenant's own number of the receipt; without one the sale's id stands in its place.
    pub number: Option<String>,
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
    /// `quantity × unit_price_minor`.
    pub gross_minor: i64,
    /// Its own and its share of the sale's.
    pub discount_minor: i64,
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
    sale: &'static str,
    date: &'static str,
    cashier: &'static str,
    terminal: &'static str,
    customer: &'static str,
    discount: &'static str,
    subtotal: &'static str,
    /// Where it is in the prices.
    tax_included: &'static str,
    /// Where it comes on top of them.
    tax_added: &'static str,
    total: &'static str,
    change: &'static str,
    returned: &'static str,
    voided: &'static str,
    verify: &'static str,
}

const SPANISH: Words = Words {
    receipt: "Recibo",
    sale: "Venta",
    date: "Fecha",
    cashier: "Atendió",
    terminal: "Caja",
    customer: "Cliente",
    discount: "Descuento",
    subtotal: "Subtotal",
    tax_included: "Impuesto incluido",
    tax_added: "Impuesto",
    total: "TOTAL",
    change: "Cambio",
    returned: "Devuelto después",
    voided: "VENTA ANULADA",
    verify: "Verifique este recibo:",
};

const ENGLISH: Words = Words {
    receipt: "Receipt",
    sale: "Sale",
    date: "Date",
    cashier: "Served by",
    terminal: "Till",
    customer: "Customer",
    discount: "Discount",
    subtotal: "Subtotal",
    tax_included: "Tax included",
    tax_added: "Tax",
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
        match &receipt.number {
            Some(number) => {
                self.field(words.receipt, number);
                self.field(words.sale, &receipt.sale_id);
            }
            None => self.field(words.receipt, &receipt.sale_id),
        }
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
            let sum = format!("  {} x {}", item.quantity, amount(item.unit_price_minor));
            self.figures(&sum, &amount(item.gross_minor));
            if item.discount_minor != 0 {
                self.columns(&format!("  {}", words.discount), &amount(-item.discount_minor));
            }
        }
        self.rows.push(Row::Rule);
    }

    /// Down to the total the figures add up: subtotal (what the lines come to), less discount, and tax where the prices
    /// are without it. Tax that is in the prices stands below, since it adds nothing.
    fn sums(&mut self, receipt: &Printed, words: &Words, language: Language) {
        let amount = |minor| shown(minor, receipt.currency);
        let is_added = tax_is_added(
            receipt.gross_minor,
            receipt.discount_minor,
            receipt.tax_minor,
            receipt.total_minor,
        );
        if receipt.discount_minor != 0 || is_added {
            self.columns(words.subtotal, &amount(receipt.gross_minor));
        }
        if receipt.discount_minor != 0 {
            self.columns(words.discount, &amount(-receipt.discount_minor));
        }
        if is_added {
            self.columns(words.tax_added, &amount(receipt.tax_minor));
        }
        let total = format!("{} {}", receipt.currency, amount(receipt.total_minor));
        let line = columns(words.total, &total, self.width);
        self.rows.push(Row::Bold(line));
        if receipt.tax_minor != 0 && !is_added {
            self.columns(words.tax_included, &amount(receipt.tax_minor));
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

    /// As `columns`, where the left is a figure too: nothing of it is cut, the amount takes the next line.
    fn figures(&mut self, left: &str, right: &str) {
        if left.chars().count() + right.chars().count() < self.width {
            self.columns(left, right);
        } else {
            self.text(left);
            self.columns("", right);
        }
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

/// Breaks at spaces; a word that is longer than a line is cut. Keeps the spaces in front. A letter and its mark become one
/// character (NFC), of which a line is measured and which the fonts have.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text: String = text.nfc().collect();
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
#[path = "layout_tests.rs"]
pub(super) mod tests;
