//! Personal data as it stands in the log: encrypted, under a key of the person it belongs to.
//!
//! Not here: keys and ciphers (platform's vault). To the domain a sealed value is opaque.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A personal field, encrypted: `{"sealed": "v1.<base64url of nonce and ciphertext>"}`.
///
/// The person is named by the event around it (its customer or user); erasing that person's key makes the value
/// unreadable for ever, while the log and its hash chain stay whole.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    pub sealed: String,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(…)")
    }
}
