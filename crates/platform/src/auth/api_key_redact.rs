//! What the log of calls keeps of bodies: known fields, bounded, without texts that look like secrets or cards.
//!
//! An allowlist: a field that the contract of the external API does not name may hold anything, so only its name is
//! kept. Free texts (a reason, a comment) are not on it. Not here: when rows are written (`api_key_log`).

use schemas::card::holds_card_number;
use serde_json::{Map, Value, json};

/// What stands in the place of a value that is not kept.
const OMITTED: &str = "[omitido]";
/// Longest text of one field.
const MAX_TEXT_CHARS: usize = 200;
/// Entries of one list or object.
const MAX_ENTRIES: usize = 50;
/// Longest record, and longest body that is read for it: of longer ones only their length is kept.
const MAX_RECORD_BYTES: usize = 4_096;
const MAX_DEPTH: usize = 6;

/// Fields of the external API's bodies, answers and problems, and its parameters.
const KEPT: &[&str] = &[
    "activo",
    "articulo",
    "articulos_stock_bajo",
    "atributos",
    "cantidad",
    "code",
    "codigo",
    "codigo_barras",
    "color",
    "condicion",
    "costo",
    "cursor",
    "desde",
    "detail",
    "dia",
    "disponible",
    "errors",
    "estado",
    "existencia",
    "fecha",
    "garantia_meses",
    "hasta",
    "impuesto",
    "limite",
    "marca",
    "mes",
    "min_position",
    "modelo",
    "moneda",
    "movimiento",
    "nombre",
    "pointer",
    "posicion",
    "precio",
    "reservado",
    "resultado",
    "resultados",
    "siguiente",
    "status",
    "tienda",
    "tipo",
    "title",
    "umbral_minimo",
    "valor_stock",
    "ventas",
    "ventas_dia",
    "ventas_mes",
];

/// A request's query and body.
pub(super) fn sent(query: &str, body: &[u8]) -> String {
    let mut kept = Map::new();
    if !query.is_empty() {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).take(MAX_ENTRIES);
        let parameters = pairs.map(|(name, value)| {
            let value = Value::String(value.into_owned());
            let value = if is_kept(&name) {
                cleaned(value, 0)
            } else {
                omitted()
            };
            (name_of(&name), value)
        });
        kept.insert("consulta".to_owned(), Value::Object(parameters.collect()));
    }
    if !body.is_empty() {
        kept.insert("cuerpo".to_owned(), of_body(body));
    }
    written(&Value::Object(kept), query.len() + body.len())
}

/// An answer's body.
pub(super) fn received(body: &[u8]) -> String {
    written(&of_body(body), body.len())
}

fn of_body(body: &[u8]) -> Value {
    if body.len() > MAX_RECORD_BYTES {
        return json!({ "truncado": true, "bytes": body.len() });
    }
    serde_json::from_slice(body).map_or_else(|_| omitted(), |value| cleaned(value, 0))
}

/// The record, or what remains of it when it is too long.
fn written(value: &Value, bytes: usize) -> String {
    let text = value.to_string();
    if text.len() <= MAX_RECORD_BYTES {
        text
    } else {
        json!({ "truncado": true, "bytes": bytes }).to_string()
    }
}

fn cleaned(value: Value, depth: usize) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
        Value::String(text) if is_private(&text) => omitted(),
        Value::String(text) => Value::String(bounded(&text)),
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => omitted(),
        Value::Array(items) => {
            let items = items.into_iter().take(MAX_ENTRIES);
            Value::Array(items.map(|item| cleaned(item, depth + 1)).collect())
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().take(MAX_ENTRIES);
            Value::Object(
                fields
                    .map(|(name, value)| {
                        let value = if is_kept(&name) {
                            cleaned(value, depth + 1)
                        } else {
                            omitted()
                        };
                        (name_of(&name), value)
                    })
                    .collect(),
            )
        }
    }
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name)
}

/// A field's name, unless somebody put into it what belongs nowhere.
fn name_of(name: &str) -> String {
    if is_private(name) {
        OMITTED.to_owned()
    } else {
        bounded(name)
    }
}

/// Whether a text looks like a secret, a card number or an address of a person.
fn is_private(text: &str) -> bool {
    let is_secret = ["sk_live_", "trastienda_it_", "whsec_", "eyJ"]
        .iter()
        .any(|mark| text.contains(mark));
    is_secret || text.contains('@') || holds_card_number(text)
}

fn bounded(text: &str) -> String {
    if text.chars().nth(MAX_TEXT_CHARS).is_none() {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT_CHARS).chain(['…']).collect()
}

fn omitted() -> Value {
    Value::String(OMITTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &Value) -> Value {
        serde_json::from_str(&received(body.to_string().as_bytes())).unwrap()
    }

    #[test]
    fn fields_of_the_contract_are_kept_and_of_others_only_the_name() {
        let body =
            json!({ "codigo": "TUB-1", "precio": "12.50", "cliente": "Ana Pérez", "motivo": "para Ana" });
        assert_eq!(
            of(&body),
            json!({ "codigo": "TUB-1", "precio": "12.50", "cliente": OMITTED, "motivo": OMITTED })
        );
    }

    #[test]
    fn secrets_cards_and_addresses_are_not_kept_wherever_they_stand() {
        for text in ["sk_live_abc", "ana@example.com", "4111 1111 1111 1111", "whsec_x"] {
            assert_eq!(
                of(&json!({ "nombre": text })),
                json!({ "nombre": OMITTED }),
                "{text}"
            );
        }
        for name in ["sk_live_abc", "ana@example.com"] {
            assert_eq!(of(&json!({ name: 1 })), json!({ OMITTED: OMITTED }), "{name}");
        }
        let kept = sent("tienda=centro&clave=sk_live_abc", b"");
        assert_eq!(
            serde_json::from_str::<Value>(&kept).unwrap(),
            json!({ "consulta": { "tienda": "centro", "clave": OMITTED } })
        );
    }

    #[test]
    fn a_record_is_bounded_whatever_was_sent() {
        let rows: Vec<_> = (0..200)
            .map(|row| json!({ "codigo": format!("{row}"), "nombre": "n".repeat(500) }))
            .collect();
        let body = json!({ "resultados": rows });
        let text = received(body.to_string().as_bytes());
        assert!(text.len() <= MAX_RECORD_BYTES, "{}", text.len());
        let kept = json!({ "truncado": true, "bytes": body.to_string().len() });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), kept);
        assert_eq!(received(b"not JSON"), format!("\"{OMITTED}\""));
    }
}
