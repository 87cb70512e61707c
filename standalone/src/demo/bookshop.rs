//! A bookshop in Santiago: pesos without decimals, IVA 19 % included, one store and its storeroom.

use schemas::Minor;
use schemas::events::catalogue::{AttributeValue, ItemDetails, ItemKind};
use schemas::events::customer::{CreditTerms, CustomerKind};
use schemas::events::sale::PaymentMethod;

use super::script::{Goods, Script};

const TAX: &str = "IVA19";
const STORE: &str = "providencia";
const STOREROOM: &str = "bodega";

/// All steps of the bookshop, in order.
pub fn script() -> anyhow::Result<Script> {
    let mut shop = Script::default();
    shop.tax(TAX, "Impuesto al valor agregado 19 %", 190_000)?;
    shop.store(STORE, "Librería Providencia")?;
    shop.store(STOREROOM, "Bodega")?;
    let books = [
        (
            "LIB-0001",
            "Cien años de soledad",
            "Gabriel García Márquez",
            16_990,
        ),
        ("LIB-0002", "La casa de los espíritus", "Isabel Allende", 14_990),
        ("LIB-0003", "Los detectives salvajes", "Roberto Bolaño", 21_990),
        (
            "LIB-0004",
            "Veinte poemas de amor y una canción desesperada",
            "Pablo Neruda",
            8_990,
        ),
        ("LIB-0005", "Desolación", "Gabriela Mistral", 9_990),
        ("LIB-0006", "Papelucho", "Marcela Paz", 6_990),
        ("LIB-0007", "Rayuela", "Julio Cortázar", 18_990),
        ("LIB-0008", "El obsceno pájaro de la noche", "José Donoso", 17_990),
    ];
    for (sku, title, author, price_minor) in books {
        let details = ItemDetails {
            attributes: [("autor".to_owned(), AttributeValue::Text(author.to_owned()))].into(),
            ..ItemDetails::default()
        };
        shop.item(sku, title, ItemKind::Counted, price_minor, TAX, details)?;
    }
    shop.item(
        "ENVOLVER",
        "Envoltorio de regalo",
        ItemKind::Service,
        1_000,
        TAX,
        ItemDetails::default(),
    )?;
    let stock: Vec<(&str, i64, i64)> = books
        .iter()
        .map(|(sku, _, _, price)| (*sku, 12, price * 6 / 10))
        .collect();
    shop.receive(STORE, &stock)?;
    shop.receive(STOREROOM, &stock)?;
    shop.customer(
        "colegio-los-aromos",
        CustomerKind::Company,
        CreditTerms::Limited {
            limit_minor: Minor::new(800_000)?,
        },
        "Colegio Los Aromos",
        "+56 2 2345 0103",
    )?;
    shop.customer(
        "m-rojas",
        CustomerKind::Person,
        CreditTerms::None,
        "Matilde Rojas",
        "+56 9 8765 0104",
    )?;
    shop.sale(
        "scl-1",
        STORE,
        None,
        vec![Goods::Sku("LIB-0001", 1), Goods::Sku("ENVOLVER", 1)],
        &[(PaymentMethod::Cash, 20_000)],
    )?;
    shop.sale(
        "scl-2",
        STORE,
        Some("colegio-los-aromos"),
        vec![Goods::Sku("LIB-0006", 10)],
        &[(PaymentMethod::Credit, 69_900)],
    )?;
    shop.sale(
        "scl-3",
        STORE,
        Some("m-rojas"),
        vec![Goods::Sku("LIB-0003", 1), Goods::Sku("LIB-0004", 1)],
        &[(PaymentMethod::Card, 30_980)],
    )?;
    Ok(shop)
}
