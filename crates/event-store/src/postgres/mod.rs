//! The log in Postgres: dense positions given out by one fenced owner, payloads as exact text.
//!
//! Deliberately absent: sequences (a row that commits late would appear behind a reader), `jsonb` (it changes bytes and
//! costs half the replay speed), and transaction poolers (the lease is a session's).

mod append;
mod fault;
mod heads;
mod heartbeat;
mod lease;
mod purge;
mod reader;
mod schema;
mod session;
mod writer;

pub use heartbeat::PostgresHeartbeat;
pub use purge::purge_commands;
pub use reader::PostgresReader;
pub use schema::MIGRATIONS;
pub use writer::{PostgresWriter, WriterOptions};
