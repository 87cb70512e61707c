//! What the command line says about an import, in Spanish or English. Not here: when it says it.

use command_service::imports::direct::{Difference, Remark, Said};
use domain::refusal::Language;
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

/// Fields of articles and shelves. Amounts are whole numbers of the smallest unit.
const FIELDS: &[(&str, &str, &str)] = &[
    ("name", "nombre", "name"),
    ("kind", "tipo", "type"),
    (
        "price_minor",
        "precio en unidades mínimas",
        "price in minor units",
    ),
    ("cost_minor", "costo en unidades mínimas", "cost in minor units"),
    ("tax_code", "impuesto", "tax"),
    ("on_hand", "existencias", "on hand"),
    ("unit", "unidad", "unit"),
    ("gtin", "código de barras", "barcode"),
    ("brand", "marca", "brand"),
    ("model", "modelo", "model"),
    ("colour", "color", "colour"),
    ("capacity", "capacidad", "capacity"),
    ("condition", "condición", "condition"),
    ("warranty_months", "garantía en meses", "warranty in months"),
];

/// Types of articles.
const KINDS: &[(&str, &str, &str)] = &[
    ("counted", "por cantidad", "by quantity"),
    ("serialised", "unidad por unidad", "unit by unit"),
    ("service", "servicio", "service"),
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
    /// The sentence of this language.
    pub fn say<'a>(self, es: &'a str, en: &'a str) -> &'a str {
        match self.0 {
            Tongue::Es => es,
            Tongue::En => en,
        }
    }

    /// For sentences of the rules.
    pub fn language(self) -> Language {
        match self.0 {
            Tongue::Es => Language::Spanish,
            Tongue::En => Language::English,
        }
    }

    /// What was given for a parameter that takes an id.
    pub fn not_an_id(self, parameter: &str) -> anyhow::Error {
        let said = self.say("no es un identificador válido", "is no valid id");
        anyhow::anyhow!("{parameter}: {said}")
    }

    /// A word of a table; its own name when it is none that is known here.
    fn word<'a>(self, table: &'a [(&str, &str, &str)], name: &'a str) -> &'a str {
        table
            .iter()
            .find(|(known, _, _)| *known == name)
            .map_or(name, |(_, es, en)| self.say(es, en))
    }

    /// A state's word; its own name when it is none that is known here.
    pub fn status(self, status: &str) -> &str {
        self.word(STATES, status)
    }

    /// What a row was told, with its code.
    pub fn said(self, said: &Said) -> String {
        let value = said
            .value
            .as_ref()
            .map_or(String::new(), |value| format!(" ({value})"));
        format!("{}{value} [{}]", self.say(&said.es, &said.en), said.code)
    }

    /// One row of the file in a line: number, SKU, state, changes and what is wrong.
    pub fn remark(self, remark: &Remark) -> String {
        let sku = remark.sku.as_deref().unwrap_or("-");
        let line = self.say("línea", "line");
        let mut text = format!("{line} {}: {sku}: {}", remark.line, self.status(&remark.status));
        for change in &remark.changes {
            for difference in self.differences(change) {
                text.push_str("; ");
                text.push_str(&difference);
            }
        }
        for said in &remark.says {
            text.push_str("; ");
            text.push_str(&self.said(said));
        }
        text
    }

    /// `field: from → to`; of a group of fields, those that differ, each by itself.
    fn differences(self, change: &Difference) -> Vec<String> {
        let Difference { field, from, to } = change;
        let Some(fields) = to.as_object() else {
            let (field, from, to) = (self.word(FIELDS, field), self.shown(from), self.shown(to));
            return vec![format!("{field}: {from} → {to}")];
        };
        let differing = fields.iter().filter(|(name, to)| from[name.as_str()] != **to);
        let each = differing.flat_map(|(name, to)| {
            let (field, from, to) = (name.clone(), from[name.as_str()].clone(), to.clone());
            self.differences(&Difference { field, from, to })
        });
        each.collect()
    }

    fn shown(self, value: &Value) -> String {
        match value {
            Value::Null => "—".to_owned(),
            Value::String(text) => self.word(KINDS, text).to_owned(),
            Value::Bool(true) => self.say("sí", "yes").to_owned(),
            Value::Bool(false) => "no".to_owned(),
            other => other.to_string(),
        }
    }

    /// How many rows the file has and what became of them; states without rows are left out.
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

    /// Says that `first`, another import's id, has used this file up.
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
    fn changes_are_said_in_the_language_that_was_asked_for() {
        let change = |field: &str, from: Value, to: Value| Difference {
            field: field.to_owned(),
            from,
            to,
        };
        let said = |change: &Difference| Words(Tongue::Es).differences(change);
        let price = change("price_minor", json!(500), json!(400));
        assert_eq!(said(&price), ["precio en unidades mínimas: 500 → 400"]);
        assert_eq!(
            Words(Tongue::En).differences(&price),
            ["price in minor units: 500 → 400"]
        );
        assert_eq!(
            said(&change("kind", Value::Null, json!("counted"))),
            ["tipo: — → por cantidad"]
        );
        let details = change(
            "details",
            json!({ "brand": "Acme", "attributes": { "talla": 4 } }),
            json!({ "brand": "Acme", "colour": "rojo", "attributes": { "talla": 5 } }),
        );
        assert_eq!(said(&details), ["talla: 4 → 5", "color: — → rojo"]);
    }

    #[test]
    fn what_a_warning_speaks_of_is_said_with_it() {
        let said = Said {
            code: "sheet.left_out".to_owned(),
            en: "Others are left out.".to_owned(),
            es: "Se omiten otras.".to_owned(),
            value: Some("Hoja2".to_owned()),
        };
        assert_eq!(
            Words(Tongue::Es).said(&said),
            "Se omiten otras. (Hoja2) [sheet.left_out]"
        );
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
