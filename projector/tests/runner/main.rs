//! The runner on a real Postgres: exactly once, resumed, never stopped by one bad row.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a failed step must stop it"
)]

#[path = "../support/mod.rs"]
mod support;

mod competition;
mod isolation;
mod poison;
mod rebuild;
mod releases;
mod tenancy;
