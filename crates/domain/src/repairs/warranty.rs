//! Days until which somebody answers for a device: so many months after its sale, so many days after a repair.
//!
//! Days are those of the tenant's calendar, as `2027-02-28`, so that they compare as texts.

use jiff::Span;
use jiff::civil::Date;

/// The day so many months later; the last of the month where there is no such day.
pub(super) fn months_after(day: &str, months: i64) -> Option<String> {
    after(day, Span::new().try_months(months).ok()?)
}

/// The day so many days later.
pub(super) fn days_after(day: &str, days: i64) -> Option<String> {
    after(day, Span::new().try_days(days).ok()?)
}

fn after(day: &str, span: Span) -> Option<String> {
    let date: Date = day.parse().ok()?;
    Some(date.checked_add(span).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warranty_ends_on_the_same_day_of_a_later_month_or_on_its_last() {
        assert_eq!(months_after("2026-11-22", 12).unwrap(), "2027-11-22");
        assert_eq!(months_after("2026-08-31", 6).unwrap(), "2027-02-28");
        assert_eq!(days_after("2026-11-22", 90).unwrap(), "2027-02-20");
        assert_eq!(months_after("2026-11-22", i64::MAX), None);
        assert_eq!(days_after("9999-12-31", 1), None);
        assert_eq!(days_after("someday", 1), None);
    }
}
