//! Rows in the binary form of `COPY`, the quickest way into a table: arrays, which Postgres takes apart again, cost it
//! twice as much.
//!
//! Not here: what is copied, and when a statement with arrays does as well (`projection`).

use sqlx::PgConnection;
use time::OffsetDateTime;

/// The form's signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In place of a row's number of fields.
const END: [u8; 2] = (-1_i16).to_be_bytes();
/// In place of a field's length.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// Postgres counts microseconds from here.
const EPOCH: OffsetDateTime = time::macros::datetime!(2000-01-01 00:00 UTC);

/// Rows on their way.
#[derive(Debug, Default)]
pub struct CopyRows {
    bytes: Vec<u8>,
}

impl CopyRows {
    /// Room for some rows of usual length.
    pub fn with_rows(rows: usize, columns: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER.len() + rows * columns * 24);
        bytes.extend_from_slice(HEADER);
        Self { bytes }
    }

    /// Begins a row of so many fields.
    pub fn row(&mut self, fields: usize) {
        let fields = i16::try_from(fields).unwrap_or(i16::MAX);
        self.bytes.extend_from_slice(&fields.to_be_bytes());
    }

    /// A field that is there. One that is too long for the form is refused by Postgres.
    pub fn field(&mut self, value: &[u8]) {
        let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// A moment, to the microsecond.
    pub fn time(&mut self, value: OffsetDateTime) {
        // The years that the type has fit many times over.
        let micros = i64::try_from((value - EPOCH).whole_microseconds()).unwrap_or(i64::MAX);
        self.field(&micros.to_be_bytes());
    }

    /// A field that is absent.
    pub fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL);
    }

    /// Sends the rows.
    ///
    /// # Errors
    /// Any SQL error; then none of the rows is there.
    pub async fn send(mut self, connection: &mut PgConnection, statement: &str) -> Result<u64, sqlx::Error> {
        self.bytes.extend_from_slice(&END);
        let mut copy = connection.copy_in_raw(statement).await?;
        copy.send(self.bytes).await?;
        copy.finish().await
    }
}
