//! Commands from other parts of the platform: a table that they insert into, drained into the engine.
//!
//! Whoever else wants to change the business (the dispatcher when a receiver is gone, the command line) writes a row
//! in its own transaction; the row's id is the command's id, so draining twice does nothing twice.

use std::time::Duration;

use domain::Command;
use futures::future::join_all;
use platform::db::Migration;
use platform::tasks::{OnEnd, Tasks};
use schemas::envelope::Actor;
use schemas::ids::TenantId;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Engine, Reply, Submission, SubmitError};

/// The table `command_inbox`. Rows are inserted by whoever asks and answered by the owner of the log.
pub const MIGRATION: Migration = Migration {
    module: "engine",
    version: 2,
    sql: "create table command_inbox (
            id uuid primary key, tenant text not null, command json not null, reason text, actor text not null,
            enqueued_at timestamptz not null default now(), done_at timestamptz, outcome json);
          create index command_inbox_waiting on command_inbox (enqueued_at, id) where done_at is null;
          alter table command_inbox enable row level security;
          alter table command_inbox force row level security;
          create policy tenant_only on command_inbox using (tenant = current_setting('trastienda.tenant', true));
          grant select, insert, update, delete on command_inbox to trastienda_engine;",
};

/// Rows in one round.
const BATCH: i64 = 256;
/// How long done rows are kept for whoever asks.
const KEEP_DONE: &str = "30 days";
const POLL_MIN: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_millis(1_000);

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant: String,
    command: String,
    reason: Option<String>,
    actor: String,
}

/// Starts draining the inbox, in the process that owns the log.
pub fn start(tasks: &Tasks, engine: Engine, engine_pool: PgPool) {
    let stop = tasks.stop_token();
    tasks.spawn("command inbox", OnEnd::Fatal, async move {
        let mut pause = POLL_MIN;
        let mut ownership = engine.ownership();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                owned = ownership.wait_for(|owns| *owns) => drop(owned?),
            }
            let drained = drain(&engine, &engine_pool).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the command inbox cannot be drained now");
                0
            });
            pause = if drained > 0 {
                POLL_MIN
            } else {
                (pause * 2).min(POLL_MAX)
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
}

/// Decides what waits; returns how many rows were settled.
async fn drain(engine: &Engine, pool: &PgPool) -> anyhow::Result<usize> {
    let rows: Vec<Row> = sqlx::query_as(
        "select id, tenant, command::text as command, reason, actor from command_inbox
         where done_at is null order by enqueued_at, id limit $1",
    )
    .bind(BATCH)
    .fetch_all(pool)
    .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let outcomes = join_all(rows.iter().map(|row| decide(engine, row))).await;
    let mut ids = Vec::new();
    let mut texts = Vec::new();
    for (row, outcome) in rows.iter().zip(outcomes) {
        if let Some(outcome) = outcome {
            ids.push(row.id);
            texts.push(outcome.to_string());
        }
    }
    sqlx::query(
        "update command_inbox i set done_at = now(), outcome = u.outcome::json
         from unnest($1::uuid[], $2::text[]) as u(id, outcome) where i.id = u.id",
    )
    .bind(&ids)
    .bind(&texts)
    .execute(pool)
    .await?;
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "delete from command_inbox where id in
         (select id from command_inbox where done_at < now() - interval '{KEEP_DONE}' limit {BATCH})"
    )))
    .execute(pool)
    .await?;
    Ok(ids.len())
}

/// The outcome to note, or `None` when the row must be tried again.
async fn decide(engine: &Engine, row: &Row) -> Option<serde_json::Value> {
    let (tenant, command) = match (
        TenantId::new(&row.tenant),
        serde_json::from_str::<Command>(&row.command),
    ) {
        (Ok(tenant), Ok(command)) => (tenant, command),
        (tenant, command) => {
            let cause = tenant
                .err()
                .map(|e| e.to_string())
                .or(command.err().map(|e| e.to_string()));
            tracing::error!(id = %row.id, cause, "a row of the command inbox is no command");
            return Some(serde_json::json!({ "error": cause }));
        }
    };
    let submission = Submission {
        tenant,
        actor: Actor::System {
            name: row.actor.clone(),
        },
        reason: row.reason.clone(),
        traceparent: None,
        key: Some(row.id.to_string()),
        fingerprint: Sha256::digest(row.command.as_bytes()).into(),
        command,
    };
    match engine.submit(submission).await {
        Ok(Reply::Accepted { answer, position, .. }) => {
            Some(serde_json::json!({ "answer": answer, "position": position }))
        }
        Ok(Reply::Refused { refusal, .. }) => Some(serde_json::json!({ "refusal": refusal })),
        Err(error @ (SubmitError::Rejected | SubmitError::TooLarge | SubmitError::KeyReused)) => {
            Some(serde_json::json!({ "error": error.to_string() }))
        }
        Err(SubmitError::Busy { .. } | SubmitError::Unavailable { .. } | SubmitError::KeyInFlight) => None,
    }
}
