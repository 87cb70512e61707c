//! A movement as external systems send it: `{tipo, articulo, cantidad, fecha, tienda}`.
//!
//! Not here: whether it is done at once or waits for approval (`domain::movements`).

use domain::movements::{CreateMovement, MovementLineRequest};
use platform::http::{KeyContext, Problem};
use schemars::JsonSchema;
use schemas::events::movement::MovementKind;
use schemas::{Currency, MovementId, Sku, StoreId, UnitId};
use serde::Deserialize;
use serde_json::value::RawValue;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use super::article::{not_an_amount, wrong};
use super::decimal::minor_of;

/// Longest `fecha`.
const MAX_DATE_CHARS: usize = 40;

/// Un movimiento de existencias.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MovimientoNuevo", example = serde_json::json!({
    "tipo": "entrada", "articulo": "TUB-PVC-2", "cantidad": 40, "tienda": "centro", "fecha": "2026-01-08T10:30:00"
}))]
pub(super) struct MovementBody {
    tipo: MovementWord,
    /// Código del artículo.
    articulo: Code,
    /// Piezas, 1 a 1 000 000 000; en un ajuste, la diferencia, que puede ser negativa.
    cantidad: i64,
    /// Puede omitirse si la clave está limitada a una sola tienda.
    #[serde(default)]
    tienda: Option<StoreId>,
    /// Cuándo ocurrió, ISO 8601; se conserva con el movimiento, que se asienta al recibirlo.
    #[serde(default)]
    fecha: Option<String>,
    /// Costo de una pieza que entra, en la moneda de la organización: texto o número con punto decimal.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    costo: Option<Box<RawValue>>,
    /// De artículos serializados, tantas como `cantidad`: `imei:` o `serial:` y el número.
    #[serde(default)]
    series: Vec<UnitId>,
    /// Por qué, hasta 400 caracteres.
    #[serde(default)]
    motivo: Option<String>,
    /// Identificador propio del movimiento: enviado otra vez, no se repite. Se genera si se omite.
    #[serde(default)]
    movimiento: Option<MovementId>,
}

#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MovementWord {
    Entrada,
    Salida,
    Ajuste,
}

/// A code that may come as a text or, from systems that number their articles, as a number.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Code {
    Text(Sku),
    Number(i64),
}

impl MovementBody {
    /// The command that this is, within the stores of the key.
    ///
    /// # Errors
    /// The field that is wrong, or 403 for a store that the key does not see.
    pub(super) fn into_command(
        self,
        context: &KeyContext,
        currency: Currency,
    ) -> Result<CreateMovement, Problem> {
        let Some(store) = self.tienda.or_else(|| only_store(context)) else {
            return Err(wrong("/tienda", "falta la tienda", "the store is missing"));
        };
        context.check_store(&store)?;
        let sku = match self.articulo {
            Code::Text(sku) => sku,
            Code::Number(number) => Sku::new(&number.to_string())
                .map_err(|_| wrong("/articulo", "no es un código de artículo", "is no article's code"))?,
        };
        let unit_cost_minor = self
            .costo
            .map(|raw| minor_of(&raw, currency).ok_or_else(|| not_an_amount("/costo", currency)))
            .transpose()?;
        let kind = match self.tipo {
            MovementWord::Entrada => MovementKind::In,
            MovementWord::Salida => MovementKind::Out,
            MovementWord::Ajuste => MovementKind::Adjustment,
        };
        let line = MovementLineRequest {
            sku,
            quantity: self.cantidad,
            unit_cost_minor,
            units: self.series,
            cause: None,
        };
        Ok(CreateMovement {
            movement_id: self.movimiento,
            kind,
            store,
            lines: vec![line],
            comment: comment(self.fecha, self.motivo)?,
        })
    }
}

/// The only store that the key sees, if it is one.
fn only_store(context: &KeyContext) -> Option<StoreId> {
    match context.stores() {
        [store] => Some(store.clone()),
        _ => None,
    }
}

/// The sender's own time and words, as the movement keeps them.
fn comment(date: Option<String>, reason: Option<String>) -> Result<Option<String>, Problem> {
    let date = date.map(|date| checked_date(&date)).transpose()?;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > 400) {
        return Err(wrong(
            "/motivo",
            "como máximo 400 caracteres",
            "400 characters at most",
        ));
    }
    Ok(match (date, reason) {
        (Some(date), Some(reason)) => Some(format!("{date}: {reason}")),
        (date, reason) => date.or(reason),
    })
}

/// A date, or a date and time with or without an offset, as it was written.
fn checked_date(text: &str) -> Result<String, Problem> {
    let is_date = text.len() <= MAX_DATE_CHARS
        && (OffsetDateTime::parse(text, &Rfc3339).is_ok()
            || PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).is_ok()
            || Date::parse(text, &Iso8601::DEFAULT).is_ok());
    if is_date {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "/fecha",
            "se espera una fecha ISO 8601",
            "an ISO 8601 date is expected",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_as_iso_8601_writes_them_and_as_nothing_else() {
        for good in [
            "2026-01-08",
            "2026-01-08T10:30:00",
            "2026-01-08T10:30:00.123456",
            "2026-01-08T10:30:00Z",
            "2026-01-08T10:30:00-06:00",
        ] {
            assert_eq!(checked_date(good).unwrap(), good);
        }
        for bad in ["", "ayer", "08/01/2026", "2026-13-01", "2026-01-08 10h"] {
            assert_eq!(
                checked_date(bad).unwrap_err().errors[0].pointer,
                "/fecha",
                "{bad}"
            );
        }
    }

    #[test]
    fn the_senders_time_and_words_are_kept_together() {
        let of = |date: Option<&str>, reason: Option<&str>| {
            comment(date.map(str::to_owned), reason.map(str::to_owned)).unwrap()
        };
        assert_eq!(
            of(Some("2026-01-08"), Some("merma")).as_deref(),
            Some("2026-01-08: merma")
        );
        assert_eq!(of(None, Some("merma")).as_deref(), Some("merma"));
        assert_eq!(of(None, None), None);
        assert!(comment(None, Some("x".repeat(401))).is_err());
    }
}
