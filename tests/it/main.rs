//! Flows over HTTP against the real product: its binary, with its own Postgres and NATS.
//!
//! One binary, one shared standalone for what does no harm, one of its own for what kills.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skipped"
)]

mod client;
mod contract;
mod lifecycle;
mod product;
mod tenancy;
mod till;
mod tools;
mod webhooks;
