//! One command's unit of work: reads through a view, keeps what it decides, and sees its own changes.
//!
//! Two lines of one article in one sale must see each other; that is why a decision never reads the view directly.

use std::collections::HashMap;

use schemas::{Event, StreamName};

use crate::command::Decide;
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::state::State;

/// What a command may read. The engine's is an overlay over its cache.
pub trait View {
    /// The state of a stream (the initial one when the stream is empty), or `None` when it is not loaded.
    fn state(&self, stream: &StreamName) -> Option<&State>;
}

/// Why a decision stopped before it came to an answer.
#[derive(Debug, PartialEq)]
pub enum Missing {
    /// These streams must be loaded; then the command is decided again from its beginning.
    Streams(Vec<StreamName>),
    /// The command is refused.
    Refused(Refusal),
}

impl From<Refusal> for Missing {
    fn from(refusal: Refusal) -> Self {
        Missing::Refused(refusal)
    }
}

/// What a command decided: events in order, and what is answered once they are durable.
#[derive(Debug)]
pub struct Decision {
    pub events: Vec<(StreamName, Event)>,
    /// The streams' states after these events.
    pub states: HashMap<StreamName, State>,
    /// The answer's fields, without the position, which the log gives.
    pub answer: serde_json::Value,
}

/// Collects a decision. Reading a stream that is not loaded stops the decision with [`Missing::Streams`].
pub struct Work<'a> {
    view: &'a dyn View,
    changed: HashMap<StreamName, State>,
    events: Vec<(StreamName, Event)>,
}

impl<'a> Work<'a> {
    /// Nothing decided yet; all that is read comes from `view`.
    pub fn new(view: &'a dyn View) -> Self {
        Self {
            view,
            changed: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// Asks for all of these at once, so that a command of 675 lines is loaded in one go.
    ///
    /// # Errors
    /// [`Missing::Streams`] names every one that is not loaded.
    pub fn require<'s>(&self, streams: impl IntoIterator<Item = &'s StreamName>) -> Result<(), Missing> {
        let absent: Vec<StreamName> = streams
            .into_iter()
            .filter(|stream| self.read(stream).is_none())
            .cloned()
            .collect();
        if absent.is_empty() {
            Ok(())
        } else {
            Err(Missing::Streams(absent))
        }
    }

    /// A stream's state as this command has left it so far.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded.
    pub fn state(&self, stream: &StreamName) -> Result<&State, Missing> {
        self.read(stream)
            .ok_or_else(|| Missing::Streams(vec![stream.clone()]))
    }

    /// A stream's state for a decision within this one, which must leave nothing behind if it is refused.
    pub(crate) fn view(&self, stream: &StreamName) -> Option<&State> {
        self.read(stream)
    }

    fn read(&self, stream: &StreamName) -> Option<&State> {
        self.changed.get(stream).or_else(|| self.view.state(stream))
    }

    /// Adds an event and moves the stream's state on.
    ///
    /// # Errors
    /// [`Missing::Streams`] when the stream is not loaded: an event needs its stream's version.
    pub fn emit(&mut self, stream: StreamName, event: impl Into<Event>) -> Result<(), Missing> {
        let event = event.into();
        if let Some(state) = self.changed.get_mut(&stream) {
            state.evolve(&event);
        } else {
            let mut state = self.state(&stream)?.clone();
            state.evolve(&event);
            self.changed.insert(stream.clone(), state);
        }
        self.events.push((stream, event));
        Ok(())
    }

    /// Decides one command and then another, which sees what the first one did; both land, or neither. The answer is the
    /// second one's.
    ///
    /// # Errors
    /// What either of them needs or is refused for.
    pub(crate) fn both(
        self,
        first: &impl Decide,
        second: &impl Decide,
        ctx: &Ctx,
    ) -> Result<Decision, Missing> {
        let view = self.view;
        let decided = first.decide(self, ctx)?;
        let work = Work {
            view,
            changed: decided.states,
            events: decided.events,
        };
        second.decide(work, ctx)
    }

    /// The decision as it stands, with what is answered.
    pub fn finish(self, answer: serde_json::Value) -> Decision {
        Decision {
            events: self.events,
            states: self.changed,
            answer,
        }
    }
}
