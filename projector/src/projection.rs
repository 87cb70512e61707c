//! One read model at work on one batch: load the touched rows, fold in memory, write in bulk.
//!
//! Not here: the transaction, the checkpoint and the order of batches (`runner`), and the SQL (`statements`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::postgres::PgArguments;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::fact::Fact;
use crate::journal::{Journal, Source};
use crate::outgoing::{Outgoing, execute};
use crate::poison::{Freezing, Poison};
use crate::row::{Column, FoldError, ReadModel, Row};
use crate::row_cache::RowCache;
use crate::statements::{Statements, index_ddl, table_ddl};

/// Rows of one model that are kept in memory: at most twice as many, some 10 MiB.
const CACHED_ROWS: usize = 16_384;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// All rows of a model in one statement.
    Bulk,
    /// One by one, each in a savepoint, so that a row which Postgres refuses freezes alone.
    RowByRow,
}

/// A read model behind one type, so that the runner can hold all of them. A batch is loaded, folded and written, in
/// this order; folding needs no database, so it is done while another model's rows are on their way.
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
    fn index_ddl(&self) -> String;

    /// Finds the rows that a batch touches, without those that are frozen, and reads those that are not in memory.
    fn load<'a>(
        &'a mut self,
        connection: &'a mut PgConnection,
        facts: &'a [Fact],
        freezing: &'a Freezing<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>>;

    /// Folds what was loaded. If rows freeze, nothing else has happened: freeze them, load and fold once more, so that
    /// a frozen row keeps what came before its culprit.
    ///
    /// # Errors
    /// When a row cannot be encoded.
    fn fold(&mut self, facts: &[Fact], writing: Writing) -> Result<Vec<Poison>, sqlx::Error>;

    /// Writes what was folded in bulk.
    fn write<'a>(&'a mut self, connection: &'a mut PgConnection) -> BoxFuture<'a, Result<(), sqlx::Error>>;

    /// Writes what was folded from one event row by row; what Postgres refuses freezes.
    fn write_row_by_row<'a>(
        &'a mut self,
        connection: &'a mut PgConnection,
        fact: &'a Fact,
        freezing: &'a mut Freezing<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>>;

    /// Drops what is known of the table: the transaction did not land.
    fn forget(&mut self);
}

/// A read model as the runner's list takes it.
pub fn serving<M: ReadModel>() -> Box<dyn Projection> {
    Box::new(Table::<M>::new())
}

/// A read model whose folds are journalled, and the journal's own table, which must follow it in the runner's list.
pub fn journalled<J: Journal>() -> [Box<dyn Projection>; 2] {
    let source: Source<J::Entry> = Source::default();
    let mut table = Table::<J::Of>::new();
    let entries = source.clone();
    table.fold = Box::new(move |row, key, fact| J::fold(row, key, fact, &entries));
    table.begin = {
        let entries = source.clone();
        Box::new(move || entries.clear())
    };
    let mut journal = Table::<J::Entry>::new();
    journal.source = Some(source);
    [Box::new(table), Box::new(journal)]
}

/// How a table's rows are folded: plainly, or with a journal.
type Fold<M> = Box<dyn Fn(Option<M>, &<M as Row>::Key, &Fact) -> Result<M, FoldError> + Send + Sync>;

/// A read model's table at work.
struct Table<M: ReadModel> {
    statements: Statements,
    cache: RowCache<M::Key, M>,
    batch: Batch<M>,
    /// What `write` sends.
    new: Outgoing,
    known: Outgoing,
    fold: Fold<M>,
    /// Before a batch is folded.
    begin: Box<dyn Fn() + Send + Sync>,
    /// Of a journal: its rows come from another table's folds.
    source: Option<Source<M>>,
}

/// The rows that a batch touches.
struct Batch<M: ReadModel> {
    /// Each touched row's key.
    keys: Vec<M::Key>,
    /// Each row, in the order of `keys`; before the batch, then after it.
    rows: Vec<Option<M>>,
    /// Whether the table holds the row.
    is_known: Vec<bool>,
    /// Which event touches which row.
    touches: Vec<(usize, usize)>,
}

impl<M: ReadModel> Default for Batch<M> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            rows: Vec::new(),
            is_known: Vec::new(),
            touches: Vec::new(),
        }
    }
}

impl<M: ReadModel> Batch<M> {
    /// Rows that are there already, all of them new.
    fn of(rows: Vec<M>) -> Self {
        Self {
            keys: rows.iter().map(Row::key).collect(),
            is_known: vec![false; rows.len()],
            rows: rows.into_iter().map(Some).collect(),
            touches: Vec::new(),
        }
    }
}

impl<M: ReadModel> Table<M> {
    fn new() -> Self {
        Self {
            statements: Statements::of::<M>(),
            cache: RowCache::new(if M::IS_CACHED { CACHED_ROWS } else { 0 }),
            batch: Batch::default(),
            new: Outgoing::Nothing,
            known: Outgoing::Nothing,
            fold: Box::new(M::fold),
            begin: Box::new(|| {}),
            source: None,
        }
    }

    /// The rows that the batch touches, without those that are frozen; returns which of them are not to be loaded.
    fn touch(&mut self, facts: &[Fact], freezing: &Freezing<'_>) -> Vec<bool> {
        let mut batch = Batch::default();
        let (mut slots, mut is_opened) = (HashMap::<M::Key, usize>::new(), Vec::new());
        for (index, fact) in facts.iter().enumerate() {
            let mut keys = M::keys(fact);
            if keys.is_empty() {
                continue;
            }
            if keys.len() > 1 {
                keys.sort_unstable();
                keys.dedup();
            }
            if !M::APPEND_ONLY && slots.is_empty() {
                slots.reserve(facts.len() - index);
            }
            let opens = M::opens(fact);
            for key in keys {
                if freezing.is_frozen(M::NAME, &key, fact.position) {
                    continue;
                }
                let next = is_opened.len();
                let slot = if M::APPEND_ONLY {
                    batch.keys.push(key);
                    next
                } else {
                    *slots.entry(key).or_insert(next)
                };
                if slot == next {
                    is_opened.push(opens);
                }
                batch.touches.push((index, slot));
            }
        }
        if !M::APPEND_ONLY {
            let mut by_slot: Vec<(M::Key, usize)> = slots.into_iter().collect();
            by_slot.sort_unstable_by_key(|(_, slot)| *slot);
            batch.keys = by_slot.into_iter().map(|(key, _)| key).collect();
        }
        batch.rows = batch.keys.iter().map(|_| None).collect();
        self.batch = batch;
        is_opened
    }

    /// Fills in the rows before the batch, from memory or else from the table.
    async fn read(&mut self, connection: &mut PgConnection, is_opened: &[bool]) -> Result<(), sqlx::Error> {
        let Batch {
            keys, rows, is_known, ..
        } = &mut self.batch;
        let mut missing = Vec::new();
        if !M::APPEND_ONLY {
            for (slot, key) in keys.iter().enumerate() {
                if M::IS_CACHED {
                    rows[slot] = self.cache.take(key);
                }
                if rows[slot].is_none() && !is_opened[slot] {
                    missing.push(slot);
                }
            }
        }
        if !missing.is_empty() {
            let mut arguments = PgArguments::default();
            let wanted: Vec<&M::Key> = missing.iter().map(|slot| &keys[*slot]).collect();
            M::bind_keys(&mut arguments, &wanted).map_err(sqlx::Error::Encode)?;
            let load = AssertSqlSafe(Arc::clone(&self.statements.load));
            let stored = sqlx::query_with(load, arguments).fetch_all(connection).await?;
            let mut found = HashMap::with_capacity(stored.len());
            for row in &stored {
                let row = M::read(row)?;
                found.insert(row.key(), row);
            }
            for slot in missing {
                rows[slot] = found.remove(&keys[slot]);
            }
        }
        *is_known = rows.iter().map(Option::is_some).collect();
        Ok(())
    }

    /// Folds the touches in order. Keys do not depend on each other, so all that fail are found in one pass.
    fn fold_touches(&mut self, facts: &[Fact]) -> Vec<Poison> {
        (self.begin)();
        if let Some(source) = &self.source {
            self.batch = Batch::of(source.take());
            return Vec::new();
        }
        let Batch {
            keys, rows, touches, ..
        } = &mut self.batch;
        let (mut failures, mut failed_slots) = (Vec::new(), HashSet::new());
        for (fact, slot) in touches.iter() {
            if !failed_slots.is_empty() && failed_slots.contains(slot) {
                continue;
            }
            let fact = &facts[*fact];
            let folded = (self.fold)(rows[*slot].take(), &keys[*slot], fact);
            match folded {
                Ok(row) => rows[*slot] = Some(row),
                Err(error) => {
                    failed_slots.insert(*slot);
                    failures.push(Poison::new(M::NAME, &keys[*slot], fact, &error));
                }
            }
        }
        failures
    }

    /// Encodes the rows after the batch, and keeps them in memory.
    fn encode(&mut self) -> Result<(), sqlx::Error> {
        let Batch {
            keys, rows, is_known, ..
        } = std::mem::take(&mut self.batch);
        let (mut new, mut known) = (Vec::new(), Vec::new());
        for (row, is_known) in rows.iter().zip(&is_known) {
            let side = if *is_known { &mut known } else { &mut new };
            side.extend(row);
        }
        self.new = Outgoing::many(&new)?;
        self.known = Outgoing::in_arrays(&known)?;
        if M::IS_CACHED {
            for (key, row) in keys.into_iter().zip(rows) {
                if let Some(row) = row {
                    self.cache.put(key, row);
                }
            }
        }
        Ok(())
    }

    async fn write_bulk(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        match std::mem::take(&mut self.new) {
            Outgoing::Nothing => {}
            Outgoing::Copy(rows) => {
                rows.send(connection, &self.statements.copy).await?;
            }
            Outgoing::Arrays(arguments, _) => {
                execute(connection, &self.statements.insert, arguments).await?;
            }
        }
        if let Outgoing::Arrays(arguments, rows) = std::mem::take(&mut self.known) {
            let written = execute(connection, &self.statements.update, arguments).await?;
            // The checkpoint's lock is ours, so somebody has deleted rows by hand. A new attempt reads the table.
            if written != rows {
                return Err(sqlx::Error::RowNotFound);
            }
        }
        Ok(())
    }

    async fn write_each(
        &mut self,
        connection: &mut PgConnection,
        fact: &Fact,
        freezing: &mut Freezing<'_>,
    ) -> Result<(), sqlx::Error> {
        let statement = if M::APPEND_ONLY {
            &self.statements.insert
        } else {
            &self.statements.upsert
        };
        for row in std::mem::take(&mut self.batch).rows.into_iter().flatten() {
            let mut arguments = PgArguments::default();
            M::bind(&mut arguments, &[&row]).map_err(sqlx::Error::Encode)?;
            let mut savepoint = connection.begin().await?;
            match execute(&mut savepoint, statement, arguments).await {
                Ok(_) => savepoint.commit().await?,
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
        table_ddl::<M>()
    }

    fn index_ddl(&self) -> String {
        index_ddl::<M>()
    }

    fn load<'a>(
        &'a mut self,
        connection: &'a mut PgConnection,
        facts: &'a [Fact],
        freezing: &'a Freezing<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move {
            let is_opened = self.touch(facts, freezing);
            self.read(connection, &is_opened).await
        })
    }

    fn fold(&mut self, facts: &[Fact], writing: Writing) -> Result<Vec<Poison>, sqlx::Error> {
        let failures = self.fold_touches(facts);
        if !failures.is_empty() {
            // What was taken out of memory is half folded.
            self.cache.clear();
        } else if writing == Writing::Bulk {
            self.encode()?;
        }
        Ok(failures)
    }

    fn write<'a>(&'a mut self, connection: &'a mut PgConnection) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(self.write_bulk(connection))
    }

    fn write_row_by_row<'a>(
        &'a mut self,
        connection: &'a mut PgConnection,
        fact: &'a Fact,
        freezing: &'a mut Freezing<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(self.write_each(connection, fact, freezing))
    }

    fn forget(&mut self) {
        self.cache.clear();
        self.batch = Batch::default();
        self.new = Outgoing::Nothing;
        self.known = Outgoing::Nothing;
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
