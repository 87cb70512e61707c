//! What a run found, per layout and in all, and its last line of JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failpoints;
use super::fleet::{Cause, Exit};
use super::killer::Killed;
use super::load::percentile;
use crate::verify::Verdict;

/// Errors in the line of JSON.
const SHOWN_ERRORS: usize = 20;
const SHOWN_EXITS: usize = 10;
/// A load that the rules mostly refuse tests nothing.
const MIN_ACCEPTED_PERCENT: u64 = 50;

/// What one layout showed.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub layout: &'static str,
    pub verdict: Verdict,
    pub killed: Killed,
    pub kills_wanted: u64,
    pub exits: Vec<Exit>,
    /// By name, those that were reached unasked included.
    pub failpoints: BTreeMap<String, u64>,
    pub acked: u64,
    pub received: i64,
    /// In ascending order.
    pub latencies_ms: Vec<u32>,
    pub seconds: u64,
    /// What kept the run from its end, such as a product that does not come back.
    pub failure: Option<String>,
    /// All failpoints must have been hit: the run was long enough, and the product is built with them.
    pub wants_failpoints: bool,
}

impl Findings {
    fn accepted(&self) -> u64 {
        self.verdict.counted("acks_accepted").unsigned_abs()
    }

    /// Every command of the load changes something, so an accepted one without events lost them.
    fn lost(&self) -> i64 {
        self.verdict.errors_of("lost") + self.verdict.counted("acks_without_events")
    }

    fn missing(&self) -> i64 {
        let expected = self.verdict.counted("deliveries_expected");
        (expected - self.received)
            .max(self.verdict.errors_of("webhooks_missing"))
            .max(0)
    }

    fn out_of_order(&self) -> i64 {
        self.verdict.errors_of("out_of_order") + self.verdict.errors_of("unstable")
    }

    fn unexpected(&self) -> Vec<&Exit> {
        self.exits
            .iter()
            .filter(|exit| exit.cause == Cause::Unexplained)
            .collect()
    }

    fn ends_by_cause(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for exit in &self.exits {
            let cause = match exit.cause {
                Cause::Blow => "blow",
                Cause::Failpoint(_) => "failpoint",
                Cause::StartDisturbed => "start_disturbed",
                Cause::AfterHalt => "after_halt",
                Cause::Unexplained => "unexplained",
            };
            *counts.entry(cause).or_default() += 1;
        }
        counts
    }

    /// What is wrong, in words; nothing when all is well.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<String> = self.failure.iter().cloned().collect();
        let mut complain = |is_wrong: bool, what: String| {
            if is_wrong {
                complaints.push(what);
            }
        };
        complain(!self.verdict.ok(), "the checker found errors".to_owned());
        complain(
            self.lost() > 0,
            format!("{} acknowledged commands are lost", self.lost()),
        );
        complain(
            self.missing() > 0,
            format!("{} webhooks are missing", self.missing()),
        );
        complain(
            self.verdict.counted("deliveries_open") > 0,
            "deliveries are still open".to_owned(),
        );
        complain(
            self.accepted() * 100 < self.acked * MIN_ACCEPTED_PERCENT,
            "most of the load was refused: this shows nothing".to_owned(),
        );
        complain(
            self.killed.total() < self.kills_wanted,
            format!("{} blows of {}", self.killed.total(), self.kills_wanted),
        );
        complain(
            self.verdict.counted("positions_observed") == 0,
            "the observer saw nothing".to_owned(),
        );
        for exit in self.unexpected() {
            complain(true, format!("{} ended by itself ({})", exit.member, exit.status));
        }
        for place in failpoints::ALL {
            let is_unhit = self.wants_failpoints && !self.failpoints.contains_key(place.name);
            complain(is_unhit, format!("the failpoint {} was never hit", place.name));
        }
        complaints
    }

    fn detail(&self) -> Value {
        json!({
            "acked": self.acked,
            "kills_by_target": self.killed.by_target,
            "writes_again_ms_max": self.killed.writes_again_ms,
            "reads_again_ms_max": self.killed.reads_again_ms,
            "ends": self.ends_by_cause(),
            "p50_ms": percentile(&self.latencies_ms, 50),
            "p99_ms": percentile(&self.latencies_ms, 99),
            "max_ms": percentile(&self.latencies_ms, 100),
            "seconds": self.seconds,
        })
    }
}

fn sum(all: &[Findings], figure: impl Fn(&Findings) -> i64) -> i64 {
    all.iter().map(figure).sum()
}

fn merged<K: Ord + Clone>(maps: impl Iterator<Item = BTreeMap<K, u64>>) -> BTreeMap<K, u64> {
    let mut merged = BTreeMap::new();
    for (name, count) in maps.flatten() {
        *merged.entry(name).or_default() += count;
    }
    merged
}

/// The last line, and whether all is well.
pub(super) fn closing(all: &[Findings], seed: u64, control: Option<&str>) -> (Value, bool) {
    let complaints: Vec<String> = all
        .iter()
        .flat_map(|one| {
            one.complaints()
                .into_iter()
                .map(move |complaint| format!("{}: {complaint}", one.layout))
        })
        .collect();
    let ok = complaints.is_empty() && !all.is_empty();
    let mut latencies: Vec<u32> = all
        .iter()
        .flat_map(|one| one.latencies_ms.iter().copied())
        .collect();
    latencies.sort_unstable();
    let errors = all.iter().flat_map(|one| one.verdict.errors());
    let exits = all.iter().flat_map(Findings::unexpected);
    let details: BTreeMap<&str, Value> = all.iter().map(|one| (one.layout, one.detail())).collect();
    let line = json!({
        "acked": all.iter().map(|one| one.acked).sum::<u64>(),
        "accepted": all.iter().map(Findings::accepted).sum::<u64>(),
        "refused": sum(all, |one| one.verdict.counted("acks_refused")),
        "lost": sum(all, Findings::lost),
        "doubled": sum(all, |one| one.verdict.errors_of("doubled")),
        "webhooks_expected": sum(all, |one| one.verdict.counted("deliveries_expected")),
        "webhooks_received": sum(all, |one| one.received),
        "webhooks_missing": sum(all, Findings::missing),
        "kills": all.iter().map(|one| one.killed.total()).sum::<u64>(),
        "kills_by_target": merged(all.iter().map(|one| one.killed.by_target.clone())),
        "kills_by_signal": merged(all.iter().map(|one| one.killed.by_signal.clone())),
        "failpoints_hit": merged(all.iter().map(|one| one.failpoints.clone())),
        "positions_observed": sum(all, |one| one.verdict.counted("positions_observed")),
        "out_of_order_positions": sum(all, Findings::out_of_order),
        "unexpected_exits": all.iter().map(|one| one.unexpected().len()).sum::<usize>(),
        "unexpected": exits.take(SHOWN_EXITS).collect::<Vec<_>>(),
        "p50_ms": percentile(&latencies, 50),
        "p99_ms": percentile(&latencies, 99),
        "events": sum(all, |one| one.verdict.counted("events")),
        "errors": errors.take(SHOWN_ERRORS).collect::<Vec<_>>(),
        "complaints": complaints,
        "layouts": details,
        "control": control,
        "seed": seed,
        "seconds": all.iter().map(|one| one.seconds).sum::<u64>(),
        "ok": ok,
    });
    (line, ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(cause: Cause) -> Exit {
        Exit {
            at: crate::clock::now(),
            member: "projector-1".to_owned(),
            status: "exit status: 1".to_owned(),
            cause,
            log: vec!["the last line".to_owned()],
        }
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_a_failure_and_tells_its_last_lines() {
        let mut findings = Findings {
            layout: "services",
            exits: vec![exit(Cause::Blow), exit(Cause::StartDisturbed)],
            ..Findings::default()
        };
        let ended = |findings: &Findings| {
            let complaints = findings.complaints();
            complaints
                .iter()
                .any(|complaint| complaint.contains("ended by itself"))
        };
        assert!(!ended(&findings));
        findings.exits.push(exit(Cause::Unexplained));
        assert!(ended(&findings));
        let (line, ok) = closing(&[findings], 1, None);
        assert!(!ok);
        assert_eq!(line["unexpected_exits"], 1);
        assert_eq!(line["unexpected"][0]["log"][0], "the last line");
    }

    #[test]
    fn a_long_run_without_its_failpoints_is_a_failure() {
        let findings = Findings {
            wants_failpoints: true,
            ..Findings::default()
        };
        let missing = |findings: &Findings| {
            let complaints = findings.complaints();
            complaints
                .iter()
                .filter(|complaint| complaint.contains("failpoint"))
                .count()
        };
        assert_eq!(missing(&findings), failpoints::ALL.len());
        let all = failpoints::ALL.map(|place| (place.name.to_owned(), 1));
        let findings = Findings {
            failpoints: all.into_iter().collect(),
            ..findings
        };
        assert_eq!(missing(&findings), 0);
    }
}
