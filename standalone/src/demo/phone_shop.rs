//! A phone shop in Tegucigalpa: devices with IMEIs, accessories, repairs. Lempiras, two decimals, ISV 15 % included.

use schemas::Minor;
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::events::customer::{CreditTerms, CustomerKind};
use schemas::events::sale::PaymentMethod;

use super::script::{Goods, Script, imei};

const TAX: &str = "ISV15";
const CENTRO: &str = "centro";
const KENNEDY: &str = "kennedy";

/// All steps of the phone shop, in order.
pub fn script() -> anyhow::Result<Script> {
    let mut shop = Script::default();
    shop.tax(TAX, "Impuesto sobre ventas 15 %", 150_000)?;
    shop.store(CENTRO, "Tienda Centro")?;
    shop.store(KENNEDY, "Tienda Kennedy")?;
    devices(&mut shop)?;
    accessories(&mut shop)?;
    shop.customer(
        "taller-el-buho",
        CustomerKind::Company,
        CreditTerms::Limited {
            limit_minor: Minor::new(5_000_000)?,
        },
        "Taller El Búho",
        "+504 2222-0101",
    )?;
    shop.customer(
        "ana-lagos",
        CustomerKind::Person,
        CreditTerms::None,
        "Ana Lagos",
        "+504 9999-0102",
    )?;
    let galaxy = |serial| imei("35824005", serial);
    shop.sale(
        "teg-1",
        CENTRO,
        None,
        vec![Goods::Unit(galaxy(101)), Goods::Sku("MICA-A15", 1)],
        &[(PaymentMethod::Card, 639_000), (PaymentMethod::Cash, 50_000)],
    )?;
    shop.sale(
        "teg-2",
        CENTRO,
        Some("taller-el-buho"),
        vec![Goods::Sku("USBC-1M", 10), Goods::Sku("DIAGNOSTICO", 1)],
        &[(PaymentMethod::Credit, 285_000)],
    )?;
    shop.sale(
        "teg-3",
        KENNEDY,
        None,
        vec![Goods::Sku("FUNDA-A15", 2)],
        &[(PaymentMethod::Cash, 60_000)],
    )?;
    Ok(shop)
}

fn devices(shop: &mut Script) -> anyhow::Result<()> {
    let device = |brand: &str, model: &str, capacity: &str| ItemDetails {
        brand: Some(brand.to_owned()),
        model: Some(model.to_owned()),
        capacity: Some(capacity.to_owned()),
        condition: Some("new".to_owned()),
        warranty_months: Some(12),
        ..ItemDetails::default()
    };
    let rows = [
        (
            "GAL-A15-128",
            "Galaxy A15 128 GB",
            649_000,
            device("Samsung", "Galaxy A15", "128 GB"),
            "35824005",
            520_000,
        ),
        (
            "MOTO-G24-256",
            "Moto G24 256 GB",
            559_000,
            device("Motorola", "Moto G24", "256 GB"),
            "35391110",
            450_000,
        ),
        (
            "REDMI-13-256",
            "Redmi 13 256 GB",
            589_000,
            device("Xiaomi", "Redmi 13", "256 GB"),
            "86512306",
            470_000,
        ),
    ];
    for (sku, name, price_minor, details, tac, cost_minor) in rows {
        shop.item(sku, name, ItemKind::Serialised, price_minor, TAX, details)?;
        let centro: Vec<String> = (101..=106).map(|serial| imei(tac, serial)).collect();
        let kennedy: Vec<String> = (201..=203).map(|serial| imei(tac, serial)).collect();
        shop.receive_units(CENTRO, sku, cost_minor, &centro)?;
        shop.receive_units(KENNEDY, sku, cost_minor, &kennedy)?;
    }
    Ok(())
}

fn accessories(shop: &mut Script) -> anyhow::Result<()> {
    let rows = [
        ("USBC-1M", "Cable USB-C 1 m", 25_000),
        ("CARG-25W", "Cargador 25 W", 65_000),
        ("FUNDA-A15", "Funda Galaxy A15", 30_000),
        ("MICA-A15", "Mica de vidrio Galaxy A15", 20_000),
        ("AUDIF-BT", "Audífonos Bluetooth", 89_000),
        ("SD-128", "Memoria microSD 128 GB", 48_000),
    ];
    for (sku, name, price_minor) in rows {
        shop.item(
            sku,
            name,
            ItemKind::Counted,
            price_minor,
            TAX,
            ItemDetails::default(),
        )?;
    }
    shop.item(
        "DIAGNOSTICO",
        "Diagnóstico de equipo",
        ItemKind::Service,
        35_000,
        TAX,
        ItemDetails::default(),
    )?;
    let stock: Vec<(&str, i64, i64)> = rows.iter().map(|(sku, _, price)| (*sku, 40, price / 2)).collect();
    shop.receive(CENTRO, &stock)?;
    shop.receive(KENNEDY, &stock)
}
