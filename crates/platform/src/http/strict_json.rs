//! One pass over a body, before anything else reads it: refuses what JSON parsers disagree about or databases choke on.
//!
//! Refused: invalid UTF-8, duplicate keys, NUL characters, lone surrogates, nesting beyond 32, integers beyond 64 bits,
//! and anything behind the value. Deliberately absent: types (each operation's own body says what it wants).

use std::borrow::Cow;
use std::collections::HashSet;

use super::codes;
use super::json::escaped;
use super::problem::Problem;
use super::text::Text;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 32;

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Utf8,
    Syntax,
    DuplicateKey,
    Nul,
    LoneSurrogate,
    TooDeep,
    IntegerRange,
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    pub fault: Fault,
    /// JSON pointer to the value that is at fault, as far as it had been read.
    pub pointer: String,
}

impl From<Offence> for Problem {
    fn from(offence: Offence) -> Self {
        let text = match offence.fault {
            Fault::Utf8 => Text::fixed("El cuerpo no es UTF-8.", "The body is not UTF-8."),
            Fault::Syntax => Text::fixed("Aquí el JSON está mal formado.", "The JSON is malformed here."),
            Fault::DuplicateKey => Text::fixed("Esta clave aparece dos veces.", "This key appears twice."),
            Fault::Nul => Text::fixed(
                "El carácter NUL no se admite.",
                "The NUL character is not allowed.",
            ),
            Fault::LoneSurrogate => Text::fixed(
                "Un código sustituto (\\ud800 a \\udfff) no tiene pareja.",
                "A surrogate (\\ud800 to \\udfff) lacks its other half.",
            ),
            Fault::TooDeep => Text::fixed(
                "Hay más de 32 niveles anidados.",
                "There are more than 32 nested levels.",
            ),
            Fault::IntegerRange => Text::fixed(
                "El entero no cabe en 64 bits.",
                "The integer does not fit in 64 bits.",
            ),
        };
        Problem::new(&codes::JSON_INVALID).at(offence.pointer, text)
    }
}

/// Checks a whole body.
///
/// # Errors
/// The first offence.
pub fn check(bytes: &[u8]) -> Result<(), Offence> {
    let text = std::str::from_utf8(bytes).map_err(|_| Offence {
        fault: Fault::Utf8,
        pointer: String::new(),
    })?;
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        frames: Vec::new(),
    };
    scanner.document().map_err(|fault| Offence {
        fault,
        pointer: scanner.pointer(),
    })
}

enum Frame<'a> {
    Array { index: usize },
    Object { key: Cow<'a, str>, seen: Keys<'a> },
}

/// The keys of one object: a list while there are few, a set beyond.
enum Keys<'a> {
    Few(Vec<Cow<'a, str>>),
    Many(HashSet<Cow<'a, str>>),
}

impl<'a> Keys<'a> {
    const FEW: usize = 16;

    /// Whether the key is new.
    fn insert(&mut self, key: Cow<'a, str>) -> bool {
        match self {
            Keys::Few(keys) if keys.len() < Self::FEW => {
                let fresh = !keys.contains(&key);
                keys.push(key);
                fresh
            }
            Keys::Few(keys) => {
                let mut set: HashSet<_> = std::mem::take(keys).into_iter().collect();
                let fresh = set.insert(key);
                *self = Keys::Many(set);
                fresh
            }
            Keys::Many(set) => set.insert(key),
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    frames: Vec<Frame<'a>>,
}

impl<'a> Scanner<'a> {
    fn document(&mut self) -> Result<(), Fault> {
        loop {
            if self.value()? {
                continue;
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads a value, or opens a container that is not empty (then `true`: its first value comes next).
    fn value(&mut self) -> Result<bool, Fault> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => {
                self.open(Frame::Object {
                    key: Cow::Borrowed(""),
                    seen: Keys::Few(Vec::new()),
                })?;
                if self.peek() == Some(b'}') {
                    return Ok(false);
                }
                self.key()?;
                Ok(true)
            }
            Some(b'[') => {
                self.open(Frame::Array { index: 0 })?;
                Ok(self.peek() != Some(b']'))
            }
            Some(b'"') => self.string(false).map(|_| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(Fault::Syntax),
        }
    }

    fn open(&mut self, frame: Frame<'a>) -> Result<(), Fault> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        self.frames.push(frame);
        self.skip_space();
        Ok(())
    }

    /// Goes on behind a value; `true` at the end of the document.
    fn after_value(&mut self) -> Result<bool, Fault> {
        loop {
            self.skip_space();
            let next = self.peek();
            match (self.frames.last_mut(), next) {
                (None, None) => return Ok(true),
                (Some(Frame::Array { index }), Some(b',')) => {
                    *index += 1;
                    self.at += 1;
                    return Ok(false);
                }
                (Some(Frame::Object { .. }), Some(b',')) => {
                    self.at += 1;
                    self.key()?;
                    return Ok(false);
                }
                (Some(Frame::Array { .. }), Some(b']')) | (Some(Frame::Object { .. }), Some(b'}')) => {
                    self.at += 1;
                    self.frames.pop();
                }
                _ => return Err(Fault::Syntax),
            }
        }
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(Fault::Syntax);
        }
        let name = self.string(true)?;
        let mut fresh = true;
        if let Some(Frame::Object { key, seen }) = self.frames.last_mut() {
            *key = name.clone();
            fresh = seen.insert(name);
        }
        if !fresh {
            return Err(Fault::DuplicateKey);
        }
        self.skip_space();
        self.expect(b':')
    }

    /// Reads a string; its text only matters for keys (`keep`).
    fn string(&mut self, keep: bool) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<String> = None;
        let mut run = start;
        loop {
            match self.peek().ok_or(Fault::Syntax)? {
                b'"' => {
                    let rest = &self.text[run..self.at];
                    self.at += 1;
                    return Ok(match unescaped {
                        Some(mut text) => {
                            text.push_str(rest);
                            Cow::Owned(text)
                        }
                        None => Cow::Borrowed(rest),
                    });
                }
                b'\\' => {
                    let before = &self.text[run..self.at];
                    self.at += 1;
                    let letter = self.escape()?;
                    if keep {
                        let text = unescaped.get_or_insert_with(String::new);
                        text.push_str(before);
                        text.push(letter);
                    }
                    run = self.at;
                }
                0..=0x1f => return Err(Fault::Syntax),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let kind = self.peek().ok_or(Fault::Syntax)?;
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Fault::Syntax),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.hex4()?;
        if first == 0 {
            return Err(Fault::Nul);
        }
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(Fault::LoneSurrogate);
        }
        if first >= 0xdc00 || !self.bytes[self.at..].starts_with(b"\\u") {
            return Err(Fault::LoneSurrogate);
        }
        self.at += 2;
        let second = self.hex4()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Fault::LoneSurrogate);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Fault::LoneSurrogate)
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Fault::Syntax)?;
        let mut value = 0;
        for digit in digits {
            value = value * 16 + char::from(*digit).to_digit(16).ok_or(Fault::Syntax)?;
        }
        self.at += 4;
        Ok(value)
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        self.skip_if(b'-');
        let first = self.peek();
        let digits = self.digits()?;
        if first == Some(b'0') && digits > 1 {
            return Err(Fault::Syntax);
        }
        let whole = &self.text[start..self.at];
        let mut integer = true;
        if self.skip_if(b'.') {
            integer = false;
            self.digits()?;
        }
        if self.skip_if(b'e') || self.skip_if(b'E') {
            integer = false;
            if !self.skip_if(b'+') {
                self.skip_if(b'-');
            }
            self.digits()?;
        }
        if integer && whole.parse::<i64>().is_err() {
            return Err(Fault::IntegerRange);
        }
        Ok(())
    }

    /// Skips one digit or more and says how many.
    fn digits(&mut self) -> Result<usize, Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(Fault::Syntax)
        } else {
            Ok(self.at - start)
        }
    }

    fn literal(&mut self, word: &str) -> Result<bool, Fault> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::Syntax);
        }
        self.at += word.len();
        Ok(false)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_if(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
        }
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.skip_if(byte) {
            Ok(())
        } else {
            Err(Fault::Syntax)
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Where the scanner stands. A key can be as long as the body, so the pointer is cut.
    fn pointer(&self) -> String {
        const MAX_CHARS: usize = 300;
        let whole = self
            .frames
            .iter()
            .fold(String::new(), |pointer, frame| match frame {
                Frame::Array { index } => format!("{pointer}/{index}"),
                Frame::Object { key, .. } => {
                    let key: String = key.chars().take(MAX_CHARS).collect();
                    format!("{pointer}/{}", escaped(&key))
                }
            });
        whole.chars().take(MAX_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn offence(body: &str) -> (Fault, String) {
        let offence = check(body.as_bytes()).unwrap_err();
        (offence.fault, offence.pointer)
    }

    #[test]
    fn ordinary_bodies_pass() {
        for body in [
            "{}",
            "[]",
            " {\"a\" : [1, -2.5e3, true, null, \"\\ud83d\\ude00\"]} ",
            "\"x\"",
            "0",
            "-0",
            "1e5",
        ] {
            assert_eq!(check(body.as_bytes()), Ok(()), "{body}");
        }
    }

    #[test]
    fn duplicate_keys_are_refused_however_they_are_written() {
        assert_eq!(
            offence(r#"{"a":1,"b":{"c":1,"\u0063":2}}"#),
            (Fault::DuplicateKey, "/b/c".into())
        );
        let many: Vec<String> = (0..40).map(|n| format!("\"k{n}\":0")).collect();
        assert_eq!(check(format!("{{{}}}", many.join(",")).as_bytes()), Ok(()));
        assert_eq!(
            offence(&format!("{{{},\"k3\":1}}", many.join(","))).0,
            Fault::DuplicateKey
        );
        assert_eq!(check(br#"[{"a":1},{"a":1}]"#), Ok(()));
    }

    #[test]
    fn nul_and_lone_surrogates_are_refused() {
        assert_eq!(offence(r#"{"a":["x","\u0000"]}"#), (Fault::Nul, "/a/1".into()));
        assert_eq!(offence(r#"{"\u0000":1}"#).0, Fault::Nul);
        for text in [r#""\ud800""#, r#""\ud800A""#, r#""\udc00""#, r#""\ud800\n""#] {
            assert_eq!(offence(text).0, Fault::LoneSurrogate, "{text}");
        }
        assert_eq!(offence("\"\u{0}\"").0, Fault::Syntax);
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(offence(&nested(MAX_DEPTH + 1)).0, Fault::TooDeep);
        assert_eq!(offence(&"{\"a\":".repeat(100_000)).0, Fault::TooDeep);
    }

    #[test]
    fn integers_beyond_64_bits_are_refused() {
        assert_eq!(check(b"9223372036854775807"), Ok(()));
        assert_eq!(check(b"-9223372036854775808"), Ok(()));
        assert_eq!(
            offence("{\"n\":9223372036854775808}"),
            (Fault::IntegerRange, "/n".into())
        );
        assert_eq!(offence("-9223372036854775809").0, Fault::IntegerRange);
    }

    #[test]
    fn malformed_json_and_trailing_text_are_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            "-",
            "+1",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "{} {}",
            "[1 2]",
            "{\"a\" 1}",
            "]",
            "NaN",
            "Infinity",
            "\u{feff}{}",
            "{\"a\":}",
            "1e",
            "[}",
            "'a'",
        ] {
            assert_eq!(offence(text).0, Fault::Syntax, "{text}");
        }
        assert_eq!(check(b"\"\xff\"").unwrap_err().fault, Fault::Utf8);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("JSON has no NaN", |f| f.is_finite())
                .prop_map(Value::from),
            "[^\u{0}]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[^\u{0}]{0,6}", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_accepted(value in json()) {
            prop_assert_eq!(check(serde_json::to_string(&value).unwrap().as_bytes()), Ok(()));
            prop_assert_eq!(check(serde_json::to_string_pretty(&value).unwrap().as_bytes()), Ok(()));
        }

        #[test]
        fn what_is_accepted_is_json_to_serde_json_as_well(text in r#"[\[\]{}",:0-9a-z\\\-. eE]{0,24}"#) {
            if check(text.as_bytes()).is_ok() {
                // A float such as 1e999 is JSON, but no double.
                let parsed = serde_json::from_str::<Value>(&text);
                prop_assert!(parsed.is_ok() || text.contains(['e', 'E']), "{}", text);
            }
        }

        #[test]
        fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = check(&bytes);
        }
    }
}
