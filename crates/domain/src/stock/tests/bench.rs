//! Runs the functions that other modules' commands move stock with, without such a command.

use std::collections::HashMap;

use schemas::events::unit::UnitReserved;
use schemas::{Event, Sku, StoreId, StreamName, UnitId};

use super::super::{Stock, Unit};
use crate::testing::{Given, centro, sku};
use crate::{Missing, Refusal, State, View, Work, streams};

/// States of all streams, and the events since.
#[derive(Default)]
pub(super) struct Bench {
    states: HashMap<StreamName, State>,
    pub log: Vec<(StreamName, Event)>,
    pub types: Vec<&'static str>,
}

impl View for Bench {
    fn state(&self, stream: &StreamName) -> Option<&State> {
        self.states.get(stream)
    }
}

impl Bench {
    /// Goes on where a shop stands.
    pub fn of(shop: &Given) -> Self {
        let mut bench = Self::default();
        for stream in shop.streams() {
            bench.states.insert(stream.clone(), shop.state(stream));
        }
        bench
    }

    fn decide<T>(
        &mut self,
        decide: &mut impl FnMut(&mut Work<'_>) -> Result<T, Missing>,
    ) -> Result<T, Refusal> {
        loop {
            let mut work = Work::new(&*self);
            match decide(&mut work) {
                Ok(answer) => {
                    let decision = work.finish(serde_json::Value::Null);
                    self.states.extend(decision.states);
                    self.types
                        .extend(decision.events.iter().map(|(_, event)| event.event_type()));
                    self.log.extend(decision.events);
                    return Ok(answer);
                }
                Err(Missing::Refused(refusal)) => return Err(refusal),
                Err(Missing::Streams(streams)) => {
                    for stream in streams {
                        let initial = State::initial(&stream);
                        self.states.insert(stream, initial);
                    }
                }
            }
        }
    }

    #[track_caller]
    pub fn run<T>(&mut self, mut decide: impl FnMut(&mut Work<'_>) -> Result<T, Missing>) -> T {
        match self.decide(&mut decide) {
            Ok(answer) => answer,
            Err(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    /// As `run`, when the rules may say no.
    pub fn try_run<T>(
        &mut self,
        mut decide: impl FnMut(&mut Work<'_>) -> Result<T, Missing>,
    ) -> Result<T, Refusal> {
        self.decide(&mut decide)
    }

    #[track_caller]
    pub fn refused<T>(&mut self, mut decide: impl FnMut(&mut Work<'_>) -> Result<T, Missing>) -> Refusal {
        match self.decide(&mut decide) {
            Ok(_) => panic!("not refused"),
            Err(refusal) => refusal,
        }
    }

    pub fn emit_unit_reserved(&mut self, unit: &UnitId, holder: &str) {
        let reserved = UnitReserved {
            unit: unit.clone(),
            sku: sku("PHONE"),
            store: centro(),
            holder: holder.to_owned(),
        };
        self.run(|work| work.emit(streams::unit(unit), reserved.clone()));
    }

    pub fn stock(&self, store: &StoreId, sku: &Sku) -> Stock {
        match self.states.get(&streams::stock(store, sku)) {
            Some(State::Stock(stock)) => stock.clone(),
            _ => Stock::default(),
        }
    }

    #[track_caller]
    pub fn unit(&self, unit: &UnitId) -> Unit {
        match self.states.get(&streams::unit(unit)) {
            Some(State::Unit(Some(unit), _)) => unit.clone(),
            other => panic!("{other:?}"),
        }
    }
}
