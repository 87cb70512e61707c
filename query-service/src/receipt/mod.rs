//! Receipts: what is printed, how it is laid out on 80 mm paper and on A4, and the signature that anyone can verify.
//!
//! `signed` is what a receipt vouches for and its code, `layout` turns it into lines, `pdf` into a document, `render`
//! bounds how many are drawn at once. Not here: where the figures come from (`api::receipts`).

pub mod layout;
pub mod money;
pub mod pdf;
pub mod render;
pub mod signed;
pub mod verify_page;
