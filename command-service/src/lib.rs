//! HTTP to command to engine: the write side.

pub mod engine;
