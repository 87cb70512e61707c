//! Cursor pagination (API-8): a limit, and an opaque signed cursor that only the list that gave it out accepts.
//!
//! A cursor holds the sort key of the last row, never an offset. Not here: SQL, and the `Link` header (the guard
//! writes it from the cursor that a response carries).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::codes;
use super::problem::Problem;

/// Rows of a page when the request names no limit.
pub const DEFAULT_LIMIT: i64 = 50;
/// Most rows of a page.
pub const MAX_LIMIT: i64 = 200;
/// Longest cursor that is looked at, in characters.
const MAX_CURSOR_CHARS: usize = 2048;
/// Bytes of the signature in front of a cursor.
const TAG_BYTES: usize = 16;

/// The key that cursors are signed with; the same for all instances of a service.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl CursorKey {
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Writes a cursor. `scope` names the list, its tenant and its filters: another list refuses the cursor.
    pub fn encode<K: Serialize>(&self, scope: &str, last: &K) -> String {
        let values = serde_json::to_vec(last).unwrap_or_default();
        let mut bytes = self.tag(scope, &values).to_vec();
        bytes.extend_from_slice(&values);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor back.
    ///
    /// # Errors
    /// `page.cursor_invalid` when it was not written here for this scope.
    pub fn decode<K: DeserializeOwned>(&self, scope: &str, cursor: &str) -> Result<K, Problem> {
        let invalid = || Problem::new(&codes::CURSOR_INVALID);
        if cursor.len() > MAX_CURSOR_CHARS {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let (tag, values) = bytes.split_at_checked(TAG_BYTES).ok_or_else(invalid)?;
        let matches: bool = subtle::ConstantTimeEq::ct_eq(self.tag(scope, values).as_slice(), tag).into();
        if !matches {
            return Err(invalid());
        }
        serde_json::from_slice(values).map_err(|_| invalid())
    }

    fn tag(&self, scope: &str, values: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = keyed(&self.0);
        mac.update(&u64::try_from(scope.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(scope.as_bytes());
        mac.update(values);
        let full = mac.finalize().into_bytes();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&full[..TAG_BYTES]);
        tag
    }
}

/// HMAC-SHA256 under a key of 32 bytes.
pub(super) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// What a list was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Rows wanted, 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// The sort key of the last row of the page before.
    pub after: Option<K>,
}

impl<K: DeserializeOwned> PageRequest<K> {
    /// From the query's `limit` and `cursor`.
    ///
    /// # Errors
    /// `page.limit_invalid` or `page.cursor_invalid`.
    pub fn new(
        limit: Option<i64>,
        cursor: Option<&str>,
        scope: &str,
        key: &CursorKey,
    ) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::new(&codes::LIMIT_INVALID));
        }
        let after = cursor.map(|cursor| key.decode(scope, cursor)).transpose()?;
        Ok(Self { limit, after })
    }

    /// Rows to ask the database for: one more than wanted, which tells whether there is a next page.
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
// Without the row's name all pages would share one name in the document.
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` to read on; `null` on the last page.
    pub next: Option<String>,
    /// The position in the log that these rows speak for.
    pub position: i64,
}

impl<T> Page<T> {
    /// Cuts the rows of [`PageRequest::fetch`] to a page; `sort_key` gives a row's sort key.
    pub fn cut<K: Serialize + DeserializeOwned>(
        mut rows: Vec<T>,
        request: &PageRequest<K>,
        position: i64,
        scope: &str,
        key: &CursorKey,
        sort_key: impl Fn(&T) -> K,
    ) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| key.encode(scope, &sort_key(last)));
        Self {
            items: rows,
            next,
            position,
        }
    }
}

/// 503 for a `min_position` that the read models have not reached in time (ARCHITECTURE, "read your own writes").
pub fn projection_behind(wanted: i64, reached: i64) -> Problem {
    let text = super::text::Text::new(
        format!(
            "Se pidió la posición {wanted} y los modelos de lectura van por la {reached}; repita la solicitud."
        ),
        format!("Position {wanted} was asked for and the read models are at {reached}; repeat the request."),
    );
    Problem::new(&codes::PROJECTION_BEHIND)
        .detail(text)
        .retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CursorKey = CursorKey([7; 32]);

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let cursor = KEY.encode("items/t1", &("SKU 1", 5));
        assert_eq!(
            KEY.decode::<(String, i64)>("items/t1", &cursor).unwrap(),
            ("SKU 1".to_owned(), 5)
        );
    }

    #[test]
    fn a_cursor_of_another_list_or_with_a_changed_byte_is_refused() {
        let cursor = KEY.encode("items/t1", &1);
        assert!(KEY.decode::<i64>("items/t2", &cursor).is_err());
        assert!(CursorKey([8; 32]).decode::<i64>("items/t1", &cursor).is_err());
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        assert!(
            KEY.decode::<i64>("items/t1", &URL_SAFE_NO_PAD.encode(bytes))
                .is_err()
        );
        assert!(KEY.decode::<i64>("items/t1", "").is_err());
    }

    #[test]
    fn limits_are_from_one_to_two_hundred() {
        let limit = |limit| {
            PageRequest::<i64>::new(limit, None, "s", &KEY)
                .map(|page| page.limit)
                .ok()
        };
        assert_eq!(limit(None), Some(50));
        assert_eq!(limit(Some(200)), Some(200));
        assert_eq!(limit(Some(0)), None);
        assert_eq!(limit(Some(201)), None);
    }

    #[test]
    fn only_a_page_with_more_behind_it_has_a_next_cursor() {
        let request = PageRequest::<i64>::new(Some(2), None, "s", &KEY).unwrap();
        let page = Page::cut(vec![1, 2, 3], &request, 9, "s", &KEY, |row| *row);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(KEY.decode::<i64>("s", &page.next.unwrap()).unwrap(), 2);
        assert_eq!(
            Page::cut(vec![1, 2], &request, 9, "s", &KEY, |row| *row).next,
            None
        );
    }
}
