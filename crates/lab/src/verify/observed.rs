//! The live observer's journal against the log: nothing appeared behind a reader, and nothing that was seen went away.

use std::collections::BTreeMap;

use anyhow::Context;
use futures::TryStreamExt;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::findings::Findings;
use crate::observer::Observation;

/// Every position up to the highest that was seen was seen, in order, and holds the event that was seen there.
pub(super) async fn check(
    connection: &mut PgConnection,
    observed: &[Observation],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut seen = gather(observed, findings);
    let Some((last, _)) = seen.last_key_value() else {
        return Ok(());
    };
    let mut events = sqlx::query_as::<_, (i64, Uuid)>(
        "select position, id from events where position <= $1 order by position",
    )
    .bind(*last)
    .fetch(connection);
    while let Some((position, id)) = events.try_next().await.context("cannot read the log")? {
        match seen.remove(&position) {
            None => findings.error(
                "out_of_order",
                format!("position {position} appeared behind a reader that was further already"),
            ),
            Some(known) if known != id => findings.error(
                "unstable",
                format!("position {position} was seen with the event {known}, and now holds {id}"),
            ),
            Some(_) => findings.count("positions_observed"),
        }
    }
    for position in seen.keys() {
        findings.error("unstable", format!("position {position} was seen and is gone"));
    }
    Ok(())
}

/// What was seen first at each position.
fn gather(observed: &[Observation], findings: &mut Findings) -> BTreeMap<i64, Uuid> {
    let mut seen = BTreeMap::new();
    let mut last = 0;
    for (position, id) in observed.iter().flat_map(|look| &look.seen) {
        if *position <= last {
            findings.error("out_of_order", format!("{position} was seen after {last}"));
        }
        last = last.max(*position);
        seen.entry(*position).or_insert(*id);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_is_seen_behind_another_is_out_of_order() {
        let look = |positions: &[i64]| Observation {
            seen: positions
                .iter()
                .map(|position| (*position, Uuid::nil()))
                .collect(),
        };
        let mut findings = Findings::default();
        assert_eq!(gather(&[look(&[1, 2]), look(&[3])], &mut findings).len(), 3);
        assert!(findings.verdict().ok());
        let mut findings = Findings::default();
        gather(&[look(&[1, 3]), look(&[2])], &mut findings);
        assert_eq!(findings.verdict().errors_of("out_of_order"), 1);
    }
}
