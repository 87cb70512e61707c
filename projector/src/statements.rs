//! The statements of one read model's table, composed once from its column list.
//!
//! Not here: when they run (`projection`).

use std::sync::Arc;

use crate::row::{Column, ReadModel};

/// The statements. Names have no schema: the connection's search path says which group is meant.
pub(crate) struct Statements {
    /// Rows by keys.
    pub load: Arc<str>,
    /// New rows, from arrays.
    pub insert: Arc<str>,
    /// New rows, many of them.
    pub copy: String,
    /// Rows that are there.
    pub update: Arc<str>,
    /// Rows of which nothing is known.
    pub upsert: Arc<str>,
}

impl Statements {
    pub fn of<M: ReadModel>() -> Self {
        let (keys, rest) = M::COLUMNS.split_at(M::KEY_COLUMNS);
        let (table, columns) = (format!("rm_{}", M::NAME), names(M::COLUMNS, ""));
        let key_names = names(keys, "");
        let matches = list(keys, " and ", |key| format!("t.{0} = u.{0}", key.name));
        let insert = format!(
            "insert into {table} ({columns}) select * from unnest({})",
            arrays(M::COLUMNS)
        );
        let assigned = |from: &str| list(rest, ", ", |column| format!("{0} = {from}.{0}", column.name));
        let load = format!(
            "select {} from unnest({}) as u({key_names}) join {table} t on {matches}",
            names(M::COLUMNS, "t."),
            arrays(keys),
        );
        let update = format!(
            "update {table} t set {} from unnest({}) as u({columns}) where {matches}",
            assigned("u"),
            arrays(M::COLUMNS),
        );
        let upsert = format!(
            "{insert} on conflict ({key_names}) do update set {}",
            assigned("excluded")
        );
        Self {
            load: load.into(),
            copy: format!("copy {table} ({columns}) from stdin with (format binary)"),
            update: update.into(),
            upsert: upsert.into(),
            insert: insert.into(),
        }
    }
}

/// The table with its row security. Its key comes with the indexes where nothing is looked up by it meanwhile.
pub(crate) fn table_ddl<M: ReadModel>() -> String {
    let table = format!("rm_{}", M::NAME);
    let columns = list(M::COLUMNS, ", ", |column| {
        // Bytes compare faster than words, and pages keep their order when the system's locales change.
        let collation = if column.sql == "text" {
            " collate \"C\""
        } else {
            ""
        };
        let constraint = if column.nullable { "" } else { " not null" };
        format!("{} {}{collation}{constraint}", column.name, column.sql)
    });
    // Room in each page keeps updates of figures away from the indexes.
    let (key, fill) = if M::APPEND_ONLY {
        (String::new(), 100)
    } else {
        (format!(", {}", primary_key::<M>()), 75)
    };
    format!(
        "create table {table} ({columns}{key}) with (fillfactor = {fill}); {}",
        platform::db::tenant_policy(&table)
    )
}

/// What a bulk load is quicker without.
pub(crate) fn index_ddl<M: ReadModel>() -> String {
    if M::APPEND_ONLY {
        format!(
            "alter table rm_{} add {}; {}",
            M::NAME,
            primary_key::<M>(),
            M::INDEXES
        )
    } else {
        M::INDEXES.to_owned()
    }
}

fn primary_key<M: ReadModel>() -> String {
    format!("primary key ({})", names(&M::COLUMNS[..M::KEY_COLUMNS], ""))
}

fn names(columns: &[Column], prefix: &str) -> String {
    list(columns, ", ", |column| format!("{prefix}{}", column.name))
}

fn arrays(columns: &[Column]) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| format!("${}::{}[]", index + 1, column.sql))
        .collect();
    arrays.join(", ")
}

fn list(columns: &[Column], separator: &str, text: impl Fn(&Column) -> String) -> String {
    columns.iter().map(text).collect::<Vec<_>>().join(separator)
}
