//! The table that a file holds: headings and cells, with nothing interpreted yet; and why a file holds none.

use serde::{Deserialize, Serialize};

/// One cell as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    #[serde(rename = "e")]
    Empty,
    /// Trimmed and not empty.
    #[serde(rename = "t")]
    Text(String),
    /// A number that the file itself marks as one, as a decimal with a point.
    #[serde(rename = "n")]
    Number(String),
    #[serde(rename = "b")]
    Flag(bool),
    /// `YYYY-MM-DD`, with `THH:MM:SS` when there is a time of day.
    #[serde(rename = "d")]
    Date(String),
    /// A formula whose result the file does not hold. Formulas are never evaluated here.
    #[serde(rename = "f")]
    Formula,
    /// What a spreadsheet shows as `#N/A` and the like.
    #[serde(rename = "x")]
    Error,
}

impl Cell {
    /// Trims; nothing is left of a blank. What no database can store as text is left out.
    pub fn text(text: &str) -> Self {
        if text.contains('\0') {
            return Self::text(&text.replace('\0', ""));
        }
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if text.is_empty() {
            Cell::Empty
        } else {
            Cell::Text(text.to_owned())
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Cell::Empty
    }

    /// As people would read it.
    pub fn shown(&self) -> &str {
        match self {
            Cell::Empty => "",
            Cell::Text(text) | Cell::Number(text) | Cell::Date(text) => text,
            Cell::Flag(true) => "true",
            Cell::Flag(false) => "false",
            Cell::Formula => "=…",
            Cell::Error => "#N/A",
        }
    }
}

/// A row below the heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRow {
    /// As the file counts, from 1: the row of a sheet, the line of a text.
    pub number: u32,
    /// At most as many as there are headings; what is missing at the end is empty.
    pub cells: Vec<Cell>,
}

/// Where and how the table was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// `csv` or `xlsx`.
    pub format: String,
    /// Of a text: `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`.
    pub encoding: Option<String>,
    /// Of a text: `,` `;` `|` or a tab.
    pub separator: Option<char>,
    pub sheet: Option<String>,
    /// Other sheets that hold something, hidden ones included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_sheets: Vec<String>,
    /// Row of the headings, from 1.
    pub heading_row: u32,
    pub headings: Vec<String>,
    /// Cells whose text was cut to [`crate::limits::MAX_CELL_CHARS`].
    pub cut_cells: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub layout: Layout,
    pub rows: Vec<SourceRow>,
}

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum FileError {
    /// Neither CSV nor XLSX.
    #[error("the file is {found}, and CSV or XLSX is needed")]
    Unsupported { found: String },
    #[error("the file has {found} {what}, and at most {max} are allowed")]
    TooLarge { what: String, found: u64, max: u64 },
    /// What no honest file has: an archive that unpacks to a multiple, an XML document type.
    #[error("the file holds {what}, which is not accepted")]
    Forbidden { what: String },
    /// The cause in English and in Spanish.
    #[error("the file is damaged: {cause}")]
    Damaged { cause: String, causa: String },
    #[error("no row of headings was recognised")]
    NoHeadings {},
    #[error("the file has no rows below its headings")]
    Empty {},
}

impl FileError {
    pub(crate) fn too_large(what: &str, found: u64, max: u64) -> Self {
        FileError::TooLarge {
            what: what.to_owned(),
            found,
            max,
        }
    }

    /// In Spanish, as `Display` says it in English.
    pub fn es(&self) -> String {
        match self {
            FileError::Unsupported { found } => {
                format!("el archivo es {} y se necesita CSV o XLSX", in_spanish(found))
            }
            FileError::TooLarge { what, found, max } => {
                format!(
                    "el archivo tiene {found} {} y se admiten {max} como máximo",
                    in_spanish(what)
                )
            }
            FileError::Forbidden { what } => {
                format!("el archivo contiene {}, que no se acepta", in_spanish(what))
            }
            FileError::Damaged { causa, .. } => format!("el archivo está dañado: {causa}"),
            FileError::NoHeadings {} => "no se reconoció ninguna fila de encabezados".to_owned(),
            FileError::Empty {} => "el archivo no tiene filas debajo de sus encabezados".to_owned(),
        }
    }

    /// A parser's words, cut so that a hostile file cannot make them long. Parsers speak English.
    pub(crate) fn damaged(cause: impl std::fmt::Display) -> Self {
        let cause: String = cause
            .to_string()
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        FileError::Damaged {
            causa: format!("su contenido no se puede leer ({cause})"),
            cause,
        }
    }

    /// A cause of our own, in English and in Spanish.
    pub(crate) fn damaged_as(cause: impl Into<String>, causa: impl Into<String>) -> Self {
        FileError::Damaged {
            cause: cause.into(),
            causa: causa.into(),
        }
    }
}

/// What errors name, in English and in Spanish.
const NAMES: &[(&str, &str)] = &[
    ("bytes", "bytes"),
    ("unpacked bytes", "bytes descomprimidos"),
    ("rows", "filas"),
    ("columns", "columnas"),
    ("cells", "celdas"),
    ("parts", "partes"),
    (
        "an XML document type or entity",
        "un tipo de documento o una entidad de XML",
    ),
    (
        "an archive that is no .xlsx workbook",
        "un archivo comprimido que no es un libro .xlsx",
    ),
    (
        "an old Excel workbook (.xls) or one with a password; save it as .xlsx",
        "un libro antiguo de Excel (.xls) o con contraseña; guárdelo como .xlsx",
    ),
    ("a PDF", "un PDF"),
    ("compressed with gzip", "un archivo comprimido con gzip"),
    ("a RAR archive", "un archivo RAR"),
    ("a 7z archive", "un archivo 7z"),
    ("an image", "una imagen"),
    ("a text document (RTF)", "un documento de texto (RTF)"),
    ("a program", "un programa"),
    ("HTML or XML", "HTML o XML"),
    ("JSON", "JSON"),
    ("not a text", "algo que no es texto"),
    (
        "a part that unpacks to more than 250 times its size",
        "una parte que ocupa más de 250 veces su tamaño al descomprimirla",
    ),
];

/// What an error names, in Spanish; as it is when it is none of ours.
pub fn in_spanish(name: &str) -> &str {
    NAMES
        .iter()
        .find(|(english, _)| *english == name)
        .map_or(name, |(_, spanish)| spanish)
}

/// A number of things as the errors count them.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// A row's number as it is kept: files of more rows are refused long before this saturates.
pub(crate) fn row_number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_RATIO;

    #[test]
    fn every_error_is_said_in_both_languages() {
        let ratio = format!("a part that unpacks to more than {MAX_RATIO} times its size");
        assert_ne!(in_spanish(&ratio), ratio);
        for (_, english) in crate::sniff::OTHERS {
            assert!(NAMES.iter().any(|(name, _)| name == english), "{english}");
        }
        let error = FileError::too_large("rows", 5, 4);
        assert_eq!(error.es(), "el archivo tiene 5 filas y se admiten 4 como máximo");
        let damaged = FileError::damaged_as("broken", "roto");
        assert_eq!(
            (damaged.to_string().as_str(), damaged.es().as_str()),
            ("the file is damaged: broken", "el archivo está dañado: roto")
        );
    }
}
