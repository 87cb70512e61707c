//! Price lists, stock counts and device lists as people have them: bytes of CSV or XLSX into typed rows with warnings.
//!
//! Two steps. [`read`] finds the table in a file (type, encoding, separator, sheet, heading row); it is the one that
//! meets hostile bytes, so the product runs it in a child process. [`interpret`] says what the columns mean and turns
//! cells into figures. Both are pure and synchronous. Deliberately absent: files, processes, databases, and what a row
//! would change (that needs the catalogue).

mod archive;
mod barcode;
mod columns;
mod csv_table;
mod encoding;
mod headings;
mod interpret;
pub mod limits;
mod number;
mod record;
mod sniff;
mod table;
mod warning;
mod xlsx;

pub use columns::{Column, Meaning};
pub use headings::Field;
pub use interpret::{Interpreted, Money, Row, interpret};
pub use record::{NamedBy, Record, TaxText};
pub use sniff::{Format, sniff};
pub use table::{Cell, FileError, Layout, SourceRow, Table, in_spanish};
pub use warning::{Severity, Warning, WarningCode};

/// Finds the table in a file's bytes.
///
/// # Errors
/// Why there is none that could be imported: not a known type, beyond a limit, damaged, or without a heading row.
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let table = match sniff(bytes)? {
        Format::Csv => csv_table::read(bytes)?,
        Format::Xlsx => {
            archive::check(bytes)?;
            xlsx::read(bytes)?
        }
    };
    if table.rows.is_empty() {
        return Err(FileError::Empty {});
    }
    Ok(table)
}
