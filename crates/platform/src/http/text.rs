//! The two languages that people read answers in, how a request chooses one, and text as part of a page.
//!
//! Not here: the texts themselves (`codes`, and the domain's refusals).

use std::borrow::Cow;

use poem::http::HeaderMap;

/// The languages that answers are written in. Spanish unless a request prefers English: it is the customers' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    #[default]
    Spanish,
    English,
}

impl Language {
    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::Spanish => "es",
            Language::English => "en",
        }
    }

    /// Chooses by `Accept-Language` (RFC 9110, section 12.5.4): the highest weight wins, the first among equals.
    pub fn of(headers: &HeaderMap) -> Language {
        let mut best = (0, Language::default());
        for value in headers.get_all("accept-language") {
            for range in value.to_str().unwrap_or_default().split(',').take(20) {
                let mut parts = range.split(';');
                let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
                let weight = parts
                    .find_map(|p| p.trim().strip_prefix("q="))
                    .map_or(1000, thousandths);
                let language = match tag.split('-').next() {
                    Some("es") => Language::Spanish,
                    Some("en") => Language::English,
                    _ => continue,
                };
                if weight > best.0 {
                    best = (weight, language);
                }
            }
        }
        best.1
    }
}

/// A weight such as `0.8`, in thousandths; what is malformed weighs nothing.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 {
        return 0;
    }
    let padded = format!("{fraction:0<3}");
    match (whole, padded.parse::<u32>()) {
        ("0", Ok(weight)) => weight,
        ("1", Ok(0)) => 1000,
        _ => 0,
    }
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub es: Cow<'static, str>,
    pub en: Cow<'static, str>,
}

impl Text {
    pub const fn fixed(es: &'static str, en: &'static str) -> Self {
        Self {
            es: Cow::Borrowed(es),
            en: Cow::Borrowed(en),
        }
    }

    pub fn new(es: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            es: Cow::Owned(es.into()),
            en: Cow::Owned(en.into()),
        }
    }

    /// A text that exists in one form only, such as a parser's own words.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            es: Cow::Owned(text.clone()),
            en: Cow::Owned(text),
        }
    }

    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Spanish => &self.es,
            Language::English => &self.en,
        }
    }
}

/// Text for an HTML page, between tags or in a quoted attribute.
pub fn escaped_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(header: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert("accept-language", header.parse().unwrap());
        Language::of(&headers)
    }

    #[test]
    fn the_highest_weight_wins_and_spanish_is_the_default() {
        assert_eq!(chosen("en"), Language::English);
        assert_eq!(chosen("en-GB,es;q=0.9"), Language::English);
        assert_eq!(chosen("en;q=0.2, es-HN;q=0.8"), Language::Spanish);
        assert_eq!(chosen("fr, *"), Language::Spanish);
        assert_eq!(chosen("en;q=nonsense"), Language::Spanish);
        assert_eq!(Language::of(&HeaderMap::new()), Language::Spanish);
    }

    #[test]
    fn names_are_shown_as_text_whatever_they_hold() {
        assert_eq!(
            escaped_html("<b>\"R&S\"</b>"),
            "&lt;b&gt;&quot;R&amp;S&quot;&lt;/b&gt;"
        );
    }
}
