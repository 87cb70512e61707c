//! The layout of receipts: what stands on them in both languages, within the paper's width.

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

#[test]
fn words_that_are_longer_than_a_line_are_cut() {
    assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
    assert_eq!(wrapped("  ab cd", 6), ["  ab", "  cd"]);
    assert!(wrapped("   ", 5).is_empty());
}
