//! What a file is, by its first bytes: names and media types are only what somebody says.

use crate::encoding;
use crate::limits::MAX_FILE_BYTES;
use crate::table::{FileError, count};

/// Types that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
}

/// Known beginnings of files that people send by mistake.
pub(crate) const OTHERS: &[(&[u8], &str)] = &[
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel workbook (.xls) or one with a password; save it as .xlsx",
    ),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
];

/// # Errors
/// [`FileError::Unsupported`], [`FileError::TooLarge`] and [`FileError::Empty`].
pub fn sniff(bytes: &[u8]) -> Result<Format, FileError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(FileError::too_large(
            "bytes",
            count(bytes.len()),
            count(MAX_FILE_BYTES),
        ));
    }
    if bytes.is_empty() {
        return Err(FileError::Empty {});
    }
    let unsupported = |found: &str| {
        Err(FileError::Unsupported {
            found: found.to_owned(),
        })
    };
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Ok(Format::Xlsx);
    }
    if let Some((_, found)) = OTHERS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return unsupported(found);
    }
    let start = bytes.trim_ascii_start();
    let lower: Vec<u8> = start
        .iter()
        .take(200)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    if lower.starts_with(b"<") {
        return unsupported("HTML or XML");
    }
    if lower.starts_with(b"{") || lower.starts_with(b"[{") {
        return unsupported("JSON");
    }
    if encoding::is_text(bytes) {
        Ok(Format::Csv)
    } else {
        unsupported("not a text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> String {
        match sniff(bytes) {
            Ok(format) => format!("{format:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_file_is_what_its_bytes_say() {
        assert_eq!(found(b"sku;precio\nA;1"), "Csv");
        assert_eq!(found(b"PK\x03\x04rest"), "Xlsx");
        assert_eq!(found(b"sku,c\xf3digo\n"), "Csv");
        assert_eq!(found(&[0xff, 0xfe, b's', 0, b'k', 0, b'u', 0]), "Csv");
        for other in [
            &b"%PDF-1.7"[..],
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"<!DOCTYPE html>",
            b"{\"a\":1}",
            b"\x1f\x8b\x08",
            b"abc\0\0\0def\0\x01",
        ] {
            assert!(found(other).starts_with("the file is "), "{}", found(other));
        }
        assert!(matches!(sniff(b""), Err(FileError::Empty {})));
    }

    #[test]
    fn a_file_beyond_the_limit_is_not_looked_at() {
        let bytes = vec![b'a'; MAX_FILE_BYTES + 1];
        assert!(matches!(sniff(&bytes), Err(FileError::TooLarge { .. })));
    }
}
