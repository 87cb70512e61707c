//! Every read over a real Postgres: figures, filters, pages, tenancy.

#[path = "../../../projector/tests/support/mod.rs"]
mod support;

mod api;
mod figures;
mod pages;
mod people;
mod tenancy;
