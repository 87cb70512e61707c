//! Walks the whole table over HTTP, with an engine and a vault that only remember what they were asked.

mod connector_tokens;
mod customers;
mod doubles;
mod keys;
mod refusals;
mod sign_in;
mod walk;
mod webhook_secrets;
