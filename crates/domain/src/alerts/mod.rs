//! Alerts: what the platform asks people to look at, until it is over or somebody says so.
//!
//! One alert per crossing of a threshold, raised and ended by a process (`processes::stock_alerts`) from the shelf's
//! events; people acknowledge and resolve. Not here: when a threshold is crossed (`stock::Threshold`).

mod acknowledge_alert;
mod alert;
mod end_alert;
mod raise_alert;
mod resolve_alert;

pub use acknowledge_alert::AcknowledgeAlert;
pub use alert::{Alert, Status};
pub use end_alert::EndAlert;
pub use raise_alert::RaiseAlert;
pub use resolve_alert::ResolveAlert;

#[cfg(test)]
pub(crate) mod tests;
