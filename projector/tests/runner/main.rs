//! The runner on a real Postgres: exactly once, resumed, never stopped by one bad row.

#[path = "../support/mod.rs"]
mod support;

mod competition;
mod isolation;
mod poison;
mod tenancy;
