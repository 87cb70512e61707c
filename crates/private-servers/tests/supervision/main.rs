//! The promises of supervision, each on real servers: nobody is orphaned, nothing is shared, everything comes back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fixture that fails should fail its test"
)]

mod addresses;
mod fixtures;
mod orphans;
mod pid_files;
mod restarts;
mod root;
mod sharing;
