//! Each invariant of ARCHITECTURE.md (`I-07 …`) names a test that holds it (`test: path::to::name`, several separated
//! by commas), and that test exists.

/// Invariants without a test, and tests that nobody wrote.
pub fn problems(architecture: &str, sources: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, text) in invariants(architecture) {
        let tests = tests_in(&text);
        if tests.is_empty() {
            problems.push(format!("ARCHITECTURE.md: {number} names no test"));
        }
        for test in tests {
            let name = test.rsplit("::").next().unwrap_or(&test);
            let is_there = sources.iter().any(|source| {
                source.contains(&format!("fn {name}(")) || source.contains(&format!("fn {name}<"))
            });
            if !is_there {
                problems.push(format!(
                    "ARCHITECTURE.md: {number} names the test {test}, which does not exist"
                ));
            }
        }
    }
    problems
}

/// An invariant is a line that begins with its number (after list marks or a table's bar), with what follows up to
/// the next one, a blank line or a heading.
fn invariants(architecture: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut is_inside = false;
    for line in architecture.lines() {
        let start = line.trim_start_matches([' ', '-', '*', '|', '`', '#']);
        if let Some(number) = number_of(start) {
            found.push((number, line.to_owned()));
            is_inside = true;
        } else if line.trim().is_empty() || line.starts_with('#') {
            is_inside = false;
        } else if is_inside && let Some((_, text)) = found.last_mut() {
            text.push(' ');
            text.push_str(line);
        }
    }
    found
}

fn number_of(start: &str) -> Option<String> {
    let digits: String = start
        .strip_prefix("I-")?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    (digits.len() >= 2).then(|| format!("I-{digits}"))
}

/// The names after each `test:` or `tests:`.
fn tests_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split("test:").skip(1).chain(text.split("tests:").skip(1)) {
        for word in part
            .split([',', ' ', '`'])
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            let name = word.trim_end_matches(['.', ')', '|', ';']);
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            if !is_name || !name.contains('_') {
                break;
            }
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#[test]\nfn nothing_is_lost() {}\nasync fn order_holds() {}\n";

    #[test]
    fn an_invariant_whose_test_exists_is_held() {
        let text = "## Invariants\n- **I-01** Nothing is lost.\n  test: `store::conformance::nothing_is_lost`, `order_holds`\n";
        assert_eq!(problems(text, &[SOURCE]), Vec::<String>::new());
        assert_eq!(
            problems("| I-02 | Order | test: order_holds |", &[SOURCE]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_invariant_without_a_test_or_with_an_absent_one_is_found() {
        assert_eq!(
            problems("- I-03 Hope.\n\ntest: nothing_is_lost", &[SOURCE]).len(),
            1
        );
        assert_eq!(problems("- I-04 Hope, test: hope_is_enough", &[SOURCE]).len(), 1);
        assert_eq!(
            problems("- I-05 Half, test: order_holds, hope_is_enough", &[SOURCE]).len(),
            1
        );
    }

    #[test]
    fn a_mention_in_a_sentence_is_not_an_invariant() {
        assert!(problems("See I-01 for why.", &[SOURCE]).is_empty());
    }
}
