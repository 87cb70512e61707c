//! A load client that costs little, since it runs on the processors of what it measures: HTTP/1.1 by hand over kept
//! connections, requests as prepared text, answers looked at for their status and length.

mod connection;
mod load;

pub use connection::{Connection, length_of};
pub use load::{Load, Measured, Until};
