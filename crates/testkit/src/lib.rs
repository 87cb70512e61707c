//! Dev only: a private Postgres and NATS per test process, a fresh database per test, and an HTTP receiver that
//! misbehaves on request.
//!
//! Everything here panics when it cannot do its work: it is called by tests, and a test without its database has
//! failed. Deliberately absent: fakes. What a test talks to is what production talks to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "only tests call this, and a panic is how they fail"
)]

mod databases;
pub mod receiver;
mod servers;
pub mod signal;

pub use databases::{Database, database, database_from_template};
pub use receiver::{Answer, Received, Receiver};
pub use servers::{nats, nats_server, postgres, private_nats, private_postgres, scratch_folder};

/// How long the waits of this crate last at most: long for a loaded machine, and a condition that holds ends them.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
