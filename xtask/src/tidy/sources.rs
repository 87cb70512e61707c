//! What every source file keeps to: it says what it is, it is finished, it is short, and its name means something.

use std::path::Path;

/// Without the tests at its end.
const LINES_LIMIT: usize = 450;
/// Files that may be longer, each with its reason. Best empty.
const LONGER: [&str; 0] = [];
const MEANINGLESS: [&str; 6] = ["utils", "util", "helpers", "common", "manager", "misc"];
/// Split, so that this file keeps to its own rule.
const UNFINISHED: [&str; 4] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];

/// What is wrong with a file.
pub fn problems(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut add = |line: usize, what: String| problems.push(format!("{}:{line}: {what}", path.display()));
    if !text.starts_with("//!") {
        add(
            1,
            "the file does not open with `//!`: what it is, and what it is not".into(),
        );
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            add(number + 1, format!("{word}: finish it, or open an issue"));
        }
    }
    let lines = lines_without_tests(text);
    let is_test = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
    if lines > LINES_LIMIT && !is_test && !LONGER.iter().any(|longer| path == Path::new(longer)) {
        add(
            lines,
            format!("{lines} lines without tests, more than {LINES_LIMIT}: a concept is missing a name"),
        );
    }
    let parts = path
        .components()
        .filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str());
    for part in parts.filter(|part| MEANINGLESS.contains(part)) {
        add(1, format!("`{part}` says nothing about what is in it"));
    }
    problems
}

/// The word alone, or the macro's call: not the middle of another word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let before = line[..at].chars().next_back();
        let after = if word.ends_with('(') {
            None
        } else {
            line[at + word.len()..].chars().next()
        };
        !is_joined(before) && !is_joined(after)
    })
}

fn lines_without_tests(text: &str) -> usize {
    let mut lines = text.lines().peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let is_tests = line == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if is_tests {
            break;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is() {
        assert!(problems(Path::new("src/lib.rs"), "//! The log.\n").is_empty());
        assert_eq!(problems(Path::new("src/lib.rs"), "use std::fs;\n").len(), 1);
    }

    #[test]
    fn unfinished_work_is_found_and_words_that_contain_it_are_not() {
        for word in UNFINISHED {
            assert_eq!(
                problems(Path::new("src/a.rs"), &format!("//! A.\n  {word} x\n")).len(),
                1,
                "{word}"
            );
        }
        assert!(problems(Path::new("src/a.rs"), concat!("//! A.\n// ME", "TO", "DOS\n")).is_empty());
    }

    #[test]
    fn only_code_counts_for_the_length() {
        let short = format!(
            "//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "//\n".repeat(LINES_LIMIT)
        );
        assert!(problems(Path::new("src/a.rs"), &short).is_empty());
        let long = format!("//! A.\n{}", "//\n".repeat(LINES_LIMIT));
        assert_eq!(problems(Path::new("src/a.rs"), &long).len(), 1);
        assert!(problems(Path::new("tests/a.rs"), &long).is_empty());
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(problems(Path::new("src/utils.rs"), "//! A.\n").len(), 1);
        assert_eq!(problems(Path::new("src/helpers/x.rs"), "//! A.\n").len(), 1);
    }
}
