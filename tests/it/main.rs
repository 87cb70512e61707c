//! Flows over HTTP against the real product: its binary, with its own Postgres and NATS.
//!
//! One binary, one shared standalone for what does no harm, one of its own for what kills.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skipped"
)]

mod admin_page;
mod administration;
mod audit;
mod cashier_day;
mod client;
mod contract;
mod customers;
mod edges;
mod edges_clock;
mod edges_disk;
mod edges_document;
mod edges_outage;
mod event_catalogue;
mod examples;
mod external;
mod import_speed;
mod imports;
mod key_limit;
mod lifecycle;
mod lists;
mod numbering;
mod office;
mod offline;
mod order_changes;
mod orders;
mod pdf_text;
mod product;
mod pull_feed;
mod purchases;
mod rebuild;
mod receipts;
mod repairs;
mod reservations;
mod roles;
mod standby;
mod stock_depth;
mod tenancy;
mod till;
mod tools;
mod torture;
mod transfers;
mod webhooks;
