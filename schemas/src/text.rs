//! What texts that people read may not hold: characters that nobody sees.
//!
//! Not here: lengths and spaces, which each text has rules of its own for.

/// Whether a character shows nothing or turns the text around it: controls, spaces without width, and marks that change
/// the direction in which a line is read (Unicode's bidirectional controls). Joiners stay: words of Persian and of India,
/// and emoji, need them.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_hidden_and_what_words_need_is_not() {
        for hidden in [
            '\0', '\n', '\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}',
        ] {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
        for seen in ['a', 'ñ', ' ', '\u{301}', '\u{200c}', '\u{200d}', '😀', 'ع'] {
            assert!(!is_hidden(seen), "{seen:?}");
        }
    }
}
