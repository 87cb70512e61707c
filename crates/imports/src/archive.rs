//! What an XLSX file would unpack to, counted before any parser of spreadsheets sees it.
//!
//! The sizes that an archive states are its own words: every part is unpacked once here, through a limit, into nothing.
//! XML with a document type is refused, since entities are the other way to make much out of little.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::limits::{MAX_PARTS, MAX_RATIO, MAX_UNPACKED_BYTES, RATIO_FROM_BYTES};
use crate::table::{FileError, count};

/// Bytes that one look takes; what is searched for may lie across two looks.
const BLOCK: usize = 64 << 10;
const FORBIDDEN: &[&[u8]] = &[b"<!DOCTYPE", b"<!ENTITY"];
const LONGEST: usize = 9;

/// # Errors
/// [`FileError::Damaged`], [`FileError::TooLarge`], [`FileError::Forbidden`], and [`FileError::Unsupported`] for an archive
/// that is no workbook.
pub fn check(bytes: &[u8]) -> Result<(), FileError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(FileError::damaged)?;
    if archive.len() > MAX_PARTS {
        return Err(FileError::too_large(
            "parts",
            count(archive.len()),
            count(MAX_PARTS),
        ));
    }
    let mut is_workbook = false;
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(FileError::damaged)?;
        let packed = part.compressed_size();
        is_workbook |= part
            .name()
            .is_ok_and(|name| name.eq_ignore_ascii_case("xl/workbook.xml"));
        unpacked += drain(&mut part, packed, unpacked)?;
    }
    if is_workbook {
        Ok(())
    } else {
        Err(FileError::Unsupported {
            found: "an archive that is no .xlsx workbook".to_owned(),
        })
    }
}

/// Unpacks one part into nothing and gives its size. `before` is what the parts before it came to.
fn drain(part: &mut impl Read, packed: u64, before: u64) -> Result<u64, FileError> {
    let mut block = vec![0; BLOCK + LONGEST];
    let (mut size, mut kept) = (0_u64, 0);
    loop {
        let read = part
            .read(&mut block[kept..kept + BLOCK])
            .map_err(FileError::damaged)?;
        if read == 0 {
            return Ok(size);
        }
        size += count(read);
        if before + size > MAX_UNPACKED_BYTES {
            return Err(FileError::too_large(
                "unpacked bytes",
                before + size,
                MAX_UNPACKED_BYTES,
            ));
        }
        if size > RATIO_FROM_BYTES && size / packed.max(1) > MAX_RATIO {
            return Err(FileError::Forbidden {
                what: format!("a part that unpacks to more than {MAX_RATIO} times its size"),
            });
        }
        let seen = kept + read;
        if FORBIDDEN
            .iter()
            .any(|word| block[..seen].windows(word.len()).any(|window| window == *word))
        {
            return Err(FileError::Forbidden {
                what: "an XML document type or entity".to_owned(),
            });
        }
        let tail = seen.min(LONGEST);
        block.copy_within(seen - tail..seen, 0);
        kept = tail;
    }
}
