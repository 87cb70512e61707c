//! Which row holds the headings, and what a heading means: Spanish and English, accents and case ignored.
//!
//! Headings may stand on two rows, as under merged cells: what a cell alone does not say, the cell above it may.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_TITLE_ROWS;
use crate::table::{Cell, SourceRow};

/// What a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Sku,
    Name,
    Kind,
    Price,
    Cost,
    Tax,
    /// A figure that is on hand or comes in; the import says which.
    Quantity,
    Imei,
    Serial,
    Gtin,
    Brand,
    Model,
    Colour,
    Capacity,
    Condition,
    /// Months.
    Warranty,
    Store,
}

impl Field {
    /// As answers name it.
    pub fn name(self) -> &'static str {
        match self {
            Field::Sku => "sku",
            Field::Name => "name",
            Field::Kind => "kind",
            Field::Price => "price",
            Field::Cost => "cost",
            Field::Tax => "tax",
            Field::Quantity => "quantity",
            Field::Imei => "imei",
            Field::Serial => "serial",
            Field::Gtin => "gtin",
            Field::Brand => "brand",
            Field::Model => "model",
            Field::Colour => "colour",
            Field::Capacity => "capacity",
            Field::Condition => "condition",
            Field::Warranty => "warranty_months",
            Field::Store => "store",
        }
    }

    /// Names an item by itself.
    fn is_identity(self) -> bool {
        matches!(
            self,
            Field::Sku | Field::Name | Field::Imei | Field::Serial | Field::Gtin
        )
    }
}

/// Synonyms in their normal form (see [`normal`]).
#[rustfmt::skip]
const SYNONYMS: &[(Field, &[&str])] = &[
    (Field::Sku, &[
        "sku", "codigo", "codigo de articulo", "codigo articulo", "codigo del articulo", "codigo de producto",
        "codigo producto", "codigo del producto", "codigo interno", "cod", "cod articulo", "cod producto", "clave",
        "clave de articulo", "referencia", "ref", "articulo codigo", "item code", "item number", "item no", "item id",
        "product code", "product id", "stock code", "stockcode", "part number", "part no", "numero de parte", "code", "id articulo",
    ]),
    (Field::Name, &[
        "nombre", "descripcion", "nombre del articulo", "nombre articulo", "nombre de articulo", "nombre del producto",
        "nombre producto", "nombre de producto", "descripcion del articulo", "descripcion articulo", "descripcion del producto",
        "descripcion producto", "producto", "articulo", "detalle", "name", "description", "item", "item name", "product",
        "product name", "title", "titulo", "device", "equipo", "dispositivo",
    ]),
    (Field::Kind, &["tipo", "tipo de articulo", "tipo de producto", "tipo articulo", "kind", "type", "item type", "product type"]),
    (Field::Price, &[
        "precio", "precio de venta", "precio venta", "precio unitario", "precio publico", "precio al publico", "precio lista",
        "precio de lista", "pvp", "venta", "price", "unit price", "unitprice", "sale price", "sales price", "selling price",
        "retail price", "list price", "precio con impuesto", "precio final",
    ]),
    (Field::Cost, &[
        "costo", "coste", "costo unitario", "coste unitario", "costo promedio", "precio de compra", "precio compra",
        "precio de costo", "precio costo", "precio de coste", "cost", "unit cost", "cost price", "purchase price", "average cost",
    ]),
    (Field::Tax, &["impuesto", "impuestos", "isv", "iva", "itbis", "tasa", "tasa de impuesto", "codigo de impuesto", "tax", "tax code", "tax rate", "vat"]),
    (Field::Quantity, &[
        "cantidad", "cant", "existencia", "existencias", "stock", "inventario", "unidades", "piezas", "saldo", "disponible",
        "cantidad en existencia", "existencia actual", "stock actual", "conteo", "quantity", "qty", "on hand", "onhand",
        "qty on hand", "quantity on hand", "in stock", "units", "count", "amount", "pieces",
    ]),
    (Field::Imei, &["imei", "imei 1", "imei1", "numero imei", "numero de imei", "no imei", "n imei", "imei number", "imei no"]),
    (Field::Serial, &[
        "serie", "numero de serie", "numero serie", "no de serie", "no serie", "n serie", "n de serie", "num serie", "serial",
        "serial number", "serial no", "serialnumber", "s n", "sn",
    ]),
    (Field::Gtin, &[
        "gtin", "ean", "ean13", "ean 13", "upc", "codigo de barras", "codigo barras", "cod barras", "cod de barras", "barras",
        "barcode", "bar code", "isbn",
    ]),
    (Field::Brand, &["marca", "fabricante", "brand", "make", "manufacturer"]),
    (Field::Model, &["modelo", "model", "model name", "modelo comercial"]),
    (Field::Colour, &["color", "colour"]),
    (Field::Capacity, &["capacidad", "almacenamiento", "memoria", "capacity", "storage", "memory"]),
    (Field::Condition, &["condicion", "estado", "estado del equipo", "condicion del equipo", "condition", "grade", "grado"]),
    (Field::Warranty, &[
        "garantia", "garantia meses", "meses de garantia", "meses garantia", "garantia en meses", "warranty", "warranty months",
        "months of warranty", "warranty in months",
    ]),
    (Field::Store, &["tienda", "sucursal", "almacen", "bodega", "local", "store", "branch", "warehouse", "shop"]),
];

/// Currencies and units that people add to a heading.
const ENDINGS: &[&str] = &[
    "hnl", "lps", "lempiras", "usd", "eur", "gtq", "nio", "crc", "mxn", "clp", "cop", "pen", "ars", "gbp",
    "l", "uds", "pcs",
];

/// Lower case, without accents, and words with one space between them.
pub fn normal(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let plain = match c {
            'á' | 'à' | 'ä' | 'â' | 'ã' | 'å' => 'a',
            'é' | 'è' | 'ë' | 'ê' => 'e',
            'í' | 'ì' | 'ï' | 'î' => 'i',
            'ó' | 'ò' | 'ö' | 'ô' | 'õ' => 'o',
            'ú' | 'ù' | 'ü' | 'û' => 'u',
            'ñ' => 'n',
            'ç' => 'c',
            // Combining accents, as decomposed text has them.
            '\u{300}'..='\u{36f}' => continue,
            c if c.is_alphanumeric() => c,
            _ => ' ',
        };
        if plain != ' ' || !(words.is_empty() || words.ends_with(' ')) {
            words.push(plain);
        }
    }
    words.truncate(words.trim_end().len());
    words
}

/// What a heading means, if it is a known one.
pub fn field(text: &str) -> Option<Field> {
    let whole = normal(text);
    let outside = text.split(['(', '[']).next().map(normal).unwrap_or_default();
    let shorter = whole
        .rsplit_once(' ')
        .filter(|(_, last)| ENDINGS.contains(last))
        .map_or("", |(rest, _)| rest);
    [whole.as_str(), outside.as_str(), shorter]
        .into_iter()
        .find_map(known)
}

fn known(normal: &str) -> Option<Field> {
    if normal.is_empty() {
        return None;
    }
    SYNONYMS
        .iter()
        .find(|(_, words)| words.contains(&normal))
        .map(|(field, _)| *field)
}

/// The row of headings among the rows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Among the rows that were looked through.
    pub index: usize,
    /// As the file counts.
    pub row: u32,
    pub texts: Vec<String>,
    /// Columns whose meaning is known.
    pub known: usize,
}

/// The row on which most headings are known, the first among equals; one of them must name items.
pub fn find(rows: &[SourceRow]) -> Option<Heading> {
    let mut best: Option<Heading> = None;
    for (index, row) in rows.iter().take(MAX_TITLE_ROWS).enumerate() {
        let above = index.checked_sub(1).and_then(|above| rows.get(above));
        let own = row
            .cells
            .iter()
            .filter(|cell| field(cell.shown()).is_some())
            .count();
        if own == 0 {
            continue;
        }
        let texts = texts(row, above);
        let mut fields: Vec<Field> = texts.iter().filter_map(|text| field(text)).collect();
        fields.sort_unstable();
        fields.dedup();
        let names_items = fields.iter().any(|field| field.is_identity());
        if names_items && best.as_ref().is_none_or(|best| fields.len() > best.known) {
            best = Some(Heading {
                index,
                row: row.number,
                texts,
                known: fields.len(),
            });
        }
    }
    best
}

/// The headings of a row; a cell that says nothing by itself is read with the one above it, which may span several.
fn texts(row: &SourceRow, above: Option<&SourceRow>) -> Vec<String> {
    let columns = row.cells.len().max(above.map_or(0, |above| {
        // What stands above does not widen the table beyond its last known heading.
        above
            .cells
            .iter()
            .rposition(|cell| field(cell.shown()).is_some())
            .map_or(0, |last| last + 1)
    }));
    let above_has_headings =
        above.is_some_and(|above| above.cells.iter().any(|cell| field(cell.shown()).is_some()));
    let mut spanning = "";
    let mut texts = Vec::with_capacity(columns);
    for column in 0..columns {
        let own = row.cells.get(column).map_or("", Cell::shown);
        let over = above
            .and_then(|above| above.cells.get(column))
            .map_or("", Cell::shown);
        if !over.is_empty() {
            spanning = over;
        }
        let together = format!("{spanning} {own}");
        let text = if own.is_empty() && above_has_headings {
            over
        } else if field(&together).is_some() && !spanning.is_empty() && !own.is_empty() {
            &together
        } else {
            own
        };
        texts.push(text.to_owned());
    }
    texts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(number: u32, cells: &[&str]) -> SourceRow {
        SourceRow {
            number,
            cells: cells.iter().map(|text| Cell::text(text)).collect(),
        }
    }

    #[test]
    fn headings_are_known_in_both_languages_with_or_without_accents() {
        for (text, expected) in [
            ("SKU", Field::Sku),
            ("Código de Artículo", Field::Sku),
            ("  codigo   articulo ", Field::Sku),
            ("DESCRIPCIÓN", Field::Name),
            ("Precio (L.)", Field::Price),
            ("Precio HNL", Field::Price),
            ("Costo_Unitario", Field::Cost),
            ("Existencias", Field::Quantity),
            ("Qty", Field::Quantity),
            ("N° de serie", Field::Serial),
            ("IMEI", Field::Imei),
            ("Código de barras", Field::Gtin),
            ("Garantía (meses)", Field::Warranty),
            ("Unit Price", Field::Price),
            ("StockCode", Field::Sku),
            ("descripcio\u{301}n", Field::Name),
        ] {
            assert_eq!(field(text), Some(expected), "{text}");
        }
        assert_eq!(field("Material"), None);
        assert_eq!(field(""), None);
        assert_eq!(field("Lista de precios"), None);
    }

    #[test]
    fn no_word_has_two_meanings_and_all_are_in_normal_form() {
        let mut seen = std::collections::HashMap::new();
        for (field, words) in SYNONYMS {
            for word in *words {
                assert_eq!(normal(word), *word);
                assert_eq!(seen.insert(*word, *field), None, "{word}");
            }
        }
    }

    #[test]
    fn the_heading_is_found_below_titles_and_above_figures() {
        let rows = [
            row(1, &["Inversiones X", "", "Precios"]),
            row(3, &["Código", "Nombre", "Precio"]),
            row(4, &["A", "", "5"]),
        ];
        let heading = find(&rows).unwrap();
        assert_eq!((heading.index, heading.row, heading.known), (1, 3, 3));
    }

    #[test]
    fn merged_cells_over_two_rows_are_read_together() {
        let rows = [
            row(1, &["Código", "Producto", "Precio", "", "Garantía"]),
            row(2, &["", "", "venta", "compra", "meses"]),
            row(3, &["A", "Cable", "5", "3", "12"]),
        ];
        let heading = find(&rows).unwrap();
        assert_eq!(heading.row, 2);
        let fields: Vec<_> = heading.texts.iter().map(|text| field(text)).collect();
        assert_eq!(
            fields,
            [
                Some(Field::Sku),
                Some(Field::Name),
                Some(Field::Price),
                Some(Field::Cost),
                Some(Field::Warranty)
            ]
        );
    }

    #[test]
    fn a_file_without_a_column_that_names_items_has_no_heading() {
        assert_eq!(
            find(&[row(1, &["Precio", "Cantidad"]), row(2, &["5", "6"])]),
            None
        );
    }

    proptest! {
        #[test]
        fn case_accents_and_spaces_do_not_matter(index in 0_usize..17, word in 0_usize..4, upper: bool, spaces in 0_usize..3) {
            let (expected, words) = SYNONYMS[index];
            let word = words[word % words.len()];
            let accented: String = word.chars().map(|c| match c { 'o' => 'ó', 'i' => 'í', c => c }).collect();
            let text = if upper { accented.to_uppercase() } else { accented };
            let padded = format!("{}{}{}", " ".repeat(spaces), text.replace(' ', "_"), ":".repeat(spaces));
            prop_assert_eq!(field(&padded), Some(expected), "{}", padded);
        }

        #[test]
        fn no_heading_makes_the_reader_fall_over(texts in proptest::collection::vec("\\PC{0,30}", 0..8)) {
            let cells: Vec<&str> = texts.iter().map(String::as_str).collect();
            let _ = find(&[row(1, &cells), row(2, &cells)]);
        }
    }
}
