//! Private Postgres and NATS as supervised child processes: the standalone runs on them, and so do the tests.
//!
//! A server here belongs to one folder and to one process. It is reached by a Unix socket or on the loopback address
//! only, dies with its owner, is started again when it dies alone, and keeps its address through that.
//! Deliberately absent: installing anything (`xtask` does), schemas and clients (the services do), and every setting
//! that would trade durability for speed.
//!
//! Linux only: the parent-death signal, `/proc` and `setpriv` have no equivalent elsewhere.

mod error;
pub mod find;
mod folder;
mod nats;
mod postgres;
mod process;
mod run_as;
mod supervisor;

pub use error::{Error, Result};
pub use folder::{DataFolder, MARKER};
pub use nats::{Nats, NatsOptions};
pub use postgres::{OWNER, Postgres, PostgresOptions};
pub use supervisor::Health;
