use crate::command::Decide;
use crate::context::Ctx;
use crate::work::{Decision, Missing, Work};
macro_rules! pending { ($($t:ty),*) => { $(impl Decide for $t { fn decide(&self, _w: Work<'_>, _c: &Ctx) -> Result<Decision, Missing> { Err(crate::Refusal::LinesMissing {}.into()) } })* } }
pending!(crate::stock::ReceiveStock, crate::stock::AdjustStock, crate::stock::WriteOffStock, crate::sales::CompleteSale, crate::sales::SaveDraft, crate::sales::CompleteDraft, crate::sales::DiscardDraft, crate::sales::VoidSale, crate::sales::ReturnGoods);
