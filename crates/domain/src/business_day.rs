//! The day that a sale counts for: the tenant's calendar, not the server's.
//!
//! Zones come from the database that is compiled in, so every machine counts alike. Not here: any clock.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use time::OffsetDateTime;

use crate::refusal::Refusal;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Looks up an IANA name, such as `America/Tegucigalpa`.
///
/// # Errors
/// [`Refusal::TimeZoneUnknown`].
pub fn zone(name: &str) -> Result<TimeZone, Refusal> {
    ZONES.get(name).map_err(|_| Refusal::TimeZoneUnknown {
        time_zone: name.chars().take(100).collect(),
    })
}

/// The calendar date of a moment in a zone: `2010-12-01`.
///
/// # Errors
/// [`Refusal::TimeZoneUnknown`]; and a moment beyond the calendar (years ±9999) is refused as too long ago.
pub fn business_day(at: OffsetDateTime, time_zone: &str) -> Result<String, Refusal> {
    let zone = zone(time_zone)?;
    let moment = Timestamp::from_second(at.unix_timestamp())
        .map_err(|_| Refusal::OccurredTooLongAgo { years: 9_999 })?;
    Ok(moment.to_zoned(zone).date().to_string())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_day_is_that_of_the_tenants_zone() {
        let late = datetime!(2010-12-01 03:30 UTC);
        assert_eq!(business_day(late, "America/Tegucigalpa").unwrap(), "2010-11-30");
        assert_eq!(business_day(late, "Europe/London").unwrap(), "2010-12-01");
        assert_eq!(
            business_day(datetime!(2010-07-01 23:30 UTC), "Europe/London").unwrap(),
            "2010-07-02"
        );
    }

    #[test]
    fn a_zone_that_does_not_exist_is_refused() {
        assert!(matches!(
            zone("Mars/Olympus"),
            Err(Refusal::TimeZoneUnknown { .. })
        ));
    }
}
