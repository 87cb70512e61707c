//! Every read over a real Postgres: figures, filters, pages, tenancy.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a failed step must stop it"
)]

#[path = "../../../tests/it/pdf_text.rs"]
mod pdf_text;
#[path = "../../../projector/tests/support/mod.rs"]
mod support;

mod api;
mod costs;
mod figures;
mod numbers;
mod pages;
mod people;
mod rebuild;
mod receipts;
mod repairs;
mod stock;
mod tenancy;
