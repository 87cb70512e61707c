//! Webhook endpoints: who is told what, from which position of the log on.
//!
//! One file per command; `endpoint` is the state, `settings` the rules for what may be configured, `filters` those for
//! which events may be asked for and by whom. Not here: which
//! addresses may be dialled (the dispatcher's guard), deliveries and secrets.

mod change_endpoint;
mod create_endpoint;
mod delete_endpoint;
mod disable_endpoint;
mod end_previous_secret;
mod endpoint;
pub(crate) mod filters;
mod pause_endpoint;
mod replay_deliveries;
mod resume_endpoint;
mod rotate_secret;
mod settings;
mod test_endpoint;

pub use change_endpoint::{ChangeEndpoint, EndpointChange};
pub use create_endpoint::CreateEndpoint;
pub use delete_endpoint::DeleteEndpoint;
pub use disable_endpoint::DisableEndpoint;
pub use end_previous_secret::EndPreviousSecret;
pub use endpoint::{Endpoint, EndpointStatus};
pub use pause_endpoint::PauseEndpoint;
pub use replay_deliveries::ReplayDeliveries;
pub use resume_endpoint::ResumeEndpoint;
pub use rotate_secret::RotateSecret;
pub use test_endpoint::TestEndpoint;

#[cfg(test)]
mod tests;
