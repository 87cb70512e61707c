//! The pages of docs/errors, by code: what the administration page shows when somebody asks what a code means.
//!
//! They are listed by `build.rs`, sorted by code. Not here: rendering; the page reads their Markdown itself.

static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/error_pages.rs"));

/// The page of a code, as Markdown in both languages.
pub fn page(code: &str) -> Option<&'static str> {
    let found = PAGES.binary_search_by(|(name, _)| (*name).cmp(code)).ok()?;
    PAGES.get(found).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_folder_has_its_page_and_others_have_none() {
        assert!(PAGES.is_sorted_by(|(a, _), (b, _)| a < b));
        assert!(page("numbering.number_used").unwrap().contains("## Español"));
        for code in ["", "auth", "../openapi", "zzz"] {
            assert_eq!(page(code), None);
        }
    }
}
