//! The conventions of the API: one table of routes, one guard in front of it, problems, pages, limits.
//!
//! A service brings a table, an endpoint and its document; `Gateway` serves any number of them on one port.
//! Deliberately absent: any operation, and anything about shops.

mod client_address;
pub mod codes;
mod connection;
pub mod denials;
pub mod examples;
mod features;
mod files;
mod framework;
pub mod guard;
pub mod health;
pub mod json;
mod open_files;
pub mod openapi;
pub mod page;
pub mod problem;
mod query;
pub mod request;
pub mod route;
pub mod server;
pub mod strict_json;
pub mod text;

pub use client_address::{AddressRange, client_address, counted_as_one};
pub use denials::DenialLog;
pub use features::{Feature, Features};
pub use guard::{Gateway, GuardSettings, Service};
pub use json::{JsonAnswer, JsonBody, PageAnswer};
pub use open_files::make_room_for;
pub use page::{CursorKey, Page, PageRequest, projection_behind};
pub use problem::{FieldError, Problem};
pub use request::{Caller, ConnectorContext, KeyContext, Principal, PublicContext, RequestContext};
pub use route::{Access, ReasonRule, Route, Verb};
pub use server::{ServerLimits, serve};
pub use text::{Language, Text, escaped_html};
