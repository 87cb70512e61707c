//! One walk over the whole log: density, order, the chain, commands, secrets; on the way it feeds the folds.

use std::collections::HashMap;

use anyhow::Context;
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::Heads;
use super::chain::{self, Hashed};
use super::feeds::Feeds;
use super::findings::Findings;
use super::fold::Folded;
use super::secrets;
use super::webhooks::Matched;
use crate::clock;

/// Generated command ids are forgotten after a day: an absent record of an older event proves nothing.
const RECORDS_KEPT: time::Duration = time::Duration::hours(23);

/// An event as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Event {
    pub position: i64,
    pub tenant: String,
    pub stream: String,
    pub version: i64,
    pub id: Vec<u8>,
    #[sqlx(rename = "type")]
    pub event_type: String,
    pub schema_version: i16,
    pub data: String,
    pub meta: String,
    pub recorded_us: i64,
    pub chain: Vec<u8>,
}

/// A tenant's command.
pub(super) type CommandKey = (String, String);

/// Where a command's events stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandEvents {
    pub first: i64,
    pub last: i64,
    pub events: i64,
    pub recorded_us: i64,
}

/// What the walk found out.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub commands: HashMap<CommandKey, CommandEvents>,
    pub folded: Folded,
    pub matched: Matched,
    pub feeds: Feeds,
}

#[derive(Default)]
struct Walk {
    walked: Walked,
    versions: HashMap<(String, String), i64>,
    last_command: Option<CommandKey>,
    position: i64,
    recorded_us: i64,
    chain: [u8; 32],
    /// After the first break the rest would only repeat it.
    chain_broken: bool,
}

/// Reads every event once, in order.
pub(super) async fn walk(
    connection: &mut PgConnection,
    heads: &Heads,
    findings: &mut Findings,
) -> anyhow::Result<Walked> {
    let mut walk = Walk {
        chain: chain::GENESIS,
        ..Walk::default()
    };
    let mut events = sqlx::query_as::<_, Event>(
        "select position, tenant, stream, version, uuid_send(id) as id, type, schema_version, data::text as data,
           meta::text as meta, (extract(epoch from recorded_at) * 1000000)::bigint as recorded_us, chain
         from events order by position",
    )
    .fetch(connection);
    while let Some(event) = events.try_next().await.context("cannot read the log")? {
        walk.take(&event, heads, findings);
    }
    findings.set("events", walk.position);
    findings.add("streams", walk.versions.len());
    findings.add("commands_with_events", walk.walked.commands.len());
    Ok(walk.walked)
}

impl Walk {
    fn take(&mut self, event: &Event, heads: &Heads, findings: &mut Findings) {
        let at = event.position;
        if at != self.position + 1 {
            findings.error("positions", format!("{at} follows {}", self.position));
        }
        self.position = at;
        if event.recorded_us < self.recorded_us {
            findings.error(
                "recorded_at",
                format!("position {at} is recorded before its predecessor"),
            );
        }
        self.recorded_us = event.recorded_us;
        let version = self
            .versions
            .entry((event.tenant.clone(), event.stream.clone()))
            .or_default();
        if event.version != *version + 1 {
            let (tenant, stream) = (&event.tenant, &event.stream);
            findings.error(
                "versions",
                format!("{tenant} {stream}: {} follows {version}", event.version),
            );
        }
        *version = event.version;
        self.check_chain(event, findings);

        let (data, meta) = (parse(&event.data, at, findings), parse(&event.meta, at, findings));
        for (text, document) in [(&event.data, &data), (&event.meta, &meta)] {
            if let Some(what) = secrets::found_in(text, document) {
                findings.error(
                    "secrets",
                    format!("position {at} ({}) holds {what}", event.event_type),
                );
            }
        }
        self.take_command(event, &meta, findings);
        if at <= heads.serving {
            self.walked.folded.take(event, &data, &meta, findings);
        }
        self.walked.matched.take(event, &data);
        self.walked.feeds.take(event, &data);
    }

    fn check_chain(&mut self, event: &Event, findings: &mut Findings) {
        if self.chain_broken {
            return;
        }
        let hashed = Hashed {
            tenant: &event.tenant,
            stream: &event.stream,
            version: event.version,
            id: &event.id,
            event_type: &event.event_type,
            schema_version: event.schema_version,
            data: &event.data,
            meta: &event.meta,
            recorded_us: event.recorded_us,
        };
        self.chain = chain::link(&self.chain, event.position, &hashed);
        if self.chain[..] == event.chain[..] {
            findings.count("chain_links");
        } else {
            self.chain_broken = true;
            findings.error("chain", format!("broken at position {}", event.position));
        }
    }

    /// Events of one command stand together.
    fn take_command(&mut self, event: &Event, meta: &Value, findings: &mut Findings) {
        let Some(id) = meta.get("command_id").and_then(Value::as_str) else {
            findings.error(
                "commands",
                format!("position {} names no command", event.position),
            );
            return;
        };
        let key = (event.tenant.clone(), id.to_owned());
        let is_same = self.last_command.as_ref() == Some(&key);
        match self.walked.commands.get_mut(&key) {
            Some(command) => {
                if !is_same {
                    let position = event.position;
                    findings.error(
                        "doubled",
                        format!("command {id} of {} has events again at {position}", key.0),
                    );
                }
                command.last = event.position;
                command.events += 1;
            }
            None => {
                let (at, recorded_us) = (event.position, event.recorded_us);
                self.walked.commands.insert(
                    key.clone(),
                    CommandEvents {
                        first: at,
                        last: at,
                        events: 1,
                        recorded_us,
                    },
                );
            }
        }
        if !is_same {
            self.last_command = Some(key);
        }
    }
}

fn parse(text: &str, position: i64, findings: &mut Findings) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| {
        findings.error("json", format!("position {position}: {error}"));
        Value::Null
    })
}

/// A command's record: an answer or a refusal.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Record {
    pub tenant: String,
    pub id: String,
    pub outcome: String,
    pub position: i64,
}

impl Record {
    /// Whether it says that the rules refused the command.
    pub(super) fn is_refusal(&self) -> Option<bool> {
        let outcome: Value = serde_json::from_str(&self.outcome).ok()?;
        match (outcome.get("answer").is_some(), outcome.get("refusal").is_some()) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => None,
        }
    }
}

/// Every command with events has its record, with their position; refused ones have none.
pub(super) async fn check_commands(
    connection: &mut PgConnection,
    walked: &Walked,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut unrecorded: HashMap<&CommandKey, &CommandEvents> = walked.commands.iter().collect();
    let mut records = sqlx::query_as::<_, Record>(
        "select tenant, id, outcome::text as outcome, position from commands order by tenant, id",
    )
    .fetch(connection);
    while let Some(record) = records.try_next().await.context("cannot read the commands")? {
        findings.count("command_records");
        let key = (record.tenant.clone(), record.id.clone());
        let events = walked.commands.get(&key);
        unrecorded.remove(&key);
        match (record.is_refusal(), events) {
            (None, _) => findings.error("commands", format!("record {} of {} is no outcome", key.1, key.0)),
            (Some(true), Some(events)) => {
                findings.error(
                    "refused",
                    format!("{} of {} is refused, yet at {}", key.1, key.0, events.first),
                );
            }
            (Some(true), None) => findings.count("commands_refused"),
            (Some(false), Some(events)) if events.last != record.position => {
                let position = record.position;
                findings.error(
                    "commands",
                    format!(
                        "{} was answered {position}, its events end at {}",
                        key.1, events.last
                    ),
                );
            }
            (Some(false), _) => {}
        }
        let document: Value = serde_json::from_str(&record.outcome).unwrap_or(Value::Null);
        if let Some(what) = secrets::found_in(&record.outcome, &document) {
            findings.error(
                "secrets",
                format!("the outcome of {} of {} holds {what}", key.1, key.0),
            );
        }
    }
    let kept_since = i64::try_from((clock::now() - RECORDS_KEPT).unix_timestamp_nanos() / 1_000)?;
    for ((tenant, id), events) in unrecorded
        .iter()
        .filter(|(_, events)| events.recorded_us >= kept_since)
    {
        findings.error(
            "commands",
            format!("{id} of {tenant} has events from {} and no record", events.first),
        );
    }
    Ok(())
}
