//! Path and query parameters, checked by the rules of the identifiers that they name before any SQL sees them.

use std::str::FromStr;

use platform::http::{CursorKey, Page, PageRequest, Problem};
use schemas::{InvalidId, TenantId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::failure::{bad_parameter, not_found};

const DAY: &[FormatItem<'static>] = format_description!("[year]-[month]-[day]");

/// An identifier in the path: one that cannot exist is not found.
///
/// # Errors
/// 404.
pub fn path_id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| not_found())
}

/// An identifier as a filter.
///
/// # Errors
/// 400 that names the parameter and the rule.
pub fn filter_id<T: FromStr<Err = InvalidId>>(
    name: &str,
    text: Option<String>,
) -> Result<Option<T>, Problem> {
    text.map(|text| {
        text.parse()
            .map_err(|error: InvalidId| bad_parameter(name, error.rule))
    })
    .transpose()
}

/// A filter that takes one of a few words.
///
/// # Errors
/// 400 that lists the words.
pub fn filter_word(
    name: &str,
    text: Option<String>,
    words: &'static [&'static str],
) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if !words.contains(&text.as_str()) => Err(bad_parameter(name, &words.join(", "))),
        text => Ok(text),
    }
}

/// A business day such as `2026-11-01`.
///
/// # Errors
/// 400 when it is not a date.
pub fn filter_day(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() != 10 || time::Date::parse(&text, DAY).is_err() => {
            Err(bad_parameter(name, "YYYY-MM-DD"))
        }
        text => Ok(text),
    }
}

/// A moment such as `2026-11-01T00:00:00-06:00`.
///
/// # Errors
/// 400 when it is not one.
pub fn filter_time(name: &str, text: Option<&str>) -> Result<Option<OffsetDateTime>, Problem> {
    text.map(|text| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| bad_parameter(name, "RFC 3339")))
        .transpose()
}

/// A list as it was asked for: its page, and the scope that binds cursors to tenant and filters.
pub struct List<'a, K> {
    pub page: PageRequest<K>,
    scope: String,
    key: &'a CursorKey,
}

impl<'a, K: Serialize + DeserializeOwned> List<'a, K> {
    /// `filters` are those that change which rows the list has.
    ///
    /// # Errors
    /// 400 for a limit or cursor that this list does not accept.
    pub fn new(
        name: &str,
        tenant: &TenantId,
        filters: &[Option<&str>],
        limit: Option<i64>,
        cursor: Option<&str>,
        key: &'a CursorKey,
    ) -> Result<Self, Problem> {
        let scope = serde_json::to_string(&(name, tenant, filters)).unwrap_or_default();
        let page = PageRequest::new(limit, cursor, &scope, key)?;
        Ok(Self { page, scope, key })
    }

    /// The cursor of a page that ends behind this sort key, for lists that find their rows in another way.
    pub fn cursor_after(&self, last: &K) -> String {
        self.key.encode(&self.scope, last)
    }

    /// The page from one row more than it holds.
    pub fn cut<T>(&self, rows: Vec<T>, position: i64, sort_key: impl Fn(&T) -> K) -> Page<T> {
        Page::cut(rows, &self.page, position, &self.scope, self.key, sort_key)
    }
}
