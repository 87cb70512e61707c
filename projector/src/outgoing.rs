//! Rows of one read model on their way to its table, encoded while another model's rows are written.
//!
//! Not here: which rows those are (`projection`), and the statements' text (`statements`).

use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::copy::CopyRows;
use crate::row::ReadModel;

/// From so many rows on `COPY` makes up for its round trips.
const COPY_ROWS_MIN: usize = 50;

/// Encoded rows.
#[derive(Default)]
pub(crate) enum Outgoing {
    #[default]
    Nothing,
    Arrays(PgArguments, usize),
    Copy(CopyRows),
}

impl Outgoing {
    /// New rows, by whichever way is quicker.
    ///
    /// # Errors
    /// When the arrays are too long for the protocol.
    pub fn many<M: ReadModel>(rows: &[&M]) -> Result<Self, sqlx::Error> {
        if rows.len() < COPY_ROWS_MIN {
            return Self::in_arrays(rows);
        }
        let mut copied = CopyRows::with_rows(rows.len(), M::COLUMNS.len());
        for row in rows {
            copied.row(M::COLUMNS.len());
            row.copy(&mut copied);
        }
        Ok(Self::Copy(copied))
    }

    /// One array per column.
    ///
    /// # Errors
    /// As [`Self::many`].
    pub fn in_arrays<M: ReadModel>(rows: &[&M]) -> Result<Self, sqlx::Error> {
        if rows.is_empty() {
            return Ok(Self::Nothing);
        }
        let mut arguments = PgArguments::default();
        M::bind(&mut arguments, rows).map_err(sqlx::Error::Encode)?;
        Ok(Self::Arrays(arguments, rows.len()))
    }
}

/// Returns how many rows were written.
///
/// # Errors
/// Any SQL error.
pub(crate) async fn execute(
    connection: &mut PgConnection,
    statement: &Arc<str>,
    arguments: PgArguments,
) -> Result<usize, sqlx::Error> {
    let done = sqlx::query_with(AssertSqlSafe(Arc::clone(statement)), arguments)
        .execute(connection)
        .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
