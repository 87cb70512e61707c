//! Tells the database's failures apart by what they mean for the batch.
//!
//! Not here: what is done about them (`writer`), which stream was wrong (`writer` looks).

use crate::{AppendError, ReadError};

/// What an error of the append statement means.
pub(super) enum Verdict {
    /// A position is taken: somebody else owns the log.
    PositionTaken,
    /// A stream was not at the version that was assumed.
    VersionTaken,
    /// Everything else, in the caller's terms.
    Final(AppendError),
}

/// Classifies by SQLSTATE (PostgreSQL documentation, appendix A). What is not known to have rolled back for a reason that
/// lies in the rows counts as unknown: that costs a reconnection, while a wrong "nothing landed" would cost a command.
pub(super) fn verdict(error: sqlx::Error) -> Verdict {
    let code = sqlstate(&error);
    let code = code.as_deref().unwrap_or_default();
    if code == "23505" {
        match error.as_database_error().and_then(|e| e.constraint()) {
            Some("events_pkey") => return Verdict::PositionTaken,
            Some("events_stream_version") => return Verdict::VersionTaken,
            Some("commands_pkey") => return Verdict::Final(AppendError::DuplicateCommand),
            _ => {}
        }
    }
    Verdict::Final(match code.get(..2) {
        // Data exception, integrity violation, program limit exceeded: the row's own fault.
        Some("22" | "23" | "54") => AppendError::Rejected(error.into()),
        // Read-only (a standby), authorization, missing database, syntax or rights: no retry helps.
        Some("25" | "28" | "3D" | "42") => AppendError::Unusable(error.to_string()),
        // A value that cannot be encoded never left this process.
        None if matches!(error, sqlx::Error::Encode(_)) => AppendError::Rejected(error.into()),
        _ => AppendError::Unknown(error.into()),
    })
}

/// The same for statements that append nothing.
pub(super) fn of_session(error: sqlx::Error) -> AppendError {
    // 08P01 at connecting is how poolers refuse the start parameters that a direct connection takes.
    if sqlstate(&error).as_deref() == Some("08P01") {
        return AppendError::Unusable(format!(
            "{error}; the log needs a direct connection, without a pooler"
        ));
    }
    match verdict(error) {
        Verdict::Final(AppendError::Rejected(source)) => AppendError::Rejected(source),
        Verdict::Final(other) => other,
        Verdict::PositionTaken | Verdict::VersionTaken => AppendError::Fenced,
    }
}

pub(super) fn of_read(error: sqlx::Error) -> ReadError {
    ReadError::Unavailable(error.into())
}

pub(super) fn timed_out() -> AppendError {
    AppendError::Unknown("the database did not answer in time".into())
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|e| e.code())
        .map(std::borrow::Cow::into_owned)
}
