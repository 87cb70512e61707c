//! Searches the text that the dispatcher and the engine keep beside the log for secrets and card numbers. Not here: what those are (`secrets`).

use anyhow::Context;
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::super::findings::Findings;
use super::super::secrets;

/// Text and documents. Receivers write excerpts, partners write settings, other parts of the platform the inbox.
const COLUMNS: &[(&str, &str)] = &[
    ("webhook_attempts", "excerpt"),
    ("webhook_attempts", "error_code"),
    ("webhook_deliveries", "last_error"),
    ("webhook_deliveries", "event_type"),
    ("webhook_endpoints", "settings"),
    ("webhook_endpoints", "cursor_settings"),
    ("webhook_endpoints", "cause"),
    ("webhook_endpoints", "secret_id"),
    ("webhook_endpoints", "secret_fingerprint"),
    ("command_inbox", "command"),
    ("command_inbox", "outcome"),
    ("command_inbox", "reason"),
];

/// Looks at each different text once.
pub(in crate::verify) async fn check(
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    for (table, column) in COLUMNS {
        // Both names are constants above.
        let sql = format!("select distinct {column}::text from {table} where {column} is not null");
        let mut texts = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch(&mut *connection);
        while let Some(text) = texts
            .try_next()
            .await
            .with_context(|| format!("cannot read {table}.{column}"))?
        {
            findings.count("webhook_texts");
            if let Some(what) = secrets::found_in_text(&text) {
                findings.error("secrets", format!("{table}.{column} holds {what}"));
            }
        }
    }
    Ok(())
}
