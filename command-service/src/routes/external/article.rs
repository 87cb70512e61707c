//! An article as external systems send it: known fields in Spanish, and every other field a free attribute.
//!
//! Figures with decimals are kept as they were written. Not here: what becomes of it (`domain::catalogue::PutItem`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::catalogue::{DetailsPatch, PutItem};
use platform::http::{Problem, Text, codes};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use schemas::events::catalogue::{AttributeValue, ItemKind};
use schemas::{Currency, Sku, TaxCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::decimal::minor_of;

/// The fields of an article, each as it was written.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct ArticleFields(BTreeMap<String, Box<RawValue>>);

/// Un artículo. Los campos que no se nombran aquí son atributos libres: texto, número o verdadero/falso; los decimales
/// se conservan como se escribieron, y `null` quita un atributo.
#[derive(JsonSchema)]
#[schemars(rename = "ArticuloNuevo", example = serde_json::json!({
    "codigo": "TUB-PVC-2", "nombre": "Tubería PVC 2 pulgadas", "precio": "145.50", "material": "PVC", "diametro": 2.5
}))]
#[expect(dead_code, reason = "the shape of a body that is read field by field")]
struct ArticleShape {
    /// Código único (SKU), 1 a 64 caracteres, o un número entero; también se acepta `sku`. Si ya existe, el artículo se
    /// modifica. Si se omite, vale `codigo_barras` y, si tampoco lo hay, el comienzo de `nombre` (64 caracteres), como al
    /// importar.
    codigo: Option<Sku>,
    /// 1 a 200 caracteres; obligatorio para un artículo nuevo.
    nombre: Option<String>,
    /// De un artículo nuevo; `contado` si se omite.
    tipo: Option<ArticleKind>,
    /// Precio de una unidad en la moneda de la organización, con punto decimal: texto o número. 0 si se omite.
    precio: Option<String>,
    /// Código de una tasa de impuesto.
    impuesto: Option<TaxCode>,
    /// GTIN (EAN, UPC) con su dígito de control.
    codigo_barras: Option<String>,
    marca: Option<String>,
    modelo: Option<String>,
    color: Option<String>,
    capacidad: Option<String>,
    /// Como `nuevo`, `usado`.
    condicion: Option<String>,
    /// 0 a 1200.
    garantia_meses: Option<i64>,
    /// Atributos libres, además de los campos que no se nombran aquí; como máximo 50 en total.
    atributos: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ArticleKind {
    Contado,
    Serializado,
    Servicio,
}

impl JsonSchema for ArticleFields {
    fn schema_name() -> Cow<'static, str> {
        "ArticuloNuevo".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ArticleShape::json_schema(generator)
    }
}

impl ArticleFields {
    /// The command that these fields are, with amounts in minor units of `currency`.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(super) fn into_command(mut self, currency: Currency) -> Result<PutItem, Problem> {
        let own = match self.code("codigo")? {
            Some(sku) => Some(sku),
            None => self.code("sku")?,
        };
        let name: Option<String> = self.take("nombre")?;
        let gtin: Option<String> = self.take("codigo_barras")?;
        let sku = own.or_else(|| derived(gtin.as_deref(), name.as_deref()));
        let sku = sku.ok_or_else(|| {
            wrong(
                "/codigo",
                "falta el código del artículo, o un nombre del que tomarlo",
                "the article's code is missing, and so is a name to take it from",
            )
        })?;
        let kind: Option<ArticleKind> = self.take("tipo")?;
        let price = self.0.remove("precio").filter(|raw| raw.get() != "null");
        let price_minor = price
            .map(|raw| minor_of(&raw, currency).ok_or_else(|| not_an_amount("/precio", currency)))
            .transpose()?;
        let command = PutItem {
            sku,
            name,
            kind: kind.map(|kind| match kind {
                ArticleKind::Contado => ItemKind::Counted,
                ArticleKind::Serializado => ItemKind::Serialised,
                ArticleKind::Servicio => ItemKind::Service,
            }),
            price_minor,
            tax_code: self.take("impuesto")?,
            details: DetailsPatch {
                gtin,
                brand: self.take("marca")?,
                model: self.take("modelo")?,
                colour: self.take("color")?,
                capacity: self.take("capacidad")?,
                condition: self.take("condicion")?,
                warranty_months: self.take("garantia_meses")?,
                attributes: self.attributes()?,
            },
        };
        Ok(command)
    }

    /// A code: a text or, from systems that number their articles, an integer.
    fn code(&mut self, name: &str) -> Result<Option<Sku>, Problem> {
        let is_number = |raw: &RawValue| raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
        if !self.0.get(name).is_some_and(|raw| is_number(raw)) {
            return self.take(name);
        }
        let number: Option<i64> = self.take(name)?;
        Ok(number.and_then(|number| Sku::new(&number.to_string()).ok()))
    }

    /// A known field; `null` is as good as absent.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let Some(raw) = self.0.remove(name) else {
            return Ok(None);
        };
        platform::http::json::parse::<Option<T>>(raw.get().as_bytes()).map_err(|problem| {
            let detail = problem.errors.first().map(|error| error.detail.clone());
            let detail = detail.unwrap_or_else(|| Text::fixed("no se acepta", "is not accepted"));
            Problem::new(&codes::BODY_INVALID).at(format!("/{name}"), detail)
        })
    }

    /// What is left: `atributos`, and every field that is not known.
    fn attributes(&mut self) -> Result<BTreeMap<String, Option<AttributeValue>>, Problem> {
        let named: Option<BTreeMap<String, Box<RawValue>>> = self.take("atributos")?;
        let rest = std::mem::take(&mut self.0);
        let all = named.unwrap_or_default().into_iter().chain(rest);
        all.map(|(name, raw)| {
            let value = attribute(&raw).ok_or_else(|| {
                wrong(
                    &format!("/{name}"),
                    "un atributo es un texto, un número, verdadero, falso o null",
                    "an attribute is a text, a number, true, false or null",
                )
            })?;
            Ok((name, value))
        })
        .collect()
    }
}

/// The code of an article that came without one, as imports derive it: its GTIN, else what its name begins with.
fn derived(gtin: Option<&str>, name: Option<&str>) -> Option<Sku> {
    let is_something = |text: &&str| !text.trim().is_empty();
    let text = gtin.filter(is_something).or(name.filter(is_something))?;
    let text: String = text.trim().chars().take(64).collect();
    Sku::new(text.trim()).ok()
}

/// `None` for lists and objects; `Some(None)` takes the attribute away.
fn attribute(raw: &RawValue) -> Option<Option<AttributeValue>> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'n' => Some(None),
        b't' => Some(Some(AttributeValue::Flag(true))),
        b'f' => Some(Some(AttributeValue::Flag(false))),
        b'"' => serde_json::from_str(text)
            .ok()
            .map(|text| Some(AttributeValue::Text(text))),
        b'[' | b'{' => None,
        // A number with decimals stays as it was written.
        _ => Some(Some(text.parse().map_or_else(
            |_| AttributeValue::Text(text.to_owned()),
            AttributeValue::Integer,
        ))),
    }
}

pub(super) fn not_an_amount(pointer: &str, currency: Currency) -> Problem {
    let (code, decimals) = (currency.code(), currency.exponent());
    Problem::new(&codes::BODY_INVALID).at(
        pointer,
        Text::new(
            format!("se espera un importe en {code} con {decimals} decimales como máximo"),
            format!("an amount in {code} with {decimals} decimals at most is expected"),
        ),
    )
}

pub(super) fn wrong(pointer: &str, es: &'static str, en: &'static str) -> Problem {
    Problem::new(&codes::BODY_INVALID).at(pointer, Text::fixed(es, en))
}

#[cfg(test)]
mod tests {
    use schemas::Minor;
    use serde_json::json;

    use super::*;

    fn command(body: &str) -> Result<PutItem, Problem> {
        platform::http::json::parse::<ArticleFields>(body.as_bytes())?
            .into_command(Currency::new("HNL").unwrap())
    }

    #[test]
    fn unknown_fields_are_attributes_with_their_types_and_decimals_as_they_were_written() {
        let put = command(
            r#"{ "codigo": "TUB-1", "nombre": "Tubería", "precio": 145.5, "material": "PVC", "diametro": 2.50,
                 "piezas": 6, "flexible": false, "viejo": null, "atributos": { "norma": "SDR-26" } }"#,
        )
        .unwrap();
        assert_eq!(
            (put.sku.as_str(), put.price_minor),
            ("TUB-1", Some(Minor::new(14_550).unwrap()))
        );
        let attributes = serde_json::to_value(&put.details.attributes).unwrap();
        let expected = json!({ "material": "PVC", "diametro": "2.50", "piezas": 6, "flexible": false, "viejo": null,
            "norma": "SDR-26" });
        assert_eq!(attributes, expected);
    }

    #[test]
    fn an_article_without_a_code_takes_its_bar_code_or_its_name_and_a_number_is_a_code() {
        let long = "Ñ".repeat(70);
        for (body, code) in [
            (
                r#"{ "nombre": "Tubería PVC", "material": "PVC", "diametro": 2 }"#.to_owned(),
                "Tubería PVC",
            ),
            (
                r#"{ "nombre": "Té", "codigo_barras": "7501031311309" }"#.to_owned(),
                "7501031311309",
            ),
            (format!(r#"{{ "nombre": "{long}" }}"#), &long[..128]),
            (r#"{ "codigo": 4711 }"#.to_owned(), "4711"),
            (r#"{ "codigo": null, "sku": 12, "nombre": "x" }"#.to_owned(), "12"),
        ] {
            assert_eq!(command(&body).unwrap().sku.as_str(), code, "{body}");
        }
        let put = command(r#"{ "nombre": "Tubería PVC", "material": "PVC", "diametro": 2 }"#).unwrap();
        assert_eq!(put.name.as_deref(), Some("Tubería PVC"));
        let attributes = serde_json::to_value(&put.details.attributes).unwrap();
        assert_eq!(attributes, json!({ "material": "PVC", "diametro": 2 }));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        for (body, pointer) in [
            (r#"{ "material": "PVC" }"#, "/codigo"),
            (r#"{ "nombre": " " }"#, "/codigo"),
            (r#"{ "codigo": 1.5 }"#, "/codigo"),
            (r#"{ "codigo": " x" }"#, "/codigo"),
            (r#"{ "codigo": "x", "precio": "1.234" }"#, "/precio"),
            (r#"{ "codigo": "x", "precio": "doce" }"#, "/precio"),
            (r#"{ "codigo": "x", "tipo": "otro" }"#, "/tipo"),
            (
                r#"{ "codigo": "x", "garantia_meses": "doce" }"#,
                "/garantia_meses",
            ),
            (r#"{ "codigo": "x", "medidas": [1, 2] }"#, "/medidas"),
        ] {
            let problem = command(body).unwrap_err();
            assert_eq!(problem.errors[0].pointer, pointer, "{body}");
        }
    }
}
