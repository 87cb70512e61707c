//! What a person should know about a row: a code for programs, and a sentence in Spanish and English.

use serde::{Deserialize, Serialize};

/// What it means for the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row goes on; what the warning speaks of is left out or was corrected.
    Warning,
    /// The row cannot be imported.
    Error,
}

macro_rules! warnings {
    ($($name:ident = $code:literal $severity:ident en $en:literal es $es:literal)+) => {
        /// Every kind of warning. Codes are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum WarningCode { $(#[serde(rename = $code)] $name),+ }

        impl WarningCode {
            pub const ALL: &'static [WarningCode] = &[$(WarningCode::$name),+];

            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),+ }
            }

            /// A whole sentence.
            pub fn en(self) -> &'static str {
                match self { $(Self::$name => $en),+ }
            }

            /// A whole sentence.
            pub fn es(self) -> &'static str {
                match self { $(Self::$name => $es),+ }
            }
        }
    };
}

warnings! {
    SkuMissing = "sku.missing" Error
        en "The row names no article: it has neither code, barcode nor name."
        es "La fila no nombra ningún artículo: no tiene código, código de barras ni nombre."
    SkuInvalid = "sku.invalid" Error
        en "The code must have 1 to 64 printable characters."
        es "El código debe tener de 1 a 64 caracteres imprimibles."
    SkuDerived = "sku.derived" Warning
        en "The row has no code; its barcode or name is used as one."
        es "La fila no tiene código; se usa como código el de barras o el nombre."
    SkuByGtin = "sku.by_gtin" Warning
        en "The row has no code; the article that has its barcode is meant."
        es "La fila no tiene código; se entiende el artículo que tiene su código de barras."
    GtinAmbiguous = "gtin.ambiguous" Error
        en "Several articles have this barcode, and the row has no code that tells which is meant."
        es "Varios artículos tienen este código de barras y la fila no tiene código que diga cuál es."
    GtinMistyped = "gtin.mistyped" Error
        en "The row has no code, and the check digit of its barcode is wrong; correct the barcode or add a code."
        es "La fila no tiene código y el dígito de control de su código de barras no es correcto; corrija el código de barras o añada un código."
    CurrencyOther = "amount.other_currency" Error
        en "The amount is in another currency than the organisation's."
        es "El importe está en otra moneda que la de la organización."
    NameMissing = "name.missing" Error
        en "The article is new and has no name."
        es "El artículo es nuevo y no tiene nombre."
    NameCut = "name.cut" Warning
        en "The name is longer than 200 characters and was cut."
        es "El nombre tiene más de 200 caracteres y se recortó."
    PriceInvalid = "price.not_a_number" Error
        en "The price is not a number of zero or more."
        es "El precio no es un número igual o mayor que cero."
    PriceMissing = "price.missing" Warning
        en "The article is new and has no price; it gets zero."
        es "El artículo es nuevo y no tiene precio; se le pone cero."
    PriceRounded = "price.rounded" Warning
        en "The amount has more decimals than the currency and was rounded."
        es "El importe tiene más decimales que la moneda y se redondeó."
    PriceDrop = "price.drop" Warning
        en "The price falls by more than the limit; it changes only if somebody takes responsibility."
        es "El precio baja más que el límite; solo cambia si alguien se hace responsable."
    CostInvalid = "cost.not_a_number" Error
        en "The cost is not a number of zero or more."
        es "El costo no es un número igual o mayor que cero."
    CostJump = "cost.jump" Warning
        en "The cost changes by more than 30 per cent."
        es "El costo cambia más de un 30 por ciento."
    PriceBelowCost = "price.below_cost" Warning
        en "The price is below the cost."
        es "El precio es menor que el costo."
    DigitsLost = "code.digits_lost" Error
        en "The spreadsheet has shortened this number, so its last digits are lost; format the column as text and enter it again."
        es "La hoja de cálculo abrevió este número y perdió sus últimas cifras; dé formato de texto a la columna y escríbalo de nuevo."
    CodeIsDate = "code.date" Error
        en "The spreadsheet has turned this code into a date; format the column as text and enter it again."
        es "La hoja de cálculo convirtió este código en una fecha; dé formato de texto a la columna y escríbalo de nuevo."
    CodesAreNumbers = "sku.numbers" Warning
        en "Codes are numbers of different lengths in the spreadsheet; if some began with zeros, these are lost."
        es "Los códigos son números de distinta longitud en la hoja de cálculo; si alguno empezaba por ceros, se perdieron."
    QuantityInvalid = "quantity.not_whole" Error
        en "The quantity is not a whole number of zero or more."
        es "La cantidad no es un número entero igual o mayor que cero."
    QuantityMissing = "quantity.missing" Warning
        en "The row says no quantity; stock stays as it is."
        es "La fila no dice cantidad; las existencias quedan como están."
    QuantityWithUnit = "quantity.with_unit" Error
        en "One row with an IMEI or serial number is one unit, and its quantity says otherwise."
        es "Una fila con IMEI o número de serie es una unidad, y su cantidad dice otra cosa."
    NegativeAdjustment = "stock.negative_adjustment" Warning
        en "Fewer pieces than are on hand; they are written off only if somebody takes responsibility."
        es "Hay menos piezas que existencias; solo se dan de baja si alguien se hace responsable."
    NeedsApproval = "stock.needs_approval" Warning
        en "The difference is over the limit of movements; it will wait for somebody else's approval."
        es "La diferencia supera el límite de movimientos; quedará a la espera de que otra persona la apruebe."
    NumberDoubtful = "number.doubtful" Warning
        en "Comma or point: the figures do not tell which one marks decimals. Look at the amounts before confirming."
        es "Coma o punto: las cifras no dicen cuál marca los decimales. Revise los importes antes de confirmar."
    ImeiInvalid = "imei.invalid" Error
        en "The IMEI does not have 15 digits with a valid check digit."
        es "El IMEI no tiene 15 dígitos con un dígito de control válido."
    SerialInvalid = "serial.invalid" Error
        en "The serial number must have 1 to 64 printable characters."
        es "El número de serie debe tener de 1 a 64 caracteres imprimibles."
    UnitRepeated = "unit.repeated" Error
        en "An earlier row has this IMEI or serial number already."
        es "Una fila anterior ya tiene este IMEI o número de serie."
    UnitKnown = "unit.known" Warning
        en "This IMEI or serial number is known and not on this shelf; it comes in only if somebody takes responsibility."
        es "Este IMEI o número de serie ya se conoce y no está en esta tienda; solo entra si alguien se hace responsable."
    UnitOfOtherItem = "unit.other_item" Error
        en "This IMEI or serial number belongs to another article."
        es "Este IMEI o número de serie pertenece a otro artículo."
    UnitMissing = "unit.missing" Error
        en "The article is kept unit by unit, and the row has neither IMEI nor serial number."
        es "El artículo se lleva unidad por unidad y la fila no tiene IMEI ni número de serie."
    UnitUnexpected = "unit.unexpected" Error
        en "The article is kept by quantity, so no IMEI or serial number belongs to it."
        es "El artículo se lleva por cantidad, así que no le corresponde IMEI ni número de serie."
    GtinInvalid = "gtin.invalid" Warning
        en "The barcode is no GTIN with a valid check digit and is left out."
        es "El código de barras no es un GTIN con dígito de control válido y se omite."
    GtinZeros = "gtin.zeros" Warning
        en "The barcode had lost its leading zeros; its check digit tells which."
        es "El código de barras había perdido sus ceros iniciales; su dígito de control dice cuáles."
    TaxUnknown = "tax.unknown" Error
        en "No tax of this code or rate is set up."
        es "No hay ningún impuesto con este código o tasa."
    KindUnknown = "kind.unknown" Warning
        en "The type is none of article, device and service, and is left out."
        es "El tipo no es artículo, equipo ni servicio, y se omite."
    KindDiffers = "kind.differs" Error
        en "The article is of another type; a type never changes."
        es "El artículo es de otro tipo; el tipo nunca cambia."
    WarrantyInvalid = "warranty.invalid" Warning
        en "The warranty is no number of months from 0 to 1,200 and is left out."
        es "La garantía no es un número de meses de 0 a 1200 y se omite."
    StoreOther = "store.other" Error
        en "The row is for another store than this import."
        es "La fila es de otra tienda que la de esta importación."
    TextCut = "text.cut" Warning
        en "The text is longer than 200 characters and was cut."
        es "El texto tiene más de 200 caracteres y se recortó."
    TextCard = "text.card_number" Warning
        en "The text holds what looks like a card number and is left out."
        es "El texto contiene lo que parece un número de tarjeta y se omite."
    FormulaWithoutResult = "cell.formula" Warning
        en "A formula whose result the file does not hold is left out; formulas are not evaluated."
        es "Se omite una fórmula cuyo resultado no está en el archivo; las fórmulas no se calculan."
    CellError = "cell.error" Warning
        en "The cell holds an error such as #N/A and is left out."
        es "La celda contiene un error como #N/A y se omite."
    RowRepeated = "row.repeated" Warning
        en "An earlier row says the same about this article; this one changes nothing more."
        es "Una fila anterior dice lo mismo de este artículo; esta no cambia nada más."
    RowAdded = "row.added" Warning
        en "An earlier row is about this article, too; what both say came in is added up."
        es "Una fila anterior también es de este artículo; se suma lo que entró según ambas."
    RowDetailsDiffer = "row.details_differ" Warning
        en "An earlier row says something else about this article; what this one says of it is left out."
        es "Una fila anterior dice otra cosa de este artículo; se omite lo que dice esta."
    RowInPart = "row.in_part" Warning
        en "Only a part of the row needs somebody's responsibility; the other part is carried out without it."
        es "Solo una parte de la fila necesita que alguien se haga responsable; la otra se aplica sin ello."
    RowContradicts = "row.contradicts" Error
        en "An earlier row says something else about this article."
        es "Una fila anterior dice otra cosa de este artículo."
    ItemUnknown = "item.unknown" Error
        en "The article is not in the catalogue, and this import only moves stock."
        es "El artículo no está en el catálogo y esta importación solo mueve existencias."
    ItemDiscontinued = "item.discontinued" Warning
        en "The article is discontinued; it is changed and stays so."
        es "El artículo está descatalogado; se modifica y sigue así."
    ServiceWithStock = "item.service" Warning
        en "A service has no stock; the quantity is left out."
        es "Un servicio no tiene existencias; se omite la cantidad."
    NothingToDo = "row.nothing" Warning
        en "The row holds nothing that this import could change."
        es "La fila no contiene nada que esta importación pueda cambiar."
    ColumnIgnored = "column.ignored" Warning
        en "A second column of the same meaning, or one without a heading, is left out."
        es "Se omite una segunda columna del mismo significado o una sin encabezado."
    ColumnAttribute = "column.attribute" Warning
        en "The column is not a known one; its values become free attributes of the article."
        es "La columna no es conocida; sus valores pasan a ser atributos libres del artículo."
    SheetsLeftOut = "sheet.left_out" Warning
        en "One sheet of the workbook is imported; others hold something, too, and are left out."
        es "Se importa una hoja del libro; otras también contienen algo y se omiten."
    StoreMissing = "store.missing" Warning
        en "No store was named, so quantities and serial numbers are left out."
        es "No se indicó tienda, así que se omiten cantidades y números de serie."
}

/// One warning about a row, a column or the whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    pub code: WarningCode,
    /// The field or the heading that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What stands there, cut to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Warning {
    pub fn new(code: WarningCode) -> Self {
        Self {
            code,
            field: None,
            value: None,
        }
    }

    pub fn about(code: WarningCode, field: &str, value: &str) -> Self {
        let value: String = value.chars().filter(|c| !c.is_control()).take(100).collect();
        Self {
            code,
            field: Some(field.to_owned()),
            value: (!value.is_empty()).then_some(value),
        }
    }

    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_sentences_whole() {
        let mut codes: Vec<&str> = WarningCode::ALL.iter().map(|code| code.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), WarningCode::ALL.len());
        for code in WarningCode::ALL {
            assert!(code.en().ends_with('.') && code.es().ends_with('.'), "{code:?}");
        }
    }
}
