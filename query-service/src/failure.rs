//! What goes wrong beneath a query, as the problems that callers see.

use platform::http::codes;
use platform::http::{Problem, Text};

/// A database or vault that failed: logged here, told without its words.
pub fn unavailable(error: impl Into<anyhow::Error>) -> Problem {
    let error = error.into();
    tracing::error!(error = format!("{error:#}"), "a query failed");
    Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(1)
}

/// 404, for what does not exist and for what belongs to another tenant alike.
pub fn not_found() -> Problem {
    Problem::new(&codes::NOT_FOUND)
}

/// 400 for a parameter of the query.
pub fn bad_parameter(name: &str, rule: &str) -> Problem {
    Problem::new(&codes::PARAMETER_INVALID)
        .detail(Text::new(
            format!("El parámetro «{name}» no se acepta: {rule}."),
            format!("Parameter \"{name}\" is not accepted: {rule}."),
        ))
        .at("", Text::same(format!("{name}: {rule}")))
}
