//! The retail file: CSV, plain or gzip, one invoice line per row.

use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Context;
use flate2::read::MultiGzDecoder;
use jiff::civil::DateTime;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::price::Price;

/// Larger files are refused rather than read into memory.
const MAX_BYTES: u64 = 1 << 30;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One invoice line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its row in the file; the header is row 1.
    pub row: u64,
    pub invoice: String,
    pub code: String,
    /// Empty when the file has none.
    pub description: String,
    /// Negative for returns and write-offs.
    pub quantity: i64,
    /// Local time of the shop.
    pub at: DateTime,
    pub price: Price,
    pub customer: Option<String>,
}

/// The whole file.
#[derive(Debug)]
pub struct RetailFile {
    pub lines: Vec<Line>,
    /// Of the file's bytes as they are on the disk, in hex: names the file in idempotency keys.
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    invoice_no: String,
    stock_code: String,
    description: String,
    quantity: i64,
    invoice_date: String,
    unit_price: String,
    #[serde(rename = "CustomerID")]
    customer_id: String,
}

impl RetailFile {
    /// # Errors
    /// When the file cannot be read, or a row is not of the file's columns; the text names the row.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read {}", path.display());
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).with_context(cannot)?;
        file.take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .with_context(cannot)?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let lines = if bytes.starts_with(&GZIP_MAGIC) {
            parse(BufReader::new(MultiGzDecoder::new(&bytes[..]).take(MAX_BYTES)))
        } else {
            parse(&bytes[..])
        };
        Ok(Self {
            lines: lines.with_context(cannot)?,
            sha256,
        })
    }
}

/// Reads rows.
///
/// # Errors
/// At the first row that is not of the file's columns.
pub fn parse(text: impl Read) -> anyhow::Result<Vec<Line>> {
    let mut reader = csv::Reader::from_reader(text);
    let mut lines = Vec::new();
    for (index, row) in reader.deserialize::<Row>().enumerate() {
        let number = u64::try_from(index)? + 2;
        let row = row.with_context(|| format!("row {number}"))?;
        let customer = row.customer_id.trim();
        lines.push(Line {
            row: number,
            invoice: row.invoice_no,
            code: row.stock_code,
            description: row.description.trim().to_owned(),
            quantity: row.quantity,
            at: row
                .invoice_date
                .parse()
                .with_context(|| format!("row {number}: {:?} is no time", row.invoice_date))?,
            price: Price::parse(&row.unit_price).with_context(|| format!("row {number}"))?,
            customer: (!customer.is_empty()).then(|| customer.to_owned()),
        });
    }
    Ok(lines)
}
