//! Why no answer came, in kinds that an attempt's record can keep.

use std::error::Error;

use super::address::AddressClass;

/// A request without an answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Not a URL that we would ever call: malformed, neither http nor https, without host, or with user and password.
    #[error("the url is refused: {0}")]
    Url(&'static str),
    /// An address that is not global unicast.
    #[error("the address is refused ({})", .0.code())]
    Refused(AddressClass),
    #[error("the name could not be resolved: {0}")]
    Dns(String),
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no answer in time")]
    Timeout,
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The connection broke, or the answer was not HTTP.
    #[error("the connection failed: {0}")]
    Io(String),
}

impl OutboundError {
    /// Short and stable, for records of attempts and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url(_) => "url",
            Self::Refused(class) => class.code(),
            Self::Dns(_) => "dns",
            Self::Connect(_) => "connect",
            Self::Timeout => "timeout",
            Self::Tls(_) => "tls",
            Self::Io(_) => "io",
        }
    }
}

/// What the resolver inside the client answers in place of addresses.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    #[error("refused ({})", .0.code())]
    Refused(AddressClass),
    #[error("{0}")]
    Failed(String),
    #[error("no answer in time")]
    TimedOut,
}

/// The error behind an error; `io::Error` hides the one that it wraps from `source`.
fn next<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    wrapped
        .map(|inner| inner as &(dyn Error + 'static))
        .or_else(|| error.source())
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| next(*error))
}

/// The innermost cause in words. Outer ones repeat the URL, which may hold a token.
pub(super) fn describe(error: &(dyn Error + 'static)) -> String {
    let text = chain(error).last().map(ToString::to_string).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Sorts the client's error by its innermost known cause.
pub(super) fn classify(error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    let mut timed_out = error.is_timeout();
    for cause in chain(&error) {
        if let Some(lookup) = cause.downcast_ref::<LookupError>() {
            return match lookup {
                LookupError::Refused(class) => OutboundError::Refused(*class),
                LookupError::Failed(reason) => OutboundError::Dns(reason.clone()),
                LookupError::TimedOut => OutboundError::Dns("no answer in time".to_owned()),
            };
        }
        if cause.is::<rustls::Error>() {
            return OutboundError::Tls(describe(&error));
        }
        let io = cause.downcast_ref::<std::io::Error>();
        timed_out |= io.is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut);
    }
    if timed_out {
        return OutboundError::Timeout;
    }
    if error.is_connect() {
        return OutboundError::Connect(describe(&error));
    }
    OutboundError::Io(describe(&error))
}
