//! What a read model is made of: a row with its key, and a pure fold. One column list makes the table, the bulk load
//! and the bulk upsert.
//!
//! Not here: when folds run (`runner`) and what they say (`models`).

use std::fmt::Debug;
use std::hash::Hash;

use schemas::Minor;
use serde::Serialize;
use sqlx::Postgres;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::copy::CopyRows;
use crate::fact::Fact;

/// A column of a read model's table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    /// Its type in Postgres.
    pub sql: &'static str,
    pub nullable: bool,
}

/// A Rust type that a column may have. Documents are kept as `text`: nothing in the database looks inside.
pub trait ColumnValue {
    const SQL: &'static str;
    const NULLABLE: bool = false;
    /// What is bound, without copying text.
    type Bound<'a>
    where
        Self: 'a;

    fn bound(&self) -> Self::Bound<'_>;

    /// Appends the value as a field of a binary `COPY`.
    fn copy(&self, out: &mut CopyRows);
}

impl ColumnValue for String {
    const SQL: &'static str = "text";
    type Bound<'a> = &'a str;

    fn bound(&self) -> &str {
        self
    }

    fn copy(&self, out: &mut CopyRows) {
        out.field(self.as_bytes());
    }
}

macro_rules! copied_column {
    ($($rust:ty => $sql:literal, $copy:expr);+ $(;)?) => {$(
        impl ColumnValue for $rust {
            const SQL: &'static str = $sql;
            type Bound<'a> = $rust;

            fn bound(&self) -> $rust {
                *self
            }

            fn copy(&self, out: &mut CopyRows) {
                let copy: fn(&mut CopyRows, $rust) = $copy;
                copy(out, *self);
            }
        }
    )+};
}
copied_column! {
    i64 => "bigint", |out, value| out.field(&value.to_be_bytes());
    bool => "boolean", |out, value| out.field(&[u8::from(value)]);
    OffsetDateTime => "timestamptz", |out, value| out.time(value);
    Uuid => "uuid", |out, value| out.field(value.as_bytes());
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const SQL: &'static str = T::SQL;
    const NULLABLE: bool = true;
    type Bound<'a>
        = Option<T::Bound<'a>>
    where
        T: 'a;

    fn bound(&self) -> Option<T::Bound<'_>> {
        self.as_ref().map(T::bound)
    }

    fn copy(&self, out: &mut CopyRows) {
        match self {
            Some(value) => value.copy(out),
            None => out.null(),
        }
    }
}

/// A row of a read model's table; written by [`read_model_row!`](crate::read_model_row).
pub trait Row: Clone + Debug + Send + Sync + Sized + 'static {
    /// The primary key; its first column is the tenant.
    type Key: Clone + Debug + Eq + Hash + Ord + Serialize + Send + Sync + 'static;
    /// The key's columns first.
    const COLUMNS: &'static [Column];
    const KEY_COLUMNS: usize;

    fn key(&self) -> Self::Key;
    /// Binds one array per column, in the order of `COLUMNS`.
    ///
    /// # Errors
    /// When the arrays are too long for the protocol.
    fn bind(arguments: &mut PgArguments, rows: &[&Self]) -> Result<(), BoxDynError>;
    /// Binds one array per key column.
    ///
    /// # Errors
    /// As `bind`.
    fn bind_keys(arguments: &mut PgArguments, keys: &[&Self::Key]) -> Result<(), BoxDynError>;
    /// Appends all columns, in the order of `COLUMNS`.
    fn copy(&self, out: &mut CopyRows);
    /// Reads a row that was selected with the columns in order.
    ///
    /// # Errors
    /// When a column does not have its type.
    fn read(row: &PgRow) -> Result<Self, sqlx::Error>;
}

/// A read model: its rows are a pure function of the log.
pub trait ReadModel: Row {
    /// The table is `rm_<name>`.
    const NAME: &'static str;
    /// Goes up whenever the columns or the fold change their meaning.
    const VERSION: i32;
    /// `create index` statements, if any.
    const INDEXES: &'static str = "";
    /// Whether each key is written once only (it holds the position), so that nothing needs loading.
    const APPEND_ONLY: bool = false;
    /// Whether rows are kept in memory after a batch, since others will touch them soon. Rows that are as good as finished
    /// when they are opened cost memory and copying there; whatever touches them later reads them from the table.
    const IS_CACHED: bool = !Self::APPEND_ONLY;
    /// Columns that a comparison of two groups leaves out. None, as long as a row is a function of the log alone.
    const NOT_COMPARED: &'static [&'static str] = &[];

    /// The rows that an event touches. Repeated keys count once.
    fn keys(fact: &Fact) -> Vec<Self::Key>;

    /// Whether an event is the first of every row that it touches, so that none of them needs loading.
    fn opens(_fact: &Fact) -> bool {
        Self::APPEND_ONLY
    }

    /// The row after an event that touches it. Takes differences from events, never their totals, so that a checker
    /// can compare the two.
    ///
    /// # Errors
    /// When the event cannot belong to this row; the row then freezes as it was before the event.
    fn fold(row: Option<Self>, key: &Self::Key, fact: &Fact) -> Result<Self, FoldError>;
}

/// Why an event cannot be folded into a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error("{0} leaves the range of its column")]
    OutOfRange(&'static str),
    #[error("{event_type} came before the event that opens the row")]
    MissingRow { event_type: String },
    #[error("{event_type} does not belong to this row")]
    ForeignEvent { event_type: String },
    #[error("a document cannot be kept: {0}")]
    Document(String),
}

impl FoldError {
    /// For an event that needs an earlier one.
    pub fn missing_row(fact: &Fact) -> Self {
        Self::MissingRow {
            event_type: fact.event_type.to_string(),
        }
    }

    /// For an event that `keys` should not have named.
    pub fn foreign(fact: &Fact) -> Self {
        Self::ForeignEvent {
            event_type: fact.event_type.to_string(),
        }
    }
}

/// `to += amount`, refusing to wrap.
///
/// # Errors
/// [`FoldError::OutOfRange`] with the column's name.
pub fn add(to: &mut i64, amount: i64, column: &'static str) -> Result<(), FoldError> {
    *to = to.checked_add(amount).ok_or(FoldError::OutOfRange(column))?;
    Ok(())
}

/// Adds an amount where the event says one: earlier versions of it may not.
///
/// # Errors
/// [`FoldError::OutOfRange`] with the column's name.
pub fn add_said(to: &mut i64, amount: Option<Minor>, column: &'static str) -> Result<(), FoldError> {
    add(to, amount.map_or(0, Minor::get), column)
}

/// A document as the text that a column keeps.
///
/// # Errors
/// Never for the payloads of `schemas`.
pub fn document(value: &impl Serialize) -> Result<String, FoldError> {
    serde_json::to_string(value).map_err(|error| FoldError::Document(error.to_string()))
}

/// Takes columns one after the other.
#[derive(Debug)]
pub struct ColumnReader<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> ColumnReader<'r> {
    pub fn new(row: &'r PgRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    ///
    /// # Errors
    /// When it does not have the type asked for.
    pub fn take<T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>>(&mut self) -> Result<T, sqlx::Error> {
        let value = sqlx::Row::try_get(self.row, self.next);
        self.next += 1;
        value
    }
}

/// Declares a read model's row and key from one list of columns, with all that binds and reads them.
#[macro_export]
macro_rules! read_model_row {
    ($(#[$doc:meta])* $row:ident, $key:ident {
        key { $($(#[$key_doc:meta])* $k:ident: $key_type:ty),+ $(,)? }
        $($(#[$column_doc:meta])* $c:ident: $column_type:ty),* $(,)?
    }) => {
        #[doc = concat!("Names one [`", stringify!($row), "`].")]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub struct $key { $(pub $k: $key_type),+ }

        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $row {
            $($(#[$key_doc])* pub $k: $key_type,)+
            $($(#[$column_doc])* pub $c: $column_type,)*
        }

        impl $crate::row::Row for $row {
            type Key = $key;
            const COLUMNS: &'static [$crate::row::Column] = &[
                $($crate::row::Column {
                    name: stringify!($k),
                    sql: <$key_type as $crate::row::ColumnValue>::SQL,
                    nullable: <$key_type as $crate::row::ColumnValue>::NULLABLE,
                },)+
                $($crate::row::Column {
                    name: stringify!($c),
                    sql: <$column_type as $crate::row::ColumnValue>::SQL,
                    nullable: <$column_type as $crate::row::ColumnValue>::NULLABLE,
                },)*
            ];
            const KEY_COLUMNS: usize = [$(stringify!($k)),+].len();

            fn key(&self) -> $key {
                $key { $($k: self.$k.clone()),+ }
            }

            fn bind(
                arguments: &mut sqlx::postgres::PgArguments,
                rows: &[&Self],
            ) -> Result<(), sqlx::error::BoxDynError> {
                use sqlx::Arguments;
                use $crate::row::ColumnValue;
                $(arguments.add(rows.iter().map(|row| row.$k.bound()).collect::<Vec<_>>())?;)+
                $(arguments.add(rows.iter().map(|row| row.$c.bound()).collect::<Vec<_>>())?;)*
                Ok(())
            }

            fn bind_keys(
                arguments: &mut sqlx::postgres::PgArguments,
                keys: &[&$key],
            ) -> Result<(), sqlx::error::BoxDynError> {
                use sqlx::Arguments;
                use $crate::row::ColumnValue;
                $(arguments.add(keys.iter().map(|key| key.$k.bound()).collect::<Vec<_>>())?;)+
                Ok(())
            }

            fn copy(&self, out: &mut $crate::copy::CopyRows) {
                use $crate::row::ColumnValue;
                $(self.$k.copy(out);)+
                $(self.$c.copy(out);)*
            }

            fn read(row: &sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                let mut columns = $crate::row::ColumnReader::new(row);
                Ok(Self { $($k: columns.take()?,)+ $($c: columns.take()?,)* })
            }
        }
    };
}
