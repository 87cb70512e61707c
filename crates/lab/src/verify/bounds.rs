//! Nothing waits longer than its bound: the inbox of commands, and timers of processes where there are any.

use anyhow::Context;
use sqlx::postgres::PgConnection;

use super::findings::Findings;

/// A command of another part of the platform is decided within this once an engine runs.
const INBOX_S: f64 = 60.0;

/// A timer is settled within this once an owner runs; what is to be repeated is due again later.
const TIMER_S: f64 = 60.0;

/// Rows of the inbox that nobody decided, and timers that nobody settled.
pub(super) async fn check(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let waiting: Vec<(String, f64)> = sqlx::query_as(
        "select id::text, extract(epoch from now() - enqueued_at)::float8 from command_inbox where done_at is null",
    )
    .fetch_all(&mut *connection)
    .await
    .context("cannot read the command inbox")?;
    for (id, age_s) in waiting {
        findings.count("inbox_waiting");
        if age_s > INBOX_S {
            findings.error("inbox", format!("{id} has waited for {age_s:.0} s"));
        }
    }
    check_timers(connection, findings).await
}

async fn check_timers(connection: &mut PgConnection, findings: &mut Findings) -> anyhow::Result<()> {
    let due: Vec<(String, String, String, f64)> = sqlx::query_as(
        "select process, tenant, key, extract(epoch from now() - due_at)::float8 from process_timers
         where due_at <= now()",
    )
    .fetch_all(connection)
    .await
    .context("cannot read the timers of processes")?;
    for (process, tenant, key, age_s) in due {
        findings.count("timers_due");
        if age_s > TIMER_S {
            findings.error(
                "timers",
                format!("{process}: {key} of {tenant} has been due for {age_s:.0} s"),
            );
        }
    }
    Ok(())
}
