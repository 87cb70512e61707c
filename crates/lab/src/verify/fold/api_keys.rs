//! The table of external systems' keys: each life begins once, ends for good, and leaves hashes alone in the log.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded};

impl Folded {
    pub(super) fn api_key(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let position = fact.event.position;
        let row = self.row("rm_api_keys", fact.key(&[fact.text("api_key_id")]));
        let is_known = !row.is_empty();
        if (kind == "created") == is_known {
            findings.error(
                "api_keys",
                format!("position {position}: a key's life begins with one creation"),
            );
        }
        if row.get("status") == Some(&json!("revoked")) {
            findings.error("api_keys", format!("position {position}: a revoked key lives on"));
        }
        match kind {
            "created" | "changed" => {
                let settings = fact.value("settings");
                for column in ["name", "system", "requests_per_hour", "workshop"] {
                    row.insert(column, settings[column].clone());
                }
                for column in ["scopes", "stores"] {
                    let list = settings.get(column).cloned().unwrap_or_else(|| json!([]));
                    row.insert(column, Value::String(list.to_string()));
                }
                if kind == "created" {
                    row.insert("status", json!("active"));
                }
            }
            "rotated" => {}
            "deactivated" => {
                row.insert("status", json!("inactive"));
            }
            "activated" => {
                row.insert("status", json!("active"));
            }
            "revoked" => {
                row.insert("status", json!("revoked"));
            }
            other => {
                findings.error(
                    "api_keys",
                    format!("position {position}: unknown event admin.api_key_{other}"),
                );
                return;
            }
        }
        row.insert("last_position", json!(position));
        let secret = fact.value("secret");
        let is_hash = secret.is_null()
            || secret["secret_hash"].as_str().is_some_and(|hash| {
                hash.len() == 64
                    && hash
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            });
        if !is_hash {
            findings.error(
                "api_keys",
                format!("position {position}: the log holds something else than a hash"),
            );
        }
    }
}
