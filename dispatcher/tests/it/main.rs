//! The dispatcher against real servers: a private Postgres and NATS, and receivers that the tests control.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails should fail its test"
)]

mod api;
mod delivery;
mod endpoints;
mod fairness;
mod faults;
mod feed;
mod formats;
mod health;
mod replay;
mod retention;
mod rotation;
mod standby;
mod support;
