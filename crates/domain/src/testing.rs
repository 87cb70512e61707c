//! Given/when/then for the rules, and a small shop to try them in.
//!
//! Loads streams only when a decision asks for them, as the engine does, and checks with every decision that its
//! states are the fold of its events and that events and refusals survive being stored. Only for tests.

mod shop;

use std::collections::HashMap;

use schemas::envelope::Actor;
use schemas::events::admin::StockPolicy;
use schemas::{Event, StreamName, TenantId};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) use self::shop::*;
use crate::refusal::Language;
use crate::{Command, Ctx, Decide, Decision, Missing, Refusal, State, View, Work, admin};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-22 18:00 UTC);
pub(crate) const IMEI: &str = "imei:490154203237518";
pub(crate) const SERIAL: &str = "serial:SN-1";

/// A log in memory, and who acts when.
#[derive(Clone)]
pub(crate) struct Given {
    log: Vec<(StreamName, Event)>,
    states: HashMap<StreamName, State>,
    pub ctx: Ctx,
    commands: u128,
}

/// What a command came to.
pub(crate) struct Outcome {
    pub given: Given,
    pub result: Result<Decision, Refusal>,
}

struct Loaded<'a>(&'a HashMap<StreamName, State>);

impl View for Loaded<'_> {
    fn state(&self, stream: &StreamName) -> Option<&State> {
        self.0.get(stream)
    }
}

/// A log that holds these events.
pub(crate) fn given(events: impl IntoIterator<Item = (StreamName, Event)>) -> Given {
    let ctx = Ctx {
        tenant: TenantId::new("tienda").unwrap(),
        actor: Actor::User {
            username: "marta".to_owned(),
            role: "admin".to_owned(),
        },
        now: NOW,
        seed: Uuid::from_u128(1),
    };
    let mut given = Given {
        log: Vec::new(),
        states: HashMap::new(),
        ctx,
        commands: 1,
    };
    for (stream, event) in events {
        given.append(stream, event);
    }
    given
}

impl Given {
    fn append(&mut self, stream: StreamName, event: Event) {
        let state = self
            .states
            .entry(stream.clone())
            .or_insert_with(|| State::initial(&stream));
        state.evolve(&event);
        self.log.push((stream, event));
    }

    /// Events that a part of a command decided, without the command.
    pub fn append_all(mut self, events: Vec<(StreamName, Event)>) -> Given {
        for (stream, event) in events {
            self.append(stream, event);
        }
        self
    }

    pub fn state(&self, stream: &StreamName) -> State {
        self.states
            .get(stream)
            .cloned()
            .unwrap_or_else(|| State::initial(stream))
    }

    /// Later, by the engine's clock.
    pub fn at(mut self, now: OffsetDateTime) -> Given {
        self.ctx.now = now;
        self
    }

    /// The streams that hold anything.
    pub fn streams(&self) -> impl Iterator<Item = &StreamName> {
        self.states.keys()
    }

    /// All events so far, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.log.iter().map(|(_, event)| event)
    }

    pub fn policy(self, stock_policy: StockPolicy) -> Given {
        self.and(admin::SetStockPolicy { stock_policy })
    }

    /// Decides as the engine does: whatever is missing is loaded, and the command is asked again.
    #[track_caller]
    pub fn when(mut self, command: impl Into<Command>) -> Outcome {
        let command: Command = command.into();
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(
            serde_json::from_str::<Command>(&text).unwrap(),
            command,
            "a command survives the inbox"
        );
        self.commands += 1;
        self.ctx.seed = Uuid::from_u128(self.commands);
        let mut loaded = HashMap::new();
        for _ in 0..8 {
            match command.decide(Work::new(&Loaded(&loaded)), &self.ctx) {
                Ok(decision) => {
                    self.check(&decision, &loaded);
                    for (stream, event) in &decision.events {
                        self.append(stream.clone(), event.clone());
                    }
                    return Outcome {
                        given: self,
                        result: Ok(decision),
                    };
                }
                Err(Missing::Refused(refusal)) => {
                    check_refusal(&refusal);
                    return Outcome {
                        given: self,
                        result: Err(refusal),
                    };
                }
                Err(Missing::Streams(streams)) => {
                    assert!(!streams.is_empty(), "asks for nothing");
                    for stream in streams {
                        let state = self.state(&stream);
                        assert!(
                            loaded.insert(stream.clone(), state).is_none(),
                            "asks twice for {stream}"
                        );
                    }
                    assert!(loaded.len() <= crate::bounds::MAX_STREAMS);
                }
            }
        }
        panic!("{} still asks for more streams after 8 rounds", command.name());
    }

    /// A step on the way that must succeed.
    #[track_caller]
    pub fn and(self, command: impl Into<Command>) -> Given {
        let outcome = self.when(command);
        assert!(outcome.result.is_ok(), "refused: {:?}", outcome.result.err());
        outcome.given
    }

    #[track_caller]
    fn check(&self, decision: &Decision, loaded: &HashMap<StreamName, State>) {
        let mut states: HashMap<StreamName, State> = HashMap::new();
        for (stream, event) in &decision.events {
            assert!(
                loaded.contains_key(stream),
                "an event for {stream}, which was not loaded"
            );
            let bytes = event.encode().unwrap();
            let read = Event::decode(event.event_type(), event.schema_version(), bytes.get()).unwrap();
            assert_eq!(read, *event, "an event survives the log");
            states
                .entry(stream.clone())
                .or_insert_with(|| self.state(stream))
                .evolve(event);
        }
        assert_eq!(states, decision.states, "the states are the fold of the events");
        for state in states.values() {
            let text = serde_json::to_string(state).unwrap();
            assert_eq!(
                serde_json::from_str::<State>(&text).unwrap(),
                *state,
                "a state survives a snapshot"
            );
            assert!(state.weight() > 0);
        }
    }
}

fn check_refusal(refusal: &Refusal) {
    let stored = serde_json::to_string(refusal).unwrap();
    assert_eq!(
        serde_json::from_str::<Refusal>(&stored).unwrap(),
        *refusal,
        "a refusal survives the inbox"
    );
    assert!(stored.contains(&format!("\"code\":\"{}\"", refusal.code())));
    for language in [Language::Spanish, Language::English] {
        assert!(refusal.text(language).ends_with('.'));
    }
    assert!(refusal.pointer().is_none_or(|pointer| pointer.starts_with('/')));
}

impl Outcome {
    #[track_caller]
    pub fn decision(&self) -> &Decision {
        self.result
            .as_ref()
            .unwrap_or_else(|refusal| panic!("refused: {refusal:?}"))
    }

    #[track_caller]
    pub fn then_events(self, expected: impl IntoIterator<Item = (StreamName, Event)>) -> Given {
        assert_eq!(self.decision().events, expected.into_iter().collect::<Vec<_>>());
        self.given
    }

    /// The types of the events, in order.
    #[track_caller]
    pub fn then<const N: usize>(self, expected: [&str; N]) -> Given {
        let types: Vec<&str> = self
            .decision()
            .events
            .iter()
            .map(|(_, event)| event.event_type())
            .collect();
        assert_eq!(types, expected);
        self.given
    }

    #[track_caller]
    pub fn then_nothing(self) -> Given {
        self.then([])
    }

    #[track_caller]
    pub fn then_answer(self, expected: Value) -> Given {
        assert_eq!(self.decision().answer, expected);
        self.given
    }

    /// Refused with this code; gives the refusal's pointer.
    #[track_caller]
    pub fn then_refused(self, code: &str) -> Option<String> {
        match self.result {
            Err(refusal) => {
                assert_eq!(refusal.code(), code, "{refusal}");
                refusal.pointer()
            }
            Ok(decision) => panic!("not refused with {code}, but decided {:?}", decision.events),
        }
    }
}
