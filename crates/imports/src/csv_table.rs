//! A text with separators: which separator it is, where the headings stand, and its cells.
//!
//! Each separator is tried on the beginning; the one under which headings are recognised wins, so that decimal commas
//! and thousands do not count as separators.

use crate::encoding;
use crate::headings;
use crate::limits::{MAX_CELL_CHARS, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MAX_TITLE_ROWS};
use crate::table::{Cell, FileError, Layout, SourceRow, Table, count, row_number};

const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];
/// Characters of the beginning under which separators are compared.
const BEGINNING_CHARS: usize = 64 << 10;
/// Lines of one cell; longer ones are a quotation mark that nobody closed.
const MAX_CELL_LINES: usize = 50;

/// # Errors
/// See [`FileError`].
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let decoded = encoding::decode(bytes)?;
    let (text, stated, skipped) = stated_separator(&decoded.text);
    let separator = match stated {
        Some(separator) => separator,
        None => best_separator(text)?,
    };
    let mut rows = Vec::new();
    let mut reading = Reading::default();
    let mut last = 0;
    for record in reader(text, separator).into_records() {
        let record = record.map_err(FileError::damaged)?;
        let line = line_of(&record, text) + skipped;
        last = start_of(&record);
        // A quote too many swallows rows up to the next one, and nobody would miss them in the draft.
        if record
            .iter()
            .any(|cell| cell.matches('\n').nth(MAX_CELL_LINES).is_some())
        {
            return Err(unclosed(line));
        }
        if let Some(row) = reading.row(&record, line)? {
            rows.push(row);
        }
    }
    if ends_within_quotes(text.get(last..).unwrap_or_default(), separator) {
        let lines = text.get(..last).unwrap_or_default().matches('\n').count();
        return Err(unclosed(count(lines) + skipped + 1));
    }
    let heading = headings::find(&rows).ok_or(FileError::NoHeadings {})?;
    let layout = Layout {
        format: "csv".to_owned(),
        encoding: Some(decoded.encoding.to_owned()),
        separator: Some(separator),
        sheet: None,
        other_sheets: Vec::new(),
        heading_row: heading.row,
        headings: heading.texts,
        cut_cells: reading.cut_cells,
    };
    rows.drain(..=heading.index);
    Ok(Table { layout, rows })
}

/// Excel's own hint, `sep=;` in the first line.
fn stated_separator(text: &str) -> (&str, Option<char>, u64) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_end_matches('\r').trim_matches('"');
    let separator = first
        .strip_prefix("sep=")
        .or_else(|| first.strip_prefix("SEP="))
        .and_then(|rest| {
            let mut chars = rest.chars();
            chars.next().filter(|_| chars.next().is_none())
        });
    match separator {
        Some(separator) if SEPARATORS.contains(&separator) => (rest, Some(separator), 1),
        Some(_) | None => (text, None, 0),
    }
}

fn reader(text: &str, separator: char) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(u8::try_from(separator).unwrap_or(b','))
        .from_reader(text.as_bytes())
}

fn unclosed(line: u64) -> FileError {
    FileError::damaged_as(
        format!("a quotation mark that opens on line {line} is not closed"),
        format!("unas comillas que se abren en la línea {line} no se cierran"),
    )
}

/// Where a record begins, in bytes.
fn start_of(record: &csv::StringRecord) -> usize {
    let start = record.position().map_or(0, csv::Position::byte);
    usize::try_from(start).unwrap_or(usize::MAX)
}

/// Whether the last record's quotation marks are open at the end of the text.
fn ends_within_quotes(record: &str, separator: char) -> bool {
    let mut chars = record.trim_start_matches(['\r', '\n']).chars().peekable();
    let (mut is_quoted, mut is_start) = (false, true);
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
            }
            '"' if is_quoted => is_quoted = false,
            '"' if is_start => is_quoted = true,
            _ => {}
        }
        is_start = !is_quoted && c == separator;
    }
    is_quoted
}

/// The line on which a record begins. The parser's own position is before the blank lines that it skips.
fn line_of(record: &csv::StringRecord, text: &str) -> u64 {
    let Some(position) = record.position() else {
        return 1;
    };
    let start = start_of(record);
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + count(blank.filter(|byte| **byte == b'\n').count())
}

/// The separator under which most headings are known; among equals, the one that gives most columns.
fn best_separator(text: &str) -> Result<char, FileError> {
    let end = text
        .char_indices()
        .nth(BEGINNING_CHARS)
        .map_or(text.len(), |(end, _)| end);
    let mut best: Option<((usize, usize), char)> = None;
    for separator in SEPARATORS {
        let mut rows = Vec::new();
        let mut reading = Reading::default();
        for record in reader(&text[..end], separator)
            .into_records()
            .take(MAX_TITLE_ROWS)
        {
            let Ok(record) = record else { break };
            let line = line_of(&record, text);
            if let Some(row) = reading.row(&record, line)? {
                rows.push(row);
            }
        }
        let Some(heading) = headings::find(&rows) else {
            continue;
        };
        let score = (heading.known, heading.texts.len());
        if best.is_none_or(|(other, _)| score > other) {
            best = Some((score, separator));
        }
    }
    best.map(|(_, separator)| separator)
        .ok_or(FileError::NoHeadings {})
}

/// Counts while rows are read.
#[derive(Default)]
struct Reading {
    rows: usize,
    cells: usize,
    cut_cells: u32,
}

impl Reading {
    /// A row with content, or nothing for a blank one.
    fn row(&mut self, record: &csv::StringRecord, line: u64) -> Result<Option<SourceRow>, FileError> {
        let mut cells: Vec<Cell> = record.iter().map(|text| self.cell(text)).collect();
        while cells.last().is_some_and(Cell::is_empty) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(None);
        }
        if cells.len() > MAX_COLUMNS {
            return Err(FileError::too_large(
                "columns",
                count(cells.len()),
                count(MAX_COLUMNS),
            ));
        }
        self.rows += 1;
        self.cells += cells.len();
        if self.rows > MAX_ROWS + MAX_TITLE_ROWS {
            return Err(FileError::too_large("rows", count(self.rows), count(MAX_ROWS)));
        }
        if self.cells > MAX_CELLS {
            return Err(FileError::too_large("cells", count(self.cells), count(MAX_CELLS)));
        }
        Ok(Some(SourceRow {
            number: row_number(line),
            cells,
        }))
    }

    fn cell(&mut self, text: &str) -> Cell {
        let (cell, was_cut) = cut(as_text(text));
        self.cut_cells += u32::from(was_cut);
        cell
    }
}

/// What stands behind the two ways in which people keep a spreadsheet from reading a code as a number: `="00123"` and
/// `'00123`.
fn as_text(text: &str) -> &str {
    let quoted = text
        .trim()
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'));
    let marked = text
        .trim()
        .strip_prefix('\'')
        .filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    quoted
        .filter(|inner| !inner.contains('"'))
        .or(marked)
        .unwrap_or(text)
}

/// A cell's text within the limit, and whether it was longer.
pub(crate) fn cut(text: &str) -> (Cell, bool) {
    match text.char_indices().nth(MAX_CELL_CHARS) {
        Some((end, _)) => (Cell::text(&text[..end]), true),
        None => (Cell::text(text), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        read(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_separator_is_found_even_beside_decimal_commas() {
        for separator in SEPARATORS {
            let line = |cells: [&str; 3]| {
                let quoted = cells.map(|cell| {
                    if cell.contains(separator) {
                        format!("\"{cell}\"")
                    } else {
                        cell.to_owned()
                    }
                });
                quoted.join(&separator.to_string())
            };
            let text = [
                line(["Código", "Descripción", "Precio"]),
                line(["A-1", "Cable, de 1 m", "1.234,50"]),
            ]
            .join("\r\n");
            let table = table(&text);
            assert_eq!(table.layout.separator, Some(separator));
            assert_eq!(
                table.rows[0].cells[1..],
                [Cell::text("Cable, de 1 m"), Cell::text("1.234,50")]
            );
        }
    }

    #[test]
    fn titles_above_and_newlines_inside_quotes_leave_the_line_numbers_right() {
        let table = table(
            "Lista de precios,,\nVigente desde enero,,\n\nSKU,Nombre,Precio\nA,\"dos\nlíneas\",5\n\n,,\nB,b,6\n",
        );
        assert_eq!(table.layout.heading_row, 4);
        let numbers: Vec<u32> = table.rows.iter().map(|row| row.number).collect();
        assert_eq!(numbers, [5, 9]);
        assert_eq!(table.rows[0].cells[1], Cell::text("dos\nlíneas"));
    }

    #[test]
    fn excels_own_hint_is_believed() {
        let table = table("sep=|\nsku|nombre\nA|uno, dos; tres\n");
        assert_eq!(table.layout.separator, Some('|'));
        assert_eq!(table.rows[0].number, 3);
    }

    #[test]
    fn what_has_no_headings_or_too_much_is_refused() {
        assert_eq!(read(b"1,2,3\n4,5,6\n"), Err(FileError::NoHeadings {}));
        let wide = format!("sku,nombre{}\n", ",x".repeat(MAX_COLUMNS));
        assert!(matches!(read(wide.as_bytes()), Err(FileError::TooLarge { .. })));
        let long = format!("sku,nombre\n{}", "a,b\n".repeat(MAX_ROWS + MAX_TITLE_ROWS));
        assert!(matches!(read(long.as_bytes()), Err(FileError::TooLarge { .. })));
    }

    #[test]
    fn an_endless_cell_is_cut_and_counted() {
        let text = format!("sku,nombre\nA,{}\n", "x".repeat(MAX_CELL_CHARS + 5));
        let table = table(&text);
        assert_eq!(table.layout.cut_cells, 1);
        assert_eq!(table.rows[0].cells[1].shown().len(), MAX_CELL_CHARS);
    }
}
