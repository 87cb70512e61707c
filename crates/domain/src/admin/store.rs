//! A shop or warehouse: open, or closed until it is opened again. Stream `store/<store>`.
//!
//! Not here: its stock and terminals, which have streams of their own.

use schemas::StoreId;
use schemas::events::admin::AdminEvent;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// A store as the rules know it, from its opening on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    pub name: String,
    /// Whether business is done there; a closed store may be opened again.
    pub open: bool,
}

impl Store {
    pub(crate) fn evolve(slot: &mut Option<Store>, event: &AdminEvent) {
        if let AdminEvent::StoreOpened(opened) = event {
            *slot = Some(Store {
                name: opened.name.clone(),
                open: true,
            });
            return;
        }
        let Some(store) = slot else { return };
        if let AdminEvent::StoreClosed(_) = event {
            store.open = false;
        } else if let AdminEvent::StoreReopened(_) = event {
            store.open = true;
        } else if let AdminEvent::StoreRenamed(renamed) = event {
            store.name.clone_from(&renamed.name);
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.name.len()
    }
}

impl Work<'_> {
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::StoreNotFound`].
    pub fn store(&self, store: &StoreId) -> Result<&Store, Missing> {
        let State::Store(Some(found)) = self.state(&streams::store(store))? else {
            return Err(Refusal::StoreNotFound { store: store.clone() }.into());
        };
        Ok(found)
    }

    /// A store where business is done.
    ///
    /// # Errors
    /// As [`Work::store`], and [`Refusal::StoreClosed`].
    pub fn open_store(&self, store: &StoreId) -> Result<&Store, Missing> {
        let found = self.store(store)?;
        if found.open {
            Ok(found)
        } else {
            Err(Refusal::StoreClosed { store: store.clone() }.into())
        }
    }
}
