//! One attempt at a call: which answers are final, and which mean to ask again. Not here: asking (`client`).

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{Accepted, Answer, LONGEST_PAUSE, Refused};
use crate::api;

/// One attempt's outcome.
pub(super) enum Attempt {
    Answer(Answer),
    /// Ask again, after this pause if the server named one.
    Again {
        why: String,
        pause: Option<Duration>,
        /// The same process knows the answer soon; another one does not know it sooner.
        here: bool,
    },
    /// The token is not accepted.
    SignIn,
}

pub(super) async fn judge(response: Response, signed_in: bool) -> Attempt {
    let status = response.status();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let replayed = header(api::REPLAYED_HEADER).as_deref() == Some("true");
    let pause = header("retry-after")
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    let pause = pause.map(|pause| pause.min(LONGEST_PAUSE * 5));
    let body = match response.bytes().await {
        Ok(body) => body,
        // The answer was cut off: it is unknown, and asked for again.
        Err(error) => {
            return Attempt::Again {
                why: format!("{:#}", anyhow::Error::new(error)),
                pause: None,
                here: false,
            };
        }
    };
    let body: Value = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap_or(Value::Null)
    };
    if status.is_success() {
        return Attempt::Answer(Answer::Accepted(Accepted { body, replayed }));
    }
    let text = |field: &str| {
        body.get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let refused = Refused {
        status: status.as_u16(),
        code: text("code"),
        detail: text("detail"),
        replayed,
    };
    let is_in_flight = status == StatusCode::CONFLICT && refused.code == api::CODE_IN_FLIGHT;
    let fault = status.is_server_error()
        || is_in_flight
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
    if fault {
        Attempt::Again {
            why: refused.to_string(),
            pause,
            here: is_in_flight,
        }
    } else if status == StatusCode::UNAUTHORIZED && signed_in {
        Attempt::SignIn
    } else {
        Attempt::Answer(Answer::Refused(refused))
    }
}
