//! What a file may have at most. Whatever is beyond is refused, never cut off silently.

/// Of the file as it is uploaded.
pub const MAX_FILE_BYTES: usize = 20 << 20;
/// Rows with content, the heading and what stands above it not counted.
pub const MAX_ROWS: usize = 100_000;
/// Rows above the heading that are looked at.
pub const MAX_TITLE_ROWS: usize = 30;
pub const MAX_COLUMNS: usize = 200;
/// Cells up to the last one with content in each row, of all sheets that are looked at.
pub const MAX_CELLS: usize = 2_000_000;
/// Characters of one cell; nothing that is imported is longer.
pub const MAX_CELL_CHARS: usize = 2_000;
/// Sheets that are looked at for a table.
pub const MAX_SHEETS: usize = 20;
/// Parts of an XLSX file, which is an archive.
pub const MAX_PARTS: usize = 2_000;
/// Of all parts together, unpacked.
pub const MAX_UNPACKED_BYTES: u64 = 256 << 20;
/// Unpacked to packed size of a part that is larger than [`RATIO_FROM_BYTES`]: sheets of real files stay below 60.
pub const MAX_RATIO: u64 = 250;
/// Small parts may be as repetitive as they like.
pub const RATIO_FROM_BYTES: u64 = 1 << 20;
/// Warnings that are kept of one row.
pub const MAX_WARNINGS_PER_ROW: usize = 20;
