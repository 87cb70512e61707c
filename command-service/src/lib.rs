//! HTTP to command to engine: the write side.

pub mod engine;
pub mod http;
pub mod imports;
pub mod processes;
pub mod purge;
pub mod routes;
pub mod start;
