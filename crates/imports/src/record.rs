//! One row, typed: what it says about an article, its stock and a unit of it.
//!
//! What cannot be read is a warning or an error of the row, never a guess. Not here: whether any of it is new.

use std::collections::BTreeMap;

use schemas::card::holds_card_number;
use schemas::events::catalogue::{AttributeValue, ItemKind};
use schemas::quantity::MAX_QUANTITY;
use schemas::{Currency, Minor, Sku, UnitId};
use serde::{Deserialize, Serialize};

use crate::barcode;
use crate::columns::{Column, Meaning};
use crate::headings::{Field, normal};
use crate::limits::MAX_WARNINGS_PER_ROW;
use crate::number::{self, Decimal, Mark};
use crate::table::{Cell, SourceRow};
use crate::warning::{Warning, WarningCode};

/// What a row says. Absent is "not said", which is not the same as empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub sku: Sku,
    pub named_by: NamedBy,
    pub name: Option<String>,
    pub kind: Option<ItemKind>,
    pub price_minor: Option<Minor>,
    pub cost_minor: Option<Minor>,
    pub tax: Option<TaxText>,
    /// Zero or more.
    pub quantity: Option<i64>,
    pub unit: Option<UnitId>,
    /// 8, 12, 13 or 14 digits; the check digit is checked here.
    pub gtin: Option<String>,
    pub brand: Option<String>,
    pub model: Option<String>,
    pub colour: Option<String>,
    pub capacity: Option<String>,
    pub condition: Option<String>,
    pub warranty_months: Option<i64>,
    pub attributes: BTreeMap<String, AttributeValue>,
    pub store: Option<String>,
}

/// What names the article of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// A code of its own.
    Code,
    /// Its barcode, which an article of another code may have.
    Barcode,
    Name,
}

/// A tax as a row names it: by its code, or by its rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxText {
    pub text: String,
    /// Rates in parts per million that it may mean: `15` and `0.15` are both 15 %.
    pub rates_ppm: Vec<i64>,
}

/// How figures are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures<'a> {
    /// What amounts are in.
    pub currency: Currency,
    /// Fields whose headings name another currency.
    pub in_other_currency: &'a [Field],
    pub mark: Option<Mark>,
}

const MAX_FIELD_CHARS: usize = 200;
/// Digits of a number that a spreadsheet keeps.
const NUMBER_DIGITS_MAX: usize = 15;

/// What was read of one row.
pub(crate) struct Read {
    pub sku: Option<Sku>,
    /// `None` with warnings when the row cannot be imported.
    pub record: Option<Record>,
    pub warnings: Vec<Warning>,
}

/// Reads one row.
pub(crate) fn of<'a>(row: &'a SourceRow, columns: &'a [Column], figures: Figures<'a>) -> Read {
    let mut reading = Reading {
        figures,
        warnings: Vec::new(),
        cells: BTreeMap::new(),
    };
    let mut attributes = BTreeMap::new();
    for (column, cell) in columns.iter().zip(&row.cells) {
        let cell = reading.usable(column, cell);
        match &column.meaning {
            _ if cell.is_empty() => {}
            Meaning::Field { field } => {
                reading.cells.insert(*field, cell);
            }
            Meaning::Attribute { name } => {
                if let Some(value) = reading.attribute(name, cell) {
                    attributes.insert(name.clone(), value);
                }
            }
            Meaning::Ignored => {}
        }
    }
    let record = reading.record(attributes);
    let mut warnings = reading.warnings;
    let has_error = warnings.iter().any(Warning::is_error);
    // Errors first, so that the limit never hides why a row is refused.
    warnings.sort_by_key(|warning| !warning.is_error());
    warnings.truncate(MAX_WARNINGS_PER_ROW);
    Read {
        sku: record.as_ref().map(|record| record.sku.clone()),
        record: record.filter(|_| !has_error),
        warnings,
    }
}

struct Reading<'a> {
    figures: Figures<'a>,
    warnings: Vec<Warning>,
    cells: BTreeMap<Field, &'a Cell>,
}

impl<'a> Reading<'a> {
    fn warn(&mut self, code: WarningCode, field: &str, value: &str) {
        self.warnings.push(Warning::about(code, field, value));
    }

    /// The cell, unless it is a formula without a result or an error.
    fn usable(&mut self, column: &Column, cell: &'a Cell) -> &'a Cell {
        let code = match cell {
            Cell::Formula => WarningCode::FormulaWithoutResult,
            Cell::Error => WarningCode::CellError,
            Cell::Empty | Cell::Text(_) | Cell::Number(_) | Cell::Flag(_) | Cell::Date(_) => return cell,
        };
        if column.meaning != Meaning::Ignored {
            self.warn(code, &column.heading, cell.shown());
        }
        &Cell::Empty
    }

    fn record(&mut self, attributes: BTreeMap<String, AttributeValue>) -> Option<Record> {
        let gtin = self.gtin();
        let name = self.name();
        let (sku, named_by) = self.sku(gtin.as_deref(), name.as_deref())?;
        let unit = self.unit();
        Some(Record {
            sku,
            named_by,
            name,
            kind: self.kind(),
            price_minor: self.money(Field::Price, WarningCode::PriceInvalid),
            cost_minor: self.money(Field::Cost, WarningCode::CostInvalid),
            tax: self.tax(),
            quantity: self.quantity(unit.is_some()),
            unit,
            gtin,
            brand: self.text(Field::Brand),
            model: self.text(Field::Model),
            colour: self.text(Field::Colour),
            capacity: self.text(Field::Capacity),
            condition: self.text(Field::Condition),
            warranty_months: self.warranty(),
            attributes,
            store: self.shown(Field::Store).map(str::to_owned),
        })
    }

    fn shown(&self, field: Field) -> Option<&'a str> {
        self.cells.get(&field).map(|cell| cell.shown())
    }

    fn sku(&mut self, gtin: Option<&str>, name: Option<&str>) -> Option<(Sku, NamedBy)> {
        let by_name = || {
            let short: String = name?.chars().take(64).collect();
            Some((short.trim().to_owned(), NamedBy::Name))
        };
        let derived = gtin
            .map(|gtin| (gtin.to_owned(), NamedBy::Barcode))
            .or_else(by_name);
        if !self.is_whole(Field::Sku) {
            return None;
        }
        let (text, named_by) = match (self.shown(Field::Sku), derived) {
            (Some(own), _) => (one_line(own), NamedBy::Code),
            (None, Some((derived, named_by))) => {
                // A slip: the article that is meant is not the one that the name says, or not only that.
                if self.shown(Field::Gtin).is_some_and(barcode::is_mistyped) {
                    self.warn(WarningCode::GtinMistyped, Field::Gtin.name(), &derived);
                }
                self.warn(WarningCode::SkuDerived, Field::Sku.name(), &derived);
                (derived, named_by)
            }
            (None, None) => {
                self.warnings.push(Warning::new(WarningCode::SkuMissing));
                return None;
            }
        };
        let sku = Sku::new(&text).ok();
        if sku.is_none() {
            self.warn(WarningCode::SkuInvalid, Field::Sku.name(), &text);
        }
        Some((sku?, named_by))
    }

    /// Whether a code is as somebody wrote it. A spreadsheet keeps fifteen digits of a number and makes dates of what
    /// looks like one; neither can be undone, and a code that is nearly right is another article's or device's.
    fn is_whole(&mut self, field: Field) -> bool {
        let Some(cell) = self.cells.get(&field).copied() else {
            return true;
        };
        let code = match cell {
            Cell::Number(digits) if digits.bytes().filter(u8::is_ascii_digit).count() > NUMBER_DIGITS_MAX => {
                WarningCode::DigitsLost
            }
            Cell::Text(text) if number::is_scientific(text) => WarningCode::DigitsLost,
            Cell::Date(_) => WarningCode::CodeIsDate,
            _ => return true,
        };
        self.warn(code, field.name(), cell.shown());
        false
    }

    fn name(&mut self) -> Option<String> {
        let text = one_line(self.shown(Field::Name)?);
        self.bounded(text, Field::Name.name(), WarningCode::NameCut)
    }

    fn text(&mut self, field: Field) -> Option<String> {
        let text = one_line(self.shown(field)?);
        self.bounded(text, field.name(), WarningCode::TextCut)
    }

    /// A text within its limit and without a card number.
    fn bounded(&mut self, text: String, field: &str, cut: WarningCode) -> Option<String> {
        if holds_card_number(&text) {
            self.warn(WarningCode::TextCard, field, "");
            return None;
        }
        let Some((end, _)) = text.char_indices().nth(MAX_FIELD_CHARS) else {
            return (!text.is_empty()).then_some(text);
        };
        self.warn(cut, field, &text);
        Some(text[..end].trim().to_owned())
    }

    fn kind(&mut self) -> Option<ItemKind> {
        let text = self.shown(Field::Kind)?;
        let kind = match normal(text).as_str() {
            "servicio" | "servicios" | "service" | "fee" | "cargo" => ItemKind::Service,
            "serializado" | "serialised" | "serialized" | "equipo" | "equipos" | "dispositivo"
            | "telefono" | "celular" | "device" | "phone" | "imei" | "serie" => ItemKind::Serialised,
            "contado" | "counted" | "articulo" | "articulos" | "producto" | "productos" | "accesorio"
            | "accesorios" | "item" | "product" | "goods" | "inventario" | "bien" => ItemKind::Counted,
            _ => {
                self.warn(WarningCode::KindUnknown, Field::Kind.name(), text);
                return None;
            }
        };
        Some(kind)
    }

    /// A figure of a cell: a number of the file's own, or a text read as people write figures. `decimals` are those that
    /// it may have: what has fewer than three and three digits behind its only mark has thousands, and nothing else.
    fn figure(&mut self, field: Field, cell: &Cell, decimals: u32) -> Option<Decimal> {
        match cell {
            Cell::Number(text) => number::plain(text),
            Cell::Text(text) => {
                let told = self.figures.mark;
                let thousands = number::thousands(text).filter(|_| told.is_none() && decimals < 3);
                if thousands.is_some() && decimals > 0 {
                    self.warn(WarningCode::NumberDoubtful, field.name(), text);
                }
                number::decimal(text, thousands.or(told))
            }
            Cell::Empty | Cell::Flag(_) | Cell::Date(_) | Cell::Formula | Cell::Error => None,
        }
    }

    fn money(&mut self, field: Field, invalid: WarningCode) -> Option<Minor> {
        let cell = *self.cells.get(&field)?;
        let own = self.figures.currency;
        let is_foreign = self.figures.in_other_currency.contains(&field)
            || matches!(cell, Cell::Text(text) if number::names_other_currency(text, own));
        if is_foreign {
            self.warn(WarningCode::CurrencyOther, field.name(), cell.shown());
            return None;
        }
        let exponent = own.exponent();
        let read = self
            .figure(field, cell, exponent)
            .and_then(|figure| figure.scaled(exponent))
            .filter(|(minor, _)| *minor >= 0)
            .and_then(|(minor, rounded)| Some((Minor::new(minor).ok()?, rounded)));
        match read {
            // A spreadsheet's own numbers carry the noise of binary fractions.
            Some((minor, true)) if matches!(cell, Cell::Text(_)) => {
                self.warn(WarningCode::PriceRounded, field.name(), cell.shown());
                Some(minor)
            }
            Some((minor, _)) => Some(minor),
            None => {
                self.warn(invalid, field.name(), cell.shown());
                None
            }
        }
    }

    fn quantity(&mut self, has_unit: bool) -> Option<i64> {
        let cell = *self.cells.get(&Field::Quantity)?;
        let read = self.figure(Field::Quantity, cell, 0).and_then(Decimal::whole);
        let code = match read {
            Some(quantity) if has_unit && quantity > 1 => WarningCode::QuantityWithUnit,
            Some(quantity) if (0..=MAX_QUANTITY).contains(&quantity) => return Some(quantity),
            Some(_) | None => WarningCode::QuantityInvalid,
        };
        self.warn(code, Field::Quantity.name(), cell.shown());
        None
    }

    fn unit(&mut self) -> Option<UnitId> {
        if !self.is_whole(Field::Imei) || !self.is_whole(Field::Serial) {
            return None;
        }
        if let Some(text) = self.shown(Field::Imei) {
            let digits: String = text
                .chars()
                .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\'' | '/' | '.'))
                .collect();
            let unit = UnitId::new(&format!("imei:{digits}")).ok();
            if unit.is_none() {
                self.warn(WarningCode::ImeiInvalid, Field::Imei.name(), text);
            }
            return unit;
        }
        let text = one_line(self.shown(Field::Serial)?);
        let unit = UnitId::new(&format!("serial:{text}")).ok();
        if unit.is_none() {
            self.warn(WarningCode::SerialInvalid, Field::Serial.name(), &text);
        }
        unit
    }

    fn gtin(&mut self) -> Option<String> {
        let text = self.shown(Field::Gtin)?;
        let Some((gtin, had_lost_zeros)) = barcode::read(text) else {
            self.warn(WarningCode::GtinInvalid, Field::Gtin.name(), text);
            return None;
        };
        if had_lost_zeros {
            self.warn(WarningCode::GtinZeros, Field::Gtin.name(), text);
        }
        Some(gtin)
    }

    fn warranty(&mut self) -> Option<i64> {
        let cell = *self.cells.get(&Field::Warranty)?;
        let words = normal(cell.shown());
        let (figure, unit) = words.split_once(' ').unwrap_or((words.as_str(), "meses"));
        let months = number::plain(figure).and_then(Decimal::whole);
        let months = match unit {
            "ano" | "anos" | "year" | "years" => months.and_then(|years| years.checked_mul(12)),
            "mes" | "meses" | "m" | "month" | "months" => months,
            _ if matches!(words.as_str(), "sin garantia" | "no" | "none" | "ninguna") => Some(0),
            _ => None,
        };
        let months = months.filter(|months| (0..=1_200).contains(months));
        if months.is_none() {
            self.warn(WarningCode::WarrantyInvalid, Field::Warranty.name(), cell.shown());
        }
        months
    }

    fn tax(&mut self) -> Option<TaxText> {
        let cell = *self.cells.get(&Field::Tax)?;
        let text = one_line(cell.shown());
        if matches!(
            normal(&text).as_str(),
            "exento" | "exenta" | "exempt" | "no" | "none" | "ninguno" | "sin impuesto"
        ) {
            return Some(TaxText {
                text,
                rates_ppm: vec![0],
            });
        }
        let percent = text.trim_end_matches('%').trim();
        let figure = match cell {
            Cell::Number(_) => number::plain(percent),
            _ => number::decimal(percent, None),
        };
        let mut rates_ppm = Vec::new();
        if let Some(figure) = figure {
            let as_percent = figure.scaled(4).map(|(ppm, _)| ppm);
            let as_fraction = figure
                .scaled(6)
                .map(|(ppm, _)| ppm)
                .filter(|_| !text.ends_with('%'));
            rates_ppm = [as_percent, as_fraction]
                .into_iter()
                .flatten()
                .filter(|ppm| (0..=1_000_000).contains(ppm))
                .collect();
        }
        Some(TaxText {
            text: text.chars().take(40).collect(),
            rates_ppm,
        })
    }

    /// A free attribute with its type: whole numbers and yes or no are kept as such, everything else as it is written.
    fn attribute(&mut self, name: &str, cell: &Cell) -> Option<AttributeValue> {
        let text = one_line(cell.shown());
        let value = match cell {
            Cell::Flag(flag) => AttributeValue::Flag(*flag),
            Cell::Number(digits) => match digits.parse() {
                Ok(whole) => AttributeValue::Integer(whole),
                Err(_) => AttributeValue::Text(self.bounded(digits.clone(), name, WarningCode::TextCut)?),
            },
            _ => match normal(&text).as_str() {
                "si" | "verdadero" | "true" | "yes" => AttributeValue::Flag(true),
                "no" | "falso" | "false" => AttributeValue::Flag(false),
                // A leading zero is part of a code, not of a number.
                digits
                    if digits == text
                        && digits.len() <= 15
                        && !(digits.starts_with('0') && digits.len() > 1)
                        && digits.parse::<i64>().is_ok() =>
                {
                    AttributeValue::Integer(digits.parse().ok()?)
                }
                _ => AttributeValue::Text(self.bounded(text, name, WarningCode::TextCut)?),
            },
        };
        Some(value)
    }
}

/// Line breaks and other control characters as spaces, one at a time.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || schemas::text::is_hidden(c));
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
