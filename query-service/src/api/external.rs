//! Reads of external systems, in the customer's Spanish (CON-10): articles and stock; totals are in `reports`.
//!
//! The tenant and the stores come from the key alone. Amounts are decimal texts in the tenant's currency. Not here:
//! writes (command-service), and keys, scopes and limits (the guard).

pub mod reports;

use platform::http::json::{NextCursor, json_response, register_schema, responses_meta};
use platform::http::{KeyContext, Page, Problem};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{IntoResponse, Response};
use poem_openapi::param::Query;
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, OpenApi};
use schemars::JsonSchema;
use schemas::{Currency, Sku, StoreId};
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::Group;
use crate::QueryService;
use crate::list::{List, push_equal};
use crate::parameters::filter_id;

/// Una página; la cabecera `Link` lleva a la siguiente.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PaginaDe{T}")]
pub struct Pagina<T> {
    pub resultados: Vec<T>,
    /// Envíelo como `cursor` para seguir leyendo; `null` en la última página.
    pub siguiente: Option<String>,
    /// La posición del registro de la que habla esta respuesta.
    pub posicion: i64,
}

impl<T> Pagina<T> {
    fn of<Row>(page: Page<Row>, row: impl Fn(Row) -> T) -> Self {
        Self {
            resultados: page.items.into_iter().map(row).collect(),
            siguiente: page.next,
            posicion: page.position,
        }
    }
}

/// A page with status 200; the guard adds the `Link` header.
#[derive(Debug)]
pub struct PaginaAnswer<T>(Pagina<T>);

impl<T: Serialize + Send> IntoResponse for PaginaAnswer<T> {
    fn into_response(self) -> Response {
        let mut response = json_response(StatusCode::OK, &self.0);
        if let Some(cursor) = self.0.siguiente {
            response.extensions_mut().insert(NextCursor(cursor));
        }
        response
    }
}

impl<T: Serialize + JsonSchema + Send> ApiResponse for PaginaAnswer<T> {
    fn meta() -> MetaResponses {
        responses_meta::<Pagina<T>>(200, "")
    }

    fn register(registry: &mut Registry) {
        register_schema::<Pagina<T>>(registry);
    }
}

/// An amount as a decimal text: `145.50`.
fn decimal(minor: i64, currency: &str) -> String {
    let places = Currency::new(currency).map_or(0, Currency::exponent);
    let unit = 10_u64.pow(places);
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    match usize::try_from(places) {
        Ok(width) if width > 0 => format!("{sign}{whole}.{rest:0width$}"),
        _ => format!("{sign}{whole}"),
    }
}

/// Un artículo.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = serde_json::json!({
    "codigo": "TUB-PVC-2", "nombre": "Tubería PVC 2 pulgadas", "tipo": "contado", "precio": "145.50", "moneda": "HNL",
    "activo": true, "atributos": { "material": "PVC", "diametro": "2.5" }, "fecha": "2026-01-08T10:30:00Z"
}))]
pub struct Articulo {
    pub codigo: String,
    pub nombre: String,
    /// `contado`, `serializado` o `servicio`.
    pub tipo: String,
    /// De una unidad, con punto decimal.
    pub precio: String,
    pub moneda: String,
    pub impuesto: Option<String>,
    pub codigo_barras: Option<String>,
    pub marca: Option<String>,
    pub modelo: Option<String>,
    pub color: Option<String>,
    pub capacidad: Option<String>,
    pub condicion: Option<String>,
    pub garantia_meses: Option<i64>,
    /// Atributos libres: texto, entero o verdadero/falso; los decimales son texto.
    pub atributos: serde_json::Value,
    /// `false` si ya no se vende.
    pub activo: bool,
    /// Último cambio.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub fecha: OffsetDateTime,
}

#[derive(FromRow)]
struct ItemRow {
    sku: String,
    name: String,
    kind: String,
    price_minor: i64,
    currency: String,
    tax_code: Option<String>,
    details: String,
    discontinued: bool,
    changed_at: OffsetDateTime,
}

impl From<ItemRow> for Articulo {
    fn from(row: ItemRow) -> Self {
        let details: schemas::events::catalogue::ItemDetails =
            serde_json::from_str(&row.details).unwrap_or_default();
        Self {
            precio: decimal(row.price_minor, &row.currency),
            codigo: row.sku,
            nombre: row.name,
            tipo: match row.kind.as_str() {
                "serialised" => "serializado",
                "service" => "servicio",
                _ => "contado",
            }
            .to_owned(),
            moneda: row.currency,
            impuesto: row.tax_code,
            codigo_barras: details.gtin,
            marca: details.brand,
            modelo: details.model,
            color: details.colour,
            capacidad: details.capacity,
            condicion: details.condition,
            garantia_meses: details.warranty_months,
            atributos: serde_json::to_value(details.attributes).unwrap_or_default(),
            activo: !row.discontinued,
            fecha: row.changed_at,
        }
    }
}

/// Existencias de un artículo en una tienda.
#[derive(Debug, Serialize, JsonSchema, FromRow)]
#[schemars(example = serde_json::json!({
    "articulo": "TUB-PVC-2", "nombre": "Tubería PVC 2 pulgadas", "tienda": "centro", "existencia": 40, "reservado": 2,
    "disponible": 38, "fecha": "2026-01-08T10:30:00Z"
}))]
pub struct Existencia {
    /// Código.
    pub articulo: String,
    pub nombre: Option<String>,
    pub tienda: String,
    pub existencia: i64,
    pub reservado: i64,
    /// Existencia menos reservado.
    pub disponible: i64,
    /// Último movimiento.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub fecha: OffsetDateTime,
}

/// Limits a query to the key's stores, and to the one that was asked for.
///
/// # Errors
/// 403 when the key is limited to others.
fn push_stores(
    query: &mut QueryBuilder<Postgres>,
    column: &str,
    context: &KeyContext,
    store: Option<&StoreId>,
) -> Result<(), Problem> {
    if let Some(store) = store {
        context.check_store(store)?;
        push_equal(query, column, Some(store.as_str()));
    } else if !context.stores().is_empty() {
        let stores: Vec<String> = context.stores().iter().map(ToString::to_string).collect();
        query
            .push(format!(" and {column} = any("))
            .push_bind(stores)
            .push(")");
    }
    Ok(())
}

/// Reads of external systems.
pub struct ExternalReads(pub QueryService);

#[OpenApi(tag = "Group::External")]
impl ExternalReads {
    /// Artículos, por código.
    #[oai(
        path = "/api/external/articulos",
        method = "get",
        operation_id = "external_list_articles"
    )]
    async fn external_list_articles(
        &self,
        context: Data<&KeyContext>,
        /// Solo el artículo con este código.
        codigo: Query<Option<String>>,
        /// Filas de una página, 1 a 200; 50 si se omite.
        limite: Query<Option<i64>>,
        /// `siguiente` de la página anterior.
        cursor: Query<Option<String>>,
        /// Espera a que las lecturas hayan llegado a esta posición.
        min_position: Query<Option<i64>>,
    ) -> Result<PaginaAnswer<Articulo>, Problem> {
        let tenant = context.tenant();
        let sku: Option<Sku> = filter_id("codigo", codigo.0)?;
        let filters @ [sku] = [sku.as_ref().map(Sku::as_str)];
        let list = List::<String>::new(&self.0, "external articles", tenant, &filters, limite.0, cursor.0)?;
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let mut query = QueryBuilder::new(
            "select sku, name, kind, price_minor, currency, tax_code, details, discontinued, changed_at
             from rm_items where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_equal(&mut query, "sku", sku);
        list.ascending(&mut query, "sku");
        let sort_key = |row: &ItemRow| row.sku.clone();
        let page = list.page(snapshot, query, sort_key).await?;
        Ok(PaginaAnswer(Pagina::of(page, Articulo::from)))
    }

    /// Existencias, por tienda y código; solo de las tiendas que la clave puede ver.
    #[oai(
        path = "/api/external/stock",
        method = "get",
        operation_id = "external_list_stock"
    )]
    async fn external_list_stock(
        &self,
        context: Data<&KeyContext>,
        tienda: Query<Option<String>>,
        /// Código de un artículo.
        articulo: Query<Option<String>>,
        /// Filas de una página, 1 a 200; 50 si se omite.
        limite: Query<Option<i64>>,
        /// `siguiente` de la página anterior.
        cursor: Query<Option<String>>,
        /// Espera a que las lecturas hayan llegado a esta posición.
        min_position: Query<Option<i64>>,
    ) -> Result<PaginaAnswer<Existencia>, Problem> {
        let tenant = context.tenant();
        let asked: Option<StoreId> = filter_id("tienda", tienda.0)?;
        let sku: Option<Sku> = filter_id("articulo", articulo.0)?;
        let filters @ [_, sku] = [asked.as_ref().map(StoreId::as_str), sku.as_ref().map(Sku::as_str)];
        let list =
            List::<(String, String)>::new(&self.0, "external stock", tenant, &filters, limite.0, cursor.0)?;
        let mut query = QueryBuilder::new(
            "select sku as articulo, (select name from rm_items i where i.tenant = s.tenant and i.sku = s.sku) as nombre,
                    store as tienda, on_hand as existencia, reserved as reservado, on_hand - reserved as disponible,
                    last_moved_at as fecha
             from rm_stock s where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_stores(&mut query, "store", context.0, asked.as_ref())?;
        push_equal(&mut query, "sku", sku);
        list.ascending_pair(&mut query, "store, sku");
        let snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let sort_key = |row: &Existencia| (row.tienda.clone(), row.articulo.clone());
        let page = list.page(snapshot, query, sort_key).await?;
        Ok(PaginaAnswer(Pagina::of(page, |row| row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        assert_eq!(decimal(14_550, "HNL"), "145.50");
        assert_eq!(decimal(-5, "HNL"), "-0.05");
        assert_eq!(decimal(990, "CLP"), "990");
        assert_eq!(decimal(1, "KWD"), "0.001");
    }
}
