//! The reconciliation for people, then one line of JSON for programs.

use serde_json::json;

use super::pipeline::Sent;
use super::reconcile::{Mismatch, Reconciliation};
use crate::api::EndpointStatistics;
use crate::receiver::Summary;
use crate::retail::file::Line;
use crate::retail::plan::{Plan, Unsendable};

/// Mismatches of one kind that are listed; the rest is counted.
const LISTED: usize = 50;

/// Everything that a replay found out.
pub struct Report {
    pub lines: usize,
    pub unsendable: Vec<Unsendable>,
    pub sent: Sent,
    pub reconciliation: Reconciliation,
    /// Counted from the audit trail, apart from the dispatcher.
    pub webhooks_expected: i64,
    /// The dispatcher's own figures.
    pub statistics: EndpointStatistics,
    pub received: Summary,
    /// Webhooks that earlier runs had received.
    pub received_before: i64,
    pub head_before: i64,
    pub head_after: i64,
    /// From the first command to the last answer.
    pub seconds: f64,
    pub seconds_in_all: f64,
    pub sign_ins: u64,
    pub retries: u64,
}

impl Report {
    /// Whether nothing is refused, missing or different.
    pub fn is_right(&self) -> bool {
        self.unsendable.is_empty()
            && self.sent.refused.is_empty()
            && self.reconciliation.is_right()
            && self.webhooks_missing() == 0
            && self.statistics.matched == self.webhooks_expected
            && self.statistics.delivered == self.webhooks_expected
            && self.received.received == self.webhooks_expected
            && self.received.highest_position >= self.sent.last_position
            && self.sequence_holes() == 0
            && self.received.altered == 0
            && self.received.unverified == 0
    }

    fn sequence_holes(&self) -> i64 {
        let after_the_highest = (self.statistics.last_sequence - self.received.highest_sequence).max(0);
        self.received.holes + after_the_highest
    }

    fn webhooks_missing(&self) -> i64 {
        (self.webhooks_expected - self.received.received).max(0)
    }

    /// Prints the table, what was refused or differs, and the line of JSON.
    ///
    /// # Errors
    /// When the JSON cannot be written, which would be a bug.
    pub fn print(&self) -> anyhow::Result<()> {
        self.print_refused();
        let found = &self.reconciliation;
        say("");
        say(&row("", "file", "Trastienda", ""));
        say(&row(
            "net total",
            &pounds(found.net_expected_minor),
            &pounds(found.net_minor),
            "",
        ));
        say(&compared("days", found.days_compared, &found.days));
        say(&compared("customers", found.customers_compared, &found.customers));
        say(&compared("items", found.items_compared, &found.items));
        self.print_webhooks();
        for (kind, mismatches) in [
            ("day", &found.days),
            ("customer", &found.customers),
            ("item", &found.items),
        ] {
            list(kind, mismatches);
        }
        say("");
        say(if self.is_right() {
            "everything reconciles"
        } else {
            "it does NOT reconcile"
        });
        say(&serde_json::to_string(&self.json())?);
        Ok(())
    }

    fn print_webhooks(&self) {
        let (expected, received) = (self.webhooks_expected, self.received.received);
        let EndpointStatistics {
            matched, delivered, ..
        } = self.statistics;
        let note = if matched == expected && delivered == expected {
            String::new()
        } else {
            format!("the dispatcher matched {matched} and delivered {delivered}")
        };
        say(&row(
            "webhooks",
            &expected.to_string(),
            &received.to_string(),
            &note,
        ));
    }

    fn print_refused(&self) {
        for Unsendable { line, reason } in &self.unsendable {
            say(&format!("refused {}: {reason}", line_text(line)));
        }
        for order in &self.sent.refused {
            if order.lines.is_empty() {
                say(&format!("refused {}: {}", order.what, order.refused));
            }
            for line in &order.lines {
                say(&format!("refused {}: {}", line_text(line), order.refused));
            }
        }
    }

    fn json(&self) -> serde_json::Value {
        let found = &self.reconciliation;
        let events = self.head_after - self.head_before;
        let fresh = self.received.received - self.received_before;
        let refused_lines: usize = self.sent.refused.iter().map(|order| order.lines.len()).sum();
        json!({
            "ok": self.is_right(),
            "lines": self.lines,
            "commands": self.sent.commands,
            "commands_replayed": self.sent.replayed,
            "imported_rows": self.sent.imported_rows,
            "refused": self.sent.refused.len() + self.unsendable.len(),
            "refused_lines": refused_lines + self.unsendable.len(),
            "events": events,
            "net_minor": found.net_minor,
            "net_expected_minor": found.net_expected_minor,
            "net_rounded_once_minor": found.net_rounded_once_minor,
            "days_mismatched": found.days.len(),
            "customers_mismatched": found.customers.len(),
            "items_mismatched": found.items.len(),
            "webhooks_expected": self.webhooks_expected,
            "webhooks_matched": self.statistics.matched,
            "webhooks_received": self.received.received,
            "webhooks_duplicated": self.received.duplicates,
            "webhooks_unverified": self.received.unverified,
            "sequence_holes": self.sequence_holes(),
            "head_before": self.head_before,
            "head_after": self.head_after,
            "seconds": rounded(self.seconds),
            "seconds_in_all": rounded(self.seconds_in_all),
            "commands_per_s": rounded(per_second(self.sent.commands, self.seconds)),
            "events_per_s": rounded(per_second(events.unsigned_abs(), self.seconds)),
            "webhooks_per_s": rounded(per_second(fresh.unsigned_abs(), self.seconds_in_all)),
            "sign_ins": self.sign_ins,
            "retries": self.retries,
        })
    }
}

/// What is about to be sent.
pub fn opening(plan: &Plan) -> String {
    format!(
        "{} lines: {} documents, {} items ({} with opening stock), {} customers",
        plan.lines,
        plan.documents.len(),
        plan.items.len(),
        plan.opening.len(),
        plan.customers.len()
    )
}

fn list(kind: &str, mismatches: &[Mismatch]) {
    for mismatch in mismatches.iter().take(LISTED) {
        say(&format!(
            "  {kind} {}: expected {}, found {}",
            mismatch.key, mismatch.expected, mismatch.found
        ));
    }
    if mismatches.len() > LISTED {
        say(&format!("  … and {} more", mismatches.len() - LISTED));
    }
}

fn row(name: &str, left: &str, right: &str, note: &str) -> String {
    format!("{name:<12} {left:>16} {right:>16}  {note}")
        .trim_end()
        .to_owned()
}

fn compared(name: &str, count: usize, mismatches: &[Mismatch]) -> String {
    let note = if mismatches.is_empty() {
        "all equal".to_owned()
    } else {
        format!("{} differ", mismatches.len())
    };
    row(name, &count.to_string(), "", &note)
}

fn line_text(line: &Line) -> String {
    format!(
        "row {}: invoice {}, {} × {}",
        line.row, line.invoice, line.quantity, line.code
    )
}

fn pounds(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02} GBP", minor.abs() / 100, minor.abs() % 100)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A replay after which the trail asks for ten webhooks and the dispatcher knew of `matched`, all of which came.
    fn report(matched: i64) -> Report {
        Report {
            lines: 0,
            unsendable: Vec::new(),
            sent: Sent::default(),
            reconciliation: Reconciliation::default(),
            webhooks_expected: 10,
            statistics: EndpointStatistics {
                matched,
                delivered: matched,
                last_sequence: matched,
                ..EndpointStatistics::default()
            },
            received: Summary {
                received: matched,
                highest_sequence: matched,
                ..Summary::default()
            },
            received_before: 0,
            head_before: 0,
            head_after: 0,
            seconds: 1.0,
            seconds_in_all: 1.0,
            sign_ins: 0,
            retries: 0,
        }
    }

    #[test]
    fn an_event_that_the_matcher_skipped_is_missing_although_all_its_deliveries_came() {
        assert!(report(10).is_right());
        let skipped = report(9);
        assert_eq!((skipped.webhooks_missing(), skipped.sequence_holes()), (1, 0));
        assert!(!skipped.is_right());
        assert!(!report(11).is_right());
    }
}
