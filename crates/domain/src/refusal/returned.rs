//! A refusal of the half of an exchange that comes back: the same rules as for a return, whose lines stand under
//! another name in the request.
//!
//! Not here: the rules (`sales::return_goods`).

use serde::{Deserialize, Serialize};

use super::{Language, Refusal, RefusalKind};
use crate::work::Missing;

/// Stored as `{"returned": {"code": …, …}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{returned}")]
pub struct ReturnedRefusal {
    returned: Box<Refusal>,
}

impl ReturnedRefusal {
    /// Names the field of an exchange in what its return was refused for.
    pub(crate) fn of(missing: Missing) -> Missing {
        match missing {
            Missing::Refused(refusal) => {
                let returned = Box::new(refusal);
                Missing::Refused(Self { returned }.into())
            }
            Missing::Streams(streams) => Missing::Streams(streams),
        }
    }

    /// None of its own.
    pub fn codes() -> Vec<&'static str> {
        Vec::new()
    }

    /// The return's own code.
    pub fn code(&self) -> &'static str {
        self.returned.code()
    }

    /// The return's own kind.
    pub fn kind(&self) -> RefusalKind {
        self.returned.kind()
    }

    /// `/lines/…` of a return is `/returned/…` of an exchange.
    pub fn pointer(&self) -> Option<String> {
        let pointer = self.returned.pointer()?;
        Some(match pointer.strip_prefix("/lines") {
            Some(rest) => format!("/returned{rest}"),
            None => pointer,
        })
    }

    /// The return's own sentence.
    pub fn text(&self, language: Language) -> String {
        self.returned.text(language)
    }
}
