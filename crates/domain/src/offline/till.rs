//! How far a till has come with the sales that it took offline. Stream `till/<terminal>`.

use std::collections::BTreeMap;

use schemas::events::offline::OfflineEvent;
use schemas::{Incarnation, TerminalId};
use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// The counts of one till. Default: it never sent anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Till {
    /// The last number of each incarnation.
    pub last: BTreeMap<Incarnation, i64>,
}

impl Till {
    pub(crate) fn evolve(&mut self, event: &OfflineEvent) {
        if let OfflineEvent::Recorded(recorded) = event {
            self.last.insert(recorded.incarnation.clone(), recorded.sequence);
        }
    }

    /// The number that comes next.
    pub fn expected(&self, incarnation: &Incarnation) -> i64 {
        self.last
            .get(incarnation)
            .map_or(1, |last| last.saturating_add(1))
    }

    pub(crate) fn weight(&self) -> usize {
        self.last.len() * 96
    }
}

impl Work<'_> {
    /// A till that sent nothing yet has no numbers.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn till(&self, terminal: &TerminalId) -> Result<&Till, Missing> {
        let stream = streams::till(terminal);
        let State::Till(found) = self.state(&stream)? else {
            return Err(Missing::Streams(vec![stream]));
        };
        Ok(found)
    }
}
