//! Acknowledgements: one event each, the same again changes nothing, and `sent` is the last word.
//!
//! A failure is counted once per handing out, so that a repeated request does not push the next try further away. Not
//! here: who may acknowledge (`access`).

use sqlx::{AssertSqlSafe, FromRow, PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::pages::Status;

/// Waits before a failed event is handed out again, in seconds, by how often it failed before; then always the last.
const BACK_OFF_S: [i64; 7] = [5, 30, 120, 600, 1_800, 3_600, 21_600];

/// What a consumer says of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ack {
    Sent {
        detail: Option<String>,
    },
    Failed {
        detail: Option<String>,
        /// Don't hand it out again.
        is_final: bool,
        /// Which handing out it speaks of; none means the last one.
        attempt: Option<i32>,
    },
}

/// A row as far as acknowledgements know it.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Settled {
    pub sequence: i64,
    pub event_id: Uuid,
    pub status: String,
    pub attempts: i32,
    pub failures: i32,
    failed_attempt: Option<i32>,
    #[sqlx(rename = "final")]
    pub is_final: bool,
    pub detail: Option<String>,
    pub due_at: Option<OffsetDateTime>,
    pub settled_at: Option<OffsetDateTime>,
}

const COLUMNS: &str =
    "sequence, event_id, status, attempts, failures, failed_attempt, final, detail, due_at, settled_at";

/// When a row is handed out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Never,
    InSeconds(i64),
    AsItWas,
}

/// What a row becomes.
#[derive(Debug, PartialEq, Eq)]
struct Next {
    status: Status,
    detail: Option<String>,
    is_final: bool,
    failures: i32,
    failed_attempt: Option<i32>,
    due: Due,
}

/// `failed` after `sent`.
#[derive(Debug, PartialEq, Eq)]
struct AlreadySent;

/// The rule. `Ok(None)` changes nothing.
fn next(row: &Settled, ack: &Ack) -> Result<Option<Next>, AlreadySent> {
    let is_sent = row.status == Status::Sent.as_str();
    match ack {
        Ack::Sent { .. } if is_sent => Ok(None),
        Ack::Sent { detail } => Ok(Some(Next {
            status: Status::Sent,
            detail: detail.clone().or_else(|| row.detail.clone()),
            is_final: false,
            failures: row.failures,
            failed_attempt: row.failed_attempt,
            due: Due::Never,
        })),
        Ack::Failed { .. } if is_sent => Err(AlreadySent),
        // A late word on an earlier handing out must not end the lease of whoever has the event now.
        Ack::Failed {
            attempt: Some(attempt),
            ..
        } if *attempt != row.attempts => Ok(None),
        Ack::Failed { detail, is_final, .. } => Ok(failed(row, detail.as_ref(), *is_final)),
    }
}

fn failed(row: &Settled, detail: Option<&String>, is_final: bool) -> Option<Next> {
    let detail = detail.or(row.detail.as_ref()).cloned();
    let is_final = is_final || row.is_final;
    let is_counted = row.failed_attempt == Some(row.attempts);
    if is_counted && detail == row.detail && is_final == row.is_final {
        return None;
    }
    let before = usize::try_from(row.failures).unwrap_or(0);
    let due = match (is_final, is_counted) {
        (true, _) => Due::Never,
        (false, true) => Due::AsItWas,
        (false, false) => Due::InSeconds(BACK_OFF_S[before.min(BACK_OFF_S.len() - 1)]),
    };
    Some(Next {
        status: Status::Failed,
        detail,
        is_final,
        failures: row.failures.saturating_add(i32::from(!is_counted)),
        failed_attempt: Some(row.attempts),
        due,
    })
}

/// How an acknowledgement ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Whether it changed anything.
    Settled {
        row: Box<Settled>,
        changed: bool,
    },
    /// `failed` after `sent`.
    AlreadySent,
    NotFound,
}

/// Settles one event of one connector.
pub(super) async fn settle(
    pool: &PgPool,
    connector: i64,
    sequence: i64,
    ack: &Ack,
) -> Result<Outcome, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let sql = format!("select {COLUMNS} from feed_events where connector = $1 and sequence = $2 for update");
    let row: Option<Settled> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(connector)
        .bind(sequence)
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(row) = row else {
        return Ok(Outcome::NotFound);
    };
    let changed = match next(&row, ack) {
        Err(AlreadySent) => return Ok(Outcome::AlreadySent),
        Ok(None) => None,
        Ok(Some(next)) => Some(write(&mut transaction, connector, sequence, next).await?),
    };
    transaction.commit().await?;
    Ok(Outcome::Settled {
        changed: changed.is_some(),
        row: Box::new(changed.unwrap_or(row)),
    })
}

async fn write(
    connection: &mut PgConnection,
    connector: i64,
    sequence: i64,
    next: Next,
) -> Result<Settled, sqlx::Error> {
    let (stays, wait_s) = match next.due {
        Due::AsItWas => (true, None),
        Due::Never => (false, None),
        Due::InSeconds(seconds) => (false, Some(seconds)),
    };
    // Without a wait the due time becomes null: the row is not handed out any more.
    let sql = format!(
        "update feed_events set status = $3, detail = $4, final = $5, failures = $6, failed_attempt = $7,
           settled_at = case when $8 then settled_at else now() end,
           leased_until = case when $8 then leased_until end,
           due_at = case when $8 then due_at else now() + $9::bigint * interval '1 second' end
         where connector = $1 and sequence = $2 returning {COLUMNS}"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(connector)
        .bind(sequence)
        .bind(next.status.as_str())
        .bind(next.detail)
        .bind(next.is_final)
        .bind(next.failures)
        .bind(next.failed_attempt)
        .bind(stays)
        .bind(wait_s)
        .fetch_one(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: Status, attempts: i32) -> Settled {
        Settled {
            sequence: 1,
            event_id: Uuid::nil(),
            status: status.as_str().to_owned(),
            attempts,
            failures: 0,
            failed_attempt: None,
            is_final: false,
            detail: None,
            due_at: None,
            settled_at: None,
        }
    }

    fn failed(detail: &str) -> Ack {
        Ack::Failed {
            detail: Some(detail.to_owned()),
            is_final: false,
            attempt: None,
        }
    }

    const SENT: Ack = Ack::Sent { detail: None };

    /// The row after a change, as the database would return it.
    fn after(mut row: Settled, ack: &Ack) -> Settled {
        if let Some(next) = next(&row, ack).unwrap() {
            row.status = next.status.as_str().to_owned();
            row.detail = next.detail;
            row.is_final = next.is_final;
            row.failures = next.failures;
            row.failed_attempt = next.failed_attempt;
        }
        row
    }

    #[test]
    fn sent_is_the_last_word_whatever_came_before() {
        let sent = after(row(Status::Pending, 1), &SENT);
        assert_eq!(next(&sent, &SENT), Ok(None));
        assert_eq!(next(&sent, &failed("x")), Err(AlreadySent));
        let given_up = Ack::Failed {
            detail: Some("no existe la cuenta".to_owned()),
            is_final: true,
            attempt: None,
        };
        let given_up = after(row(Status::Pending, 1), &given_up);
        let sent = next(&given_up, &SENT).unwrap().unwrap();
        assert_eq!(
            (sent.status, sent.is_final, sent.due),
            (Status::Sent, false, Due::Never)
        );
        assert_eq!(
            sent.detail.as_deref(),
            Some("no existe la cuenta"),
            "what went wrong is kept"
        );
    }

    #[test]
    fn a_failure_counts_once_per_handing_out() {
        let one = next(&row(Status::Pending, 1), &failed("x")).unwrap().unwrap();
        assert_eq!((one.failures, one.due), (1, Due::InSeconds(5)));
        let mut failed_once = after(row(Status::Pending, 1), &failed("x"));
        assert_eq!(next(&failed_once, &failed("x")), Ok(None), "the same again");
        let amended = next(&failed_once, &failed("y")).unwrap().unwrap();
        assert_eq!((amended.failures, amended.due), (1, Due::AsItWas));
        failed_once.attempts = 2;
        let two = next(&failed_once, &failed("x")).unwrap().unwrap();
        assert_eq!((two.failures, two.due), (2, Due::InSeconds(30)));
        failed_once.failures = 50;
        let many = next(&failed_once, &failed("x")).unwrap().unwrap();
        assert_eq!(many.due, Due::InSeconds(21_600));
    }

    #[test]
    fn a_late_failure_of_an_earlier_handing_out_leaves_the_present_one_alone() {
        let late = Ack::Failed {
            detail: None,
            is_final: true,
            attempt: Some(1),
        };
        assert_eq!(next(&row(Status::Pending, 2), &late), Ok(None));
        assert!(next(&row(Status::Pending, 1), &late).unwrap().is_some());
    }

    #[test]
    fn what_was_given_up_stays_so_until_it_is_sent() {
        let final_failure = Ack::Failed {
            detail: None,
            is_final: true,
            attempt: None,
        };
        let given_up = next(&row(Status::Pending, 1), &final_failure).unwrap().unwrap();
        assert_eq!((given_up.is_final, given_up.due), (true, Due::Never));
        let row = after(row(Status::Pending, 1), &final_failure);
        let more = next(&row, &failed("z")).unwrap().unwrap();
        assert_eq!((more.is_final, more.due), (true, Due::Never));
    }
}
