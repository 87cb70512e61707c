//! Idempotency keys of requests that are no single command: an upload, the confirmation of an import, a batch of sales.
//!
//! Not here: what those requests do. Their own steps are safe to take again; this keeps a key to one request.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::command::Decide;
use crate::context::Ctx;
use crate::work::{Decision, Missing, Work};

/// Binds the caller's key to the request that it came with. Nothing happens; that the command is remembered under its key,
/// with the request's fingerprint, is what it is for: another request under that key is told so, as everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindKey {}

impl Decide for BindKey {
    fn decide(&self, work: Work<'_>, _: &Ctx) -> Result<Decision, Missing> {
        Ok(work.finish(json!({})))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::shop;

    #[test]
    fn binding_a_key_changes_nothing() {
        shop().when(BindKey {}).then_nothing();
    }
}
