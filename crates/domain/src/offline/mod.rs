//! Sales that tills took without a network: numbered by the till, completed when they arrive, or kept for a person.
//!
//! `till` is how far each till has come, `quarantine` one sale that collided, `attempt` what both commands share: it
//! completes the sale by the ordinary rules and says what stands in the way. Drawn in `docs/domain/offline.md`.

mod attempt;
mod cancel_offline_sale;
mod quarantine;
mod record_offline_sale;
mod resolve_offline_sale;
mod till;

pub use cancel_offline_sale::CancelOfflineSale;
pub use quarantine::{Leniency, Quarantine, QuarantineStatus};
pub use record_offline_sale::RecordOfflineSale;
pub use resolve_offline_sale::ResolveOfflineSale;
pub use till::Till;

#[cfg(test)]
pub(crate) mod tests;
