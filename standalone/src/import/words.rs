//! What the command line says about an import, in Spanish or English. Not here: when it says it.

use command_service::imports::direct::{Remark, Said};
use serde_json::Value;

use crate::cli::Tongue;

/// Counts in the order in which they are said: name, Spanish, English, and whether somebody has to look at such rows.
const COUNTS: &[(&str, &str, &str, bool)] = &[
    ("planned", "por aplicar", "to be carried out", false),
    ("applied", "aplicadas", "carried out", false),
    ("unchanged", "sin cambios", "unchanged", false),
    (
        "waiting",
        "a la espera de aprobación",
        "waiting for approval",
        true,
    ),
    ("held", "retenidas", "held back", true),
    (
        "changed_meanwhile",
        "cambiadas entretanto",
        "changed meanwhile",
        true,
    ),
    ("refused", "rechazadas", "refused", true),
    ("invalid", "no válidas", "invalid", true),
];

/// States of imports and rows.
const STATES: &[(&str, &str, &str)] = &[
    ("received", "recibida", "received"),
    ("drafted", "borrador", "drafted"),
    ("confirming", "confirmándose", "confirming"),
    ("applying", "aplicándose", "applying"),
    ("completed", "terminada", "completed"),
    ("repeated", "repetida", "repeated"),
    ("failed", "fallida", "failed"),
    ("planned", "por aplicar", "to be carried out"),
    ("held", "retenida", "held back"),
    ("unchanged", "sin cambios", "unchanged"),
    ("invalid", "no válida", "invalid"),
    ("applied", "aplicada", "carried out"),
    ("refused", "rechazada", "refused"),
    ("changed_meanwhile", "cambiada entretanto", "changed meanwhile"),
    (
        "waiting_approval",
        "a la espera de aprobación",
        "waiting for approval",
    ),
];

/// Whether some rows are left for somebody to look at.
pub fn leaves_rows(counts: &Value) -> bool {
    let mut names = COUNTS.iter().filter(|(_, _, _, is_left)| *is_left);
    names.any(|(name, _, _, _)| counts[*name].as_i64().unwrap_or(0) > 0)
}

/// The words of a language.
#[derive(Debug, Clone, Copy)]
pub struct Words(pub Tongue);

impl Words {
    pub fn say<'a>(self, es: &'a str, en: &'a str) -> &'a str {
        match self.0 {
            Tongue::Es => es,
            Tongue::En => en,
        }
    }

    /// A state's word; its own name when it is none that is known here.
    pub fn status(self, status: &str) -> &str {
        STATES
            .iter()
            .find(|(name, _, _)| *name == status)
            .map_or(status, |(_, es, en)| self.say(es, en))
    }

    pub fn said(self, said: &Said) -> String {
        format!("{} [{}]", self.say(&said.es, &said.en), said.code)
    }

    pub fn remark(self, remark: &Remark) -> String {
        let sku = remark.sku.as_deref().unwrap_or("-");
        let line = self.say("línea", "line");
        let mut text = format!("{line} {}: {sku}: {}", remark.line, self.status(&remark.status));
        for change in &remark.changes {
            text.push_str("; ");
            text.push_str(change);
        }
        for said in &remark.says {
            text.push_str("; ");
            text.push_str(&self.said(said));
        }
        text
    }

    pub fn counts(self, counts: &Value) -> String {
        let rows = counts["rows"].as_i64().unwrap_or(0);
        let mut text = format!("{rows} {}", self.say("filas", "rows"));
        let mut mark = ": ";
        for (name, es, en, _) in COUNTS {
            let number = counts[*name].as_i64().unwrap_or(0);
            if number > 0 {
                text.push_str(&format!("{mark}{number} {}", self.say(es, en)));
                mark = ", ";
            }
        }
        text
    }

    /// A stored failure: `code` with a sentence in both languages.
    pub fn failure(self, failure: &Value) -> String {
        let sentence = failure[self.say("es", "en")].as_str().unwrap_or_default();
        format!("{sentence} [{}]", failure["code"].as_str().unwrap_or_default())
    }

    pub fn repeated(self, first: &str) -> String {
        let said = self.say(
            "el mismo archivo ya se confirmó como importación",
            "the same file was confirmed before as import",
        );
        let end = self.say("no se cambia nada más", "nothing more is changed");
        format!("{said} {first}; {end}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_said_in_both_languages_and_tell_whether_rows_are_left() {
        let counts = json!({ "rows": 5, "applied": 3, "held": 2, "invalid": 0 });
        assert_eq!(
            Words(Tongue::Es).counts(&counts),
            "5 filas: 3 aplicadas, 2 retenidas"
        );
        assert_eq!(
            Words(Tongue::En).counts(&counts),
            "5 rows: 3 carried out, 2 held back"
        );
        assert!(leaves_rows(&counts));
        assert!(!leaves_rows(&json!({ "rows": 2, "applied": 1, "unchanged": 1 })));
    }

    #[test]
    fn every_word_has_two_languages() {
        for (name, es, en) in STATES {
            assert_eq!(Words(Tongue::Es).status(name), *es);
            assert_eq!(Words(Tongue::En).status(name), *en);
        }
        assert_eq!(Words(Tongue::En).status("new"), "new");
    }
}
