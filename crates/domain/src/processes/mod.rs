//! Processes: what the platform does by itself, as pure functions from a fact to reactions.
//!
//! A process sees events of the log, its own timers when they are due, and refusals of the commands that it asked for;
//! that a command was accepted it sees by its events. It has no state of its own but its timers. Deliberately absent:
//! clocks, tables, and how commands reach the engine (command-service's runner).

mod quote_expiry;
mod repair_sla;
mod reservation_expiry;
mod stock_alerts;

use schemas::Event;
use time::OffsetDateTime;

use crate::command::Command;
use crate::refusal::Refusal;

pub use quote_expiry::QUOTE_EXPIRY;
pub use repair_sla::REPAIR_SLA;
pub use reservation_expiry::RESERVATION_EXPIRY;
pub use stock_alerts::STOCK_ALERTS;

/// Every process.
pub const ALL: &[Process] = &[RESERVATION_EXPIRY, STOCK_ALERTS, QUOTE_EXPIRY, REPAIR_SLA];

/// One process: which events it looks at, and what it makes of a fact.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// Part of command ids and the name of its checkpoint: never changed.
    pub name: &'static str,
    /// The types of events that it is shown.
    pub event_types: &'static [&'static str],
    /// Total and pure: the same fact gives the same reactions, whenever and however often it is asked.
    pub react: fn(&Fact<'_>) -> Vec<Reaction>,
}

/// What a process may react to. All of it is of one tenant.
#[derive(Debug, Clone, Copy)]
pub enum Fact<'a> {
    /// An event of the process's types is in the log.
    Happened(&'a Event),
    /// A timer is due.
    Due(Timer<'a>),
    /// The command that a timer or an event led to was refused. Without a reaction the matter is closed.
    Refused {
        /// The timer, or for a command that an event led to the name under which it can be asked for again.
        timer: Timer<'a>,
        refusal: &'a Refusal,
    },
}

/// A timer as its process knows it.
#[derive(Debug, Clone, Copy)]
pub struct Timer<'a> {
    pub key: &'a str,
    pub due_at: OffsetDateTime,
    /// How often it was due before.
    pub attempt: i32,
}

/// What is to be done about a fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// Sets the timer of this key, or sets it anew. In reaction to a refusal it means another attempt, which comes no
    /// earlier than the runner's pause allows.
    Schedule { key: String, due_at: OffsetDateTime },
    /// Takes the timer of this key away, if there is one.
    Cancel { key: String },
    /// Asks for a command, in the platform's own name.
    Submit(Box<Command>),
}

impl Reaction {
    /// Asks for a command.
    pub fn submit(command: impl Into<Command>) -> Self {
        Self::Submit(Box::new(command.into()))
    }
}
