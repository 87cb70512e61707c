//! Bytes into text: byte order marks, UTF-16 without one, UTF-8, and else Windows-1252, which holds Latin-1's letters.
//!
//! Windows-1252 can read any bytes, so it comes last, and only what has no zero bytes gets there.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::table::FileError;

/// Bytes that are looked at to tell UTF-16 from others.
const LOOKED_AT: usize = 4_096;

/// A decoded text and the name of its encoding.
pub struct Decoded {
    pub text: String,
    pub encoding: &'static str,
}

/// Whether the bytes may be a text in one of the encodings.
pub fn is_text(bytes: &[u8]) -> bool {
    utf_16(bytes).is_some() || !bytes.iter().take(LOOKED_AT).any(|byte| *byte == 0)
}

/// # Errors
/// [`FileError::Damaged`] when the encoding that the file begins with does not hold to its end.
pub fn decode(bytes: &[u8]) -> Result<Decoded, FileError> {
    if let Some(encoding) = utf_16(bytes) {
        let (text, _, malformed) = encoding.decode(bytes);
        if malformed {
            return Err(FileError::damaged_as(
                "its UTF-16 text is broken off or malformed",
                "su texto UTF-16 está cortado o mal formado",
            ));
        }
        if text.contains('\0') {
            return Err(FileError::damaged_as(
                "its text holds zero characters",
                "su texto contiene caracteres nulos",
            ));
        }
        let encoding = if encoding == UTF_16LE {
            "utf-16le"
        } else {
            "utf-16be"
        };
        return Ok(Decoded {
            text: text.into_owned(),
            encoding,
        });
    }
    if bytes.contains(&0) {
        return Err(FileError::damaged_as(
            "its text holds zero bytes",
            "su texto contiene bytes nulos",
        ));
    }
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(plain) {
        Ok(text) => Ok(Decoded {
            text: text.to_owned(),
            encoding: "utf-8",
        }),
        // A mark says UTF-8, so anything else is damage and not another encoding.
        Err(_) if plain.len() < bytes.len() => Err(FileError::damaged_as(
            "it says that it is UTF-8, and is not",
            "dice ser UTF-8 y no lo es",
        )),
        Err(_) if is_mostly_utf_8(plain) => {
            let line = first_bad_line(plain);
            Err(FileError::damaged_as(
                format!("line {line} is not UTF-8, as the others are"),
                format!("la línea {line} no es UTF-8, como las demás"),
            ))
        }
        Err(_) => windows_1252(plain),
    }
}

/// A text that is not UTF-8.
fn windows_1252(bytes: &[u8]) -> Result<Decoded, FileError> {
    // Read as Windows-1252, its letters would come out as others.
    if let Some(line) = first_line_of_utf_8(bytes) {
        return Err(FileError::damaged_as(
            format!("line {line} is UTF-8, and the others are not"),
            format!("la línea {line} es UTF-8 y las demás no"),
        ));
    }
    let (text, _, _) = WINDOWS_1252.decode(bytes);
    // Windows-1252 leaves five bytes without a letter, which are letters in the encodings of DOS and Apple.
    if let Some(place) = text.chars().position(|c| matches!(c, '\u{80}'..='\u{9f}')) {
        let line = text.chars().take(place).filter(|c| *c == '\n').count() + 1;
        return Err(FileError::damaged_as(
            format!("line {line} is in no known encoding; save it as UTF-8"),
            format!("la línea {line} no está en ninguna codificación conocida; guárdela como UTF-8"),
        ));
    }
    Ok(Decoded {
        text: text.into_owned(),
        encoding: "windows-1252",
    })
}

/// Whether a text that is not UTF-8 throughout has more letters of UTF-8 than bytes that are none: then it is damaged, or
/// put together from two files. Letters of Windows-1252 hardly ever look like UTF-8.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut letters, mut others) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        others += chunk.invalid().len();
    }
    letters > others
}

/// The first line with a letter of western languages in UTF-8, in a text that is none. What Windows-1252 would make of it,
/// such as `Ã©` or `â€œ`, stands in no text that people write; other letters of UTF-8 may, such as `É»` at the end of a
/// quotation.
fn first_line_of_utf_8(bytes: &[u8]) -> Option<usize> {
    let is_western = |c: char| matches!(c, '\u{a0}'..='\u{ff}' | '\u{2010}'..='\u{203a}' | '€' | '™');
    let mut line = 1;
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if let Some(place) = valid.find(is_western) {
            return Some(line + valid[..place].matches('\n').count());
        }
        line += valid.matches('\n').count();
    }
    None
}

fn first_bad_line(bytes: &[u8]) -> usize {
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// UTF-16 by its mark, or by nearly every other byte being zero as in western texts.
fn utf_16(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    if bytes.starts_with(b"\xff\xfe") {
        return Some(UTF_16LE);
    }
    if bytes.starts_with(b"\xfe\xff") {
        return Some(UTF_16BE);
    }
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let pairs = start.len() / 2;
    if pairs < 2 {
        return None;
    }
    let zeros = |offset: usize| {
        start
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let most = pairs - pairs / 10;
    if odd >= most && even <= pairs / 10 {
        Some(UTF_16LE)
    } else if even >= most && odd <= pairs / 10 {
        Some(UTF_16BE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "código;descripción;precio\nÑ-1;Teléfono «Año»;1.234,50\n";

    fn utf_16_bytes(little: bool, mark: bool) -> Vec<u8> {
        let marked = if mark {
            format!("\u{feff}{TEXT}")
        } else {
            TEXT.to_owned()
        };
        marked
            .encode_utf16()
            .flat_map(|unit| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let latin: Vec<u8> = TEXT
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        let marked = [b"\xef\xbb\xbf", TEXT.as_bytes()].concat();
        for (bytes, encoding) in [
            (TEXT.as_bytes().to_vec(), "utf-8"),
            (marked, "utf-8"),
            (latin, "windows-1252"),
            (utf_16_bytes(true, true), "utf-16le"),
            (utf_16_bytes(false, true), "utf-16be"),
            (utf_16_bytes(true, false), "utf-16le"),
            (utf_16_bytes(false, false), "utf-16be"),
        ] {
            assert!(is_text(&bytes), "{encoding}");
            let decoded = decode(&bytes).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.encoding), (TEXT, encoding));
        }
    }

    #[test]
    fn damage_is_said_and_not_guessed() {
        assert!(decode(b"\xef\xbb\xbfa\xff").is_err());
        assert!(decode(b"\xff\xfea\0b").is_err());
        assert!(decode(b"abc\0def").is_err());
        assert!(decode(b"\xff\xfea\0\0\0b\0").is_err(), "a zero character");
        let mixed = [TEXT.as_bytes(), b"\xd1-2;Tel\xe9fono;1\n"].concat();
        let Err(error) = decode(&mixed) else {
            panic!("two encodings in one file")
        };
        assert!(error.to_string().contains("line 3"), "{error}");
        let latin = TEXT.chars().map(|c| u8::try_from(u32::from(c)).unwrap());
        let mixed: Vec<u8> = latin.chain("Ñ-2;café;1\n".bytes()).collect();
        let Err(error) = decode(&mixed) else {
            panic!("a line of UTF-8 among others")
        };
        assert!(error.to_string().contains("line 3"), "{error}");
        // `É»` happens to be a letter of UTF-8, too.
        assert!(decode(b"nombre\n\xabCAF\xc9\xbb\n").is_ok());
        // A code page of DOS: its letters would come out as others.
        assert!(decode(b"c\xa2digo;precio\n\x90-1;5\n").is_err());
        assert!(!is_text(b"a\0\0\0b\x01\x02"));
    }
}
