//! The layout of receipts: what stands on them in both languages, within the paper's width.

use super::*;

pub(in super::super) fn sample() -> Printed {
    let item = |name: &str, quantity: i64, price: i64, discount: i64| PrintedItem {
        name: name.to_owned(),
        sku: "USBC-1M".to_owned(),
        unit: None,
        quantity,
        unit_price_minor: price,
        gross_minor: price * quantity,
        discount_minor: discount,
    };
    Printed {
        letterhead: Letterhead {
            legal_name: "Celulares de Tegucigalpa, S. de R. L.".to_owned(),
            tax_id: Some("RTN 08019995123456".to_owned()),
            footer: Some("¡Gracias por su compra! Cambios dentro de 15 días con este recibo.".to_owned()),
            ..Letterhead::default()
        },
        store_name: "Centro".to_owned(),
        number: None,
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
fn a_numbered_receipt_has_its_number_and_the_sales_id() {
    let numbered = Printed {
        number: Some("F-00000041".to_owned()),
        ..sample()
    };
    let of = |receipt: &Printed, language| texts(&rows(receipt, language, 42)).join("\n");
    assert!(of(&numbered, Language::Spanish).contains("Recibo: F-00000041\nVenta: teg-2\n"));
    assert!(of(&numbered, Language::English).contains("Receipt: F-00000041\nSale: teg-2\n"));
    let without = of(&sample(), Language::Spanish);
    assert!(without.contains("Recibo: teg-2\n") && !without.contains("Venta:"));
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

/// A sale that is hard to add up, in a shop whose prices have the tax in them or not.
fn reckoned(discounts: [i64; 3], prices_include_tax: bool) -> Printed {
    let goods = [(7, 333), (3, 123_456_789), (5, 777)];
    let sale = sample();
    let mut sold = Printed {
        items: Vec::new(),
        gross_minor: 0,
        discount_minor: 0,
        tax_minor: 0,
        total_minor: 0,
        payments: Vec::new(),
        change_minor: 0,
        ..sale
    };
    for ((quantity, price), discount) in goods.into_iter().zip(discounts) {
        let gross = quantity * price;
        let net = gross - discount;
        let tax = if prices_include_tax {
            net * 15 / 115
        } else {
            net * 15 / 100
        };
        sold.gross_minor += gross;
        sold.discount_minor += discount;
        sold.tax_minor += tax;
        sold.total_minor += net + if prices_include_tax { 0 } else { tax };
        sold.items.push(PrintedItem {
            name: "Artículo".to_owned(),
            sku: "A".to_owned(),
            unit: None,
            quantity,
            unit_price_minor: price,
            gross_minor: gross,
            discount_minor: discount,
        });
    }
    sold
}

/// The figures that stand on paper, as somebody with a pencil finds them.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    /// Quantity, price and amount.
    lines: Vec<(i64, i64, i64)>,
    line_discounts: i64,
    subtotal: Option<i64>,
    discount: Option<i64>,
    /// Between the subtotal and the total.
    tax_above: Option<i64>,
    total: i64,
    tax_below: Option<i64>,
}

fn figures(lines: &[String], words: &Words) -> Figures {
    let minor = |text: &str| -> i64 { text.replace([',', '.'], "").parse().unwrap() };
    let mut found = Figures::default();
    for line in lines {
        let Some((left, right)) = line.rsplit_once(' ') else {
            continue;
        };
        let is_indented = left.starts_with("  ");
        match left.trim() {
            text if is_indented && text.contains(" x ") => {
                let (quantity, price) = text.split_once(" x ").unwrap();
                let line = (quantity.parse().unwrap(), minor(price), minor(right));
                found.lines.push(line);
            }
            text if is_indented && text == words.discount => found.line_discounts += minor(right),
            text if text == words.discount => found.discount = Some(minor(right)),
            text if text == words.subtotal => found.subtotal = Some(minor(right)),
            text if text == words.tax_added => found.tax_above = Some(minor(right)),
            text if text == words.tax_included => found.tax_below = Some(minor(right)),
            text if text.starts_with(words.total) => {
                assert_eq!(found.tax_below, None, "what is included stands below the total");
                found.total = minor(right);
            }
            _ => {}
        }
    }
    found
}

#[test]
fn what_is_printed_adds_up_whether_prices_include_the_tax_or_not() {
    for (discounts, included) in [
        ([0, 0, 0], true),
        ([0, 0, 0], false),
        ([303, 12_345_556, 129], true),
        ([303, 12_345_556, 129], false),
    ] {
        let receipt = reckoned(discounts, included);
        for (language, width) in [Language::Spanish, Language::English]
            .into_iter()
            .flat_map(|language| [(language, 42), (language, 88)])
        {
            let lines = texts(&rows(&receipt, language, width));
            let found = figures(&lines, words(language));
            let whole = lines.join("\n");
            assert_eq!(found.lines.len(), 3, "{whole}");
            let of_lines: i64 = found.lines.iter().map(|(_, _, amount)| amount).sum();
            for (quantity, price, amount) in &found.lines {
                assert_eq!(quantity * price, *amount, "{whole}");
            }
            assert_eq!(found.discount.unwrap_or(0), found.line_discounts, "{whole}");
            assert_eq!(found.subtotal.unwrap_or(of_lines), of_lines, "{whole}");
            let added = found.tax_above.unwrap_or(0);
            assert_eq!(of_lines + found.line_discounts + added, found.total, "{whole}");
            assert_eq!(found.total, receipt.total_minor);
            let tax = Some(receipt.tax_minor);
            let expected = if included { (None, tax) } else { (tax, None) };
            assert_eq!((found.tax_above, found.tax_below), expected, "{whole}");
        }
    }
}

#[test]
fn a_price_gives_no_digit_away_for_its_amount() {
    let mut receipt = sample();
    receipt.items[0].quantity = 1_234_567;
    receipt.items[0].unit_price_minor = 800_000_000;
    receipt.items[0].gross_minor = 1_234_567 * 800_000_000;
    let lines = texts(&rows(&receipt, Language::English, 42));
    let price = lines.iter().position(|line| line == "  1234567 x 8,000,000.00");
    let amount = &lines[price.unwrap() + 1];
    assert_eq!(amount.trim_start(), "9,876,536,000,000.00");
    assert_eq!(amount.chars().count(), 42);
}

#[test]
fn a_letter_and_its_mark_are_printed_as_one() {
    let receipt = Printed {
        customer_name: Some("Jose\u{301} Nun\u{303}ez Agu\u{308}ero".to_owned()),
        ..sample()
    };
    let lines = texts(&rows(&receipt, Language::Spanish, 42));
    assert!(
        lines.contains(&"Cliente: José Nuñez Agüero".to_owned()),
        "{lines:#?}"
    );
    assert_eq!(wrapped("e\u{301}e\u{301}", 2), ["éé"]);
}

#[test]
fn words_that_are_longer_than_a_line_are_cut() {
    assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
    assert_eq!(wrapped("  ab cd", 6), ["  ab", "  cd"]);
    assert!(wrapped("   ", 5).is_empty());
}
