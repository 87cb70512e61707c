//! Totals for external systems: sales of a day and month, the value of stock and what is low, by store or by article.
//!
//! Not here: the reports of users, which have figures of their own (`super::super::reports`).
#![expect(
    clippy::too_many_arguments,
    reason = "one argument per parameter of the query, as poem-openapi wants it"
)]

use platform::http::{KeyContext, Problem};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use schemars::JsonSchema;
use schemas::StoreId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{FromRow, QueryBuilder};

use super::super::Group;
use super::super::reports::{Range, item_query};
use super::{Pagina, PaginaAnswer, decimal, push_stores};
use crate::QueryService;
use crate::failure::bad_parameter;
use crate::list::List;
use crate::parameters::{filter_day, filter_id, filter_word};
use crate::snapshot::Snapshot;

const KINDS: &[&str] = &["resumen", "ventas", "stock_bajo"];

/// Una fila de un reporte; los campos que no son del reporte pedido faltan.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(example = serde_json::json!({
    "tienda": "centro", "nombre": "Centro", "moneda": "HNL", "dia": "2026-01-08", "ventas_dia": "18250.00",
    "mes": "2026-01", "ventas_mes": "96410.50", "valor_stock": "412000.00", "articulos_stock_bajo": 3
}))]
pub struct FilaReporte {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tienda: Option<String>,
    /// Código.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub articulo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nombre: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moneda: Option<String>,
    /// Del resumen: el día del que habla, en la zona horaria de la organización.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dia: Option<String>,
    /// Ventas del día, menos devoluciones y anulaciones, con impuesto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ventas_dia: Option<String>,
    /// Del resumen: el mes del día.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mes: Option<String>,
    /// Ventas del mes hasta el día, como `ventas_dia`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ventas_mes: Option<String>,
    /// Costo de las existencias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valor_stock: Option<String>,
    /// Artículos por debajo de su umbral.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub articulos_stock_bajo: Option<i64>,
    /// De las ventas por artículo: piezas, menos devoluciones y anulaciones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cantidad: Option<i64>,
    /// De las ventas por artículo: importe, como `ventas_dia`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ventas: Option<String>,
    /// Del stock bajo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existencia: Option<i64>,
    /// Del stock bajo: por debajo de esto se avisa.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umbral_minimo: Option<i64>,
}

#[derive(FromRow)]
struct SummaryRow {
    store: String,
    name: String,
    day_minor: i64,
    month_minor: i64,
    value_minor: i64,
    low: i64,
}

#[derive(FromRow)]
struct SoldRow {
    sku: String,
    currency: String,
    sold_quantity: i64,
    returned_quantity: i64,
    voided_quantity: i64,
    net_minor: i64,
}

#[derive(FromRow)]
struct LowRow {
    store: String,
    sku: String,
    name: Option<String>,
    on_hand: i64,
    minimum: i64,
}

/// The tenant's currency, and the day that it is there.
async fn today(snapshot: &mut Snapshot) -> Result<(String, String), Problem> {
    let tenant = snapshot.tenant.clone();
    let statement = sqlx::query_as(
        "select currency, to_char(now() at time zone time_zone, 'YYYY-MM-DD') from rm_tenant where tenant = $1",
    )
    .bind(tenant.as_str());
    snapshot.row(statement).await
}

/// What was asked for, checked.
struct Asked<'a> {
    context: &'a KeyContext,
    store: Option<StoreId>,
    day: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<i64>,
    cursor: Option<&'a str>,
    min_position: Option<i64>,
}

impl Asked<'_> {
    fn list<'s, K: Serialize + DeserializeOwned>(
        &self,
        service: &'s QueryService,
        name: &str,
    ) -> Result<List<'s, K>, Problem> {
        let filters = [
            self.store.as_ref().map(StoreId::as_str),
            self.day.as_deref(),
            self.from.as_deref(),
            self.to.as_deref(),
        ];
        let tenant = self.context.tenant();
        List::new(service, name, tenant, &filters, self.limit, self.cursor)
    }
}

/// Totals for external systems.
pub struct ExternalReports(pub QueryService);

impl ExternalReports {
    async fn summary(&self, asked: &Asked<'_>) -> Result<Pagina<FilaReporte>, Problem> {
        let tenant = asked.context.tenant();
        // The cursor holds the day, so that a list that is read across midnight stays of one.
        let list = asked.list::<(String, String)>(&self.0, "external summary")?;
        let after = list.after().cloned();
        let mut snapshot = self.0.snapshot(tenant, asked.min_position).await?;
        let (currency, now) = today(&mut snapshot).await?;
        let began_on = after.as_ref().map(|(day, _)| day.clone());
        let day = asked.day.clone().or(began_on).unwrap_or(now);
        let month = day.get(..7).unwrap_or_default().to_owned();
        let mut query = QueryBuilder::new(
            "select store, name, coalesce((select net_minor from rm_daily_sales d where d.tenant = s.tenant and d.store = s.store and d.day = ",
        );
        query.push_bind(&day);
        query.push("), 0) as day_minor, coalesce((select sum(net_minor)::bigint from rm_daily_sales d where d.tenant = s.tenant and d.store = s.store and d.day >= ");
        query.push_bind(format!("{month}-01"));
        query.push(" and d.day <= ");
        query.push_bind(&day);
        query.push(
            "), 0) as month_minor,
             coalesce((select sum(total_cost_minor)::bigint from rm_stock k where k.tenant = s.tenant and k.store = s.store), 0)
               as value_minor,
             (select count(*) from rm_thresholds t where t.tenant = s.tenant and t.store = s.store and t.alert_id is not null)
               as low
             from rm_stores s where tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_stores(&mut query, "store", asked.context, asked.store.as_ref())?;
        if let Some((_, store)) = after {
            query.push(" and store > ").push_bind(store);
        }
        query.push(" order by store limit ").push_bind(list.fetch());
        let sort_key = |row: &SummaryRow| (day.clone(), row.store.clone());
        let page = list.page(snapshot, query, sort_key).await?;
        Ok(Pagina::of(page, |row| FilaReporte {
            tienda: Some(row.store),
            nombre: Some(row.name),
            ventas_dia: Some(decimal(row.day_minor, &currency)),
            ventas_mes: Some(decimal(row.month_minor, &currency)),
            valor_stock: Some(decimal(row.value_minor, &currency)),
            articulos_stock_bajo: Some(row.low),
            moneda: Some(currency.clone()),
            dia: Some(day.clone()),
            mes: Some(month.clone()),
            ..FilaReporte::default()
        }))
    }

    /// By article, over one store or, for a key that sees them all, every store.
    async fn sales(&self, asked: &Asked<'_>) -> Result<Pagina<FilaReporte>, Problem> {
        let tenant = asked.context.tenant();
        let store = match (&asked.store, asked.context.stores()) {
            (Some(store), _) => Some(store.clone()),
            (None, []) => None,
            (None, [only]) => Some(only.clone()),
            (None, _) => return Err(bad_parameter("tienda", "obligatoria para esta clave")),
        };
        if let Some(store) = &store {
            asked.context.check_store(store)?;
        }
        // The cursor holds the first day, so that a list that is read across the end of a month stays of one.
        let list = asked.list::<(String, String)>(&self.0, "external sales")?;
        let after = list.after().cloned();
        let mut snapshot = self.0.snapshot(tenant, asked.min_position).await?;
        let from = match (&asked.from, &after) {
            (Some(from), _) | (None, Some((from, _))) => from.clone(),
            (None, None) => {
                let (_, now) = today(&mut snapshot).await?;
                format!("{}-01", now.get(..7).unwrap_or_default())
            }
        };
        let store = store.map(|store| store.to_string());
        let range = Range::new(store, Some(from.clone()), asked.to.clone())?;
        let after = after.as_ref().map(|(_, sku)| sku.as_str());
        let mut query = item_query(tenant.as_str(), &range, after);
        query.push(" order by sku limit ").push_bind(list.fetch());
        let sort_key = |row: &SoldRow| (from.clone(), row.sku.clone());
        let page = list.page(snapshot, query, sort_key).await?;
        Ok(Pagina::of(page, |row| FilaReporte {
            cantidad: Some(row.sold_quantity - row.returned_quantity - row.voided_quantity),
            ventas: Some(decimal(row.net_minor, &row.currency)),
            articulo: Some(row.sku),
            moneda: Some(row.currency),
            ..FilaReporte::default()
        }))
    }

    async fn low(&self, asked: &Asked<'_>) -> Result<Pagina<FilaReporte>, Problem> {
        let tenant = asked.context.tenant();
        let list = asked.list::<(String, String)>(&self.0, "external low")?;
        let mut query = QueryBuilder::new(
            "select t.store, t.sku, i.name, coalesce(s.on_hand, 0) as on_hand, t.minimum
             from rm_thresholds t
             left join rm_stock s on s.tenant = t.tenant and s.store = t.store and s.sku = t.sku
             left join rm_items i on i.tenant = t.tenant and i.sku = t.sku
             where t.alert_id is not null and t.minimum is not null and t.tenant = ",
        );
        query.push_bind(tenant.as_str());
        push_stores(&mut query, "t.store", asked.context, asked.store.as_ref())?;
        list.ascending_pair(&mut query, "t.store, t.sku");
        let snapshot = self.0.snapshot(tenant, asked.min_position).await?;
        let sort_key = |row: &LowRow| (row.store.clone(), row.sku.clone());
        let page = list.page(snapshot, query, sort_key).await?;
        Ok(Pagina::of(page, |row| FilaReporte {
            tienda: Some(row.store),
            articulo: Some(row.sku),
            nombre: row.name,
            existencia: Some(row.on_hand),
            umbral_minimo: Some(row.minimum),
            ..FilaReporte::default()
        }))
    }
}

#[OpenApi(tag = "Group::External")]
impl ExternalReports {
    /// Totales por tienda o por artículo
    #[oai(
        path = "/api/external/reportes",
        method = "get",
        operation_id = "external_reports"
    )]
    async fn external_reports(
        &self,
        context: Data<&KeyContext>,
        /// `resumen` por tienda (si se omite), `ventas` por artículo, o `stock_bajo` por tienda y artículo.
        tipo: Query<Option<String>>,
        tienda: Query<Option<String>>,
        /// Del resumen: el día, AAAA-MM-DD; hoy si se omite.
        fecha: Query<Option<String>>,
        /// De las ventas: primer día; el primero de este mes si se omite.
        desde: Query<Option<String>>,
        /// De las ventas: último día.
        hasta: Query<Option<String>>,
        /// Filas de una página, 1 a 200; 50 si se omite.
        limite: Query<Option<i64>>,
        /// `siguiente` de la página anterior.
        cursor: Query<Option<String>>,
        /// Espera a que las lecturas hayan llegado a esta posición.
        min_position: Query<Option<i64>>,
    ) -> Result<PaginaAnswer<FilaReporte>, Problem> {
        let kind = filter_word("tipo", tipo.0, KINDS)?;
        let asked = Asked {
            context: context.0,
            store: filter_id("tienda", tienda.0)?,
            day: filter_day("fecha", fecha.0)?,
            from: filter_day("desde", desde.0)?,
            to: filter_day("hasta", hasta.0)?,
            limit: limite.0,
            cursor: cursor.0.as_deref(),
            min_position: min_position.0,
        };
        let page = match kind.as_deref() {
            Some("ventas") => self.sales(&asked).await?,
            Some("stock_bajo") => self.low(&asked).await?,
            _ => self.summary(&asked).await?,
        };
        Ok(PaginaAnswer(page))
    }
}
