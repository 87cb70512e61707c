//! What every service stands on: time, tasks, database pools, and the conventions of HTTP.
//!
//! Deliberately absent: anything about shops.

pub mod auth;
mod bounded_cache;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod db;
pub mod failpoint;
pub mod http;
pub mod lease;
mod memory;
pub mod metrics;
pub mod outbound;
pub mod pace;
pub mod process;
pub mod search;
pub mod tasks;
pub mod telemetry;
pub mod vault;

/// Every process of the platform allocates with this one; glibc's keeps most of what hashing passwords once took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
