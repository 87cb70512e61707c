//! What every service stands on: time, tasks, database pools, and the conventions of HTTP.
//!
//! Deliberately absent: anything about shops.

pub mod clock;
pub mod config;
pub mod db;
pub mod http;
pub mod metrics;
pub mod outbound;
pub mod tasks;
