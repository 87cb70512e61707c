//! What the checks counted, and what they found wrong.

use std::collections::BTreeMap;

use serde_json::json;

/// Errors whose text is kept; the rest is counted.
const KEPT: usize = 200;
/// Errors in the line of JSON.
const SHOWN: usize = 20;

/// Collects while checking.
#[derive(Debug, Default)]
pub(super) struct Findings {
    counts: BTreeMap<&'static str, i64>,
    errors: Vec<String>,
    errors_by_check: BTreeMap<&'static str, i64>,
}

impl Findings {
    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn set(&mut self, what: &'static str, count: i64) {
        self.counts.insert(what, count);
    }

    pub(super) fn add(&mut self, what: &'static str, count: usize) {
        *self.counts.entry(what).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
    }

    /// Something is wrong.
    pub(super) fn error(&mut self, check: &'static str, detail: String) {
        *self.errors_by_check.entry(check).or_default() += 1;
        if self.errors.len() < KEPT {
            self.errors.push(format!("{check}: {detail}"));
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        Verdict {
            counts: self.counts,
            errors: self.errors,
            errors_by_check: self.errors_by_check,
        }
    }
}

/// The outcome of all checks.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    counts: BTreeMap<&'static str, i64>,
    errors: Vec<String>,
    errors_by_check: BTreeMap<&'static str, i64>,
}

impl Verdict {
    pub fn ok(&self) -> bool {
        self.errors_by_check.is_empty()
    }

    /// How many of something were looked at.
    pub fn counted(&self, what: &str) -> i64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// How many errors one check found.
    pub fn errors_of(&self, check: &str) -> i64 {
        self.errors_by_check.get(check).copied().unwrap_or(0)
    }

    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// The table for people; `verify` ends with the line of JSON, `torture` with its own.
    #[expect(clippy::print_stdout, reason = "this is what the command is for")]
    pub fn print_table(&self) {
        for (what, count) in &self.counts {
            println!("{what:<28} {count:>12}");
        }
        self.errors.iter().for_each(|error| println!("WRONG {error}"));
        let errors: i64 = self.errors_by_check.values().sum();
        println!(
            "{}",
            if self.ok() {
                "everything holds".to_owned()
            } else {
                format!("{errors} errors")
            }
        );
    }

    /// The table, then the line of JSON.
    ///
    /// # Errors
    /// When the JSON cannot be written, which would be a bug.
    #[expect(clippy::print_stdout, reason = "this is what the command is for")]
    pub fn print(&self) -> anyhow::Result<()> {
        self.print_table();
        let shown: Vec<&String> = self.errors.iter().take(SHOWN).collect();
        let line = json!({
            "ok": self.ok(), "checks": self.counts, "errors_by_check": self.errors_by_check, "errors": shown,
        });
        println!("{}", serde_json::to_string(&line)?);
        Ok(())
    }
}
