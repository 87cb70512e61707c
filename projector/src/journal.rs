//! A table of what each fold of another table changed: entries that need the row before and after, as a ledger does.
//!
//! The two tables are two projections, one after the other in the runner's list, so that each is created, compared and
//! frozen like any other. Not here: what a ledger says (`models::stock_costs`).

use std::sync::{Arc, Mutex, PoisonError};

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

/// A journal of a read model.
pub trait Journal: 'static {
    /// Whose folds it keeps.
    type Of: ReadModel;
    /// What it keeps of each: a read model that is append-only and folds nothing by itself.
    type Entry: ReadModel;

    /// Folds as the read model does, and adds what it keeps of it.
    ///
    /// # Errors
    /// As the read model's own fold; then nothing is added.
    fn fold(
        row: Option<Self::Of>,
        key: &<Self::Of as crate::row::Row>::Key,
        fact: &Fact,
        entries: &Source<Self::Entry>,
    ) -> Result<Self::Of, FoldError>;
}

/// Entries on their way from the one table to the other, for one batch.
#[derive(Debug)]
pub struct Source<E>(Arc<Mutex<Vec<E>>>);

impl<E> Clone for Source<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Default for Source<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<E> Source<E> {
    /// Adds an entry.
    pub fn add(&self, entry: E) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// What a batch that did not land has left counts no more.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn take(&self) -> Vec<E> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
