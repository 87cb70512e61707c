//! Webhooks: which endpoint gets which event, sending until it is there, and a memory of every attempt.
//!
//! The log decides who gets what; the broker only wakes. Deliveries and attempts are primary data of this crate: what
//! the outside world did. Deliberately absent: commands (endpoints are changed through the command service), and any
//! way for a failing webhook to touch the business operation behind it.

pub mod api;
mod body;
mod breaker;
pub mod catalogue;
mod claim;
pub mod counters;
pub mod feed;
mod filter;
mod health;
mod line;
mod matcher;
mod metrics;
mod queue;
mod recent;
mod record;
mod registry;
mod replay;
pub mod retention;
pub mod schedule;
mod send;
mod settle;
mod sign;
mod start;
pub mod watchdog;

use platform::db::Migration;

pub use api::{DeliveryReads, ROUTES};
pub use breaker::BreakerOptions;
pub use feed::Feed;
pub use sign::webhook_id;
pub use start::{Dispatcher, DispatcherHandle, DispatcherOptions};

/// The tables of this crate; its dependencies (vault, engine's inbox) bring their own.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        module: "dispatcher",
        version: 1,
        sql: include_str!("schema.sql"),
    },
    Migration {
        module: "dispatcher",
        version: 2,
        sql: include_str!("schema_2.sql"),
    },
    Migration {
        module: "dispatcher",
        version: 3,
        sql: include_str!("schema_3.sql"),
    },
    feed::MIGRATION,
    Migration {
        module: "dispatcher",
        version: 4,
        sql: include_str!("schema_4.sql"),
    },
];
