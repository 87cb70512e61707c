//! How customers are found by name and by debt. Names are sealed, so they are opened page by page and looked through.
//!
//! Not here: the pages themselves (`customers`).

use platform::http::Problem;

use crate::failure::bad_parameter;
use crate::parameters::filter_word;

/// Customers that one page of a search by name looks through.
pub(super) const LOOKED_THROUGH: i64 = 2_000;

/// `debt`, or what `with_debt` means; not both.
pub(super) fn debt_filter(debt: Option<String>, with_debt: Option<bool>) -> Result<Option<String>, Problem> {
    match (debt, with_debt) {
        (Some(_), Some(_)) => Err(bad_parameter("with_debt", "without debt")),
        (debt, None) => filter_word("debt", debt, &["owing", "clear", "in_credit"]),
        (None, Some(true)) => Ok(Some("owing".to_owned())),
        (None, Some(false)) => Ok(Some("clear".to_owned())),
    }
}

pub(super) fn name_filter(text: &str) -> Result<String, Problem> {
    let folded = folded(text.trim());
    if (2..=100).contains(&folded.chars().count()) {
        Ok(folded)
    } else {
        Err(bad_parameter("name", "2 to 100 characters"))
    }
}

/// Lower case, and without the accents of Spanish and Portuguese, so that `muñoz` finds `MUNOZ`.
pub(super) fn folded(text: &str) -> String {
    let plain = |letter: char| match letter {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    };
    text.chars().flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_without_its_accents_and_capitals() {
        assert_eq!(folded("MUÑOZ Ángel"), "munoz angel");
        assert_eq!(name_filter(" Ñandú ").unwrap(), "nandu");
        assert!(name_filter("a").is_err());
        assert!(debt_filter(Some("owing".to_owned()), Some(true)).is_err());
    }
}
