//! The bench: sends a real month of sales, receives webhooks, checks everything from outside, kills servers at random.
//!
//! A client and a judge, never a part of the product: it depends on no other crate of the workspace, so that a mistake
//! there is not repeated here. Deliberately absent: shortcuts into the product (only its HTTP API is driven) and
//! writes to its database (`verify` reads, in one read-only snapshot).

pub mod api;
pub mod client;
pub mod clock;
pub mod demo;
pub mod filter;
pub mod journal;
pub mod listen;
pub mod observer;
pub mod receiver;
pub mod replay;
pub mod retail;
pub mod sequence;
pub mod signature;
pub mod storm;
pub mod torture;
pub mod verify;
