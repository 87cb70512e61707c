//! Workbooks made in code, with just the parts that a reader needs; and archives that no program would write.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// One cell.
#[derive(Clone, Copy)]
pub enum Value {
    None,
    /// In the cell itself.
    Text(&'static str),
    /// In the table of shared strings.
    Shared(&'static str),
    Number(&'static str),
    /// A serial date.
    Date(&'static str),
    /// A formula and the result that the file holds.
    Formula(&'static str, Option<&'static str>),
    Error,
}

pub type Entry = (String, Vec<u8>);

pub fn entry(name: &str, content: &[u8]) -> Entry {
    (name.to_owned(), content.to_vec())
}

/// An archive of these parts.
pub fn raw_archive(entries: &[Entry]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook in the making.
#[derive(Default)]
pub struct Workbook {
    sheets: Vec<(String, String)>,
    shared: Vec<&'static str>,
}

impl Workbook {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn sheet(&mut self, name: &str, rows: &[Vec<Value>]) {
        let mut xml = String::new();
        for (row, cells) in rows.iter().enumerate() {
            xml.push_str(&format!("<row r=\"{}\">", row + 1));
            for (column, value) in cells.iter().enumerate() {
                let place = format!("{}{}", char::from(b'A' + u8::try_from(column).unwrap()), row + 1);
                xml.push_str(&self.cell(&place, *value));
            }
            xml.push_str("</row>");
        }
        self.raw_sheet(name, &xml);
    }

    /// Rows as XML.
    pub fn raw_sheet(&mut self, name: &str, rows: &str) {
        self.sheets.push((name.to_owned(), rows.to_owned()));
    }

    fn cell(&mut self, place: &str, value: Value) -> String {
        match value {
            Value::None => String::new(),
            Value::Text(text) => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"),
            Value::Shared(text) => {
                self.shared.push(text);
                format!("<c r=\"{place}\" t=\"s\"><v>{}</v></c>", self.shared.len() - 1)
            }
            Value::Number(number) => format!("<c r=\"{place}\"><v>{number}</v></c>"),
            Value::Date(serial) => format!("<c r=\"{place}\" s=\"1\"><v>{serial}</v></c>"),
            Value::Formula(formula, Some(result)) => {
                format!("<c r=\"{place}\"><f>{formula}</f><v>{result}</v></c>")
            }
            Value::Formula(formula, None) => format!("<c r=\"{place}\"><f>{formula}</f></c>"),
            Value::Error => format!("<c r=\"{place}\" t=\"e\"><v>#N/A</v></c>"),
        }
    }

    fn parts(&self) -> Vec<Entry> {
        const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
        let (mut sheets, mut relations, mut parts) = (String::new(), String::new(), Vec::new());
        for (index, (name, rows)) in self.sheets.iter().enumerate() {
            let number = index + 1;
            sheets.push_str(&format!(
                "<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>"
            ));
            relations.push_str(&format!(
                "<Relationship Id=\"rId{number}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
            ));
            let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
            parts.push(entry(
                &format!("xl/worksheets/sheet{number}.xml"),
                sheet.as_bytes(),
            ));
        }
        let workbook =
            format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{sheets}</sheets></workbook>");
        parts.push(entry("xl/workbook.xml", workbook.as_bytes()));
        let relations = format!("<Relationships xmlns=\"{PACKAGE}\">{relations}</Relationships>");
        parts.push(entry("xl/_rels/workbook.xml.rels", relations.as_bytes()));
        let styles = format!(
            "<styleSheet xmlns=\"{MAIN}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
        );
        parts.push(entry("xl/styles.xml", styles.as_bytes()));
        let strings: String = self
            .shared
            .iter()
            .map(|text| format!("<si><t>{text}</t></si>"))
            .collect();
        let strings = format!("<sst xmlns=\"{MAIN}\">{strings}</sst>");
        parts.push(entry("xl/sharedStrings.xml", strings.as_bytes()));
        let root = format!(
            "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" \
             Target=\"xl/workbook.xml\"/></Relationships>"
        );
        parts.push(entry("_rels/.rels", root.as_bytes()));
        parts
    }

    pub fn bytes(&self) -> Vec<u8> {
        raw_archive(&self.parts())
    }

    /// With one part more.
    pub fn with_part(&self, name: &str, content: &[u8]) -> Vec<u8> {
        let mut parts = self.parts();
        parts.push(entry(name, content));
        raw_archive(&parts)
    }
}
