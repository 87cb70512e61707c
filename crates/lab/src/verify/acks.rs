//! What clients were told, held against what is stored: nothing lost, nothing doubled.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;

use super::findings::Findings;
use super::log::{Record, Walked};

/// One command's answer, journalled by the client before it counted it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ack {
    pub tenant: String,
    pub key: String,
    /// The HTTP status.
    pub status: u16,
    /// Absent when the command was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// The refusal's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Ack {
    fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Keys looked up in one statement.
const CHUNK: usize = 5_000;

/// Each acknowledged command's record and events exist; each refused one has no events.
pub(super) async fn check(
    connection: &mut PgConnection,
    acks: &[Ack],
    walked: &Walked,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut seen: HashMap<(&str, &str), &Ack> = HashMap::new();
    for chunk in acks.chunks(CHUNK) {
        let records = records_of(connection, chunk).await?;
        for ack in chunk {
            findings.count("acks");
            if let Some(earlier) = seen.insert((&ack.tenant, &ack.key), ack)
                && (earlier.status != ack.status || earlier.position != ack.position)
            {
                findings.error("acks", format!("{} was answered in two ways", ack.key));
            }
            check_one(ack, &records, walked, findings);
        }
    }
    Ok(())
}

type Records = HashMap<(String, String), Record>;

async fn records_of(connection: &mut PgConnection, acks: &[Ack]) -> anyhow::Result<Records> {
    let (tenants, keys): (Vec<&str>, Vec<&str>) = acks
        .iter()
        .map(|ack| (ack.tenant.as_str(), ack.key.as_str()))
        .unzip();
    let records: Vec<Record> = sqlx::query_as(
        "select c.tenant, c.id, c.outcome::text as outcome, c.position
         from unnest($1::text[], $2::text[]) as k(tenant, id) join commands c on c.tenant = k.tenant and c.id = k.id",
    )
    .bind(&tenants)
    .bind(&keys)
    .fetch_all(connection)
    .await?;
    Ok(records
        .into_iter()
        .map(|record| ((record.tenant.clone(), record.id.clone()), record))
        .collect())
}

fn check_one(ack: &Ack, records: &Records, walked: &Walked, findings: &mut Findings) {
    let key = (ack.tenant.clone(), ack.key.clone());
    let (record, events) = (records.get(&key), walked.commands.get(&key));
    let name = format!("{} of {}", ack.key, ack.tenant);
    if !ack.is_accepted() {
        findings.count("acks_refused");
        if let Some(events) = events {
            findings.error(
                "refused",
                format!(
                    "{name} was refused ({}), yet has events at {}",
                    ack.status, events.first
                ),
            );
        }
        if record.is_some_and(|record| record.is_refusal() == Some(false)) {
            findings.error("acks", format!("{name} was refused, and is recorded as accepted"));
        }
        return;
    }
    findings.count("acks_accepted");
    let Some(record) = record else {
        findings.error(
            "lost",
            format!("{name} was acknowledged at {:?} and has no record", ack.position),
        );
        return;
    };
    if record.is_refusal() != Some(false) {
        findings.error(
            "lost",
            format!("{name} was acknowledged, and is recorded as refused"),
        );
    }
    if ack.position.is_some_and(|position| position != record.position) {
        findings.error(
            "acks",
            format!(
                "{name} was acknowledged at {:?}, recorded at {}",
                ack.position, record.position
            ),
        );
    }
    match events {
        Some(events) => findings.add("acked_events", usize::try_from(events.events).unwrap_or(0)),
        // A command that changes nothing is answered without events.
        None => findings.count("acks_without_events"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::log::CommandEvents;

    fn ack(status: u16) -> Ack {
        Ack {
            tenant: "t".to_owned(),
            key: "k".to_owned(),
            status,
            position: (status == 201).then_some(7),
            code: None,
        }
    }

    /// What the check says about one acknowledgement, given what is stored.
    fn judged(ack: &Ack, outcome: Option<&str>, has_events: bool) -> crate::verify::Verdict {
        let key = ("t".to_owned(), "k".to_owned());
        let record = |outcome: &str| Record {
            tenant: key.0.clone(),
            id: key.1.clone(),
            outcome: outcome.to_owned(),
            position: 7,
        };
        let records: Records = outcome
            .map(|outcome| (key.clone(), record(outcome)))
            .into_iter()
            .collect();
        let mut walked = Walked::default();
        if has_events {
            walked.commands.insert(
                key,
                CommandEvents {
                    first: 6,
                    last: 7,
                    events: 2,
                    recorded_us: 0,
                },
            );
        }
        let mut findings = Findings::default();
        check_one(ack, &records, &walked, &mut findings);
        findings.verdict()
    }

    #[test]
    fn an_acknowledged_command_without_its_record_is_lost() {
        assert!(judged(&ack(201), Some(r#"{"answer":{}}"#), true).ok());
        assert_eq!(judged(&ack(201), None, true).errors_of("lost"), 1);
        assert_eq!(
            judged(&ack(201), Some(r#"{"refusal":{}}"#), true).errors_of("lost"),
            1
        );
        assert_eq!(
            judged(&ack(201), Some(r#"{"answer":{}}"#), false).counted("acks_without_events"),
            1
        );
    }

    #[test]
    fn a_refused_command_with_events_is_wrong() {
        assert!(judged(&ack(409), Some(r#"{"refusal":{}}"#), false).ok());
        assert!(judged(&ack(400), None, false).ok());
        assert_eq!(
            judged(&ack(409), Some(r#"{"refusal":{}}"#), true).errors_of("refused"),
            1
        );
        assert_eq!(
            judged(&ack(409), Some(r#"{"answer":{}}"#), false).errors_of("acks"),
            1
        );
    }

    #[test]
    fn an_answer_with_another_position_than_the_stored_one_is_wrong() {
        let other = Ack {
            position: Some(8),
            ..ack(201)
        };
        assert_eq!(
            judged(&other, Some(r#"{"answer":{}}"#), true).errors_of("acks"),
            1
        );
    }
}
