//! A workbook's first useful sheet, cell by cell.
//!
//! Cells are streamed, never laid out as a grid: one cell in the last row and column of a sheet costs one cell. A
//! formula counts as the result that the file holds; one without a result is marked, never evaluated.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};

use crate::csv_table::cut;
use crate::headings;
use crate::limits::{MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MAX_SHEETS, MAX_TITLE_ROWS};
use crate::table::{Cell, FileError, Layout, SourceRow, Table, count, row_number};

type Workbook<'a> = Xlsx<Cursor<&'a [u8]>>;

/// # Errors
/// See [`FileError`].
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let mut workbook: Workbook<'_> = Xlsx::new(Cursor::new(bytes)).map_err(FileError::damaged)?;
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .take(MAX_SHEETS)
        .map(|sheet| sheet.name.clone())
        .collect();
    let mut reading = Reading::default();
    for sheet in sheets {
        let mut rows = reading.sheet(&mut workbook, &sheet)?;
        // A sheet with headings and nothing below is a cover or a template; a later one may have the rows.
        let Some(heading) = headings::find(&rows).filter(|heading| heading.index + 1 < rows.len()) else {
            continue;
        };
        if rows.len() > MAX_ROWS + MAX_TITLE_ROWS {
            return Err(FileError::too_large("rows", count(rows.len()), count(MAX_ROWS)));
        }
        rows.drain(..=heading.index);
        let layout = Layout {
            format: "xlsx".to_owned(),
            encoding: None,
            separator: None,
            other_sheets: others(&mut workbook, &sheet),
            sheet: Some(sheet),
            heading_row: heading.row,
            headings: heading.texts,
            cut_cells: reading.cut_cells,
        };
        return Ok(Table { layout, rows });
    }
    Err(FileError::NoHeadings {})
}

/// Cells of another sheet that are looked at for one that holds something.
const MAX_BLANK_CELLS: usize = 10_000;

/// The other sheets that hold something, hidden ones included. One that cannot be read says nothing.
fn others(workbook: &mut Workbook<'_>, imported: &str) -> Vec<String> {
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.name != imported)
        .take(MAX_SHEETS)
        .map(|sheet| sheet.name.clone())
        .collect();
    let mut holds_something = |name: &String| {
        let Ok(mut reader) = workbook.worksheet_cells_reader(name) else {
            return false;
        };
        for _ in 0..MAX_BLANK_CELLS {
            match reader.next_cell() {
                Ok(Some(cell)) if is_blank(cell.get_value()) => {}
                Ok(Some(_)) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
        false
    };
    sheets.into_iter().filter(|name| holds_something(name)).collect()
}

fn is_blank(value: &DataRef<'_>) -> bool {
    match value {
        DataRef::Empty => true,
        DataRef::String(text) => text.trim().is_empty(),
        DataRef::SharedString(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Counts over all sheets.
#[derive(Default)]
struct Reading {
    cells: usize,
    cut_cells: u32,
}

impl Reading {
    fn sheet(&mut self, workbook: &mut Workbook<'_>, name: &str) -> Result<Vec<SourceRow>, FileError> {
        let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
        let mut reader = workbook
            .worksheet_cells_reader(name)
            .map_err(FileError::damaged)?;
        while let Some(record) = reader
            .next_cell_with_formula_metadata()
            .map_err(FileError::damaged)?
        {
            let cell = match self.cell(&record.value) {
                Cell::Empty if record.formula.is_some() => Cell::Formula,
                Cell::Empty => continue,
                cell => cell,
            };
            let (row, column) = (record.pos.0, usize::try_from(record.pos.1).unwrap_or(usize::MAX));
            if column >= MAX_COLUMNS {
                return Err(FileError::too_large(
                    "columns",
                    count(column).saturating_add(1),
                    count(MAX_COLUMNS),
                ));
            }
            let cells = rows.entry(row).or_default();
            if cells.len() <= column {
                // Empty ones to the left take room, too: one cell far right in each row would be a grid.
                self.cells += column + 1 - cells.len();
                cells.resize(column + 1, Cell::Empty);
            }
            if self.cells > MAX_CELLS {
                return Err(FileError::too_large("cells", count(self.cells), count(MAX_CELLS)));
            }
            cells[column] = cell;
            if rows.len() > MAX_ROWS + MAX_TITLE_ROWS {
                return Err(FileError::too_large("rows", count(rows.len()), count(MAX_ROWS)));
            }
        }
        let rows = rows.into_iter().map(|(row, cells)| SourceRow {
            number: row_number(u64::from(row) + 1),
            cells,
        });
        Ok(rows.collect())
    }

    fn cell(&mut self, value: &DataRef<'_>) -> Cell {
        let text = match value {
            DataRef::Empty => return Cell::Empty,
            DataRef::Int(number) => return Cell::Number(number.to_string()),
            // Display of a float never writes an exponent and gives the shortest digits that mean it.
            DataRef::Float(number) if number.is_finite() => return Cell::Number(number.to_string()),
            DataRef::Float(_) | DataRef::Error(_) => return Cell::Error,
            DataRef::Bool(flag) => return Cell::Flag(*flag),
            DataRef::DateTime(moment) => {
                let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
                let date = format!("{year:04}-{month:02}-{day:02}");
                return Cell::Date(if (hour, minute, second) == (0, 0, 0) {
                    date
                } else {
                    format!("{date}T{hour:02}:{minute:02}:{second:02}")
                });
            }
            DataRef::DateTimeIso(text) => return Cell::Date(text.chars().take(40).collect()),
            DataRef::DurationIso(text) | DataRef::String(text) => text.as_str(),
            DataRef::SharedString(text) => text,
        };
        let (cell, was_cut) = cut(text);
        self.cut_cells += u32::from(was_cut);
        cell
    }
}
