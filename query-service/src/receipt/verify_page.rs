//! The page that says whether a receipt is ours: no scripts, nothing from elsewhere, readable on a phone and in the dark.

use platform::http::{Language, escaped_html};
use schemas::Currency;

use super::money::shown;
use crate::api::receipts::VerifiedReceipt;

const STYLE: &str = "
:root{color-scheme:light dark;--ground:#f6f5f1;--card:#fff;--ink:#1c1b19;--soft:#5f5b54;--line:#dedad2;--good:#14643a;--bad:#9c2f1d}
@media(prefers-color-scheme:dark){:root{--ground:#171614;--card:#211f1c;--ink:#f1eee8;--soft:#b3ada2;--line:#3a3732;--good:#7fd3a2;--bad:#f2a191}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;display:grid;min-height:100vh;place-items:center;padding:1rem}
main{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.5rem;width:100%;max-width:32rem}
h1{font-size:1.25rem;margin:0 0 .25rem}
.good h1{color:var(--good)}.bad h1{color:var(--bad)}
p{margin:.25rem 0;color:var(--soft)}
dl{display:grid;grid-template-columns:auto 1fr;gap:.4rem 1rem;margin:1.25rem 0;border-top:1px solid var(--line);padding-top:1.25rem}
dt{color:var(--soft)}dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.total{font-weight:700;font-size:1.2rem}
code{display:block;overflow-wrap:anywhere;font-size:.8rem;color:var(--soft)}";

struct Words {
    tag: &'static str,
    title: &'static str,
    valid: &'static str,
    compare: &'static str,
    unknown: &'static str,
    unknown_more: &'static str,
    business: &'static str,
    store: &'static str,
    receipt: &'static str,
    sale: &'static str,
    date: &'static str,
    total: &'static str,
    tax_included: &'static str,
    tax_added: &'static str,
    returned: &'static str,
    status: &'static str,
    completed: &'static str,
    voided: &'static str,
}

const SPANISH: Words = Words {
    tag: "es",
    title: "Verificación de recibo",
    valid: "Este recibo es auténtico",
    compare: "Compare estos datos con el papel: deben coincidir.",
    unknown: "No conocemos este recibo",
    unknown_more: "El código está incompleto, tiene un error, o el papel no es nuestro. Escríbalo de nuevo tal como está impreso.",
    business: "Empresa",
    store: "Tienda",
    receipt: "Recibo",
    sale: "Venta",
    date: "Fecha",
    total: "Total",
    tax_included: "Impuesto incluido",
    tax_added: "Impuesto",
    returned: "Devuelto después",
    status: "Estado",
    completed: "Vigente",
    voided: "Anulada",
};

const ENGLISH: Words = Words {
    tag: "en",
    title: "Receipt verification",
    valid: "This receipt is authentic",
    compare: "Compare these figures with the paper: they must agree.",
    unknown: "We do not know this receipt",
    unknown_more: "The code is incomplete, has an error, or the paper is not ours. Type it again as it is printed.",
    business: "Business",
    store: "Store",
    receipt: "Receipt",
    sale: "Sale",
    date: "Date",
    total: "Total",
    tax_included: "Tax included",
    tax_added: "Tax",
    returned: "Returned later",
    status: "Status",
    completed: "Valid",
    voided: "Voided",
};

fn words(language: Language) -> &'static Words {
    match language {
        Language::Spanish => &SPANISH,
        Language::English => &ENGLISH,
    }
}

/// The page of a receipt that is ours.
pub fn valid(receipt: &VerifiedReceipt, language: Language) -> String {
    let words = words(language);
    let amount = |minor| match Currency::new(&receipt.currency) {
        Ok(currency) => format!("{} {}", receipt.currency, shown(minor, currency)),
        Err(_) => format!("{} {minor}", receipt.currency),
    };
    let status = if receipt.status == "voided" {
        words.voided
    } else {
        words.completed
    };
    let mut facts = vec![
        (words.business, receipt.business_name.clone(), ""),
        (words.store, receipt.store_name.clone(), ""),
    ];
    match &receipt.number {
        Some(number) => facts.extend([
            (words.receipt, number.clone(), ""),
            (words.sale, receipt.sale_id.clone(), ""),
        ]),
        None => facts.push((words.receipt, receipt.sale_id.clone(), "")),
    }
    facts.push((words.date, receipt.printed_at.clone(), ""));
    // In the paper's order: what is added stands above the total, what is in it below.
    let total = (words.total, amount(receipt.total_minor), "total");
    let tax = amount(receipt.tax_minor);
    if receipt.tax_is_added {
        facts.extend([(words.tax_added, tax, ""), total]);
    } else {
        facts.extend([total, (words.tax_included, tax, "")]);
    }
    if receipt.returned_minor != 0 {
        facts.push((words.returned, amount(-receipt.returned_minor), ""));
    }
    facts.push((words.status, status.to_owned(), ""));
    let facts: String = facts
        .iter()
        .map(|(name, value, class)| {
            format!(
                "<dt>{name}</dt><dd class=\"{class}\">{}</dd>",
                escaped_html(value)
            )
        })
        .collect();
    let body = format!(
        "<h1>{}</h1><p>{}</p><dl>{facts}</dl><code>{}</code>",
        words.valid,
        words.compare,
        escaped_html(&receipt.verification.code)
    );
    page(words, "good", &body)
}

/// The page for a code that is none of ours.
pub fn unknown(language: Language) -> String {
    let words = words(language);
    page(
        words,
        "bad",
        &format!("<h1>{}</h1><p>{}</p>", words.unknown, words.unknown_more),
    )
}

fn page(words: &Words, class: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{}</title><style>{STYLE}</style></head><body><main class=\"{class}\">{body}</main></body></html>",
        words.tag, words.title
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_is_said_in_the_readers_language() {
        assert!(unknown(Language::Spanish).contains("No conocemos este recibo"));
        assert!(unknown(Language::English).contains("<html lang=\"en\">"));
    }
}
