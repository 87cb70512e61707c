//! Text as people type it when they look for something: both what is kept to be searched and what is asked for go
//! through [`folded`].
//!
//! Not here: ranking, word stems, and languages beyond the accents of Spanish and its neighbours.

/// In lower case, without accents.
pub fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|letter| !('\u{300}'..='\u{36f}').contains(letter))
        .map(plain)
        .collect()
}

fn plain(letter: char) -> char {
    match letter {
        'á' | 'à' | 'ä' | 'â' | 'ã' | 'å' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' | 'õ' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_matter_in_either_way_of_writing_them() {
        assert_eq!(folded("Teléfono MÓVIL 5 ½\""), "telefono movil 5 ½\"");
        assert_eq!(folded("Pin\u{303}a"), folded("piña"));
    }
}
