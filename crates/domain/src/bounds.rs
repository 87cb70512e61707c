//! Limits that several commands share: texts, lists, streams per command, and times.
//!
//! Not here: rules of one aggregate, which stand with it.

use std::collections::HashSet;

use schemas::card::holds_card_number;
use schemas::text::is_hidden;
use schemas::{Minor, StreamName};
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::context::Ctx;
use crate::refusal::Refusal;

/// Streams that one command may touch: what the loaders pin and one append checks at once.
pub const MAX_STREAMS: usize = 2_048;
/// Lines of one sale, draft or return. The longest known real sale has 675.
pub const MAX_LINES: usize = 1_000;
/// A till's clock may run ahead by this much.
const MAX_AHEAD_MINUTES: i64 = 10;
/// Imports of history may go back this far.
const MAX_AGE_YEARS: i64 = 20;

/// Checks a text that people read: not empty, bounded in characters, printable, without spaces at the ends, and without a
/// payment card's number.
///
/// # Errors
/// [`Refusal::TextInvalid`] or [`Refusal::TextHoldsCard`] naming `field`.
pub fn check_text(field: &str, text: &str, max_chars: usize) -> Result<(), Refusal> {
    let good = !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= max_chars
        && !text.chars().any(is_hidden);
    if good && holds_card_number(text) {
        Err(Refusal::TextHoldsCard {
            field: field.to_owned(),
        })
    } else if good {
        Ok(())
    } else {
        Err(Refusal::TextInvalid {
            field: field.to_owned(),
            max_chars,
        })
    }
}

/// As [`check_text`], when there is a text at all.
///
/// # Errors
/// [`Refusal::TextInvalid`] naming `field`.
pub fn check_optional_text(field: &str, text: Option<&str>, max_chars: usize) -> Result<(), Refusal> {
    text.map_or(Ok(()), |text| check_text(field, text, max_chars))
}

/// # Errors
/// [`Refusal::TooManyEntries`] naming `field`.
pub fn check_entries(field: &str, entries: usize, max: usize) -> Result<(), Refusal> {
    if entries > max {
        Err(Refusal::TooManyEntries {
            field: field.to_owned(),
            entries,
            max,
        })
    } else {
        Ok(())
    }
}

/// # Errors
/// [`Refusal::AmountNotPositive`] naming `field`.
pub fn check_positive(field: &str, amount: Minor) -> Result<(), Refusal> {
    if amount.get() > 0 {
        Ok(())
    } else {
        Err(Refusal::AmountNotPositive {
            field: field.to_owned(),
        })
    }
}

/// # Errors
/// [`Refusal::AmountNegative`] naming `field`.
pub fn check_not_negative(field: &str, amount: Option<Minor>) -> Result<(), Refusal> {
    match amount {
        Some(amount) if amount.is_negative() => Err(Refusal::AmountNegative {
            field: field.to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Keeps each stream once, in the order given, and refuses more than [`MAX_STREAMS`].
///
/// # Errors
/// [`Refusal::TooManyStreams`].
pub fn distinct(streams: impl IntoIterator<Item = StreamName>) -> Result<Vec<StreamName>, Refusal> {
    let mut seen = HashSet::new();
    let streams: Vec<StreamName> = streams
        .into_iter()
        .filter(|stream| seen.insert(stream.clone()))
        .collect();
    if streams.len() > MAX_STREAMS {
        return Err(Refusal::TooManyStreams {
            streams: streams.len(),
            max: MAX_STREAMS,
        });
    }
    Ok(streams)
}

/// When the command happened: the till's own time if it is plausible, else the engine's.
///
/// # Errors
/// [`Refusal::OccurredInFuture`] and [`Refusal::OccurredTooLongAgo`].
pub fn occurred_at(given: Option<OffsetDateTime>, ctx: &Ctx) -> Result<OffsetDateTime, Refusal> {
    let Some(at) = given else { return Ok(ctx.now) };
    let age = ctx.now - at;
    if age < -Duration::minutes(MAX_AHEAD_MINUTES) {
        return Err(Refusal::OccurredInFuture {
            minutes: MAX_AHEAD_MINUTES,
        });
    }
    if age > Duration::days(MAX_AGE_YEARS * 36_525 / 100) {
        return Err(Refusal::OccurredTooLongAgo { years: MAX_AGE_YEARS });
    }
    // RFC 3339 has no seconds in offsets, so such a time could not be written to the log.
    Ok(if at.offset().seconds_past_minute() == 0 {
        at
    } else {
        at.to_offset(UtcOffset::UTC)
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::testing::given;

    #[test]
    fn an_offset_that_rfc_3339_cannot_write_becomes_utc() {
        let ctx = given([]).ctx;
        let odd = datetime!(2026-11-22 12:00 +05:30:15);
        let kept = occurred_at(Some(odd), &ctx).unwrap();
        assert_eq!((kept, kept.offset()), (odd, UtcOffset::UTC));
        let plain = datetime!(2026-11-22 12:00 -06:00);
        assert_eq!(occurred_at(Some(plain), &ctx).unwrap().offset(), plain.offset());
    }
}
