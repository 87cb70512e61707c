//! Whole files as people have them, and files that nobody should have: made here, read by [`imports::read`].

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod workbook;

use imports::limits::{MAX_COLUMNS, MAX_ROWS};
use imports::{Cell, FileError, Interpreted, Money, NamedBy, WarningCode, interpret, read};
use schemas::Currency;
use schemas::events::catalogue::{AttributeValue, ItemKind};

use workbook::{Value, Workbook, entry, raw_archive};

fn money(currency: &str) -> Money {
    Money {
        currency: Currency::new(currency).unwrap(),
    }
}

fn understood(bytes: &[u8]) -> Interpreted {
    interpret(&read(bytes).unwrap(), money("HNL"))
}

#[test]
fn a_price_list_of_latin_1_with_semicolons_and_decimal_commas_is_understood() {
    let text = "Inversiones Ñandú;;;\r\nLista de precios 2026;;;\r\n\r\n\
                Código;Descripción;Precio (L.);Impuesto;Existencias;Color;Material\r\n\
                A-1;Cable USB;1.234,50;15%;12;Negro;Nylon\r\n\
                A-2;Funda;99,9;Exento;1.000;;12,5\r\n\
                ;;;;;;\r\n\
                A-3;Cargador;abc;15%;1,5;Rojo;si\r\n";
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let table = read(&bytes).unwrap();
    assert_eq!(table.layout.encoding.as_deref(), Some("windows-1252"));
    assert_eq!((table.layout.heading_row, table.layout.separator), (4, Some(';')));
    let file = interpret(&table, money("HNL"));
    let record = |index: usize| file.rows[index].record.as_ref().unwrap();
    assert_eq!(record(0).price_minor.unwrap().get(), 123_450);
    assert_eq!(record(0).tax.as_ref().unwrap().rates_ppm[0], 150_000);
    assert_eq!(record(1).price_minor.unwrap().get(), 9_990);
    assert_eq!(
        record(1).quantity,
        Some(1_000),
        "the column says that points are thousands"
    );
    assert_eq!(
        record(1).attributes["Material"],
        AttributeValue::Text("12,5".to_owned())
    );
    assert_eq!(record(0).colour.as_deref(), Some("Negro"));
    assert!(file.rows[2].record.is_none());
    let codes: Vec<_> = file.rows[2].warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [WarningCode::PriceInvalid, WarningCode::QuantityInvalid]);
    assert_eq!(file.rows[2].number, 8);
    assert_eq!(file.warnings[0].code, WarningCode::ColumnAttribute);
}

#[test]
fn a_workbook_with_a_cover_titles_merged_headings_and_numbers_as_text_is_understood() {
    let mut workbook = Workbook::new();
    workbook.sheet("Portada", &[vec![Value::Text("Catálogo")]]);
    workbook.sheet(
        "Lista",
        &[
            vec![Value::Text("Lista de precios")],
            vec![],
            vec![
                Value::Text("Código"),
                Value::Text("Nombre"),
                Value::Text("Precio"),
                Value::None,
                Value::Text("Garantía"),
                Value::Text("Ingreso"),
                Value::Text("Tipo"),
            ],
            vec![
                Value::None,
                Value::None,
                Value::Text("venta"),
                Value::Text("compra"),
                Value::Text("meses"),
            ],
            vec![
                Value::Number("00123"),
                Value::Text("Teléfono"),
                Value::Number("12.3"),
                Value::Text("9,50"),
                Value::Number("12"),
                Value::Date("46000"),
                Value::Text("Equipo"),
            ],
            vec![
                Value::Text("B"),
                Value::Shared("Reparación"),
                Value::Formula("A1*2", Some("12.299999999999999")),
                Value::Formula("A1*3", None),
                Value::Text("1 año"),
                Value::Error,
                Value::Text("Servicio"),
            ],
        ],
    );
    let table = read(&workbook.bytes()).unwrap();
    assert_eq!(table.layout.sheet.as_deref(), Some("Lista"));
    assert_eq!(table.layout.heading_row, 4);
    assert_eq!(table.rows[0].cells[5], Cell::Date("2025-12-09".to_owned()));
    let file = interpret(&table, money("HNL"));
    let first = file.rows[0].record.as_ref().unwrap();
    assert_eq!(
        (first.sku.as_str(), first.kind),
        ("123", Some(ItemKind::Serialised))
    );
    assert_eq!(first.price_minor.unwrap().get(), 1_230);
    assert_eq!(first.cost_minor.unwrap().get(), 950);
    assert_eq!(first.warranty_months, Some(12));
    assert_eq!(
        first.attributes["Ingreso"],
        AttributeValue::Text("2025-12-09".to_owned())
    );
    let second = file.rows[1].record.as_ref().unwrap();
    assert_eq!(second.name.as_deref(), Some("Reparación"));
    assert_eq!(
        second.price_minor.unwrap().get(),
        1_230,
        "the result that the file holds"
    );
    assert_eq!((second.cost_minor, second.warranty_months), (None, Some(12)));
    let codes: Vec<_> = file.rows[1].warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [WarningCode::FormulaWithoutResult, WarningCode::CellError]);
}

#[test]
fn devices_are_read_with_their_imeis_however_they_are_written() {
    let text = "Modelo,IMEI,Serie,Cantidad,Nombre,SKU\n\
                X,490154203237518,,1,Teléfono,P-1\n\
                X,49 015420 323751 8,,,Teléfono,P-1\n\
                X,4.90154E+14,,,Teléfono,P-1\n\
                X,490154203237519,,,Teléfono,P-1\n\
                Y,,SN-77/A,,Tableta,T-1\n\
                X,490154203237518,,2,Teléfono,P-1\n";
    let file = understood(text.as_bytes());
    let units: Vec<_> = file
        .rows
        .iter()
        .map(|row| row.record.as_ref().and_then(|record| record.unit.clone()))
        .map(|unit| unit.map(|unit| unit.as_str().to_owned()))
        .collect();
    let imei = Some("imei:490154203237518".to_owned());
    assert_eq!(
        units,
        [
            imei.clone(),
            imei,
            None,
            None,
            Some("serial:SN-77/A".to_owned()),
            None
        ]
    );
    assert_eq!(file.rows[2].warnings[0].code, WarningCode::DigitsLost);
    assert_eq!(file.rows[3].warnings[0].code, WarningCode::ImeiInvalid);
    assert_eq!(file.rows[5].warnings[0].code, WarningCode::QuantityWithUnit);
}

#[test]
fn articles_without_codes_are_named_by_barcode_or_name() {
    let text = "nombre,material,diametro,ean\nTubería PVC,PVC,12.5,\nCodo,PVC,50,4006381333931\nPropio,PVC,1,12345\n\
                Malo,PVC,1,4006381333930\n";
    let file = understood(text.as_bytes());
    let skus: Vec<_> = file
        .rows
        .iter()
        .map(|row| row.sku.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(skus, ["Tubería PVC", "4006381333931", "Propio", "Malo"]);
    let named: Vec<_> = file
        .rows
        .iter()
        .map(|row| row.record.as_ref().map(|record| record.named_by))
        .collect();
    let names = [NamedBy::Name, NamedBy::Barcode, NamedBy::Name].map(Some);
    assert_eq!(named[..3], names);
    assert_eq!(named[3], None, "a slip in a barcode makes no new article");
    assert_eq!(file.rows[3].warnings[0].code, WarningCode::GtinMistyped);
    let first = file.rows[0].record.as_ref().unwrap();
    assert_eq!(
        first.attributes["diametro"],
        AttributeValue::Text("12.5".to_owned())
    );
    let second = file.rows[1].record.as_ref().unwrap();
    assert_eq!(second.attributes["diametro"], AttributeValue::Integer(50));
    assert_eq!(file.rows[2].warnings[0].code, WarningCode::GtinInvalid);
}

#[test]
fn an_archive_that_unpacks_to_a_multiple_is_refused_before_it_is_parsed() {
    let mut workbook = Workbook::new();
    workbook.sheet(
        "Lista",
        &[
            vec![Value::Text("SKU"), Value::Text("Nombre")],
            vec![Value::Text("A"), Value::Text("a")],
        ],
    );
    let zeros = vec![b' '; 64 << 20];
    let bomb = workbook.with_part("xl/worksheets/sheet9.xml", &zeros);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    assert!(
        matches!(read(&bomb), Err(FileError::Forbidden { .. })),
        "{:?}",
        read(&bomb)
    );
}

#[test]
fn xml_with_entities_is_refused_before_it_is_parsed() {
    let entities =
        r#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]><sst/>"#;
    let padded = format!("{}{entities}", " ".repeat((64 << 10) - 4));
    for text in [entities, &padded] {
        let mut workbook = Workbook::new();
        workbook.sheet(
            "Lista",
            &[
                vec![Value::Text("SKU"), Value::Text("Nombre")],
                vec![Value::Text("A"), Value::Text("a")],
            ],
        );
        let file = workbook.with_part("xl/extra.xml", text.as_bytes());
        assert!(
            matches!(read(&file), Err(FileError::Forbidden { .. })),
            "{:?}",
            read(&file)
        );
    }
}

#[test]
fn one_cell_in_the_last_corner_costs_no_grid() {
    let mut workbook = Workbook::new();
    workbook.raw_sheet(
        "Lista",
        r#"<row r="1"><c r="A1" t="inlineStr"><is><t>SKU</t></is></c><c r="B1" t="inlineStr"><is><t>Nombre</t></is></c></row>
           <row r="2"><c r="A2" t="inlineStr"><is><t>A</t></is></c></row>
           <row r="1048576"><c r="A1048576" t="inlineStr"><is><t>Z</t></is></c></row>"#,
    );
    let table = read(&workbook.bytes()).unwrap();
    let numbers: Vec<u32> = table.rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [2, 1_048_576]);
    let mut wide = Workbook::new();
    wide.raw_sheet(
        "Lista",
        r#"<row r="1"><c r="A1" t="inlineStr"><is><t>SKU</t></is></c></row>
           <row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#,
    );
    let refused = read(&wide.bytes());
    assert!(
        matches!(&refused, Err(FileError::TooLarge { what, max, .. }) if what == "columns" && *max == MAX_COLUMNS as u64),
        "{refused:?}"
    );
}

#[test]
fn what_is_damaged_or_something_else_is_said_to_be_so() {
    let mut workbook = Workbook::new();
    workbook.sheet("Lista", &[vec![Value::Text("SKU")], vec![Value::Text("A")]]);
    let bytes = workbook.bytes();
    assert!(matches!(
        read(&bytes[..bytes.len() / 2]),
        Err(FileError::Damaged { .. })
    ));
    let document = raw_archive(&[entry("word/document.xml", b"<w/>")]);
    assert!(matches!(read(&document), Err(FileError::Unsupported { .. })));
    let broken = raw_archive(&[entry("xl/workbook.xml", b"<workbook><sheets><sheet")]);
    assert!(
        matches!(read(&broken), Err(FileError::Damaged { .. })),
        "{:?}",
        read(&broken)
    );
    let only_headings = b"sku,nombre\n";
    assert_eq!(read(only_headings), Err(FileError::Empty {}));
}

#[test]
fn a_workbook_of_too_many_rows_is_refused() {
    let mut rows = String::from(r#"<row><c t="inlineStr"><is><t>SKU</t></is></c></row>"#);
    for number in 0..MAX_ROWS + 31 {
        rows.push_str(&format!("<row><c><v>{number}</v></c></row>"));
    }
    let mut workbook = Workbook::new();
    workbook.raw_sheet("Lista", &rows);
    let refused = read(&workbook.bytes());
    assert!(
        matches!(&refused, Err(FileError::TooLarge { what, .. }) if what == "rows"),
        "{refused:?}"
    );
}

#[test]
fn no_beginning_of_a_file_makes_the_reader_fall_over() {
    let mut workbook = Workbook::new();
    workbook.sheet("Lista", &[vec![Value::Text("SKU")], vec![Value::Text("A")]]);
    let bytes = workbook.bytes();
    for end in (0..bytes.len()).step_by(7) {
        let _ = read(&bytes[..end]);
    }
    for place in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x55;
        if let Ok(table) = read(&changed) {
            let _ = interpret(&table, money("HNL"));
        }
    }
}

#[test]
fn a_row_that_cannot_be_imported_keeps_its_code() {
    let file = understood(b"sku,nombre,precio\nB-1,x,abc\n,,5\n");
    assert_eq!(file.rows[0].sku.as_ref().unwrap().as_str(), "B-1");
    assert!(file.rows[0].record.is_none());
    assert_eq!(file.rows[1].sku, None);
}

#[test]
fn amounts_in_another_currency_are_refused_and_ones_own_are_read() {
    let text = "sku,precio,cantidad\nA,$ 12.00 USD,1\nB,€5,1\nC,$ 12.00,1\nD,L 12.00,1\nE,HNL 12.00,1\n";
    let file = understood(text.as_bytes());
    for row in &file.rows[..2] {
        assert_eq!(row.warnings[0].code, WarningCode::CurrencyOther, "{row:?}");
        assert!(row.record.is_none() && row.sku.is_some());
    }
    for row in &file.rows[2..] {
        assert_eq!(row.record.as_ref().unwrap().price_minor.unwrap().get(), 1_200);
    }
    let heading = understood(b"sku,Precio (USD),Costo (L)\nA,12,3\n");
    assert_eq!(heading.rows[0].warnings[0].code, WarningCode::CurrencyOther);
}

#[test]
fn figures_that_are_not_one_number_are_refused() {
    let text = "sku,precio,cantidad\nA,12 50,1\nB,1 2,1\nC,1 0000,1\nD,1,2 5\nE,1 250,1 000\n";
    let file = understood(text.as_bytes());
    let codes: Vec<_> = file.rows[..4].iter().map(|row| row.warnings[0].code).collect();
    let price = WarningCode::PriceInvalid;
    assert_eq!(codes, [price, price, price, WarningCode::QuantityInvalid]);
    let record = file.rows[4].record.as_ref().unwrap();
    assert_eq!(
        (record.price_minor.unwrap().get(), record.quantity),
        (125_000, Some(1_000))
    );
}

#[test]
fn sheets_that_are_left_out_are_named_if_they_hold_anything() {
    let mut workbook = Workbook::new();
    let row = |sku: &'static str| vec![Value::Text(sku), Value::Text("Nombre")];
    workbook.sheet("Portada", &[vec![Value::Text("Enero")]]);
    workbook.sheet("Hoja1", &[row("SKU"), row("A")]);
    workbook.sheet("Hoja2", &[row("SKU"), row("B")]);
    workbook.sheet("Hoja3", &[vec![Value::Text(" ")]]);
    let file = understood(&workbook.bytes());
    assert_eq!(file.warnings[0].code, WarningCode::SheetsLeftOut);
    assert_eq!(file.warnings[0].value.as_deref(), Some("Portada, Hoja2"));
    let mut alone = Workbook::new();
    alone.sheet("Hoja1", &[row("SKU"), row("A")]);
    alone.sheet("Hoja2", &[]);
    assert!(understood(&alone.bytes()).warnings.is_empty());
}
