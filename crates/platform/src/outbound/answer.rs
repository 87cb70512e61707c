//! What is kept of an answer: its status, how long to wait, and the first bytes for the administrator.

use std::time::{Duration, SystemTime};

use futures::StreamExt;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use tokio::time::Instant;

/// The longest excerpt, in bytes of UTF-8.
pub const MAX_EXCERPT_BYTES: usize = 1_024;
/// How long the rest of an answer may take once its status is there. The status is what counts; reading on only
/// serves the excerpt and keeps the connection usable.
const BODY_LIMIT: Duration = Duration::from_secs(2);

/// An answer, of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundResponse {
    /// HTTP status; redirects come back as they are.
    pub status: u16,
    /// From `Retry-After`, in seconds or as a date (then from now on; zero when it has passed). Not bounded here.
    pub retry_after: Option<Duration>,
    /// The body's beginning as text without control characters, at most `MAX_EXCERPT_BYTES`. For administrators only.
    pub body_excerpt: String,
}

impl OutboundResponse {
    /// Standard Webhooks: only 2xx is success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Reads at most `max_bytes` of the body until the deadline or the body's own limit, whichever comes first.
pub(super) async fn read(
    response: Response,
    max_bytes: usize,
    deadline: Instant,
    now: OffsetDateTime,
) -> OutboundResponse {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers(), now);
    let mut kept = Vec::new();
    let mut seen = 0;
    let mut chunks = response.bytes_stream();
    let reading = async {
        // A broken body ends the excerpt; the status was valid. The connection is dropped with the stream unless the
        // body ended by itself.
        while let Some(Ok(chunk)) = chunks.next().await {
            seen += chunk.len();
            let room = MAX_EXCERPT_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if seen >= max_bytes {
                break;
            }
        }
    };
    let limit = deadline.min(Instant::now() + BODY_LIMIT);
    // Out of time: what was read until then is the excerpt.
    let _ = tokio::time::timeout_at(limit, reading).await;
    OutboundResponse {
        status,
        retry_after,
        body_excerpt: excerpt(&kept),
    }
}

/// Text that a database and a page can hold: no control characters (NUL breaks Postgres), bounded.
fn excerpt(bytes: &[u8]) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(bytes).chars() {
        let character = if character.is_control() { ' ' } else { character };
        if text.len() + character.len_utf8() > MAX_EXCERPT_BYTES {
            break;
        }
        text.push(character);
    }
    text
}

/// RFC 9110, 10.2.3: a number of seconds or an HTTP date.
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean "very long".
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::from(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn parsed(text: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        retry_after(&headers, datetime!(2026-11-01 12:00:00 UTC))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parsed("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            parsed("Sun, 01 Nov 2026 12:05:00 GMT"),
            Some(Duration::from_secs(300))
        );
        assert_eq!(parsed("Sun, 01 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(
            parsed("99999999999999999999999"),
            Some(Duration::from_secs(u64::from(u32::MAX)))
        );
        for nonsense in ["", "-1", "soon", "1.5"] {
            assert_eq!(parsed(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_excerpt_is_bounded_text_without_control_characters() {
        assert_eq!(excerpt(b"a\0b\nc\x1b[1m"), "a b c [1m");
        let long = excerpt("ñ".repeat(2_000).as_bytes());
        assert_eq!(long.len(), MAX_EXCERPT_BYTES);
        let broken = excerpt(&[0xff; 2_000]);
        assert!(broken.len() <= MAX_EXCERPT_BYTES && broken.starts_with('\u{fffd}'));
    }
}
