//! The rules of the shop: pure functions from state and command to events or a refusal.
//!
//! One folder per module, one file per command. Deliberately absent: async, I/O, clocks, randomness, floats; `ctx`
//! brings the time, the actor and fresh ids, so that the same input always gives the same output.

#![deny(clippy::float_arithmetic)]
// Tests may say "anything else" of a state; the rules must name every variant.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod admin;
pub mod alerts;
pub mod api_keys;
mod bounds;
pub mod business_day;
pub mod catalogue;
pub mod command;
pub mod connectors;
pub mod context;
pub mod customers;
pub mod imports;
#[cfg(test)]
mod limits_tests;
pub mod movements;
pub mod offline;
pub mod orders;
pub mod processes;
pub mod purchases;
pub mod refusal;
pub mod repairs;
pub mod requests;
pub mod reservations;
pub mod sales;
pub mod security;
pub mod state;
pub mod stock;
pub mod streams;
pub mod suppliers;
#[cfg(test)]
mod testing;
pub mod transfers;
pub mod webhooks;
pub mod work;

pub use command::{Command, Decide};
pub use context::Ctx;
pub use refusal::{Language, Refusal, RefusalKind};
pub use state::State;
pub use work::{Decision, Missing, View, Work};
