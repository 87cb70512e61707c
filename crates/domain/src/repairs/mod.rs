//! Repairs of customers' devices: intake, diagnosis, quote, work with parts, delivery.
//!
//! One file per step or group of small steps; `repair` is the state, `clock` the target's clock, `warranty` the days until which somebody answers, `parts` how goods go to the workbench and back.
//! The state machine is drawn in `docs/domain/repairs.md`. Not here: who notices that a target is missed (`processes`).

mod clock;
mod deliver_repair;
mod diagnose_repair;
mod end_repair;
mod fee;
mod parts;
mod quote_repair;
mod receive_repair;
mod record_sla_breach;
mod repair;
mod warranty;
mod work_on_repair;
mod workshop;

pub use deliver_repair::DeliverRepair;
pub use diagnose_repair::DiagnoseRepair;
pub use end_repair::{CancelRepair, ReturnUnrepaired};
pub use parts::{GiveBackParts, KeepParts, PartRequest, TakeParts};
pub use quote_repair::{AnswerQuote, QuoteRepair};
pub use receive_repair::ReceiveRepair;
pub use record_sla_breach::RecordSlaBreach;
pub use repair::{Quote, Repair, Status};
pub use work_on_repair::{FinishRepair, ResumeRepair, StartRepair, WaitForParts};
pub use workshop::{SendToWorkshop, TakeFromWorkshop};

#[cfg(test)]
pub(crate) mod tests;
