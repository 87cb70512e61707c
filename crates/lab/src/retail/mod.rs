//! A retailer's invoice lines, and what they mean as commands.
//!
//! `file` reads the lines, `plan` turns them into documents and says what they must add up to. Pure but for reading
//! the file. Not here: HTTP (`replay`).

pub mod file;
pub mod plan;
pub mod price;

#[cfg(test)]
mod tests;
