//! One read model at work on one batch: load the touched rows, fold in memory, upsert in bulk.
//!
//! Not here: the transaction, the checkpoint and the order of batches (`runner`).

use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::fact::Fact;
use crate::poison::{Freezing, Poison};
use crate::row::{Column, FoldError, ReadModel};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// All rows of a model in one statement.
    Bulk,
    /// One by one, each in a savepoint, so that a row which Postgres refuses freezes alone.
    RowByRow,
}

/// A read model behind one type, so that the runner can hold all of them.
pub trait Projection: Send + Sync {
    fn name(&self) -> &'static str;

    fn version(&self) -> i32;

    /// The key's columns first.
    fn columns(&self) -> &'static [Column];

    fn key_columns(&self) -> usize;

    /// Columns that may differ between two groups at one position.
    fn not_compared(&self) -> &'static [&'static str];

    /// Creates the table and its row security.
    fn ddl(&self) -> String;

    /// Creates the indexes that a bulk load is quicker without.
    fn index_ddl(&self) -> &'static str;

    /// Folds a batch into the table.
    fn apply<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        facts: &'a [Fact],
        freezing: &'a mut Freezing<'_>,
        writing: Writing,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>>;
}

/// A read model as the runner's list takes it.
pub fn serving<M: ReadModel>() -> Box<dyn Projection> {
    Box::new(Table::<M>::new())
}

/// A read model's table and its statements.
struct Table<M> {
    load: Arc<str>,
    insert: Arc<str>,
    upsert: Arc<str>,
    model: PhantomData<fn() -> M>,
}

/// Rows after a batch: those that the table does not hold yet are inserted without a look at conflicts, which costs
/// Postgres a third less.
struct Changed<M> {
    new: Vec<M>,
    known: Vec<M>,
}

/// A fold that failed, with the key that freezes.
struct FoldFailure<K> {
    key: K,
    fact: usize,
    error: FoldError,
}

fn names(columns: &[Column], prefix: &str) -> String {
    columns
        .iter()
        .map(|column| format!("{prefix}{}", column.name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn arrays(columns: &[Column]) -> String {
    columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("${}::{}[]", i + 1, column.sql))
        .collect::<Vec<_>>()
        .join(", ")
}

impl<M: ReadModel> Table<M> {
    fn new() -> Self {
        Self {
            load: Self::load_sql().into(),
            insert: Self::insert_sql().into(),
            upsert: Self::upsert_sql().into(),
            model: PhantomData,
        }
    }

    fn load_sql() -> String {
        let keys = &M::COLUMNS[..M::KEY_COLUMNS];
        let matches = keys
            .iter()
            .map(|key| format!("t.{0} = k.{0}", key.name))
            .collect::<Vec<_>>()
            .join(" and ");
        format!(
            "select {} from unnest({}) as k({}) join rm_{} t on {matches}",
            names(M::COLUMNS, "t."),
            arrays(keys),
            names(keys, ""),
            M::NAME
        )
    }

    fn insert_sql() -> String {
        let columns = names(M::COLUMNS, "");
        format!(
            "insert into rm_{} ({columns}) select * from unnest({})",
            M::NAME,
            arrays(M::COLUMNS)
        )
    }

    fn upsert_sql() -> String {
        let (keys, rest) = M::COLUMNS.split_at(M::KEY_COLUMNS);
        let updates = rest
            .iter()
            .map(|column| format!("{0} = excluded.{0}", column.name))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "{} on conflict ({}) do update set {updates}",
            Self::insert_sql(),
            names(keys, "")
        )
    }

    /// The rows that the batch touches, event by event, without those that are frozen.
    fn touches(facts: &[Fact], freezing: &Freezing<'_>) -> Vec<(usize, M::Key)> {
        let mut touches = Vec::new();
        for (index, fact) in facts.iter().enumerate() {
            let mut keys = M::keys(fact);
            if keys.len() > 1 {
                keys.sort_unstable();
                keys.dedup();
            }
            touches.extend(
                keys.into_iter()
                    .filter(|key| !freezing.is_frozen(M::NAME, key, fact.position))
                    .map(|key| (index, key)),
            );
        }
        touches
    }

    /// Puts every touched key in a slot of its own; returns each touch's slot and each slot's key.
    fn slots(touches: &[(usize, M::Key)]) -> (Vec<usize>, Vec<&M::Key>) {
        let mut by_key = HashMap::<&M::Key, usize>::with_capacity(touches.len());
        let mut keys = Vec::new();
        let slots = touches
            .iter()
            .map(|(_, key)| {
                *by_key.entry(key).or_insert_with(|| {
                    keys.push(key);
                    keys.len() - 1
                })
            })
            .collect();
        (slots, keys)
    }

    async fn load(
        &self,
        connection: &mut PgConnection,
        keys: &[&M::Key],
    ) -> Result<HashMap<M::Key, M>, sqlx::Error> {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&self.load)));
        let rows = M::bind_keys(query, keys).fetch_all(connection).await?;
        rows.iter()
            .map(|row| M::read(row).map(|row| (row.key(), row)))
            .collect()
    }

    /// Folds the touches in order. Keys do not depend on each other, so all that fail are found in one pass.
    fn fold(
        facts: &[Fact],
        touches: &[(usize, M::Key)],
        slot_of: &[usize],
        mut rows: Vec<Option<M>>,
    ) -> Result<Changed<M>, Vec<FoldFailure<M::Key>>> {
        let is_known: Vec<bool> = rows.iter().map(Option::is_some).collect();
        let mut failures = Vec::new();
        let mut failed_slots = HashSet::new();
        for ((fact, key), slot) in touches.iter().zip(slot_of) {
            if failed_slots.contains(slot) {
                continue;
            }
            match M::fold(rows[*slot].take(), key, &facts[*fact]) {
                Ok(row) => rows[*slot] = Some(row),
                Err(error) => {
                    failed_slots.insert(*slot);
                    failures.push(FoldFailure {
                        key: key.clone(),
                        fact: *fact,
                        error,
                    });
                }
            }
        }
        if !failures.is_empty() {
            return Err(failures);
        }
        let mut changed = Changed {
            new: Vec::new(),
            known: Vec::new(),
        };
        for (row, is_known) in rows.into_iter().zip(is_known) {
            let rows = if is_known {
                &mut changed.known
            } else {
                &mut changed.new
            };
            rows.extend(row);
        }
        Ok(changed)
    }

    /// The rows after the batch. A fold that fails freezes its key from that event on, and all is folded once more from
    /// what the table holds, so that the frozen row keeps what came before the culprit.
    async fn changed_rows(
        &self,
        connection: &mut PgConnection,
        facts: &[Fact],
        freezing: &mut Freezing<'_>,
    ) -> Result<Changed<M>, sqlx::Error> {
        loop {
            let touches = Self::touches(facts, freezing);
            if touches.is_empty() {
                return Ok(Changed {
                    new: Vec::new(),
                    known: Vec::new(),
                });
            }
            let folded = if M::APPEND_ONLY {
                let slot_of: Vec<usize> = (0..touches.len()).collect();
                let rows = touches.iter().map(|_| None).collect();
                Self::fold(facts, &touches, &slot_of, rows)
            } else {
                let (slot_of, keys) = Self::slots(&touches);
                let mut stored = self.load(connection, &keys).await?;
                let rows = keys.iter().map(|key| stored.remove(*key)).collect();
                Self::fold(facts, &touches, &slot_of, rows)
            };
            match folded {
                Ok(rows) => return Ok(rows),
                Err(failures) => {
                    for failure in failures {
                        let fact = &facts[failure.fact];
                        freezing.freeze(Poison::new(M::NAME, &failure.key, fact, &failure.error));
                    }
                }
            }
        }
    }

    async fn write(
        connection: &mut PgConnection,
        statement: &Arc<str>,
        rows: &[M],
    ) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<&M> = rows.iter().collect();
        M::bind(sqlx::query(AssertSqlSafe(Arc::clone(statement))), &rows)
            .execute(connection)
            .await
            .map(|_| ())
    }

    async fn write_row_by_row(
        &self,
        connection: &mut PgConnection,
        rows: Vec<M>,
        fact: &Fact,
        freezing: &mut Freezing<'_>,
    ) -> Result<(), sqlx::Error> {
        for row in rows {
            let mut savepoint = connection.begin().await?;
            match Self::write(&mut savepoint, &self.upsert, std::slice::from_ref(&row)).await {
                Ok(()) => savepoint.commit().await?,
                Err(error) if is_refused_data(&error) => {
                    savepoint.rollback().await?;
                    freezing.freeze(Poison::new(M::NAME, &row.key(), fact, &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<M: ReadModel> Projection for Table<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn version(&self) -> i32 {
        M::VERSION
    }

    fn columns(&self) -> &'static [Column] {
        M::COLUMNS
    }

    fn key_columns(&self) -> usize {
        M::KEY_COLUMNS
    }

    fn not_compared(&self) -> &'static [&'static str] {
        M::NOT_COMPARED
    }

    fn ddl(&self) -> String {
        let table = format!("rm_{}", M::NAME);
        let columns = M::COLUMNS
            .iter()
            .map(|column| {
                // Bytes compare faster than words, and pages keep their order when the system's locales change.
                let collation = if column.sql == "text" {
                    " collate \"C\""
                } else {
                    ""
                };
                let constraint = if column.nullable { "" } else { " not null" };
                format!("{} {}{collation}{constraint}", column.name, column.sql)
            })
            .collect::<Vec<_>>()
            .join(", ");
        // Room in each page keeps updates of figures away from the indexes.
        let fill = if M::APPEND_ONLY { 100 } else { 75 };
        format!(
            "create table {table} ({columns}, primary key ({})) with (fillfactor = {fill}); {}",
            names(&M::COLUMNS[..M::KEY_COLUMNS], ""),
            platform::db::tenant_policy(&table)
        )
    }

    fn index_ddl(&self) -> &'static str {
        M::INDEXES
    }

    fn apply<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        facts: &'a [Fact],
        freezing: &'a mut Freezing<'_>,
        writing: Writing,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move {
            let Changed { new, known } = self.changed_rows(connection, facts, freezing).await?;
            match (writing, facts) {
                (Writing::RowByRow, [fact]) => {
                    let rows = new.into_iter().chain(known).collect();
                    self.write_row_by_row(connection, rows, fact, freezing).await
                }
                _ => {
                    Self::write(connection, &self.insert, &new).await?;
                    Self::write(connection, &self.upsert, &known).await
                }
            }
        })
    }
}

/// Whether Postgres refused the values themselves (SQLSTATE classes 21, 22, 23 and 54), so that trying the same rows
/// again can never succeed.
pub fn is_refused_data(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| {
        ["21", "22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class))
    })
}
