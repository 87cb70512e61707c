//! What every service stands on: time, tasks, database pools, and the conventions of HTTP.
//!
//! Deliberately absent: anything about shops.

pub mod clock;
pub mod db;
pub mod tasks;
